"""What every object has: a handle with rights, a name, and ways to reach another process.

* ``object``: one handle to one object of the kernel; ``named``: such that programs find by name
* ``parts``, ``composite``: what is made of several handles or objects
* ``waiting``: waits for objects of the kernel and composites
* ``registry``, ``arrivals``: what arrives in a message, and of which class it is here
* ``access``: the rights of a handle
* ``devices``: the names of pipes and mailslots
* ``process_ids``: processes, as programs name them in a call
"""

from ntipc.objects.access import Access
from ntipc.objects.object import NtObject

__all__ = ["Access", "NtObject"]

"""What every object has: a handle with rights, a name, and ways to reach another process.

* ``object``: one handle to one object of the kernel
* ``access``: the rights of a handle
* ``devices``: the names of pipes and mailslots
"""

from ntipc.objects.access import Access
from ntipc.objects.object import NtObject

__all__ = ["Access", "NtObject"]

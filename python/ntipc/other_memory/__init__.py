"""The memory of other processes, and what a process does in its own for others.

* ``copying``: reading and writing it, as Linux allows
* ``maps``: what is mapped in a process; ``refusals``: why Linux refuses
* ``marks``: functions that other processes may start
* ``blocks``: memory that others have allocated, and views that they have mapped, in this process
"""

from ntipc.other_memory.marks import remote, remote_cancelled

__all__ = ["remote", "remote_cancelled"]

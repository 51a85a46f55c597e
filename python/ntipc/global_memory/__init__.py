"""Global memory: blocks whose handles can be given to other processes.

* ``memory``: the block
"""

from ntipc.global_memory.memory import GlobalMemory

__all__ = ["GlobalMemory"]

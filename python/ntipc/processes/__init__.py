"""Processes and threads as objects: wait for their end beside everything else, and learn how they ended.

* ``process``: processes; ``threads``: threads
* ``duplication``: handles from any process to any other
* ``inheritance``: the handles that a child has from the start
* ``children``: starting a process, and taking its exit status from Linux
* ``proc``: what /proc tells
"""

from ntipc.processes.duplication import duplicate_handle
from ntipc.processes.process import Process
from ntipc.processes.threads import Thread

__all__ = ["Process", "Thread", "duplicate_handle"]

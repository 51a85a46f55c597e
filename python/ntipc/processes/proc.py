"""What /proc tells of a process: how much time it has used, and which threads it has.

>>> import os, threading
>>> threading.get_native_id() in thread_ids(os.getpid())
True
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from ntipc import _kernel

_TICKS = os.sysconf("SC_CLK_TCK")
_LONGEST = 4096
"""More bytes than /proc/PID/stat has."""
_USER, _SYSTEM, _START = 11, 12, 19
"""Places among the fields of /proc/PID/stat that follow the program's name."""


class ProcessTimes(NamedTuple):
    """What a process has used, and since when it runs.

    Attributes:
        user: Seconds of processor time in user mode; ``None`` once Linux has forgotten the process, unless it is a
            child that this object has started.
        system: Seconds of processor time in the kernel of Linux; ``None`` likewise.
        started: When it started, in seconds since the epoch, as ``time.time`` counts.
    """

    user: float | None
    system: float | None
    started: float


def times(pid: int, start_time: int) -> ProcessTimes:
    """Tell the times of the process of that id that started ``start_time`` clock ticks after the machine."""
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + start_time / _TICKS
    fields = _stat(pid)
    if fields is None or abs(int(fields[_START]) - start_time) > 1:  # gone, and perhaps another one has its id
        return ProcessTimes(None, None, started)
    return ProcessTimes(*_used(fields), started)


def used(pid: int) -> tuple[float, float] | None:
    """Tell the seconds of processor time of a process, in user mode and in the kernel; ``None`` if there is none."""
    fields = _stat(pid)
    return None if fields is None else _used(fields)


def _used(fields: list[bytes]) -> tuple[float, float]:
    return int(fields[_USER]) / _TICKS, int(fields[_SYSTEM]) / _TICKS


def thread_ids(pid: int) -> list[int]:
    """Tell the ids of the threads of a process; none if it has ended."""
    if not _kernel.is_proc_ours():
        return []
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    except OSError:
        return []


def _stat(pid: int) -> list[bytes] | None:
    if not _kernel.is_proc_ours():
        return None
    try:
        # By the calls of Linux, a third of what a file object makes: the end of every child is a reason to ask.
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, _LONGEST).rpartition(b") ")[2].split()
        finally:
            os.close(descriptor)
    except OSError:
        return None

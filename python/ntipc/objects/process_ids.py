"""Processes, as programs name them in a call: by id, or by an object that knows its id."""

from __future__ import annotations

import os
from typing import Protocol

LARGEST_PID = 2**31 - 1


class HasPid(Protocol):
    """A process that knows its id, such as those of ``subprocess`` and ``multiprocessing``."""

    @property
    def pid(self) -> int | None:
        """The process's id; ``None`` before it is started."""


def pid_of(process: int | HasPid) -> int:
    """Return the process id of what a program gave as a process.

    Raises:
        TypeError: It is no process id and has none.
        ValueError: It has not been started.
    """
    pid = process if isinstance(process, int) else getattr(process, "pid", process)
    if pid is None:
        raise ValueError("the process has not been started, so it can be given no handle yet")
    if isinstance(pid, bool) or not isinstance(pid, int):
        raise TypeError(f"process must be a process id or something with a pid, not {type(process).__name__}")
    return pid


def is_here(process: int | HasPid | None) -> bool:
    """Say whether that is this process, which ``None`` stands for.

    >>> is_here(None), is_here(os.getpid()), is_here(1)
    (True, True, False)
    """
    return process is None or pid_of(process) == os.getpid()

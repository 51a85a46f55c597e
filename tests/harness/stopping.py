"""Processes that are stopped while others go on."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Protocol

from harness.waiting import is_stopped, look, wait_until


class HasPid(Protocol):
    @property
    def pid(self) -> int: ...


def stop(*processes: HasPid) -> None:
    """Stop processes, each at a moment when it does not hold the lock of the session, for which others would wait."""
    for process in processes:
        while True:
            os.kill(process.pid, signal.SIGSTOP)
            wait_until(lambda pid=process.pid: is_stopped(pid))
            owner = look()["lock_owner"]
            if owner is None or owner["pid"] != process.pid:
                break
            os.kill(process.pid, signal.SIGCONT)


def go_on(*processes: HasPid) -> None:
    """Let stopped processes go on."""
    for process in processes:
        os.kill(process.pid, signal.SIGCONT)


@contextlib.contextmanager
def stopped(*processes: HasPid) -> Iterator[None]:
    """Have processes stopped for a while."""
    stop(*processes)
    try:
        yield
    finally:
        go_on(*processes)

"""Threads of this process that take turns at something that one can do at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator


class Turns:
    """A lock that an interrupt leaves free, and that a child of a fork finds free.

    A signal handler may take the turn of the thread that it interrupts once more. A thread that waits for a turn that
    may not come takes note of it in the step that takes it, and gives it back without a call of a Python function on
    the way: handlers run in between of those. ``with turns.lock`` does as well, and waits for ever.

    >>> lock, mine = Turns().lock, []
    >>> try:
    ...     mine.extend(taken(lock, timeout=0))
    ... finally:
    ...     if mine and mine[0]:
    ...         lock.release()
    >>> mine
    [True]
    """

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}

    @property
    def lock(self) -> threading.RLock:
        """The lock. A child of a fork has one of its own: the thread that had the turn is not in that process."""
        lock = self._locks.get(_forks)
        return lock if lock is not None else self._locks.setdefault(_forks, threading.RLock())

    def __reduce__(self) -> tuple[object, ...]:
        """In another process nobody has a turn yet."""
        return type(self), ()


def taken(lock: threading.RLock, timeout: float | None) -> Iterator[bool]:
    """Say whether a turn came in time, once that is asked for.

    Args:
        lock: The turns'; a child of a fork has another one.
        timeout: Seconds to wait; ``None`` to wait for ever.
    """
    limit = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
    return map(lock.acquire, (True,), (limit,))


_forks = 0
"""How many there were from the first process to this one."""


def _count_fork() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)

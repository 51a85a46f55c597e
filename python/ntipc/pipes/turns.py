"""Threads of this process that take turns at something that one can do at a time."""

from __future__ import annotations

import os
import threading
import weakref


class Turns:
    """A lock that an interrupt leaves free, and that a child of a fork finds free.

    A signal handler may take the turn of the thread that it interrupts once more.

    >>> turns, mine = Turns(), []
    >>> try:
    ...     turns.take(0, mine)
    ... finally:
    ...     if any(mine):
    ...         turns.give_back()
    >>> mine
    [True]
    """

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self._renew()
        _all.add(self)

    def _renew(self) -> None:
        self.lock = threading.RLock()

    def __reduce__(self) -> tuple[object, ...]:
        """In another process nobody has a turn yet."""
        return type(self), ()

    def take(self, timeout: float | None, mine: list[bool]) -> None:
        """Wait for the turn, and note in ``mine`` whether it came in time; whoever reads ``True`` there gives it back.

        Args:
            timeout: Seconds to wait; ``None`` to wait for ever.
            mine: Where it is noted, in the same step: no signal handler comes in between.
        """
        limit = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
        mine.extend(map(self.lock.acquire, (True,), (limit,)))

    def give_back(self) -> None:
        """Let the next thread have its turn."""
        self.lock.release()


_all: weakref.WeakSet[Turns] = weakref.WeakSet()


def _renew_all() -> None:
    for turns in list(_all):  # the thread that had one is not in this process
        turns._renew()


os.register_at_fork(after_in_child=_renew_all)

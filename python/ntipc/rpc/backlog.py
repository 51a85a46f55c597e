"""Jobs that wait for a thread, taken client by client in turns, so that a client with many requests delays no other.

>>> backlog = Backlog()
>>> for owner, job in ("a", 1), ("a", 2), ("a", 3), ("b", 4):
...     backlog.add(owner, job)
>>> [backlog.take() for _ in range(len(backlog))]
[1, 4, 2, 3]
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Backlog(Generic[T]):
    """Jobs, each of an owner. Those of one owner are taken in the order in which they came.

    Invariant: ``_waiting`` has an owner exactly while jobs of that one wait; the first one's turn is next.
    """

    def __init__(self) -> None:
        self._waiting: dict[object, deque[T]] = {}
        self._length = 0

    def add(self, owner: object, job: T) -> None:
        """Let a job wait."""
        jobs = self._waiting.get(owner)
        if jobs is None:
            jobs = self._waiting[owner] = deque()
        jobs.append(job)
        self._length += 1

    def take(self) -> T:
        """Return the next job, and let another owner have the turn after it. There must be one."""
        owner = next(iter(self._waiting))
        jobs = self._waiting.pop(owner)
        job = jobs.popleft()
        if jobs:
            self._waiting[owner] = jobs  # behind all others
        self._length -= 1
        return job

    def clear(self) -> None:
        """Forget them all."""
        self._waiting.clear()
        self._length = 0

    def __len__(self) -> int:
        return self._length

"""Mutexes that the library holds for a moment, for things of its own."""

from __future__ import annotations

from itertools import starmap
from types import TracebackType
from typing import Any

from ntipc import _kernel
from ntipc.sync.mutexes import Mutex


class Held:
    """Own a mutex for a ``with`` block, without a warning if its last owner died. Entering says whether it did."""

    __slots__ = ("_mutex", "_outcomes", "_timeout")

    def __init__(self, mutex: Mutex, timeout: float | None = None) -> None:
        self._mutex, self._timeout = mutex, timeout
        self._outcomes: list[Any] = []

    def acquire(self) -> bool | None:
        """Acquire it. ``None``: the time ran out."""
        self._outcomes.clear()
        try:
            # The outcome is noted in the step that acquires: a signal handler that raises comes before or after both.
            wait = (self._mutex,), False, self._timeout, False
            self._outcomes.extend(starmap(_kernel.wait_multiple, (wait,)))
            return None if self._outcomes[0] is None else bool(self._outcomes[0][1])
        except BaseException:
            if self.acquired:
                self._mutex.release()
            raise

    @property
    def acquired(self) -> bool:
        """Whether it was acquired."""
        return bool(self._outcomes) and self._outcomes[0] is not None

    def __enter__(self) -> bool | None:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mutex.release()

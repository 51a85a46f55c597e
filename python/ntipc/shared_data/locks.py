"""Locks of shared data, which tell if their last holder died inside.

A lock is a mutex of the session, which a process opens when it first needs it, and a word in the shared memory that is
not 0 from just after the mutex was acquired until just before it is released. A mutex that nobody has open is gone, and
with it the news that its owner died; the word stays as long as the data.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from ntipc import _kernel
from ntipc.errors import Status, from_status
from ntipc.sync import Mutex
from ntipc.sync.holding import Held


class DataLock:
    """What :meth:`SharedData.lock` returns: entering acquires and tells of a death, leaving releases. For one block.

    Attributes:
        abandoned: Whether the holder before died, or left without releasing, inside. ``None`` before the block.
    """

    __slots__ = ("_cells", "_held", "_is_outermost", "_mutex", "_subject", "_timeout", "_word", "abandoned")

    def __init__(
        self, mutex: Callable[[], Mutex], cells: _kernel.Cells, word: str, timeout: float | None, subject: str
    ) -> None:
        self._mutex, self._cells, self._word = mutex, cells, word
        self._timeout, self._subject = timeout, subject
        self._held: Held | None = None
        self._is_outermost = False
        self.abandoned: bool | None = None

    def __enter__(self) -> bool:
        if self._held is not None:
            raise RuntimeError("a lock is entered once: call lock() again")
        mutex = self._mutex()
        held = Held(mutex, self._timeout)
        try:
            died = held.acquire()
            if died is None:
                raise from_status(Status.TIMEOUT, "SharedData.lock", self._subject)
            self._is_outermost = died or not self._cells.get(self._word) or mutex.info()["recursion"] == 1
            self.abandoned = False
            if self._is_outermost:
                self.abandoned = bool(self._cells.exchange(self._word, threading.get_native_id())) or died
            self._held = held
            return self.abandoned
        except BaseException:
            if self._held is None and held.acquired:
                self._leave(mutex)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            self._leave(self._mutex())

    def _leave(self, mutex: Mutex) -> None:
        try:
            if self._is_outermost:  # a forked child has another thread id, and owns nothing
                self._cells.compare_exchange(self._word, threading.get_native_id(), 0)
        finally:
            mutex.release()

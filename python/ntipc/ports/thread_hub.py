"""The hub of calls that no event loop waits for: a thread takes their answers, while any is under way."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.errors import HandleClosed, NtError
from ntipc.ports.calls import closed_lock
from ntipc.ports.hub import Hub, hubs_in, lost, report
from ntipc.ports.names import parents_only
from ntipc.queues.ends import QueueWriter

if TYPE_CHECKING:
    from ntipc.ports.calls import PortCall
    from ntipc.ports.client import PortClient

IDLE_SECONDS = 0.5
"""How long the thread waits for another call before it ends."""


class Taker:
    """The thread that takes answers. ``threading.Thread`` cannot be started where a signal handler may raise."""

    def __init__(self) -> None:
        self.thread = 0
        self.ended = closed_lock()

    def join(self, timeout: float = -1) -> None:
        """Wait for its end, unless this is it."""
        if self.thread != threading.get_ident() and self.ended.acquire(True, timeout):
            self.ended.release()


class ThreadHub(Hub):
    """The calls of all threads of this process in one session, and the news of all its connections there."""

    def __init__(self, native: _kernel.Session) -> None:
        self._lines: dict[int, object] = {}
        self._stopping = False
        self._taker: Taker | None = None
        self.is_worth_keeping = False
        super().__init__(native)

    def lifeline(self, client: PortClient) -> QueueWriter:
        """Make a writing end for the server to keep: when it goes, all calls of the client are lost."""
        self._catch_up()
        line = QueueWriter.__new__(QueueWriter)
        parents_only.add(line)
        number = next(self._numbers)
        self._lines[number] = client._life
        self._reader._make_badge(number, line, operation="PortClient")
        return line

    def _catch_up(self) -> None:
        """Take the notices of connections that have ended while no thread took any: each keeps an object."""
        with self._lock:
            if self._taker is None:
                self.take_what_is_there()

    def take_what_is_there(self) -> None:
        """Take answers and notices without waiting, in whatever thread."""
        while (frame := self._reader._take(None, 0)) is not None:
            self._deal_with(frame)

    def _deal_with(self, frame: _kernel.Frame) -> None:
        if frame.closed and frame.badge in self._lines:
            ended = self._lines.pop(frame.badge, None)
            for hub in hubs_in(self._native.path):
                hub.lose(lambda client: client._life is ended)
            return
        super()._deal_with(frame)

    def _start(self) -> None:
        self._stopping = False
        if self._taker is not None:
            return
        taker = self._taker = Taker()
        try:
            start_new_thread(self._run, (taker,))
        except BaseException:
            self._taker = None  # if it did start, it finds out that it is not wanted
            raise

    def _run(self, taker: Taker) -> None:
        taker.thread = threading.get_ident()
        try:
            self._take_answers(taker)
        finally:
            taker.ended.release()

    def _take_answers(self, taker: Taker) -> None:
        while True:
            with self._lock:
                if self._taker is not taker:
                    return
                if self._stopping and not self._calls:
                    self._taker = None
                    return
            try:
                frame = self._reader._take(None, None if self._calls else IDLE_SECONDS)
            except NtError as problem:
                self._end(problem)
                return
            if frame is None:
                self._stopping = True  # nothing has come for a while
                continue
            try:
                self._deal_with(frame)
            except BaseException:  # it has ended its call, and no other
                report()

    def _end(self, problem: NtError) -> None:
        """The queue for answers is closed, or the session damaged: no call gets an answer."""
        with self._lock:
            self._taker = None
            calls, self._calls = self._calls, {}
        for call, *_ in calls.values():
            call._finish(None, lost(call._client) if isinstance(problem, HandleClosed) else problem)

    def stop(self) -> None:
        """End the thread, if no call is under way."""
        with self._lock:
            taker = self._taker
            if taker is None or self._calls:
                return
            self._stopping = True
        with suppress(NtError):
            self._keeper._put_beyond(b"", 0)
        taker.join(IDLE_SECONDS * 2)

    def help(self, call: PortCall, timeout: float | None) -> None:
        """Do nothing: a thread of its own takes them."""

    def close(self) -> None:
        """End the thread; calls that are under way are lost."""
        self._reader.close()
        self._keeper.close()
        taker = self._taker
        if taker is not None:
            taker.join()
        self.lose(lambda client: True)

    def forget(self) -> None:
        """In a forked child: the calls, and the thread, are the parent's."""
        self._taker = None
        self._lines.clear()
        super().forget()

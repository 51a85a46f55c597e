"""Where the answers to begun calls arrive: one queue for the calls of one event loop, and one for those of all threads.

Each call has a badged write end of that queue, which travels with the request. So whatever becomes of the request, the
queue tells: the answer comes, or the notice that the badge is gone, because the server died, ended the connection or
threw the request away.

Who takes from the queue differs: :mod:`ntipc.ports.thread_hub`, :mod:`ntipc.ports.loop_hub`.
"""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.errors import NtError, Status, from_status
from ntipc.objects.arrivals import claim
from ntipc.objects.object import NtObject
from ntipc.ports import wire
from ntipc.ports.asked import perform
from ntipc.ports.calls import PortCall, Reply, closed_lock
from ntipc.ports.names import parents_only
from ntipc.queues.ends import QueueReader, QueueWriter

if TYPE_CHECKING:
    import asyncio

    from typing_extensions import Buffer

    from ntipc.ports.client import OnCallback, PortClient

_all_hubs: set[weakref.ref[Hub]] = set()
"""Without callbacks that run when a hub goes: nobody would learn of an exception from a signal handler there."""


class Hub(ABC):
    """Calls of this process that are under way in one session, and the queue for their answers."""

    def __init__(self, native: _kernel.Session) -> None:
        self._native = native
        self._reader, self._keeper = QueueReader.__new__(QueueReader), QueueWriter.__new__(QueueWriter)
        self._reader._bind(native, None, _kernel.CREATE, 0, 1 << 40, (0, 0), self._keeper, 0, None, 1 << 40)
        self._numbers = itertools.count(1)
        self._calls: dict[int, tuple[PortCall, OnCallback | None, Sequence[Buffer]]] = {}
        self._lock = threading.RLock()  # a signal handler may come in between
        _all_hubs.add(weakref.ref(self, _all_hubs.discard))

    # What differs

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop whose calls they are; ``None`` if they are those of threads, or it is gone."""
        return None

    @property
    def is_here(self) -> bool:
        """Whether this thread is that of the loop."""
        return False

    @abstractmethod
    def _start(self) -> None:
        """See to it that answers are taken. Called under the lock."""

    @abstractmethod
    def help(self, call: PortCall, timeout: float | None) -> None:
        """Take answers, in a thread that waits for one, if nobody else would."""

    def run_callbacks(self, call: PortCall, callbacks: Iterable[Callable[[PortCall], object]]) -> None:
        """Call the callbacks of a call that is done."""
        for function in callbacks:
            try:
                function(call)
            except BaseException:  # the next function, and the other calls, have nothing to do with it
                report()

    @abstractmethod
    def close(self) -> None:
        """Take no more answers; calls that are under way are lost."""

    def forget(self) -> None:
        """In a forked child: the calls are the parent's."""
        self._lock = threading.RLock()
        calls, self._calls = self._calls, {}
        self._reader.close()
        self._keeper.close()
        for call, *_ in calls.values():
            call._lock, call._news = threading.RLock(), closed_lock()
            call._callbacks.clear()  # of the parent's: they would act on the parent's event loop
            call._finish(None, lost(call._client))

    # Calls

    def begin(
        self,
        client: PortClient,
        tag: int,
        data: Buffer | Sequence[Buffer],
        handles: Iterable[NtObject],
        on_callback: OnCallback | None,
        buffers: Sequence[Buffer] = (),
        *,
        timeout: float | None = None,
        operation: str = "PortClient.begin",
    ) -> PortCall | None:
        """Send a request whose answer comes here. ``None``: there was no room at the server's in time."""
        call = PortCall(client, self, next(self._numbers), tag)
        answer = self._make_answer(call, operation)
        put = None
        try:
            with self._lock:
                self._calls[call._number] = call, on_callback, buffers
                self._start()
            put = client._writer._put_marked(
                data, timeout, tag=wire.tagged(wire.BEGIN, tag), handles=[answer, *handles], operation=operation
            )
        finally:
            if put is None:
                with self._lock:
                    self._calls.pop(call._number, None)
            answer.close()
        return call if put is not None else None

    def _make_answer(self, call: PortCall, operation: str) -> QueueWriter:
        """Make the end that answers a call. It goes to the server, and nobody here may keep it."""
        answer = QueueWriter.__new__(QueueWriter)
        parents_only.add(answer)
        call._badge = self._reader._make_badge(call._number, answer, operation=operation)
        return answer

    def withdraw(self, call: PortCall) -> None:
        """Forget a call: an answer that comes later goes nowhere."""
        with self._lock:
            if self._calls.pop(call._number, None) is None:
                return
        self._reader._revoke_badge(call._number, call._badge)
        call._client._withdraw(call._tag)
        call._finish(
            None, from_status(Status.UNSUCCESSFUL, "PortCall.result", call._client._subject, "it was withdrawn")
        )

    # Answers

    def _deal_with(self, frame: _kernel.Frame) -> None:
        number = frame.badge
        with self._lock:
            found = self._calls.get(number or 0)
            kind = frame.tag & wire.KIND
            if found is None or number is None:
                return  # withdrawn, or the end of one that is answered
            call = found[0]
            del self._calls[number]
            if not frame.closed and kind != wire.ANSWER:  # the answer comes under another number: this one ends now
                call._number = next(self._numbers)
                self._calls[call._number] = found
        try:
            if frame.closed:
                call._finish(None, lost(call._client))
            elif kind == wire.ANSWER:
                handles = claim(frame)
                call._finish(Reply(frame.data, handles) if handles else frame.data, None)
            else:
                self._answer_callback(call, found[1], found[2], frame)
        except BaseException:
            self._lose_one(call._number)
            call._finish(None, lost(call._client))
            raise

    def _answer_callback(
        self, call: PortCall, on_callback: OnCallback | None, buffers: Sequence[Buffer], frame: _kernel.Frame
    ) -> None:
        """Run a callback in a thread of its own: other answers are not to wait for it."""
        number = call._number

        def run() -> None:
            try:
                arrived = claim(frame)
                to, handles = arrived[0] if arrived else None, arrived[1:]
                if not isinstance(to, QueueWriter):
                    self._lose_one(number)
                    return
                tag, data = perform(frame.tag & wire.KIND, frame.data, handles, on_callback, buffers)
                with to, self._make_answer(call, "PortClient.begin") as answer:
                    to._put(data, 0, tag=tag, handles=[answer])
            except NtError:  # the server has gone, or asks through a queue without room
                self._lose_one(number)
            except BaseException:
                self._lose_one(number)
                raise

        threading.Thread(target=run, name="ntipc-callback", daemon=True).start()

    def _lose_one(self, number: int | None) -> None:
        with self._lock:
            found = self._calls.pop(number or 0, None)
        if found is not None:
            found[0]._finish(None, lost(found[0]._client))

    def lose(self, is_meant: Callable[[PortClient], bool]) -> None:
        """No answer will come to the calls of those clients."""
        with self._lock:
            numbers = [number for number, (call, *_) in self._calls.items() if is_meant(call._client)]
            calls = [self._calls.pop(number)[0] for number in numbers]
        for call in calls:
            call._finish(None, lost(call._client))


def hubs_in(path: str) -> Iterator[Hub]:
    """All hubs of this process in the session of that directory."""
    for reference in list(_all_hubs):
        if (hub := reference()) is not None and hub._native.path == path:
            yield hub


def all_hubs() -> list[Hub]:
    """All hubs of this process."""
    return [hub for reference in list(_all_hubs) if (hub := reference()) is not None]


def lost(client: PortClient) -> NtError:
    """Say that no answer will come."""
    return from_status(Status.LPC_REPLY_LOST, "PortClient.call", client._subject)


def report() -> None:
    """Report the exception that is being handled: no caller could be told of it."""
    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), None)))

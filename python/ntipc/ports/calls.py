"""Calls that belong to no thread: begun, waited for by anybody, withdrawn.

Answers to begun calls arrive in one queue of the process for each session. Each call has a badged write end of that
queue, which travels with the request. So whatever becomes of the request, the queue tells: the answer comes, or the
notice that the badge is gone, because the server died, ended the connection or threw the request away.

One thread of the process, the relay, takes from the queue. It begins with the first call and ends when none has been
under way for a while.
"""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from _thread import start_new_thread
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.errors import HandleClosed, NtError, Status, from_status
from ntipc.objects.arrivals import claim
from ntipc.objects.object import NtObject
from ntipc.ports import wire
from ntipc.ports.names import parents_only
from ntipc.queues.ends import QueueReader, QueueWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc.ports.client import OnCallback, PortClient

IDLE_SECONDS = 0.5
"""How long the relay waits for another call before it ends."""


def closed_lock() -> threading.Lock:
    """Return a lock that whoever waits for it gets when something has happened."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class Reply:
    """The answer to a call that came with objects.

    Attributes:
        data: The bytes.
        handles: New handles to the objects that the server gave.
    """

    __slots__ = ("data", "handles")

    def __init__(self, data: bytes, handles: Sequence[NtObject]) -> None:
        self.data = data
        self.handles = tuple(handles)

    def __repr__(self) -> str:
        return f"Reply({self.data!r}, {self.handles!r})"


class PortCall:
    """A call that was begun: :meth:`PortClient.begin`.

    >>> import ntipc
    >>> port = ntipc.Port("asked")
    >>> with ntipc.PortClient._pair(port) as client:
    ...     call = client.begin(b"2 + 2")
    ...     port.receive().reply(b"4")
    ...     call.result(timeout=10)
    b'4'
    >>> port.close()
    """

    __slots__ = (
        "__weakref__",
        "_badge",
        "_callbacks",
        "_client",
        "_error",
        "_is_done",
        "_lock",
        "_news",
        "_number",
        "_result",
        "_tag",
    )

    def __init__(self, client: PortClient, number: int) -> None:
        self._client = client
        self._number = number
        self._tag = 0
        self._badge = (0, 0)
        self._lock = threading.RLock()  # a signal handler may come in between
        self._is_done = False
        self._news = closed_lock()
        self._result: bytes | Reply | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[PortCall], object]] = []

    def done(self) -> bool:
        """Say whether the answer is here, or it is certain that none will come."""
        return self._is_done

    def result(self, timeout: float | None = None) -> bytes | Reply:
        """Wait for the answer.

        Args:
            timeout: Seconds to wait; 0 to only look, ``None`` for ever. The call goes on after a timeout.

        Raises:
            Timeout: It did not come in time.
            ReplyLost: The server ended, or ended the connection, without an answer.
            NtError: The call was withdrawn.
        """
        if not self._wait(timeout):
            raise from_status(Status.TIMEOUT, "PortCall.result", self._client._subject, "no answer has come")
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _wait(self, timeout: float | None) -> bool:
        """Wait until it is done. ``threading.Event`` does not survive a signal handler that raises in its wait."""
        if not self._is_done:
            try:
                self._news.acquire(True, -1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX))
            finally:
                if self.done():
                    with suppress(RuntimeError):  # somebody else did
                        self._news.release()  # for the next that waits
        return self.done()

    def exception(self) -> BaseException | None:
        """Return what :meth:`result` would raise; ``None`` for an answer, or while nothing is known."""
        return self._error

    def withdraw(self) -> None:
        """Give the call up. The server learns it: ``message.is_withdrawn``. Does nothing if the call is done."""
        hub = self._client._hub
        if hub is not None and not self.done():
            hub.withdraw(self)

    def add_done_callback(self, function: Callable[[PortCall], object]) -> None:
        """Call ``function(call)`` when the call is done: at once if it is, else in the relay. It must not block.

        What it raises in the relay goes to :func:`threading.excepthook`.
        """
        with self._lock:
            if not self._is_done:
                self._callbacks.append(function)
                return
        function(self)

    def _finish(self, result: bytes | Reply | None, error: BaseException | None) -> None:
        with self._lock:
            if self._is_done:
                return
            self._result, self._error = result, error
            self._is_done = True
            with suppress(RuntimeError):
                self._news.release()
            callbacks, self._callbacks = self._callbacks, []
        for function in callbacks:
            try:
                function(self)
            except BaseException:  # the next function, and the other calls, have nothing to do with it
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), None)))


class Relay:
    """The thread that takes answers. ``threading.Thread`` cannot be started where a signal handler may raise."""

    def __init__(self) -> None:
        self.thread = 0
        self.ended = closed_lock()

    def join(self, timeout: float = -1) -> None:
        """Wait for its end, unless this is it."""
        if self.thread != threading.get_ident() and self.ended.acquire(True, timeout):
            self.ended.release()


class Hub:
    """The calls of this process that are under way in one session, and the queue for their answers."""

    def __init__(self, native: _kernel.Session) -> None:
        self._native = native
        self._reader, self._keeper = QueueReader.__new__(QueueReader), QueueWriter.__new__(QueueWriter)
        self._reader._bind(native, None, _kernel.CREATE, 0, 1 << 40, (0, 0), self._keeper, 0, None, 1 << 40)
        self._numbers = itertools.count(1)
        self._calls: dict[int, tuple[PortCall, OnCallback | None]] = {}
        self._lines: dict[int, object] = {}
        self._stopping = False
        self._lock = threading.RLock()  # a signal handler may come in between
        self._relay: Relay | None = None
        _all_hubs.add(weakref.ref(self, _all_hubs.discard))

    def begin(
        self,
        client: PortClient,
        tag: int,
        data: Buffer | Sequence[Buffer],
        handles: Iterable[NtObject],
        on_callback: OnCallback | None,
    ) -> PortCall:
        """Send a request whose answer comes here. Waits for room at the server's, as a call does."""
        call = PortCall(client, next(self._numbers))
        call._tag = tag
        answer = self._make_answer(call, "PortClient.begin")
        try:
            with self._lock:
                self._calls[call._number] = call, on_callback
                self._start()
            client._writer._put_marked(
                data,
                None,
                tag=wire.tagged(wire.BEGIN, tag),
                handles=[answer, *handles],
                operation="PortClient.begin",
            )
        except BaseException:
            with self._lock:
                self._calls.pop(call._number, None)
            raise
        finally:
            answer.close()
        return call

    def _make_answer(self, call: PortCall, operation: str) -> QueueWriter:
        """Make the end that answers a call. It goes to the server, and nobody here may keep it."""
        answer = QueueWriter.__new__(QueueWriter)
        parents_only.add(answer)
        call._badge = self._reader._make_badge(call._number, answer, operation=operation)
        return answer

    def lifeline(self, client: PortClient) -> QueueWriter:
        """Make a writing end for the server to keep: when it goes, all calls of the client are lost."""
        self._catch_up()
        line = QueueWriter.__new__(QueueWriter)
        parents_only.add(line)
        number = next(self._numbers)
        self._lines[number] = client._life
        self._reader._make_badge(number, line, operation="PortClient")
        return line

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

    def _catch_up(self) -> None:
        """Take the notices of connections that have ended while there was no relay: each keeps an object."""
        with self._lock:
            if self._relay is None:
                while (frame := self._reader._take(None, 0)) is not None:
                    self._deal_with(frame)

    def _start(self) -> None:
        self._stopping = False
        if self._relay is not None:
            return
        relay = self._relay = Relay()
        try:
            start_new_thread(self._run, (relay,))
        except BaseException:
            self._relay = None  # if it did start, it finds out that it is not wanted
            raise

    def _run(self, relay: Relay) -> None:
        relay.thread = threading.get_ident()
        try:
            self._take_answers(relay)
        finally:
            relay.ended.release()

    def _take_answers(self, relay: Relay) -> None:
        while True:
            with self._lock:
                if self._relay is not relay:
                    return
                if self._stopping and not self._calls:
                    self._relay = None
                    return
            try:
                frame = self._reader._take(None, None if self._calls else IDLE_SECONDS)
            except NtError as problem:
                self._end_relay(problem)
                return
            if frame is None:
                self._stopping = True  # nothing has come for a while
                continue
            try:
                self._deal_with(frame)
            except BaseException:  # it has ended its call, and no other
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), None)))

    def _end_relay(self, problem: NtError) -> None:
        """The queue for answers is closed, or the session damaged: no call gets an answer."""
        with self._lock:
            self._relay = None
            calls, self._calls = self._calls, {}
        for call, _ in calls.values():
            call._finish(None, lost(call._client) if isinstance(problem, HandleClosed) else problem)

    def stop(self) -> None:
        """End the relay, if no call is under way."""
        with self._lock:
            relay = self._relay
            if relay is None or self._calls:
                return
            self._stopping = True
        with suppress(NtError):
            self._keeper._put_beyond(b"", 0)
        relay.join(IDLE_SECONDS * 2)

    def close(self) -> None:
        """End the relay; calls that are under way are lost."""
        self._reader.close()
        self._keeper.close()
        relay = self._relay
        if relay is not None:
            relay.join()
        self._lose(lambda client: True)

    def _lose_one(self, number: int | None) -> None:
        with self._lock:
            call, _ = self._calls.pop(number or 0, (None, None))
        if call is not None:
            call._finish(None, lost(call._client))

    def _lose(self, is_meant: Callable[[PortClient], bool]) -> None:
        with self._lock:
            numbers = [number for number, (call, _) in self._calls.items() if is_meant(call._client)]
            calls = [self._calls.pop(number)[0] for number in numbers]
        for call in calls:
            call._finish(None, lost(call._client))

    def _deal_with(self, frame: _kernel.Frame) -> None:
        number = frame.badge
        if frame.closed and number in self._lines:
            ended = self._lines.pop(number)
            self._lose(lambda client: client._life is ended)
            return
        with self._lock:
            call, on_callback = self._calls.get(number or 0, (None, None))
            kind = frame.tag & wire.KIND
            if call is None or number is None:
                return  # withdrawn, or the end of one that is answered
            del self._calls[number]
            if not frame.closed and kind != wire.ANSWER:  # the answer comes under another number: this one ends now
                call._number = next(self._numbers)
                self._calls[call._number] = call, on_callback
        try:
            if frame.closed:
                call._finish(None, lost(call._client))
            elif kind == wire.ANSWER:
                handles = claim(frame)
                call._finish(Reply(frame.data, handles) if handles else frame.data, None)
            else:
                self._answer_callback(call, on_callback, frame)
        except BaseException:
            self._lose_one(call._number)
            call._finish(None, lost(call._client))
            raise

    def _answer_callback(self, call: PortCall, on_callback: OnCallback | None, frame: _kernel.Frame) -> None:
        """Run a callback in a thread of its own: the relay must go on."""
        number = call._number

        def run() -> None:
            try:
                arrived = claim(frame)
                to, handles = arrived[0] if arrived else None, arrived[1:]
                if not isinstance(to, QueueWriter):
                    self._lose_one(number)
                    return
                tag, data = perform(frame.tag & wire.KIND, frame.data, handles, on_callback, ())
                with to, self._make_answer(call, "PortClient.begin") as answer:
                    to._put(data, 0, tag=tag, handles=[answer])
            except NtError:  # the server has gone, or asks through a queue without room
                self._lose_one(number)
            except BaseException:
                self._lose_one(number)
                raise

        threading.Thread(target=run, name="ntipc-callback", daemon=True).start()


def lost(client: PortClient) -> NtError:
    """Say that no answer will come."""
    return from_status(Status.LPC_REPLY_LOST, "PortClient.call", client._subject)


def perform(
    kind: int, data: bytes, handles: Sequence[NtObject], on_callback: OnCallback | None, buffers: Sequence[Buffer]
) -> tuple[int, bytes]:
    """Do what a server asks of a waiting caller: the tag and the data of the result."""
    try:
        if kind == wire.ASK:
            if on_callback is None:
                return wire.tagged(wire.FAILED, 1), b"the caller takes no callbacks"
            return wire.RESULT, bytes(memoryview(on_callback(data, tuple(handles))))
        return wire.RESULT, _copy(kind, data, buffers)
    except (IndexError, TypeError, ValueError) as problem:
        refused = 2 if kind in (wire.READ, wire.WRITE) else 0
        return wire.tagged(wire.FAILED, refused), f"{type(problem).__name__}: {problem}".encode()
    except Exception as problem:
        return wire.tagged(wire.FAILED), f"{type(problem).__name__}: {problem}".encode()


def _copy(kind: int, data: bytes, buffers: Sequence[Buffer]) -> bytes:
    """Read from one of the caller's buffers, or write into it."""
    number, offset, size = wire.PLACE.unpack_from(data)
    if number >= len(buffers):
        raise IndexError(f"the caller described {len(buffers)} buffers, and this is number {number}")
    with memoryview(buffers[number]) as view, view.cast("B") as memory:
        whole = len(memory)
        size = max(whole - offset, 0) if size == (1 << 64) - 1 else size
        if offset > whole or size > whole - offset:
            raise ValueError(f"buffer {number} has {whole} bytes; {size} from {offset} on do not lie in it")
        if kind == wire.READ:
            return bytes(memory[offset : offset + size])
        memory[offset : offset + size] = data[wire.PLACE.size :]
        return b""


_hubs: dict[str, weakref.ref[Hub]] = {}
"""No code runs when one goes: what a signal handler raised there, nobody would be told."""
_all_hubs: set[weakref.ref[Hub]] = set()
"""Those as well that a second thread made at the same time for the same session."""


def hub_of(native: _kernel.Session) -> Hub:
    """Return the hub of a session; clients keep it."""
    known = _hubs.get(native.path)
    hub = known() if known is not None else None
    if hub is None or hub._reader.closed:
        hub = Hub(native)
        _hubs[native.path] = weakref.ref(hub)
    return hub


def close_hub(path: str) -> None:
    """End what this process does for calls in the session of that directory, which it is about to leave."""
    _hubs.pop(path, None)
    for reference in list(_all_hubs):
        if (hub := reference()) is not None and hub._native.path == path:
            hub.close()


def forget_hubs() -> None:
    """In a forked child: the calls are the parent's."""
    for hub in filter(None, [reference() for reference in _all_hubs]):
        hub._lock = threading.RLock()
        hub._relay = None
        hub._lines.clear()
        calls, hub._calls = hub._calls, {}
        hub._reader.close()
        hub._keeper.close()
        for call, _ in calls.values():
            call._lock, call._news = threading.RLock(), closed_lock()
            call._callbacks.clear()  # of the parent's: they would act on the parent's event loop
            call._finish(None, lost(call._client))
    _hubs.clear()
    _all_hubs.clear()

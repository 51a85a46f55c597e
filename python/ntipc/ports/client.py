"""The client's side of a port."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import NtError, PeerGone, Status, Timeout, describe, from_status
from ntipc.objects.arrivals import claim
from ntipc.objects.composite import Composite
from ntipc.objects.object import NtObject
from ntipc.objects.waiting import WaitPlan
from ntipc.ports import wire
from ntipc.ports.asked import perform
from ntipc.ports.calls import PortCall, Reply
from ntipc.ports.connecting import check_server, connect, open_door
from ntipc.ports.connection import offered
from ntipc.ports.hub import Hub, lost
from ntipc.ports.hubs import client_closed, hub_here, hub_of
from ntipc.ports.names import locate, parents_only
from ntipc.ports.thread_hub import ThreadHub
from ntipc.queues.ends import QueueReader, QueueWriter
from ntipc.queues.messages import QueueMessage, message_of
from ntipc.sections import Section, View
from ntipc.session.peers import Peer, Sender
from ntipc.session.session import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer

OnCallback: TypeAlias = Callable[[bytes, tuple[NtObject, ...]], "Buffer"]
"""Answers what a server asks in the middle of a call: takes data and objects, returns data."""

INBOX_QUOTA = 1 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05
_ANSWER, _NUMBERS = wire.ANSWER, (1 << wire.NUMBER_BITS) - 1


class PortClient(Composite, parts=("_writer", "_inbox")):
    """A connection to a port.

    It is free for all threads, tasks and forked children at once: an answer wakes the very thread that called, and
    nothing of one call gets into another. It can be waited for: it is set while a datagram of the server's waits, and
    when the connection has ended.

    Args:
        name: Name of the port.
        data: Up to 65,536 bytes for the server to decide by.
        timeout: Seconds to wait for the port to exist, and for the server to accept; 0 asks only a port that exists,
            ``None`` waits for ever.
        view: A section of one's own whose memory both sides are to have; the server maps it when it accepts.
        server_uid: The user as whom the process that made the port must run; nothing is sent to another one's.
            ``None`` for any.
        session: The session, or its name; ``None`` for the default one.

    Attributes:
        data: What the server gave when it accepted.
        view: Memory of the server's, if it offered a section.
        max_message: What the port states as its ordinary maximum.
        max_large: The longest message that the port takes.

    Raises:
        ObjectNotFound: There is no such port, and ``timeout`` is 0.
        Timeout: There was none, or nobody accepted, in time.
        AccessDenied: The port is not that of ``server_uid``, or whose it is cannot be told.
        ConnectionRefused: The server refused; its ``data`` are what the server said. Or the port was closed meanwhile.
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidParameter: ``data`` is too long.

    Source:
        NtConnectPort, NtSecureConnectPort, NtRequestWaitReplyPort, NtRequestPort (NT).
    """

    _kind = "port"
    _several_handles = "a connection is several handles, and belongs to the process that made it and its children"

    max_message: int
    max_large: int
    _writer: QueueWriter
    _inbox: QueueReader

    def __init__(
        self,
        name: str,
        *,
        data: Buffer = b"",
        timeout: float | None = None,
        view: Section | None = None,
        server_uid: int | None = None,
        session: Session | str | None = None,
    ) -> None:
        offered("PortClient", view)
        self._native, self._name = locate("PortClient", name, session)
        self._subject = describe("port", self._name)
        self._numbers = itertools.count(1)
        self._hub: ThreadHub | None = None
        self._life = object()  # the same of its duplicates
        self.data = b""
        self._server: Sender
        self.view: View | None = None
        if (length := wire.length_of(data)) > wire.LARGEST_CONNECTION_DATA:
            raise wire.too_long("PortClient", self._subject, length, wire.LARGEST_CONNECTION_DATA, "a connection")
        deadline = Deadline(timeout)
        door = open_door(self, deadline, patient=timeout is None or timeout > 0)
        if server_uid is not None:
            check_server(self, door, server_uid)
        inbox = QueueWriter.__new__(QueueWriter)
        parents_only.add(inbox)
        self._inbox = QueueReader.__new__(QueueReader)
        self._inbox._describe(self._subject)
        self._inbox._bind(self._native, None, _kernel.CREATE, 0, INBOX_QUOTA, (0, 0), inbox)
        try:
            connect(self, door, inbox, data, deadline, view)
        except BaseException:
            self._inbox.close()
            raise
        finally:
            inbox.close()
            door.close()

    @classmethod
    def _pair(cls, port: Any) -> PortClient:
        """Connect to a port of this very thread, which accepts at once."""
        import threading

        accepting = threading.Thread(target=lambda: port.listen().accept())
        accepting.start()
        try:
            return cls(port.name, session=port.session)
        finally:
            accepting.join()

    @property
    def name(self) -> str:
        """Name of the port."""
        return self._name

    @property
    def created(self) -> bool:
        """Always false: the server makes the port."""
        return False

    @property
    def closed(self) -> bool:
        """Whether it is closed here."""
        return self._writer.closed

    @property
    def peer(self) -> Peer:
        """The server's process: pid, uid and program, as Linux knows them while it lives."""
        return self._server.peer

    @property
    def is_connected(self) -> bool:
        """Whether a call could be made now: this side is open, and the server has not ended. A look at memory."""
        return self._writer._leads_on

    def call(
        self,
        data: Buffer | Sequence[Buffer],
        timeout: float | None = None,
        handles: Iterable[NtObject] = (),
        *,
        on_callback: OnCallback | None = None,
        buffers: Sequence[Buffer] = (),
    ) -> bytes | Reply:
        """Send a request and wait for the answer.

        Args:
            data: Bytes, or a list or tuple of pieces.
            timeout: Seconds to wait; ``None`` for as long as the server lives. When the time is out the server learns
                that nobody waits any more.
            handles: Up to 8 objects that go along.
            on_callback: Answers what the server asks in the middle of the call: called with data and objects, in this
                thread, it returns data.
            buffers: Memory of this process that the server may read and write while the call lasts.

        Returns:
            The data of the answer; a :class:`Reply` with ``data`` and ``handles`` if objects came with it.

        Raises:
            Timeout: No answer came in time.
            ReplyLost: The server ended, or ended the connection, without an answer. The request may have been served.
            PeerGone: The connection has ended; nothing was sent.
            InvalidParameter: The data are longer than the port takes, or there are more than 8 handles.
            HandleClosed: It is closed here.

        Source:
            NtRequestWaitReplyPort (NT).
        """
        length = len(data) if type(data) is bytes else wire.length_of(data)
        if length > self.max_large:
            raise wire.too_long("PortClient.call", self._subject, length, self.max_large, "the port's max_large")
        number = next(self._numbers)
        deadline = None if timeout is None else Deadline(timeout)
        tag = (number & _NUMBERS) << 8  # `wire.tagged`, and CALL is 0
        try:
            frame = self._writer._request(
                data, timeout, tag=tag, handles=handles, operation="PortClient.call", plain=_ANSWER
            )
            if type(frame) is bytes:
                return frame
            while frame is not None and frame.tag & wire.KIND != wire.ANSWER:
                frame = self._go_on(frame, deadline, on_callback, buffers)
        except (NtError, TypeError):
            raise
        except BaseException:
            self._withdraw(number)
            raise
        if frame is None:
            self._withdraw(number)
            raise self._failure(Status.TIMEOUT, "call", "no answer has come")
        return Reply(frame.data, claim(frame)) if frame.carried else frame.data

    def _go_on(
        self,
        frame: _kernel.Frame,
        deadline: Deadline | None,
        on_callback: OnCallback | None,
        buffers: Sequence[Buffer],
    ) -> _kernel.Frame | None:
        """Do what the server asks, and wait on for the answer."""
        arrived = claim(frame)
        if not arrived or not isinstance(arrived[0], QueueWriter):
            raise from_status(Status.LPC_REPLY_LOST, "PortClient.call", self._subject, "its answer makes no sense")
        tag, result = perform(frame.tag & wire.KIND, frame.data, arrived[1:], on_callback, buffers)
        with arrived[0] as to:
            to._describe(self._subject)
            left = None if deadline is None else deadline.left()
            try:
                reply: _kernel.Frame | None = to._request(
                    result, left, tag=tag, operation="PortClient.call", line=self._writer
                )
                return reply
            except PeerGone:  # the request itself had arrived
                raise lost(self) from None

    def _withdraw(self, number: int) -> None:
        """Tell the server that nobody waits for that call any more."""
        try:
            self._writer._put_beyond(b"", 0, None, wire.tagged(wire.WITHDRAWN, number))
        except NtError:
            pass  # there is nobody to tell

    def send(
        self, data: Buffer | Sequence[Buffer], handles: Iterable[NtObject] = (), timeout: float | None = None
    ) -> None:
        """Send a datagram: nobody answers it.

        Args:
            data: Bytes, or a list or tuple of pieces.
            handles: Up to 8 objects that go along.
            timeout: Seconds to wait for room, of which each client has its own.

        Raises:
            Timeout: The server has left as much of this client's unread as it may.
            PeerGone: The connection has ended.
            InvalidParameter: The data are longer than the port takes, or there are more than 8 handles.

        Source:
            NtRequestPort (NT).
        """
        self._check_length("send", data)
        put = self._writer._put_marked(data, timeout, tag=wire.DATAGRAM, handles=handles, operation="PortClient.send")
        if put is None:
            raise self._failure(Status.TIMEOUT, "send", "the server has left as much unread as it may")

    async def call_async(
        self,
        data: Buffer | Sequence[Buffer],
        timeout: float | None = None,
        handles: Iterable[NtObject] = (),
        *,
        on_callback: OnCallback | None = None,
        buffers: Sequence[Buffer] = (),
    ) -> bytes | Reply:
        """As :meth:`call`, for a coroutine: the event loop goes on, and no thread waits.

        A coroutine that is cancelled has withdrawn its call: the server learns it, and an answer goes nowhere. Up to 7
        objects go along; ``on_callback`` runs in a thread of its own.

        Raises:
            Timeout: No answer came in time.
            ReplyLost: The server ended, or ended the connection, without an answer. The request may have been served.
            PeerGone: The connection has ended; nothing was sent.
            InvalidParameter: The data are longer than the port takes, or there are more than 7 handles.
            HandleClosed: It is closed here.

        Source:
            NtRequestWaitReplyPort (NT).
        """
        self._check_length("call_async", data)
        deadline, pause, luggage = Deadline(timeout), _FIRST_PAUSE, tuple(handles)
        operation = "PortClient.call_async"
        while True:
            hub, number = self._hub_here(), next(self._numbers)
            call = hub.begin(self, number, data, luggage, on_callback, buffers, timeout=0, operation=operation)
            if call is not None:
                break
            left = deadline.left()
            if left == 0:
                detail = "the server has left as much unread as it may"
                raise self._failure(Status.TIMEOUT, "call_async", detail)
            await _sleep(pause if left is None else min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)
        try:
            return await call.result_async(deadline.left())
        except Timeout:
            call.withdraw()
            raise self._failure(Status.TIMEOUT, "call_async", "no answer has come") from None
        except BaseException:
            call.withdraw()
            raise

    def begin(
        self,
        data: Buffer | Sequence[Buffer],
        handles: Iterable[NtObject] = (),
        *,
        on_callback: OnCallback | None = None,
        buffers: Sequence[Buffer] = (),
    ) -> PortCall:
        """Begin a call that belongs to no thread.

        In a coroutine, the event loop takes the answer: while it runs, or while its thread waits in ``result``.

        Args:
            data: Bytes, or a list or tuple of pieces.
            handles: Up to 7 objects that go along.
            on_callback: Answers what the server asks meanwhile, in a thread of its own.
            buffers: Memory of this process that the server may read and write while the call lasts.

        Returns:
            The call: wait for its result, await it, have a function called when it is done, or withdraw it.

        Raises:
            PeerGone: The connection has ended.
            InvalidParameter: The data are longer than the port takes, or there are more than 7 handles.
        """
        self._check_length("begin", data)
        call = self._hub_here().begin(self, next(self._numbers), data, handles, on_callback, buffers)
        assert call is not None  # it waits for room as long as it takes
        return call

    def _hub_here(self) -> Hub:
        """Return who takes the answers of calls of this thread."""
        hub = self._hub
        if hub is None or hub._reader.closed:
            hub = self._hub = hub_of(self._native)
        return hub_here(hub)

    def _check_length(self, call: str, data: Buffer | Sequence[Buffer]) -> None:
        if (length := wire.length_of(data)) > self.max_large:
            operation = f"PortClient.{call}"
            raise wire.too_long(operation, self._subject, length, self.max_large, "the port's max_large")

    def receive(self, timeout: float | None = None) -> QueueMessage:
        """Take the next datagram that the server has sent by :meth:`Connection.send`.

        Raises:
            Timeout: None came in time.
            PeerGone: None is left, and the connection has ended: an ``EndOfStream``.
        """
        frame = self._inbox._take(None, timeout, operation="PortClient.receive")
        if frame is None:
            raise self._failure(Status.TIMEOUT, "receive", "nothing has come")
        return message_of(frame)

    def close(self) -> None:
        """End the connection. The server receives one last message of it. Closing again does nothing."""
        super().close()
        hub, self._hub = self._hub, None
        if hub is not None:
            client_closed(hub)

    def info(self) -> Mapping[str, Any]:
        """Tell what is known of the connection.

        Raises:
            HandleClosed: It is closed.
        """
        inbox = self._inbox.info()
        return {
            "kind": "PortClient",
            "name": self.name,
            "max_message": self.max_message,
            "max_large": self.max_large,
            "connected": self.is_connected,
            "messages": inbox["messages"],
            "pid": self.peer.pid,
        }

    def _wait_plan(self) -> WaitPlan:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, "wait")
        return WaitPlan((self._inbox,))

    @property
    def _primary(self) -> NtObject:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, "handle")
        return self._inbox

    def _state(self) -> list[str]:
        return ["connected" if self.is_connected else "ended"]

    def __copy__(self) -> PortClient:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a connection belongs to its process and its children: connect again elsewhere")


async def _sleep(seconds: float) -> None:
    import asyncio  # the program has: a coroutine runs

    await asyncio.sleep(seconds)

"""Messages that a port receives, and what can be done with a request: answer it, or ask its caller something first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import EndOfStream, PeerGone, Status, Timeout, from_status
from ntipc.objects.arrivals import claim
from ntipc.objects.object import NtObject
from ntipc.ports import wire
from ntipc.ports.names import parents_only
from ntipc.queues.ends import QueueWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc.ports.connection import Connection
    from ntipc.ports.port import Port

_BEGIN, _CALL, _ANSWER = wire.BEGIN, wire.CALL, wire.ANSWER


class PortMessage:
    """A message of a client.

    A request that goes without an answer, because the program forgets the message or an exception unwinds it, is lost:
    its caller gets :exc:`~ntipc.ReplyLost`.

    Attributes:
        data: The bytes.
        connection: Whose it is: the object that :meth:`ConnectionRequest.accept` returned.
        handles: What came along: new handles to the objects that the client gave, which are this process's now.
        is_datagram: Nobody waits for an answer.
        is_closed: The last message of its connection: the client has closed it, or died.
        is_withdrawal: The caller of the request whose ``id`` this is has given up: its time ran out, or it was
            cancelled. Who answers it all the same gets :exc:`~ntipc.ReplyMismatch`.
    """

    __slots__ = (
        "__weakref__",
        "_answer",
        "_frame",
        "_kind",
        "_port",
        "_received",
        "_tag",
        "connection",
        "data",
        "handles",
    )

    def __init__(self, port: Port, connection: Connection, frame: _kernel.Frame, tag: int, kind: int) -> None:
        self._port = port
        self._frame: _kernel.Frame | None = frame
        self._received = frame
        self.connection = connection
        self.data = frame.data
        self._tag, self._kind = tag, kind  # -1 of a closing message
        self.handles: tuple[NtObject, ...] = tuple(claim(frame)) if frame.carried else ()
        self._answer: QueueWriter | None = None
        if kind == _BEGIN:
            self._answer_through(self.handles)
            self.handles = self.handles[1:]

    def _answer_through(self, arrived: Sequence[NtObject]) -> None:
        """Take the writing end for the answer, which came first. A forked child has no right to answer."""
        first = arrived[0] if arrived else None
        self._answer = first if isinstance(first, QueueWriter) else None
        if self._answer is not None:
            if not self._port._forks:
                parents_only.add(self._answer)
            self.connection._remember(self)

    @property
    def id(self) -> int:
        """Number of the request, one of a kind among those of its connection that are under way."""
        return self._received.sender[0] << wire.NUMBER_BITS | self._tag >> 8

    @property
    def is_datagram(self) -> bool:
        """Whether nobody waits for an answer."""
        return self._kind == wire.DATAGRAM

    @property
    def is_closed(self) -> bool:
        """Whether this is the last message of its connection."""
        return self._kind == -1

    @property
    def is_withdrawal(self) -> bool:
        """Whether this says that the caller of the request ``id`` has given up."""
        return self._kind == wire.WITHDRAWN

    @property
    def is_request(self) -> bool:
        """Whether it can be answered, or could be once."""
        return self._kind in (wire.CALL, wire.BEGIN)

    @property
    def is_withdrawn(self) -> bool:
        """Whether the caller of this request has given up or died by now, or its answer was given. A look at memory."""
        if self._answer is not None:
            return not self._answer._leads_on
        return self._frame is None or not self._frame.awaited

    def reply(self, data: Buffer | Sequence[Buffer], handles: Iterable[NtObject] = ()) -> None:
        """Answer the request, once, from any thread, in any order.

        Args:
            data: Bytes, or a list or tuple of pieces.
            handles: Up to 8 objects that go along.

        Raises:
            ReplyMismatch: It was answered before, it is no request, or its caller has given up or ended.
            InvalidParameter: It is longer than the port's ``max_large``, or there are more than 8 handles.

        Source:
            NtReplyPort (NT).
        """
        limit = self._port.max_large
        length = len(data) if type(data) is bytes else wire.length_of(data)
        if length > limit:
            raise wire.too_long("PortMessage.reply", self._port._subject, length, limit, "the port's max_large")
        if self._kind == _CALL:
            frame, self._frame = self._frame, None
            if frame is None:
                raise self._mismatch("reply", "it was given before")
            try:  # as `_reply_or_keep`, in fewer steps
                frame.reply(data, tag=_ANSWER, handles=handles, operation="PortMessage.reply")
            except PeerGone:
                raise
            except BaseException:
                self._frame = frame  # it may be tried again
                raise
            return
        answer, self._answer = self._answer, None
        if answer is None:
            raise self._mismatch("reply", "it was given before, or the message is no request")
        self._put_answer(answer, data, handles)

    def _take_request(self, port: Port, data: Buffer | Sequence[Buffer]) -> _kernel.Frame | None:
        """Take the right to answer a call, with these data; ``None`` if it was given, or it is no call."""
        limit = port.max_large
        if (length := wire.length_of(data)) > limit:
            raise wire.too_long("Port.reply_and_receive", port._subject, length, limit, "the port's max_large")
        if self._kind != wire.CALL:
            return None
        frame, self._frame = self._frame, None
        return frame

    def _keep(self, frame: _kernel.Frame) -> None:
        """Keep the right to answer, if the answer was not given."""
        if frame.awaited:
            self._frame = frame

    def _put_answer(self, answer: QueueWriter, data: Buffer | Sequence[Buffer], handles: Iterable[NtObject]) -> None:
        self._put_or_keep(answer, "reply", data, wire.ANSWER, handles)

    def _reply_or_keep(
        self,
        frame: _kernel.Frame,
        operation: str,
        data: Buffer | Sequence[Buffer],
        tag: int,
        handles: Iterable[NtObject],
    ) -> None:
        try:
            frame.reply(data, tag=tag, handles=handles, operation=operation)
        except BaseException as problem:
            if not isinstance(problem, PeerGone):
                self._frame = frame  # it may be tried again
            raise

    def _put_or_keep(
        self, answer: QueueWriter, call: str, data: Buffer | Sequence[Buffer], tag: int, handles: Iterable[NtObject]
    ) -> None:
        """Put what the caller of a begun call waits for. Its queue has room, unless the client is hostile."""
        try:
            answer._put(data, 0, tag=tag, handles=handles)
        except PeerGone:
            raise self._mismatch(call, "its caller has given up, or ended") from None
        except Timeout:
            answer.close()
            raise self._mismatch(call, "its caller takes no answer") from None
        except BaseException:
            self._answer = answer  # it may be tried again
            raise
        answer.close()

    def call_back(
        self, data: Buffer | Sequence[Buffer], timeout: float | None = None, handles: Iterable[NtObject] = ()
    ) -> bytes:
        """Ask the caller of this request something, and wait for its answer. The request stays to be answered.

        The caller runs its ``on_callback`` in the middle of its call. Callbacks may be repeated and nested.

        Args:
            data: Bytes, or a list or tuple of pieces.
            timeout: Seconds to wait; ``None`` for as long as the caller lives. After a timeout the request is lost.
            handles: Up to 7 objects that go along.

        Returns:
            What ``on_callback`` returned.

        Raises:
            Timeout: No answer came in time.
            PeerGone: The caller ended.
            NtError: Its ``on_callback`` raised; the text says what.
            ReplyMismatch: The request was answered before, or its caller has given up.
            NotSupported: The caller takes no callbacks.

        Source:
            NtRequestWaitReplyPort with LPC_REQUEST to a waiting client, NtReplyWaitReplyPort (NT).
        """
        return self._ask("call_back", wire.ASK, data, timeout, handles).data

    def read_buffer(self, number: int, offset: int = 0, size: int | None = None, timeout: float | None = None) -> bytes:
        """Read from a buffer that the waiting caller described: ``call(..., buffers=[...])``.

        Args:
            number: Which of them, from 0.
            offset: Where to begin, in bytes.
            size: How many bytes; ``None`` for all to its end.
            timeout: Seconds to wait for the caller to copy.

        Raises:
            InvalidParameter: There is no such buffer, or the range does not lie in it.
            ReplyMismatch: The caller waits no more.

        Source:
            NtReadRequestData (NT).
        """
        place = wire.PLACE.pack(number, offset, (1 << 64) - 1 if size is None else size)
        return self._ask("read_buffer", wire.READ, place, timeout, ()).data

    def write_buffer(self, number: int, data: Buffer, offset: int = 0, timeout: float | None = None) -> None:
        """Write into a buffer that the waiting caller described: ``call(..., buffers=[...])``.

        Raises:
            InvalidParameter: There is no such buffer, it cannot be written to, or the data do not fit there.
            ReplyMismatch: The caller waits no more.

        Source:
            NtWriteRequestData (NT).
        """
        place = wire.PLACE.pack(number, offset, wire.length_of(data))
        self._ask("write_buffer", wire.WRITE, [place, data], timeout, ())

    def _ask(
        self,
        call: str,
        kind: int,
        data: Buffer | Sequence[Buffer],
        timeout: float | None,
        handles: Iterable[NtObject],
    ) -> _kernel.Frame:
        """Ask the caller through a queue of our own, by which its answer brings the next right to answer it."""
        deadline = Deadline(timeout)
        operation = f"PortMessage.{call}"
        limit = self._port.max_large
        if kind == wire.ASK and (length := wire.length_of(data)) > limit:
            raise wire.too_long(operation, self._port._subject, length, limit, "the port's max_large")
        reader, writer = _kernel.ReadEnd(), QueueWriter.__new__(QueueWriter)
        reader._bind(self._port._native, None, _kernel.CREATE, 0, 1 << 40, (0, 0), writer)
        parents_only.add(writer)
        try:
            luggage = [writer, *handles]
            if self._kind == wire.CALL and self._frame is not None:
                frame, self._frame = self._frame, None
                self._reply_or_keep(frame, operation, data, kind, luggage)
            elif self._answer is not None:
                answer, self._answer = self._answer, None
                self._put_or_keep(answer, call, data, kind, luggage)
            else:
                raise self._mismatch(call, "it was answered before, or the message is no request")
            writer.close()
            try:
                result = reader._take(None, deadline.left(), operation=operation)
            except EndOfStream:
                detail = "the caller ended, or gave up"
                raise from_status(Status.PORT_DISCONNECTED, operation, self._port._subject, detail) from None
            if result is None:
                raise from_status(Status.TIMEOUT, operation, self._port._subject, "the caller has not answered")
            self._go_on_with(result)
        finally:
            writer.close()
            reader.close()
        if result.tag & wire.KIND != wire.RESULT:
            text = result.data.decode("utf-8", "replace")
            status = Status.NOT_SUPPORTED if result.tag >> 8 == 1 else Status.UNSUCCESSFUL
            if result.tag >> 8 == 2:
                status = Status.INVALID_PARAMETER
            raise from_status(status, operation, self._port._subject, text)
        return result

    def _go_on_with(self, result: _kernel.Frame) -> None:
        """Take over the right to answer that the result of a callback brings."""
        if result.correlation:
            self._frame = result
            return
        self._answer_through(claim(result))
        if not self.connection._open:
            self._give_up()  # it was ended meanwhile

    def _give_up(self) -> None:
        """Answer no more: the caller of a begun call learns it now, that of another when its connection ends."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()

    def _mismatch(self, call: str, detail: str) -> Exception:
        return from_status(Status.REPLY_MESSAGE_MISMATCH, f"PortMessage.{call}", self._port._subject, detail)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a message of a port is answered by the process that has taken it: send its data")

    def __repr__(self) -> str:
        kind = {-1: "closed", wire.CALL: "request", wire.BEGIN: "request", wire.DATAGRAM: "datagram"}
        shown = kind.get(self._kind, "withdrawal")
        return f"<PortMessage {shown} {self.id} of {self.connection!r}, {len(self.data)} bytes>"

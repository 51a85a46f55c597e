"""An end of a named pipe as programs have it, whichever side it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Self, TypedDict

from ntipc import _kernel
from ntipc.errors import EndOfStream, NtError, PeerGone, Status, Timeout
from ntipc.objects.composite import Composite
from ntipc.objects.object import NtObject
from ntipc.objects.waiting import WaitPlan
from ntipc.pipes.channel import Peeked, size_of
from ntipc.pipes.end import PipeEnd
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import PipeState
from ntipc.pipes.stream import open_file
from ntipc.session.peers import Peer

if TYPE_CHECKING:
    from typing_extensions import Buffer


class PipeDetails(TypedDict):
    """What :meth:`Pipe.info` tells.

    ``type`` is that of the pipe, ``mode`` how this end reads. ``in_quota`` and ``out_quota`` are the bytes that may
    wait for this end and for the other one; ``bytes`` and ``messages`` wait for this end now.
    """

    kind: str
    name: str
    server: bool
    type: str
    mode: str
    direction: str
    state: str
    in_quota: int
    out_quota: int
    bytes: int
    messages: int
    instances: int
    max_instances: int | None
    peer: Peer


class Pipe(Composite, parts=("_end",)):
    """One end of an instance of a pipe: what :meth:`PipeServer.accept` and :class:`PipeClient` give.

    In message mode, which is that of a pipe of message type, ``recv`` returns what one ``send`` has sent, and ``read``
    a part of it. In byte mode both return what has come, whatever the bounds.

    It can be waited for, alone or with others: it is set while there is something to read, and when the other side is
    gone. When it is, by ``close`` or by death, reading raises :exc:`~ntipc.EndOfStream` (an ``EOFError``) once all that
    was sent has been read, and writing :exc:`~ntipc.PeerGone` (a ``BrokenPipeError``) at once. ``with`` closes it, and
    ``for`` takes messages until the end.

    Source:
        Named Pipes (Win32): CreateNamedPipe, ReadFile, WriteFile, PeekNamedPipe, TransactNamedPipe.
    """

    __slots__ = ("_deliver", "_end", "_left", "_take_bytes")

    _kind = "pipe"
    _title = "Pipe"
    _several_handles = "an end of a pipe is several handles: send the pipe itself"

    # Messages between connected ends in message mode that may wait go by a short way, straight to the kernel. All else
    # goes through the end.
    _deliver: Callable[[Buffer | Sequence[Buffer], float | None, str], int | None] | None
    _take_bytes: Callable[[float | None, str], bytes | None] | None

    def __init__(self, end: PipeEnd) -> None:
        self._end = end
        self._left = 0
        self._find_short_ways()

    def _find_short_ways(self) -> None:
        """See which of the short ways are open now."""
        end = self._end
        short = end.is_connected and not end.nowait and not end.closed
        self._deliver = end.writer._deliver if short and end.may_write and end.settings.is_message else None
        self._take_bytes = end.reader._take_bytes if short and end.may_read and end.message_reads else None

    # messages

    def send(self, data: Buffer | Sequence[Buffer], timeout: float | None = None) -> None:
        """Send bytes: to a pipe of message type as one message, whole or not at all.

        It returns when what the other side has not read is within the pipe's quota. A message that is longer than the
        quota waits until enough of it is read.

        Args:
            data: Bytes-like, or a list or tuple of pieces that are sent as one.
            timeout: Seconds to wait for room; 0 or less to only try, ``None`` to wait for ever.

        Raises:
            Timeout: There was no room in time. Of a message nothing was sent; of bytes perhaps a part, as its
                ``characters_written`` says.
            PipeBusy: There is no room now, in non-blocking mode.
            PeerGone: Nobody can read it; a ``BrokenPipeError``.
            AccessDenied: This end may not write.
            InvalidParameter: The message has 1 GiB or more.
            HandleClosed: The pipe is closed.

        Source:
            WriteFile (Win32).
        """
        deliver, end = self._deliver, self._end
        if deliver is None:
            self._send_somehow(data, timeout)
            return
        end.channel.note_writing()
        if deliver(data, timeout, "Pipe.send") is None:
            raise self._failure(Status.TIMEOUT, "send", "there is no room")

    def _send_somehow(self, data: Buffer | Sequence[Buffer], timeout: float | None) -> None:
        end = self._end
        size = size_of(data)
        written = end.write(data, timeout, operation="Pipe.send")
        self._find_short_ways()
        if written < size:
            if end.nowait:
                raise self._no_room(size)
            late = self._failure(Status.TIMEOUT, "send", f"{written:,} of {size:,} bytes were written")
            if isinstance(late, Timeout):
                late.characters_written = written
            raise late

    def recv(self, timeout: float | None = None) -> bytes:
        """Take the next message, or in byte mode what has come.

        Args:
            timeout: Seconds to wait for it; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing is there now, in non-blocking mode.
            EndOfStream: All is read and the other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            HandleClosed: The pipe is closed.

        Source:
            ReadFile (Win32).
        """
        take_bytes = self._take_bytes
        if take_bytes is None:
            data, self._left = self._end.read(None, timeout, operation="Pipe.recv")
            self._find_short_ways()
            return data
        self._left = 0
        try:
            message = take_bytes(timeout, "Pipe.recv")
        except PeerGone as gone:
            raise self._end.ended(gone) from None
        if message is None:
            raise self._failure(Status.TIMEOUT, "recv", "nothing has come")
        return message

    def recv_into(self, buffer: Buffer, timeout: float | None = None) -> int:
        """Take the next message, or a part of it, into memory that is there already.

        Args:
            buffer: A writable object such as a ``bytearray``, a ``memoryview`` or an array.
            timeout: Seconds to wait for something.

        Returns:
            How many bytes it was. If the message is longer than the buffer the rest comes next; :attr:`left` says how
            much that is.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing is there now, in non-blocking mode.
            EndOfStream: All is read and the other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            HandleClosed: The pipe is closed.
        """
        size, self._left = self._end.read_into(buffer, timeout)
        return size

    def transact(self, data: Buffer | Sequence[Buffer], timeout: float | None = None) -> bytes:
        """Send one message and take the one that answers it.

        Threads have their turns: one asks when the one before has its answer. It waits in non-blocking mode, too.

        Args:
            data: Bytes-like, or a list or tuple of pieces.
            timeout: Seconds to wait for the answer, and for the turn.

        Raises:
            PipeBusy: A message waits already, which would be taken for the answer; or the answer to an earlier question
                has not come yet, whose time ran out: take it with :meth:`recv`, or close the pipe. Nothing is sent.
            InvalidPipeState: This end is not in message mode.
            Timeout: No answer came in time. The message stays sent.
            EndOfStream: The other side is gone; an ``EOFError``.
            AccessDenied: This end may not both read and write.

        Source:
            TransactNamedPipe (Win32).

        >>> import ntipc, threading
        >>> server = ntipc.PipeServer("echo")
        >>> def echo():
        ...     with server.accept() as pipe:
        ...         for message in pipe:
        ...             pipe.send(message.upper())
        >>> thread = threading.Thread(target=echo)
        >>> thread.start()
        >>> with ntipc.PipeClient("echo") as client:
        ...     client.transact(b"hello")
        b'HELLO'
        >>> thread.join()
        """
        answer, self._left = self._end.transact(data, None, timeout)
        if self._take_bytes is None:
            self._find_short_ways()
        return answer

    def __iter__(self) -> Iterator[bytes]:
        """Take messages until the other side is gone."""
        try:
            while True:
                yield self.recv()
        except EndOfStream:
            return

    # bytes

    def write(self, data: Buffer | Sequence[Buffer], timeout: float | None = None) -> int:
        """Write bytes: to a pipe of message type as one message.

        Args:
            data: Bytes-like, or a list or tuple of pieces.
            timeout: Seconds to wait for room.

        Returns:
            How many bytes were written: all, or those for which there was room in time, which for a message is all or
            none. In non-blocking mode all or none.

        Raises:
            Timeout: There was no room in time; nothing was written.
            PeerGone: Nobody can read it; a ``BrokenPipeError``.
            AccessDenied: This end may not write.
            HandleClosed: The pipe is closed.

        Source:
            WriteFile (Win32).
        """
        return self._end.write(data, timeout)

    def read(self, size: int, timeout: float | None = None) -> bytes:
        """Read up to so many bytes: of one message in message mode, else of what has come.

        Args:
            size: Most bytes to read.
            timeout: Seconds to wait for something.

        Returns:
            The bytes. In message mode the rest of the message comes next; :attr:`left` says how much that is.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing is there now, in non-blocking mode.
            EndOfStream: All is read and the other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            InvalidParameter: ``size`` is negative.
            HandleClosed: The pipe is closed.

        Source:
            ReadFile, which tells of the rest by ERROR_MORE_DATA (Win32).

        >>> import ntipc
        >>> server = ntipc.PipeServer("parts")
        >>> client, pipe = ntipc.PipeClient("parts"), server.accept()
        >>> client.send(b"one message")
        >>> pipe.read(3), pipe.left, pipe.read(100), pipe.left
        (b'one', 8, b' message', 0)
        """
        data, self._left = self._end.read(size, timeout)
        return data

    @property
    def left(self) -> int:
        """How many bytes are left of the message of which the last read or ``recv_into`` of this object took a part."""
        return self._left

    def peek(self, size: int = 65_536) -> Peeked:
        """Look at what waits, and leave it there.

        Args:
            size: Most bytes to look at.

        Returns:
            The ``data``; how many bytes are ``available`` in all; how many are ``left`` of the first message; how many
            ``messages`` wait. The result is false if nothing waits, and true for a message of no bytes.

        Raises:
            EndOfStream: Nothing waits and the other side is gone; an ``EOFError``.
            AccessDenied: This end may not read.
            InvalidParameter: ``size`` is negative.
            HandleClosed: The pipe is closed.

        Source:
            PeekNamedPipe (Win32).

        >>> import ntipc
        >>> server = ntipc.PipeServer("looks")
        >>> client, pipe = ntipc.PipeClient("looks"), server.accept()
        >>> bool(pipe.peek())
        False
        >>> client.send(b"abcdef")
        >>> pipe.peek(2)
        Peeked(data=b'ab', available=6, left=4, messages=1)
        """
        return self._end.peek(size)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until the other side has read all that was written.

        Args:
            timeout: Seconds to wait.

        Raises:
            Timeout: It has not in time.
            PeerGone: The other side went and has not read all of it; a ``BrokenPipeError``.

        Source:
            FlushFileBuffers (Win32).
        """
        if not self._end.flush(timeout):
            advice = "In non-blocking mode nothing waits: try later" if self._end.nowait else None
            raise self._failure(Status.TIMEOUT, "flush", "not all has been read", advice=advice)

    def makefile(
        self,
        mode: str = "r",
        buffering: int = -1,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Make a file of the pipe, which does not know the bounds of messages.

        Args:
            mode: ``"r"``, ``"w"`` or ``"rw"``, with ``"b"`` for bytes.
            buffering: As for :func:`open`; 0, for bytes, makes an ``io.RawIOBase``.
            encoding: As for :func:`open`.
            errors: As for :func:`open`.
            newline: As for :func:`open`.

        Returns:
            A file. Closing it leaves the pipe open.

        Raises:
            ValueError: ``mode`` is another text.
        """
        return open_file(self._end, mode, buffering, encoding, errors, newline)

    def _no_room(self, size: int) -> NtError:
        detail, advice = "there is no room now", "Wait for its writer, or try later"
        if not self._end.channel.may_fit(size):
            detail = f"{size:,} bytes are more than the pipe's quota, and in non-blocking mode all or none are written"
            advice = "Send less at once, or set blocking to True and send it with a timeout"
        return self._failure(Status.PIPE_BUSY, "send", detail, advice=advice)

    # the instance

    def disconnect(self) -> None:
        """Part from the client; what either side has not read yet is thrown away. Only the server's end can.

        Raises:
            InvalidPipeState: This is a client's end.
            PeerGone: It is disconnected already.
            HandleClosed: The pipe is closed.

        Source:
            DisconnectNamedPipe (Win32).
        """
        self._server_end("disconnect").disconnect()
        self._find_short_ways()

    def connect(self, timeout: float | None = None) -> None:
        """Wait for another client, with the instance of one that was disconnected. Only the server's end can.

        Args:
            timeout: Seconds to wait.

        Raises:
            InvalidPipeState: This is a client's end, or there is a client already.
            PeerGone: The last client is gone, and was not disconnected.
            Timeout: No client came in time. The instance goes on listening.

        Source:
            ConnectNamedPipe (Win32).

        >>> import ntipc
        >>> server = ntipc.PipeServer("again", max_instances=1)
        >>> first, pipe = ntipc.PipeClient("again"), server.accept()
        >>> pipe.disconnect()
        >>> pipe.connect(timeout=0)
        Traceback (most recent call last):
        ntipc.errors.Timeout: ...
        >>> second = ntipc.PipeClient("again")
        >>> pipe.connected
        True
        """
        self._server_end("connect").connect(timeout)
        self._find_short_ways()

    @property
    def connected(self) -> bool:
        """Whether there is somebody at the other side."""
        return not self.closed and self._end.state == PipeState.CONNECTED

    @property
    def peer(self) -> Peer:
        """The process at the other side: its ``pid``, ``uid`` and ``exe``, as the kernel of Linux knows them.

        It is the process that connected, or that offered the instance, as it was then.

        Source:
            GetNamedPipeClientProcessId, GetNamedPipeServerProcessId (Win32).
        """
        return self._end.peer

    @property
    def mode(self) -> str:
        """``"message"`` if reads keep to messages, else ``"byte"``. May be set, for a pipe of message type.

        Source:
            SetNamedPipeHandleState (Win32).
        """
        return "message" if self._end.message_reads else "byte"

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in ("message", "byte"):
            raise self._failure(Status.INVALID_PARAMETER, "mode", f"the mode must be 'message' or 'byte', not {mode!r}")
        self._end.set_state(message_reads=mode == "message", operation="Pipe.mode")
        self._find_short_ways()

    @property
    def type(self) -> str:
        """The pipe's type: ``"message"`` if what is written keeps its bounds, else ``"byte"``."""
        return self._end.settings.mode

    @property
    def blocking(self) -> bool:
        """Whether calls wait. In non-blocking mode none does, whatever its timeout. May be set.

        Source:
            PIPE_NOWAIT (Win32).
        """
        return not self._end.nowait

    @blocking.setter
    def blocking(self, blocking: bool) -> None:
        self._end.set_state(nowait=not blocking, operation="Pipe.blocking")
        self._find_short_ways()

    # what every object has

    @property
    def name(self) -> str:
        """The pipe's name, without any prefix."""
        return self._end.name

    @property
    def created(self) -> bool:
        """``False``: what is made by name is the server."""
        return False

    @property
    def closed(self) -> bool:
        """Whether this end is closed here."""
        return self._end.closed

    @property
    def _primary(self) -> NtObject:
        return self._end.reader

    @property
    def reader(self) -> _kernel.Waitable:
        """The way in, for a wait: set while there is something to read, as the pipe itself is."""
        return self._end.reader

    @property
    def writer(self) -> _kernel.Waitable:
        """The way out, for a wait: set while there is room to write, and when nobody can read any more."""
        return self._end.writer

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is something to read, or the other side is gone.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            Whether it is so.

        Raises:
            HandleClosed: The pipe is closed.
        """
        if self._end.is_connected:
            return self._end.reader.wait(timeout)
        return super().wait(timeout)

    def info(self) -> PipeDetails:
        """Tell what is known of this end and of the pipe.

        Raises:
            HandleClosed: The pipe is closed.
            PeerGone: The server has disconnected this client.

        Source:
            GetNamedPipeInfo, GetNamedPipeHandleState (Win32).
        """
        known = self._end.info()
        available, messages = self._end.reader._available()
        return {
            "kind": "Pipe",
            "name": self.name,
            "server": known.server,
            "type": known.mode,
            "mode": self.mode,
            "direction": self._end.settings.direction,
            "state": self._end.state.name.lower(),
            "in_quota": known.in_quota,
            "out_quota": known.out_quota,
            "bytes": available,
            "messages": messages,
            "instances": self._end.instances(),
            "max_instances": known.max_instances,
            "peer": self.peer,
        }

    def _duplicate_parts(self, original: Self, access: int | str | None, inheritable: bool) -> None:
        super()._duplicate_parts(original, access, inheritable)
        self._find_short_ways()

    def close(self) -> None:
        """Close this end: the other side can still read what was sent, and then learns of it. May be repeated."""
        super().close()
        self._find_short_ways()

    def _epithets(self) -> list[str]:
        return ["server" if self._end.is_server else "client"]

    def _state(self) -> list[str]:
        return [self.mode, self._end.state.name.lower(), f"peer={self.peer.pid}"]

    def __reduce__(self) -> tuple[object, ...]:
        """Send this end to another process, where it is one more handle of it."""
        return _assembled, (type(self), self._end)

    def _wait_plan(self) -> WaitPlan:
        self._end.reader.handle  # noqa: B018 - raises HandleClosed
        return self._end.wait_plan()

    def _server_end(self, call: str) -> ServerEnd:
        if not isinstance(self._end, ServerEnd):
            raise self._failure(Status.ILLEGAL_FUNCTION, call)
        return self._end


def _assembled(kind: type[Pipe], end: PipeEnd) -> Pipe:
    pipe = kind.__new__(kind)
    Pipe.__init__(pipe, end)
    return pipe

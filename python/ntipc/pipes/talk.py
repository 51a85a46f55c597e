"""What both sides of a pipe say to each other: messages and bytes, questions and answers, and pipes as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from ntipc.errors import EndOfStream, NtError, Status, Timeout, describe, from_status
from ntipc.pipes.channel import Peeked, size_of
from ntipc.pipes.end import PipeEnd
from ntipc.pipes.stream import open_file

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Conversation:
    """The part of a :class:`~ntipc.Pipe` that moves data.

    Messages between ends that are connected, in message mode, and may wait, go by the shortest way: straight to the
    kernel. All else goes through the end.
    """

    __slots__ = ("__weakref__", "_deliver", "_end", "_get", "_left")

    _deliver: Callable[[Buffer | Sequence[Buffer], float | None], int | None] | None
    _get: Callable[[float | None], bytes] | None

    def __init__(self, end: PipeEnd) -> None:
        self._end = end
        self._left = 0
        self._take_stock()

    def _take_stock(self) -> None:
        """See which of the short ways are open."""
        end = self._end
        short = end.is_connected and not end.nowait and not end.closed
        self._deliver = end.writer._deliver if short and end.may_write and end.settings.is_message else None
        self._get = end.reader._get if short and end.may_read and end.message_reads else None

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
        end._wrote = True
        try:
            if deliver(data, timeout) is not None:
                return
        except NtError as error:
            raise end._retold(error, "send") from None
        raise from_status(Status.TIMEOUT, "Pipe.send", describe("pipe", end.name), "there is no room")

    def _send_somehow(self, data: Buffer | Sequence[Buffer], timeout: float | None) -> None:
        end = self._end
        size = size_of(data)
        written = end.write(data, timeout, call="send")
        self._take_stock()
        if written < size:
            if end.nowait:
                raise self._no_room(size)
            detail = f"{written:,} of {size:,} bytes were written"
            late = from_status(Status.TIMEOUT, "Pipe.send", describe("pipe", end.name), detail)
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
        get = self._get
        if get is None:
            data, self._left = self._end.read(None, timeout, call="recv")
            self._take_stock()
            return data
        self._left = 0
        try:
            return get(timeout)
        except NtError as error:
            raise self._end._retold(error, "recv") from None

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
        if self._get is None:
            self._take_stock()
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
            The ``data``; how many bytes are ``available`` in all; how many are ``left`` of the first message.

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
            subject, detail = describe("pipe", self._end.name), "not all has been read"
            advice = "In non-blocking mode nothing waits: try later" if self._end.nowait else None
            raise from_status(Status.TIMEOUT, "Pipe.flush", subject, detail, advice=advice)

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
        if not self._end.may_fit(size):
            detail = f"{size:,} bytes are more than the pipe's quota, and in non-blocking mode all or none are written"
            advice = "Send less at once, or set blocking to True and send it with a timeout"
        return from_status(Status.PIPE_BUSY, "Pipe.send", describe("pipe", self._end.name), detail, advice=advice)

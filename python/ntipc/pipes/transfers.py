"""What goes through an end of a pipe: messages, bytes, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from ntipc.errors import EndOfStream, NtError, PeerGone, Status, Timeout
from ntipc.objects.composite import Composite
from ntipc.pipes.channel import Peeked, size_of
from ntipc.pipes.end import PipeEnd
from ntipc.pipes.stream import open_file

if TYPE_CHECKING:
    from typing_extensions import Buffer


class PipeTransfers(Composite, parts=("_end",)):
    """The part of :class:`~ntipc.Pipe` that sends and receives."""

    __slots__ = ("_deliver", "_end", "_left", "_take_bytes")

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

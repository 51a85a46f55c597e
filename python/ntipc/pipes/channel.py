"""What goes over an end of a pipe: reading, writing, looking, asking and being answered, with NT's statuses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, NamedTuple

from ntipc._runtime.deadlines import Deadline
from ntipc._runtime.turns import Turns, taken
from ntipc.errors import NtError, Status, describe, from_status, retold
from ntipc.pipes.settings import Settings
from ntipc.pipes.ways import PipeReader, PipeWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

LARGEST_SIZE = 1 << 40
"""More bytes than can wait."""
STREAM_PIECE = 65_536
"""Most bytes that a write to a pipe of byte type puts at once, so that reader and writer work at the same time."""


class Peeked(NamedTuple):
    """What a look at an end shows.

    Attributes:
        data: The first bytes that wait, of a pipe of message type those of the first message.
        available: How many bytes wait in all.
        left: How many bytes of the first message are not in ``data``; 0 for a pipe of byte type.
        messages: How many messages, or pieces that were written, wait.
    """

    data: bytes
    available: int
    left: int
    messages: int


class Questions(Turns):
    """Whose turn it is to ask.

    Attributes:
        asked_after: How many messages had been read when the last question was put: its answer is the next one.
    """

    __slots__ = ("asked_after",)

    def __init__(self, asked_after: int | None = None) -> None:
        super().__init__()
        self.asked_after = asked_after

    def __reduce__(self) -> tuple[object, ...]:
        """In another process, too, an answer may be still to come."""
        return type(self), (self.asked_after,)


class Transfers(ABC):
    """The part of an end that moves data."""

    name: str
    settings: Settings
    nowait: bool
    _message_reads: bool
    may_read: bool
    may_write: bool
    _wrote: bool
    _out_quota: int
    _questions: Questions

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether this end is closed here."""

    @property
    @abstractmethod
    def reader(self) -> PipeReader:
        """The way in."""

    @property
    @abstractmethod
    def writer(self) -> PipeWriter:
        """The way out."""

    def read(self, size: int | None = None, timeout: float | None = None, *, call: str = "read") -> tuple[bytes, int]:
        """Read what waits: of one message with message reads, else whatever there is.

        Args:
            size: Most bytes to read; ``None`` for a whole message, or for all that waits of a stream.
            timeout: Seconds to wait for something.
            call: What the program has called, for the message of an error.

        Returns:
            The bytes, and how many of the message are left for the next read.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing waits, in non-blocking mode.
            EndOfStream: The other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            InvalidPipeState: No client has come yet.
            InvalidParameter: ``size`` is negative.

        Source:
            ReadFile with ERROR_MORE_DATA (Win32), NtReadFile with STATUS_BUFFER_OVERFLOW (NT).
        """
        reader = self._for_reading(call)
        size = None if size is None else self._checked_size(call, size)
        wait = 0 if self.nowait else timeout
        try:
            if self._message_reads:
                frame = reader._take(size, wait)
            else:
                most = self._within(reader, STREAM_PIECE if size is None else size)
                frame = reader._take(most, wait, stream=True)
        except NtError as error:
            raise self._retold(error, call) from None
        if frame is None:
            raise self._nothing(call)
        return frame.data, frame.left if self._message_reads else 0

    def read_into(self, buffer: Buffer, timeout: float | None = None) -> tuple[int, int]:
        """Read what waits into memory that is there already: how many bytes, and how many of the message are left.

        Args:
            buffer: Something writable.
            timeout: Seconds to wait for something.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing waits, in non-blocking mode.
            EndOfStream: The other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            InvalidPipeState: No client has come yet.
        """
        reader = self._for_reading("recv_into")
        wait = 0 if self.nowait else timeout
        try:
            if self._message_reads:
                taken = reader._take_into(buffer, wait)
            else:
                with (
                    memoryview(buffer) as view,
                    view.cast("B") as target,
                    target[: self._within(reader, len(target))] as part,
                ):
                    taken = reader._take_into(part, wait, stream=True)
        except NtError as error:
            raise self._retold(error, "recv_into") from None
        if taken is None:
            raise self._nothing("recv_into")
        return taken.size, taken.left if self._message_reads else 0

    @staticmethod
    def _within(reader: PipeReader, size: int) -> int:
        """How much of a stream to take: no message of no bytes that follows, which is a read of its own."""
        return min(size, reader._available()[0]) or size

    def write(self, data: Buffer | Sequence[Buffer], timeout: float | None = None, *, call: str = "write") -> int:
        """Write data: to a pipe of message type as one message, whole or not at all.

        It returns as soon as what the reader has not read is within the quota; then the data is the other side's,
        whatever becomes of this one.

        Args:
            data: Bytes, or a list or tuple of pieces.
            timeout: Seconds to wait for room. A message longer than the quota may be handed over although the reader
                has not made room for all of it in time; that is success.
            call: What the program has called, for the message of an error.

        Returns:
            How many bytes were written: all of a message; in non-blocking mode 0 if there is no room. To a pipe of byte
            type those for which there was room in time.

        Raises:
            Timeout: There was no room in time; nothing was written.
            PeerGone: Nobody can read it; a ``BrokenPipeError``.
            AccessDenied: This end may not write.
            InvalidPipeState: No client has come yet.
            InvalidParameter: The message is longer than 1 GiB.

        Source:
            WriteFile (Win32).
        """
        writer = self._for_writing(call)
        self._wrote = True
        if not self.settings.is_message:
            return self._write_stream(writer, data, timeout, call)
        if self.nowait and not self.may_fit(size_of(data)):
            self._check_somebody_reads(writer, call)
            return 0
        try:
            written = writer._deliver(data, 0 if self.nowait else timeout)
        except NtError as error:
            raise self._retold(error, call) from None
        if written is not None:
            return written
        if self.nowait:
            return 0
        raise self._failure(Status.TIMEOUT, call, "there is no room")

    def may_fit(self, size: int) -> bool:
        """Say whether so many bytes can be written in non-blocking mode, once all before them is read."""
        return size <= self._out_quota

    def _write_stream(
        self, writer: PipeWriter, data: Buffer | Sequence[Buffer], timeout: float | None, call: str
    ) -> int:
        joined = b"".join(map(memoryview, data)) if isinstance(data, (list, tuple)) else data
        deadline = Deadline(0 if self.nowait else timeout)
        done = 0
        with memoryview(joined) as view, view.cast("B") as source:  # type: ignore[arg-type]
            if not len(source):
                self._check_somebody_reads(writer, call)
                return 0
            try:
                if self.nowait:  # all or nothing, as NT has it
                    if not self.may_fit(len(source)):
                        self._check_somebody_reads(writer, call)
                        return 0
                    return len(source) if writer._offer(source, 0) is not None else 0
                while done < len(source):
                    with source[done : done + STREAM_PIECE] as part:
                        put = writer._put_some(part, deadline.left())
                    if put is None:
                        break
                    done += put[0]
                    if not self._out_quota and not writer._wait_taken(put[1], deadline.left()):
                        break
            except NtError as error:
                raise self._retold(error, call) from None
        if not done:
            raise self._failure(Status.TIMEOUT, call, "there is no room")
        return done

    def _check_somebody_reads(self, writer: PipeWriter, call: str) -> None:
        facts = writer._query()
        if facts["broken"] or not facts["readers"]:
            raise self._failure(facts["broken"] or Status.PIPE_CLOSING, call)

    def peek(self, size: int = 0) -> Peeked:
        """Look at what waits, and leave it there.

        Args:
            size: Most bytes to look at.

        Raises:
            EndOfStream: Nothing waits and the other side is gone; an ``EOFError``.
            InvalidPipeState: The instance has no client.
            AccessDenied: This end may not read.
            InvalidParameter: ``size`` is negative.

        Source:
            PeekNamedPipe (Win32).
        """
        reader = self._for_reading("peek")
        try:
            frame = reader._peek(self._checked_size("peek", size), not self.settings.is_message)
            available, messages = reader._available()
        except NtError as error:
            raise self._retold(error, "peek") from None
        if frame is None:
            return Peeked(b"", available, 0, messages)
        return Peeked(frame.data, available, frame.left if self.settings.is_message else 0, messages)

    def transact(
        self, data: Buffer | Sequence[Buffer], size: int | None = None, timeout: float | None = None
    ) -> tuple[bytes, int]:
        """Write one message and read the one that answers it.

        Args:
            data: The message.
            size: Most bytes of the answer; ``None`` for all of it.
            timeout: Seconds to wait for the answer.

        Returns:
            The answer, and how many bytes of it are left for the next read.

        Raises:
            InvalidPipeState: This end is not in message mode, or cannot both read and write.
            PipeBusy: Something waits to be read already, or an earlier answer has not come yet. Nothing is written.
            Timeout: No answer came in time. The message stays written.
            EndOfStream: The other side is gone.

        Source:
            TransactNamedPipe (Win32).
        """
        reader, writer = self._for_reading("transact"), self._for_writing("transact")
        if not self._message_reads:
            raise self._failure(Status.INVALID_READ_MODE, "transact")
        deadline = Deadline(timeout)
        questions, mine = self._questions, list[bool]()
        lock = questions.lock
        try:
            mine.extend(taken(lock, deadline.left()))
            if not any(mine):
                raise self._failure(Status.TIMEOUT, "transact", "another thread waits for its answer")
            if reader._available()[1]:
                detail = "something waits to be read, which would be taken for the answer"
                raise self._failure(Status.PIPE_BUSY, "transact", detail)
            asked_after = reader._taken  # nothing waits: the next message that is taken is the answer
            if questions.asked_after == asked_after:
                detail = "the answer to an earlier question has not been read"
                advice = "Take it with recv when it comes, or close the pipe and connect again"
                raise from_status(Status.PIPE_BUSY, "Pipe.transact", self._subject, detail, advice=advice)
            self._wrote = True
            if not writer._put_beyond(data, deadline.left()):
                raise self._failure(Status.TIMEOUT, "transact", "there is no memory")
            questions.asked_after = asked_after
            frame = reader._take(size, deadline.left())
        except NtError as error:
            raise self._retold(error, "transact") from None
        finally:
            if mine and mine[0]:
                lock.release()
        if frame is None:
            raise self._failure(Status.TIMEOUT, "transact", "no answer has come")
        return frame.data, frame.left

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the other side has read all that was written.

        Args:
            timeout: Seconds to wait.

        Returns:
            Whether it has.

        Raises:
            PeerGone: The other side went and has not read all of it; a ``BrokenPipeError``.
            InvalidPipeState: No client has come yet.
            AccessDenied: This end may not write.

        Source:
            FlushFileBuffers (Win32).
        """
        writer = self._for_writing("flush")
        if not self._wrote:  # nothing may wait but what others wrote who have this end, too
            facts = writer._query()
            if facts["broken"]:
                raise self._failure(facts["broken"], "flush")
            if not facts["messages"]:
                return True
        try:
            return bool(writer._flush(0 if self.nowait else timeout))
        except NtError as error:
            raise self._retold(error, "flush") from None

    # checks and refusals

    def _for_reading(self, call: str) -> PipeReader:
        """The way in, if this end may use it now."""
        self._check_open(call)
        if not self.may_read:
            raise self._denial(call, "read")
        self._check_state(call)
        return self.reader

    def _for_writing(self, call: str) -> PipeWriter:
        """The way out, if this end may use it now."""
        self._check_open(call)
        if not self.may_write:
            raise self._denial(call, "write")
        self._check_state(call)
        return self.writer

    def _checked_size(self, call: str, size: int) -> int:
        size = index(size)
        if size < 0:
            raise self._failure(Status.INVALID_PARAMETER, call, f"the size must be 0 or more bytes, not {size}")
        return min(size, LARGEST_SIZE)

    def _denial(self, call: str, verb: str) -> NtError:
        advice = f"Open the pipe so that this end may {verb}; its direction is {self.settings.direction}"
        return from_status(Status.ACCESS_DENIED, f"Pipe.{call}", self._subject, advice=advice)

    def _check_open(self, call: str) -> None:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, call)

    @abstractmethod
    def _check_state(self, call: str) -> None:
        """Refuse what cannot be done in the instance's state."""

    @property
    def _subject(self) -> str:
        return describe("pipe", self.name)

    def _nothing(self, call: str) -> NtError:
        if self.nowait:
            return self._failure(Status.PIPE_EMPTY, call)
        return self._failure(Status.TIMEOUT, call, "nothing has come")

    def _failure(self, status: int, call: str, detail: str = "") -> NtError:
        return from_status(status, f"Pipe.{call}", self._subject, detail)

    def _retold(self, error: NtError, call: str) -> NtError:
        """The kernel's failure, told of the pipe and of the call that the program made."""
        if error.operation.startswith("Pipe."):
            return error
        if error.status == Status.PIPE_CLOSING:
            detail = "the other side has closed its end, or its process has died"
            return from_status(error.status, f"Pipe.{call}", self._subject, detail, advice="Connect again")
        return retold(error, f"Pipe.{call}", self._subject)


def size_of(data: Buffer | Sequence[Buffer]) -> int:
    """Count the bytes of something to write.

    >>> size_of([b"ab", memoryview(b"cde")])
    5
    """
    if isinstance(data, (bytes, bytearray)):
        return len(data)
    if isinstance(data, (list, tuple)):
        return sum(map(size_of, data))
    with memoryview(data) as view:  # type: ignore[arg-type]
        return view.nbytes

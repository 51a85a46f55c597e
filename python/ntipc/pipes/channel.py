"""The two ways of an instance, one in and one out, and how data moves on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc._runtime.turns import Turns, taken
from ntipc.errors import NtError, Status, from_status
from ntipc.objects.object import ClosingObject
from ntipc.objects.parts import Parts

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc.pipes.settings import Settings

STREAM_PIECE = 65_536
"""Most bytes that a write to a pipe of byte type puts at once, so that reader and writer work at the same time."""


class PipeReader(_kernel.ReadEnd, ClosingObject):
    """The way in: set while there is something to read, and when nothing can come any more."""

    _kind = "pipe"
    _title = "Pipe"


class PipeWriter(_kernel.WriteEnd, ClosingObject):
    """The way out: set while there is room, and when nobody can read any more."""

    _kind = "pipe"
    _title = "Pipe"


def new_way(attachment: _kernel.Session, quota: int) -> tuple[PipeReader, PipeWriter]:
    """Make a queue of so many bytes; both of its ends."""
    reader, writer = PipeReader.__new__(PipeReader), PipeWriter.__new__(PipeWriter)
    reader._bind(attachment, None, _kernel.CREATE, 0, quota, (0, 0), writer)
    return reader, writer


class Peeked(NamedTuple):
    """What a look at an end shows. It is true if anything waits, even a message of no bytes.

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

    def __bool__(self) -> bool:
        return self.messages > 0


class Questions(Turns):
    """Whose turn it is to ask a question and wait for its answer.

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


class Channel(Parts, parts=("reader", "writer")):
    """What an end reads from and writes to, and in which mode. The end knows whether it may, and who is there.

    Each call takes ``operation``, the full name of the program's call, for the message of an error.

    Attributes:
        reader: The way in; ``None`` before there is any.
        writer: The way out; ``None`` before there is any.
        in_quota: Bytes that may wait for this end before the other side's writes wait.
        out_quota: Bytes that may wait for the other side before this end's writes wait.
        message_reads: Whether a read stops at the end of a message.
        nowait: Non-blocking mode: nothing waits, whatever its timeout.
    """

    def __init__(self, subject: str, settings: Settings, message_reads: bool) -> None:
        self._subject = subject
        self.is_message = settings.is_message
        self.message_reads = message_reads and settings.is_message
        self.nowait = False
        self.reader: PipeReader | None = None
        self.writer: PipeWriter | None = None
        self.in_quota = self.out_quota = 0
        self._wrote = False
        self._questions = Questions()

    def use(self, reader: PipeReader, writer: PipeWriter | None) -> None:
        """Talk to somebody else from now on."""
        self._wrote, self._questions = False, Questions()
        for end in (reader, writer):
            if end is not None:
                end._describe(self._subject)
        self.reader, self.writer = reader, writer

    def note_writing(self) -> None:
        """Take note that something is written past :meth:`write`."""
        self._wrote = True

    # what moves

    def read(self, size: int | None, timeout: float | None, operation: str) -> tuple[bytes, int]:
        """Read what waits: the bytes, and how many of the message are left for the next read."""
        reader = self._the_reader(operation)
        wait = 0 if self.nowait else timeout
        if self.message_reads:
            frame = reader._take(size, wait, operation=operation)
        else:
            most = self._within(reader, STREAM_PIECE if size is None else size, operation)
            frame = reader._take(most, wait, True, operation)
        if frame is None:
            raise self._nothing(operation)
        return frame.data, frame.left if self.message_reads else 0

    def read_into(self, buffer: Buffer, timeout: float | None, operation: str) -> tuple[int, int]:
        """Read what waits into memory that is there already: how many bytes, and how many of the message are left."""
        reader = self._the_reader(operation)
        wait = 0 if self.nowait else timeout
        if self.message_reads:
            taken = reader._take_into(buffer, wait, operation=operation)
        else:
            with (
                memoryview(buffer) as view,
                view.cast("B") as target,
                target[: self._within(reader, len(target), operation)] as part,
            ):
                taken = reader._take_into(part, wait, stream=True, operation=operation)
        if taken is None:
            raise self._nothing(operation)
        return taken.size, taken.left if self.message_reads else 0

    @staticmethod
    def _within(reader: PipeReader, size: int, operation: str) -> int:
        """How much of a stream to take. A message of no bytes that follows is a read of its own, so it is not taken."""
        return min(size, reader._available(operation)[0]) or size

    def write(self, data: Buffer | Sequence[Buffer], timeout: float | None, operation: str) -> int:
        """Write data, a message whole or not at all; how many bytes were written."""
        writer = self._the_writer(operation)
        self._wrote = True
        if not self.is_message:
            return self._write_stream(writer, data, timeout, operation)
        if self.nowait and not self.may_fit(size_of(data)):
            self._check_somebody_reads(writer, operation)
            return 0
        written = writer._deliver(data, 0 if self.nowait else timeout, operation)
        if written is None and not self.nowait:
            raise self._failure(Status.TIMEOUT, operation, "there is no room")
        return written or 0

    def may_fit(self, size: int) -> bool:
        """Say whether so many bytes can be written in non-blocking mode, once all before them is read."""
        return size <= self.out_quota

    def _write_stream(
        self, writer: PipeWriter, data: Buffer | Sequence[Buffer], timeout: float | None, operation: str
    ) -> int:
        joined = b"".join(map(memoryview, data)) if isinstance(data, (list, tuple)) else data
        with memoryview(joined) as view, view.cast("B") as source:  # type: ignore[arg-type]
            if not len(source):
                self._check_somebody_reads(writer, operation)
                return 0
            if self.nowait:
                return self._write_all_or_nothing(writer, source, operation)
            done = self._write_pieces(writer, source, timeout, operation)
        if not done:
            raise self._failure(Status.TIMEOUT, operation, "there is no room")
        return done

    def _write_all_or_nothing(self, writer: PipeWriter, source: memoryview, operation: str) -> int:
        """As NT does it in non-blocking mode."""
        if not self.may_fit(len(source)):
            self._check_somebody_reads(writer, operation)
            return 0
        return len(source) if writer._put_marked(source, 0, operation=operation) is not None else 0

    def _write_pieces(self, writer: PipeWriter, source: memoryview, timeout: float | None, operation: str) -> int:
        deadline = Deadline(timeout) if timeout else None  # of no time, and of all time, as much is left later
        left, done = timeout, 0
        while done < len(source):
            with source[done : done + STREAM_PIECE] as part:
                put = writer._put_some(part, left, operation)
            if put is None:
                break
            done += put[0]
            left = timeout if deadline is None else deadline.left()
            if not self.out_quota:
                if not writer._wait_taken(put[1], left, operation):
                    break
                left = timeout if deadline is None else deadline.left()
        return done

    def peek(self, size: int, operation: str) -> Peeked:
        """Look at what waits, and leave it there."""
        reader = self._the_reader(operation)
        frame = reader._peek(size, not self.is_message, operation)
        available, messages = reader._available(operation)
        if frame is None:
            return Peeked(b"", available, 0, messages)
        return Peeked(frame.data, available, frame.left if self.is_message else 0, messages)

    def transact(
        self, data: Buffer | Sequence[Buffer], size: int | None, timeout: float | None, operation: str
    ) -> tuple[bytes, int]:
        """Write one message and read the one that answers it, when it is this thread's turn."""
        reader, writer = self._the_reader(operation), self._the_writer(operation)
        deadline = Deadline(timeout)
        questions, mine = self._questions, list[bool]()
        lock = questions.lock
        try:
            mine.extend(taken(lock, deadline.left()))
            if not any(mine):
                raise self._failure(Status.TIMEOUT, operation, "another thread waits for its answer")
            self._put_question(reader, writer, questions, data, deadline.left(), operation)
            frame = reader._take(size, deadline.left(), operation=operation)
        finally:
            if mine and mine[0]:
                lock.release()
        if frame is None:
            raise self._failure(Status.TIMEOUT, operation, "no answer has come")
        return frame.data, frame.left

    def ask(self, data: Buffer | Sequence[Buffer], operation: str) -> None:
        """Write one message, whose answer is read later: nobody may ask meanwhile."""
        reader, writer, questions = self._the_reader(operation), self._the_writer(operation), self._questions
        if not questions.lock.acquire(blocking=False):
            raise self._failure(Status.PIPE_BUSY, operation, "another thread waits for its answer")
        try:
            self._put_question(reader, writer, questions, data, None, operation)
        finally:
            questions.lock.release()

    def _put_question(
        self,
        reader: PipeReader,
        writer: PipeWriter,
        questions: Questions,
        data: Buffer | Sequence[Buffer],
        timeout: float | None,
        operation: str,
    ) -> None:
        if reader._available(operation)[1]:
            detail = "something waits to be read, which would be taken for the answer"
            raise self._failure(Status.PIPE_BUSY, operation, detail)
        asked_after = reader._taken  # nothing waits: the next message that is taken is the answer
        if questions.asked_after == asked_after:
            detail = "the answer to an earlier question has not been read"
            advice = "Take it with recv when it comes, or close the pipe and connect again"
            raise from_status(Status.PIPE_BUSY, operation, self._subject, detail, advice=advice)
        self._wrote = True
        if not writer._put_beyond(data, timeout, operation):
            raise self._failure(Status.TIMEOUT, operation, "there is no memory")
        questions.asked_after = asked_after

    def flush(self, timeout: float | None, operation: str) -> bool:
        """Wait until the other side has read all that was written; whether it has."""
        writer = self._the_writer(operation)
        if not self._wrote:  # only what others wrote may wait, who have this end, too
            facts = writer._query()
            if facts["broken"]:
                raise self._failure(facts["broken"], operation)
            if not facts["messages"]:
                return True
        return writer._flush_for(0 if self.nowait else timeout, operation)

    # refusals

    def _the_reader(self, operation: str) -> PipeReader:
        if self.reader is None:
            raise self._failure(Status.INVALID_HANDLE, operation)
        return self.reader

    def _the_writer(self, operation: str) -> PipeWriter:
        if self.writer is None:
            raise self._failure(Status.INVALID_HANDLE, operation)
        return self.writer

    def _check_somebody_reads(self, writer: PipeWriter, operation: str) -> None:
        facts = writer._query()
        if facts["broken"] or not facts["readers"]:
            raise self._failure(facts["broken"] or Status.PIPE_CLOSING, operation)

    def _nothing(self, operation: str) -> NtError:
        if self.nowait:
            return self._failure(Status.PIPE_EMPTY, operation)
        return self._failure(Status.TIMEOUT, operation, "nothing has come")

    def _failure(self, status: int, operation: str, detail: str = "") -> NtError:
        return from_status(status, operation, self._subject, detail)


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

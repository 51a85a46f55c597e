"""One end of one instance of a pipe, with the calls and the statuses that NT has for it.

An instance is two queues, one for each way; an end has the reading end of one and the writing end of the other: its
:class:`~ntipc.pipes.channel.Channel`. What the friendly classes of :mod:`ntipc.pipes` do, they do through an end;
programs that want NT's own calls use it directly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum, auto
from operator import index
from typing import TYPE_CHECKING, NamedTuple

from ntipc.errors import NtError, PeerGone, Status, describe, from_status
from ntipc.objects.parts import Parts
from ntipc.objects.waiting import WaitPlan
from ntipc.pipes.channel import Channel, Peeked, PipeReader, PipeWriter
from ntipc.pipes.settings import PipeAccess, PipeState, Settings
from ntipc.session.peers import NOBODY, Peer, Sender

if TYPE_CHECKING:
    from typing_extensions import Buffer

LARGEST_SIZE = 1 << 40
"""More bytes than can wait."""


class PipeInfo(NamedTuple):
    """What is known of an end.

    Attributes:
        server: Whether it is the server's.
        mode: The pipe's type, ``"message"`` or ``"byte"``.
        in_quota: Bytes that may wait for this end before the other side's writes wait.
        out_quota: Bytes that may wait for the other side before this end's writes wait.
        max_instances: Most instances of the pipe; ``None`` for any number.
    """

    server: bool
    mode: str
    in_quota: int
    out_quota: int
    max_instances: int | None


class Purpose(Enum):
    """What a call wants with an instance: NT refuses each with a status of its own when nobody is connected."""

    READ = auto()
    PEEK = auto()
    OTHER = auto()


class PipeEnd(Parts, ABC, parts=("channel",)):
    """What the ends of servers and of clients have in common.

    Each call takes ``operation``, the full name of the program's call, for the message of an error.

    Attributes:
        name: The pipe's name, without any prefix.
        settings: What the pipe was told when its first instance was made.
        channel: The two ways, and the modes of reading and waiting.
        may_read: Whether this end may read.
        may_write: Whether it may write.
        may_ask: Whether its own state may be asked for. It may, unless a program that follows Windows says otherwise:
            there a server's end that may not read may not ask either.
        may_change: Whether its own state may be changed.
    """

    is_server = False

    def __init__(self, name: str, settings: Settings, access: PipeAccess, message_reads: bool) -> None:
        self.name = name
        self.settings = settings
        self.channel = Channel(describe("pipe", name), settings, message_reads)
        self.may_read, self.may_write = PipeAccess.READ in access, PipeAccess.WRITE in access
        self.may_ask = self.may_change = True
        self._sender: Sender | None = None

    # what it is

    @property
    @abstractmethod
    def state(self) -> PipeState:
        """What has become of the instance, as this end sees it."""

    @property
    def is_connected(self) -> bool:
        """Whether data can be moved at once, without a look at the instance's state."""
        return True

    @property
    def closed(self) -> bool:
        """Whether this end is closed here."""
        return self.channel.reader is None or self.channel.reader.closed

    @property
    def reader(self) -> PipeReader:
        """The way in, to wait for something to read.

        Raises:
            HandleClosed: The end is closed.
        """
        if self.channel.reader is None:
            raise self._failure(Status.INVALID_HANDLE, "Pipe.reader")
        return self.channel.reader

    @property
    def writer(self) -> PipeWriter:
        """The way out, to wait for room.

        Raises:
            HandleClosed: The end is closed.
        """
        if self.channel.writer is None:
            raise self._failure(Status.INVALID_HANDLE, "Pipe.writer")
        return self.channel.writer

    @property
    def peer(self) -> Peer:
        """The process at the other side."""
        return NOBODY if self._sender is None else self._sender.peer

    @property
    def message_reads(self) -> bool:
        """Whether a read stops at the end of a message."""
        return self.channel.message_reads

    @property
    def nowait(self) -> bool:
        """Non-blocking mode: nothing waits, whatever its timeout."""
        return self.channel.nowait

    def set_state(
        self, *, message_reads: bool | None = None, nowait: bool | None = None, operation: str = "Pipe.set_state"
    ) -> None:
        """Change how this end reads and waits. The other end is not affected.

        Args:
            message_reads: Whether a read stops at the end of a message; ``None`` to leave it.
            nowait: Non-blocking mode; ``None`` to leave it.
            operation: The program's call.

        Raises:
            InvalidParameter: Message reads of a pipe of byte type.
            PeerGone: The client's end was disconnected.

        Source:
            SetNamedPipeHandleState (Win32).
        """
        self._check_attached(operation, self.may_change)
        if message_reads and not self.settings.is_message:
            detail = "a pipe of byte type has no messages to read"
            raise self._failure(Status.INVALID_PARAMETER, operation, detail)
        if message_reads is not None:
            self.channel.message_reads = bool(message_reads)
        if nowait is not None:
            self.channel.nowait = bool(nowait)

    def info(self) -> PipeInfo:
        """Tell what is known of this end.

        Raises:
            PeerGone: The client's end was disconnected.

        Source:
            GetNamedPipeInfo (Win32).
        """
        self._check_attached("Pipe.info", self.may_ask)
        quotas = self.channel.in_quota, self.channel.out_quota
        return PipeInfo(self.is_server, self.settings.mode, *quotas, self.settings.max_instances)

    @abstractmethod
    def instances(self) -> int:
        """Count the pipe's instances.

        Raises:
            PeerGone: The client's end was disconnected.

        Source:
            GetNamedPipeHandleState (Win32).
        """

    def wait_plan(self) -> WaitPlan:
        """Say what is set when there is something to read; or, not final, what is set before there can be."""
        return WaitPlan((self.reader,))

    # what moves

    def read(
        self, size: int | None = None, timeout: float | None = None, *, operation: str = "Pipe.read"
    ) -> tuple[bytes, int]:
        """Read what waits: of one message with message reads, else whatever there is.

        Args:
            size: Most bytes to read; ``None`` for a whole message, or for all that waits of a stream.
            timeout: Seconds to wait for something.
            operation: The program's call.

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
        self._check_readable(operation)
        try:
            return self.channel.read(None if size is None else self._checked_size(operation, size), timeout, operation)
        except PeerGone as gone:
            raise self.ended(gone) from None

    def read_into(
        self, buffer: Buffer, timeout: float | None = None, *, operation: str = "Pipe.recv_into"
    ) -> tuple[int, int]:
        """Read what waits into memory that is there already.

        Args:
            buffer: Something writable.
            timeout: Seconds to wait for something.
            operation: The program's call.

        Returns:
            How many bytes were read, and how many of the message are left for the next read.

        Raises:
            NtError: Whatever :meth:`read` raises.
        """
        self._check_readable(operation)
        try:
            return self.channel.read_into(buffer, timeout, operation)
        except PeerGone as gone:
            raise self.ended(gone) from None

    def write(
        self, data: Buffer | Sequence[Buffer], timeout: float | None = None, *, operation: str = "Pipe.write"
    ) -> int:
        """Write data: to a pipe of message type as one message, whole or not at all.

        It returns as soon as what the reader has not read is within the quota; then the data is the other side's,
        whatever becomes of this one.

        Args:
            data: Bytes, or a list or tuple of pieces.
            timeout: Seconds to wait for room. A message longer than the quota may be handed over although the reader
                has not made room for all of it in time; that is success.
            operation: The program's call.

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
        self._check_writable(operation)
        return self.channel.write(data, timeout, operation)

    def peek(self, size: int = 0, *, operation: str = "Pipe.peek") -> Peeked:
        """Look at what waits, and leave it there.

        Args:
            size: Most bytes to look at.
            operation: The program's call.

        Raises:
            EndOfStream: Nothing waits and the other side is gone; an ``EOFError``.
            InvalidPipeState: The instance has no client.
            AccessDenied: This end may not read.
            InvalidParameter: ``size`` is negative.

        Source:
            PeekNamedPipe (Win32).
        """
        self._check_readable(operation, Purpose.PEEK)
        try:
            return self.channel.peek(self._checked_size(operation, size), operation)
        except PeerGone as gone:
            raise self.ended(gone) from None

    def transact(
        self,
        data: Buffer | Sequence[Buffer],
        size: int | None = None,
        timeout: float | None = None,
        *,
        operation: str = "Pipe.transact",
    ) -> tuple[bytes, int]:
        """Write one message and read the one that answers it.

        Args:
            data: The message.
            size: Most bytes of the answer; ``None`` for all of it.
            timeout: Seconds to wait for the answer.
            operation: The program's call.

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
        self._check_askable(operation)
        try:
            return self.channel.transact(data, size, timeout, operation)
        except PeerGone as gone:
            raise self.ended(gone) from None

    def ask(self, data: Buffer | Sequence[Buffer], *, operation: str = "Pipe.transact") -> None:
        """Write one message whose answer is the next that is read, as :meth:`transact` does, and leave the answer.

        Args:
            data: The message.
            operation: The program's call.

        Raises:
            NtError: Whatever :meth:`transact` raises.
        """
        self._check_askable(operation)
        self.channel.ask(data, operation)

    def flush(self, timeout: float | None = None, *, operation: str = "Pipe.flush") -> bool:
        """Wait until the other side has read all that was written.

        Args:
            timeout: Seconds to wait.
            operation: The program's call.

        Returns:
            Whether it has.

        Raises:
            PeerGone: The other side went and has not read all of it; a ``BrokenPipeError``.
            InvalidPipeState: No client has come yet.
            AccessDenied: This end may not write.

        Source:
            FlushFileBuffers (Win32).
        """
        self._check_writable(operation)
        return self.channel.flush(timeout, operation)

    # refusals

    def ended(self, gone: PeerGone) -> NtError:
        """Return the exception for a read that has found the other side gone."""
        return gone

    def _check_readable(self, operation: str, purpose: Purpose = Purpose.READ) -> None:
        self._check_open(operation)
        if not self.may_read:
            raise self._denial(operation, "read")
        self._check_state(operation, purpose)

    def _check_writable(self, operation: str) -> None:
        self._check_open(operation)
        if not self.may_write:
            raise self._denial(operation, "write")
        self._check_state(operation)

    def _check_askable(self, operation: str) -> None:
        self._check_readable(operation, Purpose.OTHER)
        self._check_writable(operation)
        if not self.message_reads:
            raise self._failure(Status.INVALID_READ_MODE, operation)

    def _check_open(self, operation: str) -> None:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, operation)

    @abstractmethod
    def _check_state(self, operation: str, purpose: Purpose = Purpose.OTHER) -> None:
        """Refuse what cannot be done in the instance's state."""

    def _check_attached(self, operation: str, allowed: bool) -> None:
        """Refuse what a closed end, or a disconnected client's, cannot be asked, or what it may not be asked."""
        self._check_open(operation)
        if not allowed:
            raise self._failure(Status.ACCESS_DENIED, operation)

    def _checked_size(self, operation: str, size: int) -> int:
        size = index(size)
        if size < 0:
            raise self._failure(Status.INVALID_PARAMETER, operation, f"the size must be 0 or more bytes, not {size}")
        return min(size, LARGEST_SIZE)

    def _denial(self, operation: str, verb: str) -> NtError:
        advice = f"Open the pipe so that this end may {verb}; its direction is {self.settings.direction}"
        return from_status(Status.ACCESS_DENIED, operation, self._subject, advice=advice)

    def _failure(self, status: int, operation: str, detail: str = "") -> NtError:
        return from_status(status, operation, self._subject, detail)

    @property
    def _subject(self) -> str:
        return describe("pipe", self.name)

    def _know(self, sender: tuple[int, int], pid: int = 0) -> None:
        """Take note of the process at the other side."""
        self._sender = Sender(self.reader.session._native, sender, pid)

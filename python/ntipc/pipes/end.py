"""One end of one instance of a pipe, with the calls and the statuses that NT has for it.

An instance is two queues, one for each way; an end has the reading end of one and the writing end of the other. What
the friendly classes of :mod:`ntipc.pipes` do, they do through this; programs that want NT's own calls use it directly.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import NamedTuple, Self

from ntipc.errors import Status
from ntipc.pipes.channel import Questions, Transfers
from ntipc.pipes.settings import PipeAccess, PipeState, Settings
from ntipc.pipes.ways import PipeReader, PipeWriter
from ntipc.session.peers import NOBODY, Peer, identify


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


class PipeEnd(Transfers):
    """What the ends of servers and of clients have in common.

    Attributes:
        settings: What the pipe was told when its first instance was made.
        may_read: Whether this end may read.
        may_write: Whether it may write.
        may_ask: Whether its own state may be asked for. It may, unless a program that follows Windows says otherwise:
            there a server's end that may not read may not ask either.
        may_change: Whether its own state may be changed.
        nowait: Non-blocking mode: nothing waits, whatever its timeout.
    """

    is_server = False

    def __init__(self, name: str, settings: Settings, access: PipeAccess, message_reads: bool) -> None:
        self.name = name
        self.settings = settings
        self.may_read, self.may_write = PipeAccess.READ in access, PipeAccess.WRITE in access
        self.may_ask = self.may_change = True
        self.nowait = False
        self._message_reads = message_reads and settings.is_message
        self._reader: PipeReader | None = None
        self._writer: PipeWriter | None = None
        self._in_quota = self._out_quota = 0
        self._wrote = False
        self._questions = Questions()
        self._process: tuple[int, int] | None = None
        self._peer: Peer | None = NOBODY

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
        return self._reader is None or self._reader.closed

    @property
    def reader(self) -> PipeReader:
        """The way in, to wait for something to read.

        Raises:
            HandleClosed: The end is closed.
        """
        if self._reader is None:
            raise self._failure(Status.INVALID_HANDLE, "reader")
        return self._reader

    @property
    def writer(self) -> PipeWriter:
        """The way out, to wait for room.

        Raises:
            HandleClosed: The end is closed.
        """
        if self._writer is None:
            raise self._failure(Status.INVALID_HANDLE, "writer")
        return self._writer

    @property
    def peer(self) -> Peer:
        """The process at the other side."""
        if self._peer is None:
            self._peer = identify(*self._process) if self._process else NOBODY
        return self._peer

    @property
    def message_reads(self) -> bool:
        """Whether a read stops at the end of a message."""
        return self._message_reads

    def set_state(
        self, *, message_reads: bool | None = None, nowait: bool | None = None, call: str = "set_state"
    ) -> None:
        """Change how this end reads and waits. The other end is not affected.

        Args:
            message_reads: Whether a read stops at the end of a message; ``None`` to leave it.
            nowait: Non-blocking mode; ``None`` to leave it.
            call: What the program has called, for the message of an error.

        Raises:
            InvalidParameter: Message reads of a pipe of byte type.
            PeerGone: The client's end was disconnected.

        Source:
            SetNamedPipeHandleState (Win32).
        """
        self._check_attached(call, self.may_change)
        if message_reads and not self.settings.is_message:
            detail = "a pipe of byte type has no messages to read"
            raise self._failure(Status.INVALID_PARAMETER, call, detail)
        if message_reads is not None:
            self._message_reads = bool(message_reads)
        if nowait is not None:
            self.nowait = bool(nowait)

    def info(self) -> PipeInfo:
        """Tell what is known of this end.

        Raises:
            PeerGone: The client's end was disconnected.

        Source:
            GetNamedPipeInfo (Win32).
        """
        self._check_attached("info", self.may_ask)
        quotas = self._in_quota, self._out_quota
        return PipeInfo(self.is_server, self.settings.mode, *quotas, self.settings.max_instances)

    @abstractmethod
    def instances(self) -> int:
        """Count the pipe's instances.

        Raises:
            PeerGone: The client's end was disconnected.

        Source:
            GetNamedPipeHandleState (Win32).
        """

    def waits_for(self) -> tuple[PipeReader, bool]:
        """Return what is set when there is something to read; or, with ``False``, what is set before there can be."""
        return self.reader, True

    def duplicate(self, access: int | str | None = None, inheritable: bool = False) -> Self:
        """Make another object for this end, which is closed when both are.

        Args:
            access: Rights of the new handles; ``None`` for those of these.
            inheritable: Mark of the new handles.

        Raises:
            HandleClosed: The end is closed.
            InvalidPipeState: No client has come yet.
        """
        self._check_open("duplicate")
        twin = copy.copy(self)
        twin._reader = self.reader.duplicate(access=access, inheritable=inheritable)
        twin._writer = self.writer.duplicate(access=access, inheritable=inheritable)
        return twin

    def close(self) -> None:
        """Close this end: the other side can still read what was written, and then learns of it. May be repeated."""
        for end in (self._reader, self._writer):
            if end is not None:
                end.close()

    def _check_attached(self, call: str, allowed: bool) -> None:
        """Refuse what a closed end, or a disconnected client's, cannot be asked, or what it may not be asked."""
        self._check_open(call)
        if not allowed:
            raise self._failure(Status.ACCESS_DENIED, call)

    def _know(self, sender: tuple[int, int], pid: int = 0) -> None:
        """Take note of who is at the other side; Linux is asked about it when somebody wants to know."""
        process = self.reader.session._native.process_of(sender)
        self._process, self._peer = process, None if process else Peer(pid, None, None)

"""The server's end of an instance: listening, connected, closing, disconnected, and listening again."""

from __future__ import annotations

from typing import Any, Self

from ntipc._runtime.deadlines import Deadline
from ntipc._runtime.turns import Turns
from ntipc.errors import EndOfStream, HandleClosed, Status, end_of_stream, from_status
from ntipc.objects.waiting import WaitPlan
from ntipc.pipes.channel import PipeReader, PipeWriter, new_way
from ntipc.pipes.end import PipeEnd, Purpose
from ntipc.pipes.offers import PipeName, Seat, put_offer, unpack_ends
from ntipc.pipes.settings import PipeState, Settings

LARGEST_PID = (1 << 22) - 1


class ServerEnd(PipeEnd, holds=("_door", "_seat", "_name")):
    """A server's end of one instance, which listens as soon as it is made.

    While it listens, a forked child gives up its copy, which would take clients away.

    Args:
        name: A hold on the pipe's name, which the end shares.
        wanted: What the program wants the pipe to be. Only the direction has to be that of the first instance.
        in_quota: Bytes that clients may write before they wait for this end to read.
        out_quota: Bytes that this end may write before it waits for the client to read.
        message_reads: Whether a read stops at the end of a message, if the pipe has any.
        patience: Seconds to wait until an instance of a process that has just died no longer counts.

    Raises:
        PipeBusy: There are as many instances as there may be.
        AccessDenied: The pipe has another direction.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateNamedPipe, ConnectNamedPipe, DisconnectNamedPipe (Win32).
    """

    is_server = True

    def __init__(
        self,
        name: PipeName,
        wanted: Settings,
        in_quota: int,
        out_quota: int,
        *,
        message_reads: bool = False,
        patience: float = 0,
    ) -> None:
        super().__init__(name.location.name, name.settings, name.settings.server_access, message_reads)
        self.channel.in_quota, self.channel.out_quota = in_quota, out_quota
        self._changing = Turns()
        self._state = PipeState.DISCONNECTED
        self._door: PipeReader | None = None
        self._name: PipeName | None = None
        self._seat: Seat | None = None
        self._leave_at_fork()
        try:
            self._name = name.duplicate()
            self._seat = Seat(name, patience)
            if wanted.direction != self.settings.direction:
                advice = f"The direction of the pipe is {self.settings.direction}"
                raise from_status(Status.ACCESS_DENIED, "PipeServer", self._subject, advice=advice)
            self._listen()
        except BaseException:
            self.close()
            raise

    def _listen(self) -> None:
        """Make a new way in and a new door, and offer the client's ends of them."""
        name, seat = self._name, self._seat
        if name is None or seat is None:
            raise self._failure(Status.INVALID_HANDLE, "Pipe.connect")
        reader, way = new_way(name.attachment, self.channel.in_quota)
        self.channel.use(reader, None)
        # The old door is closed last. An interrupt before that leaves a door to which nobody can come; the next look at
        # it makes another one.
        before, (self._door, door) = self._door, new_way(name.attachment, 0)
        self._door._describe(self._subject)
        if before is not None:
            before.close()  # which ends the waits there; they go on at the new door
        self._sender = None
        self._state = PipeState.LISTENING
        self._leave_at_fork()
        put_offer(name, door, way, seat.writer, self.channel.in_quota, self.channel.out_quota)

    def notice_client(self) -> bool:
        """Say whether a client has come. If one took the offer and ended at once, offer the instance again."""
        with self._changing.lock:
            door = self._door
            if self._state != PipeState.LISTENING or door is None:
                return self._state == PipeState.CONNECTED
            try:
                frame = door._take(None, 0)
            except EndOfStream:
                self._listen()
                return False
            if frame is None:
                return False
            ends = unpack_ends(frame, (PipeWriter,))
            if ends is None:  # not what a client says, so its sender is none
                self._listen()
                return False
            self.channel.use(self.reader, ends[0])
            self._state = PipeState.CONNECTED
            self._keep_at_fork()
            self._know(frame.sender, frame.tag & LARGEST_PID)
            self._door = None
            door.close()  # which ends the waits there
            return True

    def has_client(self) -> bool:
        """Say whether a client has come, if possible without taking notice of it: others may wait for it, too."""
        with self._changing.lock:
            door = self._door
            if self._state != PipeState.LISTENING or door is None:
                return self._state == PipeState.CONNECTED
            if door.closed:
                return False
            # A door without writers is that of a client who took the offer and ended.
            return bool(door._available()[1]) or (not door._query()["writers"] and self.notice_client())

    @property
    def door(self) -> PipeReader | None:
        """What is set when a client comes; ``None`` once it is there."""
        return self._door if self._state == PipeState.LISTENING else None

    @property
    def is_connected(self) -> bool:
        """Whether a client has been noticed."""
        return self._state == PipeState.CONNECTED

    def wait_plan(self) -> WaitPlan:
        """Say what is set when there is something to read; or, not final, when a client comes."""
        if self._state == PipeState.LISTENING and not self.notice_client() and (door := self.door) is not None:
            return WaitPlan((door,), final=False)
        return super().wait_plan()

    @property
    def state(self) -> PipeState:
        """What has become of the instance.

        Raises:
            HandleClosed: The end is closed.
        """
        self._check_open("Pipe.state")
        if self._state == PipeState.LISTENING:
            self.notice_client()
        if self._state == PipeState.CONNECTED and not self.writer._query()["readers"]:
            return PipeState.CLOSING
        return self._state

    def connect(self, timeout: float | None = None, *, operation: str = "Pipe.connect") -> None:
        """Wait until a client is connected; a disconnected instance listens again.

        Args:
            timeout: Seconds to wait.
            operation: The program's call.

        Raises:
            Timeout: No client came in time.
            InvalidPipeState: A client is connected already (PIPE_CONNECTED), or none is, in non-blocking mode
                (PIPE_LISTENING).
            PeerGone: The last client has closed its end, and was not disconnected yet (PIPE_CLOSING).

        Source:
            ConnectNamedPipe (Win32).
        """
        deadline = Deadline(timeout)
        self._check_open(operation)
        state = self.state
        if state == PipeState.CONNECTED:
            raise self._failure(Status.PIPE_CONNECTED, operation)
        if state == PipeState.CLOSING:
            raise self._failure(Status.PIPE_CLOSING, operation, "the last client has gone; disconnect it first")
        if state == PipeState.DISCONNECTED:
            with self._changing.lock:
                if self._state == PipeState.DISCONNECTED:
                    self._listen()
        while not self.notice_client():
            self._check_open(operation)
            if self._state == PipeState.DISCONNECTED:
                raise self._failure(Status.PIPE_DISCONNECTED, operation)
            if self.nowait:
                raise self._failure(Status.PIPE_LISTENING, operation)
            try:
                if (door := self.door) is not None and not door.wait(deadline.left()):
                    raise self._failure(Status.TIMEOUT, operation, "no client has come")
            except HandleClosed:
                continue  # there is a client by now, or this end was closed

    def disconnect(self, *, operation: str = "Pipe.disconnect") -> None:
        """Part from the client; what either side has not read yet is thrown away.

        The client's next call fails, and so does what it waits in. The instance can listen again with :meth:`connect`.

        Raises:
            PeerGone: It is disconnected already.

        Source:
            DisconnectNamedPipe (Win32).
        """
        self._check_open(operation)
        with self._changing.lock:
            if self._state == PipeState.DISCONNECTED:
                raise self._failure(Status.PIPE_DISCONNECTED, operation)
            self._state = PipeState.DISCONNECTED
            self._keep_at_fork()
            self._sender = None
            for end in (self.channel.reader, self.channel.writer, self._door):
                if end is not None:
                    end._break_queue(Status.PIPE_DISCONNECTED)

    def instances(self) -> int:
        """Count the pipe's instances."""
        self._check_attached("Pipe.info", self.may_ask)
        return 0 if self._seat is None else self._seat.count()

    def duplicate(self, *, access: int | str | None = None, inheritable: bool = False) -> Self:
        """Make another object for this end, which is closed when both are; each counts as an instance.

        Raises:
            InvalidPipeState: No client has come yet.
            HandleClosed: The end is closed.
        """
        self._check_open("Pipe.duplicate")
        self._check_state("Pipe.duplicate")
        twin = super().duplicate(access=access, inheritable=inheritable)
        twin._changing = Turns()
        return twin

    def __getstate__(self) -> dict[str, Any]:
        self._check_state("Pipe.__reduce__")
        return vars(self)

    def close(self) -> None:
        """Close this end: the client can still read what was written, and then learns of it. May be repeated."""
        self._keep_at_fork()
        super().close()

    def _check_state(self, operation: str, purpose: Purpose = Purpose.OTHER) -> None:
        if self._state == PipeState.LISTENING:
            self.notice_client()
        if self._state == PipeState.CONNECTED:
            return
        if purpose == Purpose.PEEK:
            raise self._failure(Status.INVALID_PIPE_STATE, operation)
        if self._state == PipeState.LISTENING:
            raise self._failure(Status.PIPE_LISTENING, operation)
        if purpose == Purpose.READ:
            raise end_of_stream(Status.PIPE_DISCONNECTED, operation, self._subject)
        raise self._failure(Status.PIPE_DISCONNECTED, operation)

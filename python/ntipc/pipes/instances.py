"""The server's end of an instance: listening, connected, closing, disconnected, and listening again."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Self

from ntipc.deadlines import Deadline
from ntipc.errors import EndOfStream, Status, end_of_stream, from_status
from ntipc.peers import NOBODY
from ntipc.pipes.ends import PipeEnd
from ntipc.pipes.offers import PipeName, Seat, put_offer, unpack_ends
from ntipc.pipes.settings import PipeAccess, PipeState, Settings
from ntipc.pipes.ways import PipeWriter, new_way

LARGEST_PID = (1 << 22) - 1

_ends: weakref.WeakSet[ServerEnd] = weakref.WeakSet()
_listening: weakref.WeakSet[ServerEnd] = weakref.WeakSet()
"""Ends that wait for a client: a child of a fork lets go of its copies, which would take clients away."""


class ServerEnd(PipeEnd):
    """A server's end of one instance, which listens as soon as it is made.

    Args:
        name: A hold on the pipe's name, which the end shares.
        wanted: What the program wants the pipe to be. Only the direction has to be that of the first instance.
        in_quota: Bytes that clients may write before they wait for this end to read.
        out_quota: Bytes that this end may write before it waits for the client to read.
        patience: Seconds to wait for an instance of a process that has just died to count no more.

    Raises:
        PipeBusy: There are as many instances as there may be.
        AccessDenied: The pipe has another direction.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateNamedPipe, ConnectNamedPipe, DisconnectNamedPipe (Win32).
    """

    is_server = True

    def __init__(self, name: PipeName, wanted: Settings, in_quota: int, out_quota: int, *, patience: float = 0) -> None:
        super().__init__(name.location.name, name.settings, name.settings.server_access)
        self._name = name.share()
        self._in_quota, self._out_quota = in_quota, out_quota
        self._lock = threading.Lock()
        _ends.add(self)
        self._state = PipeState.DISCONNECTED
        seat = None
        try:
            self._seat = seat = Seat(name, patience)
            if wanted.direction != self.settings.direction:
                advice = f"The direction of the pipe is {self.settings.direction}"
                raise from_status(Status.ACCESS_DENIED, "PipeServer", self._subject, advice=advice)
            self._listen()
        except BaseException:
            if seat is not None:
                seat.close()
            name.close()
            raise

    def _listen(self) -> None:
        """Make the way in anew, and offer the client's end of it."""
        self._reader, theirs = new_way(self._name.attachment, self._in_quota)
        self._writer = None
        self._peer = NOBODY
        self._state = PipeState.LISTENING
        _listening.add(self)
        put_offer(self._name, theirs, self._seat.writer, self._out_quota)

    def _look_for_client(self) -> bool:
        """Say whether a client has come. If one took the offer and ended before it said so, offer the instance anew."""
        with self._lock:
            if self._state != PipeState.LISTENING:
                return self._state == PipeState.CONNECTED
            try:
                frame = self.reader.take(None, 0)
            except EndOfStream:
                self._listen()
                return False
            if frame is None:
                return False
            ends = unpack_ends(self.reader, frame, (PipeWriter,))
            if ends is None:  # not a client's first message: whoever sent it is none
                self._listen()
                return False
            (self._writer,) = ends
            self._state = PipeState.CONNECTED
            _listening.discard(self)
            self._know(frame.sender, frame.tag & LARGEST_PID)
            _ = self.peer  # now: a server decides by it, and the client may end at any time
            return True

    def has_client(self) -> bool:
        """Say whether a client has come, without taking notice of it: the end stays set for who waits for it."""
        with self._lock:
            if self._state != PipeState.LISTENING:
                return self._state == PipeState.CONNECTED
            reader = self._reader
        if reader is None or reader.closed:
            return False
        return reader.available()[1] > 0 or self._look_for_client()

    @property
    def is_connected(self) -> bool:
        """Whether a client has been noticed."""
        return self._state == PipeState.CONNECTED

    @property
    def state(self) -> PipeState:
        """What has become of the instance.

        Raises:
            HandleClosed: The end is closed.
        """
        self._check_open("state")
        if self._state == PipeState.LISTENING:
            self._look_for_client()
        if self._state == PipeState.CONNECTED and not self.writer.query()["readers"]:
            return PipeState.CLOSING
        return self._state

    def connect(self, timeout: float | None = None) -> None:
        """Wait until a client is connected; a disconnected instance listens again.

        Args:
            timeout: Seconds to wait.

        Raises:
            Timeout: No client came in time.
            InvalidPipeState: A client is connected already (PIPE_CONNECTED), or none is, in non-blocking mode
                (PIPE_LISTENING).
            PeerGone: The last client has closed its end, and was not disconnected yet (PIPE_CLOSING).

        Source:
            ConnectNamedPipe (Win32).
        """
        deadline = Deadline(timeout)
        state = self.state
        if state == PipeState.CONNECTED:
            raise self._failure(Status.PIPE_CONNECTED, "connect")
        if state == PipeState.CLOSING:
            detail = "the last client has gone; disconnect it first"
            raise self._failure(Status.PIPE_CLOSING, "connect", detail)
        if state == PipeState.DISCONNECTED:
            with self._lock:
                if self._state == PipeState.DISCONNECTED:
                    self._listen()
        while not self._look_for_client():
            if self._state == PipeState.DISCONNECTED:
                raise self._failure(Status.PIPE_DISCONNECTED, "connect")
            if self.nowait:
                raise self._failure(Status.PIPE_LISTENING, "connect")
            if not self.reader.wait(deadline.left()):
                raise self._failure(Status.TIMEOUT, "connect", "no client has come")

    def disconnect(self) -> None:
        """Part from the client; what either side has not read yet is thrown away.

        The client's next call fails, and so does what it waits in. The instance can listen again with :meth:`connect`.

        Raises:
            PeerGone: It is disconnected already.

        Source:
            DisconnectNamedPipe (Win32).
        """
        self._check_open("disconnect")
        with self._lock:
            if self._state == PipeState.DISCONNECTED:
                raise self._failure(Status.PIPE_DISCONNECTED, "disconnect")
            self._state = PipeState.DISCONNECTED
            _listening.discard(self)
            self._peer = NOBODY
            for end in (self._reader, self._writer):
                if end is not None:
                    end.break_queue(Status.PIPE_DISCONNECTED)

    def instances(self) -> int:
        """Count the pipe's instances."""
        self._check_attached("instances", PipeAccess.READ)
        return self._seat.count()

    def duplicate(self) -> Self:
        """Make another object for this end, which is closed when both are; each counts as an instance."""
        self._check_state("duplicate")
        twin = super().duplicate()
        twin._name, twin._seat = self._name.share(), self._seat.duplicate()
        twin._lock = threading.Lock()
        _ends.add(twin)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        self._check_state("__reduce__")
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()
        _ends.add(self)

    def close(self) -> None:
        """Close this end: the client can still read what was written, and then learns of it. May be repeated."""
        _listening.discard(self)
        if not self.closed:
            super().close()
            self._seat.close()
            self._name.close()

    def _check_state(self, call: str) -> None:
        if self._state == PipeState.LISTENING:
            self._look_for_client()
        if self._state == PipeState.CONNECTED:
            return
        if call == "peek":
            raise self._failure(Status.INVALID_PIPE_STATE, call)
        if self._state == PipeState.LISTENING:
            raise self._failure(Status.PIPE_LISTENING, call)
        if call in ("read", "read_into"):
            raise end_of_stream(Status.PIPE_DISCONNECTED, f"Pipe.{call}", self._subject, "")
        raise self._failure(Status.PIPE_DISCONNECTED, call)


def _begin_child() -> None:
    for end in list(_ends):
        end._lock = threading.Lock()  # the thread that had it is not in this process
    for end in list(_listening):
        end.close()


os.register_at_fork(after_in_child=_begin_child)

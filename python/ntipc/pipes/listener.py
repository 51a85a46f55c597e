"""The instance of a server that listens, and the one after it."""

from __future__ import annotations

from ntipc import _kernel
from ntipc._runtime.turns import Turns
from ntipc.errors import NtError, PipeBusy, Status, describe, from_status
from ntipc.objects.parts import Parts
from ntipc.pipes.offers import PipeName, open_vacancy
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import Settings
from ntipc.sync.events import Event

PATIENCE = 0.05
"""Seconds in which an instance of a server that was killed a moment ago counts no more."""


class Listener(Parts, holds=("name",)):
    """Has one instance at a time listen, if there may be one more.

    Attributes:
        name: A hold on the pipe's name, which is given up with :meth:`close`.
        wanted: What the program wants the pipe to be.
        quotas: Bytes that clients, and that this side may write before they wait.
        closed: Whether no instance listens any more.

    Args:
        may_wait: Whether the first instance may wait for a vacancy, which :meth:`vacancy` tells of.

    Raises:
        PipeBusy: There are as many instances as there may be, and not ``may_wait``.
        AccessDenied: The pipe has another direction.
        OutOfResources: The session is full and cannot grow.
    """

    def __init__(self, name: PipeName, wanted: Settings, quotas: tuple[int, int], *, may_wait: bool = False) -> None:
        self.name, self.wanted, self.quotas = name, wanted, quotas
        self.closed = False
        self._making = Turns()
        self._closing: Event | None = None
        """Set with ``closed``, for threads that wait for a vacancy, to which others have handles as well."""
        self._idle: ServerEnd | None = None
        try:
            self._idle = self._make(0 if may_wait else PATIENCE)
        except BaseException as error:
            if not (may_wait and isinstance(error, PipeBusy)):
                name.close()
                raise

    def _make(self, patience: float = 0) -> ServerEnd:
        return ServerEnd(self.name, self.wanted, *self.quotas, message_reads=True, patience=patience)

    def instance(self, call: str) -> ServerEnd:
        """Return the instance that listens, or that has a client whom nobody has accepted.

        Raises:
            PipeBusy: There may be no more instances.
            HandleClosed: The server is closed.
        """
        with self._making.lock:
            self.check_open(call)
            if self._idle is None or self._idle.closed:  # it is closed if this process has been forked since
                self._idle = self._make()
                self._close_late(call)
            return self._idle

    def claim(self, end: ServerEnd, call: str) -> bool:
        """Take the instance, which has a client now, and have the next one listen.

        Returns:
            Whether it is the caller's now: a signal handler may have been quicker.

        Raises:
            HandleClosed: The server was closed, and the instance with it.
        """
        with self._making.lock:
            if self._idle is not end:
                self.check_open(call)
                return False
            try:
                following = self._make()  # an interrupt meanwhile leaves this client to the next call
            except NtError:
                following = None  # the next call waits for it, or says what is wrong
            self._idle = following
            if self.closed:  # by a signal handler
                self._close_idle()
            return True

    def vacancy(self, call: str) -> tuple[_kernel.Waitable, ...]:
        """Return what is set while there may be one more instance, and what is set when the server is closed.

        Returns:
            Nothing, if there may be one now.

        Raises:
            HandleClosed: The server is closed.
        """
        with self._making.lock:
            self.check_open(call)
            if self._closing is None:
                self._closing = Event(manual_reset=True, session=self.name.reader.session)
                self._leave_at_fork()
            vacancy = open_vacancy(self.name)
            return () if vacancy is None else (vacancy, self._closing)

    def has_client(self) -> bool:
        """Say whether the instance that listened has a client.

        Raises:
            HandleClosed: The server is closed.
        """
        with self._making.lock:
            self.check_open("wait")
            end = self._idle
        return end is not None and end.has_client()

    def close(self) -> None:
        """Let no instance listen any more, and wake the threads that wait for a client. May be repeated."""
        self.closed = True
        with self._making.lock:
            self._close_idle()
            if self._closing is not None and not self._closing.closed:
                self._closing.set()
            self.name.close()

    def _close_late(self, call: str) -> None:
        """A signal handler has perhaps closed the server while its thread was making an instance."""
        if self.closed:
            self._close_idle()
            self.check_open(call)

    def _close_idle(self) -> None:
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def _left_by_child(self) -> None:
        """Close a child's copy of its parent's event. A wait that the child continues then plans again."""
        closing, self._closing = self._closing, None
        if closing is not None:
            closing.close()

    def check_open(self, call: str) -> None:
        """Refuse what a closed server cannot do."""
        if self.closed:
            raise self.failure(Status.INVALID_HANDLE, call)

    def failure(self, status: int, call: str, detail: str = "") -> NtError:
        """Make the exception for a call of the server that failed."""
        return from_status(status, f"PipeServer.{call}", describe("pipe", self.name.location.name), detail)

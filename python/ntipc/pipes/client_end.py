"""The client's end of an instance, and the wait for an instance that is free."""

from __future__ import annotations

import os
from typing import Self

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import EndOfStream, NtError, PeerGone, Status, describe, end_of_stream, from_status
from ntipc.objects.devices import Location
from ntipc.pipes.channel import new_way
from ntipc.pipes.end import PipeEnd, Purpose
from ntipc.pipes.offers import CONNECT, NameReader, NameWriter, count_seats, open_offers, send_ends, take_offer
from ntipc.pipes.settings import PipeAccess, PipeState, Settings


def own_pid_for(server: tuple[int, int], attachment: _kernel.Session) -> int:
    """The pid of this process for a server of its own pid namespace; 0 for another one, which has strangers by it."""
    process = attachment.process_of(server)
    return os.getpid() if process and process[0] else 0


class ClientEnd(PipeEnd, holds=("_seats",)):
    """A client's end of one instance. It waits, and reads bytes, not messages, until it is set to do otherwise."""

    _seats: NameWriter

    @classmethod
    def open(
        cls,
        location: Location,
        attachment: _kernel.Session,
        access: PipeAccess | None = None,
        timeout: float | None = None,
        message_reads: bool = False,
        *,
        operation: str = "PipeClient",
    ) -> Self:
        """Connect to the instance that has listened longest.

        Args:
            location: The pipe's name.
            attachment: The session it lives in.
            access: What the end is to do; ``None`` for all that the pipe's direction allows.
            timeout: Seconds to wait for an instance that is free.
            message_reads: Whether a read stops at the end of a message, if the pipe has any.
            operation: The program's call.

        Raises:
            ObjectNotFound: There is no such pipe.
            PipeBusy: No instance was free in time.
            AccessDenied: The pipe's direction does not allow ``access``.

        Source:
            CreateFile, WaitNamedPipe (Win32).
        """
        deadline = Deadline(timeout)
        polls = timeout is not None and timeout <= 0
        while True:
            offers = open_offers(location, attachment, operation)
            settings = Settings.of(offers._query()["user"])
            allowed = settings.client_access
            wanted = allowed if access is None else access
            if wanted not in allowed and not (polls and not offers._drop_stranded()):
                advice = f"The direction of the pipe is {settings.direction}"
                raise from_status(Status.ACCESS_DENIED, operation, describe("pipe", location.name), advice=advice)
            end = cls(location.name, settings, wanted, message_reads)
            try:
                found = end._take(offers, attachment, deadline.left(), operation)
            except EndOfStream:  # the last server has gone; another one may have the name by now
                continue
            finally:
                offers.close()
            if found:
                return end
            raise from_status(Status.PIPE_NOT_AVAILABLE, operation, describe("pipe", location.name))

    def _take(self, offers: NameReader, attachment: _kernel.Session, timeout: float | None, operation: str) -> bool:
        """Take offers until one is good. ``False``: the time ran out."""
        deadline = Deadline(timeout)
        while (offer := take_offer(offers, deadline.left())) is not None:
            reader, answers = new_way(attachment, offer.out_quota)
            try:
                send_ends(offer.door, b"", (answers,), operation, CONNECT | own_pid_for(offer.sender, attachment))
            except PeerGone:  # its server has gone
                for end in (offer.door, offer.writer, offer.seats, reader, answers):
                    end.close()
                continue
            offer.door.close()
            self.channel.use(reader, offer.writer)
            self.channel.in_quota, self.channel.out_quota = offer.out_quota, offer.in_quota
            self._seats = offer.seats
            self._know(offer.sender)
            return True
        return False

    @property
    def state(self) -> PipeState:
        """What has become of the instance.

        Raises:
            HandleClosed: The end is closed.
        """
        self._check_open("Pipe.state")
        facts = self.writer._query()
        if facts["broken"]:
            return PipeState.DISCONNECTED
        return PipeState.CONNECTED if facts["readers"] else PipeState.CLOSING

    def instances(self) -> int:
        """Count the pipe's instances."""
        self._check_attached("Pipe.info", self.may_ask)
        return count_seats(self._seats)

    def ended(self, gone: PeerGone) -> NtError:
        """Return the exception for a read that has found the server gone.

        A server that disconnects before it has noticed the client has broken only the way to itself.
        """
        status = self.writer._query()["broken"] if gone.status == Status.PIPE_BROKEN and not self.closed else 0
        return end_of_stream(status, gone.operation, self._subject) if status else gone

    def _check_state(self, operation: str, purpose: Purpose = Purpose.OTHER) -> None:
        """The kernel refuses what cannot be done."""

    def _check_attached(self, operation: str, allowed: bool) -> None:
        super()._check_attached(operation, allowed)
        status = self.writer._query()["broken"]
        if status:
            raise self._failure(status, operation)


def wait_for_instance(
    location: Location, attachment: _kernel.Session, timeout: float | None, *, operation: str = "wait_for_pipe"
) -> bool:
    """Wait until some instance listens.

    Raises:
        ObjectNotFound: There is no such pipe, or its last server has ended meanwhile.
    """
    deadline = Deadline(timeout)
    while True:
        offers = open_offers(location, attachment, operation)
        try:
            if offers._drop_stranded():
                return True
            if not offers.wait(deadline.left()):
                return False
        except EndOfStream:
            continue
        finally:
            offers.close()


def default_wait(location: Location, attachment: _kernel.Session, *, operation: str = "wait_for_pipe") -> float:
    """Return the seconds that a wait for an instance takes when the client does not say: the pipe's maker has.

    Raises:
        ObjectNotFound: There is no such pipe.
    """
    offers = open_offers(location, attachment, operation)
    try:
        return Settings.of(offers._query()["user"]).default_wait
    finally:
        offers.close()

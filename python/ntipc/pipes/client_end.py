"""The client's end of an instance, and the wait for an instance that is free."""

from __future__ import annotations

import os
from typing import Self

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import EndOfStream, NtError, PeerGone, Status, describe, end_of_stream, from_status
from ntipc.objects.devices import Location
from ntipc.pipes.end import PipeEnd
from ntipc.pipes.offers import CONNECT, NameReader, NameWriter, count_seats, open_offers, send_ends, take_offer
from ntipc.pipes.settings import PipeAccess, PipeState, Settings
from ntipc.pipes.ways import new_way


class ClientEnd(PipeEnd):
    """A client's end of one instance. It waits, and its reads know no messages unless they are told to."""

    _seats: NameWriter

    @classmethod
    def open(
        cls,
        location: Location,
        attachment: _kernel.Session,
        access: PipeAccess | None = None,
        timeout: float | None = None,
        message_reads: bool = False,
    ) -> Self:
        """Connect to the instance that has listened longest.

        Args:
            location: The pipe's name.
            attachment: The session it lives in.
            access: What the end is to do; ``None`` for all that the pipe's direction allows.
            timeout: Seconds to wait for an instance that is free.
            message_reads: Whether a read stops at the end of a message, if the pipe has any.

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
            offers = open_offers(location, attachment)
            settings = Settings.of(offers._query()["user"])
            allowed = settings.client_access
            wanted = allowed if access is None else access
            if wanted not in allowed and not (polls and not offers._drop_stranded()):
                advice = f"The direction of the pipe is {settings.direction}"
                raise from_status(Status.ACCESS_DENIED, "PipeClient", describe("pipe", location.name), advice=advice)
            end = cls(location.name, settings, wanted, message_reads)
            try:
                found = end._take(offers, attachment, deadline.left())
            except EndOfStream:  # the last server has gone; another one may have the name by now
                continue
            finally:
                offers.close()
            if found:
                return end
            raise from_status(Status.PIPE_NOT_AVAILABLE, "PipeClient", describe("pipe", location.name))

    def _take(self, offers: NameReader, attachment: _kernel.Session, timeout: float | None) -> bool:
        """Take offers until one is good."""
        deadline = Deadline(timeout)
        while (offer := take_offer(offers, deadline.left())) is not None:
            reader, answers = new_way(attachment, offer.out_quota)
            try:
                send_ends(offer.door, b"", (answers,), CONNECT | os.getpid())
            except PeerGone:  # its server has gone
                for end in (offer.door, offer.writer, offer.seats, reader, answers):
                    end.close()
                continue
            offer.door.close()
            self._reader, self._writer, self._seats = reader, offer.writer, offer.seats
            self._in_quota, self._out_quota = offer.out_quota, offer.in_quota
            self._know(offer.sender)
            return True
        return False

    @property
    def state(self) -> PipeState:
        """What has become of the instance.

        Raises:
            HandleClosed: The end is closed.
        """
        self._check_open("state")
        facts = self.writer._query()
        if facts["broken"]:
            return PipeState.DISCONNECTED
        return PipeState.CONNECTED if facts["readers"] else PipeState.CLOSING

    def instances(self) -> int:
        """Count the pipe's instances."""
        self._check_attached("instances", self.may_ask)
        return count_seats(self._seats)

    def duplicate(self, access: int | str | None = None, inheritable: bool = False) -> Self:
        """Make another object for this end, which is closed when both are."""
        twin = super().duplicate(access, inheritable)
        twin._seats = self._seats.duplicate()
        return twin

    def close(self) -> None:
        """Close this end: the server can still read what was written, and then learns of it. May be repeated."""
        super().close()
        self._seats.close()

    def _check_state(self, call: str) -> None:
        """The kernel refuses what cannot be done."""

    def _retold(self, error: NtError, call: str) -> NtError:
        # A server that disconnects before it has noticed the client has broken only the way to it.
        status = self.writer._query()["broken"] if error.status == Status.PIPE_BROKEN else 0
        if status:
            return end_of_stream(status, f"Pipe.{call}", self._subject, "")
        return super()._retold(error, call)

    def _check_attached(self, call: str, allowed: bool) -> None:
        super()._check_attached(call, allowed)
        status = self.writer._query()["broken"]
        if status:
            raise self._failure(status, call)


def wait_for_instance(location: Location, attachment: _kernel.Session, timeout: float | None) -> bool:
    """Wait until some instance listens.

    Raises:
        ObjectNotFound: There is no such pipe, or its last server has ended meanwhile.
    """
    deadline = Deadline(timeout)
    while True:
        offers = open_offers(location, attachment, "wait_for_pipe")
        try:
            if offers._drop_stranded():
                return True
            if not offers.wait(deadline.left()):
                return False
        except EndOfStream:
            continue
        finally:
            offers.close()

r"""How the servers and the clients of a pipe meet: the pipe's name is that of a queue of offers.

* Each listening instance has put one offer there: a message that carries the writing ends of two queues, the way on
  which the client is to speak, and the *door*. A client opens the name and takes an offer. The instance that began to
  listen first is taken first, and a client that finds no offer waits as for any message. The client makes the queue on
  which it wants to be answered, and sends the writing end of that queue to the door, in a message that says that it is
  there.
* A server that waits for a client waits at the door. The door is closed when a client has come, so a server never takes
  what a client says for the next client.
* The name lives as long as some server holds it. A server that dies leaves its offers behind. They lead nowhere, since
  nobody has the reading end, and the next process that meets one drops it.
* How many instances there are is how many handles there are to the reading end of a second queue, the *seats*, on which
  nothing is sent. So the kernel decides the limit, in one step, and what a dead server had counts no more. The writing
  end is set while there may be one more.

Only writing ends travel: a reading end in a message could be part of a circle, for which the kernel searches.

Crash: everything is handles, so a death at any instruction leaves what closing them leaves. An offer that was taken by
a client that died before it connected is missed by its server, which sees the end of the stream and makes a new offer.
"""

from __future__ import annotations

import secrets
import struct
from typing import Any, NamedTuple

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import ObjectNotFound, PipeBusy, Status, describe, from_status
from ntipc.objects.arrivals import claim_as
from ntipc.objects.devices import HERE, Location
from ntipc.objects.object import NtObject
from ntipc.objects.parts import Parts
from ntipc.pipes.channel import PipeWriter
from ntipc.pipes.settings import Settings

CONNECT = 0x8000_0000
"""Tag of the message with which a client says that it is there; the lower bits are its process id."""

REAPING = 5.0
"""Seconds that a server waits for the reapers of the dead, one of whom may have had the instance that it wants."""

_PAUSE = 0.01
_OFFERS_QUOTA = 1 << 20
_OFFER = struct.Struct("<QQ")


class NameReader(_kernel.ReadEnd, NtObject):
    """The end of a queue with a name from which clients take."""

    _kind = "pipe"
    _title = "Pipe"


class NameWriter(_kernel.WriteEnd, NtObject):
    """The end of a queue with a name into which servers put."""

    _kind = "pipe"
    _title = "Pipe"


class PipeName(Parts, parts=("reader", "writer")):
    """A server's hold on a name, which keeps it alive. Without an instance, clients wait for one.

    Attributes:
        location: The name.
        settings: Those of the server that made the name.
        created: Whether this call made it.
        seats: The name of the queue that counts the instances.

    Raises:
        ObjectExists: With the disposition CREATE, some server has the name.
        ObjectNotFound: With the disposition OPEN, no server has it.
        NotSupported: It is on another machine.
    """

    def __init__(self, location: Location, attachment: _kernel.Session, settings: Settings, disposition: int) -> None:
        refuse_elsewhere("PipeServer", location)
        self.location = location
        self.reader, self.writer = NameReader.__new__(NameReader), NameWriter.__new__(NameWriter)
        settings = settings._replace(serial=secrets.randbits(32))
        self.reader._describe(describe("pipe", location.name))
        self.reader._bind(
            attachment, location.key, disposition, 0, _OFFERS_QUOTA, settings.words(), self.writer, 0, "PipeServer"
        )
        self.created = self.reader.created
        self.settings = settings if self.created else Settings.of(self.reader._query()["user"])
        self.seats = f"seats {self.settings.serial} of {location.key}"

    @property
    def attachment(self) -> _kernel.Session:
        """The session it is in."""
        return self.reader.session._native

    def __copy__(self) -> PipeName:
        """As ``copy`` makes it, in fewer steps: each instance has a hold of its own."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin


class Seat(Parts, parts=("reader", "writer")):
    """One of as many as the pipe may have instances.

    Attributes:
        reader: What is counted.
        writer: What keeps the count, once for each instance and for each client.

    Args:
        name: The pipe.
        patience: Seconds to wait for one, for that of a process that has just died takes a moment to become free. While
            a death is known whose reaper has not finished, the wait goes on, for ``REAPING`` at most; unless this is 0.

    Raises:
        PipeBusy: There is none.
    """

    def __init__(self, name: PipeName, patience: float) -> None:
        deadline, reaping = Deadline(patience), Deadline(REAPING if patience else 0)
        most = name.settings.max_instances or 0
        while True:
            is_reaped = not name.attachment.has_unreaped()  # asked first: a seat that becomes free meanwhile is taken
            if self._take(name, most):
                return
            if not deadline.left() and (is_reaped or not reaping.left()):
                subject = describe("pipe", name.location.name)
                raise from_status(Status.INSTANCE_NOT_AVAILABLE, "PipeServer", subject, f"there may be {most}")
            wait_for_vacancy(name, deadline.left() or _PAUSE)

    def _take(self, name: PipeName, most: int) -> bool:
        """Take both ends in one step: in two, the second could be that of another queue, made in between."""
        self.reader, self.writer = NameReader.__new__(NameReader), NameWriter.__new__(NameWriter)
        self.reader._describe(describe("pipe", name.location.name))
        try:
            self.reader._bind(
                name.attachment, name.seats, _kernel.OPEN_OR_CREATE, 0, 0, (0, 0), self.writer, most, "PipeServer"
            )
        except PipeBusy:
            return False
        return True

    def count(self) -> int:
        """Count the seats that are taken."""
        return count_seats(self.writer)


def count_seats(writer: NameWriter) -> int:
    """Count the seats that are taken, of a pipe whose count this keeps."""
    return int(writer._query()["readers"])


def count_instances(name: PipeName) -> int:
    """Count the instances of a pipe, of which this process may have none."""
    vacancy = open_vacancy(name)
    if vacancy is None:
        return 0
    try:
        return count_seats(vacancy)
    finally:
        vacancy.close()


def wait_for_vacancy(name: PipeName, timeout: float | None) -> bool:
    """Wait until there may be one more instance of a pipe; somebody else may be quicker to have it."""
    vacancy = open_vacancy(name)
    if vacancy is None:
        return True
    try:
        return vacancy.wait(timeout)
    finally:
        vacancy.close()


def open_vacancy(name: PipeName) -> NameWriter | None:
    """Open what is set while there may be one more instance of a pipe. ``None``: there is none at all."""
    writer = NameWriter.__new__(NameWriter)
    try:
        writer._open_end(name.attachment, name.seats, 0)
    except ObjectNotFound:
        return None
    return writer


class Offer(NamedTuple):
    """What a client takes.

    Attributes:
        door: Where the client says that it is there.
        writer: The way to the server.
        seats: What keeps the count of the instances.
        in_quota: Bytes that the client may write before it waits.
        out_quota: Bytes that the server may write before it waits.
        sender: The server's process, as the session knows it.
    """

    door: PipeWriter
    writer: PipeWriter
    seats: NameWriter
    in_quota: int
    out_quota: int
    sender: tuple[int, int]


def put_offer(
    name: PipeName, door: PipeWriter, writer: PipeWriter, seats: NameWriter, in_quota: int, out_quota: int
) -> None:
    """Offer an instance, to the next client; the writing ends go with it."""
    send_ends(name.writer, _OFFER.pack(in_quota, out_quota), (door, writer, seats.duplicate()), "PipeServer")


def take_offer(offers: NameReader, timeout: float | None) -> Offer | None:
    """Take the offer that has waited longest, whether or not it is good.

    Returns:
        ``None`` if there was none in time.

    Raises:
        EndOfStream: No server has the name any more.
    """
    deadline = Deadline(timeout)
    while (frame := offers._take(None, deadline.left())) is not None:
        ends = unpack_ends(frame, (PipeWriter, PipeWriter, NameWriter))
        if ends is not None and len(frame.data) == _OFFER.size:  # so it is an offer; else somebody plays tricks
            door, writer, seats = ends
            in_quota, out_quota = _OFFER.unpack(frame.data)
            return Offer(door, writer, seats, in_quota, out_quota, frame.sender)
    return None


def send_ends(writer: _kernel.WriteEnd, data: bytes, ends: tuple[NtObject, ...], operation: str, tag: int = 0) -> None:
    """Send ends of queues, which go with the message. They never wait: such messages are few.

    Raises:
        PeerGone: Nobody can read it.
    """
    if writer._put_marked(data, 0, tag=tag, handles=ends, move=True, operation=operation) is None:
        raise from_status(Status.INSUFFICIENT_RESOURCES, operation, "", "too many instances listen")


def unpack_ends(frame: _kernel.Frame, kinds: tuple[type[PipeWriter | NameWriter], ...]) -> list[Any] | None:
    """Make ends of the handles that came with a message: all of them, or none if they are not what they should be."""
    if frame.carried != [_kernel.WriteEnd.__name__] * len(kinds):
        return None
    return claim_as(frame, kinds)


def refuse_elsewhere(call: str, location: Location) -> None:
    """Refuse a pipe of another machine."""
    if location.host != HERE:
        detail = f"{location.host!r} is another machine"
        raise from_status(Status.NOT_SUPPORTED, call, describe("pipe", location.name), detail)


def open_offers(location: Location, attachment: _kernel.Session, call: str = "PipeClient") -> NameReader:
    """Open the queue where servers of that name put what they offer.

    Raises:
        ObjectNotFound: There is no such pipe.
        NotSupported: It is on another machine.
    """
    refuse_elsewhere(call, location)
    offers = NameReader.__new__(NameReader)
    try:
        offers._open_end(attachment, location.key, 0)
    except ObjectNotFound:
        advice = "Start its server first, or check the spelling and the session"
        subject = describe("pipe", location.name)
        raise from_status(Status.OBJECT_NAME_NOT_FOUND, call, subject, advice=advice) from None
    return offers

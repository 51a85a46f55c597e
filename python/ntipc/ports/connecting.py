"""How a client connects: it opens the port's door, looks whose it is, asks, and takes what the server answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from ntipc.errors import NtError, ObjectNotFound, PeerGone, ReplyLost, Status, from_status
from ntipc.objects.arrivals import claim_as
from ntipc.objects.object import NtObject
from ntipc.ports import wire
from ntipc.ports.hubs import hub_of
from ntipc.ports.names import PREFIX
from ntipc.queues.ends import QueueWriter
from ntipc.sections import Section
from ntipc.session.inspection import inspect
from ntipc.session.peers import Sender, identify

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc._runtime.deadlines import Deadline
    from ntipc.ports.client import PortClient

_GIVEN: dict[tuple[str, ...], tuple[type[NtObject], ...]] = {
    ("WriteEnd",): (QueueWriter,),
    ("WriteEnd", "Section"): (QueueWriter, Section),
}
"""What may come with the server's consent: the end for messages to it, a section."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05


def open_door(client: PortClient, deadline: Deadline, *, patient: bool) -> QueueWriter:
    """Open the port's door; a port that does not exist yet is waited for."""
    pause = _FIRST_PAUSE
    while True:
        door = QueueWriter.__new__(QueueWriter)
        door._describe(client._subject)
        try:
            door._open_end(client._native, PREFIX + client._name, 0, "PortClient")
            return door
        except ObjectNotFound:
            left = deadline.left()
            if not patient:
                advice = "Start its server first, or check the spelling and the session"
                raise client._failure(Status.OBJECT_NAME_NOT_FOUND, "", advice=advice) from None
            if left == 0:
                raise client._failure(Status.TIMEOUT, "", "no server has made it") from None
        time.sleep(pause if left is None else min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def check_server(client: PortClient, door: QueueWriter, uid: int) -> None:
    """Refuse the port of another user's process before anything is sent to it."""
    serial = door.identity[1]
    makers = [each["creator_pid"] for each in inspect(client._native.path)["objects"] if each["serial"] == serial]
    found = identify(makers[0] or 0).uid if makers else None
    if found != uid:
        door.close()
        whose = "nobody knows whose process" if found is None else f"a process of user {found}"
        raise client._failure(Status.SERVER_SID_MISMATCH, "", f"{whose} made the port, and user {uid} is demanded")


def connect(
    client: PortClient, door: QueueWriter, inbox: QueueWriter, data: Buffer, deadline: Deadline, view: Section | None
) -> None:
    """Ask to be accepted, and make the client what it is then.

    Raises:
        Timeout: Nobody has accepted in time.
        ConnectionRefused: The server refused, or ended.
    """
    size = view.size if view is not None else 0
    hello = wire.HELLO.pack(wire.MAGIC, wire.VERSION, view is not None, size)
    client._hub = hub_of(client._native)
    line = client._hub.lifeline(client)
    handles = [inbox, line] if view is None else [inbox, line, view]
    left = deadline.left()
    try:
        frame = door._request(
            [hello, data],
            None if left is None else max(left, _LONGEST_PAUSE),
            tag=wire.CONNECT,
            handles=handles,
            operation="PortClient",
        )
    except (ReplyLost, PeerGone):
        raise _refused(client, "the port was closed, or its server ended, before it accepted") from None
    finally:
        line.close()
    if frame is None:
        raise client._failure(Status.TIMEOUT, "", "the server has not accepted")
    kind = frame.tag & wire.KIND
    if kind != wire.ACCEPTED:
        raise _refused(client, "the server refused", frame.data if kind == wire.REFUSED else b"")
    kinds = _GIVEN.get(tuple(frame.carried))
    if kinds is None or len(frame.data) < wire.WELCOME.size:
        raise _refused(client, "what the server answered makes no sense")
    arrived = claim_as(frame, kinds)
    client._writer = cast("QueueWriter", arrived[0])
    client._writer._describe(client._subject)
    client.max_message, client.max_large, offers, size = wire.WELCOME.unpack_from(frame.data)
    client.data = frame.data[wire.WELCOME.size :]
    client._server = Sender(client._native, frame.sender)
    if offers and len(arrived) > 1 and isinstance(arrived[1], Section):
        with arrived[1] as section:
            client.view = section.map(0, size or None)


def _refused(client: PortClient, detail: str, data: bytes = b"") -> NtError:
    shown = f"{detail}: {data[:80]!r}" if data else detail
    problem = from_status(Status.PORT_CONNECTION_REFUSED, "PortClient", client._subject, shown)
    problem.data = data  # type: ignore[attr-defined]
    return problem

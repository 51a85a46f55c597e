"""Which services there are: each has a small section beside its port, which goes when its process does.

Nobody has to be asked: the list comes from the session's memory, and shows no service whose process is dead, also while
a service is busy or stopped.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import msgspec

from ntipc import _kernel
from ntipc.errors import NtError, ObjectNotFound
from ntipc.sections import Section
from ntipc.session.inspection import inspect
from ntipc.session.session import Session, place

PREFIX = "rpc\\"
"""What the kernel's names of these sections begin with."""
SIZE = 4096


class Service(NamedTuple):
    """A service of the session.

    Attributes:
        name: The name to connect to.
        pid: The process that has it.
        interface: The name of the interface's class.
        version: The version that it states, if any.
        methods: How many methods it has.
    """

    name: str
    pid: int
    interface: str
    version: str | int | float | None
    methods: int


class _Entry(msgspec.Struct):
    name: str
    pid: int
    interface: str
    version: str | int | float | None
    methods: int


def enter(service: Service, session: Session | str | None) -> Section:
    """Enter a service into the list, until the section is closed."""
    text = msgspec.json.encode(_Entry(*service))
    if len(text) > SIZE - 1:  # a name may be very long
        text = msgspec.json.encode(_Entry(*service._replace(interface="", version=None)))
    attachment, local = place(service.name, session)
    section = Section.__new__(Section)
    # The port decides whether the name is free. A forked child may still hold an earlier section: it is written over.
    section._make(attachment, f"{PREFIX}{local}", _kernel.OPEN_OR_CREATE, SIZE, None, "rw", False)
    with section.map() as view:
        view[:] = text[: SIZE - 1].ljust(SIZE, b"\0")
    return section


def services(session: Session | str | None = None) -> list[Service]:
    """List the services of a session whose processes live.

    Args:
        session: The session, or its name; ``None`` for the default one.

    Raises:
        SessionDamaged: Its memory contradicts itself.
    """
    try:
        snapshot: dict[str, Any] = inspect(session)
    except ObjectNotFound:
        return []  # nobody is in the session
    alive = {process["pid"] for process in snapshot["processes"] if process["alive"]}
    found = []
    for entry in snapshot["objects"]:
        if entry["kind"] == "Section" and (entry["name"] or "").startswith(PREFIX):
            service = _read(entry["name"], session)
            holders = {holder["pid"] for holder in entry["holders"]}
            if service is not None and service.pid in alive & holders:
                found.append(service)
    return sorted(found)


def _read(key: str, session: Session | str | None) -> Service | None:
    attachment, _ = place("x", session)
    section = Section.__new__(Section)
    try:
        section._bind_opened(attachment, key, section._wanted("r", key))
        with section, section.map(size=SIZE, access="r") as view:
            entry = msgspec.json.decode(view[:].rstrip(b"\0"), type=_Entry)
    except (NtError, msgspec.DecodeError):
        return None  # it has just gone, or is none of ours
    return Service(entry.name, entry.pid, entry.interface, entry.version, entry.methods)


def here(name: str, interface: str, version: str | int | float | None, methods: int) -> Service:
    """Describe a service of this process."""
    return Service(name, os.getpid(), interface, version, methods)

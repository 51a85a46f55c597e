r"""Paths of the object namespace: from an OBJECT_ATTRIBUTES to the name that the kernel in shared memory knows.

What lies in ``\BaseNamedObjects`` is what the rest of the library names without a path.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ntipc import Session, inspect
from ntipc.ntdll import handles
from ntipc.ntdll.attributes import OBJ_CASE_INSENSITIVE, OBJECT_ATTRIBUTES
from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import (
    STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_PATH_NOT_FOUND,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_OBJECT_TYPE_MISMATCH,
)
from ntipc.session.session import default_session, global_session

BASE = "\\BaseNamedObjects"


class Spot(NamedTuple):
    """Where an object lies, or is to lie: the session, and its name there, ``None`` for an unnamed one."""

    session: Session
    local: str | None


def spot_to_create(attributes: OBJECT_ATTRIBUTES | None) -> Spot:
    """Say where an object is to be made.

    Raises:
        NtError: The name cannot be one, or nothing leads there.
    """
    if attributes is None:
        return Spot(default_session(), None)
    return spot_of(attributes) if attributes.text() else Spot(default_session(), None)


def spot_to_open(attributes: OBJECT_ATTRIBUTES | None) -> Spot:
    """Say where an object is to be found.

    Raises:
        NtError: There is no name, it cannot be one, or nothing leads there.
    """
    if attributes is None:
        raise fail(STATUS_INVALID_PARAMETER)
    if not attributes.text():
        raise fail(STATUS_OBJECT_PATH_SYNTAX_BAD)
    return spot_of(attributes)


def spot_of(attributes: OBJECT_ATTRIBUTES) -> Spot:
    """Say where a name leads."""
    session, parts = path_of(attributes)
    spot = Spot(session, "\\".join(parts))
    if attributes.Attributes & OBJ_CASE_INSENSITIVE:
        return Spot(session, spelled_as_is(spot))
    return spot


def path_of(attributes: OBJECT_ATTRIBUTES) -> tuple[Session, list[str]]:
    """Split a name at its backslashes, and follow it as far as it leads through directories."""
    text = attributes.text()
    if attributes.RootDirectory:
        handles.find(attributes.RootDirectory)
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    if not text.startswith("\\"):
        raise fail(STATUS_OBJECT_PATH_SYNTAX_BAD)
    parts = text[1:].split("\\")
    if not all(parts):
        raise fail(STATUS_OBJECT_NAME_INVALID)
    if same(parts[0], BASE[1:], attributes):
        parts = parts[1:]
        if len(parts) > 1 and same(parts[0], "Local", attributes):
            parts = parts[1:]
        elif len(parts) > 1 and same(parts[0], "Global", attributes):
            return global_session(), parts[1:]
    if len(parts) != 1:
        raise fail(STATUS_OBJECT_PATH_NOT_FOUND)
    return default_session(), parts


def path_in_namespace(thing: Any) -> str:
    """Return the path of an object, empty for an unnamed one."""
    name = getattr(thing, "name", None)
    if not name:
        return ""
    if name.startswith("\\"):
        return str(name)
    everywhere = "" if thing.session == default_session() else "Global\\"
    return f"{BASE}\\{everywhere}{name}"


def same(one: str, other: str, attributes: OBJECT_ATTRIBUTES) -> bool:
    """Say whether two names are the same, by the case if that counts."""
    if attributes.Attributes & OBJ_CASE_INSENSITIVE:
        return one.upper() == other.upper()
    return one == other


def spelled_as_is(spot: Spot) -> str | None:
    """Return the name as the object there has it, if one differs from it in case alone."""
    if spot.local is None:
        return None
    wanted = spot.local.upper()
    names = [found["name"] for found in inspect(spot.session)["objects"] if found["name"]]
    if spot.local in names:
        return spot.local
    return next((name for name in names if name.upper() == wanted), spot.local)

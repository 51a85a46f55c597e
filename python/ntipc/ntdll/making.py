"""Creating and opening by OBJECT_ATTRIBUTES: what all types have in common."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, cast

from ntipc import ObjectExists, ObjectTypeMismatch
from ntipc.directories.paths import Spot, followed, is_built_in
from ntipc.ntdll import handles, permanent
from ntipc.ntdll.attributes import OBJ_INHERIT, OBJ_OPENIF, OBJ_PERMANENT, OBJECT_ATTRIBUTES
from ntipc.ntdll.naming import spot_to_create, spot_to_open
from ntipc.ntdll.results import HandleResult, fail
from ntipc.ntdll.rights import READ_CONTROL, mapped
from ntipc.ntdll.statuses import (
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_EXISTS,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from ntipc.objects.named import CREATE, OPEN, OPEN_OR_CREATE
from ntipc.session.session import default_session


class _Made(Protocol):
    inheritable: bool

    @property
    def created(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...


T = TypeVar("T")


def create(kind: Any, native: str, desired: int, attributes: OBJECT_ATTRIBUTES | None, *state: Any) -> HandleResult:
    """Make an object of a class, or with OBJ_OPENIF open the one that has the name.

    Raises:
        NtError: It could not be made.
    """
    rights = mapped(desired or READ_CONTROL, native)  # no rights: none that a call wants
    if attributes is None:
        return HandleResult(
            STATUS_SUCCESS,
            handles.insert_new(kind._at(default_session()._native, None, CREATE, rights, *state)),
        )
    spot = spot_to_create(attributes)
    flags = attributes.Attributes
    disposition = OPEN_OR_CREATE if flags & OBJ_OPENIF else CREATE
    if spot is not None and is_built_in(spot):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH if flags & OBJ_OPENIF else STATUS_OBJECT_NAME_COLLISION)
    if spot is None:
        made = cast("_Made", kind._at(default_session()._native, None, CREATE, rights, *state))
    else:
        made = _at_spot(kind, spot, disposition, rights, state)
    number = enter(made, flags)
    return HandleResult(STATUS_SUCCESS if made.created else STATUS_OBJECT_NAME_EXISTS, number)


def open_existing(
    kind: Any, native: str, desired: int, attributes: OBJECT_ATTRIBUTES | None, *state: Any
) -> HandleResult:
    """Open the object of a class that has the name.

    Raises:
        NtError: It could not be opened.
    """
    rights = mapped(desired, native)
    spot = spot_to_open(attributes)
    if is_built_in(spot):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    opened = _at_spot(kind, spot, OPEN, rights, state)
    return HandleResult(STATUS_SUCCESS, enter(opened, attributes.Attributes if attributes else 0))


def _at_spot(kind: Any, spot: Spot, disposition: int, rights: int, state: tuple[Any, ...]) -> _Made:
    """Make or open an object; if a symbolic link has the name, where that leads."""
    try:
        return cast("_Made", kind._at(spot.session._native, spot.local, disposition, rights, *state))
    except (ObjectTypeMismatch, ObjectExists):
        end = followed(spot)
        if end == spot:
            raise
        return cast("_Made", kind._at(end.session._native, end.local, disposition, rights, *state))


def enter(thing: _Made, flags: int) -> int:
    """Give an object its number, marked as the attributes say."""
    if flags & OBJ_INHERIT:
        thing.inheritable = True
    number = handles.insert(thing)
    if flags & OBJ_PERMANENT:
        permanent.keep(thing)
    return number

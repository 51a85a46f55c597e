r"""From an OBJECT_ATTRIBUTES to where the object lies, and back from an object to its path."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from ntipc.directories import BASE, Directory, Spot, find_spot
from ntipc.ntdll import handles
from ntipc.ntdll.attributes import OBJ_CASE_INSENSITIVE, OBJECT_ATTRIBUTES
from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import (
    STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_OBJECT_TYPE_MISMATCH,
)
from ntipc.session.session import Session, default_session

_UNNAMED: Final = "\\\0unnamed"
"""Where unnamed directories lie. Nothing else does, so that no path leads through it."""


def spot_to_create(attributes: OBJECT_ATTRIBUTES | None) -> Spot | None:
    """Say where an object is to be made; ``None`` for an unnamed one.

    Raises:
        NtError: The name cannot be one, or nothing leads there.
    """
    if attributes is None:
        return None
    if attributes.text():
        return spot_of(attributes)
    if attributes.RootDirectory and attributes.ObjectName is None:
        raise fail(STATUS_OBJECT_NAME_INVALID)
    return None


def spot_to_open(attributes: OBJECT_ATTRIBUTES | None) -> Spot:
    """Say where an object is to be found.

    Raises:
        NtError: There is no name, it cannot be one, or nothing leads there.
    """
    if attributes is None:
        raise fail(STATUS_INVALID_PARAMETER)
    if attributes.text():
        return spot_of(attributes)
    if not attributes.RootDirectory:
        raise fail(STATUS_OBJECT_PATH_SYNTAX_BAD)
    if attributes.ObjectName is None:
        raise fail(STATUS_OBJECT_NAME_INVALID)
    return _root_of(attributes).spot  # an empty name is that of the directory itself


def spot_of(attributes: OBJECT_ATTRIBUTES) -> Spot:
    """Say where a name leads, from its root directory if there is one."""
    root = _root_of(attributes).spot if attributes.RootDirectory else None
    return find_spot(root, attributes.text(), fold=bool(attributes.Attributes & OBJ_CASE_INSENSITIVE))


def _root_of(attributes: OBJECT_ATTRIBUTES) -> OpenDirectory:
    directory = handles.find(attributes.RootDirectory)
    if not isinstance(directory, OpenDirectory):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    return directory


def spot_without_name(session: Session) -> Spot:
    """Say where an unnamed directory lies: no path leads there, but what is made in it has to lie somewhere."""
    return Spot(session, _UNNAMED, uuid4().hex)


class OpenDirectory:
    """A handle to a directory: where it is, and the object that keeps its name, if it is not always there."""

    nt_type = "Directory"

    def __init__(self, spot: Spot, directory: Directory | None, access: int) -> None:
        self.spot, self.directory, self.access = spot, directory, access
        self.session = spot.session
        self.inheritable = False
        self.created = directory is not None and directory.created
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed if self.directory is None else self.directory.closed

    @property
    def identity(self) -> object:
        """The same for all handles to one directory."""
        return self.spot.path if self.directory is None else self.directory.identity

    def duplicate(self, *, access: int | None = None, inheritable: bool = False) -> OpenDirectory:
        """Make another handle to it, here."""
        directory = None if self.directory is None else self.directory.duplicate(inheritable=inheritable)
        twin = OpenDirectory(self.spot, directory, self.access if access is None else access)
        twin.inheritable = inheritable
        return twin

    def close(self) -> None:
        """Close it."""
        self._closed = True
        if self.directory is not None:
            self.directory.close()


def _shown(path: str) -> str:
    r"""Return a path as NT tells it: what lies in an unnamed directory is told to lie in ``\...``."""
    if not path.startswith(f"{_UNNAMED}\\"):
        return path
    inner = path[len(_UNNAMED) + 1 :].partition("\\")[2]
    return f"\\...\\{inner}" if inner else ""


def path_in_namespace(thing: Any) -> str:
    """Return the path of an object, empty for an unnamed one."""
    if isinstance(thing, OpenDirectory):
        return _shown(thing.spot.path)
    name = None if isinstance(thing, handles.Pseudo) else getattr(thing, "name", None)
    if not name or not isinstance(name, str):
        return ""
    if name.startswith("\\"):
        return _shown(name)
    everywhere = "" if thing.session == default_session() else "Global\\"
    return f"{BASE}\\{everywhere}{name}"

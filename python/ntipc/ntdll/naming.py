r"""From an OBJECT_ATTRIBUTES to where the object lies, and back from an object to its path."""

from __future__ import annotations

from typing import Any

from ntipc.directories import BASE, Directory, Spot, find_spot
from ntipc.ntdll import handles
from ntipc.ntdll.attributes import OBJ_CASE_INSENSITIVE, OBJECT_ATTRIBUTES
from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import STATUS_INVALID_PARAMETER, STATUS_OBJECT_PATH_SYNTAX_BAD, STATUS_OBJECT_TYPE_MISMATCH
from ntipc.session.session import default_session


def spot_to_create(attributes: OBJECT_ATTRIBUTES | None) -> Spot | None:
    """Say where an object is to be made; ``None`` for an unnamed one.

    Raises:
        NtError: The name cannot be one, or nothing leads there.
    """
    if attributes is None:
        return None
    return spot_of(attributes) if attributes.text() else None


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
    """Say where a name leads, from its root directory if there is one."""
    text, root = attributes.text(), None
    if attributes.RootDirectory:
        directory = handles.find(attributes.RootDirectory)
        if not isinstance(directory, OpenDirectory):
            raise fail(STATUS_OBJECT_TYPE_MISMATCH)
        root = directory.spot
    return find_spot(root, text, fold=bool(attributes.Attributes & OBJ_CASE_INSENSITIVE))


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


def path_in_namespace(thing: Any) -> str:
    """Return the path of an object, empty for an unnamed one."""
    if isinstance(thing, OpenDirectory):
        return thing.spot.path
    name = None if isinstance(thing, handles.Pseudo) else getattr(thing, "name", None)
    if not name or not isinstance(name, str):
        return ""
    if name.startswith("\\"):
        return str(name)
    everywhere = "" if thing.session == default_session() else "Global\\"
    return f"{BASE}\\{everywhere}{name}"

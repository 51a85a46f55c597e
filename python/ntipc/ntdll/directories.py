r"""Directories and symbolic links: NtCreateDirectoryObject, NtQueryDirectoryObject, NtCreateSymbolicLinkObject.

>>> from ntipc.ntdll import OBJECT_ATTRIBUTES
>>> from ntipc.ntdll.events import EVENT_ALL_ACCESS, NtCreateEvent, NotificationEvent
>>> status, company = NtCreateDirectoryObject(DIRECTORY_ALL_ACCESS, OBJECT_ATTRIBUTES(r"\Company"))
>>> ready = OBJECT_ATTRIBUTES("ready", RootDirectory=company)
>>> status, event = NtCreateEvent(EVENT_ALL_ACCESS, ready, NotificationEvent, False)
>>> NtQueryDirectoryObject(company).entries
[Entry(name='ready', kind='Event')]
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ntipc.directories import Directory, Entry, SymbolicLink
from ntipc.directories.directory import LONGEST_TARGET
from ntipc.directories.paths import BUILT_IN_LINKS, Spot, entries, followed, is_built_in
from ntipc.ntdll.attributes import OBJ_OPENIF, OBJ_OPENLINK, OBJ_PERMANENT, OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find_of
from ntipc.ntdll.making import enter
from ntipc.ntdll.naming import OpenDirectory, spot_to_create, spot_to_open, spot_without_name
from ntipc.ntdll.results import HandleResult, Information, fail, no_handle, returns, returns_information
from ntipc.ntdll.rights import DIRECTORY_ALL_ACCESS as DIRECTORY_ALL_ACCESS
from ntipc.ntdll.rights import DIRECTORY_QUERY, mapped
from ntipc.ntdll.rights import SYMBOLIC_LINK_ALL_ACCESS as SYMBOLIC_LINK_ALL_ACCESS
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_ACCESS_DENIED,
    STATUS_INVALID_PARAMETER,
    STATUS_MORE_ENTRIES,
    STATUS_NO_MORE_ENTRIES,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_EXISTS,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from ntipc.objects.named import CREATE, OPEN_OR_CREATE
from ntipc.session.session import default_session

_TYPE_NAMES: Final = {"Mutex": "Mutant"}


class DirectoryEntries(NamedTuple):
    """What NtQueryDirectoryObject returns: entries, each with ``name`` and ``kind``, and where to go on."""

    status: NTSTATUS
    entries: list[Entry]
    context: int

    def __bool__(self) -> bool:
        return bool(self.status)


@returns(no_handle)
def NtCreateDirectoryObject(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Make a directory, or with OBJ_OPENIF open one. It goes with its last handle.

    One without a name is where the programs that have its handle, or are given it, put their objects.
    """
    rights = mapped(DesiredAccess, "Directory") or DIRECTORY_ALL_ACCESS
    spot = spot_to_create(ObjectAttributes)
    flags = 0 if ObjectAttributes is None else ObjectAttributes.Attributes
    if spot is None:
        spot, flags = spot_without_name(default_session()), flags & ~OBJ_PERMANENT
    if is_built_in(spot):
        if not flags & OBJ_OPENIF:
            raise fail(STATUS_OBJECT_NAME_COLLISION)
        return HandleResult(STATUS_OBJECT_NAME_EXISTS, enter(OpenDirectory(followed(spot), None, rights), flags))
    made = Directory.make(spot.session, spot.local, OPEN_OR_CREATE if flags & OBJ_OPENIF else CREATE)
    number = enter(OpenDirectory(spot, made, rights), flags)
    return HandleResult(STATUS_SUCCESS if made.created else STATUS_OBJECT_NAME_EXISTS, number)


@returns(no_handle)
def NtOpenDirectoryObject(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open a directory, such as the root."""
    rights = mapped(DesiredAccess, "Directory") or DIRECTORY_ALL_ACCESS
    spot = spot_to_open(ObjectAttributes)
    flags = ObjectAttributes.Attributes if ObjectAttributes else 0
    end = followed(spot)
    if is_built_in(end):
        return HandleResult(STATUS_SUCCESS, enter(OpenDirectory(end, None, rights), flags))
    opened = Directory.open(end.session, end.local)
    return HandleResult(STATUS_SUCCESS, enter(OpenDirectory(end, opened, rights), flags))


def NtQueryDirectoryObject(
    DirectoryHandle: int, ReturnSingleEntry: bool = False, RestartScan: bool = False, Context: int = 0
) -> DirectoryEntries:
    """List a directory, in the order of names.

    Args:
        DirectoryHandle: The directory.
        ReturnSingleEntry: Whether to return one entry.
        RestartScan: Whether to begin with the first one.
        Context: Where to go on: what the call before returned.

    Returns:
        STATUS_SUCCESS, STATUS_MORE_ENTRIES if there are more than were asked for, or STATUS_NO_MORE_ENTRIES.
    """
    listed = _listed(DirectoryHandle)
    if listed.information is None:
        return DirectoryEntries(listed.status, [], Context)
    first = 0 if RestartScan else max(Context, 0)
    chosen = listed.information[first:]
    if not chosen:
        return DirectoryEntries(STATUS_NO_MORE_ENTRIES, [], first)
    if not ReturnSingleEntry or len(chosen) == 1:
        return DirectoryEntries(STATUS_SUCCESS, chosen, first + len(chosen))
    return DirectoryEntries(STATUS_MORE_ENTRIES, chosen[:1], first + 1)


@returns_information
def _listed(handle: int) -> Information[list[Entry]]:
    directory = find_of(handle, OpenDirectory)
    if not directory.access & DIRECTORY_QUERY:
        raise fail(STATUS_ACCESS_DENIED)
    found = [Entry(each.name, _TYPE_NAMES.get(each.kind, each.kind)) for each in entries(directory.spot)]
    return Information(STATUS_SUCCESS, found)


@returns(no_handle)
def NtCreateSymbolicLinkObject(
    DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None, LinkTarget: str
) -> HandleResult:
    r"""Make a name that stands for a path, such as ``\Company``. It goes with its last handle."""
    mapped(DesiredAccess, "SymbolicLink")
    spot = spot_to_create(ObjectAttributes)
    flags = 0 if ObjectAttributes is None else ObjectAttributes.Attributes
    if not isinstance(LinkTarget, str):
        raise TypeError(f"LinkTarget must be a str, not {type(LinkTarget).__name__}")
    if not LinkTarget or 2 * len(LinkTarget) > LONGEST_TARGET:
        raise fail(STATUS_INVALID_PARAMETER)
    if spot is not None and not spot.leaf:
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    if spot is not None and is_built_in(spot):
        raise fail(STATUS_OBJECT_NAME_COLLISION)
    session, local = (default_session(), None) if spot is None else (spot.session, spot.local)
    made = OpenLink.make(session, local, OPEN_OR_CREATE if flags & OBJ_OPENIF else CREATE)
    if made.created:
        made.point_at(LinkTarget)
    return HandleResult(STATUS_SUCCESS if made.created else STATUS_OBJECT_NAME_EXISTS, enter(made, flags))


@returns(no_handle)
def NtOpenSymbolicLinkObject(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open a symbolic link, not what it stands for."""
    mapped(DesiredAccess, "SymbolicLink")
    spot = spot_to_open(ObjectAttributes)
    flags = (ObjectAttributes.Attributes if ObjectAttributes else 0) & ~OBJ_OPENLINK
    if spot.path in BUILT_IN_LINKS:
        return HandleResult(STATUS_SUCCESS, enter(BuiltInLink(spot), flags))
    if is_built_in(spot):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    return HandleResult(STATUS_SUCCESS, enter(OpenLink.open(spot.session, spot.local), flags))


@returns_information
def NtQuerySymbolicLinkObject(LinkHandle: int) -> Information[str]:
    """Tell the path that a link stands for."""
    link: Any = find_of(LinkHandle, OpenLink, BuiltInLink)
    return Information(STATUS_SUCCESS, link.target)


class OpenLink(SymbolicLink):
    """A handle to a symbolic link."""

    nt_type = "SymbolicLink"


class BuiltInLink:
    """A handle to a link that is there without anybody."""

    nt_type = "SymbolicLink"
    created = False

    def __init__(self, spot: Spot) -> None:
        self._spot = spot
        self.name, self.session, self.identity = spot.path, spot.session, spot.path
        self.target = BUILT_IN_LINKS[spot.path]
        self.inheritable = self.closed = False

    def duplicate(self, *, access: int | None = None, inheritable: bool = False) -> BuiltInLink:
        """Make another handle to it, here."""
        twin = BuiltInLink(self._spot)
        twin.inheritable = inheritable
        return twin

    def close(self) -> None:
        """Close it."""
        self.closed = True

r"""What every handle can be asked and told: NtClose, NtDuplicateObject, NtQueryObject, NtSetInformationObject.

>>> from ntipc.ntdll import OBJECT_ATTRIBUTES
>>> from ntipc.ntdll.events import EVENT_ALL_ACCESS, NtCreateEvent, NtSetEvent, NotificationEvent
>>> ready = OBJECT_ATTRIBUTES(r"\BaseNamedObjects\ready")
>>> status, handle = NtCreateEvent(EVENT_ALL_ACCESS, ready, NotificationEvent, False)
>>> NtQueryObject(handle, ObjectNameInformation).information
'\\BaseNamedObjects\\ready'
>>> NtDuplicateObject(-1, handle, -1, 0x100000, 0, 0).status
STATUS_SUCCESS
>>> NtClose(handle), NtClose(handle)
(STATUS_SUCCESS, STATUS_INVALID_HANDLE)
"""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from ntipc import Mailslot, MailslotClient, NtObject
from ntipc.ntdll import handles
from ntipc.ntdll.attributes import OBJ_INHERIT
from ntipc.ntdll.handles import Pseudo, find
from ntipc.ntdll.naming import path_in_namespace
from ntipc.ntdll.results import HandleResult, Information, fail, no_handle, returns, returns_information, returns_status
from ntipc.ntdll.rights import mapped
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_ACCESS_DENIED,
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_HANDLE,
    STATUS_INVALID_INFO_CLASS,
    STATUS_NOT_SAME_OBJECT,
    STATUS_NOT_SUPPORTED,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from ntipc.processes import Process, duplicate_handle

DUPLICATE_CLOSE_SOURCE: Final = 1
DUPLICATE_SAME_ACCESS: Final = 2
DUPLICATE_SAME_ATTRIBUTES: Final = 4
OBJ_PROTECT_CLOSE: Final = 1

ObjectBasicInformation: Final = 0
ObjectNameInformation: Final = 1
ObjectTypeInformation: Final = 2
ObjectHandleFlagInformation: Final = 4

_TYPE_NAMES: Final = {"Mutex": "Mutant"}
"""NT's names of types, where the library has others."""


class PublicObjectBasicInformation(NamedTuple):
    """PUBLIC_OBJECT_BASIC_INFORMATION: marks and rights of the handle, handles to the object in all processes."""

    Attributes: int
    GrantedAccess: int
    HandleCount: int
    PointerCount: int


class ObjectHandleFlags(NamedTuple):
    """OBJECT_HANDLE_FLAG_INFORMATION."""

    Inherit: bool
    ProtectFromClose: bool


@returns_status
def NtClose(Handle: int) -> NTSTATUS:
    """Close a handle. The object goes with its last one."""
    handles.close(Handle)
    return STATUS_SUCCESS


@returns(no_handle)
def NtDuplicateObject(
    SourceProcessHandle: int,
    SourceHandle: int,
    TargetProcessHandle: int,
    DesiredAccess: int,
    HandleAttributes: int,
    Options: int,
) -> HandleResult:
    """Make a handle in one process to what a handle of another process leads to.

    Args:
        SourceProcessHandle: Whose handle it is: -1, or a process that takes part in the session.
        SourceHandle: The handle, by its number there.
        TargetProcessHandle: For whom; 0, with ``DUPLICATE_CLOSE_SOURCE``, for nobody.
        DesiredAccess: Rights of the new handle, unless ``DUPLICATE_SAME_ACCESS``.
        HandleAttributes: ``OBJ_INHERIT``, ``OBJ_PROTECT_CLOSE``, unless ``DUPLICATE_SAME_ATTRIBUTES``.
        Options: Any of the three, and ``DUPLICATE_CLOSE_SOURCE``.

    Differs:
        To another process goes what one handle of the kernel stands for: no pipes, files or ports.
    """
    source = _process(SourceProcessHandle)
    if source is not None or (TargetProcessHandle and _process(TargetProcessHandle) is not None):
        target = _process(TargetProcessHandle) if TargetProcessHandle else None
        attributes = 0 if Options & DUPLICATE_SAME_ATTRIBUTES else HandleAttributes
        return _between(source, SourceHandle, target, TargetProcessHandle, DesiredAccess, attributes, Options)
    thing = find(SourceHandle)
    try:
        if TargetProcessHandle == 0:
            if not Options & DUPLICATE_CLOSE_SOURCE:
                raise fail(STATUS_INVALID_HANDLE)
            return HandleResult(STATUS_SUCCESS, 0)
        number = _duplicate(thing, SourceHandle, DesiredAccess, HandleAttributes, Options)
    finally:
        if Options & DUPLICATE_CLOSE_SOURCE and not handles.is_protected(SourceHandle):
            handles.close(SourceHandle)
    if Options & DUPLICATE_CLOSE_SOURCE and not handles.is_protected(SourceHandle) and not isinstance(thing, Pseudo):
        number = _moved(number, SourceHandle)
    return HandleResult(STATUS_SUCCESS, number)


@returns_information
def NtQueryObject(
    Handle: int, ObjectInformationClass: int = ObjectBasicInformation, ObjectInformationLength: int | None = None
) -> Information[PublicObjectBasicInformation | ObjectHandleFlags | str]:
    """Tell what is known of a handle and its object.

    Args:
        Handle: The handle.
        ObjectInformationClass: ``ObjectBasicInformation``; ``ObjectNameInformation``, a path, empty for an unnamed
            object; ``ObjectTypeInformation``, the name of the type; or ``ObjectHandleFlagInformation``.
        ObjectInformationLength: Size of the buffer; one that is too short is refused.
    """
    sizes = {ObjectBasicInformation: 56, ObjectNameInformation: 16, ObjectTypeInformation: 104}
    sizes[ObjectHandleFlagInformation] = 2
    if ObjectInformationClass not in sizes:
        raise fail(STATUS_INVALID_INFO_CLASS)
    thing = find(Handle)
    if ObjectInformationLength is not None and ObjectInformationLength < sizes[ObjectInformationClass]:
        raise fail(STATUS_INFO_LENGTH_MISMATCH)
    if ObjectInformationClass == ObjectBasicInformation:
        return Information(STATUS_SUCCESS, _basic(thing, Handle))
    if ObjectInformationClass == ObjectNameInformation:
        return Information(STATUS_SUCCESS, path_in_namespace(thing))
    if ObjectInformationClass == ObjectTypeInformation:
        return Information(STATUS_SUCCESS, type_name(thing))
    inherit = False if isinstance(thing, Pseudo) else bool(getattr(thing, "inheritable", False))
    return Information(STATUS_SUCCESS, ObjectHandleFlags(inherit, handles.is_protected(Handle)))


@returns_status
def NtSetInformationObject(
    Handle: int, ObjectInformationClass: int, ObjectInformation: ObjectHandleFlags | tuple[bool, bool]
) -> NTSTATUS:
    """Mark a handle, with ``ObjectHandleFlagInformation``: inherited by children, protected from close."""
    if ObjectInformationClass != ObjectHandleFlagInformation:
        raise fail(STATUS_INVALID_INFO_CLASS)
    inherit, protect = ObjectInformation
    thing = find(Handle)
    if isinstance(thing, Pseudo):
        raise fail(STATUS_ACCESS_DENIED)
    thing.inheritable = bool(inherit)
    handles.protect(Handle, bool(protect))
    return STATUS_SUCCESS


@returns_status
def NtCompareObjects(FirstObjectHandle: int, SecondObjectHandle: int) -> NTSTATUS:
    """Say whether two handles lead to one object: STATUS_SUCCESS, or STATUS_NOT_SAME_OBJECT."""
    first, second = find(FirstObjectHandle), find(SecondObjectHandle)
    same = first is second or (
        hasattr(first, "identity")
        and hasattr(second, "identity")
        and first.session == second.session
        and first.identity == second.identity
    )
    return STATUS_SUCCESS if same else STATUS_NOT_SAME_OBJECT


def type_name(thing: Any) -> str:
    """Return NT's name of an object's type."""
    if isinstance(thing, Pseudo):
        return thing.name.capitalize()
    if isinstance(thing, (Mailslot, MailslotClient)):
        return "File"
    name: str = getattr(thing, "nt_type", "") or (thing.info()["kind"] if isinstance(thing, NtObject) else "File")
    return _TYPE_NAMES.get(name, name)


def _process(handle: int) -> Process | None:
    """Return the process that a handle means; ``None`` for this one."""
    process = find(handle)
    if process is Pseudo.PROCESS:
        return None
    if not isinstance(process, Process):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    return None if process.pid == os.getpid() else process


def _between(
    source: Process | None,
    number: int,
    target: Process | None,
    target_handle: int,
    desired: int,
    attributes: int,
    options: int,
) -> HandleResult:
    """Duplicate a handle of another process, or for one."""
    closes = bool(options & DUPLICATE_CLOSE_SOURCE)
    if source is None:
        thing = find(number)
        if not isinstance(thing, NtObject) or thing.handle != number & ~3:
            raise fail(STATUS_NOT_SUPPORTED)
        closes = closes and not handles.is_protected(number)
    if target_handle == 0 and not closes:
        raise fail(STATUS_INVALID_HANDLE)
    access = None if options & DUPLICATE_SAME_ACCESS else mapped(desired, "") or 0x1F_FFFF
    made = duplicate_handle(
        source, number & ~3, target, access=access, inheritable=bool(attributes & OBJ_INHERIT), close_source=closes
    )
    if source is None and closes:
        handles.forget(number)
    if target_handle == 0:
        handles.close(made)
        made = 0
    return HandleResult(STATUS_SUCCESS, made)


def _basic(thing: Any, handle: int) -> PublicObjectBasicInformation:
    protect = OBJ_PROTECT_CLOSE if handles.is_protected(handle) else 0
    if not isinstance(thing, NtObject):
        return PublicObjectBasicInformation(protect, int(getattr(thing, "access", 0x1F_FFFF)), 1, 1)
    marks = protect | (OBJ_INHERIT if thing.inheritable else 0)
    try:
        info = thing.info()
    except PermissionError:  # no right is needed for this question
        asked = thing.duplicate(access=1)
        info = asked.info()
        info["handles"] -= 1
        asked.close()
    return PublicObjectBasicInformation(marks, int(thing.access), info["handles"], info["handles"])


def _duplicate(thing: Any, source: int, desired: int, attributes: int, options: int) -> int:
    if isinstance(thing, Pseudo) or not hasattr(thing, "duplicate"):
        raise fail(STATUS_NOT_SUPPORTED)
    access: int | None = None
    if not options & DUPLICATE_SAME_ACCESS:
        access = mapped(desired, type(thing).__name__) or None
        if access is None:
            access = 0x1F_FFFF
    inheritable = bool(attributes & OBJ_INHERIT)
    protect = bool(attributes & OBJ_PROTECT_CLOSE)
    if options & DUPLICATE_SAME_ATTRIBUTES:
        inheritable, protect = bool(getattr(thing, "inheritable", False)), handles.is_protected(source)
    number = handles.insert(thing.duplicate(access=access, inheritable=inheritable))
    handles.protect(number, protect)
    return number


def _moved(number: int, source: int) -> int:
    """Give the new handle the number of the closed source, where that is free."""
    thing = find(number)
    if not isinstance(thing, NtObject):
        return number
    again = thing.duplicate(inheritable=thing.inheritable)
    if again.handle != source & ~3:
        again.close()
        return number
    protect = handles.is_protected(number)
    handles.protect(number, False)
    handles.close(number)
    moved = handles.insert(again)
    handles.protect(moved, protect)
    return moved

"""Handles made of handles, here and in other processes, and the marks of handles."""

from __future__ import annotations

import os
from operator import index
from typing import Any, Final

from ntipc.errors import NtError, Status, from_status
from ntipc.ntdll import handles as table
from ntipc.win32.binding.arguments import rights_of
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle, number_of, object_of

DUPLICATE_CLOSE_SOURCE: Final = 1
DUPLICATE_SAME_ACCESS: Final = 2
HANDLE_FLAG_INHERIT: Final = 1
HANDLE_FLAG_PROTECT_FROM_CLOSE: Final = 2


def DuplicateHandle(
    hSourceProcess: HandleLike,
    hSource: HandleLike,
    hTargetProcessHandle: HandleLike,
    desiredAccess: int,
    bInheritHandle: int,
    options: int,
    /,
) -> PyHANDLE:
    """Make another handle to an object, in this process or in another one.

    Args:
        hSourceProcess: The process that has the handle; ``GetCurrentProcess()`` for this one.
        hSource: The handle.
        hTargetProcessHandle: The process that gets the new one.
        desiredAccess: Rights of the new handle, without DUPLICATE_SAME_ACCESS.
        bInheritHandle: Whether the new one is inherited.
        options: DUPLICATE_SAME_ACCESS, DUPLICATE_CLOSE_SOURCE.

    Returns:
        A handle, or, if it is another process's, an object that has the number, and must be detached.

    Source:
        DuplicateHandle (Win32).
    """
    try:
        source, target = process_id(hSourceProcess), process_id(hTargetProcessHandle)
        same, close = bool(options & DUPLICATE_SAME_ACCESS), bool(options & DUPLICATE_CLOSE_SOURCE)
        inherit, access = index(bInheritHandle) != 0, index(desiredAccess)
        here = os.getpid()
        if source != here or target != here:
            rights = None if same else rights_of(access, "object")
            return PyHANDLE(_across(source, number_of(hSource), target, rights, inherit, close))
        return _within(hSource, access, same, inherit, close)
    except NtError as problem:
        raise failed(problem, "DuplicateHandle") from None


def _within(handle: HandleLike, access: int, same: bool, inherit: bool, close: bool) -> PyHANDLE:
    thing, number = object_of(handle), number_of(handle) & ~3
    if isinstance(thing, table.Pseudo):
        return new_handle(real(thing))
    protected = close and table.is_protected(number)
    if close and same and not protected:
        thing.inheritable = inherit
        return PyHANDLE(number)
    kind = getattr(thing, "_kind", "object")
    try:
        twin = thing.duplicate(access=None if same else rights_of(access, kind), inheritable=inherit)
    finally:
        if close and not protected:
            table.close(number)
    return new_handle(twin)


def _across(source: int, number: int, target: int, access: int | None, inherit: bool, close: bool) -> int:
    """Duplicate a handle of another process, or into one; what is in this process's table alone stays here."""
    from ntipc.processes import duplicate_handle

    here = os.getpid()
    thing = object_of(number) if source == here else None
    if isinstance(thing, table.Pseudo):
        number, close = real(thing)._disown(), True
    elif thing is not None and number & ~3 >= table.FIRST_OWN_NUMBER:
        raise from_status(Status.NOT_SUPPORTED, "DuplicateHandle", "", "it is an object of this process alone")
    given = duplicate_handle(
        source, number & ~3, target, access=access, inheritable=inherit, close_source=close and source != here
    )
    if close and source == here:
        table.close(number)
    return given


def real(pseudo: table.Pseudo) -> Any:
    """Return the object that a pseudo handle stands for."""
    from ntipc.processes import Process, Thread

    return Process.current() if pseudo is table.Pseudo.PROCESS else Thread.current()


def process_id(handle: HandleLike) -> int:
    """Return the process id that a process handle stands for.

    Raises:
        NtError: It is no handle of a process.
    """
    thing = object_of(handle)
    if thing is table.Pseudo.PROCESS:
        return os.getpid()
    pid = getattr(thing, "pid", None)
    if not isinstance(pid, int):
        raise from_status(Status.OBJECT_TYPE_MISMATCH, "", f"handle {number_of(handle):#x}")
    return pid


def GetHandleInformation(hObject: HandleLike, /) -> int:
    """Return the marks of a handle: HANDLE_FLAG_INHERIT, HANDLE_FLAG_PROTECT_FROM_CLOSE.

    Source:
        GetHandleInformation (Win32).
    """
    try:
        thing = object_of(hObject)
        if isinstance(thing, table.Pseudo):
            return 0
        protected = HANDLE_FLAG_PROTECT_FROM_CLOSE if table.is_protected(number_of(hObject)) else 0
        return (HANDLE_FLAG_INHERIT if thing.inheritable else 0) | protected
    except NtError as problem:
        raise failed(problem, "GetHandleInformation") from None


def SetHandleInformation(hObject: HandleLike, dwMask: int, dwFlags: int, /) -> None:
    """Set the marks of a handle that ``dwMask`` names.

    Source:
        SetHandleInformation (Win32).
    """
    mask, flags = index(dwMask), index(dwFlags)
    try:
        thing = object_of(hObject)
        if isinstance(thing, table.Pseudo):
            raise from_status(Status.ACCESS_DENIED, "SetHandleInformation")
        if mask & HANDLE_FLAG_INHERIT:
            thing.inheritable = bool(flags & HANDLE_FLAG_INHERIT)
        if mask & HANDLE_FLAG_PROTECT_FROM_CLOSE:
            table.protect(number_of(hObject), bool(flags & HANDLE_FLAG_PROTECT_FROM_CLOSE))
    except NtError as problem:
        raise failed(problem, "SetHandleInformation") from None

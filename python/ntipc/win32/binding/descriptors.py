"""Security descriptors of files and other objects: owner, group, and an access list of the mode bits."""

from __future__ import annotations

import os
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.overlapped.disk import DiskFile
from ntipc.win32.binding.accounts import CreateWellKnownSid
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.paths import linux_path
from ntipc.win32.binding.pyhandle import HandleLike, object_of
from ntipc.win32.binding.security import ACL, SECURITY_DESCRIPTOR
from ntipc.win32.binding.sids import SID, sid_of_group, sid_of_user

_OWNER, _GROUP, _DACL = 1, 2, 4
_READ, _WRITE, _EXECUTE = 0x12_0089, 0x12_0116, 0x12_00A0
_FILE_OBJECT: Final = 1


def GetFileSecurity(filename: str, info: int = _OWNER | _GROUP | _DACL, /) -> SECURITY_DESCRIPTOR:
    """Return the descriptor of a file.

    Source:
        GetFileSecurity (Win32).
    """
    try:
        return _of(os.stat(linux_path(filename)))
    except OSError as problem:
        raise linux_failure(problem, "GetFileSecurity") from None


def SetFileSecurity(filename: str, info: int, security: SECURITY_DESCRIPTOR, /) -> None:
    """Give a file the owner and the group of a descriptor, if these are users of Linux.

    Source:
        SetFileSecurity (Win32).

    Differs:
        Access lists change nothing: who may do what is in the mode bits.
    """
    _give(linux_path(filename), info, security.GetSecurityDescriptorOwner(), security.GetSecurityDescriptorGroup())


def GetNamedSecurityInfo(ObjectName: str, ObjectType: int, SecurityInfo: int, /) -> SECURITY_DESCRIPTOR:
    """Return the descriptor of a file; of anything else that of the user's own objects.

    Source:
        GetNamedSecurityInfo (Win32).
    """
    return GetFileSecurity(ObjectName, SecurityInfo) if ObjectType == _FILE_OBJECT else _of_the_users_own()


def SetNamedSecurityInfo(
    ObjectName: str, ObjectType: int, SecurityInfo: int, Owner: SID | None, Group: SID | None, Dacl: Any, Sacl: Any, /
) -> None:
    """Give a file an owner and a group; of anything else nothing changes.

    Source:
        SetNamedSecurityInfo (Win32).
    """
    if ObjectType == _FILE_OBJECT:
        _give(linux_path(ObjectName), SecurityInfo, Owner, Group)


def GetSecurityInfo(handle: HandleLike, ObjectType: int, SecurityInfo: int, /) -> SECURITY_DESCRIPTOR:
    """Return the descriptor of what a handle leads to.

    Source:
        GetSecurityInfo (Win32).
    """
    try:
        thing = object_of(handle)
        if isinstance(thing, DiskFile):
            return _of(os.fstat(thing.fd))
    except NtError as problem:
        raise failed(problem, "GetSecurityInfo") from None
    except OSError as problem:
        raise linux_failure(problem, "GetSecurityInfo") from None
    return _of_the_users_own()


def SetSecurityInfo(
    handle: HandleLike,
    ObjectType: int,
    SecurityInfo: int,
    Owner: SID | None,
    Group: SID | None,
    Dacl: Any,
    Sacl: Any,
    /,
) -> None:
    """Return at once: the session decides who may use an object.

    Source:
        SetSecurityInfo (Win32).
    """
    try:
        object_of(handle)
    except NtError as problem:
        raise failed(problem, "SetSecurityInfo") from None


def GetKernelObjectSecurity(handle: HandleLike, info: int, /) -> SECURITY_DESCRIPTOR:
    """Return the descriptor of what a handle leads to.

    Source:
        GetKernelObjectSecurity (Win32).
    """
    return GetSecurityInfo(handle, 6, info)


def SetKernelObjectSecurity(handle: HandleLike, info: int, security: SECURITY_DESCRIPTOR, /) -> None:
    """Return at once: the session decides who may use an object.

    Source:
        SetKernelObjectSecurity (Win32).
    """
    SetSecurityInfo(handle, 6, info, None, None, None, None)


GetUserObjectSecurity, SetUserObjectSecurity = GetKernelObjectSecurity, SetKernelObjectSecurity


def _of(status: os.stat_result) -> SECURITY_DESCRIPTOR:
    descriptor, acl = SECURITY_DESCRIPTOR(), ACL()
    owner, group = sid_of_user(status.st_uid), sid_of_group(status.st_gid)
    for sid, shift in (owner, 6), (group, 3), (CreateWellKnownSid(1), 0):
        bits = status.st_mode >> shift & 7
        rights = (_READ if bits & 4 else 0) | (_WRITE if bits & 2 else 0) | (_EXECUTE if bits & 1 else 0)
        if rights:
            acl.AddAccessAllowedAce(rights, sid)
    descriptor.SetSecurityDescriptorOwner(owner, False)
    descriptor.SetSecurityDescriptorGroup(group, False)
    descriptor.SetSecurityDescriptorDacl(True, acl, False)
    return descriptor


def _of_the_users_own() -> SECURITY_DESCRIPTOR:
    descriptor = SECURITY_DESCRIPTOR()
    descriptor.SetSecurityDescriptorOwner(sid_of_user(os.geteuid()), False)
    descriptor.SetSecurityDescriptorGroup(sid_of_group(os.getegid()), False)
    return descriptor


def _give(path: str, info: int, owner: SID | None, group: SID | None) -> None:
    uid = owner.uid if info & _OWNER and owner is not None else None
    gid = group.gid if info & _GROUP and group is not None else None
    if (uid is None and info & _OWNER) or (gid is None and info & _GROUP):
        raise failure(1307 if uid is None and info & _OWNER else 1308, "SetFileSecurity")
    try:
        os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)
    except OSError as problem:
        raise linux_failure(problem, "SetFileSecurity") from None

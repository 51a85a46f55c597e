"""Tokens: who a process is. It is a user of Linux with groups; privileges are accepted and change nothing."""

from __future__ import annotations

import os
from operator import index
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.win32.binding.accounts import CreateWellKnownSid
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle, object_of_kind
from ntipc.win32.binding.sids import SID, sid_of_group, sid_of_user

_NO_TOKEN, _NO_PRIVILEGE = 1008, 1313
_USER, _GROUPS, _PRIVILEGES, _OWNER, _PRIMARY_GROUP, _SOURCE, _TYPE = 1, 2, 3, 4, 5, 7, 8
_SESSION, _ELEVATION_TYPE, _ELEVATION, _INTEGRITY = 12, 18, 20, 25
_ENABLED_GROUP: Final = 7
_PRIVILEGE_NAMES: Final = (
    "", "", "SeCreateTokenPrivilege", "SeAssignPrimaryTokenPrivilege", "SeLockMemoryPrivilege",
    "SeIncreaseQuotaPrivilege", "SeMachineAccountPrivilege", "SeTcbPrivilege", "SeSecurityPrivilege",
    "SeTakeOwnershipPrivilege", "SeLoadDriverPrivilege", "SeSystemProfilePrivilege", "SeSystemtimePrivilege",
    "SeProfileSingleProcessPrivilege", "SeIncreaseBasePriorityPrivilege", "SeCreatePagefilePrivilege",
    "SeCreatePermanentPrivilege", "SeBackupPrivilege", "SeRestorePrivilege", "SeShutdownPrivilege",
    "SeDebugPrivilege", "SeAuditPrivilege", "SeSystemEnvironmentPrivilege", "SeChangeNotifyPrivilege",
    "SeRemoteShutdownPrivilege", "SeUndockPrivilege", "SeSyncAgentPrivilege", "SeEnableDelegationPrivilege",
    "SeManageVolumePrivilege", "SeImpersonatePrivilege", "SeCreateGlobalPrivilege",
)  # fmt: skip


class Token:
    """What a handle to a token leads to.

    Args:
        pid: The process.
    """

    _kind = "token"
    created = True
    inheritable = False

    def __init__(self, pid: int) -> None:
        status = os.stat(f"/proc/{pid}")
        self.pid, self.uid, self.gid = pid, status.st_uid, status.st_gid
        self.groups = os.getgroups() if pid == os.getpid() else [self.gid]
        self.closed = False

    def duplicate(self, *, access: int | None = None, inheritable: bool = False) -> Token:
        """Return another one for the same process."""
        return Token(self.pid)

    def close(self) -> None:
        """Close it."""
        self.closed = True


def OpenProcessToken(processHandle: HandleLike, desiredAccess: int, /) -> PyHANDLE:
    """Open the token of a process.

    Source:
        OpenProcessToken (Win32).
    """
    index(desiredAccess)
    from ntipc.win32.binding.duplication import process_id

    try:
        return new_handle(Token(process_id(processHandle)))
    except NtError as problem:
        raise failed(problem, "OpenProcessToken") from None
    except OSError:
        raise failure(87, "OpenProcessToken") from None


def OpenThreadToken(handle: HandleLike, desiredAccess: int, openAsSelf: int, /) -> PyHANDLE:
    """Refuse: no thread has a token of its own (1008).

    Source:
        OpenThreadToken (Win32).
    """
    raise failure(_NO_TOKEN, "OpenThreadToken")


def GetTokenInformation(TokenHandle: HandleLike, TokenInformationClass: int, /) -> Any:
    """Tell of a token: its user, its groups, its privileges, whether it may do everything.

    Source:
        GetTokenInformation (Win32).
    """
    token = _token(TokenHandle, "GetTokenInformation")
    known = index(TokenInformationClass)
    root = token.uid == 0
    answers: dict[int, Any] = {
        _USER: (sid_of_user(token.uid), 0),
        _GROUPS: [(sid_of_group(group), _ENABLED_GROUP) for group in token.groups],
        _PRIVILEGES: tuple((number, 2 if root else 0) for number in range(2, len(_PRIVILEGE_NAMES))),
        _OWNER: sid_of_user(token.uid),
        _PRIMARY_GROUP: sid_of_group(token.gid),
        _TYPE: 1,
        _SESSION: 1,
        _ELEVATION_TYPE: 1,
        _ELEVATION: int(root),
        _INTEGRITY: (SID.parsed("S-1-16-12288" if root else "S-1-16-8192"), 0x60),
    }
    if known not in answers:
        raise failure(87, "GetTokenInformation")
    return answers[known]


def _token(handle: HandleLike, call: str) -> Token:
    try:
        return object_of_kind(handle, Token)
    except NtError as problem:
        raise failed(problem, call) from None


def LookupPrivilegeValue(systemName: str | None, privilegeName: str, /) -> int:
    """Return the number of a privilege.

    Source:
        LookupPrivilegeValue (Win32).
    """
    if not privilegeName or privilegeName not in _PRIVILEGE_NAMES:
        raise failure(_NO_PRIVILEGE, "LookupPrivilegeValue")
    return _PRIVILEGE_NAMES.index(privilegeName)


def LookupPrivilegeName(SystemName: str | None, luid: int, /) -> str:
    """Return the name of a privilege.

    Source:
        LookupPrivilegeName (Win32).
    """
    if not 2 <= luid < len(_PRIVILEGE_NAMES):
        raise failure(_NO_PRIVILEGE, "LookupPrivilegeName")
    return _PRIVILEGE_NAMES[luid]


def AdjustTokenPrivileges(TokenHandle: HandleLike, bDisableAllPrivileges: int, NewState: Any, /) -> list[Any]:
    """Return the states before: nothing is changed, since who may do what is a matter of the user.

    Source:
        AdjustTokenPrivileges (Win32).
    """
    _token(TokenHandle, "AdjustTokenPrivileges")
    return [(number, 0) for number, _ in NewState or ()]


def CheckTokenMembership(TokenHandle: HandleLike, SidToCheck: SID, /) -> bool:
    """Say whether the user of a token is in a group, or is the one that is meant.

    Source:
        CheckTokenMembership (Win32).
    """
    token = Token(os.getpid()) if TokenHandle is None else _token(TokenHandle, "CheckTokenMembership")
    if SidToCheck in (CreateWellKnownSid(1), CreateWellKnownSid(17), sid_of_user(token.uid)):
        return True
    if SidToCheck == CreateWellKnownSid(26):
        return token.uid == 0
    return SidToCheck.gid in token.groups


def DuplicateToken(ExistingTokenHandle: HandleLike, ImpersonationLevel: int, /) -> PyHANDLE:
    """Make another handle to the token of the same process.

    Source:
        DuplicateToken (Win32).
    """
    return new_handle(_token(ExistingTokenHandle, "DuplicateToken").duplicate())


def IsTokenRestricted(TokenHandle: HandleLike, /) -> bool:
    """Return ``False``: no token is restricted."""
    _token(TokenHandle, "IsTokenRestricted")
    return False


def ImpersonateSelf(ImpersonationLevel: int, /) -> None:
    """Return at once: the thread is its process's user.

    Source:
        ImpersonateSelf (Win32).
    """


def RevertToSelf() -> None:
    """Return at once: the thread is its process's user.

    Source:
        RevertToSelf (Win32).
    """

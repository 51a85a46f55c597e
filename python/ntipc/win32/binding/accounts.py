"""Users and groups of Linux as accounts of Windows: names, identifiers, tokens.

>>> sid, domain, kind = LookupAccountName(None, "root")
>>> ConvertSidToStringSid(sid), LookupAccountSid(None, sid)[0], kind
('S-1-22-1-0', 'root', 1)
>>> LookupAccountSid(None, CreateWellKnownSid(1))
('Everyone', '', 5)
"""

from __future__ import annotations

import grp
import os
import pwd
from operator import index
from typing import Any, Final

from ntipc.win32.binding.arguments import text
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.sids import SID, sid_of_group, sid_of_user

_USER, _GROUP, _WELL_KNOWN = 1, 2, 5
_NONE_MAPPED: Final = 1332

_WELL_KNOWN_SIDS: Final = {
    0: ("S-1-0-0", "NULL SID"), 1: ("S-1-1-0", "Everyone"), 2: ("S-1-2-0", "LOCAL"),
    3: ("S-1-3-0", "CREATOR OWNER"), 4: ("S-1-3-1", "CREATOR GROUP"), 5: ("S-1-3-2", "CREATOR OWNER SERVER"),
    6: ("S-1-3-3", "CREATOR GROUP SERVER"), 7: ("S-1-5", "NT AUTHORITY"), 8: ("S-1-5-1", "DIALUP"),
    9: ("S-1-5-2", "NETWORK"), 10: ("S-1-5-3", "BATCH"), 11: ("S-1-5-4", "INTERACTIVE"), 12: ("S-1-5-6", "SERVICE"),
    13: ("S-1-5-7", "ANONYMOUS LOGON"), 14: ("S-1-5-8", "PROXY"), 15: ("S-1-5-9", "ENTERPRISE DOMAIN CONTROLLERS"),
    16: ("S-1-5-10", "SELF"), 17: ("S-1-5-11", "Authenticated Users"), 18: ("S-1-5-12", "RESTRICTED"),
    19: ("S-1-5-13", "TERMINAL SERVER USER"), 20: ("S-1-5-14", "REMOTE INTERACTIVE LOGON"),
    22: ("S-1-5-18", "SYSTEM"), 23: ("S-1-5-19", "LOCAL SERVICE"), 24: ("S-1-5-20", "NETWORK SERVICE"),
    25: ("S-1-5-32", "BUILTIN"), 26: ("S-1-5-32-544", "Administrators"), 27: ("S-1-5-32-545", "Users"),
    28: ("S-1-5-32-546", "Guests"), 29: ("S-1-5-32-547", "Power Users"), 30: ("S-1-5-32-548", "Account Operators"),
    31: ("S-1-5-32-549", "Server Operators"), 32: ("S-1-5-32-550", "Print Operators"),
    33: ("S-1-5-32-551", "Backup Operators"), 34: ("S-1-5-32-552", "Replicator"),
}  # fmt: skip
_NAMES: Final = dict(_WELL_KNOWN_SIDS.values())
_SIDS: Final = {name.casefold(): sid for sid, name in _WELL_KNOWN_SIDS.values()}


def LookupAccountName(systemName: str | None, accountName: str, /) -> tuple[SID, str, int]:
    """Find an account by its name: identifier, domain, and whether it is a user (1), a group (2) or well known (5).

    Source:
        LookupAccountName (Win32).
    """
    name = text(accountName).rpartition("\\")[2]
    if name.casefold() in _SIDS:
        return SID.parsed(_SIDS[name.casefold()]), "", _WELL_KNOWN
    try:
        return sid_of_user(pwd.getpwnam(name).pw_uid), _domain(), _USER
    except KeyError:
        pass
    try:
        return sid_of_group(grp.getgrnam(name).gr_gid), _domain(), _GROUP
    except KeyError:
        raise failure(_NONE_MAPPED, "LookupAccountName") from None


def LookupAccountSid(systemName: str | None, sid: SID, /) -> tuple[str, str, int]:
    """Find an account by its identifier: name, domain and kind.

    Source:
        LookupAccountSid (Win32).
    """
    checked = _sid(sid)
    if checked.text in _NAMES:
        return _NAMES[checked.text], "", _WELL_KNOWN
    try:
        if checked.uid is not None:
            return pwd.getpwuid(checked.uid).pw_name, _domain(), _USER
        if checked.gid is not None:
            return grp.getgrgid(checked.gid).gr_name, _domain(), _GROUP
    except KeyError:
        pass
    raise failure(_NONE_MAPPED, "LookupAccountSid")


def ConvertSidToStringSid(Sid: SID, /) -> str:
    """Return an identifier as ``S-1-...``.

    Source:
        ConvertSidToStringSid (Win32).
    """
    return _sid(Sid).text


def ConvertStringSidToSid(StringSid: str, /) -> SID:
    """Make an identifier of ``S-1-...``.

    Source:
        ConvertStringSidToSid (Win32).
    """
    return SID.parsed(text(StringSid))


def GetBinarySid(SID_: str, /) -> SID:
    """Make an identifier of ``S-1-...``."""
    return SID.parsed(text(SID_))


def CreateWellKnownSid(WellKnownSidType: int, DomainSid: SID | None = None, /) -> SID:
    """Return a well-known identifier by its number: WinWorldSid and others.

    Source:
        CreateWellKnownSid (Win32).
    """
    number = index(WellKnownSidType)
    if number not in _WELL_KNOWN_SIDS:
        raise failure(87, "CreateWellKnownSid")
    return SID.parsed(_WELL_KNOWN_SIDS[number][0])


def _sid(value: Any) -> SID:
    if not isinstance(value, SID):
        raise TypeError("The object is not a PySID object")
    return value


def _domain() -> str:
    return os.uname().nodename.partition(".")[0].upper()[:15]

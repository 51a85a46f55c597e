"""Security objects, accounts and tokens by pywin32's names (FC-36, FC-100, FC-101)."""

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from ntipc.win32 import ntsecuritycon, pywintypes, win32api, win32con, win32event, win32security


def code(call: Any, *arguments: object) -> tuple[int, str]:
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror, caught.value.funcname


def test_attributes() -> None:  # FC-100
    for make in (pywintypes.SECURITY_ATTRIBUTES, win32security.SECURITY_ATTRIBUTES):
        attributes = make()
        assert attributes.bInheritHandle == 0
        attributes.SetSecurityDescriptorDacl(1, None, 0)
        descriptor = win32security.SECURITY_DESCRIPTOR()
        descriptor.SetSecurityDescriptorDacl(True, None, False)
        attributes.SECURITY_DESCRIPTOR = descriptor
        assert attributes.SECURITY_DESCRIPTOR is descriptor
        assert win32event.CreateMutex(attributes, False, None)
    with pytest.raises(TypeError):
        attributes.SECURITY_DESCRIPTOR = "x"


def test_descriptors_and_lists() -> None:  # FC-100, FC-101
    sid = win32security.SID()
    sid.Initialize((0, 0, 0, 0, 0, 5), 2)
    sid.SetSubAuthority(0, 32)
    sid.SetSubAuthority(1, 544)
    assert win32security.ConvertSidToStringSid(sid) == "S-1-5-32-544"
    assert sid == win32security.CreateWellKnownSid(win32security.WinBuiltinAdministratorsSid, None)
    assert win32security.SID(bytes(sid)) == sid
    assert (sid.GetSubAuthorityCount(), sid.GetSubAuthority(1), sid.GetLength()) == (2, 544, 16)
    with pytest.raises(ValueError):
        sid.SetSubAuthority(2, 1)
    acl = win32security.ACL()
    acl.AddAccessAllowedAce(ntsecuritycon.FILE_ALL_ACCESS, sid)
    acl.AddAccessAllowedAce(win32security.ACL_REVISION, win32con.GENERIC_READ, sid)
    acl.AddAccessDeniedAceEx(win32security.ACL_REVISION, 3, 1, sid)
    assert acl.GetAceCount() == 3
    assert acl.GetAce(0) == ((0, 0), ntsecuritycon.FILE_ALL_ACCESS, sid)
    assert acl.GetAce(2)[0] == (1, 3)
    acl.DeleteAce(2)
    assert code(acl.GetAce, 2)[0] == 87
    with pytest.raises(TypeError):
        acl.AddAccessAllowedAce(1, "Everyone")
    descriptor = pywintypes.SECURITY_DESCRIPTOR()
    descriptor.Initialize()
    descriptor.SetSecurityDescriptorOwner(sid, False)
    descriptor.SetSecurityDescriptorDacl(1, acl, 0)
    assert descriptor.GetSecurityDescriptorOwner() == sid
    assert descriptor.GetSecurityDescriptorDacl() is acl
    assert descriptor.IsValid()
    assert not descriptor.IsSelfRelative()


def test_accounts_are_users_and_groups_of_linux() -> None:  # FC-101
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert win32api.GetUserName() == me
    sid, domain, kind = win32security.LookupAccountName(None, win32api.GetUserName())
    assert (sid.uid, kind) == (os.geteuid(), 1)
    assert win32security.LookupAccountName(None, f"{domain}\\{me}")[0] == sid
    assert win32security.LookupAccountSid(None, sid) == (me, domain, 1)
    everyone = win32security.LookupAccountName("", "Everyone")[0]
    assert win32security.ConvertSidToStringSid(everyone) == "S-1-1-0"
    assert win32security.ConvertStringSidToSid("S-1-1-0") == everyone
    assert code(win32security.LookupAccountName, None, "nobody is called so") == (1332, "LookupAccountName")
    for wrong in ("", "X-1-1-0", "S-2-1-0", "S-1-x", "S-1-1" + "-1" * 16, "S-1-1--5"):
        assert code(win32security.ConvertStringSidToSid, wrong)[0] == 1337


def test_tokens() -> None:
    token = win32security.OpenProcessToken(win32api.GetCurrentProcess(), win32security.TOKEN_QUERY)
    assert win32security.GetTokenInformation(token, win32security.TokenUser)[0].uid == os.geteuid()
    assert {sid.gid for sid, _ in win32security.GetTokenInformation(token, win32security.TokenGroups)} == set(
        os.getgroups()
    )
    luid = win32security.LookupPrivilegeValue(None, win32security.SE_DEBUG_NAME)
    assert win32security.LookupPrivilegeName(None, luid) == "SeDebugPrivilege"
    new = [(luid, win32security.SE_PRIVILEGE_ENABLED)]
    assert win32security.AdjustTokenPrivileges(token, False, new) == [(luid, 0)]
    assert win32security.CheckTokenMembership(token, win32security.CreateWellKnownSid(win32security.WinWorldSid))
    assert code(win32security.LookupPrivilegeValue, "", "SeNothing")[0] == 1313
    assert code(win32security.OpenThreadToken, -2, 8, True)[0] == 1008
    assert code(win32security.GetTokenInformation, token, 9999)[0] == 87
    token.Close()
    assert code(win32security.GetTokenInformation, 8_000_000, 1)[0] == 6
    assert win32security.RevertToSelf() is None


def test_files_have_their_owner_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    path.chmod(0o640)
    descriptor = win32security.GetFileSecurity(str(path), win32security.OWNER_SECURITY_INFORMATION)
    owner = descriptor.GetSecurityDescriptorOwner()
    assert owner.uid == os.geteuid()
    assert descriptor.GetSecurityDescriptorGroup().gid == path.stat().st_gid
    assert descriptor.GetSecurityDescriptorDacl().GetAceCount() == 2
    win32security.SetFileSecurity(str(path), win32security.OWNER_SECURITY_INFORMATION, descriptor)
    assert code(win32security.GetFileSecurity, str(tmp_path / "none"), 1)[0] == 2

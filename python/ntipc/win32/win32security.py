"""Users, groups, tokens and security descriptors, as pywin32's ``win32security`` has them.

>>> from ntipc.win32 import win32api, win32security
>>> token = win32security.OpenProcessToken(win32api.GetCurrentProcess(), win32security.TOKEN_QUERY)
>>> user, _ = win32security.GetTokenInformation(token, win32security.TokenUser)
>>> win32security.LookupAccountSid(None, user)[0] == win32api.GetUserName()
True
"""

from __future__ import annotations

from ntipc.win32.binding import tables
from ntipc.win32.binding.accounts import ConvertSidToStringSid as ConvertSidToStringSid
from ntipc.win32.binding.accounts import ConvertStringSidToSid as ConvertStringSidToSid
from ntipc.win32.binding.accounts import CreateWellKnownSid as CreateWellKnownSid
from ntipc.win32.binding.accounts import GetBinarySid as GetBinarySid
from ntipc.win32.binding.accounts import LookupAccountName as LookupAccountName
from ntipc.win32.binding.accounts import LookupAccountSid as LookupAccountSid
from ntipc.win32.binding.descriptors import GetFileSecurity as GetFileSecurity
from ntipc.win32.binding.descriptors import GetKernelObjectSecurity as GetKernelObjectSecurity
from ntipc.win32.binding.descriptors import GetNamedSecurityInfo as GetNamedSecurityInfo
from ntipc.win32.binding.descriptors import GetSecurityInfo as GetSecurityInfo
from ntipc.win32.binding.descriptors import GetUserObjectSecurity as GetUserObjectSecurity
from ntipc.win32.binding.descriptors import SetFileSecurity as SetFileSecurity
from ntipc.win32.binding.descriptors import SetKernelObjectSecurity as SetKernelObjectSecurity
from ntipc.win32.binding.descriptors import SetNamedSecurityInfo as SetNamedSecurityInfo
from ntipc.win32.binding.descriptors import SetSecurityInfo as SetSecurityInfo
from ntipc.win32.binding.descriptors import SetUserObjectSecurity as SetUserObjectSecurity
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.security import ACL as ACL
from ntipc.win32.binding.security import SECURITY_ATTRIBUTES as SECURITY_ATTRIBUTES
from ntipc.win32.binding.security import SECURITY_DESCRIPTOR as SECURITY_DESCRIPTOR
from ntipc.win32.binding.sids import SID as SID
from ntipc.win32.binding.tokens import AdjustTokenPrivileges as AdjustTokenPrivileges
from ntipc.win32.binding.tokens import CheckTokenMembership as CheckTokenMembership
from ntipc.win32.binding.tokens import DuplicateToken as DuplicateToken
from ntipc.win32.binding.tokens import GetTokenInformation as GetTokenInformation
from ntipc.win32.binding.tokens import ImpersonateSelf as ImpersonateSelf
from ntipc.win32.binding.tokens import IsTokenRestricted as IsTokenRestricted
from ntipc.win32.binding.tokens import LookupPrivilegeName as LookupPrivilegeName
from ntipc.win32.binding.tokens import LookupPrivilegeValue as LookupPrivilegeValue
from ntipc.win32.binding.tokens import OpenProcessToken as OpenProcessToken
from ntipc.win32.binding.tokens import OpenThreadToken as OpenThreadToken
from ntipc.win32.binding.tokens import RevertToSelf as RevertToSelf
from ntipc.win32.win32pipe import ImpersonateNamedPipeClient as ImpersonateNamedPipeClient

__getattr__ = tables.lookup(__name__)

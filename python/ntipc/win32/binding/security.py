"""Security attributes, descriptors and access lists, which pywin32 calls PySECURITY_ATTRIBUTES and so on.

Who may use an object is decided by its session: that of one user, or one with a mode and a group. What a program puts
into a descriptor is kept, and can be read again; it changes nothing. The inheritance mark is heeded.

    >>> attributes = SECURITY_ATTRIBUTES()
    >>> attributes.bInheritHandle = 1
    >>> attributes.SetSecurityDescriptorDacl(1, None, 0)
    >>> attributes.SECURITY_DESCRIPTOR.GetSecurityDescriptorDacl() is None
    True
"""

from __future__ import annotations

import struct
from operator import index
from typing import Any, Final, TypeAlias

from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.sids import SID

ACCESS_ALLOWED_ACE: Final = 0
ACCESS_DENIED_ACE: Final = 1
SYSTEM_AUDIT_ACE: Final = 2
_SELF_RELATIVE: Final = 0x8000
_OWNER_DEFAULTED, _GROUP_DEFAULTED = 1, 2
_DACL_PRESENT, _DACL_DEFAULTED, _SACL_PRESENT, _SACL_DEFAULTED = 4, 8, 16, 32

Ace: TypeAlias = tuple[tuple[int, int], int, SID]
"""An entry of a list: type and flags, rights, whose."""


class ACL:
    """A list of who may do what.

    Source:
        PyACL objects (pywin32).
    """

    def __init__(self, size: int | bytes = 64, revision: int = 2, /) -> None:
        self._revision = revision
        self._entries: list[Ace] = []

    def Initialize(self, size: int = 64, revision: int = 2, /) -> None:
        """Make the list empty."""
        self._revision, self._entries = revision, []

    def IsValid(self) -> bool:
        """Say whether this is a list: it always is."""
        return True

    def AddAccessAllowedAce(self, *arguments: Any) -> None:
        """Allow something to somebody: ``(rights, sid)``, or with the revision in front."""
        self._add(ACCESS_ALLOWED_ACE, 0, *arguments[-2:], call="AddAccessAllowedAce", given=len(arguments))

    def AddAccessDeniedAce(self, *arguments: Any) -> None:
        """Deny something to somebody: ``(rights, sid)``, or with the revision in front."""
        self._add(ACCESS_DENIED_ACE, 0, *arguments[-2:], call="AddAccessDeniedAce", given=len(arguments))

    def AddAccessAllowedAceEx(self, revision: int, flags: int, rights: int, sid: SID, /) -> None:
        """Allow something to somebody, with inheritance flags."""
        self._add(ACCESS_ALLOWED_ACE, flags, rights, sid, call="AddAccessAllowedAceEx")

    def AddAccessDeniedAceEx(self, revision: int, flags: int, rights: int, sid: SID, /) -> None:
        """Deny something to somebody, with inheritance flags."""
        self._add(ACCESS_DENIED_ACE, flags, rights, sid, call="AddAccessDeniedAceEx")

    def AddAuditAccessAce(self, revision: int, rights: int, sid: SID, success: int, failing: int, /) -> None:
        """Have uses recorded."""
        self._add(
            SYSTEM_AUDIT_ACE, (0x40 if success else 0) | (0x80 if failing else 0), rights, sid, call="AddAuditAccessAce"
        )

    def GetAceCount(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def GetAce(self, index: int, /) -> Ace:
        """Return an entry: ``((type, flags), rights, sid)``."""
        self._check(index, "GetAce")
        return self._entries[index]

    def DeleteAce(self, index: int, /) -> None:
        """Take an entry out."""
        self._check(index, "DeleteAce")
        del self._entries[index]

    def GetAclSize(self) -> int:
        """Return how many bytes the list would have."""
        return 8 + sum(8 + sid.GetLength() for _, _, sid in self._entries)

    def GetAclRevision(self) -> int:
        """Return the revision."""
        return self._revision

    def _check(self, place: int, call: str) -> None:
        if not 0 <= place < len(self._entries):
            raise failure(87, call)

    def _add(self, kind: int, flags: int, rights: int, sid: SID, *, call: str, given: int = 2) -> None:
        if given not in (2, 3):
            raise TypeError(f"{call} takes rights and a PySID, perhaps with a revision in front, not {given} arguments")
        if not isinstance(sid, SID):
            raise TypeError("The object is not a PySID object")
        self._entries.append(((kind, flags), index(rights) & 0xFFFF_FFFF, sid))


class SECURITY_DESCRIPTOR:  # noqa: N801, RUF100 - pywin32's name
    """Whose something is, and who may do what with it.

    Source:
        PySECURITY_DESCRIPTOR objects (pywin32).
    """

    def __init__(self, revision: int | bytes = 1, /) -> None:
        self._owner: SID | None = None
        self._group: SID | None = None
        self._dacl: ACL | None = None
        self._sacl: ACL | None = None
        self._control = 0

    def Initialize(self) -> None:
        """Make it empty."""
        self.__init__()  # type: ignore[misc]

    def IsValid(self) -> bool:
        """Say whether this is a descriptor: it always is."""
        return True

    def IsSelfRelative(self) -> bool:
        """Say whether it is one block of memory: it is not."""
        return False

    def GetLength(self) -> int:
        """Return how many bytes it would have."""
        lists = sum(part.GetAclSize() for part in (self._dacl, self._sacl) if part is not None)
        return struct.calcsize("<BBHIIII") + lists + sum(s.GetLength() for s in (self._owner, self._group) if s)

    def GetSecurityDescriptorOwner(self) -> SID | None:
        """Return the owner."""
        return self._owner

    def SetSecurityDescriptorOwner(self, sid: SID | None, defaulted: int = 0, /) -> None:
        """Set the owner."""
        self._owner = _checked(sid, SID)
        self._set(_OWNER_DEFAULTED, defaulted)

    def GetSecurityDescriptorGroup(self) -> SID | None:
        """Return the group."""
        return self._group

    def SetSecurityDescriptorGroup(self, sid: SID | None, defaulted: int = 0, /) -> None:
        """Set the group."""
        self._group = _checked(sid, SID)
        self._set(_GROUP_DEFAULTED, defaulted)

    def GetSecurityDescriptorDacl(self) -> ACL | None:
        """Return the access list; ``None`` for one that allows everything to everybody."""
        return self._dacl

    def SetSecurityDescriptorDacl(self, present: int, acl: ACL | None, defaulted: int, /) -> None:
        """Set the access list; ``None`` allows everything to everybody."""
        self._dacl = _checked(acl, ACL) if present else None
        self._set(_DACL_PRESENT, present)
        self._set(_DACL_DEFAULTED, defaulted)

    def GetSecurityDescriptorSacl(self) -> ACL | None:
        """Return the list of what is recorded."""
        return self._sacl

    def SetSecurityDescriptorSacl(self, present: int, acl: ACL | None, defaulted: int, /) -> None:
        """Set the list of what is recorded."""
        self._sacl = _checked(acl, ACL) if present else None
        self._set(_SACL_PRESENT, present)
        self._set(_SACL_DEFAULTED, defaulted)

    def GetSecurityDescriptorControl(self) -> tuple[int, int]:
        """Return the control bits and the revision."""
        return self._control, 1

    def SetSecurityDescriptorControl(self, mask: int, bits: int, /) -> None:
        """Set some of the control bits."""
        self._control = self._control & ~mask | bits & mask

    SetDacl = SetSecurityDescriptorDacl
    SetSacl = SetSecurityDescriptorSacl

    def _set(self, bit: int, on: int) -> None:
        self._control = self._control | bit if on else self._control & ~bit


class SECURITY_ATTRIBUTES:  # noqa: N801, RUF100 - pywin32's name
    """Whether a new handle is inherited, and who may do what with a new object.

    Attributes:
        bInheritHandle: Whether a child that is started with inheritance gets the handle.
        SECURITY_DESCRIPTOR: Whose the object is to be; ``None`` for the default.

    Source:
        PySECURITY_ATTRIBUTES objects (pywin32).
    """

    def __init__(self) -> None:
        self.bInheritHandle: int = 0
        self._descriptor: SECURITY_DESCRIPTOR | None = SECURITY_DESCRIPTOR()

    @property
    def SECURITY_DESCRIPTOR(self) -> SECURITY_DESCRIPTOR | None:
        """The descriptor."""
        return self._descriptor

    @SECURITY_DESCRIPTOR.setter
    def SECURITY_DESCRIPTOR(self, descriptor: SECURITY_DESCRIPTOR | None) -> None:
        self._descriptor = _checked(descriptor, _Descriptor)

    def Initialize(self) -> None:
        """Make the descriptor empty."""
        self._descriptor = _Descriptor()

    def SetSecurityDescriptorDacl(self, present: int, acl: ACL | None, defaulted: int, /) -> None:
        """Set the access list of the descriptor."""
        self._own().SetSecurityDescriptorDacl(present, acl, defaulted)

    def SetSecurityDescriptorOwner(self, sid: SID | None, defaulted: int = 0, /) -> None:
        """Set the owner in the descriptor."""
        self._own().SetSecurityDescriptorOwner(sid, defaulted)

    def SetSecurityDescriptorGroup(self, sid: SID | None, defaulted: int = 0, /) -> None:
        """Set the group in the descriptor."""
        self._own().SetSecurityDescriptorGroup(sid, defaulted)

    def _own(self) -> Any:
        if self._descriptor is None:
            self._descriptor = _Descriptor()
        return self._descriptor


_Descriptor = SECURITY_DESCRIPTOR
SecurityAttributes = SECURITY_ATTRIBUTES
"""The same class, where the name of a type is wanted."""


def inherits(attributes: object) -> bool:
    """Say whether a handle that is made with these attributes is to be inherited.

    Raises:
        TypeError: They are none.
    """
    if not isinstance(attributes, SECURITY_ATTRIBUTES):
        raise TypeError("The object is not a PySECURITY_ATTRIBUTES object")
    return bool(attributes.bInheritHandle)


def _checked(value: Any, kind: type[Any]) -> Any:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"The object is not a Py{kind.__name__} object")
    return value

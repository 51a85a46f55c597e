"""Security identifiers, and which users and groups of Linux they stand for.

A user of Linux is ``S-1-22-1-uid`` and a group ``S-1-22-2-gid``, as Samba has it. Well-known identifiers are those of
Windows.

    >>> sid_of_user(1000)
    <PySID:S-1-22-1-1000>
    >>> SID.parsed("S-1-1-0") == SID.parsed("S-1-1-0"), bytes(SID.parsed("S-1-1-0")).hex()
    (True, '010100000000000100000000')
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from ntipc.win32.binding.failures import failure

_UNIX_USERS, _UNIX_GROUPS = 1, 2
_UNIX: Final = 22
_MOST_SUBAUTHORITIES: Final = 15


class SID:
    """A security identifier.

    Args:
        data: The bytes of one; without them it is to be filled by :meth:`Initialize`.

    Source:
        PySID objects (pywin32).
    """

    def __init__(
        self, data: bytes | int | Sequence[int] | None = None, subauthorities: Sequence[int] | None = None, /
    ) -> None:
        self._authority = 0
        self._parts: list[int] = []
        if isinstance(data, int):  # SID(size)
            return
        if isinstance(data, (tuple, list)):  # SID(authority, subauthorities)
            self._authority = int.from_bytes(bytes(data), "big")
            self._parts = [part & 0xFFFF_FFFF for part in subauthorities or ()]
        elif data is not None:
            raw = bytes(data)
            if len(raw) < 8 or raw[0] != 1 or raw[1] > _MOST_SUBAUTHORITIES or len(raw) < 8 + 4 * raw[1]:
                raise failure(1337, "SID")
            self._authority = int.from_bytes(raw[2:8], "big")
            self._parts = list(struct.unpack_from(f"<{raw[1]}I", raw, 8))

    @classmethod
    def parsed(cls, text: str) -> SID:
        """Make an identifier of its text.

        Raises:
            error: It is no such text (1337).
        """
        sid = cls()
        try:
            letter, revision, authority, *parts = text.split("-")
            sid._authority = int(authority, 0)
            sid._parts = [int(part) for part in parts]
        except ValueError:
            raise failure(1337, "ConvertStringSidToSid") from None
        numbers_fit = all(0 <= part <= 0xFFFF_FFFF for part in sid._parts) and 0 <= sid._authority < 2**48
        if letter.upper() != "S" or revision != "1" or not numbers_fit or len(sid._parts) > _MOST_SUBAUTHORITIES:
            raise failure(1337, "ConvertStringSidToSid")
        return sid

    def Initialize(self, authority: Sequence[int], count: int, /) -> None:
        """Set the authority, of six bytes, and the number of subauthorities, each of which is 0 at first."""
        if not 0 <= count <= _MOST_SUBAUTHORITIES or len(authority) != 6:
            raise failure(87, "InitializeSid")
        self._authority = int.from_bytes(bytes(authority), "big")
        self._parts = [0] * count

    def IsValid(self) -> bool:
        """Say whether this is an identifier: it always is."""
        return True

    def SetSubAuthority(self, index: int, value: int, /) -> None:
        """Set a subauthority."""
        if not 0 <= index < len(self._parts):
            raise ValueError("The index is out of range")
        self._parts[index] = value & 0xFFFF_FFFF

    def GetSubAuthority(self, index: int, /) -> int:
        """Return a subauthority."""
        if not 0 <= index < len(self._parts):
            raise ValueError("The index is out of range")
        return self._parts[index]

    def GetSubAuthorityCount(self) -> int:
        """Return how many subauthorities there are."""
        return len(self._parts)

    def GetSidIdentifierAuthority(self) -> tuple[int, ...]:
        """Return the authority as six bytes."""
        return tuple(self._authority.to_bytes(6, "big"))

    def GetLength(self) -> int:
        """Return how many bytes it has."""
        return 8 + 4 * len(self._parts)

    def __bytes__(self) -> bytes:
        head = struct.pack("<BB", 1, len(self._parts)) + self._authority.to_bytes(6, "big")
        return head + struct.pack(f"<{len(self._parts)}I", *self._parts)

    @property
    def text(self) -> str:
        """The identifier as ``S-1-...``."""
        return "-".join(["S", "1", str(self._authority), *map(str, self._parts)])

    @property
    def uid(self) -> int | None:
        """The user of Linux it stands for."""
        return self._parts[1] if self._authority == _UNIX and self._parts[:1] == [_UNIX_USERS] else None

    @property
    def gid(self) -> int | None:
        """The group of Linux it stands for."""
        return self._parts[1] if self._authority == _UNIX and self._parts[:1] == [_UNIX_GROUPS] else None

    def __eq__(self, other: object) -> bool:
        return bytes(self) == bytes(other) if isinstance(other, SID) else NotImplemented

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __repr__(self) -> str:
        return f"<PySID:{self.text}>"

    def __str__(self) -> str:
        return f"PySID:{self.text}"


def sid_of_user(uid: int) -> SID:
    """Return the identifier of a user of Linux."""
    return SID.parsed(f"S-1-{_UNIX}-{_UNIX_USERS}-{uid}")


def sid_of_group(gid: int) -> SID:
    """Return the identifier of a group of Linux."""
    return SID.parsed(f"S-1-{_UNIX}-{_UNIX_GROUPS}-{gid}")

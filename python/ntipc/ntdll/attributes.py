r"""OBJECT_ATTRIBUTES: the name of an object, where the name begins, and how it is to be made or opened.

>>> from ntipc.ntdll import EVENT_ALL_ACCESS, NtCreateEvent, NotificationEvent
>>> ready = OBJECT_ATTRIBUTES(r"\BaseNamedObjects\ready", OBJ_OPENIF | OBJ_INHERIT)
>>> NtCreateEvent(EVENT_ALL_ACCESS, ready, NotificationEvent, False).status
STATUS_SUCCESS
>>> NtCreateEvent(EVENT_ALL_ACCESS, ready, NotificationEvent, False).status
STATUS_OBJECT_NAME_EXISTS
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import STATUS_INVALID_PARAMETER, STATUS_OBJECT_NAME_INVALID

OBJ_INHERIT: Final = 0x2
OBJ_PERMANENT: Final = 0x10
OBJ_EXCLUSIVE: Final = 0x20
OBJ_CASE_INSENSITIVE: Final = 0x40
OBJ_OPENIF: Final = 0x80
OBJ_OPENLINK: Final = 0x100

LENGTH: Final = 48
"""Size of the structure on 64-bit Windows."""
LONGEST_NAME: Final = 65_532
"""Bytes of the longest name."""


@dataclass(slots=True)
class OBJECT_ATTRIBUTES:
    r"""What most calls that make or open something take.

    Attributes:
        ObjectName: A path from the root, such as ``\BaseNamedObjects\ready``, or, with a root directory, one from
            there; ``None`` or empty for an unnamed object. ``bytes`` are the UTF-16 of a UNICODE_STRING.
        Attributes: Any of ``OBJ_INHERIT``, ``OBJ_OPENIF``, ``OBJ_CASE_INSENSITIVE``, ``OBJ_PERMANENT``,
            ``OBJ_OPENLINK``.
        RootDirectory: The handle of a directory, or 0.
        Length: Of the structure; another one than 48 is refused.
    """

    ObjectName: str | bytes | None = None
    Attributes: int = 0
    RootDirectory: int = 0
    Length: int = LENGTH

    def text(self) -> str:
        """Return the name as text, empty for none.

        Raises:
            NtError: It is too long, has half a UTF-16 unit, or the structure has a wrong length.
        """
        if self.Length != LENGTH:
            raise fail(STATUS_INVALID_PARAMETER)
        name = self.ObjectName
        if not name:
            return ""
        if isinstance(name, str):
            if len(name) * 2 > LONGEST_NAME or (not name.isascii() and len(_utf16(name)) > LONGEST_NAME):
                raise fail(STATUS_OBJECT_NAME_INVALID)
            return name
        if not isinstance(name, bytes):
            raise TypeError(f"ObjectName must be a str, bytes or None, not {type(name).__name__}")
        if len(name) % 2 or len(name) > LONGEST_NAME:
            raise fail(STATUS_OBJECT_NAME_INVALID)
        try:
            return name.decode("utf-16-le")
        except UnicodeDecodeError:
            raise fail(STATUS_OBJECT_NAME_INVALID) from None


def InitializeObjectAttributes(
    ObjectName: str | bytes | None = None, Attributes: int = 0, RootDirectory: int = 0
) -> OBJECT_ATTRIBUTES:
    """Make the structure, as the macro of that name fills it in."""
    return OBJECT_ATTRIBUTES(ObjectName, Attributes, RootDirectory)


def _utf16(name: str) -> bytes:
    try:
        return name.encode("utf-16-le")
    except UnicodeEncodeError:
        raise fail(STATUS_OBJECT_NAME_INVALID) from None

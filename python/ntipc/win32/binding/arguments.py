"""How pywin32 reads arguments: numbers of 32 bits, flags, names, rights and times."""

from __future__ import annotations

from operator import index
from typing import Final

from ntipc.objects.access import Access

DWORD: Final = 0xFFFF_FFFF
INFINITE: Final = 0xFFFF_FFFF
"""The number of milliseconds that means for ever; pywin32 writes it -1."""

_GENERIC_READ, _GENERIC_WRITE, _GENERIC_EXECUTE, _GENERIC_ALL = 0x8000_0000, 0x4000_0000, 0x2000_0000, 0x1000_0000
_MAXIMUM_ALLOWED = 0x0200_0000
_GENERIC = _GENERIC_READ | _GENERIC_WRITE | _GENERIC_EXECUTE

_MEANINGS: Final = {
    "mutex": (Access.QUERY_STATE, Access.READ_CONTROL, Access.SYNCHRONIZE),
    "section": (Access.QUERY_STATE | Access.SECTION_MAP_READ, Access.MODIFY_STATE, Access.QUERY_STATE),
}
_DEFAULT_MEANING: Final = (Access.QUERY_STATE, Access.MODIFY_STATE, Access.SYNCHRONIZE)
"""What reading, writing and executing mean for events, semaphores and timers."""


def seconds_of(milliseconds: int) -> float | None:
    """Turn a time limit into seconds, ``None`` for ever.

    >>> seconds_of(1500), seconds_of(-1), seconds_of(0xFFFFFFFF)
    (1.5, None, None)
    """
    milliseconds &= DWORD
    return None if milliseconds == INFINITE else milliseconds / 1000


def flag(value: int) -> bool:
    """Read a BOOL.

    Raises:
        TypeError: It is no integer.
    """
    return index(value) != 0


def text(name: object) -> str:
    """Read a name that must be there.

    Raises:
        TypeError: It is no ``str``.
    """
    if isinstance(name, str):
        return name
    if name is None:
        raise TypeError("None is not a valid string in this context")
    raise TypeError(f"Objects of type '{type(name).__name__}' can not be converted to Unicode.")


def optional_text(name: object) -> str | None:
    """Read a name that may be ``None``.

    Raises:
        TypeError: It is neither a ``str`` nor ``None``.
    """
    return None if name is None else text(name)


def rights_of(access: int, kind: str) -> int | None:
    """Turn the rights that a program asks for into those of the library: ``None`` for all.

    Args:
        access: Specific, standard and generic rights, and MAXIMUM_ALLOWED.
        kind: The type of object: generic rights mean other things for other types.

    >>> rights_of(-2147483648, "event") == Access.READ_CONTROL | Access.QUERY_STATE
    True
    """
    access = index(access) & DWORD
    if access & (_GENERIC_ALL | _MAXIMUM_ALLOWED):
        return None
    if access & _GENERIC:
        read, write, execute = _MEANINGS.get(kind, _DEFAULT_MEANING)
        generic = (_GENERIC_READ, read), (_GENERIC_WRITE, write), (_GENERIC_EXECUTE, execute)
        for bit, meaning in generic:
            if access & bit:
                access = access & ~bit | meaning | Access.READ_CONTROL
    return access

"""``ctypes.util``: which libraries are here."""

from __future__ import annotations

from ntipc.win32.standard.exports import find_library_exports


def find_library(name: str) -> str | None:
    """Return the file name of a library of Windows that is here, ``None`` if it is not.

    >>> find_library("kernel32"), find_library("nosuch")
    ('kernel32.dll', None)
    """
    if name in ("c", "m"):
        return "msvcrt.dll"
    found = find_library_exports(name)
    return None if found is None else found[0] + ".dll"


def find_msvcrt() -> str:
    """Return the name of the C library."""
    return "msvcrt.dll"

"""Text in memory as Windows has it: UTF-16, two bytes a unit, ended by a unit that is zero."""

from __future__ import annotations

import ctypes
import mmap
from typing import Final

CODEC: Final = "utf-16-le"


def encode(text: str) -> bytes:
    """Return the UTF-16 units of a text, without a terminator. Lone surrogates stay what they are."""
    return text.encode(CODEC, "surrogatepass")


def decode(units: bytes) -> str:
    """Return the text of UTF-16 units."""
    return units.decode(CODEC, "surrogatepass")


def terminated(address: int) -> bytes:
    """Return the units at an address up to the first that is zero. No page beyond the terminator's is read."""
    found = bytearray()
    while True:
        room = mmap.PAGESIZE - address % mmap.PAGESIZE
        chunk = ctypes.string_at(address, room & ~1 or 2)  # a unit across two pages is read by itself
        for index in range(0, len(chunk), 2):
            if chunk[index : index + 2] == b"\0\0":
                return bytes(found) + chunk[:index]
        found += chunk
        address += len(chunk)


def before_terminator(units: bytes) -> bytes:
    """Return the units before the first that is zero."""
    for index in range(0, len(units), 2):
        if units[index : index + 2] == b"\0\0":
            return units[:index]
    return units

"""``msvcrt``: copying of memory, and descriptors for handles."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Final

from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import Export, handle, signed


def _move(to: int, source: int, size: int) -> int:
    ctypes.memmove(to, source, size)
    return to


def _set(address: int, value: int, size: int) -> int:
    ctypes.memset(address, value & 0xFF, size)
    return address


def _os_handle(descriptor: int) -> int:
    from ntipc.win32 import msvcrt

    try:
        return msvcrt.get_osfhandle(signed(descriptor))
    except OSError:
        return -1


def _descriptor(thing: int, flags: int) -> int:
    from ntipc.win32 import msvcrt

    try:
        return msvcrt.open_osfhandle(handle(thing), signed(flags))
    except OSError:
        return -1


EXPORTS: Final[Mapping[str, Export]] = {
    "memcpy": own(_move, 3),
    "memmove": own(_move, 3),
    "memset": own(_set, 3),
    "_get_osfhandle": own(_os_handle, 1),
    "_open_osfhandle": own(_descriptor, 2),
}

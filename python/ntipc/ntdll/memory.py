"""Views of this process: which there are, and what Linux says of memory."""

from __future__ import annotations

import bisect
import ctypes
import os
from typing import Final, NamedTuple

from ntipc import View
from ntipc.ntdll.images import IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_READ, IMAGE_SCN_MEM_WRITE, PAGE, Image

_READ, _WRITE, _EXECUTE = 1, 2, 4


class Mapped(NamedTuple):
    """A view, its size in memory, and whether it is an image."""

    view: View
    size: int
    is_image: bool


_views: Final[dict[int, Mapped]] = {}


def enter(mapped: Mapped) -> None:
    """Take note of a view."""
    for address, other in list(_views.items()):
        if other.view.closed:
            _views.pop(address, None)
    _views[mapped.view.address] = mapped


def view_at(address: int) -> Mapped | None:
    """Return the view in which an address lies."""
    bases = sorted(_views)
    place = bisect.bisect_right(bases, address) - 1
    found = _views.get(bases[place]) if place >= 0 else None
    if found is None or found.view.closed or address >= found.view.address + found.size:
        return None
    return found


def leave(mapped: Mapped) -> None:
    """Unmap a view.

    Raises:
        BufferError: Something of Python still shows its memory.
    """
    address = mapped.view.address
    mapped.view.unmap()
    _views.pop(address, None)


def protect(view: View, image: Image) -> None:
    """Give each part of a mapped image the protection that its headers say."""
    _mprotect(view.address, image.parts[0].address, _READ)
    for part in image.parts:
        wanted = 0
        for flag, bit in ((IMAGE_SCN_MEM_READ, _READ), (IMAGE_SCN_MEM_WRITE, _READ | _WRITE)):
            wanted |= bit if part.characteristics & flag else 0
        if part.characteristics & IMAGE_SCN_MEM_EXECUTE and _mprotect(
            view.address + part.address, part.size, wanted | _EXECUTE | _READ
        ):
            continue
        _mprotect(view.address + part.address, part.size, wanted or _READ)


def _mprotect(address: int, size: int, protection: int) -> bool:
    """Change the protection of memory. False: it may not be executed, as its file system is mounted ``noexec``."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(-(-size // PAGE) * PAGE), protection)
    if done and not protection & _EXECUTE:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return bool(done == 0)


class Region(NamedTuple):
    """Memory of one kind: where it begins, how long it is, and its marks in ``/proc/self/maps``."""

    start: int
    size: int
    marks: str


def region_at(address: int) -> Region | None:
    """Return what lies at an address."""
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        for line in maps:
            bounds, marks = line.split()[:2]
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            if start <= address < end:
                return Region(start, end - start, marks)
    return None

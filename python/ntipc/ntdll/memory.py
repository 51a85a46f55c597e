"""Views of this process and memory that it has allocated, other processes by handle, and what Linux says of memory."""

from __future__ import annotations

import bisect
import ctypes
import os
from typing import Final, NamedTuple

from ntipc import Process, View
from ntipc.ntdll.handles import Pseudo, find
from ntipc.ntdll.images import IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_READ, IMAGE_SCN_MEM_WRITE, PAGE, Image
from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import STATUS_ACCESS_DENIED, STATUS_OBJECT_TYPE_MISMATCH, STATUS_PROCESS_IS_TERMINATING
from ntipc.other_memory.blocks import Blocks
from ntipc.other_memory.maps import mappings

_READ, _WRITE, _EXECUTE = 1, 2, 4


class Mapped(NamedTuple):
    """A view, its size in memory, and whether it is an image."""

    view: View
    size: int
    is_image: bool


_views: Final[dict[int, Mapped]] = {}
blocks: Final = Blocks()
"""What this process has allocated."""


def process(handle: int) -> Process | None:
    """Return the other process that a handle leads to; ``None`` for this one.

    Raises:
        HandleClosed: It is no handle.
        NtError: It leads to something else.
    """
    thing = find(handle)
    if thing is Pseudo.PROCESS:
        return None
    if not isinstance(thing, Process):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    return thing


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
    """Memory of one kind: where it begins, how long it is, and its marks in ``/proc/PID/maps``."""

    start: int
    size: int
    marks: str


def region_at(address: int, other: Process | None = None) -> Region | None:
    """Return what lies at an address, in this process or another one.

    Raises:
        NtError: The other process has ended, or Linux does not tell.
    """
    pid = os.getpid() if other is None else other.pid
    try:
        found = next(((start, stop, marks) for start, stop, marks in mappings(pid) if start <= address < stop), None)
    except FileNotFoundError:
        raise fail(STATUS_PROCESS_IS_TERMINATING) from None
    except OSError:
        raise fail(STATUS_ACCESS_DENIED) from None
    if other is not None and other.wait(0):
        raise fail(STATUS_PROCESS_IS_TERMINATING)  # and perhaps another one has its id
    return None if found is None else Region(found[0], found[1] - found[0], found[2])

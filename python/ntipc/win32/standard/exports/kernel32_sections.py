"""Sections and views by address, copying of memory, and what VirtualQuery tells of a view."""

from __future__ import annotations

import ctypes
import mmap
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.sections import Section, View
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import Export, ansi, boolean, handle, signed, text, there, unsigned

_ALREADY_EXISTS: Final = 183
_INVALID_PARAMETER: Final = 87
_INVALID_ADDRESS: Final = 487
_PAGE_READONLY, _PAGE_READWRITE, _PAGE_WRITECOPY = 2, 4, 8
_PROTECTIONS: Final = {
    _PAGE_READONLY: "r",
    _PAGE_READWRITE: "rw",
    _PAGE_WRITECOPY: "copy",
    0x20: "r",
    0x40: "rw",
    0x80: "copy",
}
_PAGE_OF_ACCESS: Final = {"r": _PAGE_READONLY, "rw": _PAGE_READWRITE, "copy": _PAGE_WRITECOPY}
_SEC_RESERVE: Final = 0x400_0000
_FILE_MAP_COPY, _FILE_MAP_WRITE, _FILE_MAP_READ = 1, 2, 4

_views: dict[int, View] = {}
_lock = threading.Lock()


def _create_mapping(name: Callable[[int], str | None]) -> Export:
    def create(file: int, security: int, protection: int, high: int, low: int, words: int) -> int:
        size = unsigned(high) << 32 | unsigned(low)
        access = _PROTECTIONS.get(unsigned(protection) & 0xFF)
        if access is None:
            last.code = _INVALID_PARAMETER
            return 0
        reserve = bool(unsigned(protection) & _SEC_RESERVE)
        try:
            if signed(file) == -1:
                if size == 0:
                    last.code = _INVALID_PARAMETER
                    return 0
                section = Section(name(words), size, access=access, reserve=reserve)
            else:
                section = Section(name(words), size or None, file=_descriptor(handle(file)), access=access)
        except NtError as problem:
            failed(problem, "CreateFileMapping")
            return 0
        last.code = 0 if section.created else _ALREADY_EXISTS
        return table.insert(section)

    return own(create, 6)


def _descriptor(file: int) -> int:
    """Return the descriptor behind a file's handle."""
    thing: Any = table.find(file)
    return int(thing.fileno())


def _open_mapping(name: Callable[[int], str | None]) -> Export:
    def open_(access: int, inherit: int, words: int) -> int:
        mode = "rw" if unsigned(access) & _FILE_MAP_WRITE else "r"
        if unsigned(access) & 7 == _FILE_MAP_COPY:
            mode = "copy"
        try:
            section = Section.open(name(words) or "", mode)
            section.inheritable = boolean(inherit)
        except NtError as problem:
            failed(problem, "OpenFileMapping")
            return 0
        return table.insert(section)

    return own(open_, 3)


def map_view(section: int, access: int, high: int, low: int, size: int) -> int:
    """MapViewOfFile: the address, 0 on failure."""
    wanted = unsigned(access)
    mode = "rw" if wanted & _FILE_MAP_WRITE else "copy" if wanted & 7 == _FILE_MAP_COPY else "r"
    offset = unsigned(high) << 32 | unsigned(low)
    try:
        view = table.find_of(handle(section), Section).map(offset, size or None, access=mode)
    except NtError as problem:
        failed(problem, "MapViewOfFile")
        return 0
    with _lock:
        _views[view.address] = view
    return view.address


def _map_view_ex(section: int, access: int, high: int, low: int, size: int, base: int) -> int:
    if base:
        last.code = _INVALID_ADDRESS  # a view lies where Linux puts it
        return 0
    return map_view(section, access, high, low, size)


def _unmap_view(address: int) -> int:
    with _lock:
        view = _views.pop(address, None) or _views.pop(address & ~(mmap.PAGESIZE - 1), None)
    if view is None:
        last.code = _INVALID_ADDRESS
        return 0
    view.unmap()
    return 1


def _find_view(address: int) -> View | None:
    with _lock:
        for start, view in _views.items():
            if start <= address < start + max(len(view), 1):
                return view
    return None


def _flush_view(address: int, size: int) -> int:
    view = _find_view(address)
    if view is None:
        last.code = _INVALID_ADDRESS
        return 0
    offset = address - view.address
    try:
        view.flush(offset, size or len(view) - offset)
    except (NtError, ValueError):
        last.code = _INVALID_PARAMETER
        return 0
    return 1


class _MemoryInformation(ctypes.Structure):
    """MEMORY_BASIC_INFORMATION of 64 bits."""

    _fields_ = [
        ("BaseAddress", ctypes.c_uint64),
        ("AllocationBase", ctypes.c_uint64),
        ("AllocationProtect", ctypes.c_uint32),
        ("PartitionId", ctypes.c_uint32),
        ("RegionSize", ctypes.c_uint64),
        ("State", ctypes.c_uint32),
        ("Protect", ctypes.c_uint32),
        ("Type", ctypes.c_uint32),
        ("Padding", ctypes.c_uint32),
    ]


_MEM_COMMIT, _MEM_FREE, _MEM_PRIVATE, _MEM_MAPPED = 0x1000, 0x10000, 0x20000, 0x40000


def _virtual_query(address: int, buffer: int, size: int) -> int:
    if size < ctypes.sizeof(_MemoryInformation):
        last.code = 24
        return 0
    told = _MemoryInformation.from_address(there(buffer))
    page = address & ~(mmap.PAGESIZE - 1)
    view = _find_view(address)
    if view is not None:
        length = -(-len(view) // mmap.PAGESIZE) * mmap.PAGESIZE
        protection = _PAGE_OF_ACCESS[view.access]
        told.BaseAddress, told.AllocationBase, told.RegionSize = page, view.address, view.address + length - page
        told.AllocationProtect = told.Protect = protection
        told.State, told.Type = _MEM_COMMIT, _MEM_MAPPED
        return ctypes.sizeof(told)
    for start, end, access in _regions():
        if page < start:
            told.BaseAddress, told.AllocationBase, told.RegionSize = page, 0, start - page
            told.AllocationProtect, told.Protect, told.State, told.Type = 0, 1, _MEM_FREE, 0
            return ctypes.sizeof(told)
        if page < end:
            told.BaseAddress, told.AllocationBase, told.RegionSize = page, start, end - page
            told.AllocationProtect = told.Protect = _protection_of(access)
            told.State, told.Type = _MEM_COMMIT, _MEM_PRIVATE
            return ctypes.sizeof(told)
    last.code = _INVALID_PARAMETER
    return 0


def _regions() -> list[tuple[int, int, str]]:
    with open("/proc/self/maps") as maps:
        lines = [line.split(maxsplit=2) for line in maps]
    return [(*(int(end, 16) for end in bounds.split("-")), access) for bounds, access, _ in lines]  # type: ignore[misc]


def _protection_of(access: str) -> int:
    return (1 if access[0] == "-" else 4 if access[1] == "w" else 2) << (4 if access[2] == "x" else 0)


def _move(to: int, source: int, size: int) -> int:
    ctypes.memmove(there(to), there(source), size)
    return to


def _fill(address: int, size: int, value: int) -> int:
    ctypes.memset(there(address), value & 0xFF, size)
    return address


def _zero(address: int, size: int) -> int:
    ctypes.memset(there(address), 0, size)
    return address


EXPORTS: Final[Mapping[str, Export]] = {
    "CreateFileMappingW": _create_mapping(text),
    "CreateFileMappingA": _create_mapping(ansi),
    "OpenFileMappingW": _open_mapping(text),
    "OpenFileMappingA": _open_mapping(ansi),
    "MapViewOfFile": own(map_view, 5),
    "MapViewOfFileEx": own(_map_view_ex, 6),
    "UnmapViewOfFile": own(_unmap_view, 1),
    "FlushViewOfFile": own(_flush_view, 2),
    "VirtualQuery": own(_virtual_query, 3),
    "RtlMoveMemory": own(_move, 3),
    "RtlCopyMemory": own(_move, 3),
    "RtlFillMemory": own(_fill, 3),
    "RtlZeroMemory": own(_zero, 2),
}

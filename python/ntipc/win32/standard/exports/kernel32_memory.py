"""Global and local memory: blocks by handle, locked to get their addresses.

A movable block is an `ntipc.GlobalMemory`, whose handle other processes can be given. A fixed one is memory of this
process, and its handle is its address, as on Windows.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.global_memory import GlobalMemory
from ntipc.ntdll import handles as table
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.kernel32_errors import free_allocated
from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import Export, unsigned

_MOVEABLE: Final = 0x2
_INVALID_HANDLE: Final = 6

_fixed: dict[int, ctypes.Array[ctypes.c_char]] = {}
_lock = threading.Lock()


def _allocate(flags: int, size: int) -> int:
    if unsigned(flags) & _MOVEABLE:
        try:
            return table.insert(GlobalMemory(size))
        except NtError as problem:
            failed(problem, "GlobalAlloc")
            return 0
    try:
        block = ctypes.create_string_buffer(max(size, 1))
    except (MemoryError, OverflowError, ValueError):
        last.code = 8
        return 0
    address = ctypes.addressof(block)
    with _lock:
        _fixed[address] = block
    return address


def _movable(number: int, call: str) -> GlobalMemory | None:
    """Return the block of a handle; ``None``, with the last error, if it is none."""
    try:
        return table.find_of(unsigned(number), GlobalMemory)
    except NtError as problem:
        failed(problem, call, code=_INVALID_HANDLE)
        return None


def _lock_block(number: int) -> int:
    if number in _fixed:
        return number
    block = _movable(number, "GlobalLock")
    if block is None:
        return 0
    try:
        memory: Any = block.lock()
    except NtError as problem:
        failed(problem, "GlobalLock")
        return 0
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _unlock_block(number: int) -> int:
    """GlobalUnlock: 1 while the block is locked still; 0 when it is not, and the last error is 0 then, or why."""
    if number in _fixed:
        return 1
    block = _movable(number, "GlobalUnlock")
    if block is None:
        return 0
    try:
        remaining = block.unlock()
    except NtError as problem:
        failed(problem, "GlobalUnlock")
        return 0
    if remaining == 0:
        last.code = 0
    return int(remaining != 0)


def _size(number: int) -> int:
    if number in _fixed:
        return len(_fixed[number])
    block = _movable(number, "GlobalSize")
    return 0 if block is None else block.size


def _free(number: int) -> int:
    """GlobalFree and LocalFree: 0, or the handle if it is none."""
    if number == 0:
        return 0
    with _lock:
        if _fixed.pop(number, None) is not None:
            return 0
    if free_allocated(number):
        return 0
    if _movable(number, "GlobalFree") is None:
        return number
    table.close(unsigned(number))
    return 0


def _resize(number: int, size: int, flags: int) -> int:
    with _lock:
        block = _fixed.pop(number, None)
    if block is not None:
        address = _allocate(0, size)
        ctypes.memmove(address, block, min(size, len(block)))
        return address
    movable = _movable(number, "GlobalReAlloc")
    if movable is None:
        return 0
    try:
        movable.resize(size)
    except NtError as problem:
        failed(problem, "GlobalReAlloc")
        return 0
    return number


def _handle_of(address: int) -> int:
    return address if address in _fixed else 0


EXPORTS: Final[Mapping[str, Export]] = {
    family + call: own(function, arguments)
    for family in ("Global", "Local")
    for call, function, arguments in (
        ("Alloc", _allocate, 2),
        ("Lock", _lock_block, 1),
        ("Unlock", _unlock_block, 1),
        ("Size", _size, 1),
        ("Free", _free, 1),
        ("ReAlloc", _resize, 3),
        ("Handle", _handle_of, 1),
    )
}

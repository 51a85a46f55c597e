"""The last error and texts of errors, clocks and sleep, and modules by name."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping
from typing import Final

from ntipc.win32.binding.last_error import GetLastError, SetLastError, last
from ntipc.win32.binding.texts import TEXTS, text_of
from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import Export, ansi, boolean, put_text, put_word, text, unsigned

_ALLOCATE_BUFFER: Final = 0x100
_FROM_STRING: Final = 0x400
_allocated: dict[int, ctypes.Array[ctypes.c_char]] = {}
"""What FormatMessage has allocated, by address: LocalFree gives it back."""


def _get_last_error() -> int:
    return GetLastError()


def _set_last_error(code: int) -> int:
    SetLastError(unsigned(code))
    return 0


def _format_message(flags: int, source: int, code: int, language: int, buffer: int, size: int, wide: bool) -> int:
    flags, code = unsigned(flags), unsigned(code)
    if flags & _FROM_STRING:
        message = (text(source) if wide else ansi(source)) or ""
    elif code not in TEXTS:
        last.code = 317
        return 0
    else:
        message = text_of(code) if code else TEXTS[0]
        message += "\r\n"
    if flags & _ALLOCATE_BUFFER:
        allocated = ctypes.create_string_buffer(2 * max(len(message) + 1, unsigned(size)))
        address = ctypes.addressof(allocated)
        _allocated[address] = allocated
        put_word(buffer, address)
        put_text(address, len(message) + 1, message, wide=wide)
        return len(message)
    if unsigned(size) <= len(message):
        last.code = 122
        return 0
    put_text(buffer, unsigned(size), message, wide=wide)
    return len(message)


def _format_message_w(flags: int, source: int, code: int, language: int, buffer: int, size: int, values: int) -> int:
    return _format_message(flags, source, code, language, buffer, size, True)


def _format_message_a(flags: int, source: int, code: int, language: int, buffer: int, size: int, values: int) -> int:
    return _format_message(flags, source, code, language, buffer, size, False)


def free_allocated(address: int) -> bool:
    """Free what FormatMessage has allocated at an address; say whether there was anything."""
    return _allocated.pop(address, None) is not None


def _tick_count() -> int:
    return time.monotonic_ns() // 1_000_000 & 0xFFFF_FFFF


def _tick_count_64() -> int:
    return time.monotonic_ns() // 1_000_000


def _performance_counter(address: int) -> int:
    put_word(address, time.perf_counter_ns() // 100)
    return 1


def _performance_frequency(address: int) -> int:
    put_word(address, 10_000_000)
    return 1


def _module_handle(name: str | None) -> int:
    from ntipc.win32.standard.ctypes.libraries import library_number
    from ntipc.win32.standard.exports import find_library_exports

    if name is None:
        return 0x40_0000
    found = find_library_exports(name)
    if found is None:
        last.code = 126
        return 0
    return library_number(found[0])


def _proc_address(module: int, name: int) -> int:
    from ntipc.win32.standard.ctypes.libraries import CDLL, library_number
    from ntipc.win32.standard.exports import LIBRARIES

    for key in LIBRARIES:
        if library_number(key) == module:
            try:
                return CDLL(key).address_of(ansi(name) or "")
            except AttributeError:
                break
    last.code = 127
    return 0


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_table("""
        Sleep     d   none  win32api.Sleep
        OutputDebugString* w none win32api.OutputDebugString
        GetCurrentThreadId  - number win32api.GetCurrentThreadId
        GetCurrentProcessId - number win32api.GetCurrentProcessId
        """)
    ),
    "GetLastError": own(_get_last_error, 0),
    "SetLastError": own(_set_last_error, 1),
    "FormatMessageW": own(_format_message_w, 7),
    "FormatMessageA": own(_format_message_a, 7),
    "GetTickCount": own(_tick_count, 0),
    "GetTickCount64": own(_tick_count_64, 0),
    "QueryPerformanceCounter": own(_performance_counter, 1),
    "QueryPerformanceFrequency": own(_performance_frequency, 1),
    "GetModuleHandleW": own(lambda name: _module_handle(text(name)), 1),
    "GetModuleHandleA": own(lambda name: _module_handle(ansi(name)), 1),
    "LoadLibraryW": own(lambda name: _module_handle(text(name)), 1),
    "LoadLibraryA": own(lambda name: _module_handle(ansi(name)), 1),
    "FreeLibrary": own(lambda module: int(boolean(1)), 1),
    "GetProcAddress": own(_proc_address, 2),
}

"""Named memory of ``_winapi``, by address: what ``kernel32`` exports, with ``OSError`` on failure."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final

from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.winapi.calls import index, windows_error

_DWORD: Final = ctypes.c_uint32
_WORD: Final = ctypes.c_void_p


@cache
def _kernel32(name: str, *arguments: Any) -> Any:
    from ntipc.win32.standard.ctypes import windll

    function = getattr(windll.kernel32, name)
    function.restype, function.argtypes = _WORD, arguments
    return function


def _called(name: str, kinds: tuple[Any, ...], *arguments: Any) -> int:
    result = _kernel32(name, *kinds)(*arguments)
    if not result:
        raise windows_error(last.code)
    return int(result)


def CreateFileMapping(
    file_handle: int, security_attributes: int, protect: int, max_size_high: int, max_size_low: int, name: str, /
) -> int:
    """Create a section, or open the one of that name: ``GetLastError()`` is 183 then. Returns a handle.

    Source:
        CreateFileMapping (Win32).
    """
    wide = _text(name)
    kinds = (_WORD, _WORD, _DWORD, _DWORD, _DWORD, _WORD)
    address = None if wide is None else ctypes.addressof(wide)
    sizes = index(max_size_high), index(max_size_low)
    return _called(
        "CreateFileMappingW", kinds, index(file_handle), security_attributes, index(protect), *sizes, address
    )


def OpenFileMapping(desired_access: int, inherit_handle: bool, name: str, /) -> int:
    """Open an existing section. Returns a handle.

    Source:
        OpenFileMapping (Win32).
    """
    wide = _text(name)
    address = None if wide is None else ctypes.addressof(wide)
    kinds = (_DWORD, ctypes.c_int, _WORD)
    return _called("OpenFileMappingW", kinds, index(desired_access), int(bool(inherit_handle)), address)


def MapViewOfFile(
    file_map: int, desired_access: int, file_offset_high: int, file_offset_low: int, number_bytes: int, /
) -> int:
    """Map a section. Returns the address.

    Source:
        MapViewOfFile (Win32).
    """
    kinds = (_WORD, _DWORD, _DWORD, _DWORD, ctypes.c_size_t)
    numbers = (desired_access, file_offset_high, file_offset_low, number_bytes)
    return _called("MapViewOfFile", kinds, index(file_map), *map(index, numbers))


def UnmapViewOfFile(address: int, /) -> None:
    """Unmap a view.

    Source:
        UnmapViewOfFile (Win32).
    """
    _called("UnmapViewOfFile", (_WORD,), index(address))


def VirtualQuerySize(address: int, /) -> int:
    """Return how many bytes the region at an address has: of a view all of its pages.

    Source:
        VirtualQuery (Win32).
    """
    told = (ctypes.c_uint64 * 6)()
    kinds = (_WORD, _WORD, ctypes.c_size_t)
    _called("VirtualQuery", kinds, index(address), ctypes.addressof(told), ctypes.sizeof(told))
    return int(told[3])


def _text(name: str | None) -> Any:
    """Return a name as UTF-16 with a terminator, to be kept as long as its address is used."""
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"argument must be str or None, not {type(name).__name__}")
    return ctypes.create_string_buffer(name.encode("utf-16-le", "surrogatepass") + b"\0\0")


for _function in (CreateFileMapping, OpenFileMapping, MapViewOfFile, UnmapViewOfFile, VirtualQuerySize):
    _function.__module__ = "_winapi"

"""``ctypes.wintypes`` in Windows' sizes: BOOL, DWORD and LONG have four bytes, WCHAR two."""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

from .characters import c_wchar, c_wchar_p
from .integers import VARIANT_BOOL as VARIANT_BOOL
from .integers import c_long, c_longlong, c_ulong
from .structures import Structure

BYTE = ctypes.c_byte
WORD = ATOM = LANGID = ctypes.c_ushort
DWORD = COLORREF = LCTYPE = LGRPID = LCID = c_ulong
BOOL = LONG = c_long
BOOLEAN = ctypes.c_byte
CHAR = ctypes.c_char
WCHAR = c_wchar
SHORT = ctypes.c_short
USHORT = ctypes.c_ushort
INT = ctypes.c_int
UINT = ctypes.c_uint
ULONG = c_ulong
FLOAT = ctypes.c_float
DOUBLE = ctypes.c_double
LARGE_INTEGER = _LARGE_INTEGER = c_longlong
ULARGE_INTEGER = _ULARGE_INTEGER = ctypes.c_ulonglong
OLESTR = LPOLESTR = LPCOLESTR = LPWSTR = LPCWSTR = c_wchar_p
LPSTR = LPCSTR = ctypes.c_char_p
LPVOID = LPCVOID = ctypes.c_void_p
WPARAM = ctypes.c_ulonglong
LPARAM = c_longlong

HANDLE = ctypes.c_void_p
HACCEL = HBITMAP = HBRUSH = HCOLORSPACE = HDC = HDESK = HDWP = HENHMETAFILE = HFONT = HGDIOBJ = HGLOBAL = HHOOK = HANDLE
HICON = HINSTANCE = HKEY = HKL = HLOCAL = HMENU = HMETAFILE = HMODULE = HMONITOR = HPALETTE = HPEN = HRGN = HRSRC = (
    HANDLE
)
HSTR = HTASK = HWINSTA = HWND = SC_HANDLE = SERVICE_STATUS_HANDLE = HCURSOR = HANDLE

MAX_PATH = 260


class RECT(Structure):
    """Two corners."""

    _fields_: ClassVar[Any] = [("left", LONG), ("top", LONG), ("right", LONG), ("bottom", LONG)]


class SMALL_RECT(Structure):
    """Two corners, in characters of a console."""

    _fields_: ClassVar[Any] = [("Left", SHORT), ("Top", SHORT), ("Right", SHORT), ("Bottom", SHORT)]


class _COORD(Structure):
    """A place in a console."""

    _fields_: ClassVar[Any] = [("X", SHORT), ("Y", SHORT)]


class POINT(Structure):
    """A place."""

    _fields_: ClassVar[Any] = [("x", LONG), ("y", LONG)]


class SIZE(Structure):
    """A width and a height."""

    _fields_: ClassVar[Any] = [("cx", LONG), ("cy", LONG)]


class FILETIME(Structure):
    """A time in units of 100 ns since 1601."""

    _fields_: ClassVar[Any] = [("dwLowDateTime", DWORD), ("dwHighDateTime", DWORD)]


class MSG(Structure):
    """A message of a window."""

    _fields_: ClassVar[Any] = [
        ("hWnd", HWND),
        ("message", UINT),
        ("wParam", WPARAM),
        ("lParam", LPARAM),
        ("time", DWORD),
        ("pt", POINT),
    ]


class WIN32_FIND_DATAA(Structure):
    """What a search for files finds, with names of bytes."""

    _fields_: ClassVar[Any] = [
        ("dwFileAttributes", DWORD),
        ("ftCreationTime", FILETIME),
        ("ftLastAccessTime", FILETIME),
        ("ftLastWriteTime", FILETIME),
        ("nFileSizeHigh", DWORD),
        ("nFileSizeLow", DWORD),
        ("dwReserved0", DWORD),
        ("dwReserved1", DWORD),
        ("cFileName", CHAR * MAX_PATH),
        ("cAlternateFileName", CHAR * 14),
    ]


class WIN32_FIND_DATAW(Structure):
    """What a search for files finds."""

    _fields_: ClassVar[Any] = [
        ("dwFileAttributes", DWORD),
        ("ftCreationTime", FILETIME),
        ("ftLastAccessTime", FILETIME),
        ("ftLastWriteTime", FILETIME),
        ("nFileSizeHigh", DWORD),
        ("nFileSizeLow", DWORD),
        ("dwReserved0", DWORD),
        ("dwReserved1", DWORD),
        ("cFileName", WCHAR * MAX_PATH),
        ("cAlternateFileName", WCHAR * 14),
    ]


tagRECT = _RECTL = RECTL = RECT
_SMALL_RECT = SMALL_RECT
tagPOINT = _POINTL = POINTL = POINT
tagSIZE = SIZEL = SIZE
_FILETIME = FILETIME
tagMSG = MSG


def RGB(red: int, green: int, blue: int) -> int:
    """Return a colour as one number."""
    return red + (green << 8) + (blue << 16)


def _pointers() -> dict[str, Any]:
    """Pointer types, by the names that Windows' headers give them."""
    of: dict[str, Any] = {
        "BOOL": BOOL, "BOOLEAN": BOOLEAN, "BYTE": BYTE, "CHAR": CHAR, "COLORREF": COLORREF, "DWORD": DWORD,
        "FILETIME": FILETIME, "FLOAT": FLOAT, "HANDLE": HANDLE, "HKEY": HKEY, "HKL": HKL, "INT": INT,
        "LARGE_INTEGER": LARGE_INTEGER, "LCID": LCID, "LONG": LONG, "MSG": MSG, "POINT": POINT, "POINTL": POINT,
        "RECT": RECT, "RECTL": RECT, "SHORT": SHORT, "SIZE": SIZE, "SIZEL": SIZE, "SMALL_RECT": SMALL_RECT,
        "UINT": UINT, "ULARGE_INTEGER": ULARGE_INTEGER, "ULONG": ULONG, "USHORT": USHORT, "WCHAR": WCHAR,
        "WIN32_FIND_DATAA": WIN32_FIND_DATAA, "WIN32_FIND_DATAW": WIN32_FIND_DATAW, "WORD": WORD,
    }  # fmt: skip
    long_pointers = "BOOL BYTE COLORREF DWORD FILETIME HANDLE HKL INT LONG MSG POINT RECT RECTL SIZE SIZEL UINT WORD"
    long_pointers += " WIN32_FIND_DATAA WIN32_FIND_DATAW"
    pointers = {"P" + name: ctypes.POINTER(kind) for name, kind in of.items()}
    return pointers | {"LP" + name: pointers["P" + name] for name in long_pointers.split()}


globals().update(_pointers())

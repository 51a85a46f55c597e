"""Integers of Windows' sizes: a ``long`` has four bytes there, on 64 bits too, so it is the type of an ``int``."""

from __future__ import annotations

import ctypes

c_long = ctypes.c_int
c_ulong = ctypes.c_uint
c_longlong = ctypes.c_longlong
c_longdouble = ctypes.c_double
c_size_t = ctypes.c_ulonglong
c_ssize_t = ctypes.c_longlong
c_voidp = ctypes.c_void_p
c_int8, c_uint8 = ctypes.c_byte, ctypes.c_ubyte
c_int16, c_uint16 = ctypes.c_short, ctypes.c_ushort
c_int32, c_uint32 = ctypes.c_int, ctypes.c_uint
c_int64, c_uint64 = ctypes.c_longlong, ctypes.c_ulonglong


class VARIANT_BOOL(ctypes._SimpleCData):  # type: ignore[type-arg]
    """A boolean of OLE: 2 bytes, -1 or 0."""

    _type_ = "h"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({bool(self.value)!r})"

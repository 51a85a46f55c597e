"""Error codes and HRESULTs, and what pywin32's ``winerror`` computes of them.

>>> from ntipc.win32 import winerror
>>> winerror.ERROR_ALREADY_EXISTS, winerror.HRESULT_FROM_WIN32(5) == winerror.E_ACCESSDENIED
(183, True)
"""

from __future__ import annotations

from typing import Any

from ntipc.win32.binding import tables

globals().update(tables.constants("winerror"))

_FACILITY_WIN32 = 7
_FACILITY_NT_BIT = 0x1000_0000

__all__ = [  # noqa: PLE0604, RUF100
    *tables.constants("winerror"),
    "FAILED",
    "HRESULT_CODE",
    "HRESULT_FACILITY",
    "HRESULT_FROM_NT",
    "HRESULT_FROM_WIN32",
    "HRESULT_SEVERITY",
    "ResultFromScode",
    "SCODE_CODE",
    "SCODE_FACILITY",
    "SUCCEEDED",
    "GetScode",
]


def SUCCEEDED(status: int) -> bool:
    """Say whether an HRESULT is a success."""
    return status >= 0


def FAILED(status: int) -> bool:
    """Say whether an HRESULT is a failure."""
    return status < 0


def HRESULT_CODE(status: int) -> int:
    """Return the code of an HRESULT."""
    return status & 0xFFFF


SCODE_CODE = HRESULT_CODE


def HRESULT_FACILITY(status: int) -> int:
    """Return the facility of an HRESULT."""
    return status >> 16 & 0x1FFF


SCODE_FACILITY = HRESULT_FACILITY


def HRESULT_SEVERITY(status: int) -> int:
    """Return the severity of an HRESULT: 1 for a failure."""
    return status >> 31 & 1


def HRESULT_FROM_WIN32(code: int) -> int:
    """Return the HRESULT that stands for a Win32 error code."""
    return code if code <= 0 else (code & 0xFFFF | _FACILITY_WIN32 << 16 | 1 << 31) - 2**32


def HRESULT_FROM_NT(status: int) -> int:
    """Return the HRESULT that stands for an NTSTATUS."""
    return _signed(status | _FACILITY_NT_BIT)


def GetScode(result: int) -> int:
    """Return the HRESULT itself."""
    return result


ResultFromScode = GetScode


def _signed(number: int) -> int:
    number &= 0xFFFF_FFFF
    return number - 2**32 if number >= 2**31 else number


def __getattr__(name: str) -> Any:  # for type checkers: the names are those of the table
    raise AttributeError(f"module 'winerror' has no attribute {name!r}")

"""The types that pywin32's modules have in common: ``error``, handles, overlapped operations, security, times.

>>> from ntipc.win32 import pywintypes, win32event
>>> try:
...     win32event.OpenEvent(win32event.EVENT_ALL_ACCESS, False, "nobody made this")
... except pywintypes.error as problem:
...     print(problem.winerror, problem.funcname, problem.strerror)
2 OpenEvent The system cannot find the file specified.
"""

from __future__ import annotations

from typing import Any

from ntipc.win32.binding.failures import error
from ntipc.win32.binding.guids import IID, CreateGuid
from ntipc.win32.binding.overlapped import OVERLAPPED
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE
from ntipc.win32.binding.security import ACL, SECURITY_ATTRIBUTES, SECURITY_DESCRIPTOR
from ntipc.win32.binding.sids import SID
from ntipc.win32.binding.times import Time, TimeStamp, TimeType

__all__ = [
    "ACL",
    "FALSE",
    "HANDLE",
    "HKEY",
    "HWND",
    "IID",
    "OVERLAPPED",
    "SECURITY_ATTRIBUTES",
    "SECURITY_DESCRIPTOR",
    "SID",
    "TRUE",
    "WAVEFORMATEX",
    "WAVE_FORMAT_PCM",
    "ACLType",
    "CreateGuid",
    "CreateTime",
    "HANDLEType",
    "IIDType",
    "IsTextUnicode",
    "OVERLAPPEDType",
    "SECURITY_ATTRIBUTESType",
    "SECURITY_DESCRIPTORType",
    "SIDType",
    "Time",
    "TimeStamp",
    "TimeType",
    "Unicode",
    "UnicodeFromRaw",
    "UnicodeType",
    "com_error",
    "datetime",
    "error",
]

TRUE, FALSE = 1, 0
WAVE_FORMAT_PCM = 1
HANDLEType = PyHANDLE
IIDType = IID
OVERLAPPEDType = OVERLAPPED
SECURITY_ATTRIBUTESType = SECURITY_ATTRIBUTES
SECURITY_DESCRIPTORType = SECURITY_DESCRIPTOR
ACLType = ACL
SIDType = SID
datetime = TimeType
CreateTime = Time
UnicodeType = Unicode = str


class com_error(Exception):  # noqa: N801, N818, RUF100 - pywin32's name
    """A call of COM failed. There is none here; the class is there for ``except`` clauses."""


def HANDLE(value: HandleLike = None, /) -> PyHANDLE:
    """Make a handle of a number, of another handle, or of ``None``."""
    return PyHANDLE(value)


HKEY = HANDLE


def HWND(value: int = 0, /) -> int:
    """Return the number of a window."""
    return value


def UnicodeFromRaw(data: bytes, /) -> str:
    """Decode text of Windows: UTF-16."""
    return bytes(data).decode("utf-16-le")


def IsTextUnicode(text: bytes, flags: int, /) -> tuple[int, int]:
    """Say whether bytes look like UTF-16, and which of the tests that ``flags`` names they pass."""
    data = bytes(text)
    looks_so = len(data) % 2 == 0 and (data[:2] == b"\xff\xfe" or (bool(data) and not any(data[1::2])))
    return (1, flags) if looks_so else (0, 0)


def WAVEFORMATEX() -> Any:
    """Refuse: sound is out of scope."""
    raise NotImplementedError("pywintypes.WAVEFORMATEX is not part of ntipc.win32; see docs/win32.md for what it has")

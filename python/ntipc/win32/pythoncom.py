"""As much of pywin32's ``pythoncom`` as programs call that have no objects of COM: there are none here.

>>> from ntipc.win32 import pythoncom
>>> pythoncom.CoInitialize()
>>> pythoncom.CoCreateInstance()
Traceback (most recent call last):
NotImplementedError: ...
"""

from __future__ import annotations

from typing import Any

from ntipc.win32.binding.guids import IID, CreateGuid
from ntipc.win32.binding.tables import out_of_scope
from ntipc.win32.pywintypes import com_error, error

__all__ = ["IID", "CoInitialize", "CoInitializeEx", "CoUninitialize", "CreateGuid", "com_error", "error"]

COINIT_MULTITHREADED, COINIT_APARTMENTTHREADED = 0, 2


def CoInitialize() -> None:
    """Return at once: there is no COM to initialize."""


def CoInitializeEx(flags: int, /) -> None:
    """Return at once: there is no COM to initialize."""


def CoUninitialize() -> None:
    """Return at once: there is no COM to leave."""


def _GetInterfaceCount() -> int:
    """Return 0: no object of COM is held."""
    return 0


def _GetGatewayCount() -> int:
    """Return 0: no object is offered by COM."""
    return 0


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():
        raise AttributeError(f"module 'pythoncom' has no attribute {name!r}")
    return out_of_scope(f"pythoncom.{name}")

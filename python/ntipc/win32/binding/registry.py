"""The registry by ``win32api``'s names: that of :mod:`ntipc.win32.winreg`, with ``pywintypes.error``.

>>> RegOpenKeyEx(winreg.HKEY_LOCAL_MACHINE, "SOFTWARE", 0, winreg.KEY_READ) is not None
Traceback (most recent call last):
pywintypes.error: (2, 'RegOpenKeyEx', 'The system cannot find the file specified.')
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ntipc.win32 import winreg
from ntipc.win32.binding.failures import failure


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except OSError as problem:
            raise failure(getattr(problem, "winerror", None) or 87, name) from None

    call.__name__ = call.__qualname__ = name
    call.__module__ = __name__
    return call


def _set(key: Any, name: str | None, reserved: Any, kind: int, value: Any) -> None:
    winreg.SetValueEx(key, name, reserved, kind, value)


RegOpenKey = _named("RegOpenKey", winreg.OpenKey)
RegOpenKeyEx = _named("RegOpenKeyEx", winreg.OpenKey)
RegCreateKey = _named("RegCreateKey", winreg.CreateKey)
RegCloseKey = _named("RegCloseKey", winreg.CloseKey)
RegQueryValueEx = _named("RegQueryValueEx", winreg.QueryValueEx)
RegQueryValue = _named("RegQueryValue", winreg.QueryValue)
RegSetValueEx = _named("RegSetValueEx", _set)
RegSetValue = _named("RegSetValue", winreg.SetValue)
RegDeleteValue = _named("RegDeleteValue", winreg.DeleteValue)
RegDeleteKey = _named("RegDeleteKey", winreg.DeleteKey)
RegEnumKey = _named("RegEnumKey", winreg.EnumKey)
RegEnumValue = _named("RegEnumValue", winreg.EnumValue)
RegFlushKey = _named("RegFlushKey", winreg.FlushKey)

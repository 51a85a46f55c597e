"""Which modules are here, and which are not."""

from __future__ import annotations

from typing import Final

MODULES: Final = (
    "mmapfile",
    "msvcrt",
    "ntsecuritycon",
    "pythoncom",
    "pywintypes",
    "servicemanager",
    "win32api",
    "win32com",
    "win32con",
    "win32event",
    "win32file",
    "win32gui",
    "win32pipe",
    "win32process",
    "win32security",
    "win32service",
    "win32serviceutil",
    "win32timezone",
    "win32trace",
    "winerror",
)
"""The modules that are here: those of pywin32, and ``msvcrt``."""
OUT_OF_SCOPE: Final = frozenset({
    "dde", "isapi", "pythonwin", "servicemanager_ui", "win32comext", "win32help", "win32ui",
    "win32uiole", "winxpgui", "wmi",
})  # fmt: skip
"""Modules whose import fails, with a word on why: programs that can do without them go on."""

"""Which modules are here, and which are not."""

from __future__ import annotations

from typing import Final

MODULES: Final = (
    "_winapi",
    "mmapfile",
    "msvcrt",
    "ntsecuritycon",
    "pythoncom",
    "pywintypes",
    "servicemanager",
    "timer",
    "win32api",
    "win32com",
    "win32con",
    "win32event",
    "win32evtlogutil",
    "win32file",
    "win32gui",
    "win32job",
    "win32pipe",
    "win32process",
    "win32security",
    "win32service",
    "win32serviceutil",
    "win32timezone",
    "win32trace",
    "win32ui",
    "winerror",
    "winreg",
    "winsound",
)
"""The modules that are here: those of pywin32, ``_winapi``, ``msvcrt``, ``winreg`` and ``winsound``."""
OUT_OF_SCOPE: Final = frozenset({
    "dde", "isapi", "pythonwin", "servicemanager_ui", "win32comext", "win32help",
    "win32uiole", "winxpgui", "wmi",
})  # fmt: skip
"""Modules whose import fails, with a word on why: programs that can do without them go on."""
WITHOUT_CALLS: Final = (
    "win32clipboard", "win32console", "win32cred", "win32crypt", "win32evtlog", "win32inet", "win32net",
    "win32pdh", "win32print", "win32profile", "win32ras", "win32ts", "win32wnet",
)  # fmt: skip
"""Modules of pywin32 that can be imported, and whose calls are all out of scope."""

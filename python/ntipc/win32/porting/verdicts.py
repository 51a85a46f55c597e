"""Whether a call of Windows is here, and what to do if it is not."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Final

from ntipc.win32.binding import tables
from ntipc.win32.scope import MODULES

_WINDOWS = "windows that are seen are not here: leave it out, or keep it behind `if sys.platform`"
_ADVICE: Final = {
    "clipboard": "use a package such as pyperclip",
    "com": "COM is not here: keep it behind `try: import`",
    "console": "use curses, prompt_toolkit or ANSI sequences",
    "devices": "use a package of Linux for the device, such as pyserial",
    "eventlog": "use logging, with SysLogHandler or the journal's handler",
    "memory": "use ntipc.Process: read_memory and write_memory",
    "registry": "keep settings in a file: configparser or tomllib, below $XDG_CONFIG_HOME",
    "services": "use systemd: a unit with ExecStart=ntipc run PROGRAM debug",
    "tokens": "who may do what is a matter of users, groups and modes: os.getuid, os.chmod",
    "windows": _WINDOWS,
    "ctypes": "call it by the module of pywin32 that has it, which is here",
}
_FAMILIES: Final = {
    "pythoncom": "com", "win32com": "com", "win32clipboard": "clipboard", "win32console": "console",
    "win32evtlog": "eventlog", "win32evtlogutil": "eventlog", "win32gui": "windows", "win32ui": "windows",
    "winreg": "registry", "_winreg": "registry", "win32service": "services", "win32security": "tokens",
    "advapi32": "tokens", "gdi32": "windows", "user32": "windows", "ole32": "com", "shell32": "windows",
    "kernel32": "ctypes", "ntdll": "ctypes", "ctypes": "ctypes", "_winapi": "ctypes",
}  # fmt: skip
_BY_PREFIX: Final = (
    ("Reg", "registry"), ("GetConsole", "console"), ("SetConsole", "console"), ("ReadProcessMemory", "memory"),
    ("WriteProcessMemory", "memory"), ("GetComm", "devices"), ("SetComm", "devices"), ("DeviceIoControl", "devices"),
)  # fmt: skip


@cache
def is_here(module: str, name: str) -> bool:
    """Say whether a call, or for an empty name a module, is here."""
    if module not in MODULES:
        return False
    try:
        loaded = importlib.import_module(f"ntipc.win32.{module}")
    except ModuleNotFoundError:
        return False
    return not name or (hasattr(loaded, name) and not tables.is_out_of_scope(getattr(loaded, name)))


def advice(module: str, name: str) -> str:
    """Say what to do about a call that is not here."""
    for prefix, family in _BY_PREFIX:
        if name.startswith(prefix):
            return _ADVICE[family]
    if module in _FAMILIES:
        return _ADVICE[_FAMILIES[module]]
    if module in MODULES:
        return "it does not concern communication between processes: keep it behind `if sys.platform`"
    return "keep it behind `try: import`"

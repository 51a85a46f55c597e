"""Whether a call of Windows is here, and what to do if it is not."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Final

from ntipc.win32.binding import tables
from ntipc.win32.porting.uses import LIBRARIES, ONLY_ON_WINDOWS
from ntipc.win32.scope import MODULES, WITHOUT_CALLS
from ntipc.win32.standard.beside import find_exports_for_python
from ntipc.win32.standard.modules import view_of

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
    "ctypes": "call it by the module of pywin32 that has it, if one has",
    "standard": "keep it behind `hasattr`, or use what Linux has",
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
    if module in LIBRARIES:
        found = find_exports_for_python(module)
        return found is not None and (not name or name in found[1])
    if module == "mmap":
        return True  # with a tag
    if name.startswith("loop."):
        return hasattr(_view("asyncio").ProactorEventLoop, name.removeprefix("loop."))
    if module in ("ctypes", *ONLY_ON_WINDOWS):
        return hasattr(_view(module), name)
    if module in WITHOUT_CALLS:
        return not name
    if module not in MODULES:
        return False
    try:
        loaded = importlib.import_module(f"ntipc.win32.{module}")
    except ModuleNotFoundError:
        return False
    return not name or (hasattr(loaded, name) and not tables.is_out_of_scope(getattr(loaded, name)))


def _view(module: str) -> ModuleType:
    """Return what a program sees of a module of the standard library."""
    if module == "ctypes":
        return importlib.import_module("ntipc.win32.standard.ctypes")
    top, _, part = module.partition(".")
    view = view_of(top)
    return getattr(view, part) if part else view


def advice(module: str, name: str) -> str:
    """Say what to do about a call that is not here."""
    for prefix, family in _BY_PREFIX:
        if name.startswith(prefix):
            return _ADVICE[family]
    if module in LIBRARIES and (other := _of_pywin32(name)):
        return f"call {other}, which is here"
    if module in ONLY_ON_WINDOWS:
        return _ADVICE["standard"]
    if module in _FAMILIES:
        return _ADVICE[_FAMILIES[module]]
    if module in MODULES:
        return "it does not concern communication between processes: keep it behind `if sys.platform`"
    return "keep it behind `try: import`"


def _of_pywin32(name: str) -> str:
    """Return the call of pywin32 that does what an export of a library does; empty if none that is here does."""
    plain = name[:-1] if name[-1:] in "WA" else name
    for module in ("win32event", "win32file", "win32pipe", "win32process", "win32api", "win32gui", "win32security"):
        if plain in tables.calls(module) and is_here(module, plain):
            return f"{module}.{plain}"
    return ""

"""``sys``, ``os``, ``platform``, ``signal``, ``subprocess`` and others as a program on Windows sees them.

Each is the interpreter's module with a few names of its own; what is set on it is set there. Paths stay those of Linux.
"""

from __future__ import annotations

import importlib
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, Final, NamedTuple

from ntipc.win32.standard import device_paths
from ntipc.win32.standard.controls import CONTROL_SIGNALS, CTRL_BREAK, CTRL_C, ControlEvent
from ntipc.win32.standard.environment import environ, expandvars, getenv
from ntipc.win32.standard.program import open_any
from ntipc.win32.standard.view import ModuleView

_INHERIT: Final = 1
"""HANDLE_FLAG_INHERIT."""


class _Version(NamedTuple):
    """The five numbers of a version of Windows."""

    major: int = 10
    minor: int = 0
    build: int = 19045
    platform: int = 2
    service_pack: str = ""


class _WindowsVersion(_Version):
    """What ``sys.getwindowsversion()`` returns: that of Windows 10."""

    product_type = 1
    service_pack_major = service_pack_minor = 0
    suite_mask = 0x100

    @property
    def platform_version(self) -> tuple[int, int, int]:
        """The version, in three numbers."""
        return self.major, self.minor, self.build


class _Uname(NamedTuple):
    """What ``platform.uname()`` returns."""

    system: str
    node: str
    release: str
    version: str
    machine: str
    processor: str


def _glob(pathname: Any, **named: Any) -> list[Any]:
    import fnmatch
    import glob

    from ntipc.win32.standard.files import pipe_names, pipe_pattern

    found = pipe_pattern(pathname)
    if found is None:
        return glob.glob(pathname, **named)
    return [found[0] + name for name in pipe_names() if fnmatch.fnmatchcase(name, found[1].lower())]


def _iglob(pathname: Any, **named: Any) -> Iterator[Any]:
    return iter(_glob(pathname, **named))


def _getlogin() -> str:
    try:
        return os.getlogin()
    except OSError:  # there is no terminal that somebody has logged in at
        return environ["USERNAME"]


def _kill(pid: int, number: int) -> None:
    os.kill(pid, CONTROL_SIGNALS[number] if isinstance(number, ControlEvent) else number)


def _popen(cmd: str, mode: str = "r", buffering: int = -1) -> Any:
    from ntipc.win32.binding.command_line import for_shell

    return os.popen(for_shell(cmd), mode, buffering)


def _system(command: str) -> int:
    from ntipc.win32.binding.command_line import for_shell

    return os.waitstatus_to_exitcode(os.system(for_shell(command)))


def _get_handle_inheritable(handle: int) -> bool:
    from ntipc.win32.binding.duplication import GetHandleInformation
    from ntipc.win32.standard.winapi.calls import windows_call

    return bool(windows_call(GetHandleInformation)(handle) & _INHERIT)


def _set_handle_inheritable(handle: int, inheritable: bool) -> None:
    from ntipc.win32.binding.duplication import SetHandleInformation
    from ntipc.win32.standard.winapi.calls import windows_call

    windows_call(SetHandleInformation)(handle, _INHERIT, _INHERIT if inheritable else 0)


class _Directory:
    """What ``os.add_dll_directory`` returns: libraries are here without a directory."""

    def __init__(self, path: str) -> None:
        self.path: str | None = path

    def close(self) -> None:
        """Return at once."""
        self.path = None

    def __enter__(self) -> _Directory:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _startfile(path: Any, operation: str = "open", *rest: Any) -> None:
    subprocess.Popen(["xdg-open", os.fspath(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _sys() -> ModuleView:
    return ModuleView(
        sys, platform="win32", getwindowsversion=_WindowsVersion, winver="{}.{}".format(*sys.version_info), dllhandle=0
    )


def _os() -> ModuleView:
    path = ModuleView(os.path, expandvars=expandvars, **device_paths.FUNCTIONS)
    return ModuleView(
        os,
        name="nt",
        path=path,
        O_BINARY=0,
        O_TEXT=0,
        O_NOINHERIT=os.O_CLOEXEC,
        O_RANDOM=0,
        O_SEQUENTIAL=0,
        O_SHORT_LIVED=0,
        O_TEMPORARY=0,
        P_DETACH=4,
        add_dll_directory=_Directory,
        environ=environ,
        getenv=getenv,
        getlogin=_getlogin,
        get_handle_inheritable=_get_handle_inheritable,
        set_handle_inheritable=_set_handle_inheritable,
        kill=_kill,
        listdir=device_paths.listdir,
        scandir=device_paths.scandir,
        popen=_popen,
        startfile=_startfile,
        system=_system,
    )


def _platform() -> ModuleView:
    uname = _Uname("Windows", platform.node(), "10", "10.0.19045", "AMD64", "AMD64")
    return ModuleView(
        platform,
        system=lambda: "Windows",
        release=lambda: "10",
        version=lambda: "10.0.19045",
        machine=lambda: "AMD64",
        architecture=lambda *given, **named: ("64bit", "WindowsPE"),
        processor=lambda: uname.processor,
        win32_edition=lambda: "Professional",
        win32_is_iot=lambda: False,
        win32_ver=lambda *given: ("10", "10.0.19045", "SP0", "Multiprocessor Free"),
        uname=lambda: uname,
        platform=lambda *given: "Windows-10-10.0.19045-SP0",
    )


def _signal() -> ModuleView:
    return ModuleView(signal, CTRL_C_EVENT=CTRL_C, CTRL_BREAK_EVENT=CTRL_BREAK, SIGBREAK=signal.SIGQUIT)


def _subprocess() -> ModuleType:
    from ntipc.win32.standard.subprocess import view

    return view()


def _multiprocessing() -> ModuleType:
    from ntipc.win32.standard.multiprocessing import view

    return view()


def _asyncio() -> ModuleType:
    from ntipc.win32.standard.asyncio import view

    return view()


def _glob_view() -> ModuleView:
    return ModuleView(importlib.import_module("glob"), glob=_glob, iglob=_iglob)


def _builtins() -> ModuleView:
    return ModuleView(importlib.import_module("builtins"), open=open_any, WindowsError=OSError)


def _io() -> ModuleView:
    from ntipc.win32.standard.files import open_file

    return ModuleView(importlib.import_module("io"), open=open_file)


_VIEWS: Final[dict[str, Callable[[], ModuleType]]] = {
    "asyncio": _asyncio,
    "builtins": _builtins,
    "glob": _glob_view,
    "io": _io,
    "multiprocessing": _multiprocessing,
    "os": _os,
    "platform": _platform,
    "signal": _signal,
    "subprocess": _subprocess,
    "sys": _sys,
}
NAMES: Final = tuple(_VIEWS)
"""The modules of which a program on Windows sees another side."""


@cache
def view_of(name: str) -> ModuleType:
    """Return what a program on Windows sees of a module."""
    return _VIEWS[name]()

"""``sys``, ``os``, ``platform``, ``signal`` and ``subprocess`` as a program on Windows sees them.

Each is the interpreter's module with a few names of its own; what is set on it is set there. Paths stay those of Linux.
"""

from __future__ import annotations

import importlib
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple

from ntipc.win32.standard.files import open_file, pipe_name


class ModuleView(ModuleType):
    """A module that shows another, but for the names it has of its own.

    Args:
        module: The module that it shows.
        own: The names that differ.
    """

    def __init__(self, module: ModuleType, **own: Any) -> None:
        super().__init__(module.__name__, module.__doc__)
        vars(self).update(own, __spec__=module.__spec__, __file__=getattr(module, "__file__", None))
        vars(self)["_ntipc_shown"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_ntipc_shown"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_ntipc_shown"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(vars(self)["_ntipc_shown"], name)

    def __dir__(self) -> Iterable[str]:
        return sorted({*dir(vars(self)["_ntipc_shown"]), *vars(self)} - {"_ntipc_shown"})


class _WindowsVersion(NamedTuple):
    """What ``sys.getwindowsversion()`` returns: that of Windows 10."""

    major: int = 10
    minor: int = 0
    build: int = 19045
    platform: int = 2
    service_pack: str = ""


class STARTUPINFO:
    """How a process of Windows starts: accepted, and without effect on a process that has no window."""

    def __init__(
        self,
        *,
        dwFlags: int = 0,
        hStdInput: Any = None,
        hStdOutput: Any = None,
        hStdError: Any = None,
        wShowWindow: int = 0,
        lpAttributeList: Any = None,
    ) -> None:
        self.dwFlags, self.wShowWindow = dwFlags, wShowWindow
        self.hStdInput, self.hStdOutput, self.hStdError = hStdInput, hStdOutput, hStdError
        self.lpAttributeList = lpAttributeList or {"handle_list": []}


_NEW_PROCESS_GROUP: Final = 0x200
_CREATION_FLAGS: Final = {
    "CREATE_NEW_CONSOLE": 0x10,
    "CREATE_NEW_PROCESS_GROUP": _NEW_PROCESS_GROUP,
    "CREATE_NO_WINDOW": 0x0800_0000,
    "DETACHED_PROCESS": 0x8,
    "CREATE_DEFAULT_ERROR_MODE": 0x0400_0000,
    "CREATE_BREAKAWAY_FROM_JOB": 0x0100_0000,
    "ABOVE_NORMAL_PRIORITY_CLASS": 0x8000,
    "BELOW_NORMAL_PRIORITY_CLASS": 0x4000,
    "HIGH_PRIORITY_CLASS": 0x80,
    "IDLE_PRIORITY_CLASS": 0x40,
    "NORMAL_PRIORITY_CLASS": 0x20,
    "REALTIME_PRIORITY_CLASS": 0x100,
    "STARTF_USESHOWWINDOW": 1,
    "STARTF_USESTDHANDLES": 0x100,
    "SW_HIDE": 0,
    "STD_INPUT_HANDLE": -10,
    "STD_OUTPUT_HANDLE": -11,
    "STD_ERROR_HANDLE": -12,
}


_Popen: Any = subprocess.Popen


class Popen(_Popen):  # type: ignore[misc]
    """A process, started with ``startupinfo`` and ``creationflags``, which only Windows has.

    Of the flags, a new process group and a detached process mean a session of its own. With ``close_fds=False`` the
    process inherits the handles that are marked, and else those that ``startupinfo`` lists.
    """

    def __init__(
        self,
        args: Any,
        *rest: Any,
        startupinfo: Any = None,
        creationflags: int = 0,
        close_fds: bool = True,
        **named: Any,
    ) -> None:
        if creationflags & (_NEW_PROCESS_GROUP | _CREATION_FLAGS["DETACHED_PROCESS"]):
            named.setdefault("start_new_session", True)
        listed = getattr(startupinfo, "lpAttributeList", None) or {}
        handles: Any = listed.get("handle_list") or not close_fds
        if not handles:
            super().__init__(args, *rest, close_fds=close_fds, **named)
            return
        from ntipc.processes.inheritance import estate
        from ntipc.session.session import default_session

        with estate(handles, default_session(), "subprocess.Popen") as bequeath:
            super().__init__(args, *rest, close_fds=close_fds, **named)
            bequeath(self.pid)

    def send_signal(self, sig: int) -> None:
        """Send a signal; CTRL_C_EVENT and CTRL_BREAK_EVENT are SIGINT and SIGQUIT."""
        super().send_signal(_CONTROL_SIGNALS.get(sig, sig) if isinstance(sig, _ControlEvent) else sig)


class _ControlEvent(int):
    """CTRL_C_EVENT or CTRL_BREAK_EVENT: numbers that are signals of other meanings on Linux."""


_CTRL_C, _CTRL_BREAK = _ControlEvent(0), _ControlEvent(1)
_CONTROL_SIGNALS: Final = {0: signal.SIGINT, 1: signal.SIGQUIT}


def _with_popen(name: str) -> Callable[..., Any]:
    """Return ``run``, ``call`` and the like, which start their process by this module's `Popen`."""
    original = getattr(subprocess, name)

    def function(*arguments: Any, startupinfo: Any = None, creationflags: int = 0, **named: Any) -> Any:
        if creationflags & (_NEW_PROCESS_GROUP | _CREATION_FLAGS["DETACHED_PROCESS"]):
            named.setdefault("start_new_session", True)
        return original(*arguments, **named)

    function.__name__, function.__doc__ = name, original.__doc__
    return function


def _exists(path: Any) -> bool:
    name = pipe_name(path)
    if name is None:
        return os.path.exists(path)
    from ntipc.pipes.client import wait_for_pipe

    try:
        wait_for_pipe(name, timeout=0)
    except FileNotFoundError:
        return False
    return True


def _kill(pid: int, number: int) -> None:
    os.kill(pid, _CONTROL_SIGNALS[number] if isinstance(number, _ControlEvent) else number)


def _startfile(path: Any, operation: str = "open", *rest: Any) -> None:
    subprocess.Popen(["xdg-open", os.fspath(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _sys() -> ModuleView:
    return ModuleView(sys, platform="win32", getwindowsversion=_WindowsVersion, winver="3.11", dllhandle=0)


def _os() -> ModuleView:
    path = ModuleView(os.path, exists=_exists)
    return ModuleView(
        os, name="nt", path=path, O_BINARY=0, O_TEXT=0, O_NOINHERIT=os.O_CLOEXEC, startfile=_startfile, kill=_kill
    )


def _platform() -> ModuleView:
    uname = SimpleNamespace(
        system="Windows", node=platform.node(), release="10", version="10.0.19045", machine="AMD64", processor="AMD64"
    )
    return ModuleView(
        platform,
        system=lambda: "Windows",
        release=lambda: "10",
        version=lambda: "10.0.19045",
        machine=lambda: "AMD64",
        win32_ver=lambda *given: ("10", "10.0.19045", "SP0", "Multiprocessor Free"),
        uname=lambda: uname,
        platform=lambda *given: "Windows-10-10.0.19045-SP0",
    )


def _signal() -> ModuleView:
    return ModuleView(signal, CTRL_C_EVENT=_CTRL_C, CTRL_BREAK_EVENT=_CTRL_BREAK, SIGBREAK=signal.SIGQUIT)


def _subprocess() -> ModuleView:
    started = {name: _with_popen(name) for name in ("run", "call", "check_call", "check_output")}
    return ModuleView(subprocess, Popen=Popen, STARTUPINFO=STARTUPINFO, **_CREATION_FLAGS, **started)


def _io() -> ModuleView:
    return ModuleView(importlib.import_module("io"), open=open_file)


_VIEWS: Final[dict[str, Callable[[], ModuleView]]] = {
    "io": _io,
    "os": _os,
    "platform": _platform,
    "signal": _signal,
    "subprocess": _subprocess,
    "sys": _sys,
}
NAMES: Final = tuple(_VIEWS)
"""The modules of which a program on Windows sees another side."""


@cache
def view_of(name: str) -> ModuleView:
    """Return what a program on Windows sees of a module."""
    return _VIEWS[name]()

"""``subprocess`` as Windows has it: a text as a command line, ``startupinfo``, ``creationflags``, handles by number."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FunctionType, ModuleType
from typing import Any, Final

from ntipc.win32.binding.command_line import arguments_of, for_shell
from ntipc.win32.binding.paths import linux_path
from ntipc.win32.hook.inheriting import environment_of_child
from ntipc.win32.standard.controls import CONTROL_SIGNALS, ControlEvent
from ntipc.win32.standard.view import ModuleView

_NEW_PROCESS_GROUP, _DETACHED = 0x200, 0x8
_USE_STANDARD_HANDLES: Final = 0x100
CREATION_FLAGS: Final = {
    "CREATE_NEW_CONSOLE": 0x10,
    "CREATE_NEW_PROCESS_GROUP": _NEW_PROCESS_GROUP,
    "CREATE_NO_WINDOW": 0x0800_0000,
    "DETACHED_PROCESS": _DETACHED,
    "CREATE_DEFAULT_ERROR_MODE": 0x0400_0000,
    "CREATE_BREAKAWAY_FROM_JOB": 0x0100_0000,
    "ABOVE_NORMAL_PRIORITY_CLASS": 0x8000,
    "BELOW_NORMAL_PRIORITY_CLASS": 0x4000,
    "HIGH_PRIORITY_CLASS": 0x80,
    "IDLE_PRIORITY_CLASS": 0x40,
    "NORMAL_PRIORITY_CLASS": 0x20,
    "REALTIME_PRIORITY_CLASS": 0x100,
    "STARTF_FORCEONFEEDBACK": 0x40,
    "STARTF_FORCEOFFFEEDBACK": 0x80,
    "STARTF_USESHOWWINDOW": 1,
    "STARTF_USESTDHANDLES": _USE_STANDARD_HANDLES,
    "SW_HIDE": 0,
    "STD_INPUT_HANDLE": -10,
    "STD_OUTPUT_HANDLE": -11,
    "STD_ERROR_HANDLE": -12,
}
_POSITIONAL: Final = (
    "bufsize", "executable", "stdin", "stdout", "stderr", "preexec_fn", "close_fds", "shell", "cwd", "env",
    "universal_newlines", "startupinfo", "creationflags",
)  # fmt: skip
_PATIENCE: Final = 1.0
"""Seconds to wait until a process that has ended is known to have."""
_STREAMS: Final = (("stdin", "hStdInput"), ("stdout", "hStdOutput"), ("stderr", "hStdError"))


class STARTUPINFO:
    """How a process starts: its standard streams, and the handles that it inherits.

    Attributes:
        dwFlags: STARTF_USESTDHANDLES for the three handles.
        hStdInput: What the process reads from.
        hStdOutput: What it writes to.
        hStdError: Where it writes errors.
        wShowWindow: Without effect.
        lpAttributeList: ``{"handle_list": [...]}``: the handles that it inherits, and no others.
    """

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

    def copy(self) -> STARTUPINFO:
        """Return another one with the same attributes and a list of handles of its own."""
        listed = {name: list(value) for name, value in self.lpAttributeList.items()}
        return STARTUPINFO(**{**vars(self), "lpAttributeList": listed})


class Handle(int):
    """The handle of a process, closed by `Close`."""

    closed = False

    def Close(self) -> None:
        """Close the handle; of one that is closed already, nothing."""
        from ntipc.win32.standard.winapi.objects import CloseHandle

        if not self.closed:
            self.closed = True
            CloseHandle(self)

    def Detach(self) -> int:
        """Return the number, and leave the handle open.

        Raises:
            ValueError: It is closed.
        """
        if self.closed:
            raise ValueError("already closed")
        self.closed = True
        return int(self)

    def __repr__(self) -> str:
        return f"Handle({int(self)})"


def windows_arguments(args: Any, shell: bool) -> Any:
    """Return what is to be run as Linux has it.

    Args:
        args: A command line as one text, or the program and its arguments.
        shell: Whether a shell runs it.

    Raises:
        FileNotFoundError: There is no such program; ``winerror`` is 2.
    """
    if isinstance(args, bytes):
        args = os.fsdecode(args)
    if shell:
        return for_shell(args if isinstance(args, str) else shlex.join([os.fspath(word) for word in args]))
    try:
        if isinstance(args, str):
            return arguments_of(None, args)
        words = [args] if isinstance(args, os.PathLike) else args
        return arguments_of(None, None, [os.fsdecode(word) for word in words])
    except FileNotFoundError:
        from ntipc.win32.standard.winapi.calls import windows_error

        raise windows_error(2) from None


def windows_options(named: dict[str, Any], startupinfo: Any, creationflags: int) -> None:
    """Turn options of Windows into those of Linux, in place."""
    if creationflags & (_NEW_PROCESS_GROUP | _DETACHED):
        named.setdefault("start_new_session", True)
    if named.get("env") is not None:
        named["env"] = environment_of_child(named["env"])
    if isinstance(named.get("cwd"), str):
        named["cwd"] = linux_path(named["cwd"])
    if named.get("executable") is not None:
        named["executable"] = windows_arguments([named["executable"]], False)[0]


_Popen: Any = subprocess.Popen


class Popen(_Popen):  # type: ignore[misc]
    """A process, started as on Windows.

    A text is a command line, quoted by Windows' rules; ``python.exe`` is this interpreter. Of ``creationflags``, a new
    process group and a detached process mean a session of its own. With ``close_fds=False`` the process inherits the
    handles that are marked, and else those that ``startupinfo`` lists, under the same numbers.
    """

    def __init__(
        self,
        args: Any,
        *rest: Any,
        startupinfo: Any = None,
        creationflags: int = 0,
        close_fds: bool = True,
        shell: bool = False,
        **named: Any,
    ) -> None:
        named |= zip(_POSITIONAL, rest, strict=False)
        startupinfo, creationflags = named.pop("startupinfo", startupinfo), named.pop("creationflags", creationflags)
        close_fds, shell = named.pop("close_fds", close_fds), named.pop("shell", shell)
        words = windows_arguments(args, shell)
        windows_options(named, startupinfo, creationflags)
        listed = (getattr(startupinfo, "lpAttributeList", None) or {}).get("handle_list")
        handles: bool | list[int] = [int(handle) for handle in listed] if listed else not close_fds
        with _streams_of(startupinfo, named), _estate(handles, named, close_fds) as give:
            super().__init__(words, shell=shell, **named)
            if give is not None:
                give(self.pid)
        self.args = args

    @property
    def _handle(self) -> Handle:
        """The handle of the process, opened when it is first asked for."""
        if "_ntipc_handle" not in vars(self):
            from ntipc.win32.standard.winapi.processes import OpenProcess

            self._ntipc_handle = Handle(OpenProcess(0x1F_FFFF, False, self.pid))
        return self._ntipc_handle

    @property
    def returncode(self) -> int | None:
        """How the process has ended; ``None`` as long as that is not known."""
        return vars(self).get("_ntipc_code")

    @returncode.setter
    def returncode(self, code: int | None) -> None:
        self._ntipc_code = code
        handle = vars(self).get("_ntipc_handle")
        if code is not None and handle is not None and not handle.closed:
            _tell_others(handle, code)

    def send_signal(self, sig: int) -> None:
        """Send a signal; CTRL_C_EVENT and CTRL_BREAK_EVENT are SIGINT and SIGQUIT."""
        super().send_signal(CONTROL_SIGNALS.get(sig, sig) if isinstance(sig, ControlEvent) else sig)


def _tell_others(handle: int, code: int) -> None:
    """Have a process's object know how it ended: once its status is taken, Linux tells nobody."""
    from ntipc.errors import NtError
    from ntipc.processes import Process
    from ntipc.win32.binding.pyhandle import object_of_kind

    try:
        process = object_of_kind(handle, Process)
        process._note_exit_code(code)
        process.wait(_PATIENCE)
    except NtError:
        pass  # its handle was closed by number


@contextmanager
def _estate(handles: bool | list[int], named: dict[str, Any], close_fds: bool) -> Iterator[Any]:
    """Have the process inherit handles; what to call with its id, if there are any."""
    if not handles:
        yield None
        return
    from ntipc.processes.inheritance import estate
    from ntipc.session.session import default_session
    from ntipc.win32.binding.heirlooms import bequeathed

    named["env"] = dict(os.environ if named.get("env") is None else named["env"])
    with bequeathed(named["env"], handles) as given:
        fds = {*given.fds, *named.get("pass_fds", ())} | (set() if close_fds else _inheritable())
        named["pass_fds"] = tuple(fds)
        with estate(given.handles, default_session(), "subprocess.Popen") as give:
            yield give


def _inheritable() -> set[int]:
    """Return the descriptors that are marked to be inherited."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.add(int(name))
        except OSError:
            pass  # that of the listing itself
    return found


def _streams_of(startupinfo: Any, named: dict[str, Any]) -> AbstractContextManager[Any]:
    """Have the process use the standard handles that ``startupinfo`` names, where no others were asked for."""
    if not getattr(startupinfo, "dwFlags", 0) & _USE_STANDARD_HANDLES:
        return nullcontext()
    from contextlib import closing

    from ntipc.win32.binding.streams import Streams

    streams = Streams()
    for stream, attribute in _STREAMS:
        handle = getattr(startupinfo, attribute, None)
        if named.get(stream) is None and handle:
            named[stream] = streams.descriptor(int(handle), "CreateProcess", to_child=stream == "stdin")
    return closing(streams)


def _again(namespace: dict[str, Any], name: str) -> Callable[..., Any]:
    """Return a function of the interpreter's module that starts its process by this module's `Popen`."""
    original = getattr(subprocess, name)
    twin = FunctionType(original.__code__, namespace, name, original.__defaults__, original.__closure__)
    twin.__kwdefaults__, twin.__doc__, twin.__module__ = original.__kwdefaults__, original.__doc__, "subprocess"
    return twin


def view() -> ModuleType:
    """Return what a program on Windows sees of ``subprocess``."""
    namespace = dict(vars(subprocess))
    namespace["Popen"] = Popen
    started = {
        name: _again(namespace, name)
        for name in ("run", "call", "check_call", "check_output", "getoutput", "getstatusoutput")
    }
    namespace.update(started)
    return ModuleView(subprocess, Popen=Popen, STARTUPINFO=STARTUPINFO, Handle=Handle, **CREATION_FLAGS, **started)

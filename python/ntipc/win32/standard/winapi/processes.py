"""Processes of ``_winapi``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from ntipc.win32.binding import processes
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.pyhandle import new_handle
from ntipc.win32.binding.startup import STARTUPINFO
from ntipc.win32.standard.winapi.calls import index, windows_call

_NOT_HERE: Final = "NoDefaultCurrentDirectoryInExePath"
_STREAMS: Final = ("hStdInput", "hStdOutput", "hStdError")


@windows_call
def CreateProcess(
    application_name: str | None,
    command_line: str | None,
    proc_attrs: object,
    thread_attrs: object,
    inherit_handles: bool,
    creation_flags: int,
    env_mapping: Mapping[str, str] | None,
    current_directory: str | None,
    startup_info: Any,
    /,
) -> tuple[int, int, int, int]:
    """Start a program.

    Args:
        application_name: The program; ``None`` for the first word of the command line. ``python.exe`` is this
            interpreter.
        command_line: The command line, quoted as Windows quotes it.
        proc_attrs: Without effect.
        thread_attrs: Without effect.
        inherit_handles: Whether the child gets the handles that are marked, or those that ``startup_info`` lists, under
            the same numbers.
        creation_flags: CREATE_SUSPENDED is heeded.
        env_mapping: Its environment; ``None`` for that of this process.
        current_directory: Its working directory; ``None`` for that of this process.
        startup_info: Its standard streams and ``lpAttributeList["handle_list"]``, as of ``subprocess.STARTUPINFO``.

    Returns:
        The handles of the process and of its first thread, and the ids of both.

    Source:
        CreateProcess (Win32).
    """
    if application_name is None and command_line is None:
        raise failure(87, "CreateProcess")
    if env_mapping is not None and not hasattr(env_mapping, "items"):
        raise TypeError("environment must be dictionary or None")
    info = STARTUPINFO()
    info.dwFlags = index(getattr(startup_info, "dwFlags", 0))
    for name in _STREAMS:
        setattr(info, name, getattr(startup_info, name, None) or 0)
    listed = (getattr(startup_info, "lpAttributeList", None) or {}).get("handle_list")
    inherit = bool(inherit_handles)
    process, thread = processes.started(
        application_name,
        command_line,
        [index(handle) for handle in listed] if listed and inherit else inherit,
        index(creation_flags),
        env_mapping,
        current_directory,
        info,
    )
    pid = process.pid
    return new_handle(process).Detach(), new_handle(thread).Detach(), pid, pid


@windows_call
def OpenProcess(desired_access: int, inherit_handle: bool, process_id: int, /) -> int:
    """Open a process. Returns a handle.

    Raises:
        OSError: There is none of that id (87), or it is another user's (5).

    Source:
        OpenProcess (Win32).
    """
    return processes.OpenProcess(desired_access, bool(inherit_handle), process_id).Detach()


@windows_call
def TerminateProcess(handle: int, exit_code: int, /) -> None:
    """End a process.

    Source:
        TerminateProcess (Win32).
    """
    processes.TerminateProcess(index(handle), exit_code)


@windows_call
def GetExitCodeProcess(process: int, /) -> int:
    """Return how a process has ended; STILL_ACTIVE (259) while it runs.

    Source:
        GetExitCodeProcess (Win32).
    """
    return processes.GetExitCodeProcess(index(process))


def ExitProcess(ExitCode: int, /) -> NoReturn:
    """End this process at once.

    Source:
        ExitProcess (Win32).
    """
    os._exit(index(ExitCode) & 0xFF)


def GetModuleFileName(module_handle: int, /) -> str:
    """Return the path of the program, the interpreter.

    Source:
        GetModuleFileName (Win32).
    """
    index(module_handle)
    return sys.executable


def GetVersion() -> int:
    """Return the version of Windows that programs see, 10.0.19045, in one number.

    Source:
        GetVersion (Win32).
    """
    return 19045 << 16 | 10


def GetACP() -> int:
    """Return the code page of text in bytes: 65001, UTF-8.

    Source:
        GetACP (Win32).
    """
    return 65001


def NeedCurrentDirectoryForExePath(exe_name: str, /) -> bool:
    """Say whether programs are looked for in the working directory, as Windows does.

    Source:
        NeedCurrentDirectoryForExePath (Win32).
    """
    return not os.environ.get(_NOT_HERE) or "\\" in exe_name

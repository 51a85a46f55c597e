"""Processes and threads by handles: starting, opening, ending them, and what is known of them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Mapping
from operator import index
from typing import Any, Final, TypeVar

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.processes import Process, Thread
from ntipc.win32.binding.arguments import DWORD, flag
from ntipc.win32.binding.command_line import arguments_of
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.heirlooms import bequeathed
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle, object_of
from ntipc.win32.binding.security import SecurityAttributes, inherits
from ntipc.win32.binding.startup import STARTUPINFO, USE_STANDARD_HANDLES
from ntipc.win32.binding.streams import Streams
from ntipc.win32.hook.inheriting import environment_of_child

STILL_ACTIVE: Final = 259
_Either = TypeVar("_Either", Process, Thread)

_MOST_SIGNALS: Final = 64
_SUSPENDED: Final = 4
_ALL_ACCESS: Final = (0x1F_0FFF, 0x1F_FFFF, 0x1F_03FF)
_GENERIC_OR_MAXIMUM: Final = 0x0200_0000 | 0x1000_0000 | 0x8000_0000 | 0x4000_0000 | 0x2000_0000
_HOLD: Final = 'kill -STOP $$; exec "$0" "$@"'
"""What a shell does for a process that is to be suspended at first."""


def CreateProcess(
    appName: str | None,
    commandLine: str | None,
    processAttributes: SecurityAttributes | None,
    threadAttributes: SecurityAttributes | None,
    bInheritHandles: int,
    dwCreationFlags: int,
    newEnvironment: Mapping[str, str] | None,
    currentDirectory: str | None,
    startupinfo: STARTUPINFO,
    /,
) -> tuple[PyHANDLE, PyHANDLE, int, int]:
    """Start a program.

    Args:
        appName: The program; ``None`` for the first word of the command line. ``python.exe`` is this interpreter.
        commandLine: The command line, quoted as Windows quotes it.
        processAttributes: Whether the process handle is inherited.
        threadAttributes: Whether the thread handle is inherited.
        bInheritHandles: Whether the child gets the handles that are marked for it, under the same numbers.
        dwCreationFlags: CREATE_SUSPENDED is heeded.
        newEnvironment: Its environment; ``None`` for that of this process.
        currentDirectory: Its working directory; ``None`` for that of this process.
        startupinfo: Its standard streams, with STARTF_USESTDHANDLES.

    Returns:
        The process, its first thread, and the ids of both.

    Raises:
        TypeError: There is neither a program nor a command line.
        error: It cannot be started.

    Source:
        CreateProcess (Win32).
    """
    if appName is None and commandLine is None:
        raise TypeError("The command line and application parameters can not both be None")
    if not isinstance(startupinfo, STARTUPINFO):
        raise TypeError("The object is not a PySTARTUPINFO object")
    process, thread = started(
        appName,
        commandLine,
        flag(bInheritHandles),
        index(dwCreationFlags),
        newEnvironment,
        currentDirectory,
        startupinfo,
    )
    for thing, attributes in (process, processAttributes), (thread, threadAttributes):
        if attributes is not None and inherits(attributes):
            thing.inheritable = True
    return new_handle(process), new_handle(thread), process.pid, process.pid


def started(
    application: str | None,
    line: str | None,
    inherit: bool | Collection[int],
    flags: int,
    given_environment: Mapping[str, str] | None,
    folder: str | None,
    startupinfo: STARTUPINFO,
) -> tuple[Process, Thread]:
    """Start a program: what :func:`CreateProcess` does.

    Args:
        application: The program, or ``None``.
        line: The command line, or ``None``.
        inherit: Whether the child gets the handles that are marked; or the handles that it gets.
        flags: As for :func:`CreateProcess`.
        given_environment: Likewise.
        folder: Likewise the working directory.
        startupinfo: Its standard streams.

    Raises:
        error: It cannot be started.
    """
    streams = Streams()
    last.code = 0
    try:
        arguments = arguments_of(application, line)
        if flags & _SUSPENDED:
            arguments = ["/bin/sh", "-c", _HOLD, *arguments]
        given = _standard_streams(startupinfo, streams)
        environment = dict(os.environ) if given_environment is None else environment_of_child(given_environment)
        with bequeathed(environment, inherit) as estate:
            process = Process.start(
                arguments,
                inherit_handles=estate.handles,
                env=environment,
                cwd=folder,
                stdin=given[0],
                stdout=given[1],
                stderr=given[2],
                pass_fds=estate.fds,
            )
        thread = Thread.open(process.pid)
    except NtError as problem:
        raise failed(problem, "CreateProcess") from None
    except OSError as problem:
        raise linux_failure(problem, "CreateProcess") from None
    finally:
        streams.close()
    return process, thread


def _standard_streams(startupinfo: STARTUPINFO, streams: Streams) -> tuple[int | None, int | None, int | None]:
    if not startupinfo.dwFlags & USE_STANDARD_HANDLES:
        return None, None, None
    call = "CreateProcess"
    return (
        streams.descriptor(startupinfo.hStdInput, call, to_child=True),
        streams.descriptor(startupinfo.hStdOutput, call, to_child=False),
        streams.descriptor(startupinfo.hStdError, call, to_child=False),
    )


def OpenProcess(reqdAccess: int, bInherit: int, pid: int, /) -> PyHANDLE:
    """Open a process.

    Raises:
        error: There is none of that id (87), or it is another user's (5).

    Source:
        OpenProcess (Win32).
    """
    return _opened("OpenProcess", Process, reqdAccess, bInherit, pid)


def OpenThread(reqdAccess: int, bInherit: int, tid: int, /) -> PyHANDLE:
    """Open a thread.

    Raises:
        error: There is none of that id (87).

    Source:
        OpenThread (Win32).
    """
    return _opened("OpenThread", Thread, reqdAccess, bInherit, tid)


def _opened(call: str, kind: type[Any], access: int, inherit: int, number: int) -> PyHANDLE:
    access, number = index(access) & DWORD, index(number)
    everything = access in _ALL_ACCESS or access & _GENERIC_OR_MAXIMUM
    try:
        thing = kind.open(number, None if everything else access)
    except NtError as problem:
        raise failed(problem, call) from None
    if flag(inherit):
        thing.inheritable = True
    return new_handle(thing)


def process_of(handle: HandleLike, call: str) -> Process:
    """Return the process that a handle leads to; the pseudo handle is this one.

    Raises:
        error: It is no handle of a process.
    """
    return _object_of(Process, table.Pseudo.PROCESS, handle, call)


def thread_of(handle: HandleLike, call: str) -> Thread:
    """Return the thread that a handle leads to; the pseudo handle is the calling one.

    Raises:
        error: It is no handle of a thread.
    """
    return _object_of(Thread, table.Pseudo.THREAD, handle, call)


def _object_of(kind: type[_Either], pseudo: table.Pseudo, handle: HandleLike, call: str) -> _Either:
    try:
        thing = object_of(handle)
        if thing is pseudo:
            return kind.current()
    except NtError as problem:
        raise failed(problem, call) from None
    if not isinstance(thing, kind):
        raise failure(6, call)
    return thing


def TerminateProcess(handle: HandleLike, exitCode: int, /) -> None:
    """End a process: nothing of it runs any more.

    Source:
        TerminateProcess (Win32).
    """
    process = process_of(handle, "TerminateProcess")
    try:
        process.terminate(index(exitCode) & 0x7FFF_FFFF)
    except NtError as problem:
        raise failed(problem, "TerminateProcess") from None


def GetExitCodeProcess(hProcess: HandleLike, /) -> int:
    """Return how a process has ended; STILL_ACTIVE (259) while it runs.

    Source:
        GetExitCodeProcess (Win32).

    Differs:
        Of one that a signal has ended it is 128 and the number of the signal; of one of which Linux does not tell, 0.
    """
    process = process_of(hProcess, "GetExitCodeProcess")
    try:
        code = process.exit_code
        if code is None:
            return 0 if process.wait(0) else STILL_ACTIVE
    except NtError as problem:
        raise failed(problem, "GetExitCodeProcess") from None
    if -_MOST_SIGNALS <= code < 0:
        return 128 - code
    return code & 0xFFFF_FFFF


def GetExitCodeThread(hThread: HandleLike, /) -> int:
    """Return 0 for a thread that has ended; STILL_ACTIVE (259) while it runs.

    Source:
        GetExitCodeThread (Win32).
    """
    thread = thread_of(hThread, "GetExitCodeThread")
    try:
        if not thread.wait(0):
            return STILL_ACTIVE
        return thread.exit_code or 0
    except NtError as problem:
        raise failed(problem, "GetExitCodeThread") from None


def GetProcessId(Process: HandleLike, /) -> int:
    """Return the id of a process.

    Source:
        GetProcessId (Win32).
    """
    return process_of(Process, "GetProcessId").pid


def EnumProcesses() -> tuple[int, ...]:
    """Return the ids of all processes.

    Source:
        EnumProcesses (Win32).
    """
    return tuple(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()))


def GetProcessTimes(hProcess: HandleLike, /) -> dict[str, Any]:
    """Tell when a process was started, and the processor time that it has used in units of 100 ns.

    Source:
        GetProcessTimes (Win32).
    """
    from ntipc.win32.binding.times import Time

    process = process_of(hProcess, "GetProcessTimes")
    try:
        times = process.times
        ended = process.wait(0)
    except NtError as problem:
        raise failed(problem, "GetProcessTimes") from None
    return {
        "CreationTime": Time(times.started),
        "ExitTime": Time(times.started if ended else 0),
        "KernelTime": round((times.system or 0) * 1e7),
        "UserTime": round((times.user or 0) * 1e7),
    }


def GetModuleFileNameEx(hProcess: HandleLike, hModule: int, /) -> str:
    """Return the path of the program that a process runs.

    Source:
        GetModuleFileNameEx (Win32).
    """
    try:
        return os.readlink(f"/proc/{process_of(hProcess, 'GetModuleFileNameEx').pid}/exe")
    except OSError as problem:
        raise linux_failure(problem, "GetModuleFileNameEx") from None


def SuspendThread(handle: HandleLike, /) -> int:
    """Stop a process, if this is its first thread: Linux stops no other threads. Always 0.

    Source:
        SuspendThread (Win32).
    """
    _signal_first_thread(handle, signal.SIGSTOP, "SuspendThread")
    return 0


def ResumeThread(handle: HandleLike, /) -> int:
    """Have a process go on that was started suspended, or was stopped, by its first thread. Always 1.

    Source:
        ResumeThread (Win32).
    """
    _signal_first_thread(handle, signal.SIGCONT, "ResumeThread")
    return 1


def _signal_first_thread(handle: HandleLike, number: int, call: str) -> None:
    thread = thread_of(handle, call)
    if thread.id != thread.pid:
        raise failure(50, call)
    try:
        if number == signal.SIGCONT:
            _wait_until_stopped(thread.pid)
        os.kill(thread.pid, number)
    except OSError as problem:
        raise linux_failure(problem, call) from None


def _wait_until_stopped(pid: int) -> None:
    """A process that is to be suspended at first stops itself a moment after it was started."""
    import time

    for _ in range(200):
        with open(f"/proc/{pid}/stat", "rb") as file:
            state = file.read().rpartition(b") ")[2][:1]
        if state in b"TtZX" or not _is_the_shell(pid):
            return
        time.sleep(0.005)


def _is_the_shell(pid: int) -> bool:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return _HOLD.encode() in file.read()


def beginthreadex(
    sa: SecurityAttributes | None, stackSize: int, entryPoint: Callable[..., Any], args: tuple[Any, ...], flags: int, /
) -> tuple[PyHANDLE, int]:
    """Start a thread of this process that calls a function; its handle and id.

    Source:
        _beginthreadex (C run-time library of Windows).
    """
    opened = threading.Event()

    def run() -> None:
        opened.wait()
        entryPoint(*args)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        handle = new_handle(Thread.open(thread.native_id or 0))
    except NtError as problem:
        raise failed(problem, "beginthreadex") from None
    finally:
        opened.set()
    return handle, thread.native_id or 0

"""Processes, their memory, handles between them, and the console's control handlers."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any, Final

from ntipc.session.names import SESSION_NUMBER
from ntipc.win32.binding.failures import error
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import (
    Export,
    ansi,
    attributes,
    boolean,
    data_at,
    handle,
    put_dword,
    put_word,
    text,
    there,
    unsigned,
)

_USE_STANDARD_HANDLES: Final = 0x100
_UNICODE_ENVIRONMENT: Final = 0x400
_NOT_SUPPORTED: Final = 50
_INVALID_PARAMETER: Final = 87
_NOT_FOUND: Final = 1168

_handlers: dict[int, Any] = {}
"""Control handlers of C code, by address; they are kept, because an address may be registered more than once."""


def _duplicate(
    source_process: int, source: int, target_process: int, target: int, access: int, inherit: int, options: int
) -> int:
    from ntipc.win32 import win32api

    try:
        made = win32api.DuplicateHandle(
            handle(source_process),
            handle(source),
            handle(target_process),
            unsigned(access),
            boolean(inherit),
            unsigned(options),
        )
    except error:
        return 0
    number = made.Detach()
    put_word(target, number)
    return 1


def _handle_information(thing: int, flags: int) -> int:
    from ntipc.win32 import win32api

    try:
        put_dword(flags, win32api.GetHandleInformation(handle(thing)))
    except error:
        return 0
    return 1


def _set_control_handler(routine: int, add: int) -> int:
    from ntipc.win32 import win32api

    if routine == 0:
        win32api.SetConsoleCtrlHandler(None, boolean(add))
        return 1
    if routine not in _handlers:
        _handlers[routine] = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32)(routine)
    try:
        win32api.SetConsoleCtrlHandler(_handlers[routine], boolean(add))
    except ValueError:
        last.code = 87
        return 0
    return 1


class _StartupInfo(ctypes.Structure):
    """STARTUPINFO."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("reserved", ctypes.c_uint64),
        ("desktop", ctypes.c_uint64),
        ("title", ctypes.c_uint64),
        ("place", ctypes.c_uint32 * 7),
        ("flags", ctypes.c_uint32),
        ("show", ctypes.c_uint16),
        ("reserved_size", ctypes.c_uint16),
        ("reserved_bytes", ctypes.c_uint64),
        ("standard", ctypes.c_uint64 * 3),
    ]


class _ProcessInformation(ctypes.Structure):
    """PROCESS_INFORMATION."""

    _fields_ = [
        ("process", ctypes.c_uint64),
        ("thread", ctypes.c_uint64),
        ("process_id", ctypes.c_uint32),
        ("thread_id", ctypes.c_uint32),
    ]


def _environment_block(address: int, wide: bool) -> dict[str, str] | None:
    """Return the environment that stands in memory, ended by an empty text; ``None`` for NULL."""
    if not address:
        return None
    found: dict[str, str] = {}
    while entry := (text(address) if wide else ansi(address)) or "":
        name, _, value = entry[1:].partition("=")
        found[entry[0] + name] = value
        address += 2 * (len(entry.encode("utf-16-le", "surrogatepass")) // 2 + 1) if wide else len(entry.encode()) + 1
    return found


def _create_process(wide: bool) -> Export:
    read = text if wide else ansi

    def create(
        program: int,
        line: int,
        process_security: int,
        thread_security: int,
        inherit: int,
        flags: int,
        environment: int,
        directory: int,
        startup: int,
        told: int,
    ) -> int:
        from ntipc.win32 import win32process

        given: Any = _StartupInfo.from_address(there(startup))
        there(told)
        wanted = win32process.STARTUPINFO()
        wanted.dwFlags, wanted.wShowWindow = given.flags, given.show
        if given.flags & _USE_STANDARD_HANDLES:
            wanted.hStdInput, wanted.hStdOutput, wanted.hStdError = (handle(word) for word in given.standard)
        try:
            process, thread, process_id, thread_id = win32process.CreateProcess(
                read(program),
                read(line),
                attributes(process_security),
                attributes(thread_security),
                boolean(inherit),
                unsigned(flags),
                _environment_block(environment, bool(unsigned(flags) & _UNICODE_ENVIRONMENT)),
                read(directory),
                wanted,
            )
        except error:
            return 0
        except TypeError:
            last.code = 87
            return 0
        information: Any = _ProcessInformation.from_address(told)
        information.process, information.thread = process.Detach(), thread.Detach()
        information.process_id, information.thread_id = process_id, thread_id
        return 1

    return own(create, 10)


def _exit_code(name: str) -> Export:
    def told(thing: int, code: int) -> int:
        from ntipc.win32 import win32process

        try:
            put_dword(code, getattr(win32process, name)(handle(thing)))
        except error:
            return 0
        return 1

    return own(told, 2)


def _thread_id(thread: int) -> int:
    from ntipc.win32.binding.processes import thread_of

    try:
        return thread_of(handle(thread), "GetThreadId").id
    except error:
        return 0


def _cancel_synchronous(thread: int) -> int:
    """CancelSynchronousIo: end what a thread of this process waits for in a call on a pipe."""
    from ntipc.overlapped import blocking
    from ntipc.win32.binding.processes import thread_of

    try:
        found = thread_of(handle(thread), "CancelSynchronousIo")
    except error:
        return 0
    if found.pid != os.getpid():
        last.code = _NOT_SUPPORTED
        return 0
    code = last.code
    if blocking.cancel(found.id):
        last.code = code
        return 1
    last.code = _NOT_FOUND
    return 0


def _terminate_thread(thread: int, code: int) -> int:
    """TerminateThread: refused, because what a thread holds would never be given back."""
    from ntipc.win32.binding.processes import thread_of

    try:
        thread_of(handle(thread), "TerminateThread")
    except error:
        return 0
    last.code = _NOT_SUPPORTED
    return 0


def _session_of(process_id: int, session: int) -> int:
    """ProcessIdToSessionId: all processes are in the user's session."""
    there(session)
    if not os.path.exists(f"/proc/{unsigned(process_id)}"):
        last.code = _INVALID_PARAMETER
        return 0
    put_dword(session, SESSION_NUMBER)
    return 1


def _read_memory(process: int, address: int, buffer: int, size: int, read: int) -> int:
    from ntipc.win32 import win32process

    try:
        data = win32process.ReadProcessMemory(handle(process), address, size)
    except error:
        put_word(read, 0)
        return 0
    ctypes.memmove(there(buffer), data, len(data))
    put_word(read, len(data))
    return 1


def _write_memory(process: int, address: int, buffer: int, size: int, written: int) -> int:
    from ntipc.win32 import win32process

    try:
        count = win32process.WriteProcessMemory(handle(process), address, data_at(buffer, size))
    except error:
        put_word(written, 0)
        return 0
    put_word(written, count)
    return 1


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_table("""
        OpenProcess          dbd  handle  win32api.OpenProcess
        OpenThread           dbd  handle  win32api.OpenThread
        GetStdHandle         l    file    win32api.GetStdHandle
        TerminateProcess     hd   bool    win32process.TerminateProcess
        GetProcessId         h    number  win32process.GetProcessId
        ResumeThread         h    wait    win32process.ResumeThread
        SuspendThread        h    wait    win32process.SuspendThread
        VirtualAllocEx       hppdd number win32process.VirtualAllocEx
        VirtualFreeEx        hppd bool    win32process.VirtualFreeEx
        GetCurrentProcess    -    number  win32api.GetCurrentProcess
        GetCurrentThread     -    number  win32api.GetCurrentThread
        SetHandleInformation hdd  bool    win32api.SetHandleInformation
        """)
    ),
    "CreateProcessW": _create_process(True),
    "CreateProcessA": _create_process(False),
    "GetExitCodeProcess": _exit_code("GetExitCodeProcess"),
    "GetExitCodeThread": _exit_code("GetExitCodeThread"),
    "GetThreadId": own(_thread_id, 1),
    "CancelSynchronousIo": own(_cancel_synchronous, 1),
    "TerminateThread": own(_terminate_thread, 2),
    "ProcessIdToSessionId": own(_session_of, 2),
    "ReadProcessMemory": own(_read_memory, 5),
    "WriteProcessMemory": own(_write_memory, 5),
    "DuplicateHandle": own(_duplicate, 7),
    "GetHandleInformation": own(_handle_information, 2),
    "SetConsoleCtrlHandler": own(_set_control_handler, 2),
}

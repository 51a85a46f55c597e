"""Priorities of processes, and their memory."""

from __future__ import annotations

import os
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.ntdll.statuses import NTSTATUS, RtlNtStatusToDosError
from ntipc.ntdll.virtual_memory import NtAllocateVirtualMemory, NtFreeVirtualMemory
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.processes import process_of
from ntipc.win32.binding.pyhandle import HandleLike, number_of

_PRIORITIES: Final = {0x40: 19, 0x4000: 10, 0x20: 0, 0x8000: -5, 0x80: -10, 0x100: -20}


def GetPriorityClass(handle: HandleLike, /) -> int:
    """Return the priority of a process: NORMAL_PRIORITY_CLASS and others.

    Source:
        GetPriorityClass (Win32).
    """
    nice = os.getpriority(os.PRIO_PROCESS, process_of(handle, "GetPriorityClass").pid)
    return min(_PRIORITIES, key=lambda known: abs(_PRIORITIES[known] - nice))


def SetPriorityClass(handle: HandleLike, dwPriorityClass: int, /) -> None:
    """Set the priority of a process; a higher one only where Linux allows it.

    Source:
        SetPriorityClass (Win32).
    """
    if dwPriorityClass not in _PRIORITIES:
        raise failure(87, "SetPriorityClass")
    try:
        pid = process_of(handle, "SetPriorityClass").pid
        os.setpriority(os.PRIO_PROCESS, pid, _PRIORITIES[dwPriorityClass])
    except PermissionError:
        pass
    except OSError as problem:
        raise linux_failure(problem, "SetPriorityClass") from None


def ReadProcessMemory(hProcess: HandleLike, address: int, size: int, /) -> bytes:
    """Read memory of a process.

    Source:
        ReadProcessMemory (Win32).
    """
    process = process_of(hProcess, "ReadProcessMemory")
    try:
        return process.read_memory(address, size)
    except NtError as problem:
        raise failed(problem, "ReadProcessMemory") from None


def WriteProcessMemory(hProcess: HandleLike, address: int, data: Any, /) -> int:
    """Write memory of a process; how many bytes.

    Source:
        WriteProcessMemory (Win32).
    """
    process = process_of(hProcess, "WriteProcessMemory")
    try:
        process.write_memory(address, data)
    except NtError as problem:
        raise failed(problem, "WriteProcessMemory") from None
    return memoryview(data).nbytes


def VirtualAllocEx(hProcess: HandleLike, address: int, size: int, allocationType: int, flProtect: int, /) -> int:
    """Allocate memory in this process, or in one that allows it; its address.

    Source:
        VirtualAllocEx (Win32).
    """
    made = NtAllocateVirtualMemory(number_of(hProcess), address, 0, size, allocationType, flProtect)
    _check(made.status, "VirtualAllocEx")
    return made.address


def VirtualFreeEx(hProcess: HandleLike, address: int, size: int, freeType: int, /) -> None:
    """Free memory that was allocated in a process.

    Source:
        VirtualFreeEx (Win32).
    """
    _check(NtFreeVirtualMemory(number_of(hProcess), address, size, freeType), "VirtualFreeEx")


def _check(status: NTSTATUS, call: str) -> None:
    if not status:
        raise failure(RtlNtStatusToDosError(status), call)

"""Processes: NtOpenProcess, NtTerminateProcess, NtQueryInformationProcess.

>>> import os
>>> status, handle = NtOpenProcess(PROCESS_ALL_ACCESS, None, (os.getpid(), 0))
>>> NtQueryInformationProcess(handle).information.UniqueProcessId == os.getpid()
True
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from ntipc.errors import NtError, Status
from ntipc.ntdll.handles import Pseudo, find, insert
from ntipc.ntdll.querying import check_class
from ntipc.ntdll.results import (
    HandleResult,
    Information,
    fail,
    no_handle,
    returns,
    returns_information,
    returns_status,
)
from ntipc.ntdll.rights import GENERIC_ALL, MAXIMUM_ALLOWED
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_INVALID_CID,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_PENDING,
    STATUS_SUCCESS,
)
from ntipc.processes import Process

if TYPE_CHECKING:
    from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES

PROCESS_TERMINATE: Final = 0x1
PROCESS_CREATE_THREAD: Final = 0x2
PROCESS_VM_OPERATION: Final = 0x8
PROCESS_VM_READ: Final = 0x10
PROCESS_VM_WRITE: Final = 0x20
PROCESS_DUP_HANDLE: Final = 0x40
PROCESS_QUERY_INFORMATION: Final = 0x400
PROCESS_ALL_ACCESS: Final = 0x1F_FFFF


class ProcessBasicInformation(NamedTuple):
    """PROCESS_BASIC_INFORMATION: the exit status, STATUS_PENDING (259) while it runs, and the process id."""

    ExitStatus: int
    UniqueProcessId: int


@returns(no_handle)
def NtOpenProcess(
    DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None, ClientId: tuple[int, int]
) -> HandleResult:
    """Open a process by its id.

    Args:
        DesiredAccess: ``PROCESS_`` rights.
        ObjectAttributes: ``OBJ_INHERIT``; a name is not looked at.
        ClientId: Process id, and a thread id that is not looked at.
    """
    wanted = None if DesiredAccess & (MAXIMUM_ALLOWED | GENERIC_ALL) else DesiredAccess & 0x1F_FFFF
    try:
        process = Process.open(ClientId[0], wanted)
    except NtError as problem:
        raise (fail(STATUS_INVALID_CID) if problem.status == Status.INVALID_PARAMETER else problem) from None
    if ObjectAttributes is not None and ObjectAttributes.Attributes & 2:
        process.inheritable = True
    return HandleResult(STATUS_SUCCESS, insert(process))


@returns_status
def NtTerminateProcess(ProcessHandle: int, ExitStatus: int) -> NTSTATUS:
    """End a process: a participant with that exit status, any other one by SIGKILL; the calling one with -1."""
    process = find(ProcessHandle)
    if process is Pseudo.PROCESS:
        os._exit(ExitStatus & 0xFF)
    if not isinstance(process, Process):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    process.terminate(ExitStatus)
    return STATUS_SUCCESS


@returns_information
def NtQueryInformationProcess(
    ProcessHandle: int, ProcessInformationClass: int = 0, ProcessInformationLength: int = 48
) -> Information[ProcessBasicInformation]:
    """Tell how a process has ended, and its id."""
    check_class(ProcessInformationClass, ProcessInformationLength, 48)
    process = find(ProcessHandle)
    if process is Pseudo.PROCESS:
        return Information(STATUS_SUCCESS, ProcessBasicInformation(STATUS_PENDING, os.getpid()))
    if not isinstance(process, Process):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    code = process.exit_code
    ended = process.wait(0)
    status = STATUS_PENDING if not ended else 0 if code is None else code & 0xFFFF_FFFF
    return Information(STATUS_SUCCESS, ProcessBasicInformation(status, process.pid))

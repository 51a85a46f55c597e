"""Questions about files: NtQueryInformationFile, NtSetInformationFile."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from ntipc import Mailslot, MailslotClient
from ntipc.ntdll.files import FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES
from ntipc.ntdll.handles import find
from ntipc.ntdll.pipes import STATES
from ntipc.ntdll.results import Information, fail, returns_information, returns_status
from ntipc.ntdll.rights import SYNCHRONIZE
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_INVALID_INFO_CLASS,
    STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from ntipc.ntdll.times import UNITS, relative
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.pipes.end import PipeEnd

FileStandardInformation: Final = 5
FileAccessInformation: Final = 8
FileNameInformation: Final = 9
FilePipeInformation: Final = 23
FilePipeLocalInformation: Final = 24
FileMailslotQueryInformation: Final = 26
FileMailslotSetInformation: Final = 27
FILE_PIPE_INBOUND: Final = 0
FILE_PIPE_OUTBOUND: Final = 1
FILE_PIPE_FULL_DUPLEX: Final = 2
FILE_PIPE_CLIENT_END: Final = 0
FILE_PIPE_SERVER_END: Final = 1
MAILSLOT_NO_MESSAGE: Final = 0xFFFF_FFFF
FOR_EVER: Final = -(2**63)

_CONFIGURATIONS: Final = {"inbound": FILE_PIPE_INBOUND, "outbound": FILE_PIPE_OUTBOUND, "duplex": FILE_PIPE_FULL_DUPLEX}


class FilePipeModes(NamedTuple):
    """FILE_PIPE_INFORMATION: how an end reads, and whether its operations never wait."""

    ReadMode: int
    CompletionMode: int


class FilePipeLocal(NamedTuple):
    """FILE_PIPE_LOCAL_INFORMATION."""

    NamedPipeType: int
    NamedPipeConfiguration: int
    MaximumInstances: int
    CurrentInstances: int
    InboundQuota: int
    ReadDataAvailable: int
    OutboundQuota: int
    WriteQuotaAvailable: int
    NamedPipeState: int
    NamedPipeEnd: int


class FileAccess(NamedTuple):
    """FILE_ACCESS_INFORMATION: the rights of the handle."""

    AccessFlags: int


class FileName(NamedTuple):
    """FILE_NAME_INFORMATION: the name, from the device on."""

    FileName: str


class FileMailslotQuery(NamedTuple):
    """FILE_MAILSLOT_QUERY_INFORMATION: the next size is 0xFFFFFFFF for no message, the timeout a LARGE_INTEGER."""

    MaximumMessageSize: int
    MailslotQuota: int
    NextMessageSize: int
    MessagesAvailable: int
    ReadTimeout: int


class FileStandard(NamedTuple):
    """FILE_STANDARD_INFORMATION."""

    AllocationSize: int
    EndOfFile: int
    NumberOfLinks: int
    DeletePending: bool
    Directory: bool


@returns_information
def NtQueryInformationFile(
    FileHandle: int, FileInformationClass: int
) -> Information[FilePipeModes | FilePipeLocal | FileMailslotQuery | FileStandard | FileAccess | FileName]:
    """Tell of a file what the class asks.

    Args:
        FileHandle: The file.
        FileInformationClass: ``FilePipeInformation``, ``FilePipeLocalInformation``,
            ``FileMailslotQueryInformation``, ``FileStandardInformation``, ``FileAccessInformation`` or
            ``FileNameInformation``, which pipes and files of the disk have.
    """
    thing = find(FileHandle)
    if FileInformationClass == FilePipeInformation:
        end = _end(thing)
        end.info()  # which refuses what may not be asked
        return Information(STATUS_SUCCESS, FilePipeModes(int(end.message_reads), int(end.nowait)))
    if FileInformationClass == FileAccessInformation:
        return Information(STATUS_SUCCESS, FileAccess(_access(thing)))
    if FileInformationClass == FileNameInformation:
        return Information(STATUS_SUCCESS, FileName(_name(thing)))
    if FileInformationClass == FilePipeLocalInformation:
        return Information(STATUS_SUCCESS, _local(_end(thing)))
    if FileInformationClass == FileMailslotQueryInformation:
        return Information(STATUS_SUCCESS, _mailslot(thing))
    if FileInformationClass == FileStandardInformation:
        return Information(STATUS_SUCCESS, _standard(thing))
    raise fail(STATUS_INVALID_INFO_CLASS)


@returns_status
def NtSetInformationFile(FileHandle: int, FileInformationClass: int, FileInformation: Any) -> NTSTATUS:
    """Change how an end of a pipe reads and waits, or how long a mailslot waits for a message.

    Args:
        FileHandle: The file.
        FileInformationClass: ``FilePipeInformation`` or ``FileMailslotSetInformation``.
        FileInformation: Read mode and completion mode; or a LARGE_INTEGER time, ``None`` for ever.
    """
    thing = find(FileHandle)
    if FileInformationClass == FilePipeInformation:
        reads, completion = FileInformation
        if {reads, completion} - {0, 1}:
            raise fail(STATUS_INVALID_PARAMETER)
        _end(thing).set_state(message_reads=bool(reads), nowait=bool(completion), operation="NtSetInformationFile")
    elif FileInformationClass == FileMailslotSetInformation:
        if not isinstance(thing, Mailslot):
            raise fail(STATUS_OBJECT_TYPE_MISMATCH if not hasattr(thing, "write") else STATUS_INVALID_PARAMETER)
        thing.read_timeout = seconds_of(FileInformation)
    else:
        raise fail(STATUS_INVALID_INFO_CLASS)
    return STATUS_SUCCESS


def seconds_of(timeout: int | None) -> float | None:
    """Return the seconds of a relative time; ``None``, which is what -2**63 is too, for ever.

    Raises:
        NtError: It is a moment.
    """
    if timeout is None or timeout == FOR_EVER:
        return None
    if timeout > 0:
        raise fail(STATUS_INVALID_PARAMETER)
    return -timeout / UNITS


def _end(thing: Any) -> PipeEnd:
    if not isinstance(thing, PipeFile):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    return thing.end


def _name(thing: Any) -> str:
    if isinstance(thing, PipeFile):
        return f"\\{thing.end.name}" if thing.end.name else ""
    if isinstance(thing, DiskFile):
        return os.readlink(f"/proc/self/fd/{thing.fd}").replace("/", "\\")
    raise fail(STATUS_OBJECT_TYPE_MISMATCH)


def _access(thing: Any) -> int:
    """Return the rights that a file's handle has, as the call that opened it mapped them."""
    reads = writes = True
    extra = 0
    if isinstance(thing, PipeFile):
        reads, writes = thing.end.may_read, thing.end.may_write
        if not thing.end.name:  # of CreatePipe, which asks for both
            extra = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES
    elif isinstance(thing, DiskFile):
        reads, writes = thing.may_read, thing.may_write
    elif isinstance(thing, (Mailslot, MailslotClient)):
        reads, writes = isinstance(thing, Mailslot), isinstance(thing, MailslotClient)
    else:
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    rights = (FILE_GENERIC_READ if reads else 0) | (FILE_GENERIC_WRITE if writes else 0)
    return rights | extra or SYNCHRONIZE | FILE_READ_ATTRIBUTES


def _local(end: PipeEnd) -> FilePipeLocal:
    known = end.info()
    inbound, outbound = (known.in_quota, known.out_quota) if known.server else (known.out_quota, known.in_quota)
    most = 0xFFFF_FFFF if known.max_instances is None else known.max_instances
    try:
        available = end.peek(0).available if end.may_read else 0
    except (EOFError, OSError):
        available = 0
    return FilePipeLocal(
        int(end.settings.is_message),
        _CONFIGURATIONS[end.settings.direction],
        most,
        end.instances(),
        inbound,
        available,
        outbound,
        outbound if known.server else inbound,
        STATES[end.state],
        FILE_PIPE_SERVER_END if known.server else FILE_PIPE_CLIENT_END,
    )


def _mailslot(thing: Any) -> FileMailslotQuery:
    if not isinstance(thing, Mailslot):
        raise fail(STATUS_INVALID_PARAMETER if hasattr(thing, "write") else STATUS_OBJECT_TYPE_MISMATCH)
    known = thing.info()
    following, seconds = known["next_size"], known["read_timeout"]
    return FileMailslotQuery(
        known["max_message"] or 0,
        known["quota"],
        MAILSLOT_NO_MESSAGE if following is None else following,
        known["count"],
        FOR_EVER if seconds is None else relative(seconds),
    )


def _standard(thing: Any) -> FileStandard:
    if isinstance(thing, DiskFile):
        return FileStandard(thing.size, thing.size, 1, False, False)
    if isinstance(thing, PipeFile):
        return FileStandard(0, 0, 1, False, False)
    raise fail(STATUS_OBJECT_TYPE_MISMATCH)

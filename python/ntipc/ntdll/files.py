r"""Files: NtCreateFile, NtOpenFile, NtReadFile, NtWriteFile and what all kinds of file have in common.

Pipes are ``\??\pipe\name`` or ``\Device\NamedPipe\name``, mailslots ``\??\mailslot\name``; every other path below
``\??`` is one of Linux, with either kind of slash.

>>> from ntipc.ntdll import OBJECT_ATTRIBUTES
>>> opened = NtOpenFile(GENERIC_READ, OBJECT_ATTRIBUTES(r"\??\/etc/hostname"), FILE_SHARE_READ, 0)
>>> opened.status, opened.information == FILE_OPENED
(STATUS_SUCCESS, True)
"""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from ntipc import Mailslot, MailslotClient
from ntipc.errors import NtError, Timeout
from ntipc.ntdll.apcs import thread_id_of
from ntipc.ntdll.attributes import OBJ_INHERIT, OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find, insert
from ntipc.ntdll.results import fail, returns, returns_status
from ntipc.ntdll.rights import GENERIC_ALL, GENERIC_READ, GENERIC_WRITE, MAXIMUM_ALLOWED
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_ACCESS_DENIED,
    STATUS_DISK_FULL,
    STATUS_END_OF_FILE,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_IO_TIMEOUT,
    STATUS_NOT_FOUND,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_PATH_NOT_FOUND,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
)
from ntipc.ntdll.transfers import (
    FILE_CREATED,
    FILE_OPENED,
    FILE_OVERWRITTEN,
    IO_STATUS_BLOCK,
    Ending,
    FileResult,
    Routine,
    no_file,
    run,
)
from ntipc.objects.devices import locate_mailslot, locate_pipe
from ntipc.overlapped import blocking
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Read, Write
from ntipc.pipes.client_end import ClientEnd
from ntipc.pipes.settings import PipeAccess

if TYPE_CHECKING:
    from typing_extensions import Buffer

FILE_READ_DATA: Final = 0x1
FILE_WRITE_DATA: Final = 0x2
FILE_APPEND_DATA: Final = 0x4
FILE_READ_ATTRIBUTES: Final = 0x80
FILE_WRITE_ATTRIBUTES: Final = 0x100
FILE_GENERIC_READ: Final = 0x12_0089
FILE_GENERIC_WRITE: Final = 0x12_0116
FILE_SHARE_READ: Final = 1
FILE_SHARE_WRITE: Final = 2
FILE_SHARE_DELETE: Final = 4
FILE_SUPERSEDE: Final = 0
FILE_OPEN: Final = 1
FILE_CREATE: Final = 2
FILE_OPEN_IF: Final = 3
FILE_OVERWRITE: Final = 4
FILE_OVERWRITE_IF: Final = 5
FILE_SYNCHRONOUS_IO_ALERT: Final = 0x10
FILE_SYNCHRONOUS_IO_NONALERT: Final = 0x20
FILE_DELETE_ON_CLOSE: Final = 0x1000

_SYNCHRONOUS: Final = FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT
_READS: Final = GENERIC_READ | GENERIC_ALL | MAXIMUM_ALLOWED | FILE_READ_DATA
_WRITES: Final = GENERIC_WRITE | GENERIC_ALL | MAXIMUM_ALLOWED | FILE_WRITE_DATA | FILE_APPEND_DATA
_DEVICES: Final = {
    "pipe": ("\\??\\pipe", "\\dosdevices\\pipe", "\\device\\namedpipe"),
    "mailslot": ("\\??\\mailslot", "\\dosdevices\\mailslot", "\\device\\mailslot"),
}
_STATUSES: Final = {
    errno.ENOENT: STATUS_OBJECT_NAME_NOT_FOUND,
    errno.ENOTDIR: STATUS_OBJECT_PATH_NOT_FOUND,
    errno.EEXIST: STATUS_OBJECT_NAME_COLLISION,
    errno.EACCES: STATUS_ACCESS_DENIED,
    errno.EPERM: STATUS_ACCESS_DENIED,
    errno.EROFS: STATUS_ACCESS_DENIED,
    errno.EISDIR: STATUS_ACCESS_DENIED,
    errno.EBADF: STATUS_ACCESS_DENIED,
    errno.ENOSPC: STATUS_DISK_FULL,
    errno.EINVAL: STATUS_INVALID_PARAMETER,
    errno.ENAMETOOLONG: STATUS_OBJECT_NAME_INVALID,
}


class PipeDevice:
    r"""What ``\Device\NamedPipe`` itself leads to: it can be asked to wait for a pipe."""

    nt_type = "File"

    def __init__(self) -> None:
        self.closed = False
        self.inheritable = False

    def close(self) -> None:
        """Close it."""
        self.closed = True


def NtOpenFile(
    DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None, ShareAccess: int = 0, OpenOptions: int = 0
) -> FileResult:
    """Open a pipe, a mailslot or a file that exists.

    Args:
        DesiredAccess: ``GENERIC_READ``, ``GENERIC_WRITE``, or rights of files.
        ObjectAttributes: Its path.
        ShareAccess: Without effect.
        OpenOptions: ``FILE_SYNCHRONOUS_IO_NONALERT``, or operations on a pipe may go on after their calls.
    """
    return NtCreateFile(DesiredAccess, ObjectAttributes, None, 0, ShareAccess, FILE_OPEN, OpenOptions)


@returns(no_file)
def NtCreateFile(
    DesiredAccess: int,
    ObjectAttributes: OBJECT_ATTRIBUTES | None,
    AllocationSize: int | None,
    FileAttributes: int,
    ShareAccess: int,
    CreateDisposition: int,
    CreateOptions: int,
    EaBuffer: Buffer | None = None,
    EaLength: int = 0,
) -> FileResult:
    """Open a pipe, a mailslot or a file, or make a file.

    Args:
        DesiredAccess: ``GENERIC_READ``, ``GENERIC_WRITE``, or rights of files.
        ObjectAttributes: Its path.
        AllocationSize: Without effect.
        FileAttributes: Without effect.
        ShareAccess: Without effect.
        CreateDisposition: ``FILE_OPEN``, ``FILE_CREATE``, ``FILE_OPEN_IF``, ``FILE_OVERWRITE``, ``FILE_OVERWRITE_IF``.
        CreateOptions: ``FILE_SYNCHRONOUS_IO_NONALERT``, or operations on a pipe may go on after their calls;
            ``FILE_DELETE_ON_CLOSE``.
        EaBuffer: Without effect.
        EaLength: Without effect.
    """
    if ObjectAttributes is None or not FILE_SUPERSEDE <= CreateDisposition <= FILE_OVERWRITE_IF:
        raise fail(STATUS_INVALID_PARAMETER)
    device, rest = device_of(ObjectAttributes)
    thing: Any
    information = FILE_OPENED
    if device == "file":
        thing, information = _disk_file(rest, DesiredAccess, CreateDisposition, CreateOptions)
    elif CreateDisposition not in (FILE_OPEN, FILE_OPEN_IF):
        raise fail(STATUS_OBJECT_NAME_COLLISION)
    elif device == "pipe":
        thing = _pipe(rest, DesiredAccess, CreateOptions) if rest else PipeDevice()
    else:
        thing = _mailslot(rest, DesiredAccess)
    if ObjectAttributes.Attributes & OBJ_INHERIT:
        thing.inheritable = True
    return FileResult(STATUS_SUCCESS, insert(thing), information)


@returns_status
def NtReadFile(
    FileHandle: int,
    Event: int | None,
    ApcRoutine: Routine | None,
    ApcContext: Any,
    IoStatusBlock: IO_STATUS_BLOCK | None,
    Buffer: Buffer,
    ByteOffset: int | None = None,
    Key: int | None = None,
) -> NTSTATUS:
    """Read from a file into memory.

    Args:
        FileHandle: The file.
        Event: An event that is cleared now and set at the end, or 0.
        ApcRoutine: What the calling thread calls at the end, in an alertable wait: with the context and the block.
        ApcContext: Its first argument.
        IoStatusBlock: What tells how it went, and how many bytes were read.
        Buffer: Memory that may be written, as long as the read may be.
        ByteOffset: Where in a file of the disk; ``None`` for where the last operation ended.
        Key: Without effect.

    Returns:
        STATUS_SUCCESS, STATUS_PENDING if it goes on, STATUS_BUFFER_OVERFLOW if a part of the message is left, or an
        error.
    """
    thing, ending = find(FileHandle), Ending.of(Event, ApcRoutine, ApcContext, IoStatusBlock)
    memory = memoryview(Buffer).cast("B")
    if memory.readonly:
        raise TypeError("Buffer must be memory that may be written")
    if isinstance(thing, PipeFile):
        return run(thing, Read(thing.end, memory), ending)
    try:
        if isinstance(thing, DiskFile):
            size = thing.read_into(memory, ByteOffset)
            if not size and len(memory):
                return _failed(STATUS_END_OF_FILE, ending)
        elif isinstance(thing, Mailslot):
            size = thing.read_into(memory)
        else:
            raise fail(STATUS_ACCESS_DENIED if isinstance(thing, MailslotClient) else STATUS_OBJECT_TYPE_MISMATCH)
    except Timeout:
        return _failed(STATUS_IO_TIMEOUT, ending)
    except NtError:
        raise
    except OSError as problem:
        return _failed(status_of_linux(problem), ending)
    return ending.tell(STATUS_SUCCESS, size)


@returns_status
def NtWriteFile(
    FileHandle: int,
    Event: int | None,
    ApcRoutine: Routine | None,
    ApcContext: Any,
    IoStatusBlock: IO_STATUS_BLOCK | None,
    Buffer: Buffer,
    ByteOffset: int | None = None,
    Key: int | None = None,
) -> NTSTATUS:
    """Write to a file: to a pipe of message type or a mailslot one message.

    Args:
        FileHandle: The file.
        Event: An event that is cleared now and set at the end, or 0.
        ApcRoutine: What the calling thread calls at the end, in an alertable wait: with the context and the block.
        ApcContext: Its first argument.
        IoStatusBlock: What tells how it went, and how many bytes were written.
        Buffer: The data.
        ByteOffset: Where in a file of the disk; ``None`` for where the last operation ended.
        Key: Without effect.
    """
    thing, ending = find(FileHandle), Ending.of(Event, ApcRoutine, ApcContext, IoStatusBlock)
    memory = memoryview(Buffer).cast("B")
    if isinstance(thing, PipeFile):
        return run(thing, Write(thing.end, memory), ending)
    try:
        if isinstance(thing, DiskFile):
            size = thing.write(memory, ByteOffset)
        elif isinstance(thing, MailslotClient):
            size = thing.write(memory)
        else:
            raise fail(STATUS_ACCESS_DENIED if isinstance(thing, Mailslot) else STATUS_OBJECT_TYPE_MISMATCH)
    except NtError:
        raise
    except OSError as problem:
        return _failed(status_of_linux(problem), ending)
    return ending.tell(STATUS_SUCCESS, size)


@returns_status
def NtFlushBuffersFile(FileHandle: int, IoStatusBlock: IO_STATUS_BLOCK | None = None) -> NTSTATUS:
    """Wait until the other side of a pipe has read all, or write a file to the disk."""
    thing, ending = find(FileHandle), Ending(IoStatusBlock, None, None)
    try:
        if isinstance(thing, PipeFile):
            thing.end.flush(None, operation="NtFlushBuffersFile")
        elif isinstance(thing, DiskFile):
            thing.flush()
        elif not isinstance(thing, (Mailslot, MailslotClient)):
            raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    except NtError:
        raise
    except OSError as problem:
        return _failed(status_of_linux(problem), ending)
    return ending.tell(STATUS_SUCCESS, 0)


@returns_status
def NtCancelIoFile(FileHandle: int, IoStatusBlock: IO_STATUS_BLOCK | None = None) -> NTSTATUS:
    """Cancel what the calling thread has begun on a file and what goes on. No data is lost."""
    thing, thread = find(FileHandle), threading.get_ident()
    if not isinstance(thing, (PipeFile, DiskFile, Mailslot, MailslotClient)):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    if isinstance(thing, PipeFile):
        thing.cancel(lambda operation: operation.thread == thread)
    return Ending(IoStatusBlock, None, None).tell(STATUS_SUCCESS, 0)


@returns_status
def NtCancelSynchronousIoFile(
    ThreadHandle: int,
    IoRequestToCancel: IO_STATUS_BLOCK | None = None,
    IoStatusBlock: IO_STATUS_BLOCK | None = None,
) -> NTSTATUS:
    """End what another thread of this process waits for in a call on a pipe, which returns STATUS_CANCELLED.

    Args:
        ThreadHandle: The thread.
        IoRequestToCancel: The block that the call was given; ``None`` for whichever call it is.
        IoStatusBlock: What tells how this went.

    Returns:
        STATUS_NOT_FOUND if the thread does not wait for that.
    """
    found = blocking.cancel(thread_id_of(ThreadHandle), IoRequestToCancel)
    return Ending(IoStatusBlock, None, None).tell(STATUS_SUCCESS if found else STATUS_NOT_FOUND, 0)


def device_of(attributes: OBJECT_ATTRIBUTES | None) -> tuple[str, str]:
    """Split a path into ``"pipe"``, ``"mailslot"`` or ``"file"`` and what comes then.

    Raises:
        NtError: It is no path of a file.
    """
    if attributes is None:
        raise fail(STATUS_INVALID_PARAMETER)
    path = attributes.text()
    if attributes.RootDirectory:
        if not isinstance(find(attributes.RootDirectory), PipeDevice):
            raise fail(STATUS_OBJECT_TYPE_MISMATCH)
        path = f"\\Device\\NamedPipe\\{path}"
    if not path.startswith("\\"):
        raise fail(STATUS_OBJECT_PATH_SYNTAX_BAD)
    lower = path.lower()
    for device, prefixes in _DEVICES.items():
        for prefix in prefixes:
            if lower in (prefix, f"{prefix}\\"):
                return device, ""
            if lower.startswith(f"{prefix}\\"):
                return device, path[len(prefix) + 1 :]
    for prefix in "\\??\\", "\\DosDevices\\":
        if path.startswith(prefix) and len(path) > len(prefix):
            rest = path[len(prefix) :].replace("\\", "/")
            return "file", rest[2:] if rest[1:2] == ":" else rest
    raise fail(STATUS_OBJECT_PATH_NOT_FOUND)


def synchronous(options: int) -> bool:
    """Say whether the options are those of a file whose operations are done when their calls return."""
    return bool(options & _SYNCHRONOUS)


def alertable(options: int) -> bool:
    """Say whether the options have alerts and queued calls end what a thread waits for."""
    return bool(options & FILE_SYNCHRONOUS_IO_ALERT)


def status_of_linux(problem: OSError) -> NTSTATUS:
    """Return the status that stands for an error of Linux."""
    return _STATUSES.get(problem.errno or 0, STATUS_UNSUCCESSFUL)


def _failed(status: NTSTATUS, ending: Ending) -> NTSTATUS:
    return ending.refuse(status)


def _pipe(name: str, access: int, options: int) -> PipeFile:
    location = locate_pipe(f"\\??\\pipe\\{name}")
    wanted = PipeAccess(0)
    if access & _READS:
        wanted |= PipeAccess.READ
    if access & _WRITES:
        wanted |= PipeAccess.WRITE
    end = ClientEnd.open(location, location.attachment()._native, wanted, 0, operation="NtOpenFile")
    end.may_change = bool(access & (_WRITES | FILE_WRITE_ATTRIBUTES))
    file = PipeFile(end, overlapped=not synchronous(options))
    file.alertable = alertable(options)
    return file


def _mailslot(name: str, access: int) -> MailslotClient:
    if not name:
        raise fail(STATUS_INVALID_DEVICE_REQUEST)
    if access & _READS and not access & _WRITES:
        raise fail(STATUS_ACCESS_DENIED)
    return MailslotClient(f"\\??\\mailslot\\{locate_mailslot(f'{_MAILSLOT}{name}').name}")


_MAILSLOT: Final = "\\??\\mailslot\\"


def _disk_file(path: str, access: int, disposition: int, options: int) -> tuple[DiskFile, int]:
    reads, writes = bool(access & _READS), bool(access & _WRITES)
    mode = os.O_RDWR if reads and writes else os.O_WRONLY if writes else os.O_RDONLY
    existed = os.path.exists(path)
    mode |= {FILE_CREATE: os.O_CREAT | os.O_EXCL, FILE_OPEN_IF: os.O_CREAT}.get(disposition, 0)
    if disposition in (FILE_SUPERSEDE, FILE_OVERWRITE_IF):
        mode |= os.O_CREAT | os.O_TRUNC
    elif disposition == FILE_OVERWRITE:
        mode |= os.O_TRUNC
    try:
        fd = os.open(path, mode | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK, 0o666)
    except (OSError, ValueError) as problem:
        raise fail(
            status_of_linux(problem) if isinstance(problem, OSError) else STATUS_OBJECT_NAME_INVALID
        ) from problem
    doomed = os.path.abspath(path) if options & FILE_DELETE_ON_CLOSE else None
    file = DiskFile(fd, overlapped=not synchronous(options), path=doomed)
    if not existed:
        return file, FILE_CREATED
    cut = disposition in (FILE_SUPERSEDE, FILE_OVERWRITE, FILE_OVERWRITE_IF)
    return file, FILE_OVERWRITTEN if cut else FILE_OPENED

"""``CreateFile``: pipes, mailslots and files by their paths."""

from __future__ import annotations

import fcntl
import os
from operator import index
from typing import Any, Final

from ntipc.errors import NtError, Status, from_status
from ntipc.mailslots import MailslotClient
from ntipc.objects.devices import locate_pipe
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.pipes.client_end import ClientEnd
from ntipc.pipes.settings import PipeAccess
from ntipc.win32.binding.arguments import DWORD, text
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.paths import classify, linux_path
from ntipc.win32.binding.pyhandle import PyHANDLE, new_handle
from ntipc.win32.binding.security import SecurityAttributes, inherits

_GENERIC_READ, _GENERIC_WRITE, _GENERIC_ALL = 0x8000_0000, 0x4000_0000, 0x1000_0000
_READ_DATA, _WRITE_DATA, _APPEND_DATA = 1, 2, 4
_WRITE_ATTRIBUTES = 0x100
_READS: Final = _GENERIC_READ | _GENERIC_ALL | _READ_DATA
_WRITES: Final = _GENERIC_WRITE | _GENERIC_ALL | _WRITE_DATA | _APPEND_DATA
_OVERLAPPED, _BACKUP_SEMANTICS, _DELETE_ON_CLOSE, _WRITE_THROUGH = 0x4000_0000, 0x0200_0000, 0x0400_0000, 0x8000_0000
_CREATE_NEW, _CREATE_ALWAYS, _OPEN_EXISTING, _OPEN_ALWAYS, _TRUNCATE_EXISTING = 1, 2, 3, 4, 5
_DISPOSITIONS: Final = {
    _CREATE_NEW: os.O_CREAT | os.O_EXCL,
    _CREATE_ALWAYS: os.O_CREAT | os.O_TRUNC,
    _OPEN_EXISTING: 0,
    _OPEN_ALWAYS: os.O_CREAT,
    _TRUNCATE_EXISTING: os.O_TRUNC,
}
_CONSOLE: Final = {"conin$": os.O_RDONLY, "conout$": os.O_WRONLY, "con": os.O_RDWR}


def CreateFile(
    fileName: str,
    desiredAccess: int,
    shareMode: int,
    attributes: SecurityAttributes | None,
    CreationDisposition: int,
    flagsAndAttributes: int,
    hTemplateFile: object = None,
    /,
) -> PyHANDLE:
    r"""Open a pipe, a mailslot to write to, or a file.

    Args:
        fileName: ``\\.\pipe\name``, ``\\.\mailslot\name``, or the path of a file.
        desiredAccess: GENERIC_READ, GENERIC_WRITE, or rights one by one; 0 to connect to a pipe and do nothing there.
        shareMode: What others may do with a file meanwhile: 0 for nothing.
        attributes: Whether the handle is inherited.
        CreationDisposition: CREATE_NEW, CREATE_ALWAYS, OPEN_EXISTING, OPEN_ALWAYS, TRUNCATE_EXISTING.
        flagsAndAttributes: FILE_FLAG_OVERLAPPED, FILE_FLAG_DELETE_ON_CLOSE and others.
        hTemplateFile: Without effect.

    Source:
        CreateFile (Win32).
    """
    return opened_file(
        "CreateFile", fileName, desiredAccess, shareMode, attributes, CreationDisposition, flagsAndAttributes
    )


def CreateFileW(
    FileName: str,
    DesiredAccess: int,
    ShareMode: int,
    SecurityAttributes: SecurityAttributes | None,
    CreationDisposition: int,
    FlagsAndAttributes: int,
    TemplateFile: object = None,
    Transaction: object = None,
    MiniVersion: object = None,
    ExtendedParameter: object = None,
) -> PyHANDLE:
    """Open a pipe, a mailslot or a file, as :func:`CreateFile` does, with keywords.

    Source:
        CreateFileW (Win32).
    """
    return opened_file(
        "CreateFileW", FileName, DesiredAccess, ShareMode, SecurityAttributes, CreationDisposition, FlagsAndAttributes
    )


def opened_file(
    call: str,
    name: str,
    access: int,
    share: int,
    attributes: SecurityAttributes | None,
    disposition: int,
    flags: int,
) -> PyHANDLE:
    """Open what a path means; the handle.

    Raises:
        error: It cannot be opened.
    """
    name = text(name)
    access, flags = index(access) & DWORD, index(flags) & DWORD
    share, disposition = index(share) & DWORD, index(disposition)
    last.code = 0
    kind, path = classify(name)
    thing: Any
    try:
        if kind == "pipe":
            thing = _pipe(call, path, access, flags)
        elif kind == "mailslot":
            thing = _mailslot(call, path, access)
        elif kind == "device":
            thing = _device(call, path.lower(), access)
        else:
            thing = _file(call, linux_path(path), access, share, disposition, flags)
    except NtError as problem:
        raise failed(problem, call) from None
    except OSError as problem:
        raise linux_failure(problem, call) from None
    if attributes is not None and inherits(attributes):
        thing.inheritable = True
    return new_handle(thing)


def _pipe(call: str, path: str, access: int, flags: int) -> PipeFile:
    location = locate_pipe(path)
    wanted = PipeAccess(0)
    if access & _READS:
        wanted |= PipeAccess.READ
    if access & _WRITES:
        wanted |= PipeAccess.WRITE
    end = ClientEnd.open(location, location.attachment()._native, wanted, 0, operation=call)
    end.may_change = bool(access & (_GENERIC_WRITE | _GENERIC_ALL | _WRITE_ATTRIBUTES))
    return PipeFile(end, overlapped=bool(flags & _OVERLAPPED))


def _mailslot(call: str, path: str, access: int) -> MailslotClient:
    if access & _READS and not access & _WRITES:
        raise from_status(Status.ACCESS_DENIED, call, "", "a client of a mailslot can only write")
    return MailslotClient(path)


def _device(call: str, path: str, access: int) -> DiskFile:
    if path in _CONSOLE:
        return DiskFile(os.open("/dev/tty", _CONSOLE[path] | os.O_CLOEXEC))
    if path in ("nul", "\\\\.\\nul"):
        return DiskFile(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    raise failure(2, call)


def _file(call: str, path: str, access: int, share: int, disposition: int, flags: int) -> DiskFile:
    if disposition not in _DISPOSITIONS:
        raise failure(87, call)
    if not path:
        raise failure(3, call)
    existed = os.path.exists(path)
    fd = os.open(path, _mode(path, access, disposition, flags), 0o666)
    try:
        if os.path.isdir(path) and not flags & _BACKUP_SEMANTICS:
            raise failure(5, call)
        _share(fd, call, share)
    except BaseException:
        os.close(fd)
        raise
    if existed and disposition in (_CREATE_ALWAYS, _OPEN_ALWAYS):
        last.code = 183
    doomed = os.path.abspath(path) if flags & _DELETE_ON_CLOSE else None
    return DiskFile(fd, overlapped=bool(flags & _OVERLAPPED), path=doomed)


def _mode(path: str, access: int, disposition: int, flags: int) -> int:
    reads, writes = bool(access & _READS), bool(access & _WRITES)
    mode = os.O_RDWR if reads and writes else os.O_WRONLY if writes else os.O_RDONLY
    if access & _WRITES == _APPEND_DATA:
        mode |= os.O_APPEND
    if flags & _WRITE_THROUGH:
        mode |= os.O_SYNC
    if os.path.isdir(path):
        mode = os.O_RDONLY
        disposition = _OPEN_EXISTING
    elif not writes and disposition in (_CREATE_ALWAYS, _TRUNCATE_EXISTING):
        mode = os.O_RDWR  # a file is cut by somebody who may write, whatever the handle is for
    return mode | _DISPOSITIONS[disposition] | os.O_CLOEXEC | os.O_NOCTTY


def _share(fd: int, call: str, share: int) -> None:
    """Keep others from opening the file if nothing is shared, and be kept by others."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if share else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise failure(32, call) from None
    except OSError:
        pass  # a file system without locks

"""Calls on ordinary files: position, size, locks, names, descriptors of Linux."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from operator import index
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.win32.binding.arguments import DWORD, text
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.overlapped import OVERLAPPED, overlapped_or_none
from ntipc.win32.binding.paths import classify, linux_path
from ntipc.win32.binding.pyhandle import HandleLike, number_of
from ntipc.win32.binding.transfers import object_or_failure

_FAIL_IMMEDIATELY, _EXCLUSIVE = 1, 2
_READONLY, _HIDDEN, _DIRECTORY, _ARCHIVE, _NORMAL = 1, 2, 0x10, 0x20, 0x80
_LOCK_VIOLATION, _NOT_LOCKED = 33, 158
_NO_FILE: Final = -1

_by_descriptor: dict[int, int] = {}
"""The handles that were given for descriptors, by descriptor."""


@contextmanager
def _told_as(call: str) -> Iterator[None]:
    """Have what Linux says told as a failure of a call of Windows."""
    try:
        yield
    except OSError as problem:
        if isinstance(problem, NtError):
            raise failed(problem, call) from None
        raise linux_failure(problem, call) from None


def _disk_file(handle: HandleLike, call: str) -> DiskFile:
    thing = object_or_failure(handle, call)
    if not isinstance(thing, DiskFile):
        raise failure(6, call)
    return thing


def SetFilePointer(handle: HandleLike, offset: int, moveMethod: int, /) -> int:
    """Move the position of a file; where it is then. Of a pipe nothing moves.

    Source:
        SetFilePointer (Win32).
    """
    distance, how = index(offset), index(moveMethod)
    thing = object_or_failure(handle, "SetFilePointer")
    if isinstance(thing, PipeFile):
        return 0
    file = _disk_file(handle, "SetFilePointer")
    if how not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
        raise failure(87, "SetFilePointer")
    with _told_as("SetFilePointer"):
        if file.type != 1:
            return 0
        try:
            return file.seek(distance, how)
        except OSError as problem:
            raise failure(131 if problem.errno == 22 else 132, "SetFilePointer") from None


def GetFileType(hFile: HandleLike, /) -> int:
    """Say whether a handle leads to a file (1), a terminal or device (2), or a pipe (3).

    Source:
        GetFileType (Win32).
    """
    thing = object_or_failure(hFile, "GetFileType")
    if isinstance(thing, PipeFile):
        return 3
    with _told_as("GetFileType"):
        return thing.type if isinstance(thing, DiskFile) else 0


def GetFileSize(hFile: HandleLike, /) -> int:
    """Return how many bytes a file has.

    Source:
        GetFileSize (Win32).
    """
    with _told_as("GetFileSize"):
        return _disk_file(hFile, "GetFileSize").size


def SetEndOfFile(hFile: HandleLike, /) -> None:
    """End a file at its position.

    Source:
        SetEndOfFile (Win32).
    """
    with _told_as("SetEndOfFile"):
        _disk_file(hFile, "SetEndOfFile").truncate()


def FlushFileBuffers(hFile: HandleLike, /) -> None:
    """Wait until a client has read all that a server has written to a pipe, or a file is on the disk.

    Source:
        FlushFileBuffers (Win32).
    """
    thing = object_or_failure(hFile, "FlushFileBuffers")
    with _told_as("FlushFileBuffers"):
        if isinstance(thing, PipeFile):
            thing.end.flush(None, operation="FlushFileBuffers")
        else:
            _disk_file(hFile, "FlushFileBuffers").flush()


def LockFileEx(hFile: HandleLike, dwFlags: int, nbytesLow: int, nbytesHigh: int, overlapped: OVERLAPPED, /) -> None:
    """Lock a part of a file, which begins where the overlapped says.

    Args:
        hFile: The file.
        dwFlags: LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY.
        nbytesLow: Length, the lower 32 bits.
        nbytesHigh: The upper 32 bits.
        overlapped: The offset.

    Raises:
        error: Another handle has locked some of it (33).

    Source:
        LockFileEx (Win32).

    Differs:
        Locks bind those who lock, and not those who only read and write.
    """
    where = overlapped_or_none(overlapped) or OVERLAPPED()
    size = index(nbytesLow) & DWORD | (index(nbytesHigh) & DWORD) << 32
    _lock(hFile, "LockFileEx", where.offset, size, bool(dwFlags & _EXCLUSIVE), not dwFlags & _FAIL_IMMEDIATELY)


def UnlockFileEx(hFile: HandleLike, nbytesLow: int, nbytesHigh: int, overlapped: OVERLAPPED, /) -> None:
    """Unlock a part of a file that was locked.

    Source:
        UnlockFileEx (Win32).
    """
    where = overlapped_or_none(overlapped) or OVERLAPPED()
    size = index(nbytesLow) & DWORD | (index(nbytesHigh) & DWORD) << 32
    with _told_as("UnlockFileEx"):
        _disk_file(hFile, "UnlockFileEx").unlock(where.offset, size)


def LockFile(hFile: HandleLike, offsetLow: int, offsetHigh: int, nBytesLow: int, nBytesHigh: int, /) -> None:
    """Lock a part of a file for this handle alone, or fail at once (33).

    Source:
        LockFile (Win32).
    """
    offset, size = _joined(offsetLow, offsetHigh), _joined(nBytesLow, nBytesHigh)
    _lock(hFile, "LockFile", offset, size, True, False)


def UnlockFile(hFile: HandleLike, offsetLow: int, offsetHigh: int, nBytesLow: int, nBytesHigh: int, /) -> None:
    """Unlock a part of a file that was locked.

    Source:
        UnlockFile (Win32).
    """
    with _told_as("UnlockFile"):
        _disk_file(hFile, "UnlockFile").unlock(_joined(offsetLow, offsetHigh), _joined(nBytesLow, nBytesHigh))


def _joined(low: int, high: int) -> int:
    return index(low) & DWORD | (index(high) & DWORD) << 32


def _lock(handle: HandleLike, call: str, offset: int, size: int, exclusive: bool, wait: bool) -> None:
    file = _disk_file(handle, call)
    with _told_as(call):
        try:
            file.lock(offset, size, exclusive=exclusive, wait=wait)
        except (BlockingIOError, PermissionError):
            raise failure(_LOCK_VIOLATION, call) from None


def _get_osfhandle(fd: int, /) -> int:
    """Return a handle for a descriptor of Linux: the same each time, and closing it leaves the descriptor open.

    Raises:
        OSError: There is no such descriptor.
    """
    fd = index(fd)
    os.fstat(fd)
    number = _by_descriptor.get(fd)
    known = table.things.get(number) if number is not None else None
    if isinstance(known, DiskFile) and known.fd == fd:
        return number or 0
    number = _by_descriptor[fd] = table.insert(DiskFile(fd, owned=False))
    return number


def _open_osfhandle(osfhandle: HandleLike, flags: int, /) -> int:
    """Return a descriptor of Linux for the handle of a file or a pipe, which belongs to the descriptor from then on.

    What a pipe has goes to the descriptor by way of a thread, and so does what is written there to the pipe.

    Raises:
        error: It is none, or the handle of something else.
    """
    thing = object_or_failure(osfhandle, "_open_osfhandle")
    if isinstance(thing, PipeFile):
        from ntipc.win32.binding.streams import descriptor_of

        return descriptor_of(thing, number_of(osfhandle))
    fd = os.dup(_disk_file(osfhandle, "_open_osfhandle").fd)
    table.close(number_of(osfhandle))
    return fd


def GetFileAttributes(fileName: str, /) -> int:
    """Return the attributes of a file; -1 if there is none, which the last error says.

    Source:
        GetFileAttributes (Win32).
    """
    path = linux_path(text(fileName))
    if classify(fileName)[0] == "pipe":
        last.code = 231
        return _NO_FILE
    try:
        mode = os.stat(path).st_mode
    except OSError as problem:
        linux_failure(problem, "GetFileAttributes")
        return _NO_FILE
    attributes = _DIRECTORY if stat.S_ISDIR(mode) else _ARCHIVE
    attributes |= _READONLY if not mode & 0o222 else 0
    return attributes | (_HIDDEN if os.path.basename(path).startswith(".") else 0)


def SetFileAttributes(filename: str, attributes: int, /) -> None:
    """Make a file read-only, or no longer; the other attributes are not kept.

    Source:
        SetFileAttributes (Win32).
    """
    path = linux_path(text(filename))
    with _told_as("SetFileAttributes"):
        mode = os.stat(path).st_mode
        os.chmod(path, mode & ~0o222 if attributes & _READONLY else mode | 0o200)


def DeleteFile(fileName: str, /) -> None:
    """Remove a file.

    Source:
        DeleteFile (Win32).
    """
    with _told_as("DeleteFile"):
        os.unlink(linux_path(text(fileName)))


def CopyFile(existing: str, new: str, bFailIfExists: int, /) -> None:
    """Copy a file.

    Source:
        CopyFile (Win32).
    """
    source, target = linux_path(text(existing)), linux_path(text(new))
    if bFailIfExists and os.path.lexists(target):
        raise failure(80, "CopyFile")
    with _told_as("CopyFile"):
        shutil.copy2(source, target)


def MoveFile(existing: str, new: str, /) -> None:
    """Give a file another name, which must be free.

    Source:
        MoveFile (Win32).
    """
    source, target = linux_path(text(existing)), linux_path(text(new))
    if os.path.lexists(target):
        raise failure(183, "MoveFile")
    with _told_as("MoveFile"):
        shutil.move(source, target)


def MoveFileEx(existing: str, new: str, flags: int, /) -> None:
    """Give a file another name; MOVEFILE_REPLACE_EXISTING allows one that is taken.

    Source:
        MoveFileEx (Win32).
    """
    source, target = linux_path(text(existing)), linux_path(text(new))
    if not flags & 1 and os.path.lexists(target):
        raise failure(183, "MoveFileEx")
    with _told_as("MoveFileEx"):
        os.replace(source, target)


def CreateDirectory(name: str, sa: Any = None, /) -> None:
    """Make a directory.

    Source:
        CreateDirectory (Win32).
    """
    with _told_as("CreateDirectory"):
        try:
            os.mkdir(linux_path(text(name)))
        except FileExistsError:
            raise failure(183, "CreateDirectory") from None


def RemoveDirectory(lpPathName: str, /) -> None:
    """Remove an empty directory.

    Source:
        RemoveDirectory (Win32).
    """
    with _told_as("RemoveDirectory"):
        os.rmdir(linux_path(text(lpPathName)))

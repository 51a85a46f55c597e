"""Files behind sections: which file is meant, whether it may be used, and how large it has to be."""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, Any, NamedTuple

from ntipc.errors import NtError, Status, from_status

FileArgument = str | bytes | os.PathLike[str] | os.PathLike[bytes] | int | IO[Any]
"""A path, a file descriptor, or an open binary file."""


class Backing(NamedTuple):
    """A file that a section can be made of."""

    path: str
    device: int
    inode: int
    size: int


def prepare(file: FileArgument, size: int | None, access: str, subject: str) -> Backing:
    """Check a file, and make it as large as the section if the section may write.

    Args:
        file: A path, a file descriptor, or an open binary file, whose buffer is flushed.
        size: Size of the section in bytes; ``None`` or 0 for that of the file.
        access: ``"r"``, ``"rw"`` or ``"copy"``.
        subject: The section, for the message of an error.

    Returns:
        Where the file is, what it is, and the size of the section.

    Raises:
        ObjectNotFound: There is no such file.
        AccessDenied: The file may not be read, or for ``"rw"`` not be written.
        FileInvalid: It is no ordinary file, is empty and no size is given, or its name is gone.
        OutOfResources: The section would be larger than a file that must not be written, or the disk is full.

    Source:
        CreateFileMapping (Win32).
    """
    writable = access == "rw"
    if isinstance(file, (str, bytes, os.PathLike)):
        descriptor = _open(file, writable, subject)
        try:
            return _measure(descriptor, os.path.realpath(os.fsdecode(file)), size, writable, subject)
        finally:
            os.close(descriptor)
    descriptor = _descriptor(file)
    _check_mode(descriptor, writable, subject)
    return _measure(descriptor, os.readlink(f"/proc/self/fd/{descriptor}"), size, writable, subject)


def _open(file: str | bytes | os.PathLike[str] | os.PathLike[bytes], writable: bool, subject: str) -> int:
    try:
        return os.open(file, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as problem:
        raise _translated(problem, subject) from problem


def _descriptor(file: int | IO[Any]) -> int:
    if isinstance(file, bool):
        raise TypeError("file must be a path, a file descriptor or an open file, not bool")
    if isinstance(file, int):
        return file
    if not hasattr(file, "fileno"):
        raise TypeError(f"file must be a path, a file descriptor or an open file, not {type(file).__name__}")
    if file.writable():
        file.flush()
    return file.fileno()


def _check_mode(descriptor: int, writable: bool, subject: str) -> None:
    import fcntl

    try:
        mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError as problem:
        raise _translated(problem, subject) from problem
    if mode == os.O_WRONLY or (writable and mode != os.O_RDWR):
        detail = f"the file is open for {'writing' if mode == os.O_WRONLY else 'reading'} only"
        raise from_status(Status.ACCESS_DENIED, "Section", subject, detail)


def _measure(descriptor: int, path: str, size: int | None, writable: bool, subject: str) -> Backing:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise from_status(Status.FILE_INVALID, "Section", subject, f"{path} is not an ordinary file")
    _check_place(path, found, subject)
    if not size:
        if found.st_size == 0:
            raise from_status(Status.MAPPED_FILE_SIZE_ZERO, "Section", subject, f"{path} has 0 bytes")
        size = found.st_size
    elif size > found.st_size:
        if not writable:
            detail = f"{path} has {found.st_size:,} bytes, and only a section with access 'rw' can make it larger"
            raise from_status(Status.SECTION_TOO_BIG, "Section", subject, detail)
        _extend(descriptor, path, found.st_size, size, subject)
    return Backing(path, found.st_dev, found.st_ino, size)


def _check_place(path: str, found: os.stat_result, subject: str) -> None:
    """Make sure that other processes can open the same file by its path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        detail = f"the path {path!r} is not valid UTF-8"
        raise from_status(Status.FILE_INVALID, "Section", subject, detail) from None
    try:
        there = os.stat(path)
    except (OSError, ValueError):
        there = None
    if there is None or (there.st_dev, there.st_ino) != (found.st_dev, found.st_ino):
        raise from_status(Status.FILE_INVALID, "Section", subject, f"the file has no name any more: {path}")


def _extend(descriptor: int, path: str, old_size: int, size: int, subject: str) -> None:
    """Take the space now, so that a full disk is an error here and no crash on a later write."""
    try:
        os.posix_fallocate(descriptor, old_size, size - old_size)
    except (OSError, OverflowError) as problem:
        if os.fstat(descriptor).st_size > old_size:
            os.ftruncate(descriptor, old_size)
        if isinstance(problem, OverflowError):
            detail = f"{size:,} bytes"
            raise from_status(Status.SECTION_TOO_BIG, "Section", subject, detail) from None
        raise _translated(problem, subject, path) from problem


_STATUS = {
    errno.ENOENT: Status.OBJECT_NAME_NOT_FOUND,
    errno.ENOTDIR: Status.OBJECT_NAME_NOT_FOUND,
    errno.EACCES: Status.ACCESS_DENIED,
    errno.EPERM: Status.ACCESS_DENIED,
    errno.EROFS: Status.ACCESS_DENIED,
    errno.EISDIR: Status.FILE_INVALID,
    errno.ENXIO: Status.FILE_INVALID,
    errno.EBADF: Status.INVALID_HANDLE,
    errno.ENOSPC: Status.DISK_FULL,
    errno.EDQUOT: Status.DISK_FULL,
    errno.EFBIG: Status.SECTION_TOO_BIG,
}


def _translated(problem: OSError, subject: str, path: str = "") -> NtError:
    status = _STATUS.get(problem.errno or 0, Status.INSUFFICIENT_RESOURCES)
    where = path or (str(problem.filename) if problem.filename is not None else "")
    detail = f"{problem.strerror}: {where}" if where else str(problem.strerror)
    return from_status(
        status, "Section", subject, detail, advice="Check the path and the mode of the file, and the disk"
    )

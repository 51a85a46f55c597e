"""What a handle of an ordinary file, a directory, a terminal or any other descriptor leads to."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import stat
import struct
import termios
import threading
from collections.abc import Callable
from typing import Any, Final

from ntipc.overlapped.files import FileObject
from ntipc.overlapped.operations import Operation

_FLOCK: Final = struct.Struct("hhqqi4x")
_WHOLE_FILE: Final = 2**63 - 1
_COPY: Final = 65_536
"""How many bytes of a pipe of Linux are shown at most: as many as another has room for."""
FILE_TYPE_DISK, FILE_TYPE_CHAR, FILE_TYPE_PIPE = 1, 2, 3


class DiskFile(FileObject):
    """A descriptor of Linux behind a handle.

    Args:
        fd: The descriptor.
        overlapped: Whether its operations may go on after the call that begins them, though all are done at once.
        owned: Whether closing the handle closes the descriptor.
        path: The file, if it is to be removed when it is closed.

    Attributes:
        line: Of a directory that is watched, the operations that go on.
    """

    _kind = "file"

    def __init__(self, fd: int, *, overlapped: bool = False, owned: bool = True, path: str | None = None) -> None:
        super().__init__(overlapped=overlapped)
        self.fd = fd
        self._owned = owned
        self._path = path
        self._moving = threading.Lock()
        self.line: Any = None

    @property
    def may_read(self) -> bool:
        """Whether the descriptor was opened for reading."""
        return fcntl.fcntl(self.fd, fcntl.F_GETFL) & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR)

    @property
    def may_write(self) -> bool:
        """Whether the descriptor was opened for writing."""
        return fcntl.fcntl(self.fd, fcntl.F_GETFL) & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)

    @property
    def type(self) -> int:
        """FILE_TYPE_DISK, FILE_TYPE_CHAR or FILE_TYPE_PIPE."""
        mode = os.fstat(self.fd).st_mode
        if stat.S_ISCHR(mode):
            return FILE_TYPE_CHAR
        return FILE_TYPE_PIPE if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else FILE_TYPE_DISK

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return os.fstat(self.fd).st_size

    def read_into(self, buffer: memoryview, offset: int | None = None) -> int:
        """Read from the position, or from an offset; how many bytes."""
        return os.readv(self.fd, [buffer]) if offset is None else os.preadv(self.fd, [buffer], offset)

    def write(self, data: memoryview, offset: int | None = None) -> int:
        """Write all of it at the position, or at an offset; how many bytes."""
        done = 0
        while done < len(data):
            rest = data[done:]
            done += os.write(self.fd, rest) if offset is None else os.pwrite(self.fd, rest, offset + done)
        return done

    def waiting(self) -> int:
        """Return how many bytes a pipe or a socket has to be read.

        Raises:
            BrokenPipeError: It has none, and nobody can write to it any more.
        """
        count = fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4))
        number = int.from_bytes(count, "little")
        if not number:
            poll = select.poll()
            poll.register(self.fd, select.POLLIN)
            if any(events & select.POLLHUP for _, events in poll.poll(0)):
                raise BrokenPipeError(errno.EPIPE, "nobody can write to it any more")
        return number

    def peek(self, size: int) -> bytes:
        """Return what a pipe or a socket has to be read, and leave it there.

        Args:
            size: How many bytes at most.
        """
        size = min(size, self.waiting())
        if not size:
            return b""
        if stat.S_ISSOCK(os.fstat(self.fd).st_mode):
            with socket.socket(fileno=os.dup(self.fd)) as connection:
                return connection.recv(size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        import ctypes

        here, there = os.pipe()
        try:
            copied = ctypes.CDLL(None, use_errno=True).tee(self.fd, there, min(size, _COPY), 0)
            if copied < 0:
                raise OSError(number := ctypes.get_errno(), os.strerror(number))
            return os.read(here, copied) if copied else b""
        finally:
            os.close(here)
            os.close(there)

    def seek(self, distance: int, how: int) -> int:
        """Move the position; where it is then."""
        return os.lseek(self.fd, distance, how)

    def truncate(self) -> None:
        """End the file at the position."""
        with self._moving:
            os.ftruncate(self.fd, os.lseek(self.fd, 0, os.SEEK_CUR))

    def flush(self) -> None:
        """Have it written to the disk."""
        if self.type == FILE_TYPE_DISK:
            os.fsync(self.fd)

    def lock(self, offset: int, size: int, *, exclusive: bool, wait: bool) -> None:
        """Lock a part of the file for this handle and its duplicates.

        Raises:
            OSError: Another handle has locked some of it.
        """
        kind = fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK
        fcntl.fcntl(self.fd, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, self._range(kind, offset, size))

    def unlock(self, offset: int, size: int) -> None:
        """Unlock what was locked."""
        fcntl.fcntl(self.fd, fcntl.F_OFD_SETLK, self._range(fcntl.F_UNLCK, offset, size))

    def start(self, operation: Operation) -> bool:
        """Begin an operation that may go on, of a directory; whether it is done at once."""
        assert self.line is not None
        operation.file = self
        self.begun()
        return bool(self.line.begin(operation))

    def cancel(self, which: Callable[[Operation], bool] = lambda operation: True) -> int:
        """Cancel operations that go on; how many."""
        return self.line.cancel(which) if self.line is not None else 0

    def _close(self) -> None:
        self.cancel()
        if self.line is not None:
            self.line.close()
        if self._owned:
            fd, self.fd = self.fd, -1
            os.close(fd)
        if self._path is not None:
            try:
                os.unlink(self._path)
            except FileNotFoundError:
                pass

    @staticmethod
    def _range(kind: int, offset: int, size: int) -> bytes:
        offset = min(offset, _WHOLE_FILE)
        length = 0 if offset + size >= _WHOLE_FILE else size  # 0: to the end, wherever that is
        return _FLOCK.pack(kind, os.SEEK_SET, offset, length, 0)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no operation goes on, which is at once for what is no directory."""
        return True if self.fd >= 0 and self.line is None else super().wait(timeout)

    def __repr__(self) -> str:
        return f"<DiskFile fd={self.fd}>"


__all__: list[Any] = ["FILE_TYPE_CHAR", "FILE_TYPE_DISK", "FILE_TYPE_PIPE", "DiskFile"]

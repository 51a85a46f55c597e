"""Named shared memory and files in memory, as pywin32's ``mmapfile`` has them.

>>> from ntipc.win32 import mmapfile
>>> board = mmapfile.mmapfile("", "board", 4096)
>>> board.write(b"hello")
>>> other = mmapfile.mmapfile(None, "board", 1)
>>> other.read(5), other.size()
(b'hello', 4096)
"""

from __future__ import annotations

import mmap as _pages
import os
from operator import index
from typing import TYPE_CHECKING, Final

from ntipc.errors import InvalidViewSize, NtError
from ntipc.sections import Section, View
from ntipc.win32.binding.arguments import optional_text
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.paths import linux_path

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FILE_INVALID: Final = 1006


class mmapfile:  # noqa: N801, RUF100 - pywin32's name
    """Mapped memory with a position, to read from and to write to.

    Args:
        File: The path of a file, which is made if there is none; ``None`` or an empty text for memory without a file.
        Name: The name by which others find it; ``None`` for none.
        MaximumSize: Bytes; 0 for the size of the file. Without effect if the name exists.
        FileOffset: Where the view begins, a multiple of 65,536.
        NumberOfBytesToMap: Length of the view; 0 for all from there on.

    Raises:
        error: A call of Windows fails: CreateFile, CreateFileMapping, MapViewOfFile.
        ValueError: The file is empty, and no size is given.

    Source:
        Pymmapfile objects (pywin32).
    """

    def __init__(
        self,
        File: str | None,
        Name: str | None,
        MaximumSize: int = 0,
        FileOffset: int = 0,
        NumberOfBytesToMap: int = 0,
    ) -> None:
        path, self._name = optional_text(File), optional_text(Name)
        self._path = linux_path(path) if path else None
        size, self._offset, self._wanted = index(MaximumSize), index(FileOffset), index(NumberOfBytesToMap)
        self._fd = -1
        self._view: View | None = None
        self._section: Section | None = None
        self._memory = memoryview(b"")
        self._position = 0
        try:
            if self._path is not None:
                size = self._open_file(self._path, size)
            self._make(size)
        except BaseException:
            self.close()
            raise

    def _open_file(self, path: str, size: int) -> int:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as problem:
            raise linux_failure(problem, "CreateFile") from None
        size = size or os.fstat(self._fd).st_size
        if not size:
            raise ValueError("Specified file is empty, and no mapping size given")
        return size

    def _make(self, size: int) -> None:
        last.code = 0
        try:
            file = None if self._fd < 0 else self._fd
            self._section = Section(self._name, _whole_pages(size) if file is None else size, file=file)
        except NtError as problem:
            raise failed(problem, "CreateFileMapping") from None
        last.code = 0 if self._section.created else 183
        try:
            try:
                self._view = self._section.map(self._offset, self._wanted or None)
            except InvalidViewSize:
                # Windows maps up to the end of the last page.
                rest = self._section.size - self._offset
                if not 0 < rest <= self._wanted <= _whole_pages(rest):
                    raise
                self._view = self._section.map(self._offset, rest)
        except NtError as problem:
            raise failed(problem, "MapViewOfFile") from None
        self._memory = memoryview(self._view)

    def _open(self) -> memoryview:
        if self._view is None:
            raise ValueError("mmapfile closed or invalid")
        return self._memory

    def close(self) -> None:
        """Give the memory up. May be repeated."""
        self._memory.release()
        if self._view is not None:
            self._view.unmap()
            self._view = None
        if self._section is not None:
            self._section.close()
            self._section = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def size(self) -> int:
        """Return how many bytes are mapped."""
        return len(self._open())

    def tell(self) -> int:
        """Return the position."""
        self._open()
        return self._position

    def seek(self, dist: int, how: int = 0) -> None:
        """Move the position: from the beginning (0), from where it is (1), from the end (2).

        Raises:
            ValueError: It would be outside.
        """
        size = len(self._open())
        bases = {0: 0, 1: self._position, 2: size}
        if how not in bases:
            raise ValueError("unknown seek type")
        where = bases[how] + index(dist)
        if not 0 <= where <= size:
            raise ValueError("seek out of range")
        self._position = where

    def read(self, num_bytes: int) -> bytes:
        """Read bytes, at the end fewer."""
        memory, begin = self._open(), self._position
        data = bytes(memory[begin : begin + max(index(num_bytes), 0)])
        self._position = begin + len(data)
        return data

    def read_byte(self) -> bytes:
        """Read one byte.

        Raises:
            ValueError: The position is at the end.
        """
        memory = self._open()
        if self._position >= len(memory):
            raise ValueError("read byte out of range")
        return self.read(1)

    def readline(self) -> bytes:
        """Read up to and with the next line feed, or to the end."""
        memory, begin = self._open(), self._position
        end = bytes(memory[begin:]).find(b"\n")
        return self.read(len(memory) - begin if end < 0 else end + 1)

    def write(self, data: Buffer) -> None:
        """Write bytes.

        Raises:
            ValueError: There is not that much room.
            TypeError: It is no ``bytes``.
        """
        memory, begin = self._open(), self._position
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'")
        source = memoryview(data).cast("B")
        if len(source) > len(memory) - begin:
            raise ValueError("data out of range")
        memory[begin : begin + len(source)] = source
        self._position = begin + len(source)

    def write_byte(self, char: Buffer) -> None:
        """Write one byte.

        Raises:
            ValueError: The position is at the end.
            TypeError: It is not one byte.
        """
        memory = self._open()
        byte = bytes(char) if isinstance(char, (bytes, bytearray)) else b""
        if len(byte) != 1:
            raise TypeError("a bytes object of length 1 is required")
        if self._position >= len(memory):
            raise ValueError("write_byte past end of buffer")
        self.write(byte)

    def find(self, needle: Buffer, start: int | None = None) -> int:
        """Look for bytes from the position or from ``start`` on; how far from there they are, or -1."""
        memory = self._open()
        begin = self._position if start is None else index(start)
        if not 0 <= begin <= len(memory):
            return -1
        return bytes(memory[begin:]).find(bytes(needle))

    def move(self, dest: int, src: int, count: int) -> None:
        """Copy bytes within the memory.

        Raises:
            ValueError: Some of it is outside.
        """
        memory, target, source, size = self._open(), index(dest), index(src), index(count)
        if min(target, source, size) < 0 or max(target, source) + size > len(memory):
            raise ValueError("source or destination out of range")
        memory[target : target + size] = bytes(memory[source : source + size])

    def flush(self, offset: int = 0, size: int = 0) -> int:
        """Have it written to the file.

        Raises:
            ValueError: Some of it is outside.
        """
        memory, begin, length = self._open(), index(offset), index(size)
        if begin < 0 or length < 0 or begin + length > len(memory):
            raise ValueError("flush values out of range")
        assert self._view is not None
        try:
            self._view.flush(begin - begin % _pages.PAGESIZE, length + begin % _pages.PAGESIZE or None)
        except NtError as problem:
            raise failed(problem, "FlushViewOfFile") from None
        return 1

    def resize(self, MaximumSize: int, FileOffset: int = 0, NumberOfBytesToMap: int = 0) -> None:
        """Map it again in another size. Others must not have it mapped by the name.

        Raises:
            error: Others have it, or there is no space.
        """
        self._open()
        size, self._offset, self._wanted = index(MaximumSize), index(FileOffset), index(NumberOfBytesToMap)
        content = b"" if self._fd >= 0 else bytes(self._memory[:size])
        fd, self._fd = self._fd, -1
        self.close()
        self._fd = fd
        if fd >= 0:
            try:
                os.ftruncate(fd, size)
            except OSError as problem:
                raise linux_failure(problem, "CreateFileMapping") from None
        self._make(size)
        if self._section is not None and not self._section.created:
            self.close()
            raise failure(_FILE_INVALID if fd >= 0 else 183, "CreateFileMapping")
        self._memory[: len(content)] = content
        self._position = min(self._position, len(self._memory))


def _whole_pages(size: int) -> int:
    return size if size <= 0 else -(-size // _pages.PAGESIZE) * _pages.PAGESIZE

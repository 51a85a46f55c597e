r"""``mmap`` as Windows has it: a ``tagname`` names a section, which all processes of the session share.

The map itself is the interpreter's `mmap.mmap`, over the file that holds the section's bytes: a real buffer, to be
sliced, searched, given to ``from_buffer`` and derived from.

    >>> with mmap(-1, 100, "tag of an example") as one, mmap(0, 100, r"Local\tag of an example") as other:
    ...     one[:5] = b"hello"
    ...     other[:5], len(other)
    (b'hello', 100)
"""

from __future__ import annotations

import mmap as _mmap
import os
from mmap import ACCESS_COPY as ACCESS_COPY
from mmap import ACCESS_DEFAULT as ACCESS_DEFAULT
from mmap import ACCESS_READ as ACCESS_READ
from mmap import ACCESS_WRITE as ACCESS_WRITE
from mmap import PAGESIZE as PAGESIZE
from typing import Any, Final

from ntipc.errors import NtError, ObjectNotFound
from ntipc.sections import Section
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.texts import text_of
from ntipc.win32.standard.os_errors import os_error

ALLOCATIONGRANULARITY: Final = 65536
error = OSError

_PAGE_FILE: Final = (-1, 0)
"""File numbers that mean memory without a file: 0 as well, on Windows."""
_ACCESSES: Final = (ACCESS_DEFAULT, ACCESS_READ, ACCESS_WRITE, ACCESS_COPY)
_ALREADY_EXISTS: Final = 183


class mmap(_mmap.mmap):
    """A map of a file, or of memory that all who use the same tag share.

    Args:
        fileno: A file descriptor; -1 or 0 for memory.
        length: Size in bytes; 0 for that of the file, or of the section that exists.
        tagname: The name of the section, or ``None`` for memory of this process alone.
        access: ``ACCESS_READ``, ``ACCESS_WRITE``, ``ACCESS_COPY``, or ``ACCESS_DEFAULT`` to read and write.
        offset: Where the map begins; a multiple of ``ALLOCATIONGRANULARITY``.

    Raises:
        OSError: The section cannot be made or opened; ``winerror`` tells why.
        ValueError: A number is out of range.
        TypeError: The tag is no ``str``.

    Source:
        CreateFileMapping, MapViewOfFile (Win32).
    """

    _section: Section | None = None

    def __new__(
        cls,
        fileno: int,
        length: int,
        tagname: str | None = None,
        access: int = ACCESS_DEFAULT,
        offset: int = 0,
        *rest: Any,
        **named: Any,
    ) -> mmap:
        """Map it."""
        if tagname is not None and not isinstance(tagname, str):
            raise TypeError(f"mmap() argument 3 must be str or None, not {type(tagname).__name__}")
        if length < 0:
            raise OverflowError("memory mapped length must be positive")
        if offset < 0:
            raise OverflowError("memory mapped offset must be positive")
        if access not in _ACCESSES:
            raise ValueError("mmap invalid access parameter.")
        if offset % ALLOCATIONGRANULARITY:
            raise _windows_error(1132)
        if not tagname:
            if fileno in _PAGE_FILE:
                return super().__new__(cls, -1, length, access=access)
            return super().__new__(cls, fileno, length, access=access, offset=offset)
        section = _section(fileno, length and offset + length, tagname, access)
        descriptor = section._open_descriptor(access not in (ACCESS_READ, ACCESS_COPY))
        try:
            made = super().__new__(cls, descriptor, length or section.size - offset, access=access, offset=offset)
        finally:
            os.close(descriptor)
        made._section = section
        return made

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take any arguments: `__new__` has used them."""
        super().__init__()

    def close(self) -> None:
        """Unmap the memory, and close the section: the last that closes it takes its content away."""
        super().close()
        if self._section is not None:
            self._section.close()

    def __exit__(self, *error: object) -> None:
        self.close()

    def size(self) -> int:
        """Return how many bytes the file has, or the map of memory."""
        return len(self) if self._section is not None else super().size()

    def flush(self, offset: int = 0, size: int | None = None) -> None:
        """Write a file's changed pages to it. Of memory there is nothing to write."""
        if self._section is not None:
            if not 0 <= offset <= len(self) or (size is not None and not 0 <= size <= len(self) - offset):
                raise ValueError("flush values out of range")
            return None
        return (
            super().flush()
            if size is None and not offset
            else super().flush(offset, len(self) - offset if size is None else size)
        )

    def resize(self, newsize: int) -> None:
        """Change the size of the map and of its file. A section keeps the size that it was made with."""
        if self._section is not None:
            raise _windows_error(1224 if newsize < len(self) else 87)
        super().resize(newsize)


def _section(fileno: int, size: int, tag: str, access: int) -> Section:
    protection = "r" if access == ACCESS_READ and fileno not in _PAGE_FILE else "rw"
    try:
        if size == 0 and fileno in _PAGE_FILE:
            section = Section.open(tag)
        elif fileno in _PAGE_FILE:
            section = Section(tag, size)
        else:
            section = Section(tag, size or os.fstat(fileno).st_size, file=fileno, access=protection)
    except ObjectNotFound:
        raise _windows_error(87) from None  # as for memory without a size
    except NtError as problem:
        raise _windows_error(problem.winerror) from None
    last.code = 0 if section.created else _ALREADY_EXISTS
    if size > section.size:
        section.close()
        raise _windows_error(5)
    return section


def _windows_error(code: int) -> OSError:
    last.code = code
    return os_error(None, text_of(code).rstrip("."), None, code)

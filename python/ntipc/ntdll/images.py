"""PE images: what SEC_IMAGE makes of an executable file.

An image is laid out in memory as its headers say: each of its sections at its address, zero beyond what the file has.
The layout lies behind it, in a page of its own, so that a process that opens the section by name knows what it is.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import (
    STATUS_INVALID_FILE_FOR_SECTION,
    STATUS_INVALID_IMAGE_FORMAT,
    STATUS_INVALID_IMAGE_NOT_MZ,
)

PAGE: Final = 4096
_MAGIC: Final = b"ntipc image 1\0\0\0"
_COUNTS: Final = struct.Struct("<16sQQQII HHHHHHI I")
_PART: Final = struct.Struct("<8sIII")
_MOST_PARTS: Final = 96
_LARGEST_IMAGE: Final = 1 << 31

IMAGE_SCN_CNT_CODE: Final = 0x20
IMAGE_SCN_MEM_EXECUTE: Final = 0x2000_0000
IMAGE_SCN_MEM_READ: Final = 0x4000_0000
IMAGE_SCN_MEM_WRITE: Final = 0x8000_0000


class Part(NamedTuple):
    """A section of an image: its name, where it begins and how long it is in memory, what may be done with it."""

    name: bytes
    address: int
    size: int
    characteristics: int


class Image(NamedTuple):
    """What the headers of an image say."""

    base: int
    size: int
    entry: int
    stack: int
    stack_committed: int
    file_size: int
    machine: int
    characteristics: int
    subsystem: int
    subsystem_major: int
    subsystem_minor: int
    dll_characteristics: int
    checksum: int
    parts: tuple[Part, ...]

    def pack(self) -> bytes:
        """Return the page that lies behind the image."""
        head = _COUNTS.pack(
            _MAGIC, self.base, self.stack, self.stack_committed, self.size, self.entry, self.machine,
            self.characteristics, self.subsystem, self.subsystem_major, self.subsystem_minor, self.dll_characteristics,
            self.checksum, self.file_size,
        )  # fmt: skip
        parts = b"".join(_PART.pack(*part) for part in self.parts)
        return head + struct.pack("<I", len(self.parts)) + parts

    @classmethod
    def unpack(cls, page: bytes) -> Image | None:
        """Read that page; ``None`` if it is no such page."""
        if not page.startswith(_MAGIC) or len(page) < PAGE:
            return None
        _, base, stack, committed, size, entry, machine, marks, subsystem, major, minor, dll, checksum, file_size = (
            _COUNTS.unpack_from(page)
        )
        (count,) = struct.unpack_from("<I", page, _COUNTS.size)
        if count > _MOST_PARTS:
            return None
        first = _COUNTS.size + 4
        parts = tuple(Part(*_PART.unpack_from(page, first + place * _PART.size)) for place in range(count))
        if any(part.address % PAGE or part.address + part.size > size for part in parts):
            return None
        return cls(
            base,
            size,
            entry,
            stack,
            committed,
            file_size,
            machine,
            marks,
            subsystem,
            major,
            minor,
            dll,
            checksum,
            parts,
        )


def parse(file: bytes) -> tuple[Image, list[tuple[int, bytes]]]:
    """Read the headers of an executable file.

    Returns:
        What they say, and pieces of the file with their addresses in the image.

    Raises:
        NtError: It is no image; the status says what is wrong.
    """
    if len(file) < 64:
        raise fail(STATUS_INVALID_FILE_FOR_SECTION if not file.startswith(b"MZ") else STATUS_INVALID_IMAGE_FORMAT)
    if not file.startswith(b"MZ"):
        raise fail(STATUS_INVALID_IMAGE_NOT_MZ)
    try:
        return _parsed(file)
    except struct.error:  # a header goes beyond the file
        raise fail(STATUS_INVALID_IMAGE_FORMAT) from None


def _parsed(file: bytes) -> tuple[Image, list[tuple[int, bytes]]]:
    (header,) = struct.unpack_from("<I", file, 0x3C)
    signature, machine, count, optional_size, marks = struct.unpack_from("<4sHH12xHH", file, header)
    optional = header + 24
    (magic,) = struct.unpack_from("<H", file, optional)
    if signature != b"PE\0\0" or magic not in (0x10B, 0x20B) or not 0 < count <= _MOST_PARTS:
        raise fail(STATUS_INVALID_IMAGE_FORMAT)
    wide = magic == 0x20B
    (entry,) = struct.unpack_from("<I", file, optional + 16)
    base, alignment = struct.unpack_from("<QI" if wide else "<II", file, optional + (24 if wide else 28))
    major, minor, size, headers, checksum, subsystem, dll = struct.unpack_from("<HH4xIIIHH", file, optional + 48)
    stack, committed = struct.unpack_from("<QQ" if wide else "<II", file, optional + 72)
    if alignment % PAGE or not 0 < headers <= size <= _LARGEST_IMAGE:
        raise fail(STATUS_INVALID_IMAGE_FORMAT)
    size = -(-size // PAGE) * PAGE
    parts, pieces = [], [(0, file[:headers])]
    for place in range(count):
        fields = struct.unpack_from("<8sIIII12xI", file, optional + optional_size + 40 * place)
        name, in_memory, address, in_file, where, flags = fields
        length = -(-(in_memory or in_file) // PAGE) * PAGE
        if address % PAGE or address < headers or address + length > size or (in_file and where + in_file > len(file)):
            raise fail(STATUS_INVALID_IMAGE_FORMAT)
        parts.append(Part(name, address, length, flags))
        pieces.append((address, file[where : where + min(in_file, length)]))
    image = Image(
        base, size, entry, stack, committed, len(file) & 0xFFFF_FFFF, machine, marks, subsystem, major, minor, dll,
        checksum, tuple(parts),
    )  # fmt: skip
    return image, pieces

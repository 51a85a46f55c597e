"""The input in one section: a table of contents, the files' names, the files' bytes.

Written once by the coordinator before any worker starts, read-only afterwards, so nobody needs a lock for it::

    word 0        number of files
    word 1        where the names begin
    word 2 ...    four words a file: offset and length of its bytes, offset and length of its name
    names         UTF-8
    bytes         one file behind the other
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import ntipc
from ntipc.demo.identifiers import BadInput

WORD = 8
HEADER_WORDS = 2
WORDS_PER_FILE = 4


@dataclass(frozen=True)
class Plan:
    """The files that go into the section, and the room they need."""

    files: tuple[Path, ...]
    names: tuple[bytes, ...]
    lengths: tuple[int, ...]

    @property
    def names_offset(self) -> int:
        return WORD * (HEADER_WORDS + WORDS_PER_FILE * len(self.files))

    @property
    def bytes_offset(self) -> int:
        return self.names_offset + sum(map(len, self.names))

    @property
    def size(self) -> int:
        return self.bytes_offset + sum(self.lengths)


def plan(root: Path, files: list[Path]) -> Plan:
    """Measure the files."""
    try:
        lengths = tuple(path.stat().st_size for path in files)
    except OSError as error:
        raise BadInput(f"cannot read {error.filename}: {error.strerror}") from error
    names = tuple(os.fsencode(path.relative_to(root)) for path in files)
    return Plan(tuple(files), names, lengths)


def fill(section: ntipc.Section, contents: Plan) -> None:
    """Read every file into the section. A file that has grown since it was measured is read as far as measured."""
    with section.map() as view, memoryview(view) as memory, memory[: contents.names_offset].cast("Q") as words:
        words[0], words[1] = len(contents.files), contents.names_offset
        name_at, bytes_at = contents.names_offset, contents.bytes_offset
        files = zip(contents.files, contents.names, contents.lengths, strict=True)
        for number, (path, name, length) in enumerate(files):
            memory[name_at : name_at + len(name)] = name
            with memory[bytes_at : bytes_at + length] as room:
                taken = _read_into(path, room)
            for place, value in enumerate((bytes_at, taken, name_at, len(name))):
                words[HEADER_WORDS + WORDS_PER_FILE * number + place] = value
            name_at += len(name)
            bytes_at += length


def _read_into(path: Path, room: memoryview) -> int:
    try:
        with path.open("rb", buffering=0) as file:
            taken = 0
            while taken < len(room) and (step := file.readinto(room[taken:])):
                taken += step
            return taken
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}: make it readable or leave it out") from error


class Corpus:
    """The filled section as its readers see it."""

    def __init__(self, section: ntipc.Section) -> None:
        self._view = section.map(access="r")
        self._memory = memoryview(self._view)
        with self._memory[: WORD * HEADER_WORDS].cast("Q") as header:
            self._files, names_offset = header
        self._words = self._memory[:names_offset].cast("Q")

    def __len__(self) -> int:
        return self._files

    def text(self, number: int) -> memoryview:
        """The bytes of one file, not copied."""
        offset, length = self._entry(number, 0)
        return self._memory[offset : offset + length]

    def texts(self) -> Iterator[memoryview]:
        """The bytes of all files, one after another."""
        for number in range(len(self)):
            with self.text(number) as text:
                yield text

    def name(self, number: int) -> str:
        """The path of one file below the input directory."""
        offset, length = self._entry(number, 2)
        return os.fsdecode(bytes(self._memory[offset : offset + length]))

    @property
    def total_bytes(self) -> int:
        return sum(self._entry(number, 0)[1] for number in range(len(self)))

    def _entry(self, number: int, place: int) -> tuple[int, int]:
        first = HEADER_WORDS + WORDS_PER_FILE * number + place
        return self._words[first], self._words[first + 1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._words.release()
        self._memory.release()
        self._view.__exit__(kind, value, trace)

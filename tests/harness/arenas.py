"""Reading and writing the memory of a session through its file, as a hostile process would."""

import os
from pathlib import Path

from ntipc import _kernel

FIELDS = _kernel.fields()
"""(first byte, bytes from one entry to the next, entries, bytes of the field) of each ``table.field``."""


class Arena:
    """The arena file of a session."""

    def __init__(self, session_path: str | Path) -> None:
        self.path = Path(session_path) / "arena"

    def place(self, field: str, index: int) -> tuple[int, int]:
        first, stride, entries, width = FIELDS[field]
        assert 0 <= index < entries, (field, index)
        return first + index * stride, width

    def get(self, field: str, index: int = 0) -> int:
        at, width = self.place(field, index)
        with self.path.open("rb") as file:
            return int.from_bytes(os.pread(file.fileno(), width, at), "little")

    def put(self, field: str, index: int, value: int) -> None:
        at, width = self.place(field, index)
        self.scribble(at, (value % (1 << 8 * width)).to_bytes(width, "little"))

    def scribble(self, at: int, data: bytes) -> None:
        with self.path.open("r+b") as file:
            os.pwrite(file.fileno(), data, at)

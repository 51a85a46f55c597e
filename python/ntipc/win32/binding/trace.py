"""What programs print for a reader in another process: one section for all of the machine, a mutex and two events.

The section begins with the number of bytes that wait to be read, in 32 bits; the bytes follow. A writer puts at most
64 KiB at once. If there is no room, it gives the reader a moment, and then throws away what waits.
"""

from __future__ import annotations

import struct
from typing import Final

from ntipc.errors import NtError
from ntipc.sections import Section, View
from ntipc.sync import Event, Mutex
from ntipc.win32.binding.failures import error, failed

SIZE: Final = 0x2_0000
_LENGTH: Final = struct.Struct("<I")
ROOM: Final = SIZE - _LENGTH.size
PART: Final = ROOM // 2
_MOMENT: Final = 0.1
_NAMES: Final = {kind: rf"Global\PythonTraceOutput{kind}" for kind in ("Mapping", "Mutex", "Event", "EmptyEvent")}


class Channel:
    """A process's end of the trace: it may read, write, or both."""

    def __init__(self) -> None:
        self.may_read = self.may_write = False
        self._section: Section | None = None
        self._view: View | None = None

    def open(self, *, read: bool = False, write: bool = False) -> None:
        """Set it up for reading or writing.

        Raises:
            error: It is already, or the objects cannot be had.
        """
        if (read and self.may_read) or (write and self.may_write):
            raise error(0, None, "DoOpenMap, already open")
        if self._view is None:
            try:
                self.mutex = Mutex(_NAMES["Mutex"])
                self.event, self.empty = Event(_NAMES["Event"]), Event(_NAMES["EmptyEvent"])
                self._section = Section(_NAMES["Mapping"], SIZE)
                self._view = self._section.map()
            except NtError as problem:
                raise failed(problem, "CreateFileMapping") from None
        self.may_read, self.may_write = self.may_read or read, self.may_write or write

    def close(self, *, read: bool = False, write: bool = False) -> None:
        """Give up reading or writing, and with both the objects.

        Raises:
            error: It was not set up for that.
        """
        if read:
            self._check(True)
            self.may_read = False
        if write:
            self._check(False)
            self.may_write = False
        if not (self.may_read or self.may_write) and self._view is not None and self._section is not None:
            self._view.unmap()
            self._section.close()
            for thing in (self.mutex, self.event, self.empty):
                thing.close()
            self._view = None

    def _check(self, reading: bool) -> View:
        if self._view is None or not (self.may_read if reading else self.may_write):
            what = "reading" if reading else "writing"
            raise error(0, None, f"The module has not been setup for {what}")
        return self._view

    def read(self) -> str:
        """Take what waits; an empty text if nothing does."""
        view = self._check(True)
        with self.mutex, memoryview(view) as memory:
            length = min(_LENGTH.unpack_from(memory)[0], ROOM)  # others write it: not to be believed
            text = bytes(memory[_LENGTH.size : _LENGTH.size + length]).decode("latin-1")
            _LENGTH.pack_into(memory, 0, 0)
        if text:
            self.empty.set()
        return text

    def read_in(self, seconds: float | None) -> str:
        """Wait for something, and take it; an empty text if nothing comes in time."""
        self._check(True)
        text = self.read()
        while not text and self.event.wait(seconds):
            text = self.read()
            if seconds is not None:
                break
        return text

    def write(self, text: str) -> None:
        """Write a text, in parts if it is long."""
        self._check(False)
        data = text.encode("latin-1", "replace")
        for begin in range(0, len(data), PART):
            self._put(data[begin : begin + PART])

    def _put(self, part: bytes) -> None:
        view = self._check(False)
        if not self._fits(view, part):
            self.empty.wait(_MOMENT)
        with self.mutex, memoryview(view) as memory:
            length = min(_LENGTH.unpack_from(memory)[0], ROOM)
            if length + len(part) > ROOM:
                length = 0
            begin = _LENGTH.size + length
            memory[begin : begin + len(part)] = part
            _LENGTH.pack_into(memory, 0, length + len(part))
        self.event.set()

    def _fits(self, view: View, part: bytes) -> bool:
        with self.mutex, memoryview(view) as memory:
            return int(_LENGTH.unpack_from(memory)[0]) + len(part) <= ROOM

"""The table of windows and of the threads that have queues, one for the session, in shared memory.

State: a section with a header, and sections of 256 slots each, made as they are needed. A slot is a window or a
thread's queue. A mutex guards every change.

Invariant: a slot whose first word is not 0 is complete. The first word is the slot's number: 16 bits count upwards over
all slots of the table, 16 bits are the place. So a number comes again only after 65,535 other numbers were given out.

Steps of adding: A1 the mutex; A2 a free place; A3 all fields but the word; A4 the word. Of removing: R1 the mutex;
R2 the word is 0. Of a text: T1 the mutex; T2 its length is 0; T3 text and place of a long text; T4 its length.

Crash: a process that dies before A4 leaves a free slot, before T4 a window without a title. The mutex is handed on as
abandoned, and there is nothing to repair. Slots of the dead stay until somebody who meets them sees that their queue
has gone: see :mod:`ntipc.window_messages.desktop`.

Readers take no mutex for the fixed fields: they read the word, the fields, and the word again. Nothing that is read
here is trusted: places and lengths are cut to what there is.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import NamedTuple

from ntipc import _kernel
from ntipc.errors import ObjectNotFound, Status, from_status
from ntipc.errors.abandonment import repaired_by_the_library
from ntipc.sections.section import Section
from ntipc.sync.mutexes import Mutex

PREFIX = "window messages\\"
"""What the kernel's names of everything here begin with."""

SLOT_SIZE = 256
SLOTS_OF_A_SEGMENT = 256
MOST_SEGMENTS = 255
LARGEST_PLACE = MOST_SEGMENTS * SLOTS_OF_A_SEGMENT

THREAD, MESSAGE_ONLY, LONG_TEXT = 1, 2, 4
"""Flags of a slot."""

_SUBJECT = "table of windows"
_HEADER = struct.Struct("<QQII")  # numbers given out, windows made, segments, place to look at next
_FIXED = struct.Struct(
    "<QQQIIQQII"
)  # word, serial, namespace, thread, process, order, owner, flags, version of the text
WORD = struct.Struct("<Q")
LOOK = struct.Struct("<d")
_LENGTHS = struct.Struct("<HH")
_LONG_LENGTHS = struct.Struct("<II")
_LOOKED_AT, _LENGTHS_AT, _TEXT_AT = 64, 72, 76
ROOM_FOR_TEXT = SLOT_SIZE - _TEXT_AT


class Slot(NamedTuple):
    """The fixed fields of a slot.

    Attributes:
        number: Of a window its ``hwnd``.
        serial: Serial number of the kernel's queue of its thread.
        namespace: Pid namespace in which the ids count.
        thread_id: Linux's id of the thread.
        pid: Its process id.
        order: Windows that were made later have a larger one.
        owner: The number of the thread's own slot.
        flags: :data:`THREAD`, :data:`MESSAGE_ONLY`, :data:`LONG_TEXT`.
        version: Which long text is the present one.
    """

    number: int
    serial: int
    namespace: int
    thread_id: int
    pid: int
    order: int
    owner: int
    flags: int
    version: int


class WindowTable:
    """This process's view of the table of one session."""

    def __init__(self, native: _kernel.Session) -> None:
        self._native = native
        self.mutex = Mutex.__new__(Mutex)
        self.mutex._bind(native, PREFIX + "table", _kernel.OPEN_OR_CREATE, 0, False)
        self.mutex._describe(_SUBJECT)
        repaired_by_the_library.add(_SUBJECT)
        self._sections: list[Section] = []
        self._segments: dict[int, memoryview] = {}
        self._header = self._map("header", 4096)
        with self.mutex:
            if not WORD.unpack_from(self._header)[0]:
                first = int.from_bytes(os.urandom(4), "little") | 1
                _HEADER.pack_into(self._header, 0, first, 1, 0, 0)

    def close(self) -> None:
        """Give up what this process has of it."""
        self._segments.clear()
        for section in self._sections:
            section.close()
        self.mutex.close()

    def place_of(self, number: int) -> tuple[memoryview, int]:
        """Return where the first word of a slot lies: it is the slot's number as long as that is somebody's."""
        return self._segment((number & 0xFFFF) >> 8), (number & 0xFF) * SLOT_SIZE

    def read(self, number: int) -> Slot | None:
        """Read the fixed fields of a slot; ``None`` if it is nobody's now."""
        place = number & 0xFFFF
        if not 0xFFFF < number <= 0xFFFF_FFFF or place >= self._places():
            return None
        segment = self._segment(place >> 8)
        at = (place & 0xFF) * SLOT_SIZE
        slot = Slot(*_FIXED.unpack_from(segment, at))
        if slot.number != number or WORD.unpack_from(segment, at)[0] != number:
            return None
        return slot

    def add(self, make: Callable[[int], tuple[int, int, int, int, int]], flags: int, name: str, title: str) -> int:
        """Add a slot, and return its number. Only with the mutex.

        Args:
            make: Is called with the number; returns serial, namespace, thread, process and the owner's number.
            flags: :data:`THREAD`, :data:`MESSAGE_ONLY`.
            name: Of a window the name of its class.
            title: Its title.

        Raises:
            OutOfResources: There are 65,280 windows and threads; or the session is full.
        """
        place = self._free_place()  # A2
        given, order, segments, _ = _HEADER.unpack_from(self._header)
        number: int = (given % 0xFFFF + 1) << 16 | place
        _HEADER.pack_into(self._header, 0, (given + 1) & (2**64 - 1) or 1, order + 1, segments, place + 1)
        segment, at = self._segment(place >> 8), (place & 0xFF) * SLOT_SIZE
        serial, namespace, thread_id, pid, owner = make(number)
        _FIXED.pack_into(segment, at, 0, serial, namespace, thread_id, pid, order, owner or number, flags, 0)  # A3
        self._write_text(segment, at, name, title)
        WORD.pack_into(segment, at, number)  # A4
        return number

    def remove(self, number: int, serial: int | None = None) -> None:
        """Make a slot free, if it is still that one. Only with the mutex."""
        slot = self.read(number)
        if slot is not None and serial in (None, slot.serial):
            WORD.pack_into(self._segment((number & 0xFFFF) >> 8), (number & 0xFF) * SLOT_SIZE, 0)  # R2

    def slots(self) -> list[Slot]:
        """Read all that are somebody's."""
        found = []
        for number in range(self._segments_made()):
            segment = self._segment(number)
            for at in range(0, SLOTS_OF_A_SEGMENT * SLOT_SIZE, SLOT_SIZE):
                word = WORD.unpack_from(segment, at)[0]
                if word and (slot := self.read(word)) is not None and word & 0xFFFF == number << 8 | at // SLOT_SIZE:
                    found.append(slot)
        return found

    def place_of_look(self, number: int) -> tuple[memoryview, int]:
        """Return where the thread of that slot notes, as a float, when it has last looked at its queue.

        Infinity stands for a thread that waits there.
        """
        return self._segment((number & 0xFFFF) >> 8), (number & 0xFF) * SLOT_SIZE + _LOOKED_AT

    def last_look(self, number: int) -> float:
        """When the thread of that slot has last looked at its queue; infinity while it waits there."""
        place = number & 0xFFFF
        if place >= self._places():
            return 0.0
        moment: float = LOOK.unpack_from(self._segment(place >> 8), (place & 0xFF) * SLOT_SIZE + _LOOKED_AT)[0]
        return moment

    def text(self, slot: Slot) -> tuple[str, str]:
        """Return the class and the title of a window. Only with the mutex."""
        segment, at = self._segment((slot.number & 0xFFFF) >> 8), (slot.number & 0xFF) * SLOT_SIZE
        name_length, title_length = _LENGTHS.unpack_from(segment, at + _LENGTHS_AT)
        text = bytes(segment[at + _TEXT_AT : at + SLOT_SIZE])
        name_length = min(name_length, ROOM_FOR_TEXT)
        if slot.flags & LONG_TEXT:
            return self._long_text(slot)
        title = text[name_length : name_length + title_length]
        return _decoded(text[:name_length]), _decoded(title)

    def set_text(self, number: int, name: str, title: str) -> Section | None:
        """Change the text of a window, and return what its owner must keep open. Only with the mutex."""
        slot = self.read(number)
        if slot is None:
            return None
        segment, at = self._segment((number & 0xFFFF) >> 8), (number & 0xFF) * SLOT_SIZE
        _LENGTHS.pack_into(segment, at + _LENGTHS_AT, 0, 0)  # T2
        encoded = name.encode(), title.encode()
        flags, version, kept = slot.flags & ~LONG_TEXT, slot.version, None
        if sum(map(len, encoded)) > ROOM_FOR_TEXT:
            flags, version = flags | LONG_TEXT, (slot.version + 1) & 0xFFFF_FFFF
            kept = self._keep_long(number, version, *encoded)
        _FIXED.pack_into(segment, at, *slot[:7], flags, version)
        if kept is None:
            self._write_text(segment, at, name, title)
        return kept

    def _write_text(self, segment: memoryview, at: int, name: str, title: str) -> None:
        parts = name.encode(), title.encode()
        text = b"".join(parts)
        _LENGTHS.pack_into(segment, at + _LENGTHS_AT, 0, 0)
        if len(text) <= ROOM_FOR_TEXT:
            segment[at + _TEXT_AT : at + _TEXT_AT + len(text)] = text  # T3
            _LENGTHS.pack_into(segment, at + _LENGTHS_AT, *map(len, parts))  # T4

    def _keep_long(self, number: int, version: int, name: bytes, title: bytes) -> Section:
        size = _LONG_LENGTHS.size + len(name) + len(title)
        section = self._section(f"text {number}.{version}", size)
        with section.map() as view:
            view[:] = _LONG_LENGTHS.pack(len(name), len(title)) + name + title
        return section

    def _long_text(self, slot: Slot) -> tuple[str, str]:
        section = Section.__new__(Section)
        try:
            section._bind_opened(self._native, f"{PREFIX}text {slot.number}.{slot.version}", 0)
        except ObjectNotFound:  # the owner has just died
            return "", ""
        with section, section.map(access="r") as view:
            content = view[:]
        name_length, title_length = _LONG_LENGTHS.unpack_from(content)
        rest = content[_LONG_LENGTHS.size :]
        return _decoded(rest[:name_length]), _decoded(rest[name_length : name_length + title_length])

    def _free_place(self) -> int:
        """Find a free slot, from the place to look at next on; a table that is more than half full grows."""
        for _ in range(2):
            _, _, segments, place = _HEADER.unpack_from(self._header)
            segments = min(segments, MOST_SEGMENTS)
            for candidate in range(place, segments * SLOTS_OF_A_SEGMENT):
                at = (candidate & 0xFF) * SLOT_SIZE
                if not WORD.unpack_from(self._segment(candidate >> 8), at)[0]:
                    return candidate
            live = len(self.slots())
            if live * 2 >= segments * SLOTS_OF_A_SEGMENT and segments < MOST_SEGMENTS:
                place = segments * SLOTS_OF_A_SEGMENT
                segments = min(segments + max(1, segments // 4), MOST_SEGMENTS)
            elif live >= LARGEST_PLACE:
                break
            else:
                place = 0
            given, order, _, _ = _HEADER.unpack_from(self._header)
            _HEADER.pack_into(self._header, 0, given, order, segments, place)
        raise from_status(Status.NO_MORE_USER_HANDLES, "Window", "", f"there are {LARGEST_PLACE:,} already")

    def _segments_made(self) -> int:
        segments: int = _HEADER.unpack_from(self._header)[2]
        return min(segments, MOST_SEGMENTS)

    def _places(self) -> int:
        return self._segments_made() * SLOTS_OF_A_SEGMENT

    def _segment(self, number: int) -> memoryview:
        segment = self._segments.get(number)
        if segment is None:
            segment = self._segments[number] = self._map(f"segment {number}", SLOTS_OF_A_SEGMENT * SLOT_SIZE)
        return segment

    def _map(self, name: str, size: int) -> memoryview:
        section = self._section(name, size)
        self._sections.append(section)
        return memoryview(section.map(0, size))

    def _section(self, name: str, size: int) -> Section:
        section = Section.__new__(Section)
        section._make(self._native, PREFIX + name, _kernel.OPEN_OR_CREATE, size, None, "rw", False)
        return section


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")

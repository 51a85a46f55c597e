"""Large buffers: one section a message holds all of them, and the receiver maps it to read.

The sender copies each buffer into the section once; the receiver looks at it there. A section is used again when its
handle in this process is the only one: messages in flight and receivers have handles of their own, and a receiver keeps
its handle for as long as anything refers to its view. So what a receiver keeps never changes.

Never trusted: what a message says of places and lengths is checked against the section, which must be memory alone: a
file could be cut short under its view.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ntipc.errors import NtError
from ntipc.objects.object import NtObject
from ntipc.rpc.problems import ValidationError
from ntipc.sections import Section
from ntipc.session.names import parse
from ntipc.session.session import global_session, place

if TYPE_CHECKING:
    from ntipc.sections import View
    from ntipc.session.session import Session

LARGE = 128 * 1024
"""Bytes from which a buffer goes by section."""
MOST_HANDLES = 8
ALIGNMENT = 64
KEPT = 64 << 20
"""Bytes of sections that a process keeps to use again."""
_GRAIN = 64 * 1024


class Sections:
    """Sections of this process that may be used again.

    Invariant: a section is either here or taken by exactly one message that is being made. ``_free`` is only touched
    under the lock. The child of a fork begins with none: its parent uses them.
    """

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._free: list[tuple[Section, View]] = []

    def take(self, size: int, session: Session | str | None) -> tuple[Section, View]:
        """Return a section of at least that many bytes that nobody else has, with its view."""
        home = place("section", session)[0]
        with self._lock:
            candidates, self._free = self._free, []
            found = None
            for section, view in candidates:
                if section.closed:
                    continue  # the process has left that session
                fits = size <= len(view) <= 4 * size + _GRAIN and _home(section) is home
                if found is None and fits and _is_free(section):
                    found = section, view
                else:
                    self._free.append((section, view))
        if found is not None:
            return found
        section = Section(size=-(-size // _GRAIN) * _GRAIN, session=session)
        section._rpc_home = home  # type: ignore[attr-defined]
        return section, section.map()

    def give_back(self, section: Section, view: View) -> None:
        """Keep it for another message, if there is room."""
        with self._lock:
            self._free.append((section, view))
            kept = 0
            for place in range(len(self._free) - 1, -1, -1):  # the oldest go
                kept += len(self._free[place][1])
                if kept > KEPT:
                    del self._free[: place + 1]
                    break


def _home(section: Section) -> object:
    return getattr(section, "_rpc_home", None)


def _is_free(section: Section) -> bool:
    try:
        return section.info()["handles"] == 1
    except NtError:
        return False


SECTIONS = Sections()


def session_of(name: str, session: Session | str | None) -> Session | str | None:
    r"""Return the session in which the port of a service lies: for a ``Global\`` name the machine-wide one."""
    return global_session() if parse(name)[0] else session


class Packer:
    """What goes along with one message that is being made: handles, and buffers in a section, whose handle is last."""

    __slots__ = ("_blocks", "_size", "_taken", "handles", "session")

    def __init__(self, session: Session | str | None = None) -> None:
        self.session = session
        self.handles: list[NtObject] = []
        self._blocks: list[tuple[int, memoryview]] = []
        self._size = 0
        self._taken: tuple[Section, View] | None = None

    def add(self, thing: NtObject) -> int:
        """Let an object go along; its place among the handles."""
        self.handles.append(thing)
        return len(self.handles) - 1

    def place(self, memory: memoryview) -> int:
        """Let bytes go along; their offset in the section."""
        offset = self._size
        self._blocks.append((offset, memory))
        self._size = -(-(offset + len(memory)) // ALIGNMENT) * ALIGNMENT
        return offset

    def pack(self) -> Sequence[NtObject]:
        """Fill the section; the handles of the message.

        Raises:
            ValidationError: There are too many.
            OutOfResources: There is no memory for the section.
        """
        if self._blocks:
            section, view = self._taken = SECTIONS.take(self._size, self.session)
            with memoryview(view) as memory:
                for offset, block in self._blocks:
                    memory[offset : offset + len(block)] = block
            self.handles.append(section)
        if len(self.handles) > MOST_HANDLES:
            raise ValidationError(f"a message carries {MOST_HANDLES} handles, not {len(self.handles)}")
        return self.handles

    def release(self) -> None:
        """The message is under way, or will never be: the section may be used for another one when it is free."""
        if self._taken is not None:
            SECTIONS.give_back(*self._taken)
            self._taken = None


class Luggage:
    """What came along with one message."""

    __slots__ = ("_handles", "_kept", "_memory", "limit")

    def __init__(self, handles: Sequence[NtObject] = (), limit: int | None = None) -> None:
        self._handles = handles
        self._kept: set[int] = set()
        self._memory: memoryview | None = None
        self.limit = limit

    def claim(self, place: int) -> NtObject:
        """Return the object that came along at a place; it is the program's then."""
        if not 0 <= place < len(self._handles):
            raise ValidationError("the message names an object that did not come along")
        self._kept.add(place)
        return self._handles[place]

    def memory(self, offset: int, length: int) -> memoryview:
        """Return a part of the section that came along, to read. It keeps its memory alive."""
        if self._memory is None:
            self._memory = self._map()
        if offset < 0 or length < 0 or offset > len(self._memory) or length > len(self._memory) - offset:
            raise ValidationError("the message names memory that did not come along")
        if self.limit is not None and length > self.limit:
            raise ValidationError(f"a buffer has {length:,} bytes; the service takes {self.limit:,}")
        return self._memory[offset : offset + length]

    def _map(self) -> memoryview:
        section = self._handles[-1] if self._handles else None
        if not isinstance(section, Section):
            raise ValidationError("the message names memory that did not come along")
        try:
            info = section.info()
            if info["file"] is not None or info["reserve"]:
                raise ValidationError("buffers come in sections of memory, not of files or reserved ones")
            view = section.map(access="r")
        except NtError as error:
            raise ValidationError(f"the memory that came along cannot be read: {error}") from None
        self._kept.add(len(self._handles) - 1)
        view._rpc_section = section  # type: ignore[attr-defined] # both go together, and no code runs when they do
        return memoryview(view)

    def close(self) -> None:
        """Close what came along and was not asked for."""
        for number, thing in enumerate(self._handles):
            if number not in self._kept:
                thing.close()
        self._handles = ()
        self._memory = None


def contiguous(value: Any) -> memoryview:
    """Return the bytes of a buffer, without a copy if they lie one after another.

    Raises:
        TypeError: It is no buffer.
    """
    memory = memoryview(value)
    if not memory.c_contiguous:
        return memoryview(memory.tobytes())
    return memory.cast("B") if memory.nbytes else memoryview(b"")

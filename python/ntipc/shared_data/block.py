"""The memory of shared data: a section with a name, made and filled once, however many processes come at once.

A process opens it under a mutex of that name, and finds one of three states:

===========  ======================================================================================================
`EMPTY`      nobody has done anything with it: all is 0
`BEGUN`      a process fills it now, which has the mutex; or it ended while it did, and all is cleared and filled again
`READY`      the layout is written down behind the head, and the fields hold what the first process gave them
===========  ======================================================================================================

Every process opens the mutex before the section and closes it after. So all that have the section have the same mutex.
Both go with the last process.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ntipc import _kernel
from ntipc.errors import NtError, Status, describe, from_status
from ntipc.sections import Section, View
from ntipc.session.session import Session, place
from ntipc.shared_data.layout import Layout
from ntipc.sync import Mutex
from ntipc.sync.holding import Held

DATA, MUTEX, LOCK = "shared_data\\", "shared_data_mutex\\", "shared_data_lock\\"
"""What the kernel's names of the section, of its mutex, and of locks begin with."""

_EMPTY, _BEGUN, _READY = range(3)
_MAGIC = int.from_bytes(b"ntipcSD1", "little")
_HEAD = {"magic": (0, "Q", 1), "state": (8, "Q", 1), "text": (16, "Q", 1)}
_HEAD_SIZE = 64
_LONGEST_TEXT = 1 << 24
_CHUNK = 1 << 20


class Block:
    """A process's hold on shared data.

    Args:
        name: The data's name, as the program gave it.
        session: The session, or its name.
        layout: That of the record, which begins at ``base``.
        fill: Called with this block to give the fields their first values.

    Raises:
        ObjectTypeMismatch: The name belongs to data with another layout.
        SessionDamaged: What lies there is no shared data.
    """

    def __init__(
        self, name: str, session: Session | str | None, layout: Layout, fill: Callable[[Block], object]
    ) -> None:
        attachment, local = place(name, session)
        assert local is not None
        self.name, self.key, self.created = name, local, False
        self._attachment = attachment
        self._text = layout.as_text().encode()
        self.base = -(-(_HEAD_SIZE + len(self._text)) // 64) * 64
        self._size = self.base + max(layout.size, 8)
        self.mutex = self.open_mutex(MUTEX + local)
        try:
            with Held(self.mutex):
                self.section = Section.__new__(Section)
                self.section._describe(self.subject)
                wanted = attachment, DATA + local, _kernel.OPEN_OR_CREATE, 0
                self.section._bind(*wanted, self._size, "rw", False, None)
                self.view: View = self.section.map()
                self._find(layout, fill)
        except BaseException:
            self.close()
            raise

    @property
    def subject(self) -> str:
        """What messages call the data."""
        return describe("shared data", self.name)

    def open_mutex(self, key: str) -> Mutex:
        """Open a mutex by the kernel's name of it, or make it."""
        mutex = Mutex.__new__(Mutex)
        mutex._describe(self.subject)
        mutex._bind(self._attachment, key, _kernel.OPEN_OR_CREATE, 0, False)
        return mutex

    def close(self) -> None:
        """Close all of it, the mutex last. Memory that something still uses stays mapped until that goes."""
        view, section = getattr(self, "view", None), getattr(self, "section", None)
        if view is not None:
            with suppress(BufferError):
                view.unmap()
        if section is not None:
            section.close()
        self.mutex.close()

    def _find(self, layout: Layout, fill: Callable[[Block], object]) -> None:
        if len(self.view) < _HEAD_SIZE:
            raise self._damaged(f"it has {len(self.view)} bytes")
        head = _kernel.Cells(self.view, 0, _HEAD, self.subject)
        if head.get("state") == _READY and head.get("magic") == _MAGIC:
            self._compare(layout, head.get("text"))
        elif head.get("state") in (_EMPTY, _BEGUN):
            self._make(head, fill)
        else:
            raise self._damaged("it begins with something else")

    def _make(self, head: _kernel.Cells, fill: Callable[[Block], object]) -> None:
        if len(self.view) != self._size:  # its maker, which had another layout, ended in the middle
            with suppress(BufferError):
                self.view.unmap()
            raise self._another_layout("its maker ended while it made it, and another process still has it open")
        with memoryview(self.view) as memory:
            if head.exchange("state", _BEGUN) == _BEGUN:
                for start in range(_HEAD_SIZE, len(memory), _CHUNK):
                    with memory[start : start + _CHUNK] as chunk:
                        chunk[:] = bytes(len(chunk))
            memory[_HEAD_SIZE : _HEAD_SIZE + len(self._text)] = self._text
        head.set("text", len(self._text))
        head.set("magic", _MAGIC)
        fill(self)
        head.set("state", _READY)
        self.created = True

    def _compare(self, layout: Layout, length: int) -> None:
        if length > min(_LONGEST_TEXT, len(self.view) - _HEAD_SIZE):
            raise self._damaged(f"its layout has {length:,} bytes")
        with memoryview(self.view) as memory:
            text = memory[_HEAD_SIZE : _HEAD_SIZE + length].tobytes()
        try:
            difference = layout.difference(text.decode())
        except (ValueError, RecursionError) as problem:
            raise self._damaged(f"its layout cannot be read: {problem}") from None
        if difference:
            raise self._another_layout(difference)
        if text != self._text or len(self.view) < self._size:
            raise self._damaged("its size is not that of its layout")

    def _another_layout(self, difference: str) -> NtError:
        return from_status(
            Status.OBJECT_TYPE_MISMATCH,
            "SharedData",
            self.subject,
            problem=f"the data has another layout: {difference}",
            advice="Run the same version of the module in all processes, or give this class another name",
        )

    def _damaged(self, detail: str) -> NtError:
        return from_status(Status.DATA_ERROR, "SharedData", self.subject, problem=f"this is no shared data: {detail}")


def adopt(name: str, key: str, section: Section, mutex: Mutex, layout: Layout) -> Block:
    """Make a block of handles that came from another process, which had it ready."""
    block = Block.__new__(Block)
    block.name, block.key, block.created = name, key, False
    block.section, block.mutex = section, mutex
    block._attachment = section.session._native
    block._text = layout.as_text().encode()
    block.base = -(-(_HEAD_SIZE + len(block._text)) // 64) * 64
    block._size = block.base + max(layout.size, 8)
    try:
        block.view = section.map()
        block._find(layout, _refuse)
    except BaseException:
        block.close()
        raise
    return block


def _refuse(block: Block) -> Any:
    raise block._damaged("it was never made")

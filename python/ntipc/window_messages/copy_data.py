"""Bytes that are sent to a window: WM_COPYDATA."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.objects.object import NtObject
from ntipc.sections.section import Section
from ntipc.window_messages.lines import parents_only
from ntipc.window_messages.message import SEND_SIZE

if TYPE_CHECKING:
    from typing_extensions import Buffer

LONGEST_IN_LINE = 1 << 18
"""Bytes that travel in the message itself. What is longer travels in a block."""
_ROUNDED_TO = 1 << 16
_MOST_KEPT = 1 << 24
"""Bytes of the largest block that a sender keeps for its next data."""
_AT_A_TIME = 1 << 20
"""Bytes that are copied before another thread may run."""
_HEADER = struct.Struct("<QQ48x")
_STATE = struct.Struct("<Q")


class CopyData:
    """What the handler of a ``WM_COPYDATA`` gets as its ``lparam``.

    Attributes:
        kind: The number that the sender gave.
        data: The bytes, to be read only, and only while the handler runs: a ``memoryview`` that is released then.
    """

    __slots__ = ("_block", "data", "kind")

    def __init__(self, kind: int, data: memoryview, block: _Arrived | None = None) -> None:
        self.kind = kind
        self.data = data
        self._block = block

    def _release(self) -> None:
        self.data.release()
        if self._block is not None:
            self._block.done()

    def __repr__(self) -> str:
        try:
            return f"<CopyData kind={self.kind} of {len(self.data)} bytes>"
        except ValueError:
            return f"<CopyData kind={self.kind} of a call that is over>"


def bytes_of(data: Buffer) -> memoryview:
    """Look at data of whatever form as bytes that cannot be changed.

    Raises:
        TypeError: They are no bytes.
    """
    view = memoryview(data)
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    return view.cast("B").toreadonly() if view.nbytes else memoryview(b"")


class Block:
    """A section in which bytes travel: a header (whether a receiver has it, how many bytes it holds), and the bytes."""

    __slots__ = ("_view", "room", "section")

    def __init__(self, size: int, native: _kernel.Session) -> None:
        length = -(-(_HEADER.size + size) // _ROUNDED_TO) * _ROUNDED_TO
        self.room = length - _HEADER.size
        self.section = Section.__new__(Section)
        self.section._make(native, None, _kernel.CREATE, length, None, "rw", False)
        try:
            self._view = memoryview(self.section.map())
        except BaseException:
            self.section.close()
            raise

    @property
    def is_free(self) -> bool:
        """Whether its last receiver is done with it."""
        return _STATE.unpack_from(self._view) == (0,)

    def fill(self, data: memoryview) -> None:
        """Copy bytes into it, for one receiver."""
        _HEADER.pack_into(self._view, 0, 1, data.nbytes)
        for at in range(0, data.nbytes, _AT_A_TIME):
            piece = data[at : at + _AT_A_TIME]
            self._view[_HEADER.size + at : _HEADER.size + at + piece.nbytes] = piece

    def close(self) -> None:
        """Give it up. A receiver that has it keeps it until it is done."""
        self._view.release()
        self.section.close()


class Blocks:
    """The block that a thread keeps: memory that is mapped and touched already takes data much faster than new memory.

    Invariant: a block is filled only while it is free. A receiver says so when its handler has returned, however early
    it has replied, and has kept none of the bytes. One that is killed, or whose message was taken back, never does:
    then the sender makes another block.
    """

    def __init__(self, native: _kernel.Session) -> None:
        self._native = native
        self._kept: Block | None = None

    def filled(self, data: memoryview) -> Block:
        """Return a block that holds these bytes: for :meth:`sent`, whatever becomes of the send."""
        block, self._kept = self._kept, None
        if block is not None and not (block.is_free and data.nbytes <= block.room <= 4 * data.nbytes):
            block.close()
            block = None
        if block is None:
            block = Block(data.nbytes, self._native)
            parents_only.add(block.section)
        block.fill(data)
        return block

    def sent(self, block: Block) -> None:
        """Keep the block for the next data, unless another one is kept by now."""
        if self._kept is None and block.room <= _MOST_KEPT:
            self._kept = block
        else:
            block.close()

    def close(self) -> None:
        """Give up what is kept."""
        block, self._kept = self._kept, None
        if block is not None:
            block.close()


class _Arrived:
    """A block at its receiver."""

    __slots__ = ("_header", "view")

    def __init__(self, section: Section) -> None:
        self.view = section.map()
        self._header = memoryview(section.map(0, _HEADER.size))

    def content(self) -> memoryview:
        """Return the bytes, to be read only; of a header that makes no sense as many as there are."""
        length = _HEADER.unpack_from(self._header)[1]
        return memoryview(self.view)[_HEADER.size :][:length].toreadonly()

    def done(self) -> None:
        """Tell the sender that the block is free, unless the handler has kept a part of the bytes."""
        try:
            self.view.unmap()
        except BufferError:
            return
        _STATE.pack_into(self._header, 0, 0)


def arrived(kind: int, data: bytes, luggage: Sequence[NtObject], in_line: bool) -> CopyData:
    """Make what the handler gets of a message that has arrived."""
    if in_line:
        return CopyData(kind, memoryview(data)[SEND_SIZE:])
    section = luggage[-1] if luggage else None
    if not isinstance(section, Section):
        return CopyData(kind, memoryview(b""))
    with section:
        block = _Arrived(section)
    return CopyData(kind, block.content(), block)

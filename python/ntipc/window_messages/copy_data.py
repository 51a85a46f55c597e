"""Bytes that are sent to a window: WM_COPYDATA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.objects.object import NtObject
from ntipc.sections.section import Section
from ntipc.window_messages.message import SEND_SIZE

if TYPE_CHECKING:
    from typing_extensions import Buffer

LONGEST_IN_LINE = _kernel.LONGEST_FRAME - SEND_SIZE
"""What is longer travels in a section."""


class CopyData:
    """What the handler of a ``WM_COPYDATA`` gets as its ``lparam``.

    Attributes:
        kind: The number that the sender gave.
        data: The bytes, to be read only, and only while the handler runs: a ``memoryview`` that is released then.
    """

    __slots__ = ("_keeper", "data", "kind")

    def __init__(self, kind: int, data: memoryview, keeper: object = None) -> None:
        self.kind = kind
        self.data = data
        self._keeper = keeper

    def _release(self) -> None:
        self.data.release()
        self._keeper = None

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


def in_section(data: memoryview, native: _kernel.Session) -> Section:
    """Copy bytes into a section that travels with the message."""
    section = Section.__new__(Section)
    section._make(native, None, _kernel.CREATE, data.nbytes, None, "rw", False)
    with section.map() as view:
        view[:] = data
    return section


def arrived(kind: int, data: bytes, luggage: Sequence[NtObject], in_line: bool) -> CopyData:
    """Make what the handler gets of a message that has arrived."""
    if in_line:
        return CopyData(kind, memoryview(data)[SEND_SIZE:])
    section = luggage[-1] if luggage else None
    if not isinstance(section, Section):
        return CopyData(kind, memoryview(b""))
    view = section.map(access="r")
    section.close()
    return CopyData(kind, memoryview(view).toreadonly(), view)

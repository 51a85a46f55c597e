"""The memory in which one record lies, as its fields use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ntipc import _kernel
from ntipc.shared_data.layout import Layout
from ntipc.sync import Mutex
from ntipc.sync.holding import Held

if TYPE_CHECKING:
    from ntipc.sections import View


class Ground:
    """A record's part of a view. It keeps the view mapped.

    Attributes:
        cells: The numbers of the record.
        subject: What messages call the data.
        parts: Records within this one that were asked for.
    """

    __slots__ = ("_base", "_memory", "_mutex", "_view", "cells", "parts", "subject")

    def __init__(self, view: View, base: int, layout: Layout, mutex: Mutex, subject: str) -> None:
        self._view, self._base, self._mutex = view, base, mutex
        self._memory = memoryview(view)[base : base + layout.size]
        self.cells = _kernel.Cells(view, base, layout.places, subject)
        self.subject = subject
        self.parts: dict[str, Any] = {}

    def part(self, offset: int, size: int) -> memoryview:
        """Return the bytes of a field."""
        return self._memory[offset : offset + size]

    def writing(self) -> Held:
        """Be the only one that writes texts of this data, for a ``with`` block."""
        return Held(self._mutex)

    def within(self, offset: int, layout: Layout) -> Ground:
        """Return the ground of a record in this one."""
        return Ground(self._view, self._base + offset, layout, self._mutex, self.subject)

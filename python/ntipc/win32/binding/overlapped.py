"""``PyOVERLAPPED``: what a program keeps of an operation that goes on while it does something else.

>>> first, second = OVERLAPPED(), OVERLAPPED()
>>> first == second, hash(first) == hash(second)
(True, False)
>>> first.Offset = 10
>>> first == second
False
"""

from __future__ import annotations

from typing import Any

from ntipc.win32.binding.pyhandle import HandleLike, number_of

_MASK = 2**64 - 1


class OVERLAPPED:
    """The state of one operation.

    Attributes:
        Offset: Where in a file it begins, the lower 32 bits.
        OffsetHigh: The upper 32 bits.
        object: Whatever the program wants to keep with it.
        dword: A number that the program wants to keep with it.
        Internal: The NT status of the operation: 259 while it goes on.
        InternalHigh: How many bytes it has moved.

    Source:
        PyOVERLAPPED objects (pywin32).
    """

    __slots__ = (
        "Internal",
        "InternalHigh",
        "Offset",
        "OffsetHigh",
        "__weakref__",
        "_event",
        "_operation",
        "dword",
        "object",
    )

    def __init__(self) -> None:
        self.Internal = self.InternalHigh = self.Offset = self.OffsetHigh = self.dword = 0
        self.object: Any = None
        self._event: HandleLike = 0
        self._operation: Any = None

    @property
    def hEvent(self) -> HandleLike:
        """The event that is set when the operation is done, as the program gave it; 0 for none."""
        return self._event

    @hEvent.setter
    def hEvent(self, event: HandleLike) -> None:
        number_of(event)
        self._event = event

    def __delattr__(self, name: str) -> None:
        raise AttributeError("can't delete OVERLAPPED attributes")

    @property
    def offset(self) -> int:
        """Both parts of the offset."""
        return self.Offset & 0xFFFF_FFFF | (self.OffsetHigh & 0xFFFF_FFFF) << 32

    def __eq__(self, other: object) -> bool:
        return self._content() == other._content() if isinstance(other, OVERLAPPED) else NotImplemented

    __hash__ = object.__hash__

    def _content(self) -> tuple[int, ...]:
        return self.Internal, self.InternalHigh, self.Offset, self.OffsetHigh, number_of(self._event)


OVERLAPPED.__name__ = OVERLAPPED.__qualname__ = "PyOVERLAPPED"


def overlapped_or_none(value: object) -> OVERLAPPED | None:
    """Check what a program gave for an overlapped.

    Raises:
        TypeError: It is neither one nor ``None``.
    """
    if value is None or isinstance(value, OVERLAPPED):
        return value
    raise TypeError("The object is not a PyOVERLAPPED object")

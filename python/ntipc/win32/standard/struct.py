r"""``struct`` as Windows has it: a native ``long`` (``l`` and ``L`` without a prefix, or after ``@``) has four bytes.

>>> calcsize("PLP"), calcsize("<L"), unpack("l", b"\xff\xff\xff\xff")
(24, 4, (-1,))
"""

from __future__ import annotations

import functools
import struct as _struct
from collections.abc import Iterator
from struct import error as error
from typing import Any

_LONG_IS_INT = str.maketrans("lL", "iI")


@functools.lru_cache(256)
def _translated(layout: str) -> str:
    """Return the layout with the sizes of Windows: a long is what an int is, and is aligned so."""
    return layout if layout.lstrip()[:1] in ("<", ">", "=", "!") else layout.translate(_LONG_IS_INT)


def translated(layout: str | bytes) -> str:
    """Return a layout for `struct` that means what this one means on Windows."""
    return _translated(layout.decode("ascii") if isinstance(layout, bytes) else layout)


_Struct: Any = _struct.Struct


class Struct(_Struct):  # type: ignore[misc]
    """A layout, compiled."""

    def __new__(cls, format: str | bytes) -> Struct:
        """Compile it."""
        made: Struct = super().__new__(cls, translated(format))
        return made

    def __init__(self, format: str | bytes) -> None:
        super().__init__(translated(format))


def calcsize(layout: str | bytes, /) -> int:
    """Return the size of a layout in bytes."""
    return _struct.calcsize(translated(layout))


def pack(layout: str | bytes, /, *values: Any) -> bytes:
    """Return the values as bytes."""
    return _struct.pack(translated(layout), *values)


def pack_into(layout: str | bytes, buffer: Any, offset: int, /, *values: Any) -> None:
    """Write the values into a buffer."""
    _struct.pack_into(translated(layout), buffer, offset, *values)


def unpack(layout: str | bytes, buffer: Any, /) -> tuple[Any, ...]:
    """Return the values that bytes stand for."""
    return _struct.unpack(translated(layout), buffer)


def unpack_from(layout: str | bytes, /, buffer: Any, offset: int = 0) -> tuple[Any, ...]:
    """Return the values that lie in a buffer."""
    return _struct.unpack_from(translated(layout), buffer, offset)


def iter_unpack(layout: str | bytes, buffer: Any, /) -> Iterator[tuple[Any, ...]]:
    """Return the values that lie in a buffer, one layout after the other."""
    return _struct.iter_unpack(translated(layout), buffer)

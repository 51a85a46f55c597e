"""Fields of shared data whose memory is handed to NumPy or ctypes as it is."""

from __future__ import annotations

import ctypes
import struct
import sys
from math import prod
from typing import TYPE_CHECKING, Any

from ntipc.shared_data.kinds import LARGEST, Kind, Number

if TYPE_CHECKING:
    import numpy

    from ntipc.shared_data.ground import Ground

_LARGEST_ALIGNMENT = 64


def numpy_kind(declared: object, shape: tuple[int, ...]) -> Kind | None:
    """Return the kind of a field that is declared by a NumPy type; ``None`` if it is not."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return None
    is_type = isinstance(declared, numpy.dtype) or (isinstance(declared, type) and issubclass(declared, numpy.generic))
    if not is_type:
        return None
    dtype = numpy.dtype(declared)
    if dtype.hasobject or dtype.itemsize == 0:
        raise TypeError(f"{dtype} cannot be shared: it has no fixed size, or refers to Python objects")
    letter = _LETTERS.get((dtype.kind, dtype.itemsize)) if dtype.isnative and not shape else None
    if letter is not None:
        return Number(letter, f"numpy {dtype.name}", dtype.type)
    return NumPyBlock(dtype, shape)


_LETTERS = {
    ("b", 1): "?",
    **{("i", struct.calcsize(letter)): letter for letter in "bhiq"},
    **{("u", struct.calcsize(letter)): letter for letter in "BHIQ"},
    ("f", 4): "f",
    ("f", 8): "d",
}


class NumPyBlock(Kind):
    """An array of a NumPy type, or one structured value."""

    def __init__(self, dtype: numpy.dtype[Any], shape: tuple[int, ...]) -> None:
        self._dtype, self._shape = dtype, shape
        self.words = f"numpy {dtype.descr if dtype.names else dtype.str}{list(shape) if shape else ''}"
        self.size = dtype.itemsize * prod(shape)
        self.alignment = _LARGEST_ALIGNMENT
        if self.size > LARGEST * 8:
            raise ValueError(f"a field of type {self.words} is too large")

    def check(self, value: Any) -> None:
        """Refuse what the field cannot hold."""
        import numpy

        numpy.broadcast_to(numpy.asarray(value, self._dtype), self._shape)

    def load(self, ground: Ground, name: str, offset: int) -> Any:
        """Return the value, or what stands for it."""
        import numpy

        array = numpy.frombuffer(ground.part(offset, self.size), self._dtype)
        return array.reshape(self._shape) if self._shape else array[0]

    def store(self, ground: Ground, name: str, offset: int, value: Any) -> None:
        """Change the value."""
        import numpy

        numpy.frombuffer(ground.part(offset, self.size), self._dtype).reshape(self._shape)[...] = value


class CtypesBlock(Kind):
    """A structure or an array of ctypes."""

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        self.size, self.alignment = ctypes.sizeof(kind), max(ctypes.alignment(kind), 8)
        self.words = _ctypes_words(kind)

    def check(self, value: Any) -> None:
        """Refuse what the field cannot hold."""
        if not isinstance(value, self._kind):
            raise TypeError(f"a field of type {self._kind.__name__} takes one, not {type(value).__name__}")

    def load(self, ground: Ground, name: str, offset: int) -> Any:
        """Return the value, or what stands for it."""
        return self._kind.from_buffer(ground.part(offset, self.size))

    def store(self, ground: Ground, name: str, offset: int, value: Any) -> None:
        """Change the value."""
        self.check(value)
        with ground.part(offset, self.size) as memory:
            memory[:] = bytes(value)


def ctypes_kind(declared: object) -> Kind | None:
    """Return the kind of a field that is declared by a type of ctypes; ``None`` if it is not.

    Raises:
        TypeError: It is a number or a pointer of ctypes.
    """
    if not isinstance(declared, type):
        return None
    if issubclass(declared, (ctypes.Structure, ctypes.Union, ctypes.Array)):
        return CtypesBlock(declared)
    if any(kind.__module__ == "_ctypes" for kind in declared.__mro__):
        raise TypeError(f"{declared.__name__} cannot be shared: take int, float, or a ctypes.Structure")
    return None


def _ctypes_words(kind: Any) -> str:
    if issubclass(kind, ctypes.Array):
        return f"{_ctypes_words(kind._type_)}[{kind._length_}]"
    fields = getattr(kind, "_fields_", None)
    if fields is None:
        return str(kind.__name__)
    inner = ", ".join(f"{field[0]}: {_ctypes_words(field[1])}{f':{field[2]}' if field[2:] else ''}" for field in fields)
    return f"ctypes {kind.__name__}({inner}) of {ctypes.sizeof(kind)} bytes"

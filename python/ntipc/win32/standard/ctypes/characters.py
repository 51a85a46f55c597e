"""Wide characters of two bytes, as Windows has them: ``c_wchar``, its arrays and pointers, and ``c_wchar_p``.

Linux's ``wchar_t`` has four bytes, so a structure of a Windows program that contains text would have another layout.
A type here is a 16-bit unit of UTF-16. Where `ctypes` converts a wide character to ``str`` by itself (a field, an
element, a slice, a result), these types do so too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, ClassVar

from ntipc.win32.standard.wide import before_terminator, decode, encode, terminated


class _CharacterType(type(ctypes.c_uint16)):  # type: ignore[misc]
    """The type of `c_wchar`: multiplied, it gives an array whose value is text."""

    _arrays: ClassVar[dict[int, type]] = {}

    def __mul__(cls, length: int) -> type:
        if length not in cls._arrays:
            cls._arrays[length] = type(
                f"c_wchar_Array_{length}", (_Characters,), {"_type_": c_wchar, "_length_": length}
            )
        return cls._arrays[length]

    __rmul__ = __mul__


_Unit: Any = ctypes.c_uint16
_Pointer: Any = ctypes.c_void_p


class c_wchar(_Unit, metaclass=_CharacterType):  # type: ignore[misc]
    """One UTF-16 unit: two bytes. Its value is a ``str`` of one character."""

    def __init__(self, value: str = "\0") -> None:
        super().__init__(_unit(value))

    @property
    def value(self) -> str:
        """The character."""
        return chr(ctypes.c_uint16.from_buffer(self).value)

    @value.setter
    def value(self, value: str) -> None:
        ctypes.c_uint16.from_buffer(self).value = _unit(value)

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """Convert an argument of a foreign function."""
        return cls(value) if isinstance(value, str) else super().from_param(value)

    def __repr__(self) -> str:
        return f"c_wchar({self.value!r})"


def _unit(value: object) -> int:
    if not isinstance(value, str) or len(value) != 1 or ord(value) > 0xFFFF:
        raise TypeError(f"one character of the basic plane is expected instead of {value!r}")
    return ord(value)


_Array: Any = ctypes.Array


class _Characters(_Array):  # type: ignore[misc]
    """An array of `c_wchar`: what is common to those of all lengths."""

    _type_ = ctypes.c_uint16  # each length has a class of its own, with c_wchar
    _length_ = 0

    def __init__(self, *characters: str) -> None:
        super().__init__(
            *(character if isinstance(character, c_wchar) else c_wchar(character) for character in characters)
        )

    def _units(self) -> bytes:
        return bytes(memoryview(self).cast("B"))

    @property
    def value(self) -> str:
        """The text before the first zero unit."""
        return decode(before_terminator(self._units()))

    @value.setter
    def value(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"unicode string expected instead of {type(text).__name__} instance")
        units = encode(text)
        if len(units) > 2 * self._length_:
            raise ValueError("string too long")
        memoryview(self).cast("B")[: len(units) + 2] = (units + b"\0\0")[: 2 * self._length_]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            units = self._units()
            return "".join(decode(units[2 * at : 2 * at + 2]) for at in range(*index.indices(self._length_)))
        return super().__getitem__(index).value

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, [c_wchar(character) for character in value])
        else:
            super().__setitem__(index, value if isinstance(value, c_wchar) else c_wchar(value))

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(self._length_))


class c_wchar_p(_Pointer):  # type: ignore[misc]
    """A pointer to text that a zero unit ends. Its value is the text, or None for NULL."""

    text: Any = None
    """The buffer with the text, if this object made it: it lives as long as the pointer."""

    def __init__(self, value: str | int | None = None) -> None:
        if isinstance(value, str):
            self.text = ctypes.create_string_buffer(encode(value) + b"\0")
            value = ctypes.addressof(self.text)
        elif value is not None and not isinstance(value, int):
            raise TypeError(f"unicode string or integer address expected instead of {type(value).__name__} instance")
        super().__init__(value)

    @property
    def value(self) -> str | None:
        """The text that the pointer leads to."""
        address = ctypes.c_void_p.from_buffer(self).value
        return None if address is None else decode(terminated(address))

    @value.setter
    def value(self, value: str | int | None) -> None:
        fresh = c_wchar_p(value)
        self.text = fresh.text
        ctypes.c_void_p.from_buffer(self).value = ctypes.c_void_p.from_buffer(fresh).value

    @classmethod
    def from_param(cls, value: Any) -> Any:
        """Convert an argument: text, None, an array of or a pointer to characters, an address."""
        if value is None or isinstance(value, (str, int)):
            return cls(value)
        if isinstance(value, (bytes, bytearray)):
            raise TypeError("wrong type: a unicode string is expected, not bytes")
        return super().from_param(value)

    def __repr__(self) -> str:
        address = ctypes.c_void_p.from_buffer(self).value
        return f"c_wchar_p({address if address is None else self.value!r})"


def create_unicode_buffer(init: str | int, size: int | None = None) -> Any:
    """Make an array of characters: of a size, or with a text and its terminator."""
    if isinstance(init, str):
        buffer = (c_wchar * (len(encode(init)) // 2 + 1 if size is None else size))()
        buffer.value = init
        return buffer
    if isinstance(init, int):
        return (c_wchar * init)()
    raise TypeError(init)


def wstring_at(address: Any, size: int = -1) -> str:
    """Return the text at an address: so many units, or up to the terminator."""
    if size >= 0:
        return decode(ctypes.string_at(address, 2 * size))
    where = ctypes.cast(address, ctypes.c_void_p).value if not isinstance(address, int) else address
    if not where:
        raise ValueError("NULL pointer access")
    return decode(terminated(where))


def is_text(kind: Any) -> bool:
    """Does `ctypes` convert a value of that type to ``str`` by itself?"""
    return kind is c_wchar or kind is c_wchar_p or (isinstance(kind, type) and issubclass(kind, _Characters))


def as_text(value: Any, kind: Any) -> Any:
    """Convert a value of such a type as `ctypes` does: exact types only, not subclasses of them."""
    return value.value if is_text(kind) and isinstance(value, kind) else value


def as_value(value: Any, kind: Any) -> Any:
    """Convert what is assigned to a field of such a type into an instance of it."""
    if kind is c_wchar_p and value is not None:
        pointer = value if isinstance(value, c_wchar_p) else c_wchar_p(value)
        # What `cast` returns keeps the text alive by the object that the pointer is stored in, as a c_char_p does.
        return ctypes.cast(pointer.text, c_wchar_p) if pointer.text is not None else pointer
    if isinstance(value, kind):
        return value
    if issubclass(kind, _Characters):
        instance = kind()
        instance.value = value
        return instance
    return kind(value)

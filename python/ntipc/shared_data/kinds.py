"""What a field of shared data may hold, how it lies in memory, and how it is read and written.

Numbers are single words, read and changed in one step. A text lies there twice: a writer, one at a time, fills the copy
that is not in use and then makes it the one in use, in one step. So a reader waits for nobody and finds one text whole,
also if a writer is killed in the middle.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ntipc.errors import Status, from_status
from ntipc.shared_data.arrays import NumberArray

if TYPE_CHECKING:
    from ntipc.shared_data.ground import Ground

Places = dict[str, tuple[int, str, int]]
"""Numbers of a record: by name their offset, their letter, and how many they are."""

LARGEST = 2**31 - 1
"""How many bytes a text may have, and how many numbers an array."""
_TRIES = 100


class Kind(ABC):
    """What a field holds.

    Attributes:
        words: The type, in words that are the same in every process; two layouts are compared by them.
        size: Bytes that it takes.
        alignment: Its offset is a multiple of this many bytes.
    """

    words: str
    size: int
    alignment: int = 8

    def places(self, name: str, offset: int) -> Places:
        """Say which numbers a field of this kind consists of."""
        return {}

    @abstractmethod
    def check(self, value: Any) -> None:
        """Refuse what the field cannot hold.

        Raises:
            TypeError: It is of another type.
            OverflowError: It is too large.
            ValueError: It is too long.
        """

    @abstractmethod
    def load(self, ground: Ground, name: str, offset: int) -> Any:
        """Return the field's value, or what stands for the field."""

    @abstractmethod
    def store(self, ground: Ground, name: str, offset: int, value: Any) -> None:
        """Change the field's value."""


class Number(Kind):
    """One int, float or bool."""

    LETTERS: ClassVar = {int: "q", float: "d", bool: "?"}

    def __init__(self, letter: str, words: str, convert: type[Any] | None = None) -> None:
        self.letter, self.words, self._convert = letter, words, convert
        self.size = self.alignment = struct.calcsize(letter)

    def places(self, name: str, offset: int) -> Places:
        """Say which numbers the field consists of."""
        return {name: (offset, self.letter, 1)}

    def check(self, value: Any) -> None:
        """Refuse what the field cannot hold."""
        if self.letter == "?" and not isinstance(value, bool):
            raise TypeError(f"a field of type {self.words} takes a bool, not {type(value).__name__}")
        try:
            struct.pack(self.letter, value)
        except struct.error as problem:
            is_number = isinstance(value, (int, float)) or hasattr(value, "__index__")
            refusal = OverflowError if is_number and not isinstance(value, float) else TypeError
            raise refusal(f"a field of type {self.words} cannot hold {value!r}: {problem}") from None

    def load(self, ground: Ground, name: str, offset: int) -> Any:
        """Return the value, or what stands for it."""
        value = ground.cells.get(name)
        return value if self._convert is None else self._convert(value)

    def store(self, ground: Ground, name: str, offset: int, value: Any) -> None:
        """Change the value."""
        ground.cells.set(name, value)


class Numbers(Kind):
    """An array of ints, floats or bools."""

    def __init__(self, one: Number, count: int) -> None:
        self._one, self._count = one, count
        self.words = f"{one.words}[{count}]"
        self.size, self.alignment = one.size * count, one.alignment

    def places(self, name: str, offset: int) -> Places:
        """Say which numbers the field consists of."""
        return {name: (offset, self._one.letter, self._count)}

    def check(self, value: Any) -> None:
        """Refuse what the field cannot hold."""
        values = list(value)
        if len(values) != self._count:
            raise ValueError(f"a field of type {self.words} takes {self._count} values, not {len(values)}")
        for one in values:
            self._one.check(one)

    def load(self, ground: Ground, name: str, offset: int) -> NumberArray[Any]:
        """Return the value, or what stands for it."""
        return NumberArray(ground.cells, name, self._count, self._one.letter, ground.part(offset, self.size))

    def store(self, ground: Ground, name: str, offset: int, value: Any) -> None:
        """Change the value."""
        values = list(value)
        self.check(values)
        self.load(ground, name, offset)[:] = values


class Text(Kind):
    """A str of at most so many characters, or bytes of at most that length.

    One word says how often the text was written, which of the two copies is in use, and how many bytes it has.
    """

    def __init__(self, kind: type[str] | type[bytes], limit: int) -> None:
        self._kind, self._limit = kind, limit
        self.words = f"{kind.__name__}[{limit}]"
        capacity = limit * (4 if kind is str else 1)  # of UTF-8
        if capacity > LARGEST:
            raise ValueError(f"a field of type {self.words} would have more than {LARGEST:,} bytes")
        self._capacity = (capacity + 7) // 8 * 8
        self.size = 8 + 2 * self._capacity

    def places(self, name: str, offset: int) -> Places:
        """Say which numbers the field consists of."""
        return {_word(name): (offset, "Q", 1)}

    def check(self, value: Any) -> None:
        """Refuse what the field cannot hold."""
        self._encoded(value)

    def _encoded(self, value: Any) -> bytes:
        if not isinstance(value, str if self._kind is str else (bytes, bytearray, memoryview)):
            raise TypeError(f"a field of type {self.words} takes {self._kind.__name__}, not {type(value).__name__}")
        data = value.encode() if isinstance(value, str) else bytes(value)
        length, unit = (len(value), "characters") if isinstance(value, str) else (len(data), "bytes")
        if length > self._limit:
            raise ValueError(f"a field of type {self.words} takes at most {self._limit} {unit}, not {length}")
        return data

    def load(self, ground: Ground, name: str, offset: int) -> str | bytes:
        """Return the value, or what stands for it."""
        for _ in range(_TRIES):
            data, is_whole = self._copy(ground, name, offset)
            if is_whole:
                break
        else:  # it is written all the time
            with ground.writing():
                data, _ = self._copy(ground, name, offset)
        if self._kind is bytes:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as problem:
            raise _damaged(ground, name, str(problem)) from None

    def _copy(self, ground: Ground, name: str, offset: int) -> tuple[bytes, bool]:
        """Copy the text; and say whether it is one, and not parts of two."""
        word = ground.cells.get(_word(name))
        length, copy = word & 0x7FFF_FFFF, word >> 31 & 1
        if length > self._capacity:
            raise _damaged(ground, name, f"it has {length:,} bytes")
        with ground.part(offset + 8 + copy * self._capacity, length) as memory:
            data = memory.tobytes()
        return data, ground.cells.get(_word(name)) == word

    def store(self, ground: Ground, name: str, offset: int, value: Any) -> None:
        """Change the value."""
        data = self._encoded(value)
        with ground.writing():
            word = ground.cells.get(_word(name))
            times, copy = (word >> 32) + 1 & 0xFFFF_FFFF, 1 - (word >> 31 & 1)
            with ground.part(offset + 8 + copy * self._capacity, len(data)) as memory:
                memory[:] = data
            ground.cells.set(_word(name), times << 32 | copy << 31 | len(data))


def _word(name: str) -> str:
    """The name, among the numbers of a record, of the word behind a text: no field's."""
    return f"{name} "


def _damaged(ground: Ground, name: str, detail: str) -> Exception:
    problem = f"the field {name!r} holds what no participant of this version writes: {detail}"
    return from_status(Status.DATA_ERROR, "SharedData", ground.subject, problem=problem)

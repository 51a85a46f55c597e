"""Arrays in shared data: as many numbers or records as were declared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import index
from typing import Any, TypeVar, overload

from ntipc import _kernel

T = TypeVar("T")


class SharedArray(Sequence[T]):
    """A field of so many numbers or records. Each number is read and changed whole; several are not one step.

    It keeps the memory of the data, also when that is closed.

    >>> import ntipc
    >>> class Board(ntipc.SharedData, name="scores"):
    ...     scores: ntipc.Shared[int, 4]
    >>> board = Board()
    >>> board.scores[0] = 7
    >>> board.scores.add(-1, 5), board.scores
    (0, <SharedArray [7, 0, 0, 5]>)
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self._load(number) for number in range(*place.indices(self._count))]
        return self._load(self._number(place))

    def __setitem__(self, place: int | slice, value: Any) -> None:
        if not isinstance(place, slice):
            self._store(self._number(place), value)
            return
        numbers, values = range(*place.indices(self._count)), list(value)
        if len(numbers) != len(values):
            raise ValueError(f"an array has a fixed length: {len(numbers)} places cannot take {len(values)} values")
        for number, one in zip(numbers, values, strict=True):
            self._store(number, one)

    def __iter__(self) -> Iterator[T]:
        return map(self._load, range(self._count))

    def add(self, place: int, n: T) -> T:
        """Add to one number in one step.

        Args:
            place: Which one; below 0 from the end.
            n: What to add.

        Returns:
            What it was before.

        Raises:
            IndexError: There is no such place.
            OverflowError: The sum does not fit. The number is unchanged.
            TypeError: These are no numbers.
        """
        return self._change("add", place, n)  # type: ignore[no-any-return]

    def exchange(self, place: int, value: T) -> T:
        """Store a value and return the one before, in one step.

        Raises:
            IndexError: There is no such place.
            OverflowError: The value does not fit.
            TypeError: These are no numbers.
        """
        return self._change("exchange", place, value)  # type: ignore[no-any-return]

    def compare_exchange(self, place: int, expected: T, new: T) -> bool:
        """Store ``new`` if the value is ``expected``, in one step.

        Returns:
            Whether it was, and is ``new`` now.

        Raises:
            IndexError: There is no such place.
            OverflowError: A value does not fit.
            TypeError: These are no numbers.
        """
        return self._change("compare_exchange", place, expected, new)  # type: ignore[no-any-return]

    @property
    def memory(self) -> memoryview:
        """The numbers as they lie in memory: for ``numpy.asarray`` and ``struct``, without a copy.

        Raises:
            TypeError: These are no numbers.
        """
        raise TypeError("an array of records has no memory in one piece: take the records' fields")

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:10])) + (", ..." if self._count > 10 else "")
        return f"<SharedArray [{shown}]>"

    def _number(self, place: int) -> int:
        number = index(place)
        if number < 0:
            number += self._count
        if not 0 <= number < self._count:
            raise IndexError(f"the array has {self._count} places, and none at {place}")
        return number

    @abstractmethod
    def _load(self, number: int) -> T: ...

    @abstractmethod
    def _store(self, number: int, value: T) -> None: ...

    def _change(self, change: str, place: int, *values: Any) -> Any:
        raise TypeError(f"records cannot be changed by {change}(): take their fields")


class NumberArray(SharedArray[T]):
    """Numbers."""

    def __init__(self, cells: _kernel.Cells, field: str, count: int, letter: str, memory: memoryview) -> None:
        super().__init__(count)
        self._cells, self._field = cells, field
        self._letter, self._bytes = letter, memory

    @property
    def memory(self) -> memoryview:
        """The numbers as they lie in memory: for ``numpy.asarray`` and ``struct``, without a copy."""
        return self._bytes.cast(self._letter)  # type: ignore[call-overload, no-any-return]

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Let ``numpy.asarray`` use the same memory."""
        kind = {"?": "b", "d": "f"}.get(self._letter, "i")
        return {
            "version": 3,
            "typestr": f"|{kind}1" if kind == "b" else f"<{kind}8",
            "shape": (self._count,),
            "data": self._bytes,
        }

    def _load(self, number: int) -> T:
        return self._cells.get(self._field, number)  # type: ignore[no-any-return]

    def _store(self, number: int, value: T) -> None:
        self._cells.set(self._field, value, number)

    def _change(self, change: str, place: int, *values: Any) -> Any:
        return getattr(self._cells, change)(self._field, *values, self._number(place))


class RecordArray(SharedArray[T]):
    """Records, each made when it is asked for."""

    def __init__(self, count: int, record_at: Callable[[int], T]) -> None:
        super().__init__(count)
        self._record_at = record_at

    def _load(self, number: int) -> T:
        return self._record_at(number)

    def _store(self, number: int, value: T) -> None:
        raise TypeError("a record is not assigned: assign its fields")


def fill(array: SharedArray[Any], values: Iterable[Any]) -> None:
    """Store as many values as the array has places."""
    array[:] = list(values)

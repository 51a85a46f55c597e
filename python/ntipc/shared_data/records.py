"""Records: classes whose annotations declare fields in shared memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ntipc.shared_data.arrays import RecordArray
from ntipc.shared_data.declarations import Shared, declarations_of
from ntipc.shared_data.ground import Ground
from ntipc.shared_data.kinds import LARGEST, Kind
from ntipc.shared_data.layout import Layout


class Record:
    """A class with fields, which lie in shared memory one behind the other, those of its bases first."""

    _fields: ClassVar[Mapping[str, Shared[Any, Any]]] = {}
    _layout: ClassVar[Layout] = Layout({})
    _ground: Ground

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        fields: dict[str, Shared[Any, Any]] = {}
        kinds: dict[str, Kind] = {}
        for base in reversed(cls.__mro__[1:]):
            if issubclass(base, Record):
                fields |= base._fields
                kinds |= base._layout.kinds
        for name, declared in declarations_of(cls).items():
            kinds[name] = declared.kind
            given = vars(cls).get(name, Shared())
            fields[name] = given if isinstance(given, Shared) else Shared(given)
        layout = Layout(kinds)
        if layout.size > LARGEST * 8:
            raise ValueError(f"the fields of {cls.__name__} have {layout.size:,} bytes, which is too much")
        for name, field in fields.items():
            if name.startswith("_") or name in cls._taken_names():
                raise TypeError(f"a field cannot be called {name!r}: {cls.__name__} has something of that name")
            own = Shared(field.default, group=field.group) if field._has_default else Shared(group=field.group)
            own._bind(name, kinds[name], layout.offsets[name])
            fields[name] = own
            setattr(cls, name, own)
        cls._fields, cls._layout = fields, layout

    @classmethod
    def _taken_names(cls) -> frozenset[str]:
        """Names of what the class has beside fields."""
        return frozenset()

    def _fill(self, values: Mapping[str, Any]) -> None:
        """Store the values that the class gives, and then these."""
        for name, field in self._fields.items():
            if name in values:
                setattr(self, name, values[name])
            elif field._has_default:
                setattr(self, name, field.default)
            elif isinstance(field._kind, Struct):
                field._kind.fill(self._ground, name, field._offset)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._fields and not name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no field {name!r}, and nothing else can be shared")
        super().__setattr__(name, value)

    def _shown(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)

    def add(self, field: str, n: Any) -> Any:
        """Add to an int or a float in one step: no other process can come in between.

        Args:
            field: The field's name.
            n: What to add; less than 0 to subtract.

        Returns:
            What the field held before.

        Raises:
            AttributeError: There is no number of that name.
            OverflowError: The sum does not fit in the field, 64 bits for an ``int``. The field is unchanged.
            TypeError: ``n`` is no number of the field's type.
            HandleClosed: The data is closed.

        Source:
            InterlockedExchangeAdd (Win32).

        >>> import ntipc
        >>> class Visits(ntipc.SharedData, name="visits"):
        ...     count: ntipc.Shared[int]
        >>> Visits().add("count", 5)
        0
        """
        return self._ground.cells.add(field, n)

    def exchange(self, field: str, value: Any) -> Any:
        """Store a value in an int, float or bool and return the one before, in one step.

        Raises:
            AttributeError: There is no number of that name.
            OverflowError: The value does not fit.
            TypeError: The value is of another type.
            HandleClosed: The data is closed.

        Source:
            InterlockedExchange (Win32).
        """
        return self._ground.cells.exchange(field, value)

    def compare_exchange(self, field: str, expected: Any, new: Any) -> bool:
        """Store ``new`` in an int, float or bool if it is ``expected``, in one step.

        Returns:
            Whether it was, and is ``new`` now. Floats are compared bit by bit.

        Raises:
            AttributeError: There is no number of that name.
            OverflowError: A value does not fit.
            TypeError: A value is of another type.
            HandleClosed: The data is closed.

        Source:
            InterlockedCompareExchange (Win32).

        >>> import ntipc
        >>> class Jobs(ntipc.SharedData, name="jobs"):
        ...     leader: ntipc.Shared[int]
        >>> jobs = Jobs()
        >>> jobs.compare_exchange("leader", 0, 42), jobs.compare_exchange("leader", 0, 43), jobs.leader
        (True, False, 42)
        """
        return self._ground.cells.compare_exchange(field, expected, new)


class SharedStruct(Record):
    """A record within shared data: ``where: Shared[Point]``, or ``path: Shared[Point, 100]`` for many of them.

    It is declared as :class:`~ntipc.SharedData` is, and has its ``add``, ``exchange`` and ``compare_exchange``. The
    field is such a record; it is not assigned, its fields are. It keeps the memory of the data, also when that is
    closed.

    >>> import ntipc
    >>> class Point(ntipc.SharedStruct):
    ...     x: ntipc.Shared[float]
    ...     y: ntipc.Shared[float]
    >>> class Plot(ntipc.SharedData, name="plot"):
    ...     where: ntipc.Shared[Point]
    ...     path: ntipc.Shared[Point, 10]
    >>> plot = Plot()
    >>> plot.where.x = plot.path[9].y = 1.5
    >>> plot.where
    Point(x=1.5, y=0.0)
    """

    def __init__(self) -> None:
        name = type(self).__name__
        raise TypeError(f"{name} is a part of shared data: declare a field Shared[{name}]")

    @classmethod
    def _taken_names(cls) -> frozenset[str]:
        return frozenset(dir(SharedStruct))

    @classmethod
    def _at(cls, ground: Ground) -> SharedStruct:
        record = cls.__new__(cls)
        record._ground = ground
        return record

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._fields)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown()})"

    def __reduce__(self) -> Any:
        raise TypeError(f"{type(self).__name__} is a part of shared data: pickle that, or the values of the fields")


class Struct(Kind):
    """A record within a record, or an array of them."""

    def __init__(self, record: type[SharedStruct], count: int | None) -> None:
        if not record._fields:
            raise TypeError(f"{record.__name__} has no fields")
        self._record, self._count = record, count
        self.words = f"{record.__name__}({record._layout.words}){'' if count is None else f'[{count}]'}"
        self.size = record._layout.size * (1 if count is None else count)
        self.alignment = record._layout.alignment

    def check(self, value: Any) -> None:
        """Refuse what the field cannot hold."""
        raise TypeError(f"a field of type {self._record.__name__} has no default: its fields have")

    def load(self, ground: Ground, name: str, offset: int) -> Any:
        """Return the value, or what stands for it."""
        if name not in ground.parts:
            ground.parts[name] = self._made(ground, offset)
        return ground.parts[name]

    def _made(self, ground: Ground, offset: int) -> Any:
        record, layout = self._record, self._record._layout
        if self._count is None:
            return record._at(ground.within(offset, layout))
        within = ground.within
        return RecordArray(self._count, lambda number: record._at(within(offset + number * layout.size, layout)))

    def store(self, ground: Ground, name: str, offset: int, value: Any) -> None:
        """Change the value."""
        raise TypeError(f"{name} is a {self._record.__name__}, which is not assigned: assign its fields")

    def fill(self, ground: Ground, name: str, offset: int) -> None:
        """Store what the fields hold at first."""
        made = self.load(ground, name, offset)
        if not any(f._has_default or isinstance(f._kind, Struct) for f in self._record._fields.values()):
            return
        for record in [made] if self._count is None else made:
            record._fill({})


def struct_kind(declared: object, shape: tuple[int, ...]) -> Kind | None:
    """Return the kind of a field that is declared by a record; ``None`` if it is not."""
    if not (isinstance(declared, type) and issubclass(declared, SharedStruct)):
        return None
    if len(shape) > 1:
        raise TypeError(f"an array of {declared.__name__} has one dimension")
    return Struct(declared, shape[0] if shape else None)

"""The annotation that declares a field of shared data, and the attribute that it becomes."""

from __future__ import annotations

import sys
from inspect import get_annotations
from types import FrameType
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, get_args, get_origin, overload

from ntipc.shared_data.kinds import LARGEST, Kind, Number, Numbers, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import TypeVar

    from ntipc.shared_data.arrays import SharedArray
    from ntipc.shared_data.records import Record
else:
    from typing import TypeVar


class One:
    """Stands, for type checkers, for the size of a field that is not an array."""


class NumPyScalar(Protocol):
    """What type checkers know of NumPy's types where it is not installed."""

    @property
    def itemsize(self) -> int:
        """Bytes of one."""


T = TypeVar("T")
S = TypeVar("S", bound=NumPyScalar)
if TYPE_CHECKING:
    N = TypeVar("N", default=One)
else:
    N = TypeVar("N")

_MISSING: Any = object()


class Declared:
    """What ``Shared[...]`` is at run time."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"Shared[{self.kind.words}]"

    def __call__(self) -> None:
        """Look like a type to those that check what an annotation is."""
        raise TypeError("Shared[...] declares a field and is not called: Shared(...) gives a default")


class Shared(Generic[T, N]):
    """A field of a :class:`~ntipc.SharedData`, declared as ``name: Shared[type]`` or ``name: Shared[type, size]``.

    The type is ``int`` (64 bits), ``float``, ``bool``, a class derived from :class:`~ntipc.SharedStruct`, a type of
    NumPy, or a structure of ctypes; with a size it is an array of so many. ``str`` and ``bytes`` need a size, the most
    characters or bytes that the text may have. For type checkers a size is written ``Literal[32]``.

    Args:
        default: What the field holds when the data is made; without it 0 or empty.
        group: Fields with the same group have the same lock; without it a field has a lock of its own.

    >>> import ntipc
    >>> class Progress(ntipc.SharedData, name="progress"):
    ...     done: Shared[int]
    ...     total: Shared[int] = Shared(100)
    ...     stage: Shared[str, 20] = "start"
    >>> progress = Progress()
    >>> progress.done += 1
    >>> progress.done, progress.total, progress.stage
    (1, 100, 'start')
    """

    def __init__(self, default: T = _MISSING, *, group: str | None = None) -> None:
        if group is not None and not isinstance(group, str):
            raise TypeError(f"group must be a str, not {type(group).__name__}")
        self._default, self.group = default, group

    if not TYPE_CHECKING:

        def __class_getitem__(cls, declared: Any) -> Declared:
            return Declared(kind_of(declared))

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def _bind(self, name: str, kind: Kind, offset: int) -> None:
        """Learn what the annotation says."""
        self._name, self._kind, self._offset = name, kind, offset
        if self._has_default:
            kind.check(self._default)

    @property
    def _has_default(self) -> bool:
        """Whether the class says what the field holds at first."""
        return self._default is not _MISSING

    @property
    def default(self) -> T:
        """What the field holds when the data is made."""
        return self._default

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self: Shared[str, Any], instance: Record, owner: type[Any] | None = None) -> str: ...
    @overload
    def __get__(self: Shared[bytes, Any], instance: Record, owner: type[Any] | None = None) -> bytes: ...
    @overload
    def __get__(self: Shared[T, One], instance: Record, owner: type[Any] | None = None) -> T: ...
    @overload
    def __get__(self: Shared[S, Any], instance: Record, owner: type[Any] | None = None) -> Any: ...
    @overload
    def __get__(self: Shared[T, Any], instance: Record, owner: type[Any] | None = None) -> SharedArray[T]: ...
    def __get__(self, instance: Record | None, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        return self._kind.load(instance._ground, self._name, self._offset)

    @overload
    def __set__(self: Shared[str, Any], instance: Record, value: str) -> None: ...
    @overload
    def __set__(self: Shared[bytes, Any], instance: Record, value: bytes) -> None: ...
    @overload
    def __set__(self: Shared[T, One], instance: Record, value: T) -> None: ...
    @overload
    def __set__(self: Shared[S, Any], instance: Record, value: Any) -> None: ...
    @overload
    def __set__(self: Shared[T, Any], instance: Record, value: Iterable[T]) -> None: ...
    def __set__(self, instance: Record, value: Any) -> None:
        self._kind.store(instance._ground, self._name, self._offset, value)


def kind_of(declared: object) -> Kind:
    """Return the kind of a field from what stands between the brackets of ``Shared``.

    Raises:
        TypeError: Nothing of that type can be shared, or it needs a size or must not have one.
        ValueError: The size is less than 1 or too large.

    >>> kind_of(int).words, kind_of((str, 8)).words, kind_of((float, Literal[3])).words
    ('int', 'str[8]', 'float[3]')
    """
    what, sizes = (declared[0], declared[1:]) if isinstance(declared, tuple) and declared else (declared, ())
    if len(sizes) > 1:
        raise TypeError("Shared takes a type and a size; an array with several dimensions has a tuple as its size")
    shape = _shape(sizes[0]) if sizes else ()
    if what is str or what is bytes:
        if len(shape) != 1:
            raise TypeError(f"a {what.__name__} needs a size: Shared[{what.__name__}, 32]")
        return Text(what, shape[0])
    if isinstance(what, type) and what in Number.LETTERS:
        one = Number(Number.LETTERS[what], what.__name__)
        if len(shape) > 1:
            raise TypeError(f"an array of {what.__name__} has one dimension; take a type of NumPy for several")
        return Numbers(one, shape[0]) if shape else one
    from ntipc.shared_data.blocks import ctypes_kind, numpy_kind
    from ntipc.shared_data.records import struct_kind

    kind = struct_kind(what, shape) or numpy_kind(what, shape)
    if kind is None and (kind := ctypes_kind(what)) is not None and shape:
        raise TypeError("an array of ctypes is declared as ctypes has it: Shared[Pair * 3]")
    if kind is None:
        known = "int, float, bool, str, bytes, a SharedStruct, a type of NumPy, or a structure of ctypes"
        raise TypeError(f"Shared takes {known}, not {what!r}")
    return kind


def _shape(size: object) -> tuple[int, ...]:
    if get_origin(size) is Literal:
        (size,) = get_args(size)
    sizes = size if isinstance(size, tuple) else (size,)
    for one in sizes:
        if isinstance(one, bool) or not isinstance(one, int):
            raise TypeError(f"a size must be an int, not {one!r}")
        if not 1 <= one <= LARGEST:
            raise ValueError(f"a size must be from 1 to {LARGEST:,}, not {one}")
    return sizes


def declarations_of(cls: type) -> dict[str, Declared]:
    """Return the annotations that declare fields. Texts mean what they mean where the class is made."""
    found: dict[str, Declared] = {}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name == "__init_subclass__":
        frame = frame.f_back
    assert frame is not None
    for name, annotation in get_annotations(cls).items():
        if isinstance(annotation, str):
            if "Shared" not in annotation:
                continue
            module = sys.modules.get(cls.__module__)
            scope = {**frame.f_globals, **(vars(module) if module else {}), **frame.f_locals, **vars(cls)}
            try:
                annotation = eval(annotation, scope)
            except NameError as problem:
                raise TypeError(f"the annotation of {cls.__name__}.{name} cannot be read: {problem}") from None
        if isinstance(annotation, Declared):
            found[name] = annotation
        elif annotation is Shared:
            raise TypeError(f"{cls.__name__}.{name} needs a type: Shared[int]")
    return found

"""Types that msgspec does not know, and how their values travel: arrays, objects of this library, registered types.

>>> from fractions import Fraction
>>> register(Fraction, str, Fraction)
>>> travels(Fraction)
'Fraction'
"""

from __future__ import annotations

import pathlib
import sys
import typing
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ntipc.objects.object import NtObject

T = TypeVar("T")


class Conversion(NamedTuple):
    """How values of a registered type become plain ones, and back."""

    kind: type
    name: str
    plain: Callable[[Any], Any]
    back: Callable[[Any], Any]


_registered: dict[type, Conversion] = {}


def register(kind: type[T], plain: Callable[[T], Any], back: Callable[[Any], T], *, name: str | None = None) -> None:
    """Let values of a type travel that otherwise could not.

    Both sides register it, before they read an interface that mentions it.

    Args:
        kind: The type; values of its subclasses travel as values of it.
        plain: Makes of a value something that can travel: numbers, texts, bytes, lists, dicts, dataclasses.
        back: Makes a value of that again; what comes from another process is not to be trusted. A ``TypeError`` or
            ``ValueError`` refuses it.
        name: What both sides call it; the name of the class by default.

    Raises:
        TypeError: ``kind`` is no class.
    """
    if not isinstance(kind, type):
        raise TypeError(f"{kind!r} is no class")
    _registered[kind] = Conversion(kind, name or kind.__name__, plain, back)


def conversion_of(kind: type) -> Conversion | None:
    """Return how values of a class travel, if it or one it derives from is registered."""
    return next((found for each in kind.__mro__ if (found := _registered.get(each))), None)


def conversion_to(kind: Any) -> Conversion | None:
    """Return how values for an annotation come back, if exactly this type is registered."""
    return _registered.get(kind) if isinstance(kind, type) else None


def travels(annotation: Any) -> str | None:
    """Return what a type that msgspec does not know is called in a shape; ``None`` if its values cannot travel."""
    kind = typing.get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return None
    if is_array(kind):
        wanted = dtype_of(annotation)
        return "array" if wanted is None else f"array[{wanted.name}]"
    if issubclass(kind, NtObject):
        return f"handle {kind.__name__}"
    found = conversion_to(kind)
    return None if found is None else found.name


def is_array(kind: type) -> bool:
    """Whether it is NumPy's array; NumPy is not imported for the question."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and kind is numpy.ndarray


def dtype_of(annotation: Any) -> Any:
    """Return the dtype that ``NDArray[...]`` asks for; ``None`` for any."""
    import numpy

    arguments = typing.get_args(annotation)
    if len(arguments) != 2:
        return None
    scalar = (typing.get_args(arguments[1]) or (Any,))[0]
    if not isinstance(scalar, type) or scalar is numpy.generic:
        return None
    try:
        wanted = numpy.dtype(scalar)
    except TypeError:
        return None
    # numpy.floating and its like are classes of several dtypes.
    return wanted if wanted.type is scalar else None


def _complex(value: Any) -> complex:
    real, imaginary = value
    return complex(float(real), float(imaginary))


def _path(value: Any) -> pathlib.Path:
    if not isinstance(value, str):
        raise TypeError(f"a path is a text, not {type(value).__name__}")
    return pathlib.Path(value)


register(complex, lambda value: (value.real, value.imag), _complex)
register(pathlib.PurePath, str, _path, name="Path")
register(pathlib.Path, str, _path, name="Path")

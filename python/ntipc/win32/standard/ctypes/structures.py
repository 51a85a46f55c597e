"""``Structure`` and ``Union`` whose fields of wide characters read and write as ``str``."""

from __future__ import annotations

import ctypes
from typing import Any

from .characters import as_text, as_value, is_text


class TextField:
    """A field of characters. Of the class it is the field that `ctypes` made, with its offset and size."""

    def __init__(self, field: Any, kind: Any) -> None:
        self._field = field
        self._kind = kind

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self._field
        return as_text(self._field.__get__(instance, owner), self._kind)

    @property
    def kind(self) -> Any:
        """The type of the field."""
        return self._kind

    def __set__(self, instance: Any, value: Any) -> None:
        self._field.__set__(instance, as_value(value, self._kind))

    @property
    def raw(self) -> Any:
        """The field that `ctypes` made."""
        return self._field


def _text_fields(cls: type) -> dict[str, TextField]:
    return {name: field for name, field in vars(cls).items() if isinstance(field, TextField)}


def _assign(cls: Any, name: str, value: Any) -> None:
    """Set an attribute of a class as the metaclass of `ctypes` does."""
    kind: Any = type(ctypes.Structure) if issubclass(cls, ctypes.Structure) else type(ctypes.Union)
    kind.__setattr__(cls, name, value)
    # The metaclass of unions leaves what CPython remembers of the class's attributes as it was.
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))


class _WithoutText:
    """Gives classes back the fields that `ctypes` made, for as long as it lays out a class around them."""

    def __init__(self, classes: list[type]) -> None:
        self._taken = [(cls, name, field) for cls in classes for name, field in _text_fields(cls).items()]

    def __enter__(self) -> list[tuple[str, TextField]]:
        for cls, name, field in self._taken:
            _assign(cls, name, field.raw)
        return [(name, field) for _, name, field in self._taken]

    def __exit__(self, *error: object) -> None:
        for cls, name, field in self._taken:
            _assign(cls, name, field)


def _set_fields(cls: Any, fields: Any) -> None:
    """Lay the class out, and give its fields of characters their conversion: those of anonymous members, too."""
    anonymous = set(getattr(cls, "_anonymous_", ()))
    members = [field[1] for field in fields if field[0] in anonymous]
    with _WithoutText(members) as inherited:
        _assign(cls, "_fields_", fields)
    for name, kind, *_ in fields:
        if is_text(kind):
            _assign(cls, name, TextField(vars(cls)[name], kind))
    for name, field in inherited:
        if name in vars(cls):
            _assign(cls, name, TextField(vars(cls)[name], field.kind))


class _StructureType(type(ctypes.Structure)):  # type: ignore[misc]
    def __setattr__(cls, name: str, value: Any) -> None:
        if name == "_fields_":
            _set_fields(cls, value)
        else:
            super().__setattr__(name, value)


class _UnionType(type(ctypes.Union)):  # type: ignore[misc]
    def __setattr__(cls, name: str, value: Any) -> None:
        if name == "_fields_":
            _set_fields(cls, value)
        else:
            super().__setattr__(name, value)


_Structure: Any = ctypes.Structure
_Union: Any = ctypes.Union


class Structure(_Structure, metaclass=_StructureType):  # type: ignore[misc]
    """A C structure, as `ctypes.Structure`."""

    def __init__(self, *values: Any, **named: Any) -> None:
        _initialise(self, values, named)


class Union(_Union, metaclass=_UnionType):  # type: ignore[misc]
    """A C union, as `ctypes.Union`."""

    def __init__(self, *values: Any, **named: Any) -> None:
        _initialise(self, values, named)


def _field_names(cls: type) -> list[str]:
    return [field[0] for base in reversed(cls.__mro__) for field in vars(base).get("_fields_", ())]


def _initialise(instance: Any, values: tuple[Any, ...], named: dict[str, Any]) -> None:
    names = _field_names(type(instance))
    if len(values) > len(names):
        raise TypeError("too many initializers")
    for name, value in zip(names, values, strict=False):
        if name in named:
            raise TypeError(f"duplicate values for field {name!r}")
        setattr(instance, name, value)
    for name, value in named.items():
        setattr(instance, name, value)

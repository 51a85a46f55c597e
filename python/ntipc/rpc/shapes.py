"""Shapes: a text for a type that is the same wherever values of it travel alike.

Names of classes and modules are left out: two programs may each define the dataclass. Names of fields are in it.

>>> from dataclasses import dataclass
>>> @dataclass
... class Point:
...     x: int
...     y: int = 0
>>> Shapes().of(list[Point] | None)
'list[{x: int, y: int = ...}] | None'
"""

from __future__ import annotations

import collections.abc
import types
import typing
from typing import Any

from ntipc.rpc.travellers import travels

BUFFERS: dict[Any, str] = {bytes: "bytes", bytearray: "bytearray", memoryview: "memoryview"}


def without_none(annotation: Any) -> tuple[Any, bool]:
    """Return ``X`` and true for ``X | None``, else the annotation and false."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        others = [each for each in typing.get_args(annotation) if each is not type(None)]
        if len(others) == 1 and len(others) < len(typing.get_args(annotation)):
            return others[0], True
    return annotation, False


def buffer_of(annotation: Any) -> type | None:
    """Return what a buffer arrives as, for an annotation that means a buffer."""
    kind, _ = without_none(annotation)
    if kind in BUFFERS:
        return typing.cast("type", kind)
    buffer = getattr(collections.abc, "Buffer", None)  # since Python 3.12
    if isinstance(kind, type) and (kind is buffer or (kind.__name__ == "Buffer" and "typing" in kind.__module__)):
        return memoryview
    return None


def text_of(annotation: Any) -> str:
    """Write an annotation as a program does.

    >>> text_of(list[int] | None), text_of(int)
    ('list[int] | None', 'int')
    """
    if annotation is type(None) or annotation is None:
        return "None"
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__qualname__.rpartition("<locals>.")[2]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return " | ".join(text_of(each) for each in typing.get_args(annotation))
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if isinstance(origin, type) and arguments and origin.__name__ != "Callable":
        return f"{origin.__name__}[{', '.join(_part(each) for each in arguments)}]"
    return repr(annotation).replace("typing.", "").replace("collections.abc.", "")


def _part(argument: Any) -> str:
    return "..." if argument is ... else text_of(argument)


class Shapes:
    """Makes shapes; ``where`` begins its messages.

    Raises:
        TypeError: Values of the type cannot travel.
    """

    def __init__(self, where: str = "") -> None:
        self.where = where

    def of(self, annotation: Any, what: str = "the value") -> str:
        """Return the shape of a type."""
        import msgspec

        buffer = buffer_of(annotation)
        if buffer is not None:
            return BUFFERS[buffer] + (" | None" if without_none(annotation)[1] else "")
        if getattr(typing.get_origin(annotation), "__module__", "") == "numpy" and (named := travels(annotation)):
            return named
        try:
            return self._shape(msgspec.inspect.type_info(annotation), what, ())
        except TypeError as error:
            if str(error).startswith(self.where):
                raise
            raise TypeError(f"{self.where}{what}: {text_of(annotation)} cannot travel: {error}") from None

    def _shape(self, info: Any, what: str, within: tuple[type, ...]) -> str:
        kind = type(info).__name__.removesuffix("Type")
        if kind == "Metadata":
            return self._shape(info.type, what, within)
        if kind == "Custom":
            return self._custom(info.cls, what)
        if kind == "Union":
            return " | ".join(sorted((self._shape(each, what, within) for each in info.types), key=_none_last))
        if kind in ("Dataclass", "Struct", "NamedTuple", "TypedDict"):
            return self._fields(info, kind, what, within)
        if kind == "Enum":
            return f"enum({', '.join(repr(each.value) for each in info.cls)})"
        if kind == "Literal":
            return f"literal({', '.join(map(repr, info.values))})"
        if kind == "Dict":
            return f"dict[{self._shape(info.key_type, what, within)}, {self._shape(info.value_type, what, within)}]"
        if kind == "Tuple":
            return f"tuple[{', '.join(self._shape(each, what, within) for each in info.item_types)}]"
        limits = [
            f"{name} {value}"
            for name in info.__struct_fields__
            if name != "item_type" and (value := getattr(info, name)) is not None and value is not False
        ]
        name = {"NoneType": "None", "None": "None"}.get(kind, kind.lower())
        inner = f"[{self._shape(info.item_type, what, within)}]" if hasattr(info, "item_type") else ""
        return name + inner + (f"({', '.join(limits)})" if limits else "")

    def _fields(self, info: Any, kind: str, what: str, within: tuple[type, ...]) -> str:
        if info.cls in within:
            return f"^{len(within) - within.index(info.cls)}"
        inner = (*within, info.cls)
        fields = ", ".join(
            f"{field.encode_name}: {self._shape(field.type, f'{what} ({field.name})', inner)}"
            + ("" if field.required else " = ...")
            for field in info.fields
        )
        is_list = kind == "NamedTuple" or getattr(info, "array_like", False)
        fields = f"({fields})" if is_list else "{" + fields + "}"
        tag = getattr(info, "tag", None)
        return fields if tag is None else f"{info.tag_field}={tag!r}{fields}"

    def _custom(self, kind: Any, what: str) -> str:
        name = travels(kind)
        if name is None:
            detail = "make it a dataclass, or tell how by ntipc.rpc.register"
            if getattr(kind, "_is_protocol", False):
                detail = "what is annotated by a Protocol can only be an argument itself, not inside of one"
            raise TypeError(f"{self.where}{what}: {text_of(kind)} cannot travel: {detail}")
        return name


def _none_last(shape: str) -> tuple[bool, str]:
    return shape == "None", shape

"""Values to bytes and back by their annotations: msgspec's msgpack, and what it does not know as extensions.

Never pickle. Both sides check: the sender reads what it has written, as the receiver will, so that an error shows up
where the wrong value was.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import msgpack

from ntipc.objects.object import NtObject
from ntipc.rpc.buffers import LARGE, Luggage, Packer, contiguous
from ntipc.rpc.interface import Interface
from ntipc.rpc.problems import ValidationError
from ntipc.rpc.shapes import buffer_of, text_of, without_none
from ntipc.rpc.travellers import conversion_of, conversion_to, dtype_of, is_array

_ARRAY, _MEMORY, _HANDLE, _REFERENCE = 1, 2, 3, 4


class References(Protocol):
    """Who turns arguments that travel by reference into numbers, and numbers into what stands for them."""

    def export(self, thing: object, interface: Interface) -> int:
        """Keep the object, and return its number."""
        ...

    def arrived(self, number: int, interface: Interface) -> object:
        """Return what stands here for the other side's object."""
        ...


class _Everything(type):
    """msgspec asks whether what a hook returns is an instance of the type; the hooks have checked it already."""

    def __instancecheck__(cls, _: object) -> bool:
        return True


class _Buffer(metaclass=_Everything):
    """Stands in an annotation for a buffer; a subclass for each type that buffers arrive as."""

    arrives_as: type


class _Reference(metaclass=_Everything):
    """Stands in an annotation for an argument that travels by reference; a subclass for each interface."""

    interface: Interface


class _OutgoingBuffer:
    __slots__ = ("memory",)

    def __init__(self, memory: memoryview) -> None:
        self.memory = memory


class _OutgoingReference:
    __slots__ = ("interface", "thing")

    def __init__(self, thing: object, interface: Interface) -> None:
        self.thing = thing
        self.interface = interface


_BUFFERS: dict[type, type] = {
    kind: type("Buffer", (_Buffer,), {"arrives_as": kind}) for kind in (bytes, bytearray, memoryview)
}

Wrap = Callable[[Any], Any]


def wire_type(annotation: Any, reference: Interface | None = None) -> tuple[Any, Wrap | None]:
    """Return the annotation that msgspec is given, and what is done to a value before it is written, if anything."""
    marker: Any
    if reference is not None:
        marker = type("Reference", (_Reference,), {"interface": reference})

        def wrap(value: Any) -> Any:
            return _OutgoingReference(value, reference)

    elif (buffer := buffer_of(annotation)) is not None:
        marker = _BUFFERS[buffer]

        def wrap(value: Any) -> Any:
            try:
                return _OutgoingBuffer(contiguous(value))
            except TypeError:
                raise ValidationError(f"Expected `{text_of(annotation)}`, got `{type(value).__name__}`") from None

    else:
        return annotation, None
    if without_none(annotation)[1]:
        return marker | None if hasattr(
            marker, "__or__"
        ) else marker, lambda value: None if value is None else wrap(value)
    return marker, wrap


def carries(info: Any, seen: set[int] | None = None) -> bool:
    """Whether values of a type, as msgspec sees it, may have something along: objects, buffers, references."""
    seen = set() if seen is None else seen
    if id(info) in seen:
        return False
    seen.add(id(info))
    if isinstance(info, msgspec.inspect.CustomType):
        return conversion_to(info.cls) is None
    for name in getattr(info, "__struct_fields__", ()):
        value = getattr(info, name)
        inner = value if isinstance(value, tuple) else (value,)
        if any(isinstance(each, msgspec.Struct) and carries(each, seen) for each in inner):
            return True
    return False


class Typed:
    """Writes and reads values of one annotation."""

    __slots__ = ("carries", "decode_plain", "kind")

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.carries = carries(msgspec.inspect.type_info(kind))
        self.decode_plain: Callable[[bytes | memoryview], Any] = msgpack.Decoder(
            kind, ext_hook=_no_extension, dec_hook=_plain_hook
        ).decode

    def encode(self, value: Any, packer: Packer, references: References | None) -> bytes:
        """Write a value that may have something along, and check it."""
        originals: list[Any] = []
        data = msgpack.Encoder(enc_hook=_Outgoing(packer, references, originals).hook).encode(value)
        check = _Check(originals)
        msgpack.Decoder(self.kind, ext_hook=check.extension, dec_hook=check.hook).decode(data)
        return data

    def decode(self, data: bytes | memoryview, luggage: Luggage, references: References | None) -> Any:
        """Read a value that may have something along."""
        incoming = _Incoming(luggage, references)
        return msgpack.Decoder(self.kind, ext_hook=incoming.extension, dec_hook=incoming.hook).decode(data)


def plain_enc_hook(value: Any) -> Any:
    """Turn into something that msgspec knows what it does not know."""
    found = conversion_of(type(value))
    if found is not None:
        return found.plain(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.generic):
            return value.item()
        if isinstance(value, numpy.ndarray):
            header, memory = _array_parts(value)
            return _array_extension(header, -1, len(memory), bytes(memory))
    raise TypeError(f"a value of type {type(value).__name__} cannot travel")


encode_plain = msgpack.Encoder(enc_hook=plain_enc_hook).encode
"""Writes a value of a type that has nothing along."""


def _no_extension(code: int, data: memoryview) -> Any:
    if code == _ARRAY:
        return _array_from(data, None)
    raise ValidationError("something came along that does not belong here")


def _plain_hook(kind: Any, value: Any) -> Any:
    found = conversion_to(kind)
    if found is None:
        raise ValidationError(f"Expected `{text_of(kind)}`, got `{type(value).__name__}`")
    return found.back(value)


class _Outgoing:
    def __init__(self, packer: Packer, references: References | None, originals: list[Any]) -> None:
        self.packer = packer
        self.references = references
        self.originals = originals

    def hook(self, value: Any) -> Any:
        if isinstance(value, _OutgoingBuffer):
            if len(value.memory) < LARGE:
                return value.memory
            return self.extension(_MEMORY, self.packer.place(value.memory), len(value.memory), of=value.memory)
        if isinstance(value, _OutgoingReference):
            if self.references is None:
                raise ValidationError("nothing can travel by reference here")
            number = self.references.export(value.thing, value.interface)
            return self.extension(_REFERENCE, number, of=value)
        if isinstance(value, NtObject):
            return self.extension(_HANDLE, self.packer.add(value), of=value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.ndarray) and value.nbytes >= LARGE:
            header, memory = _array_parts(value)
            self.originals.append(value)
            return _array_extension(header, self.packer.place(memory), len(memory))
        plain = plain_enc_hook(value)
        if isinstance(plain, msgpack.Ext):
            self.originals.append(value)
        return plain

    def extension(self, code: int, *content: Any, of: Any) -> msgpack.Ext:
        self.originals.append(of)
        return msgpack.Ext(code, msgpack.encode(content))


class _Check:
    """Reads what was just written, with the values themselves in the places of extensions."""

    def __init__(self, originals: list[Any]) -> None:
        self.originals = iter(originals)

    def extension(self, code: int, data: memoryview) -> Any:
        return next(self.originals)

    def hook(self, kind: Any, value: Any) -> Any:
        if isinstance(kind, type) and issubclass(kind, (_Buffer, _Reference)):
            return value
        return checked(kind, value)


class _Incoming:
    def __init__(self, luggage: Luggage, references: References | None) -> None:
        self.luggage = luggage
        self.references = references

    def extension(self, code: int, data: memoryview) -> Any:
        if code == _ARRAY:
            return _array_from(data, self.luggage)
        if code == _MEMORY:
            return self.luggage.memory(*_numbers(data, 2))
        if code == _HANDLE:
            return self.luggage.claim(*_numbers(data, 1))
        if code == _REFERENCE:
            return _Number(*_numbers(data, 1))
        raise ValidationError(f"there is no extension {code}")

    def hook(self, kind: Any, value: Any) -> Any:
        if isinstance(kind, type) and issubclass(kind, _Buffer):
            if not isinstance(value, (bytes, memoryview)):
                raise ValidationError(f"Expected `{kind.arrives_as.__name__}`, got `{type(value).__name__}`")
            return value if type(value) is kind.arrives_as else kind.arrives_as(value)
        if isinstance(kind, type) and issubclass(kind, _Reference):
            if not isinstance(value, _Number) or self.references is None:
                raise ValidationError("an argument that travels by reference did not come as one")
            return self.references.arrived(value.number, kind.interface)
        return checked(kind, value)


class _Number:
    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def checked(kind: Any, value: Any) -> Any:
    """Check a value of a type that msgspec does not know against its annotation."""
    origin = getattr(kind, "__origin__", kind)
    if is_array(origin):
        if not isinstance(value, origin):
            raise ValidationError(f"Expected `array`, got `{type(value).__name__}`")
        wanted = dtype_of(kind)
        if wanted is not None and value.dtype != wanted:
            raise ValidationError(f"Expected `array` of {wanted.name}, got one of {value.dtype}")
        return value
    if isinstance(origin, type) and issubclass(origin, NtObject):
        if not isinstance(value, origin):
            raise ValidationError(f"Expected `{origin.__name__}`, got `{type(value).__name__}`")
        return value
    return _plain_hook(kind, value)


def _numbers(data: memoryview, count: int) -> tuple[int, ...]:
    numbers = msgpack.decode(data, type=tuple[int, ...])
    if len(numbers) != count:
        raise ValidationError("an extension is damaged")
    return numbers


_Header = tuple[list[tuple[str, str]] | str, tuple[int, ...], bool, int, int]
_PLAIN_DTYPE = re.compile(
    r"[<>|=][?bBhHiIlLqQefdgFDGSUVmM](\d{1,6}(\[[\w/]{1,12}\])?)?|[<>|=][biufcSUmMV]\d{1,6}(\[[\w/]{1,12}\])?"
)


def _array_parts(array: Any) -> tuple[tuple[Any, tuple[int, ...], bool], memoryview]:
    """What an array is, and its bytes."""
    import numpy

    if array.dtype.hasobject:
        raise ValidationError("an array of Python objects cannot travel")
    if array.dtype.names is None:
        what: Any = array.dtype.str
    else:
        what = [(name, array.dtype[name].str) for name in array.dtype.names]
        packed = numpy.dtype(what)
        if packed.names != array.dtype.names or any(array.dtype[name].shape for name in array.dtype.names):
            raise ValidationError(f"an array of {array.dtype} cannot travel: its fields must be plain")
        if packed != array.dtype:
            array = array.astype(packed)
    fortran = bool(array.flags.f_contiguous and not array.flags.c_contiguous)
    flat = numpy.ascontiguousarray(array.T if fortran else array).reshape(-1).view(numpy.uint8)
    return (what, tuple(array.shape), fortran), memoryview(flat.data)


def _array_extension(header: tuple[Any, ...], offset: int, length: int, body: bytes = b"") -> msgpack.Ext:
    """Describe an array: two bytes that say how long the description is, the description, and what comes with it."""
    description = msgpack.encode((*header, offset, length))
    if len(description) > 65_535:
        raise ValidationError("an array with so many fields cannot travel")
    return msgpack.Ext(_ARRAY, len(description).to_bytes(2, "big") + description + body)


def _array_from(data: memoryview, luggage: Luggage | None) -> Any:
    """Make an array of what came; it can only be read."""
    import numpy

    end = 2 + int.from_bytes(data[:2], "big")
    try:
        what, shape, fortran, offset, length = msgpack.decode(data[2:end], type=_Header)
    except msgspec.DecodeError as error:
        raise ValidationError(f"an array's description is damaged: {error}") from None
    if isinstance(what, str):
        names = [what]
    else:
        names = [kind for _, kind in what]
        if len({name for name, _ in what}) != len(what) or not what:
            raise ValidationError("an array's fields must have different names")
    if not all(_PLAIN_DTYPE.fullmatch(name) for name in names):
        raise ValidationError("an array has an unknown dtype")
    try:
        dtype = numpy.dtype(what)
    except (TypeError, ValueError) as error:
        raise ValidationError(f"an array has an unknown dtype: {error}") from None
    count = 1
    for extent in shape:
        if extent < 0:
            raise ValidationError("an array has a negative extent")
        count *= extent
    if len(shape) > 32 or count * dtype.itemsize != length:
        raise ValidationError(f"an array of shape {shape} has not {length:,} bytes")
    if offset < 0:
        memory: bytes | memoryview = bytes(data[end:])
        if len(memory) != length:
            raise ValidationError("an array's bytes did not all come")
    elif luggage is None:
        raise ValidationError("something came along that does not belong here")
    else:
        memory = luggage.memory(offset, length)
    if not length:
        array = numpy.empty(shape, dtype)
        array.flags.writeable = False
        return array
    flat = numpy.frombuffer(memory, dtype)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)

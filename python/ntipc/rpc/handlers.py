"""Methods ready to be called from a message: names, decoders and encoders found once, not with every call.

A request is one byte that says how the arguments come, one byte with the length of the method's name, the name, and the
arguments as msgpack. The service finds the handler by those first bytes. A reply is the result as msgpack, or begins
with a byte that msgpack does not have (:data:`~ntipc.rpc.failures.FAILURE`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ntipc.objects.object import NtObject
from ntipc.rpc.buffers import Luggage, Packer
from ntipc.rpc.codec import References, Typed, Wrap, encode_plain, wire_type
from ntipc.rpc.interface import EXACT, Fit, Interface, Method
from ntipc.rpc.problems import ValidationError

BY_PLACE, BY_NAME = 1, 2
LONGEST_NAME = 255


class _Unset:
    def __repr__(self) -> str:
        return "..."


_EXACT = {int, str, float, bool, bytes}
"""Types whose values need no other check than that they are exactly of the type."""

UNSET: Any = _Unset()
"""The default of optional arguments: what is not given is not sent, so that the service's own default counts."""

Packed = tuple[bytes, Packer | None]


def prefix_of(name: str, how: int = BY_PLACE) -> bytes:
    """Return what a request for this method begins with."""
    encoded = name.encode()
    if len(encoded) > LONGEST_NAME:
        raise TypeError(f"the name of a method has at most {LONGEST_NAME} bytes: {name[:40]}...")
    return bytes((how, len(encoded))) + encoded


class MethodCodec:
    """Writes and reads the arguments, the result and the items of one method.

    Attributes:
        carries: Whether arguments may have something along.
        result_carries: Whether the result, or an item, may.
    """

    def __init__(self, interface: Interface, method: Method) -> None:
        self.method = method
        self.where = f"{interface.title}.{method.name}"
        pairs = [wire_type(parameter.annotation, parameter.reference) for parameter in method.parameters]
        self._types = [kind for kind, _ in pairs]
        self._wraps: list[tuple[int, Wrap]] = [(place, wrap) for place, (_, wrap) in enumerate(pairs) if wrap]
        self._names = [parameter.name for parameter in method.parameters]
        self._required = sum(parameter.required for parameter in method.parameters)
        self._first_keyword = sum(not parameter.keyword_only for parameter in method.parameters)
        self._by_place: dict[int, Typed] = {}
        self._by_name: Typed | None = None
        self._whole = self._placed(len(self._types))
        self.carries = self._whole.carries
        self._is_plain = not self.carries
        self._has_optional = self._required < len(self._types)
        self._check_whole = self._whole.decode_plain
        kind, self._wrap_result = wire_type(method.result)
        self._result = Typed(kind)
        self.result_carries = self._result.carries
        self._result_kind = kind
        self.prefix = prefix_of(method.name)
        self.prefix_by_name = prefix_of(method.name, BY_NAME)

        self.is_plain = (
            not (self.carries or self.result_carries or method.streams or method.marks.one_way or method.is_async)
            and self._first_keyword == len(self._types) <= 15
        )
        """Whether nothing has to be thought of: all arguments go by place, and nothing has anything along."""
        self.exactly = kind if kind in _EXACT else None
        self.read_result = self._result.decode_plain

    def whole_call(self) -> tuple[bytes, Callable[[bytes], Any]]:
        """Return what a request with all arguments begins with, and what reads it from the last byte of that."""
        return self.prefix + bytes((0x90 | len(self._types) & 15,)), self._check_whole

    def encode_plain_call(self, values: tuple[Any, ...]) -> bytes | None:
        """Write a request of a plain method, if all arguments are given.

        Raises:
            ValidationError: A value does not fit its annotation.
        """
        if self._has_optional and any(each is UNSET for each in values):
            return None
        try:
            data = encode_plain(values)
            self._check_whole(data)
        except (msgspec.MsgspecError, ValidationError, OverflowError, RecursionError, TypeError) as error:
            raise self._wrong(error) from None
        return self.prefix + data

    def encode_plain_result(self, value: Any) -> bytes:
        """Write a result that has nothing along.

        Raises:
            ValidationError: It does not fit the annotation.
        """
        if type(value) is not self.exactly:
            return self.encode_result(value, None)[0]
        try:
            return encode_plain(value)
        except (OverflowError, TypeError, ValueError) as error:
            raise self._wrong(error, "the result: ") from None

    def _placed(self, count: int) -> Typed:
        found = self._by_place.get(count)
        if found is None:
            kinds = tuple(self._types[:count])
            found = self._by_place[count] = Typed(tuple[kinds] if kinds else tuple[()])  # type: ignore[valid-type]
        return found

    def _named(self) -> Typed:
        if self._by_name is None:
            fields = [(name, kind, UNSET) for name, kind in zip(self._names, self._types, strict=True)]
            self._by_name = Typed(msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True))
        return self._by_name

    def encode_arguments(
        self, values: tuple[Any, ...], fit: Fit, session: Any, references: References | None
    ) -> Packed:
        """Write a request.

        Raises:
            ValidationError: A value does not fit its annotation.
            TypeError: An argument is given that the service does not have.
        """
        try:
            if fit is EXACT and self._is_plain and not (self._has_optional and any(each is UNSET for each in values)):
                data = encode_plain(values)
                self._check_whole(data)
                return self.prefix + data, None
            return self._encode_unusual(values, fit, session, references)
        except (msgspec.MsgspecError, ValidationError, OverflowError, RecursionError, TypeError) as error:
            raise self._wrong(error) from None

    def _encode_unusual(self, values: tuple[Any, ...], fit: Fit, session: Any, references: References | None) -> Packed:
        wrapped = list(values)
        for place, wrap in self._wraps:
            if wrapped[place] is not UNSET:
                wrapped[place] = self._wrapped(place, wrap, wrapped[place])
        while wrapped and wrapped[-1] is UNSET:
            wrapped.pop()
        by_name = fit.by_name or any(value is UNSET for value in wrapped)
        content: Any = tuple(wrapped)
        typed, prefix = self._placed(len(wrapped)), self.prefix
        if by_name:
            content = {n: v for n, v in zip(self._names, wrapped, strict=False) if v is not UNSET}
            if fit.unknown & content.keys():
                name = min(fit.unknown & content.keys())
                raise TypeError(f"the service's version of this method has no argument {name!r}")
            typed, prefix = self._named(), self.prefix_by_name
        if not self.carries:
            data = encode_plain(content)
            typed.decode_plain(data)
            return prefix + data, None
        packer = Packer(session)
        return prefix + typed.encode(content, packer, references), packer

    def _wrapped(self, place: int, wrap: Wrap, value: Any) -> Any:
        try:
            return wrap(value)
        except ValidationError as error:
            raise ValidationError(f"{error} - at `$[{place}]`") from None

    def decode_arguments(
        self, data: bytes, luggage: Luggage | None, references: References | None
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        """Read a request: what goes by place, and what goes by keyword.

        Raises:
            ValidationError: It does not fit the annotations, or is no request at all.
        """
        start = len(self.prefix)
        body = memoryview(data)[start:] if len(data) > 4096 else data[start:]
        try:
            if data[0] == BY_NAME:
                return self._decode_named(body, luggage, references)
            count = _count(body)
            if not self._required <= count <= len(self._types):
                raise ValidationError(f"{count} arguments were given: {self.method.signature}")
            typed = self._by_place.get(count) or self._placed(count)
            values = self._decoded(typed, body, luggage, references)
        except (msgspec.MsgspecError, ValidationError, RecursionError, TypeError, ValueError) as error:
            raise self._wrong(error) from None
        if count <= self._first_keyword:
            return values, {}
        place = self._first_keyword
        return values[:place], dict(zip(self._names[place:], values[place:], strict=False))

    def _decode_named(
        self, body: bytes | memoryview, luggage: Luggage | None, references: References | None
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        found = self._decoded(self._named(), body, luggage, references)
        given = {name: value for name in self._names if (value := getattr(found, name)) is not UNSET}
        for parameter in self.method.parameters:
            if parameter.required and parameter.name not in given:
                raise ValidationError(f"argument {parameter.name!r} is missing: {self.method.signature}")
        places: list[Any] = []
        for parameter in self.method.parameters:
            if not parameter.positional_only or parameter.name not in given:
                break
            places.append(given.pop(parameter.name))
        return places, given

    def _decoded(
        self, typed: Typed, body: bytes | memoryview, luggage: Luggage | None, references: References | None
    ) -> Any:
        if not typed.carries:
            return typed.decode_plain(body)
        return typed.decode(body, luggage or Luggage(), references)

    def encode_result(self, value: Any, session: Any) -> Packed:
        """Write a result, or an item of a stream.

        Raises:
            ValidationError: It does not fit the annotation.
        """
        try:
            if not self.result_carries:
                data = encode_plain(value)
                self._result.decode_plain(data)
                return data, None
            packer = Packer(session)
            wrapped = value if self._wrap_result is None else self._wrap_result(value)
            return self._result.encode(wrapped, packer, None), packer
        except (msgspec.MsgspecError, ValidationError, OverflowError, RecursionError, TypeError) as error:
            raise self._wrong(error, "the result: ") from None

    def decode_result(self, data: bytes | memoryview, luggage: Luggage | None = None) -> Any:
        """Read a result.

        Raises:
            ValidationError: It does not fit the annotation.
        """
        try:
            if not self.result_carries:
                return self._result.decode_plain(data)
            return self._result.decode(data, luggage or Luggage(), None)
        except (msgspec.MsgspecError, ValidationError, RecursionError, TypeError, ValueError) as error:
            raise self._wrong(error, "the result: ") from None

    def decode_arguments_json(self, text: bytes) -> tuple[Sequence[Any], dict[str, Any]]:
        """Read arguments from JSON: a list of them, or an object with their names."""
        from ntipc.rpc.json_calls import decode_json

        if any(parameter.reference for parameter in self.method.parameters):
            raise ValidationError(f"{self.where} takes an object by reference, which JSON cannot give")
        kinds = [parameter.annotation for parameter in self.method.parameters]
        try:
            if text.lstrip()[:1] == b"{":
                fields = [(name, kind, UNSET) for name, kind in zip(self._names, kinds, strict=True)]
                struct = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
                found = decode_json(text, struct)
                values = tuple(getattr(found, name) for name in self._names)
            else:
                count = len(msgspec.json.decode(text, type=list[msgspec.Raw]))
                if not self._required <= count <= len(kinds):
                    raise ValidationError(f"{count} arguments were given: {self.method.signature}")
                listed: Any = tuple(kinds[:count])
                values = decode_json(text, tuple[listed] if count else tuple[()])
        except (msgspec.MsgspecError, ValidationError, RecursionError, TypeError, ValueError) as error:
            raise self._wrong(error) from None
        named = {name: value for name, value in zip(self._names, values, strict=False) if value is not UNSET}
        for parameter in self.method.parameters:
            if parameter.required and parameter.name not in named:
                raise ValidationError(f"argument {parameter.name!r} is missing: {self.method.signature}")
        places = [named.pop(p.name) for p in self.method.parameters if p.positional_only and p.name in named]
        return places, named

    def _wrong(self, error: BaseException, what: str = "") -> ValidationError:
        text = str(error) or type(error).__name__
        if isinstance(error, RecursionError):
            text = "it is nested too deeply"
        for place, name in enumerate(self._names):
            if not what:
                text = text.replace(f"`$[{place}]`", f"argument {name!r}")
                text = text.replace(f"`$[{place}]", f"argument {name!r} `").replace(f"`$.{name}`", f"argument {name!r}")
        return ValidationError(f"{self.where}: {what}{text}")


def _count(body: bytes | memoryview) -> int:
    """How many values an array of msgpack says that it has; msgspec checks that it has them."""
    if not len(body):
        raise ValidationError("the arguments are missing")
    first = body[0]
    if 0x90 <= first <= 0x9F:
        return first & 0x0F
    if first == 0xDC and len(body) >= 3:
        return int.from_bytes(body[1:3], "big")
    raise ValidationError("the arguments are no list")


class Handler:
    """One method of one object: how to read its arguments, call it, and write its result."""

    __slots__ = ("codec", "decode", "encode", "function", "head", "head_length", "is_plain", "method", "quick")

    def __init__(self, codec: MethodCodec, function: Callable[..., Any]) -> None:
        self.quick = False
        """Whether the last call was: a habit of the pool's."""
        self.is_plain = codec.is_plain
        self.head, self.decode = codec.whole_call()
        self.head_length = len(self.head)
        self.encode = codec.encode_plain_result
        self.codec = codec
        self.method = codec.method
        self.function = function


class Handlers:
    """The methods of an object, found by what a request begins with."""

    def __init__(self, thing: object, interface: Interface) -> None:
        self.interface = interface
        self.by_prefix: dict[bytes, Handler] = {}
        self.by_name: dict[str, Handler] = {}
        for name, method in interface.methods.items():
            function = thing if method.function is None and callable(thing) else getattr(thing, name, None)
            if not callable(function):
                raise TypeError(f"{type(thing).__name__} has no method {name!r}, which {interface.title} has")
            handler = Handler(codec_of(interface, name), function)
            self.by_name[name] = handler
            self.by_prefix[handler.codec.prefix] = handler
            self.by_prefix[handler.codec.prefix_by_name] = handler

    def find(self, data: bytes) -> Handler:
        """Return the handler for a request.

        Raises:
            ValidationError: It is no request, or for a method that there is not.
        """
        found = self.by_prefix.get(data[: 2 + data[1]]) if len(data) > 1 else None
        if found is None:
            raise self.refusal(data)
        return found

    def refusal(self, data: bytes) -> Exception:
        """Say why there is no handler for a request."""
        if len(data) < 2 or data[0] not in (BY_PLACE, BY_NAME) or len(data) < 2 + data[1]:
            return ValidationError("the message is no call of a method")
        name = data[2 : 2 + data[1]].decode(errors="replace")
        if name.startswith("_"):
            return AttributeError(f"{self.interface.title}.{name}: names with an underscore in front cannot be called")
        return AttributeError(f"{self.interface.title} has no method {name!r}")


def codec_of(interface: Interface, name: str) -> MethodCodec:
    """Return the codec of a method; it is made when it is first asked for."""
    codecs: dict[str, MethodCodec] = interface.__dict__.setdefault("_codecs", {})
    found = codecs.get(name)
    if found is None:
        found = codecs[name] = MethodCodec(interface, interface.methods[name])
    return found


def close_all(handles: Sequence[NtObject]) -> None:
    """Close what came along with a message that is not wanted."""
    for each in handles:
        each.close()

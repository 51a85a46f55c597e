"""Interfaces: what a class or a Protocol says by its annotations, and whether two of them fit each other.

>>> class Calculator:
...     def add(self, a: int, b: int = 0) -> int:
...         return a + b
>>> print(interface_of(Calculator).methods["add"].signature)
add(a: int, b: int = 0) -> int
"""

from __future__ import annotations

import collections.abc
import hashlib
import inspect
import json
import sys
import types
import typing
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ntipc._runtime.turns import Turns
from ntipc.rpc.marks import Marks, marks_of
from ntipc.rpc.problems import mismatch
from ntipc.rpc.shapes import Shapes, text_of, without_none

SYNC_STREAMS = (collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator)
ASYNC_STREAMS = (collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator)


class Parameter(NamedTuple):
    """One parameter of a method, without ``self``."""

    name: str
    annotation: Any
    shape: str
    required: bool
    keyword_only: bool
    positional_only: bool
    reference: Interface | None
    """The interface of an argument that travels by reference; ``None`` for one that travels by value."""


class Method(NamedTuple):
    """What an interface says of one method."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Any
    """The annotation of the result, or of the items of a stream."""
    result_shape: str
    streams: bool
    is_async: bool
    """Whether calling it in the program gives an awaitable or an asynchronous iterator."""
    awaited_stream: bool
    """Whether the iterator of a stream comes from an ``await``."""
    marks: Marks
    signature: str
    doc: str
    function: Any
    """The function of the class."""

    def description(self) -> dict[str, Any]:
        """Say, in values that JSON has, all that the other side has to know."""
        return {
            "signature": self.signature,
            "parameters": [
                [parameter.name, parameter.shape, parameter.required, parameter.keyword_only]
                for parameter in self.parameters
            ],
            "result": self.result_shape,
            "streams": self.streams,
            "one_way": self.marks.one_way,
        }


class Interface:
    """The methods of a class that may be called from elsewhere, and the exceptions that they declare.

    Attributes:
        title: The name of the class.
        methods: The methods by name.
        exceptions: By name, the types of exceptions that arrive as themselves, beside the built-in ones.
    """

    def __init__(self, kind: Any, title: str, doc: str) -> None:
        self.title = title
        self.doc = doc
        self.methods: dict[str, Method] = {}
        self.exceptions: dict[str, type[BaseException]] = {}
        self.kind = kind

    @property
    def digest(self) -> str:
        """A short text that is the same exactly for interfaces that mean the same."""
        return digest_of(self.description())

    def description(self) -> dict[str, Any]:
        """Say what the methods are, in values that JSON has."""
        return {name: method.description() for name, method in sorted(self.methods.items())}


def digest_of(description: Mapping[str, Any]) -> str:
    """Shorten a description to a text that is the same exactly if calls travel alike, however types are called."""
    told = {
        name: {key: value for key, value in method.items() if key != "signature"}
        for name, method in description.items()
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


_known: weakref.WeakKeyDictionary[type, Interface] = weakref.WeakKeyDictionary()
_unfinished: dict[type, Interface] = {}
"""Those that are being read, each of which may mention itself and the others. Touched in a turn only."""
_turns = Turns()


def interface_of(kind: Any) -> Interface:
    """Read the interface that a class has.

    Raises:
        TypeError: It is no class, has no methods that can be called, or one of them has parameters or types that
            cannot travel; the text names the method.
    """
    if not isinstance(kind, type):
        raise TypeError(f"an interface is a class or a Protocol with annotated methods, not {kind!r}")
    found = _known.get(kind)
    if found is not None:
        return found
    with _turns.lock:  # no thread sees one that another has read half of
        found = _known.get(kind) or _unfinished.get(kind)
        if found is not None:
            return found
        is_first = not _unfinished
        try:
            found = _read(kind)
            if is_first:
                _known.update(_unfinished)
        finally:
            if is_first:
                _unfinished.clear()
        return found


def callable_interface(annotation: Any) -> Interface:
    """Make the interface of an argument annotated as ``Callable``: one method, named ``call``."""
    arguments = typing.get_args(annotation)
    if len(arguments) != 2 or not isinstance(arguments[0], list):
        raise TypeError("a Callable that travels needs its types: Callable[[int, str], None]")
    interface = Interface(annotation, text_of(annotation), "")
    shapes = Shapes(f"{text_of(annotation)}: ")
    parameters = tuple(
        Parameter(f"argument{place}", kind, shapes.of(kind, f"argument {place}"), True, False, True, None)
        for place, kind in enumerate(arguments[0])
    )
    result, awaited = arguments[1], False
    if typing.get_origin(result) in (collections.abc.Awaitable, collections.abc.Coroutine):
        result, awaited = typing.get_args(result)[-1], True
    shown = ", ".join(text_of(kind) for kind in arguments[0])
    interface.methods["call"] = Method(
        "call", parameters, result, shapes.of(result, "the result"), False, awaited, False, Marks(),
        f"call({shown}) -> {text_of(result)}", "", None,
    )  # fmt: skip
    return interface


def _read(kind: type) -> Interface:
    interface = Interface(kind, kind.__name__, inspect.getdoc(kind) or "")
    _unfinished[kind] = interface  # for a Protocol whose methods mention itself
    for name, function, skip_first in _functions(kind):
        method = _method(kind, name, function, skip_first)
        interface.methods[name] = method
        interface.exceptions.update({each.__name__: each for each in method.marks.raises})
    if not interface.methods:
        raise TypeError(f"{kind.__name__} has no methods that can be called (names with an underscore cannot)")
    for namespace in (vars(sys.modules.get(kind.__module__, object)), *(vars(each) for each in kind.__mro__)):
        for each in list(namespace.values()):
            if isinstance(each, type) and issubclass(each, BaseException) and each.__module__ != "builtins":
                interface.exceptions.setdefault(each.__name__, each)
    return interface


def _functions(kind: type) -> Iterator[tuple[str, Any, bool]]:
    """The public functions of a class, with whether the first parameter is the object."""
    for name in dir(kind):
        if name.startswith("_"):
            continue
        found = inspect.getattr_static(kind, name)
        if isinstance(found, staticmethod):
            yield name, found.__func__, False
        elif isinstance(found, classmethod):
            yield name, found.__func__, True
        elif isinstance(found, types.FunctionType):
            yield name, found, True


def _declaring(kind: type, name: str, function: Any) -> Any:
    """The definition whose annotations count: a method that has none is annotated by what it overrides."""
    for each in kind.__mro__:
        found = vars(each).get(name)
        found = getattr(found, "__func__", found)
        if isinstance(found, types.FunctionType) and inspect.unwrap(found).__annotations__:
            return found
    return function


def _method(kind: type, name: str, function: Any, skip_first: bool) -> Method:
    where = f"{kind.__name__}.{name}"
    declared = _declaring(kind, name, function)
    hints = _hints(kind, where, declared)
    given = list(inspect.signature(declared).parameters.values())[1 if skip_first else 0 :]
    shapes = Shapes(f"{where}: ")
    parameters = tuple(_parameter(where, each, hints, shapes) for each in given)
    if "return" not in hints:
        raise TypeError(f"{where}: its result has no annotation (write -> None if there is none)")
    result, streams, is_async, awaited = _result(where, declared, hints["return"])
    marks = next((marks for each in kind.__mro__ if (marks := marks_of(_own(each, name))) != Marks()), Marks())
    if marks.one_way and (streams or result not in (None, type(None))):
        raise TypeError(f"{where}: it is one way, so its result must be None")
    shape = shapes.of(result, "the result")
    doc = inspect.getdoc(getattr(kind, name)) or ""
    text = f"{name}{_shown(parameters, given)} -> {text_of(hints['return'])}"
    return Method(name, parameters, result, shape, streams, is_async, awaited, marks, text, doc, function)


def _own(kind: type, name: str) -> Any:
    found = vars(kind).get(name)
    return getattr(found, "__func__", found)


def _parameter(where: str, given: inspect.Parameter, hints: dict[str, Any], shapes: Shapes) -> Parameter:
    if given.kind in (given.VAR_POSITIONAL, given.VAR_KEYWORD):
        raise TypeError(f"{where}: {given} cannot travel; take a list or a dict instead")
    if given.name not in hints:
        raise TypeError(f"{where}: parameter {given.name!r} has no annotation")
    annotation = hints[given.name]
    reference = _reference(annotation)
    shape = (
        "&" + digest_of(reference.description())
        if reference is not None
        else shapes.of(annotation, f"parameter {given.name!r}")
    )
    if reference is not None and without_none(annotation)[1]:
        shape += "?"
    return Parameter(
        given.name,
        annotation,
        shape,
        given.default is given.empty,
        given.kind is given.KEYWORD_ONLY,
        given.kind is given.POSITIONAL_ONLY,
        reference,
    )


def _reference(annotation: Any) -> Interface | None:
    kind, _ = without_none(annotation)
    if typing.get_origin(kind) is collections.abc.Callable or kind is collections.abc.Callable:
        return callable_interface(kind)
    return interface_of(kind) if is_protocol(kind) else None


def is_protocol(kind: Any) -> bool:
    """Whether it is a Protocol of a program: what is annotated so travels by reference."""
    return isinstance(kind, type) and getattr(kind, "_is_protocol", False) and kind.__module__ not in _STANDARD


_STANDARD = {"typing", "typing_extensions", "collections.abc", "os", "contextlib"}


def _result(where: str, function: Any, annotation: Any) -> tuple[Any, bool, bool, bool]:
    """The type of the result or of a stream's items; whether it streams, is asynchronous, and is awaited first."""
    coroutine = inspect.iscoroutinefunction(inspect.unwrap(function))
    origin = typing.get_origin(annotation) or annotation
    if origin in SYNC_STREAMS + ASYNC_STREAMS:
        items = typing.get_args(annotation)
        if not items:
            raise TypeError(f"{where}: say of what type the items are: {text_of(annotation)}[int]")
        if origin in SYNC_STREAMS and coroutine:
            raise TypeError(f"{where}: an asynchronous method streams an AsyncIterator")
        return items[0], True, origin in ASYNC_STREAMS, coroutine
    if _reference(annotation) is not None:
        raise TypeError(f"{where}: results travel by value; {text_of(annotation)} would travel by reference")
    return annotation, False, coroutine, False


def _hints(kind: type, where: str, function: Any) -> dict[str, Any]:
    function = inspect.unwrap(function)
    names = {name: value for each in reversed(kind.__mro__) for name, value in vars(each).items()}
    # A parameter may be called as a method is: types are looked up in the module first.
    local = {name: value for name, value in names.items() if isinstance(value, type)}
    try:
        return typing.get_type_hints(function, localns=local, include_extras=True)
    except NameError:
        pass
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:  # a class of a function: its types may be local names of its callers
        local = {**frame.f_locals, **local}
        frame = frame.f_back
    try:
        return typing.get_type_hints(function, localns=local, include_extras=True)
    except NameError as error:
        raise TypeError(f"{where}: an annotation cannot be resolved: {error}") from None


def _shown(parameters: tuple[Parameter, ...], given: list[inspect.Parameter]) -> str:
    parts: list[str] = []
    for parameter, original in zip(parameters, given, strict=True):
        if parameter.keyword_only and "*" not in parts:
            parts.append("*")
        default = "" if parameter.required else f" = {original.default!r}"
        parts.append(f"{parameter.name}: {text_of(parameter.annotation)}{default}")
        if parameter.positional_only and not any(later.positional_only for later in parameters[len(parts) :]):
            parts.append("/")
    return f"({', '.join(parts)})"


class Fit(NamedTuple):
    """How calls of one method have to be made for the service at hand."""

    by_name: bool
    """Whether arguments go by name, because their places differ."""
    unknown: frozenset[str]
    """Optional arguments that the service does not have."""


EXACT = Fit(False, frozenset())


def fit(mine: Interface, theirs: Mapping[str, Any], service: str) -> dict[str, Fit]:
    """Compare an interface with the description of a service's.

    Returns:
        How each method is to be called.

    Raises:
        InterfaceMismatch: A method is missing there, or is another one; the text has both signatures.
    """
    return {name: _fit_method(method, theirs.get(name), service) for name, method in mine.methods.items()}


def _fit_method(mine: Method, theirs: Any, service: str) -> Fit:
    here = f"this side has {mine.signature}"
    if not isinstance(theirs, dict):
        raise mismatch(service, f"it has no method {mine.name!r}; {here}")
    both = f"method {mine.name!r}: {here}, the service has {theirs['signature']}"
    ours = mine.description()
    for trait, words in (("streams", "only one of them streams"), ("one_way", "only one of them is one way")):
        if ours[trait] != theirs[trait]:
            raise mismatch(service, f"{both} ({words})")
    if ours["result"] != theirs["result"]:
        raise mismatch(service, f"{both} (the results differ: {ours['result']} and {theirs['result']})")
    there = {name: (place, shape, required) for place, (name, shape, required, _) in enumerate(theirs["parameters"])}
    by_name, unknown = False, set()
    for place, (name, shape, required, _) in enumerate(ours["parameters"]):
        if name not in there:
            if required:
                raise mismatch(service, f"{both} (the service has no argument {name!r})")
            unknown.add(name)
            by_name = True
            continue
        their_place, their_shape, their_required = there.pop(name)
        by_name |= their_place != place
        if their_shape != shape:
            raise mismatch(service, f"{both} (argument {name!r} differs: {shape} and {their_shape})")
        if their_required and not required:
            raise mismatch(service, f"{both} (argument {name!r} is optional only here)")
    missing = [name for name, (_, _, required) in there.items() if required]
    if missing:
        raise mismatch(service, f"{both} (the service needs argument {missing[0]!r})")
    return Fit(by_name, frozenset(unknown))

"""Exceptions across: built-in and declared ones arrive as themselves, others as :class:`RemoteError`.

The remote traceback is a note of the exception. Nothing but types that this side's interface knows is ever made, and no
code of theirs runs: ``__init__`` is not called, ``args`` and attributes are set as they were.

>>> import msgspec
>>> try:
...     {}["key"]
... except KeyError as error:
...     frame = failure_frame(error, {})
>>> same = exception_of(frame, {}, "service 'x'")
>>> type(same), same.args
(<class 'KeyError'>, ('key',))
>>> "Traceback" in same.__notes__[0]
True
"""

from __future__ import annotations

import asyncio
import builtins
import os
import traceback
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import msgpack

import ntipc.errors
from ntipc.errors import NtError
from ntipc.rpc.problems import InterfaceMismatch, RemoteError, ValidationError

FAILURE = 0xC1
"""The first byte of a reply that is no result; no message of msgpack begins with it."""
LONGEST_TRACEBACK = 16_384
LONGEST_TEXT = 65_536
MOST_NOTES = 100
MOST_INNER = 32
DEEPEST = 8

_BUILT_IN: dict[str, type[BaseException]] = {
    name: kind for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
}
_OURS: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (*(getattr(ntipc.errors, name) for name in ntipc.errors.__all__), ValidationError, InterfaceMismatch)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, Warning)
}
_ATTRIBUTES: dict[type, tuple[str, ...]] = {
    OSError: ("errno", "strerror", "filename", "filename2"),
    ImportError: ("msg", "name", "path"),
    NameError: ("name",),
    AttributeError: ("name",),
    SyntaxError: ("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset"),
    StopIteration: ("value",),
}


class Failure(msgspec.Struct, array_like=True):
    """An exception, as it travels."""

    name: str
    origin: str
    """"builtin", "ntipc", "declared", or the module for what the interface does not know."""
    arguments: tuple[Any, ...]
    attributes: dict[str, Any]
    text: str
    trace: str
    notes: list[str] = []
    inner: list[Failure] = []
    """Of a group, its exceptions."""


_decoder = msgpack.Decoder(Failure)


def failure_frame(error: BaseException, declared: Mapping[str, type[BaseException]], *, trace: bool = True) -> bytes:
    """Write an exception as a reply. Whatever the exception's own code does, this does not fail."""
    try:
        return bytes((FAILURE,)) + msgpack.encode(_failure(error, declared, trace))
    except BaseException as problem:  # what an exception's own methods raise ends neither call nor thread
        text = f"<it cannot be told: {type(problem).__name__}>"
        return bytes((FAILURE,)) + msgpack.encode(Failure(_sent(type(error).__name__), "", (), {}, text, ""))


# What an exception has, whatever its class puts in the place of these.
_arguments = BaseException.__dict__["args"].__get__
_set = BaseException.__setattr__
_contents = BaseException.__dict__["__dict__"].__get__
_inner = BaseExceptionGroup.__dict__["exceptions"].__get__
_message = BaseExceptionGroup.__dict__["message"].__get__


def _failure(error: BaseException, declared: Mapping[str, type[BaseException]], trace: bool, depth: int = 0) -> Failure:
    kind = type(error)
    if declared.get(kind.__name__) is kind:
        origin = "declared"
    elif _BUILT_IN.get(kind.__name__) is kind:
        origin = "builtin"
    elif _OURS.get(kind.__name__) is kind:
        origin = "ntipc"
    else:
        origin = kind.__module__
    inner: list[Failure] = []
    arguments = _arguments(error)
    if issubclass(kind, BaseExceptionGroup):
        if depth < DEEPEST:
            inner = [_failure(each, declared, False, depth + 1) for each in _inner(error)[:MOST_INNER]]
        arguments = (_message(error),)
    notes = _contents(error).get("__notes__")
    return Failure(
        _sent(kind.__qualname__ if origin not in ("declared", "builtin", "ntipc") else kind.__name__),
        _sent(str(origin)),
        tuple(_plain(each) for each in arguments),
        _attributes(error),
        _text(error),
        _trace(error) if trace else "",
        [_sent(note) for note in notes[:MOST_NOTES] if isinstance(note, str)] if isinstance(notes, list) else [],
        inner,
    )


def _attributes(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, names in _ATTRIBUTES.items():
        if issubclass(type(error), kind):
            for name in names:
                try:
                    found[name] = getattr(error, name)
                except Exception:
                    continue  # it is not there, or a property of its class that fails
                if found[name] is None:
                    del found[name]
    for name, value in _contents(error).items():
        if name != "__notes__" and isinstance(name, str):
            found[name] = value
    return {name: value for name, value in found.items() if _can_travel(name) and _can_travel(value)}


def _can_travel(value: Any) -> bool:
    try:
        msgpack.encode(value)
    except Exception:
        return False
    return True


def _plain(value: Any) -> Any:
    if _can_travel(value):
        return value
    try:
        return _sent(repr(value))
    except BaseException as problem:
        return f"<{type(value).__name__} that cannot be shown: {type(problem).__name__}>"


def _text(error: BaseException) -> str:
    try:
        return _sent(str(error))
    except BaseException as problem:
        return f"<its text cannot be told: {type(problem).__name__}>"


def _sent(text: str) -> str:
    """Return a text as it can travel: not too long, and without half characters."""
    return text[:LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()


def _trace(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except BaseException:
        return ""
    if len(text) > LONGEST_TRACEBACK:
        half = LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n  ... {len(text) - 2 * half:,} characters ...\n{text[-half:]}"
    return _sent(f"Traceback of process {os.getpid()}:\n{text.rstrip()}")


def without_frames(error: BaseException) -> None:
    """Keep no frames with an exception, and nothing that they refer to."""
    BaseException.with_traceback(error, None)


def exception_of(frame: bytes | memoryview, declared: Mapping[str, type[BaseException]], where: str) -> BaseException:
    """Make the exception that a reply tells of; what is no such reply gives a :class:`ValidationError`."""
    try:
        failure = _decoder.decode(memoryview(frame)[1:])
    except (msgspec.DecodeError, RecursionError) as error:
        return ValidationError(f"{where} answered with something that is no answer: {error}")
    made = _made(failure, declared)
    for note in (*failure.notes, *filter(None, [failure.trace])):
        BaseException.add_note(made, note)
    return made


def _made(failure: Failure, declared: Mapping[str, type[BaseException]]) -> BaseException:
    known = {"declared": declared, "builtin": _BUILT_IN, "ntipc": _OURS}.get(failure.origin, {})
    kind = known.get(failure.name)
    if kind is not None and issubclass(kind, (GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError)):
        kind = None  # it would end this side
    if kind is not None:
        try:
            return _instance(kind, failure, declared)
        except Exception:
            pass  # a type that differs here from what it is there
    origin = "" if failure.origin in ("declared", "builtin", "ntipc", "builtins") else failure.origin + "."
    return RemoteError(origin + failure.name, failure.text)


def _instance(
    kind: type[BaseException], failure: Failure, declared: Mapping[str, type[BaseException]]
) -> BaseException:
    arguments = failure.arguments
    made: BaseException
    # What makes an exception is the first class of Python's own among those that it derives from.
    make: Any = next(each for each in kind.__mro__ if each.__module__ == "builtins").__new__
    if issubclass(kind, BaseExceptionGroup):
        inner = [_as_exception(_made(each, declared)) for each in failure.inner]
        made = make(kind, str(arguments[0]) if arguments else "", inner)
    elif issubclass(kind, NtError):
        made = make(kind)
        _set(made, "args", arguments)
    elif kind.__module__ == "builtins":
        made = kind(*arguments)
    else:
        made = make(kind, *arguments)
        _set(made, "args", arguments)
    own = {name for each, names in _ATTRIBUTES.items() if issubclass(kind, each) for name in names}
    for name, value in failure.attributes.items():
        if name in own:  # a file's name is an argument when it is made, and not among ``args``
            _set(made, name, value)
        elif not name.startswith("__"):
            _contents(made)[name] = value
    return made


def _as_exception(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RemoteError(type(error).__name__, str(error))

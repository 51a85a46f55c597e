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
_OF_SYSTEM_ERRORS = ("errno", "strerror", "filename", "filename2")
_ATTRIBUTES: dict[type, tuple[str, ...]] = {
    OSError: _OF_SYSTEM_ERRORS,
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
    """Write an exception as a reply."""
    return bytes((FAILURE,)) + msgpack.encode(_failure(error, declared, trace))


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
    arguments = error.args
    if isinstance(error, BaseExceptionGroup):
        if depth < DEEPEST:
            inner = [_failure(each, declared, False, depth + 1) for each in error.exceptions[:MOST_INNER]]
        arguments = (error.message,)
    return Failure(
        kind.__qualname__ if origin not in ("declared", "builtin", "ntipc") else kind.__name__,
        origin,
        tuple(_plain(each) for each in arguments),
        _attributes(error),
        _text(error),
        _trace(error) if trace else "",
        [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)],
        inner,
    )


def _attributes(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, names in _ATTRIBUTES.items():
        if isinstance(error, kind):
            found.update({name: value for name in names if (value := getattr(error, name, None)) is not None})
    for name, value in vars(error).items():
        if name != "__notes__" and isinstance(name, str):
            found[name] = value
    return {name: value for name, value in found.items() if _can_travel(value)}


def _can_travel(value: Any) -> bool:
    try:
        msgpack.encode(value)
    except Exception:
        return False
    return True


def _plain(value: Any) -> Any:
    return value if _can_travel(value) else repr(value)


def _text(error: BaseException) -> str:
    try:
        return str(error)[:LONGEST_TEXT]
    except Exception as problem:
        return f"<its text cannot be told: {type(problem).__name__}>"


def _trace(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:
        return ""
    if len(text) > LONGEST_TRACEBACK:
        half = LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n  ... {len(text) - 2 * half:,} characters ...\n{text[-half:]}"
    return f"Traceback of process {os.getpid()}:\n{text.rstrip()}"


def exception_of(frame: bytes | memoryview, declared: Mapping[str, type[BaseException]], where: str) -> BaseException:
    """Make the exception that a reply tells of; what is no such reply gives a :class:`ValidationError`."""
    try:
        failure = _decoder.decode(memoryview(frame)[1:])
    except (msgspec.DecodeError, RecursionError) as error:
        return ValidationError(f"{where} answered with something that is no answer: {error}")
    made = _made(failure, declared)
    for note in failure.notes:
        made.add_note(note)
    if failure.trace:
        made.add_note(failure.trace)
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
    if issubclass(kind, BaseExceptionGroup):
        return kind(str(arguments[0]) if arguments else "", [_as_exception(_made(e, declared)) for e in failure.inner])
    made: BaseException
    if issubclass(kind, NtError):
        made = kind.__new__(kind)
        made.args = arguments
    elif kind.__module__ == "builtins":
        made = kind(*arguments)
    else:
        made = kind.__new__(kind, *arguments)
        made.args = arguments
    if issubclass(kind, OSError):
        # A file's name is an argument when it is made, not one of ``args``; what is not set is None.
        for name in _OF_SYSTEM_ERRORS:
            if name in failure.attributes:
                setattr(made, name, failure.attributes[name])
    for name, value in failure.attributes.items():
        if not name.startswith("__"):
            try:
                setattr(made, name, value)
            except (AttributeError, TypeError):
                pass
    return made


def _as_exception(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RemoteError(type(error).__name__, str(error))

"""Exceptions across: which arrive as themselves, with what, and which cannot do harm."""

from __future__ import annotations

import contextlib
import gc
import weakref
from typing import Any

import msgspec
import pytest
from harness.rpc_services import Everything, Overdrawn

import ntipc
from ntipc.rpc import RemoteError, ValidationError
from ntipc.rpc.failures import FAILURE, LONGEST_TRACEBACK, exception_of, failure_frame
from ntipc.rpc.interface import interface_of

DECLARED = interface_of(Everything).exceptions


def across(which: str) -> BaseException:
    """What arrives of the exception that the service raises."""
    try:
        Everything().fail(which)
    except BaseException as error:
        return exception_of(failure_frame(error, DECLARED), DECLARED, "service 's'")
    raise AssertionError("nothing was raised")


def test_built_in_exceptions_arrive_as_themselves() -> None:
    error = across("key")
    assert type(error) is KeyError and error.args == ("missing", 3)
    error = across("unicode")
    assert type(error) is UnicodeDecodeError and error.object == b"\xff" and error.reason == "invalid start byte"
    error = across("stop")
    assert type(error) is StopIteration and error.value == 5


def test_errors_of_the_system_keep_their_number_and_file() -> None:
    error = across("file")
    assert type(error) is FileNotFoundError
    assert (error.errno, error.filename, error.args) == (2, "/nonexistent/file", (2, "No such file or directory"))
    assert str(error) == "[Errno 2] No such file or directory: '/nonexistent/file'"


def test_declared_exceptions_arrive_as_themselves_with_attributes() -> None:
    error = across("declared")
    assert type(error) is Overdrawn
    assert (error.account, error.missing, str(error)) == ("ann", 5, "ann lacks 5")


def test_other_exceptions_arrive_as_remote_errors() -> None:
    error = across("other")
    assert type(error) is RemoteError
    assert (error.type_name, error.text) == ("hidden.place.Hidden", "who knows")
    assert str(error) == "hidden.place.Hidden: who knows"
    assert isinstance(across("unprintable"), Exception)


def test_the_librarys_own_arrive_as_themselves() -> None:
    error = across("timeout")
    assert type(error) is ntipc.Timeout
    assert (str(error), error.operation, error.status) == ("the service's own", "Service.part", 0x102)


def test_what_would_end_this_side_does_not_arrive_as_itself() -> None:
    for which, name in ("exit", "SystemExit"), ("interrupt", "KeyboardInterrupt"):
        error = across(which)
        assert type(error) is RemoteError and error.type_name == name


def test_groups_arrive_whole() -> None:
    error = across("group")
    assert type(error) is ExceptionGroup and error.message == "several"
    assert [(type(each), each.args) for each in error.exceptions] == [
        (ValueError, (1,)), (KeyError, ("k",)), (TypeError, ("t", 2)),
    ]  # fmt: skip


def test_notes_attributes_and_the_traceback_arrive() -> None:
    error: Any = across("notes")
    assert error.code == 17
    assert error.__notes__[0] == "remember this"
    assert "Traceback of process" in error.__notes__[1] and 'which == "notes"' not in error.__notes__[1]
    assert "rpc_services.py" in error.__notes__[1] and "ValueError: noted" in error.__notes__[1]


def test_causes_are_in_the_traceback() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        arrived = exception_of(failure_frame(error, {}), {}, "s")
    assert "KeyError: 'inner'" in arrived.__notes__[0] and "direct cause" in arrived.__notes__[0]


def test_arguments_that_cannot_travel_arrive_as_text() -> None:
    error = ValueError(object(), 3, {"a": [1]})
    arrived = exception_of(failure_frame(error, {}), {}, "s")
    assert arrived.args[0].startswith("<object object at") and arrived.args[1:] == (3, {"a": [1]})


def test_long_tracebacks_and_texts_are_cut() -> None:
    arrived = exception_of(failure_frame(ValueError("x" * 10_000_000), {}, trace=False), {}, "s")
    assert isinstance(arrived, ValueError)
    try:
        raise ValueError("x" * 1_000_000)
    except ValueError as error:
        arrived = exception_of(failure_frame(error, {}), {}, "s")
    assert len(arrived.__notes__[0]) < LONGEST_TRACEBACK + 200


def test_frames_are_not_kept() -> None:
    class Held:
        pass

    def fail() -> bytes:
        held = Held()
        references.append(weakref.ref(held))
        try:
            raise ValueError(1)
        except ValueError as error:
            return failure_frame(error, {})

    references: list[Any] = []
    frame = fail()
    gc.collect()
    assert references[0]() is None and exception_of(frame, {}, "s").args == (1,)


def forged(**changes: Any) -> bytes:
    content = {"name": "ValueError", "origin": "builtin", "arguments": (), "attributes": {}, "text": "", "trace": ""}
    content |= {"notes": [], "inner": []}
    return bytes((FAILURE,)) + msgspec.msgpack.encode(tuple({**content, **changes}.values()))


@pytest.mark.parametrize(
    "frame",
    [
        bytes((FAILURE,)),
        bytes((FAILURE,)) + b"\xff",
        bytes((FAILURE,)) + b"\x91" * 100_000,
        forged(name="SystemExit"),
        forged(name="GeneratorExit"),
        forged(name="KeyboardInterrupt"),
        forged(name="CancelledError", origin="declared"),
        forged(name="open"),
        forged(name="Overdrawn", origin="builtin"),
        forged(name="exec", origin="declared"),
        forged(name="UnicodeDecodeError", arguments=(1,)),
        forged(name="OSError", attributes={"errno": "x", "__class__": 3, "__dict__": 4}),
        forged(name="ExceptionGroup", arguments=(), inner=[]),
        forged(origin="somewhere.else"),
        forged(arguments=5),
    ],
)
def test_forged_failures_are_exceptions_and_nothing_else(frame: bytes) -> None:
    error = exception_of(frame, DECLARED, "s")
    assert isinstance(error, Exception)
    with contextlib.suppress(Exception):
        str(error)
    assert type(error).__module__ in ("builtins", "ntipc.rpc.problems")
    assert isinstance(error, (ValidationError, RemoteError, ValueError, OSError, UnicodeError))


class Hostile(Exception):
    """Whatever the library asks of it fails."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(f"nobody may ask for {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise SystemExit(f"nobody may set {name}")

    def __str__(self) -> str:
        raise SystemExit("it has no text")


class Unshown:
    def __repr__(self) -> str:
        raise SystemExit("nobody may see it")


class Demanding(Exception):
    """Cannot be made of its own ``args``."""

    def __new__(cls, *arguments: Any) -> Demanding:
        if len(arguments) != 2:
            raise TypeError("two are needed")
        return super().__new__(cls, *arguments)

    def __init__(self, *arguments: Any) -> None:
        super().__init__()

    @property
    def fixed(self) -> int:
        return 1

    @fixed.setter
    def fixed(self, value: int) -> None:
        raise ZeroDivisionError


def deep() -> list[Any]:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def with_notes(notes: Any) -> Exception:
    error = ValueError("x")
    error.__notes__ = notes
    return error


def fixed() -> Exception:
    error = Demanding(1, 2)
    error.__dict__["fixed"] = 3
    return error


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: Hostile(1), RemoteError),
        (lambda: ValueError(Unshown()), ValueError),
        (lambda: ValueError(deep()), ValueError),
        (lambda: ValueError("\ud800"), ValueError),
        (lambda: type("Homeless", (Exception,), {"__module__": 5})(1), RemoteError),
        (lambda: with_notes(5), ValueError),
        (lambda: with_notes([5, "\ud800"] * 1000 + ["x" * 1_000_000]), ValueError),
        (lambda: Demanding(1, 2), Demanding),
        (fixed, Demanding),
        (lambda: ExceptionGroup("g", [Hostile(1), with_notes(())]), ExceptionGroup),
        (lambda: BaseExceptionGroup("g", [KeyboardInterrupt()]), RemoteError),
    ],
)
def test_exceptions_whose_own_code_fails_arrive_all_the_same(make: Any, kind: type) -> None:
    declared = {"Demanding": Demanding, "Hostile": Hostile}
    frame = failure_frame(make(), declared)
    assert len(frame) < 10_000_000
    error = exception_of(frame, declared if kind is not RemoteError else {}, "s")
    assert type(error) is kind
    assert all(isinstance(note, str) for note in getattr(error, "__notes__", ()))


def test_a_forged_attribute_hides_none_of_the_exceptions_methods() -> None:
    error = exception_of(forged(attributes={"add_note": 1, "with_traceback": 2}, notes=["n"], trace="t"), {}, "s")
    assert error.__notes__ == ["n", "t"]

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

"""Errors: one base, NT's number, Windows' number, the built-in exception, and words that help."""

import os
import pickle
from typing import Any

import pytest

import ntipc
from ntipc import errors

CONTRACT = [
    (0xC0000034, ntipc.ObjectNotFound, FileNotFoundError, 2),
    (0xC0000035, ntipc.ObjectExists, FileExistsError, 183),
    (0xC0000024, ntipc.ObjectTypeMismatch, TypeError, 6),
    (0xC0000022, ntipc.AccessDenied, PermissionError, 5),
    (0xC0000008, ntipc.HandleClosed, ValueError, 6),
    (0xC0000047, ntipc.LimitExceeded, ValueError, 298),
    (0xC0000046, ntipc.NotOwner, RuntimeError, 288),
    (0xC000014B, ntipc.PeerGone, BrokenPipeError, 109),
    (0xC0000037, ntipc.PeerGone, BrokenPipeError, 6),
    (0xC00000AC, ntipc.PipeBusy, BlockingIOError, 231),
    (0xC0000041, ntipc.ConnectionRefused, ConnectionRefusedError, None),
    (0xC000009A, ntipc.OutOfResources, MemoryError, None),
    (0xC000007F, ntipc.OutOfResources, MemoryError, 112),
    (0xC0000059, ntipc.SessionMismatch, ntipc.NtError, None),
    (0x00000102, ntipc.Timeout, TimeoutError, None),
]


@pytest.mark.parametrize(("status", "exception", "builtin", "winerror"), CONTRACT)
def test_status_has_the_promised_exception(status: int, exception: Any, builtin: Any, winerror: int | None) -> None:
    problem = errors.from_status(status, "Event.set", "event 'x'", "")
    assert type(problem) is exception and isinstance(problem, builtin) and isinstance(problem, ntipc.NtError)
    assert isinstance(problem, OSError) and problem.status == status
    assert winerror is None or problem.winerror == winerror


@pytest.mark.parametrize("row", errors.TABLE, ids=lambda row: row.status.name)
def test_every_row_of_the_table_names_object_call_and_what_to_do(row: Any) -> None:
    problem = errors.from_status(row.status, "Event.set", "event 'x'", "some detail")
    text = str(problem)
    assert "Event.set" in text and "event 'x'" in text and "some detail" in text and row.advice in text
    assert (problem.operation, problem.subject, problem.winerror) == ("Event.set", "event 'x'", row.winerror)
    assert problem.errno == row.errno


def test_each_status_is_in_the_table_once() -> None:
    statuses = [row.status for row in errors.TABLE]
    assert len(statuses) == len(set(statuses)) and set(statuses) == set(errors.Status)


@pytest.mark.parametrize("row", errors.TABLE, ids=lambda row: row.status.name)
def test_errors_pickle(row: Any) -> None:
    problem = errors.from_status(row.status, "Event.set", "event 'x'", "detail")
    arrived = pickle.loads(pickle.dumps(problem))
    assert type(arrived) is type(problem) and str(arrived) == str(problem)
    for name in "status", "winerror", "operation", "subject", "errno":
        assert getattr(arrived, name) == getattr(problem, name)


@pytest.mark.parametrize("status", [0xC0DEC0DE, 0, 0xFFFFFFFF])
def test_unknown_status_is_an_nt_error_with_its_number(status: int) -> None:
    problem = errors.from_status(status, "Event.set", "", "")
    assert type(problem) is ntipc.NtError and problem.status == status and f"{status:08X}" in str(problem).upper()


def failures() -> dict[str, Any]:
    """Calls that fail, by the words that their messages must hold."""
    event, full, mutex = ntipc.Event("the event"), ntipc.Semaphore("seats", initial=1, maximum=1), ntipc.Mutex("ledger")
    closed = ntipc.Event("gone")
    closed.close()
    return {
        "nothing here|Event.open": lambda: ntipc.Event.open("nothing here"),
        "the event|Event.create": lambda: ntipc.Event.create(event.name),
        "the event|Mutex": lambda: ntipc.Mutex(event.name),
        "the event|Event.set": lambda: event.duplicate(access=ntipc.Access.SYNCHRONIZE).set(),
        "seats|Semaphore.release": lambda: full.release(),
        "ledger|Mutex.release": lambda: mutex.release(),
        "gone|Event.set": lambda: closed.set(),
        "gone|Event.wait": lambda: closed.wait(),
        "seats|signal_and_wait": lambda: ntipc.signal_and_wait(full, event),
        "ledger|signal_and_wait": lambda: ntipc.signal_and_wait(mutex, event),
        "gone|wait_any": lambda: ntipc.wait_any([event, closed]),
        "the event|wait_all": lambda: ntipc.wait_all([event, event]),
        "board|Section": lambda: ntipc.Section("board", 0),
        "Section|map": lambda: ntipc.Section(size=1).map(1),
    }


NEEDLES = "nothing here|Event.open,the event|Event.create,the event|Mutex,the event|Event.set,seats|Semaphore.release"
NEEDLES += ",ledger|Mutex.release,gone|Event.set,gone|Event.wait,seats|signal_and_wait,ledger|signal_and_wait"
NEEDLES += ",gone|wait_any,the event|wait_all,board|Section,Section|map"


@pytest.mark.parametrize("needles", NEEDLES.split(","))
def test_message_names_the_object_and_the_call_and_gives_advice(needles: str) -> None:
    with pytest.raises(ntipc.NtError) as problem:
        failures()[needles]()
    text = str(problem.value)
    assert all(needle in text for needle in needles.split("|")), text
    assert len(text.split(". ")) >= 2 or text.count(".") >= 2, f"no advice in {text!r}"


def test_errno_is_that_of_linux() -> None:
    with pytest.raises(ntipc.NtError) as problem:
        ntipc.Event.open("missing")
    assert os.strerror(problem.value.errno or 0) == "No such file or directory"


def test_one_base_catches_everything() -> None:
    caught = 0
    for call in failures().values():
        try:
            call()
        except ntipc.NtError:
            caught += 1
    assert caught == len(failures())


def test_exported_names_exist() -> None:
    assert all(hasattr(ntipc, name) for name in ntipc.__all__)
    assert len(set(ntipc.__all__)) == len(ntipc.__all__)

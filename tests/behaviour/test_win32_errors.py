"""Errors and the last error of `ntipc.win32` (FC-1 to FC-13)."""

import gc
import pickle
import threading

import pytest

from ntipc.win32 import (
    mmapfile,
    pywintypes,
    win32api,
    win32event,
    win32file,
    win32pipe,
    winerror,
)

MISSING = (2, "OpenEvent", "The system cannot find the file specified.")


def missing() -> pywintypes.error:
    with pytest.raises(pywintypes.error) as caught:
        win32event.OpenEvent(win32event.EVENT_ALL_ACCESS, False, "nobody made this")
    return caught.value


def test_an_error_is_a_plain_exception_with_three_parts() -> None:  # FC-1, FC-2
    problem = missing()
    assert not isinstance(problem, OSError)
    assert problem.args == MISSING == (problem.winerror, problem.funcname, problem.strerror)
    assert str(problem) == str(MISSING)
    assert type(problem).__module__ == "pywintypes"


@pytest.mark.parametrize("args", [(), (5,), (5, "Call"), (5, "Call", "Text"), (5, "Call", "Text", "more")])
def test_parts_that_are_not_given_are_none(args: tuple[object, ...]) -> None:  # FC-1
    problem = pywintypes.error(*args)
    assert problem.args == args
    assert (problem.winerror, problem.funcname, problem.strerror) == (*args, None, None, None)[:3]


def test_all_modules_have_the_same_class() -> None:  # FC-3
    for module in (win32event, win32file, win32pipe, win32api, mmapfile):
        assert module.error is pywintypes.error


def test_an_error_travels_in_a_pickle() -> None:
    copy = pickle.loads(pickle.dumps(missing()))
    assert copy.args == MISSING
    assert copy.funcname == "OpenEvent"


def test_a_code_without_text_says_so() -> None:  # FC-4
    from ntipc.win32.binding.texts import text_of

    assert text_of(0) == text_of(123_456) == "No error message is available"


@pytest.mark.parametrize(
    ("call", "message"),
    [  # FC-8
        (lambda: win32event.SetEvent("x"), "The object is not a PyHANDLE object"),
        (lambda: win32event.SetEvent(1.5), "The object is not a PyHANDLE object"),
        (lambda: win32event.WaitForMultipleObjects(5, 0, 0), "Handles must be a list of integers"),
        (lambda: win32event.WaitForMultipleObjects(["x"], 0, 0), "Handles must be a list of integers"),
        (lambda: win32file.GetOverlappedResult(0, 7, False), "The object is not a PyOVERLAPPED object"),
        (lambda: win32event.CreateEvent(7, 0, 0, None), "The object is not a PySECURITY_ATTRIBUTES object"),
        (lambda: win32event.CreateEvent(None, "x", 0, None), "integer"),
        (lambda: win32event.CreateEvent(None, 0, 0, b"x"), "Unicode"),
        (lambda: win32event.OpenEvent(1, 0, None), "None is not a valid string"),
        (lambda: win32event.WaitForSingleObject(0, None), "unsupported operand"),
    ],
)
def test_wrong_types_are_refused_before_anything_happens(call, message: str) -> None:  # type: ignore[no-untyped-def]
    win32api.SetLastError(77)
    with pytest.raises(TypeError, match=message):
        call()
    assert win32api.GetLastError() == 77


def test_the_last_error_tells_of_a_second_copy() -> None:  # FC-10, FC-11
    win32api.SetLastError(5)
    first = win32event.CreateMutex(None, False, "only one")
    assert win32api.GetLastError() == 0
    second = win32event.CreateMutex(None, False, "only one")
    keep = [str(second), int(second), bool(first)]
    other = win32event.CreateEvent.__doc__
    del first
    gc.collect()
    assert win32api.GetLastError() == winerror.ERROR_ALREADY_EXISTS
    assert keep
    assert other


def test_each_thread_has_a_last_error_of_its_own() -> None:  # FC-10
    seen = []

    def fail() -> None:
        seen.append(win32api.GetLastError())
        missing()
        seen.append(win32api.GetLastError())

    win32api.SetLastError(1234)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert seen == [0, 2]
    assert win32api.GetLastError() == 1234


def test_a_failure_sets_the_last_error_and_a_wait_leaves_it() -> None:  # WT-02
    event = win32event.CreateEvent(None, 0, 1, None)
    missing()
    assert win32event.WaitForSingleObject(event, 0) == win32event.WAIT_OBJECT_0
    assert win32event.WaitForSingleObject(event, 0) == win32event.WAIT_TIMEOUT
    assert win32api.GetLastError() == 2


@pytest.mark.parametrize("name", ["CreateEvent", "CreateMutex", "CreateSemaphore", "CreateWaitableTimer"])
def test_every_create_call_says_whether_the_object_is_new(name: str) -> None:  # FC-11, NM-02
    arguments = {"CreateEvent": (0, 0), "CreateMutex": (0,), "CreateSemaphore": (1, 1), "CreateWaitableTimer": (0,)}
    create = getattr(win32event, name)
    win32api.SetLastError(99)
    first = create(None, *arguments[name], "object")
    assert win32api.GetLastError() == 0
    second = create(None, *arguments[name], "object")
    assert win32api.GetLastError() == 183
    assert first != second
    unnamed = create(None, *arguments[name], "")  # NM-18
    assert win32api.GetLastError() == 0
    assert unnamed


def test_format_message_ends_in_a_line_end() -> None:  # FC-13
    assert win32api.FormatMessage(6) == "The handle is invalid.\r\n"
    win32api.SetLastError(5)
    assert win32api.FormatMessage() == win32api.FormatMessage(0) == "Access is denied.\r\n"
    assert win32api.FormatMessage(0x1000, None, 2, 0, None).startswith("The system cannot find")
    with pytest.raises(win32api.error) as caught:
        win32api.FormatMessage(1_000_000)
    assert caught.value.winerror == 317

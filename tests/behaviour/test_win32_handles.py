"""Handles of `ntipc.win32` (FC-20 to FC-30, HD)."""

import gc
import sys

import pytest

import ntipc
from ntipc.win32 import pywintypes, win32api, win32con, win32event, win32file


def event(**state: bool) -> pywintypes.HANDLEType:
    return win32event.CreateEvent(None, 1, 0, None)


def code(call, *arguments: object) -> int:  # type: ignore[no-untyped-def]
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror


def test_a_handle_is_a_small_positive_multiple_of_four() -> None:  # FC-30
    for handle in (event(), win32file.CreateIoCompletionPort(-1, None, 0, 0)):
        assert 0 < int(handle) < 2**31
        assert int(handle) % 4 == 0


def test_what_a_handle_can_be_made_of() -> None:  # FC-20
    assert pywintypes.HANDLEType.__name__ == "PyHANDLE"
    assert int(pywintypes.HANDLE()) == int(pywintypes.HANDLE(None)) == 0
    assert int(pywintypes.HANDLE(sys.maxsize + 1)) == sys.maxsize + 1
    one = pywintypes.HANDLE(4)
    assert pywintypes.HANDLE(one) == one
    assert one.Detach() == 4
    for wrong in ("foo", (), 1.5):
        with pytest.raises(TypeError):
            pywintypes.HANDLE(wrong)

    class Own(pywintypes.HANDLEType):
        pass

    assert win32api.CloseHandle(Own()) is None


def test_what_a_handle_can_be_asked() -> None:  # FC-21, FC-22, FC-23, FC-29
    handle = event()
    number = int(handle)
    assert handle.handle == number
    assert repr(handle) == str(handle) == f"<PyHANDLE:{number}>"
    assert handle == number == handle
    assert handle == pywintypes.HANDLE(event().Detach()) or handle != number + 4
    assert (handle == None) is False  # noqa: E711
    assert handle != "x"
    assert not hasattr(handle, "__index__")
    assert not hasattr(handle, "__enter__")
    for operation in (lambda: handle + 1, lambda: -handle, lambda: handle < 5, lambda: [0][handle]):
        with pytest.raises(TypeError):
            operation()
    with pytest.raises(AttributeError):
        handle.handle = 5
    twin = pywintypes.HANDLE(number)
    assert {handle: 1}.get(twin, 0) == (1 if hash(handle) == hash(twin) else 0)
    twin.Detach()


def test_close_detach_and_truth() -> None:  # FC-24
    handle = event()
    assert handle
    number = handle.Detach()
    assert (int(handle), handle.Detach(), bool(handle)) == (0, 0, False)
    assert win32event.WaitForSingleObject(number, 0) == win32event.WAIT_TIMEOUT
    again = pywintypes.HANDLE(number)
    assert again.Close() is None
    assert again.close() is None
    assert code(win32event.SetEvent, number) == 6


def test_close_of_a_number_that_was_closed_fails_once() -> None:  # FC-24, HD-01
    handle = event()
    win32api.CloseHandle(int(handle))
    with pytest.raises(pywintypes.error) as caught:
        handle.Close()
    assert caught.value.args == (6, "CloseHandle", "The handle is invalid.")
    assert int(handle) == 0
    handle.Close()


def test_nothing_and_pseudo_handles_can_be_closed() -> None:  # FC-26, HD-02
    assert win32api.CloseHandle(0) is None
    assert win32file.CloseHandle(None) is None
    assert win32api.CloseHandle(-1) is None
    assert code(win32api.CloseHandle, 0x7FFF_FFFC) == 6


def test_a_handle_that_goes_closes_its_object_and_says_nothing() -> None:  # FC-25
    handle = win32event.CreateEvent(None, 0, 0, "short lived")
    win32api.SetLastError(42)
    number = int(handle)
    del handle
    gc.collect()
    assert win32api.GetLastError() == 42
    assert code(win32event.OpenEvent, 2, 0, "short lived") == 2
    broken = pywintypes.HANDLE(number)
    del broken
    gc.collect()


def test_any_call_takes_a_handle_or_its_number() -> None:  # FC-28
    handle = event()
    win32event.SetEvent(int(handle))
    assert win32event.WaitForSingleObject(int(handle), 0) == 0
    assert win32event.WaitForMultipleObjects((handle, int(handle)), False, 0) == 0
    assert win32event.WaitForSingleObject(int(handle) | 3, 0) == 0  # HD-03


@pytest.mark.parametrize("value", [None, 0, 8_000_000, 2**70, -3])
def test_handles_that_are_none_are_told(value: int | None) -> None:  # EV-15
    for call in (win32event.SetEvent, win32event.ResetEvent, win32event.PulseEvent, win32event.ReleaseMutex):
        assert code(call, value) == 6
    assert code(win32event.WaitForSingleObject, value, 0) == 6
    assert code(win32event.ReleaseSemaphore, value, 1) == 6
    assert code(win32file.ReadFile, value, 10) == 6
    assert code(win32file.WriteFile, value, b"x") == 6


def test_the_wrong_type_of_object_is_told() -> None:  # HD-22
    mutex = win32event.CreateMutex(None, 0, None)
    assert code(win32event.SetEvent, mutex) == 6
    assert code(win32event.ReleaseMutex, event()) == 6
    assert code(win32file.ReadFile, mutex, 1) == 6
    assert win32file.GetQueuedCompletionStatus(mutex, 0)[0] == 6


def test_a_duplicate_is_another_handle_to_the_object() -> None:  # HD-09, HD-15
    original = event()
    me = win32api.GetCurrentProcess()
    twin = win32api.DuplicateHandle(me, original, me, 0, False, win32con.DUPLICATE_SAME_ACCESS)
    assert twin != original
    win32event.SetEvent(twin)
    assert win32event.WaitForSingleObject(original, 0) == 0
    original.Close()
    assert win32event.WaitForSingleObject(twin, 0) == 0
    waiter = win32api.DuplicateHandle(me, twin, me, win32event.SYNCHRONIZE, False, 0)
    assert code(win32event.SetEvent, waiter) == 5
    assert code(win32api.DuplicateHandle, me, 8_000_000, me, 0, 0, 2) == 6


def test_close_source_keeps_the_number() -> None:  # HD-12
    original = event()
    number = int(original)
    me = win32api.GetCurrentProcess()
    twin = win32api.DuplicateHandle(me, original, me, 0, 0, 3)
    assert int(twin) == number
    assert win32event.WaitForSingleObject(twin, 0) == win32event.WAIT_TIMEOUT
    original.Detach()


def test_the_marks_of_a_handle() -> None:  # HD-04, HD-08, HD-34
    attributes = pywintypes.SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = True
    handle = win32event.CreateEvent(attributes, 0, 0, None)
    assert win32api.GetHandleInformation(handle) == win32con.HANDLE_FLAG_INHERIT
    win32api.SetHandleInformation(handle, 1, 0)
    assert win32api.GetHandleInformation(handle) == 0
    win32api.SetHandleInformation(handle, 2, 2)
    assert win32api.GetHandleInformation(handle) == 2
    assert code(win32api.CloseHandle, int(handle)) == 6
    win32api.SetHandleInformation(handle, 2, 0)
    handle.Close()
    assert code(win32api.SetHandleInformation, -1, 1, 1) == 5
    assert win32api.GetHandleInformation(-1) == 0


def test_library_and_facade_share_objects() -> None:
    handle = win32event.CreateEvent(None, 1, 0, "shared")
    ntipc.Event("shared").set()
    assert win32event.WaitForSingleObject(handle, 0) == 0

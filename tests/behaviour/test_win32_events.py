"""Events, mutexes, semaphores, timers and waits by pywin32's names (FC-40 to FC-48)."""

import threading
import warnings

import pytest

from ntipc.win32 import pywintypes, win32api, win32con, win32event


def code(call, *arguments: object) -> tuple[int, str]:  # type: ignore[no-untyped-def]
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror, caught.value.funcname


def test_calls_that_return_nothing() -> None:  # FC-41
    event = win32event.CreateEvent(None, 0, 0, None)
    mutex = win32event.CreateMutex(None, 1, None)
    timer = win32event.CreateWaitableTimer(None, 0, None)
    assert win32event.SetEvent(event) is None
    assert win32event.ResetEvent(event) is None
    assert win32event.PulseEvent(event) is None
    assert win32event.ReleaseMutex(mutex) is None
    assert win32event.SetWaitableTimer(timer, -10_000_000, 0, None, None, False) is None
    assert win32event.CancelWaitableTimer(timer) is None


def test_a_semaphore_tells_its_count() -> None:  # FC-41, SE-04 to SE-08
    semaphore = win32event.CreateSemaphore(None, 1, 3, "seats")
    assert win32event.ReleaseSemaphore(semaphore, 2) == 1
    assert code(win32event.ReleaseSemaphore, semaphore, 1) == (298, "ReleaseSemaphore")
    assert code(win32event.ReleaseSemaphore, semaphore, 0)[0] == 87
    assert code(win32event.ReleaseSemaphore, semaphore, -1)[0] == 87
    assert code(win32event.ReleaseSemaphore, semaphore, 2**40)[0] == 298
    other = win32event.OpenSemaphore(win32con.MAXIMUM_ALLOWED, False, "seats")
    assert [win32event.WaitForSingleObject(other, 0) for _ in range(4)] == [0, 0, 0, 258]


@pytest.mark.parametrize(("initial", "maximum"), [(-1, 1), (2, 1), (0, 0), (0, -5)])
def test_impossible_counts(initial: int, maximum: int) -> None:  # SE-01
    assert code(win32event.CreateSemaphore, None, initial, maximum, None) == (87, "CreateSemaphore")


def test_names_are_one_space() -> None:  # NM-04 to NM-07, NM-15 to NM-17
    keep = win32event.CreateMutex(None, 0, "taken")
    assert code(win32event.CreateEvent, None, 0, 0, "taken") == (6, "CreateEvent")
    assert code(win32event.OpenSemaphore, 0x1F0003, 0, "taken") == (6, "OpenSemaphore")
    assert code(win32event.OpenMutex, win32event.SYNCHRONIZE, 0, "Taken") == (2, "OpenMutex")
    assert code(win32event.OpenMutex, 0, 0, "taken") == (5, "OpenMutex")  # NM-29
    assert code(win32event.CreateEvent, None, 0, 0, r"a\b") == (3, "CreateEvent")
    assert code(win32event.CreateEvent, None, 0, 0, r"global\x") == (3, "CreateEvent")
    win32event.CreateMutex(None, 0, r"Local\taken")
    assert win32api.GetLastError() == 183
    win32event.CreateMutex(None, 0, r"Global\taken")
    assert win32api.GetLastError() == 0
    assert keep


def test_rights_bind() -> None:  # HD-17 to HD-20
    keep = win32event.CreateEvent(None, 0, 0, "rights")
    waiter = win32event.OpenEvent(win32event.SYNCHRONIZE, False, "rights")
    setter = win32event.OpenEvent(win32event.EVENT_MODIFY_STATE, False, "rights")
    assert code(win32event.SetEvent, waiter) == (5, "SetEvent")
    assert code(win32event.WaitForSingleObject, setter, 0) == (5, "WaitForSingleObject")
    win32event.SetEvent(setter)
    generic = win32event.OpenEvent(win32con.GENERIC_READ | win32con.GENERIC_WRITE, False, "rights")
    win32event.SetEvent(generic)
    assert code(win32event.WaitForSingleObject, generic, 0)[0] == 5
    assert win32event.WaitForSingleObject(win32event.OpenEvent(win32con.GENERIC_ALL, 0, "rights"), 0) == 0
    assert keep


def test_results_of_waits() -> None:  # FC-43, FC-44, WT-04, WT-07, WT-10
    events = [win32event.CreateEvent(None, 1, state, None) for state in (0, 1, 1)]
    assert win32event.WaitForMultipleObjects(events, False, 0) == 1
    assert win32event.WaitForMultipleObjects(tuple(events), True, 0) == win32event.WAIT_TIMEOUT
    win32event.SetEvent(events[0])
    assert win32event.WaitForMultipleObjects(events, True, win32event.INFINITE) == 0
    assert win32event.WaitForMultipleObjectsEx(events, True, 0, False) == 0
    assert win32event.WaitForSingleObjectEx(events[0], 0xFFFFFFFF, True) == 0
    assert code(win32event.WaitForMultipleObjects, [], False, 0) == (87, "WaitForMultipleObjects")
    assert code(win32event.WaitForMultipleObjects, [events[0], events[0]], True, 0)[0] == 87
    assert code(win32event.WaitForMultipleObjects, [*events, 8_000_000], False, 0)[0] == 6  # WT-12
    many = [win32event.CreateEvent(None, 1, 0, None) for _ in range(100)]
    assert win32event.WaitForMultipleObjects([*many, events[0]], False, 0) == 100
    assert code(win32event.WaitForMultipleObjects, [events[0]] * 5000, False, 0)[0] == 87


def test_infinite_is_minus_one_or_all_bits() -> None:  # FC-9, FC-47
    assert win32event.INFINITE in (-1, 0xFFFF_FFFF)
    event = win32event.CreateEvent(None, 1, 1, None)
    assert win32event.WaitForSingleObject(event, -1) == win32event.WaitForSingleObject(event, 0xFFFF_FFFF) == 0


def abandon(*mutexes: object) -> None:
    thread = threading.Thread(target=lambda: [win32event.WaitForSingleObject(mutex, -1) for mutex in mutexes])
    thread.start()
    thread.join()


def test_an_abandoned_mutex_is_told_by_the_number_alone() -> None:  # MX-11, MX-20, WT-08
    first, second = (win32event.CreateMutex(None, 0, None) for _ in range(2))
    clear = win32event.CreateEvent(None, 1, 0, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        abandon(first, second)
        assert win32event.WaitForSingleObject(first, -1) == win32event.WAIT_ABANDONED == 128
        assert win32event.WaitForSingleObject(first, 0) == 0
        assert win32event.WaitForMultipleObjects([clear, second], False, -1) == 128 + 1
        win32event.ReleaseMutex(second)
        abandon(second)
        set_event = win32event.CreateEvent(None, 1, 1, None)
        assert win32event.WaitForMultipleObjects([set_event, second], True, -1) == 128
        win32event.ReleaseMutex(second)
        abandon(second)
        assert win32event.SignalObjectAndWait(clear, second, -1, False) == 128


def test_a_mutex_is_its_owners() -> None:  # MX-02, MX-04
    mutex = win32event.CreateMutex(None, True, "mine")
    seen: list[object] = []

    def other() -> None:
        again = win32event.CreateMutex(None, True, "mine")
        seen.append(win32api.GetLastError())
        seen.append(win32event.WaitForSingleObject(again, 0))
        seen.append(code(win32event.ReleaseMutex, again))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [183, 258, (288, "ReleaseMutex")]
    win32event.ReleaseMutex(mutex)
    assert code(win32event.ReleaseMutex, mutex)[0] == 288


def test_timers_count_in_units_of_100_ns() -> None:  # FC-42, TM-05, TM-06
    timer = win32event.CreateWaitableTimer(None, True, "clock")
    win32event.SetWaitableTimer(timer, -(2**40), 0, None, None, 0)
    assert win32event.WaitForSingleObject(timer, 0) == win32event.WAIT_TIMEOUT
    win32event.SetWaitableTimer(timer, 0, 0, None, None, 0)
    assert win32event.WaitForSingleObject(timer, 5000) == 0
    again = win32event.OpenWaitableTimer(0x1F0003, 0, "clock")
    win32event.SetWaitableTimer(again, 130_000_000_000_000_000, 0, None, None, 0)
    assert win32event.WaitForSingleObject(timer, 5000) == 0
    with pytest.raises(TypeError, match="This param must be None"):
        win32event.SetWaitableTimer(timer, 0, 0, print, None, 0)
    assert code(win32event.SetWaitableTimer, timer, 0, -1, None, None, 0)[0] == 87
    assert win32event.CreateWaitableTimerEx(None, None, 3, win32event.TIMER_ALL_ACCESS)


def test_signal_and_wait_returns_what_the_wait_does() -> None:  # FC-46, SW-01 to SW-07
    red = win32event.CreateEvent(None, 0, 0, None)
    green = win32event.CreateEvent(None, 1, 1, None)
    assert win32event.SignalObjectAndWait(red, green, -1, False) == 0
    assert win32event.SignalObjectAndWait(red, red, 0, False) == 0
    win32event.ResetEvent(green)
    assert win32event.SignalObjectAndWait(red, green, 0, False) == 258
    assert win32event.WaitForSingleObject(red, 0) == 0
    full = win32event.CreateSemaphore(None, 1, 1, None)
    assert code(win32event.SignalObjectAndWait, full, green, 0, 0) == (298, "SignalObjectAndWait")
    assert code(win32event.SignalObjectAndWait, win32event.CreateWaitableTimer(None, 0, None), green, 0, 0)[0] == 6
    assert code(win32event.SignalObjectAndWait, red, 8_000_000, 0, 0)[0] == 6
    assert win32event.WaitForSingleObject(red, 0) == 258


def test_waits_for_messages_without_any() -> None:  # FC-45, WT-27
    event = win32event.CreateEvent(None, 0, 1, None)
    assert win32event.MsgWaitForMultipleObjects([], 0, 0, 0) == 258
    assert win32event.MsgWaitForMultipleObjects((event,), False, 1000, win32event.QS_ALLINPUT) == 0
    assert win32event.MsgWaitForMultipleObjects([event], False, 0, win32event.QS_ALLINPUT) == 258
    assert win32event.MsgWaitForMultipleObjectsEx([event], 0, win32event.QS_ALLEVENTS, 0) == 258


def test_a_section_cannot_be_waited_for() -> None:  # SC-34
    import ntipc
    from ntipc.ntdll import handles

    number = handles.insert(ntipc.Section(None, 4096))
    assert code(win32event.WaitForSingleObject, number, 0) == (5, "WaitForSingleObject")
    assert code(win32event.WaitForMultipleObjects, [number], 0, 0)[0] == 5
    handles.close(number)


def test_two_threads_hand_over() -> None:
    ping, pong = (win32event.CreateEvent(None, 0, 0, None) for _ in range(2))

    def answer() -> None:
        for _ in range(200):
            assert win32event.WaitForSingleObject(ping, 10_000) == 0
            win32event.SetEvent(pong)

    thread = threading.Thread(target=answer)
    thread.start()
    for _ in range(200):
        win32event.SetEvent(ping)
        assert win32event.WaitForSingleObject(pong, 10_000) == 0
    thread.join()


def test_objects_of_the_machine_and_of_the_session_in_one_wait() -> None:  # NM-16
    here, everywhere = win32event.CreateEvent(None, 0, 0, None), win32event.CreateEvent(None, 0, 0, r"Global\both")
    for order in ([here, everywhere], [everywhere, here]):
        assert win32event.WaitForMultipleObjects(order, False, 0) == 258
        for place, handle in enumerate(order):
            win32event.SetEvent(handle)
            assert win32event.WaitForMultipleObjects(order, False, 10_000) == place
            assert win32event.WaitForSingleObject(handle, 0) == 258
        timer = threading.Timer(0.05, win32event.SetEvent, (order[1],))
        timer.start()
        assert win32event.WaitForMultipleObjects(order, False, win32event.INFINITE) == 1
        timer.join()
    mutex = win32event.CreateMutex(None, False, r"Global\lock")
    abandon(mutex)
    while (result := win32event.WaitForMultipleObjects([here, mutex], False, 1000)) == 258:
        pass
    assert result == 128 + 1
    assert code(win32event.WaitForMultipleObjects, [here, everywhere], True, 0)[0] == 50

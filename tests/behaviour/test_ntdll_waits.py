"""Waits, alerts and asynchronous procedure calls through the Native API, by the facts about NT."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness.waiting import look, wait_until

import ntipc
from ntipc.ntdll import *


def event(kind: int = SynchronizationEvent, initial: bool = False) -> int:
    return NtCreateEvent(EVENT_ALL_ACCESS, None, kind, initial).handle


class Waiter:
    """A thread that makes one call, and a handle to it."""

    def __init__(self, call: Callable[[], Any], *, seen_asleep: bool = True) -> None:
        self.results: list[Any] = []
        self.thread = threading.Thread(target=lambda: self.results.append(call()))
        self.thread.start()
        assert self.thread.native_id
        self.handle = NtOpenThread(0, None, (0, self.thread.native_id)).handle
        if seen_asleep:
            wait_until(lambda: self.thread.native_id in asleep())

    def result(self) -> Any:
        self.thread.join()
        NtClose(self.handle)
        return self.results[0]


def asleep() -> list[int]:
    return [thread["tid"] for thread in look()["threads"] if thread["state"] in ("waiting", "sleeping")]


def test_wait_any_takes_the_lowest_and_wait_all_everything() -> None:
    first, second, third = event(), event(initial=True), event(initial=True)
    assert NtWaitForMultipleObjects(3, [first, second, third], WaitAny, False, 0) == STATUS_WAIT_0 + 1  # WT-4
    assert [NtQueryEvent(each).information.EventState for each in (first, second, third)] == [0, 0, 1]
    assert NtWaitForMultipleObjects(2, [second, third], WaitAll, False, 0) == STATUS_TIMEOUT  # WT-6
    NtSetEvent(second)
    assert NtWaitForMultipleObjects(2, [second, third], WaitAll, False, None) == STATUS_WAIT_0  # WT-7
    assert NtWaitForMultipleObjects(2, [third, third], WaitAll, False, 0) == STATUS_INVALID_PARAMETER_MIX  # WT-10
    NtSetEvent(third)
    assert NtWaitForMultipleObjects(2, [third, third], WaitAny, False, 0) == STATUS_WAIT_0  # WT-11


@pytest.mark.parametrize("alertable", [False, True])
def test_bad_lists_are_refused_before_anything_is_taken(alertable: bool) -> None:
    ready = event(initial=True)
    many = [event() for _ in range(64)]
    closed = event()
    NtClose(closed)
    assert NtWaitForMultipleObjects(64, [*many[:63], ready], WaitAny, alertable, 0) == STATUS_WAIT_0 + 63  # WT-5
    NtSetEvent(ready)
    for kind in WaitAny, WaitAll:
        assert NtWaitForMultipleObjects(2, [ready, closed], kind, alertable, 0) == STATUS_INVALID_HANDLE  # WT-12
        assert NtWaitForMultipleObjects(2, [ready, -1], kind, alertable, 0) == STATUS_INVALID_HANDLE  # WT-18
        for count, numbers in (0, [ready]), (65, [ready, *many]), (2, [ready]):
            assert NtWaitForMultipleObjects(count, numbers, kind, alertable, 0) == STATUS_INVALID_PARAMETER_1
    assert NtWaitForMultipleObjects(1, [ready], 2, alertable, 0) == STATUS_INVALID_PARAMETER
    assert NtQueryEvent(ready).information.EventState == 1  # WT-30
    assert NtWaitForSingleObject(-1, alertable, -10_000) == STATUS_TIMEOUT  # WT-17
    assert NtWaitForSingleObject(-2, alertable, 0) == STATUS_TIMEOUT


def test_timeouts_relative_absolute_and_none() -> None:
    never, ready = event(), event(NotificationEvent, True)
    for timeout in 0, -10_000, NtQuerySystemTime() + 10_000, 1, NtQuerySystemTime() - 10**9:  # WT-1, WT-23
        assert NtWaitForSingleObject(never, False, timeout) == STATUS_TIMEOUT
        assert NtWaitForSingleObject(ready, False, timeout) == STATUS_SUCCESS
    waiter = Waiter(lambda: NtWaitForSingleObject(never, False, None))
    NtSetEvent(never)
    assert waiter.result() == STATUS_SUCCESS
    assert NtQueryEvent(never).information.EventState == 0  # WT-29


def test_signal_and_wait() -> None:
    once, stays = event(), event(NotificationEvent, True)
    full = NtCreateSemaphore(SEMAPHORE_ALL_ACCESS, None, 1, 1).handle
    free = NtCreateMutant(MUTANT_ALL_ACCESS, None, False).handle
    timer = NtCreateTimer(TIMER_ALL_ACCESS, None).handle
    pair = NtCreateEventPair(EVENT_PAIR_ALL_ACCESS, None).handle
    for alertable in False, True:
        assert NtSignalAndWaitForSingleObject(once, stays, alertable, 0) == STATUS_SUCCESS  # SW-1
        assert NtQueryEvent(once).information.EventState == 1
        assert NtSignalAndWaitForSingleObject(once, once, alertable, 0) == STATUS_SUCCESS  # SW-2
        assert NtSignalAndWaitForSingleObject(stays, once, alertable, -10_000) == STATUS_TIMEOUT  # SW-3
        refused = NtSignalAndWaitForSingleObject(full, stays, alertable, 0)
        assert refused == STATUS_SEMAPHORE_LIMIT_EXCEEDED  # SW-4
        assert NtSignalAndWaitForSingleObject(free, stays, alertable, 0) == STATUS_MUTANT_NOT_OWNED  # SW-5
        assert NtSignalAndWaitForSingleObject(timer, stays, alertable, 0) == STATUS_OBJECT_TYPE_MISMATCH  # SW-6
        assert NtSignalAndWaitForSingleObject(once, 0, alertable, 0) == STATUS_INVALID_HANDLE  # SW-7
        assert NtSignalAndWaitForSingleObject(0, stays, alertable, 0) == STATUS_INVALID_HANDLE  # SW-10
        assert NtQueryEvent(once).information.EventState == 0
        assert NtSignalAndWaitForSingleObject(once, pair, alertable, 0) == STATUS_SUCCESS
        assert NtResetEvent(once).previous == 1


def test_calls_run_in_order_in_the_next_alertable_wait() -> None:
    seen: list[Any] = []
    ready = event(NotificationEvent, True)
    for number in range(3):
        assert NtQueueApcThread(-2, seen.append, number) == STATUS_SUCCESS
    NtQueueApcThread(-2, lambda *arguments: seen.append(arguments), 1, None, 3)
    assert NtWaitForSingleObject(ready, False, 0) == STATUS_SUCCESS and seen == []
    assert NtWaitForSingleObject(ready, True, 0) == STATUS_SUCCESS and seen == []  # WT-20
    assert NtWaitForMultipleObjects(1, [ready], WaitAll, True, None) == STATUS_SUCCESS and seen == []  # WT-21
    assert NtWaitForSingleObject(event(), True, 0) == STATUS_USER_APC  # WT-19
    assert seen == [0, 1, 2, (1, None, 3)]
    assert NtWaitForSingleObject(event(), True, 0) == STATUS_TIMEOUT
    NtQueueApcThread(-2, seen.append, "tested")
    assert NtTestAlert() == STATUS_SUCCESS and seen[-1] == "tested"


@pytest.mark.parametrize("wait", ["single", "any", "all", "delay", "signal"])
@pytest.mark.parametrize("what", ["call", "alert"])
def test_another_thread_ends_an_alertable_wait(wait: str, what: str) -> None:
    never, other = event(), event()
    waits: dict[str, Callable[[], Any]] = {
        "single": lambda: NtWaitForSingleObject(never, True, None),
        "any": lambda: NtWaitForMultipleObjects(2, [never, other], WaitAny, True, None),
        "all": lambda: NtWaitForMultipleObjects(2, [never, other], WaitAll, True, None),
        "delay": lambda: NtDelayExecution(True, None),
        "signal": lambda: NtSignalAndWaitForSingleObject(other, never, True, None),
    }
    waiter, seen = Waiter(waits[wait]), []
    if what == "call":
        assert NtQueueApcThread(waiter.handle, lambda: seen.append(threading.get_native_id())) == STATUS_SUCCESS
        assert waiter.result() == STATUS_USER_APC and seen == [waiter.thread.native_id]
    else:
        assert NtAlertThread(waiter.handle) == STATUS_SUCCESS
        assert waiter.result() == STATUS_ALERTED
    NtClose(never)
    NtClose(other)


def test_a_wait_that_is_not_alertable_ignores_both() -> None:
    done = event()
    waiter = Waiter(lambda: (NtWaitForSingleObject(done, False, None), NtTestAlert(), NtTestAlert()))
    seen: list[int] = []
    NtAlertThread(waiter.handle)
    NtAlertThread(waiter.handle)
    NtQueueApcThread(waiter.handle, seen.append, 1)
    NtSetEvent(done)
    assert waiter.result() == (STATUS_SUCCESS, STATUS_ALERTED, STATUS_SUCCESS) and seen == [1]


def test_what_a_call_raises_comes_out_of_the_wait_and_the_rest_stays() -> None:
    seen: list[int] = []
    NtQueueApcThread(-2, lambda: 1 // 0)
    NtQueueApcThread(-2, seen.append, 1)
    with pytest.raises(ZeroDivisionError):
        NtDelayExecution(True, None)
    assert seen == [] and NtDelayExecution(True, None) == STATUS_USER_APC and seen == [1]


def test_a_call_that_queues_another_is_followed_by_it() -> None:
    seen: list[int] = []
    NtQueueApcThread(-2, lambda: NtQueueApcThread(-2, seen.append, 2))
    assert NtDelayExecution(True, None) == STATUS_USER_APC and seen == [2]


def test_threads_that_are_not_there() -> None:
    thread = threading.Thread(target=lambda: None)
    begin = threading.Event()
    thread = threading.Thread(target=begin.wait)
    thread.start()
    handle = NtOpenThread(0, None, (0, thread.native_id)).handle
    assert NtQueryObject(handle, ObjectTypeInformation).information == "Thread"
    begin.set()
    thread.join()
    wait_until(lambda: NtAlertThread(handle) == STATUS_UNSUCCESSFUL)
    assert NtQueueApcThread(handle, print) == STATUS_UNSUCCESSFUL
    NtClose(handle)
    assert NtAlertThread(handle) == STATUS_INVALID_HANDLE
    for client in (0, 0), (1, 1), (0, 2**30), (0, -1):
        assert NtOpenThread(0, None, client) == (STATUS_INVALID_CID, 0)
    with pytest.raises(TypeError):
        NtQueueApcThread(-2, "no function")  # type: ignore[arg-type]


def test_an_alertable_wait_for_objects_of_the_global_session() -> None:
    event = ntipc.ntdll.handles.insert(ntipc.Event("Global\\x"))
    waiter = Waiter(lambda: NtWaitForSingleObject(event, True, None), seen_asleep=False)
    NtAlertThread(waiter.handle)
    assert waiter.result() == STATUS_ALERTED
    waiter = Waiter(lambda: NtWaitForSingleObject(event, True, None), seen_asleep=False)
    NtSetEvent(event)
    assert waiter.result() == STATUS_SUCCESS
    NtClose(event)

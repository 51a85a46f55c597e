"""Events, semaphores, mutants, timers and event pairs through the Native API, by the facts about NT."""

import threading
import time

import pytest
from harness.peers import Peer
from harness.waiting import look, wait_until

from ntipc.ntdll import *


def event(kind: int = SynchronizationEvent, initial: bool = False) -> int:
    return NtCreateEvent(EVENT_ALL_ACCESS, None, kind, initial).handle


def semaphore(initial: int, maximum: int) -> int:
    return NtCreateSemaphore(SEMAPHORE_ALL_ACCESS, None, initial, maximum).handle


def mutant(owned: bool = False) -> int:
    return NtCreateMutant(MUTANT_ALL_ACCESS, None, owned).handle


def waited(handle: int) -> int:
    return NtWaitForSingleObject(handle, False, 0)


def in_a_thread(call: object) -> object:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(call()))  # type: ignore[operator]
    thread.start()
    thread.join()
    return results[0]


def asleep(count: int) -> None:
    wait_until(lambda: sum(len(each["waiters"]) for each in look()["objects"]) == count)


def test_events_of_both_kinds() -> None:
    once, stays = event(), event(NotificationEvent)
    assert [NtSetEvent(once).previous for _ in range(2)] == [0, 1]  # EV-3, EV-5
    assert [waited(once) for _ in range(2)] == [STATUS_SUCCESS, STATUS_TIMEOUT]  # EV-1
    NtSetEvent(stays)
    assert [waited(stays) for _ in range(3)] == [STATUS_SUCCESS] * 3  # EV-2
    assert NtResetEvent(stays).previous == 1 and NtResetEvent(stays).previous == 0  # EV-4
    assert NtSetEvent(stays) and NtClearEvent(stays) == STATUS_SUCCESS and waited(stays) == STATUS_TIMEOUT
    NtSetEvent(stays)
    assert NtPulseEvent(stays).previous == 1 and waited(stays) == STATUS_TIMEOUT  # EV-9
    assert NtQueryEvent(once).information == (SynchronizationEvent, 0)  # EV-7
    NtSetEvent(once)
    assert [NtQueryEvent(once).information.EventState for _ in range(2)] == [1, 1]
    NtClose(once)
    NtClose(stays)


def test_questions_of_impossible_classes_and_lengths() -> None:
    handles = [event(), semaphore(1, 1), mutant(), NtCreateTimer(TIMER_ALL_ACCESS, None).handle]
    sizes = [8, 8, 8, 16]
    for ask, handle, size in zip(
        (NtQueryEvent, NtQuerySemaphore, NtQueryMutant, NtQueryTimer), handles, sizes, strict=True
    ):
        assert ask(handle, 7) == (STATUS_INVALID_INFO_CLASS, None)  # EV-8
        assert ask(handle, 0, size - 1) == (STATUS_INFO_LENGTH_MISMATCH, None)
        assert ask(handle, 0, size).status == STATUS_SUCCESS
        NtClose(handle)
    assert NtQueryEvent(0, 7, 8).status == STATUS_INVALID_INFO_CLASS


def test_impossible_states_make_nothing() -> None:
    name = OBJECT_ATTRIBUTES(r"\BaseNamedObjects\x")
    made = NtCreateEvent(EVENT_ALL_ACCESS, name, SynchronizationEvent, False).handle
    assert NtCreateEvent(EVENT_ALL_ACCESS, name, 2, False).status == STATUS_INVALID_PARAMETER  # EV-6
    assert NtCreateTimer(TIMER_ALL_ACCESS, name, 2).status == STATUS_INVALID_PARAMETER
    for initial, maximum in (0, 0), (-1, 1), (2, 1), (0, -1), (0, 2**31):  # SE-1, NM-27
        assert NtCreateSemaphore(SEMAPHORE_ALL_ACCESS, name, initial, maximum) == (STATUS_INVALID_PARAMETER, 0)
    NtClose(made)


def test_semaphores_count() -> None:
    seats = semaphore(2, 3)
    assert [waited(seats) for _ in range(3)] == [STATUS_SUCCESS] * 2 + [STATUS_TIMEOUT]  # SE-3
    assert NtReleaseSemaphore(seats, 2) == (STATUS_SUCCESS, 0)  # SE-4
    for too_many in 2, 2**31 - 1, 2**31, 2**40:
        assert NtReleaseSemaphore(seats, too_many) == (STATUS_SEMAPHORE_LIMIT_EXCEEDED, None)  # SE-5, SE-6
    for none in 0, -1:
        assert NtReleaseSemaphore(seats, none) == (STATUS_INVALID_PARAMETER, None)  # SE-7, SE-8
        assert NtReleaseSemaphore(0, none).status == STATUS_INVALID_PARAMETER
    assert NtQuerySemaphore(seats).information == (2, 3)  # SE-12
    assert in_a_thread(lambda: NtReleaseSemaphore(seats, 1).previous) == 2  # SE-10
    NtClose(seats)


def test_mutants_belong_to_a_thread() -> None:
    lock = mutant(True)
    assert NtQueryMutant(lock).information == (0, True, False)  # MX-1, MX-9
    assert waited(lock) == STATUS_SUCCESS and NtQueryMutant(lock).information.CurrentCount == -1
    assert in_a_thread(lambda: (waited(lock), NtReleaseMutant(lock))) == (
        STATUS_TIMEOUT,
        (STATUS_MUTANT_NOT_OWNED, None),
    )  # MX-4, MX-6
    assert in_a_thread(lambda: NtQueryMutant(lock).information.OwnedByCaller) is False  # MX-10
    owner = NtQueryMutant(lock, MutantOwnerInformationClass).information
    assert owner.UniqueThread == threading.get_native_id()
    assert [NtReleaseMutant(lock).previous for _ in range(2)] == [-1, 0]  # MX-8
    assert NtReleaseMutant(lock) == (STATUS_MUTANT_NOT_OWNED, None)  # MX-5
    NtClose(lock)


def test_a_mutant_is_released_through_any_handle() -> None:
    name = OBJECT_ATTRIBUTES(r"\BaseNamedObjects\x")
    lock = NtCreateMutant(MUTANT_ALL_ACCESS, name, True).handle
    for rights in SYNCHRONIZE, READ_CONTROL:  # HD-19
        waited(lock)
        weak = NtOpenMutant(rights, name).handle
        assert NtReleaseMutant(weak) == (STATUS_SUCCESS, -1) and NtQueryMutant(weak).status == STATUS_ACCESS_DENIED
        NtClose(weak)
    blind = NtOpenMutant(GENERIC_READ | GENERIC_WRITE, name).handle
    assert waited(blind) == STATUS_ACCESS_DENIED  # HD-20
    NtClose(blind)
    NtClose(lock)


def test_an_abandoned_mutant_is_told_once(recwarn: pytest.WarningsRecorder) -> None:
    lock, other = mutant(), event(NotificationEvent, True)
    in_a_thread(lambda: (waited(lock), waited(lock)))
    wait_until(lambda: NtQueryMutant(lock).information == (1, False, True))  # MX-14
    assert NtWaitForMultipleObjects(2, [other, lock], WaitAny, False, 0) == STATUS_WAIT_0  # MX-21
    assert waited(lock) == STATUS_ABANDONED_WAIT_0  # MX-11
    assert NtQueryMutant(lock).information == (0, True, False) and NtReleaseMutant(lock).previous == 0  # MX-12, MX-13
    assert waited(lock) == STATUS_SUCCESS
    NtReleaseMutant(lock)
    in_a_thread(lambda: waited(lock))
    wait_until(lambda: NtQueryMutant(lock).information.AbandonedState)
    assert NtWaitForMultipleObjects(2, [event(), lock], WaitAny, False, 0) == STATUS_ABANDONED_WAIT_0 + 1  # MX-20
    NtReleaseMutant(lock)
    in_a_thread(lambda: waited(lock))
    wait_until(lambda: NtQueryMutant(lock).information.AbandonedState)
    assert NtWaitForMultipleObjects(2, [other, lock], WaitAll, True, 0) == STATUS_ABANDONED_WAIT_0  # WT-8
    assert not recwarn.list  # the status tells, no warning
    NtReleaseMutant(lock)


def test_a_mutant_of_a_killed_process_is_abandoned(peer: Peer) -> None:
    lock = NtCreateMutant(MUTANT_ALL_ACCESS, OBJECT_ATTRIBUTES(r"\BaseNamedObjects\x"), False).handle
    peer.run("from ntipc.ntdll import *")
    peer.run("lock = NtOpenMutant(MUTANT_ALL_ACCESS, OBJECT_ATTRIBUTES(r'\\BaseNamedObjects\\x')).handle")
    assert peer.run("NtWaitForSingleObject(lock, False, 0)") == STATUS_SUCCESS
    assert waited(lock) == STATUS_TIMEOUT
    peer.kill()
    assert NtWaitForSingleObject(lock, False, None) == STATUS_ABANDONED_WAIT_0  # MX-15, MX-18
    NtReleaseMutant(lock)
    NtClose(lock)


def test_timers() -> None:
    once = NtCreateTimer(TIMER_ALL_ACCESS, None, SynchronizationTimer).handle
    stays = NtCreateTimer(TIMER_ALL_ACCESS, None, NotificationTimer).handle
    for timer in once, stays:
        assert waited(timer) == STATUS_TIMEOUT and NtSetTimer(timer, -10_000) == (STATUS_SUCCESS, 0)
        assert NtWaitForSingleObject(timer, False, None) == STATUS_SUCCESS
    assert waited(once) == STATUS_TIMEOUT and waited(stays) == STATUS_SUCCESS  # TM-1, TM-2
    assert NtCancelTimer(stays) == (STATUS_SUCCESS, 1) and waited(stays) == STATUS_SUCCESS  # TM-4
    assert NtSetTimer(stays, -(10**9)) == (STATUS_SUCCESS, 1) and waited(stays) == STATUS_TIMEOUT  # TM-5
    left = NtQueryTimer(stays).information
    assert 9 * 10**8 < left.RemainingTime <= 10**9 and not left.TimerState
    for at_once in 0, NtQuerySystemTime() - 10_000_000, 1:  # TM-6
        NtSetTimer(once, at_once)
        assert waited(once) == STATUS_SUCCESS
    NtSetTimer(once, NtQuerySystemTime() + 10**9)
    assert NtQueryTimer(once).information.RemainingTime > 9 * 10**8
    NtSetTimer(once, -10_000, Period=1)
    assert [NtWaitForSingleObject(once, False, None) for _ in range(3)] == [STATUS_SUCCESS] * 3
    assert NtSetTimer(once, 0, Period=-1).status == STATUS_INVALID_PARAMETER
    NtClose(once)
    NtClose(stays)


def test_a_timer_calls_the_thread_that_set_it_in_an_alertable_wait() -> None:
    timer, called = NtCreateTimer(TIMER_ALL_ACCESS, None).handle, []
    NtSetTimer(timer, -10_000, lambda context, moment: called.append((context, moment)), "mine")
    before = NtQuerySystemTime()
    assert NtDelayExecution(True, -(10**9)) == STATUS_USER_APC  # TM-8
    ((context, moment),) = called
    assert context == "mine" and moment >= before - 10_000_000
    assert waited(timer) == STATUS_SUCCESS, "the timer itself is as if there were no call"
    NtSetTimer(timer, -10_000, lambda context, moment: called.append((context, moment)), "cancelled")
    assert in_a_thread(lambda: NtCancelTimer(timer).status) == STATUS_SUCCESS
    assert NtDelayExecution(True, -50_000) == STATUS_SUCCESS and len(called) == 1
    NtClose(timer)


def test_event_pairs_alternate() -> None:
    name = OBJECT_ATTRIBUTES(r"\BaseNamedObjects\turns")
    client = NtCreateEventPair(EVENT_PAIR_ALL_ACCESS, name).handle
    server = NtOpenEventPair(EVENT_PAIR_ALL_ACCESS, name).handle  # EP-8
    steps: list[str] = []

    def serve() -> None:
        assert NtWaitHighEventPair(server) == STATUS_SUCCESS
        for _ in range(3):
            steps.append("server")
            NtSetLowEventPair(server) if len(steps) == 6 else NtSetLowWaitHighEventPair(server)

    thread = threading.Thread(target=serve)
    thread.start()
    for _ in range(3):
        steps.append("client")
        assert NtSetHighWaitLowEventPair(client) == STATUS_SUCCESS
    thread.join()
    assert steps == ["client", "server"] * 3  # EP-4, EP-5
    NtSetLowEventPair(client)
    NtSetLowEventPair(client)
    assert NtWaitLowEventPair(client) == STATUS_SUCCESS  # EP-6, EP-10
    assert NtWaitForSingleObject(client, False, None) == STATUS_SUCCESS  # EP-9
    assert NtWaitForMultipleObjects(2, [event(), client], WaitAny, False, None) == STATUS_WAIT_0 + 1
    NtClose(client)
    NtClose(server)


def test_delays_last_at_least_as_long_as_they_say() -> None:
    begin = time.monotonic()
    assert NtDelayExecution(False, -100_000) == STATUS_SUCCESS and NtDelayExecution(True, -100_000) == STATUS_SUCCESS
    assert NtDelayExecution(False, NtQuerySystemTime() + 100_000) == STATUS_SUCCESS
    assert time.monotonic() - begin >= 0.029
    assert NtYieldExecution() == STATUS_SUCCESS


@pytest.mark.parametrize(("asked", "status"), [(GENERIC_ALL, STATUS_SUCCESS), (0, STATUS_ACCESS_DENIED)])
def test_what_is_made_has_the_rights_asked_for_all_or_none(asked: int, status: int) -> None:
    made, handle = NtCreateEvent(asked, None, SynchronizationEvent, False)
    assert made == STATUS_SUCCESS
    assert NtSetEvent(handle).status == status
    NtClose(handle)

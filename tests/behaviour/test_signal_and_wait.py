"""Signalling one object and waiting for another in one step."""

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters, wait_until, waiters

import ntipc


def test_signals_the_first_and_takes_the_second() -> None:
    first, second = ntipc.Event(), ntipc.Event(initial=True)
    assert ntipc.signal_and_wait(first, second) is True
    assert first.is_set() and not second.is_set()


def test_one_auto_reset_event_for_both_ends_unset() -> None:
    event = ntipc.Event()
    assert [ntipc.signal_and_wait(event, event, 0) for _ in range(3)] == [True] * 3
    assert not event.is_set()


def test_the_signal_stays_done_when_the_wait_times_out() -> None:
    first, second = ntipc.Event(), ntipc.Event()
    assert ntipc.signal_and_wait(first, second, 0) is False
    assert first.is_set()
    first.clear()
    assert ntipc.signal_and_wait(first, second, 0.01) is False
    assert first.is_set() and waiters(second) == 0


def test_semaphore_is_released_by_one() -> None:
    semaphore, event = ntipc.Semaphore(initial=3, maximum=9), ntipc.Event(initial=True)
    assert ntipc.signal_and_wait(semaphore, event, 0)
    assert semaphore.count == 4


def test_mutex_is_released_once() -> None:
    mutex, event = ntipc.Mutex(initial_owner=True), ntipc.Event(initial=True, manual_reset=True)
    mutex.acquire()
    assert ntipc.signal_and_wait(mutex, event, 0)
    assert facts(mutex)["recursion"] == 1
    assert ntipc.signal_and_wait(mutex, event, 0)
    assert facts(mutex)["count"] == 1


def test_mutex_for_both_is_released_and_taken_again() -> None:
    mutex = ntipc.Mutex(initial_owner=True)
    assert ntipc.signal_and_wait(mutex, mutex, 0)
    assert facts(mutex)["owned_by_caller"] and facts(mutex)["recursion"] == 1


def test_full_semaphore_as_the_signal_fails_and_nothing_is_waited_for() -> None:
    semaphore, event = ntipc.Semaphore(initial=1, maximum=1), ntipc.Event(initial=True)
    with pytest.raises(ntipc.LimitExceeded):
        ntipc.signal_and_wait(semaphore, event)
    assert semaphore.count == 1 and event.is_set()


def test_mutex_of_somebody_else_as_the_signal_fails_and_nothing_is_waited_for() -> None:
    mutex, event = ntipc.Mutex(), ntipc.Event(initial=True)
    with pytest.raises(ntipc.NotOwner):
        ntipc.signal_and_wait(mutex, event)
    assert event.is_set()


def test_closed_object_to_wait_for_fails_and_nothing_is_signalled() -> None:
    event, closed = ntipc.Event(), ntipc.Event(initial=True)
    closed.close()
    with pytest.raises(ntipc.HandleClosed):
        ntipc.signal_and_wait(event, closed)
    assert not event.is_set()


def test_closed_object_to_signal_fails_and_nothing_is_taken() -> None:
    event, closed = ntipc.Event(initial=True), ntipc.Event()
    closed.close()
    with pytest.raises(ntipc.HandleClosed):
        ntipc.signal_and_wait(closed, event)
    assert event.is_set()


@pytest.mark.parametrize("wrong", [None, 5, "event", object(), ntipc.Event])
def test_other_things_are_a_type_error(wrong: object) -> None:
    event = ntipc.Event()
    with pytest.raises(TypeError):
        ntipc.signal_and_wait(event, wrong, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ntipc.signal_and_wait(wrong, event, 0)  # type: ignore[arg-type]
    assert not event.is_set()


def test_timer_and_section_cannot_be_signalled() -> None:
    event = ntipc.Event(initial=True)
    for wrong in ntipc.Timer(), ntipc.Section(size=1):
        with pytest.raises(TypeError):
            ntipc.signal_and_wait(wrong, event, 0)  # type: ignore[arg-type]
    assert event.is_set()


def test_signal_needs_the_right_to_modify_and_wait_the_right_to_wait() -> None:
    event, other = ntipc.Event(), ntipc.Event(initial=True)
    with pytest.raises(PermissionError):
        ntipc.signal_and_wait(event.duplicate(access=ntipc.Access.SYNCHRONIZE), other)
    with pytest.raises(PermissionError):
        ntipc.signal_and_wait(event, other.duplicate(access=ntipc.Access.EVENT_MODIFY_STATE))
    assert not event.is_set() and other.is_set()


@pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")
def test_wait_for_an_abandoned_mutex_tells(peer: Peer) -> None:
    event, mutex = ntipc.Event(), ntipc.Mutex("m")
    peer.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    peer.kill()
    wait_until(lambda: facts(mutex)["abandoned"])
    assert ntipc.signal_and_wait(event, mutex) and mutex.abandoned
    assert event.is_set()


def test_two_processes_alternate(peer: Peer) -> None:
    ping, pong = ntipc.Event("ping"), ntipc.Event("pong")
    peer.run("ping, pong = ntipc.Event.open('ping'), ntipc.Event.open('pong')")
    call = peer.begin("ping.wait()\nfor _ in range(1000): ntipc.signal_and_wait(pong, ping)")
    for _ in range(1000):
        assert ntipc.signal_and_wait(ping, pong, 10)
    ping.set()
    call.result()
    assert not ping.is_set() and not pong.is_set()


def test_a_waiter_released_by_the_signal_finds_the_signaller_waiting(peer: Peer) -> None:
    """Were it two steps, a pulse by the released process could come before the wait and be lost."""
    ping, pong = ntipc.Event("ping"), ntipc.Event("pong")
    peer.run("ping, pong = ntipc.Event.open('ping'), ntipc.Event.open('pong')")
    call = peer.begin("for _ in range(1000):\n ping.wait()\n pong.pulse()")
    for turn in range(1000):
        wait_until(lambda turn=turn: waiters(ping) == 1)  # type: ignore[misc]
        assert ntipc.signal_and_wait(ping, pong, 10), f"the pulse of turn {turn} was lost"
    call.result()
    wait_for_waiters(ping, 0)

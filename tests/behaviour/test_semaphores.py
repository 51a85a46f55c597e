"""Semaphores: units, limits, first come first served."""

from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters, wait_until, waiters

import ntipc


def test_acquire_takes_one_unit_and_fails_at_none() -> None:
    semaphore = ntipc.Semaphore(initial=2, maximum=2)
    assert [semaphore.acquire(timeout=0), semaphore.wait(0), semaphore.acquire(blocking=False)] == [True, True, False]
    assert semaphore.count == 0


def test_release_returns_the_previous_count_and_adds() -> None:
    semaphore = ntipc.Semaphore(initial=0, maximum=10)
    assert [semaphore.release(), semaphore.release(4), semaphore.count] == [0, 1, 5]


@pytest.mark.parametrize(("initial", "maximum"), [(0, 1), (1, 1), (5, 5), (0, 2**31 - 1), (2**31 - 1, 2**31 - 1)])
def test_initial_may_be_anything_from_nothing_to_the_maximum(initial: int, maximum: int) -> None:
    semaphore = ntipc.Semaphore(initial=initial, maximum=maximum)
    assert (semaphore.count, semaphore.maximum) == (initial, maximum)
    assert facts(semaphore)["count"] == initial and facts(semaphore)["maximum"] == maximum


@pytest.mark.parametrize(
    ("initial", "maximum"), [(-1, 5), (6, 5), (0, 0), (0, -1), (1, 2**31), (2**31, None), (2**80, None), (0, 2**80)]
)
def test_bad_counts_are_refused(initial: int, maximum: int | None) -> None:
    with pytest.raises((ValueError, OverflowError)):
        ntipc.Semaphore("s", initial=initial, maximum=maximum)
    assert ntipc.Semaphore("s").created


@pytest.mark.parametrize("initial", ["1", 1.5, None, b"1"])
def test_counts_that_are_not_integers_are_a_type_error(initial: object) -> None:
    with pytest.raises(TypeError):
        ntipc.Semaphore(initial=initial)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [5, 0x7FFFFFFF])
def test_release_past_the_maximum_changes_nothing(count: int) -> None:
    semaphore = ntipc.Semaphore("s", initial=1, maximum=5)
    with pytest.raises(ntipc.LimitExceeded) as problem:
        semaphore.release(count)
    assert semaphore.count == 1 and problem.value.winerror == 298
    assert isinstance(problem.value, ValueError)
    assert semaphore.release(4) == 1


@pytest.mark.parametrize("count", [0, -1, -(2**31), 2**31, 2**64])
def test_release_of_a_bad_count_changes_nothing(count: int) -> None:
    semaphore = ntipc.Semaphore(initial=1, maximum=2**31 - 1)
    with pytest.raises((ValueError, OverflowError)):
        semaphore.release(count)
    assert semaphore.count == 1


@pytest.mark.parametrize("count", ["1", 1.5, None])
def test_release_of_something_else_than_an_integer_is_a_type_error(count: object) -> None:
    semaphore = ntipc.Semaphore(initial=1, maximum=9)
    with pytest.raises(TypeError):
        semaphore.release(count)  # type: ignore[arg-type]
    assert semaphore.count == 1


def test_release_wakes_as_many_waiters_as_units_and_keeps_the_rest(start_peer: Callable[..., Peer]) -> None:
    semaphore = ntipc.Semaphore("s", initial=0, maximum=10)
    calls = []
    for number in range(2):
        peer = start_peer()
        peer.run("semaphore = ntipc.Semaphore.open('s')")
        calls.append(peer.begin("semaphore.acquire()"))
        wait_for_waiters(semaphore, number + 1)
    assert semaphore.release(5) == 0
    assert [call.result() for call in calls] == [True, True]
    assert semaphore.count == 3


def test_release_of_one_wakes_the_first_of_several(peer: Peer) -> None:
    semaphore = ntipc.Semaphore("s", initial=0)
    peer.run("semaphore = ntipc.Semaphore.open('s')")
    calls = {}
    for number, thread in enumerate("abc"):
        calls[thread] = peer.begin("semaphore.acquire()", thread)
        wait_for_waiters(semaphore, number + 1)
    for left, thread in enumerate("abc"):
        semaphore.release()
        assert calls[thread].result() and waiters(semaphore) == 2 - left
    assert semaphore.count == 0


def test_any_thread_of_any_process_may_release(peer: Peer) -> None:
    semaphore = ntipc.Semaphore("s", initial=1)
    assert semaphore.acquire()
    peer.run("ntipc.Semaphore.open('s').release()")
    assert semaphore.acquire(timeout=0)


def test_units_of_a_killed_process_do_not_come_back(peer: Peer) -> None:
    semaphore = ntipc.Semaphore("s", initial=2, maximum=5)
    peer.run("semaphore = ntipc.Semaphore.open('s'); semaphore.acquire()")
    peer.kill()
    wait_until(lambda: facts(semaphore)["handles"] == 1)
    assert semaphore.count == 1


def test_with_acquires_and_releases() -> None:
    semaphore = ntipc.Semaphore(initial=1)
    with semaphore:
        assert semaphore.count == 0
    assert semaphore.count == 1 and not semaphore.closed


def test_with_releases_when_the_body_fails() -> None:
    semaphore = ntipc.Semaphore(initial=1)
    with pytest.raises(ZeroDivisionError), semaphore:
        1 / 0  # noqa: B018
    assert semaphore.count == 1


def test_semaphore_without_a_maximum_takes_many_units() -> None:
    semaphore = ntipc.Semaphore()
    assert semaphore.count == 1
    semaphore.release(1_000_000)
    assert semaphore.count == 1_000_001


def test_wait_all_over_a_semaphore_takes_one_unit_of_it() -> None:
    semaphore, event = ntipc.Semaphore(initial=3), ntipc.Event(initial=True)
    assert ntipc.wait_all([semaphore, event], 0) is not None
    assert semaphore.count == 2 and not event.is_set()


def test_waiter_that_is_killed_takes_no_unit(start_peer: Callable[..., Peer]) -> None:
    semaphore = ntipc.Semaphore("s", initial=0)
    peer = start_peer()
    peer.run("semaphore = ntipc.Semaphore.open('s')")
    peer.begin("semaphore.acquire()")
    wait_for_waiters(semaphore, 1)
    peer.kill()
    wait_for_waiters(semaphore, 0)
    semaphore.release()
    assert semaphore.count == 1


def test_two_processes_pass_tokens_without_losing_one(peer: Peer) -> None:
    full, empty = ntipc.Semaphore("full", initial=0, maximum=4), ntipc.Semaphore("empty", initial=4, maximum=4)
    peer.run("full, empty = ntipc.Semaphore.open('full'), ntipc.Semaphore.open('empty')")
    call = peer.begin("for _ in range(2000):\n full.acquire()\n empty.release()")
    for _ in range(2000):
        assert empty.acquire(timeout=10)
        full.release()
    call.result()
    assert (full.count, empty.count) == (0, 4)

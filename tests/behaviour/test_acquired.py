"""``with lock.acquired(timeout=...)``: enters in time or raises, of mutexes and semaphores."""

import contextlib
import gc
import math
import signal
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters, wait_until

import ntipc

KINDS = ["Mutex", "Semaphore"]


def make(kind: str) -> Any:
    """A mutex, or a semaphore of one unit, named "thing"."""
    return getattr(ntipc, kind)("thing")


def take(kind: str, peer: Peer) -> None:
    peer.run(f"thing = ntipc.{kind}.open('thing'); thing.acquire()")


def is_free(thing: Any) -> bool:
    return bool(facts(thing)["count"] == 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("timeout", [None, 5, 0, -1, math.inf])
def test_free_one_is_entered_whatever_the_timeout_and_released_after_the_block(kind: str, timeout: float) -> None:
    thing = make(kind)
    with thing.acquired(timeout=timeout) as entered:
        assert entered is thing and facts(thing)["count"] == 0
    assert is_free(thing) and not thing.closed
    with thing.acquired(timeout):
        assert facts(thing)["count"] == 0
    assert is_free(thing)


@pytest.mark.parametrize("kind", KINDS)
def test_block_that_fails_releases_and_its_exception_goes_on(kind: str) -> None:
    thing = make(kind)
    with pytest.raises(ZeroDivisionError), thing.acquired(timeout=1):
        1 / 0  # noqa: B018
    assert is_free(thing)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("timeout", [0, -1, 0.05])
def test_time_that_runs_out_raises_timeout_instead_of_entering(kind: str, timeout: float, peer: Peer) -> None:
    thing = make(kind)
    take(kind, peer)
    start = time.monotonic()
    with pytest.raises(ntipc.Timeout) as problem, thing.acquired(timeout=timeout):
        pytest.fail("entered")
    assert time.monotonic() - start >= timeout
    assert isinstance(problem.value, TimeoutError) and problem.value.operation == f"{kind}.acquired"
    assert problem.value.subject == f"{kind.lower()} 'thing'" and "released" in str(problem.value)
    assert facts(thing)["count"] == 0 and facts(thing)["waiters"] == 0
    peer.run("thing.release()")
    assert is_free(thing)


@pytest.mark.parametrize("kind", KINDS)
def test_waiter_enters_once_another_process_releases(kind: str, peer: Peer) -> None:
    thing = make(kind)
    assert thing.acquire()
    peer.run(f"thing, seen = ntipc.{kind}.open('thing'), []")
    call = peer.begin("with thing.acquired(timeout=20): seen.append(thing.info()['count'])")
    wait_for_waiters(thing, 1)
    assert not call.returned
    thing.release()
    call.result()
    assert peer.run("seen") == [0] and is_free(thing)


def test_four_processes_exclude_each_other(start_peer: Callable[..., Peer]) -> None:
    section, mutex = ntipc.Section("counter", 4096), ntipc.Mutex("m")
    code = """
mutex, view = ntipc.Mutex.open('m'), ntipc.Section.open('counter').map()
memory = memoryview(view).cast('Q')
for _ in range(1000):
    with mutex.acquired(timeout=20):
        memory[0] += 1
"""
    for call in [start_peer().begin(code) for _ in range(4)]:
        call.result()
    with section.map() as view, memoryview(view) as memory:
        assert memory.cast("Q")[0] == 4000
    assert is_free(mutex)


@pytest.mark.parametrize("kind", KINDS)
def test_timeout_counts_from_each_entering(kind: str, peer: Peer) -> None:
    thing = make(kind)
    take(kind, peer)
    within = thing.acquired(timeout=0.1)
    for _ in range(2):
        start = time.monotonic()
        with pytest.raises(ntipc.Timeout), within:
            pytest.fail("entered")
        assert time.monotonic() - start >= 0.1
    peer.run("thing.release()")
    with within as entered:
        assert entered is thing
    assert is_free(thing)


def test_owner_enters_a_mutex_again_by_the_same_and_by_another_one() -> None:
    mutex = ntipc.Mutex()
    within = mutex.acquired(timeout=0)
    with within, within, mutex.acquired(timeout=0), mutex:
        assert facts(mutex)["recursion"] == 4
    assert is_free(mutex)


def test_each_entering_of_a_semaphore_takes_a_unit() -> None:
    semaphore = ntipc.Semaphore(initial=2)
    within = semaphore.acquired(timeout=0)
    with within, within:
        assert semaphore.count == 0
        with pytest.raises(ntipc.Timeout), within:
            pytest.fail("entered")
    assert semaphore.count == 2


def test_mutex_of_a_killed_owner_is_entered_and_told_as_abandoned(start_peer: Callable[..., Peer]) -> None:
    mutex, owner, waiter = ntipc.Mutex("thing"), start_peer(), start_peer()
    take("Mutex", owner)
    waiter.run("warnings.simplefilter('ignore'); mutex = ntipc.Mutex.open('thing')")
    call = waiter.begin("with mutex.acquired(timeout=20) as owned: seen = owned.abandoned, owned.info()['recursion']")
    wait_for_waiters(mutex, 1)
    owner.kill()
    call.result()
    assert waiter.run("seen") == (True, 1) and is_free(mutex)


def test_abandoned_mutex_warns_and_a_warning_made_an_error_does_not_enter(peer: Peer) -> None:
    mutex = ntipc.Mutex("thing")
    take("Mutex", peer)
    peer.kill()
    wait_until(lambda: facts(mutex)["abandoned"])
    with pytest.raises(ntipc.AbandonedMutexWarning), pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filters", [("error", None, ntipc.AbandonedMutexWarning, None, 0)])
        with mutex.acquired(timeout=1):
            pytest.fail("entered")
    assert not facts(mutex)["owned_by_caller"]


def test_release_in_the_block_is_told_at_its_end() -> None:
    mutex = ntipc.Mutex()
    with pytest.raises(ntipc.NotOwner), mutex.acquired(timeout=1):
        mutex.release()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("timeout", "error"), [("1", TypeError), (object(), TypeError), (math.nan, ValueError)])
def test_bad_timeout_is_refused_before_anything_is_entered(kind: str, timeout: Any, error: type[Exception]) -> None:
    thing = make(kind)
    with pytest.raises(error):
        thing.acquired(timeout=timeout)
    assert is_free(thing)


@pytest.mark.parametrize("kind", KINDS)
def test_closed_one_is_not_entered(kind: str) -> None:
    thing = make(kind)
    within = thing.acquired(timeout=1)
    thing.close()
    with pytest.raises(ntipc.HandleClosed), within:
        pytest.fail("entered")


def test_nothing_but_a_mutex_or_a_semaphore_can_be_acquired() -> None:
    with pytest.raises(TypeError):
        ntipc._kernel.Acquisition(ntipc.Event(), 1)  # type: ignore[arg-type]


def test_mutex_that_keeps_what_acquires_it_goes_all_the_same() -> None:
    class Kept(ntipc.Mutex):
        within: Any

    mutex = Kept()
    mutex.within = mutex.acquired(timeout=1)
    gone = weakref.ref(mutex)
    del mutex
    gc.collect()
    assert gone() is None


class Alarm(Exception):
    """What the signal handler raises."""


@pytest.mark.parametrize("kind", KINDS)
def test_handler_that_raises_at_any_time_leaves_nothing_acquired(kind: str) -> None:
    """Signals come all the time: before, in and after entering and leaving."""
    thing = make(kind)

    def handle(*_: object) -> None:
        rung.append(True)
        raise Alarm

    def work(after: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, after)
        while not rung:
            with thing.acquired(timeout=1):
                entered.append(True)

    rung: list[bool] = []
    entered: list[bool] = []
    before = signal.signal(signal.SIGALRM, handle)
    try:
        for number in range(300):
            rung.clear()
            with contextlib.suppress(Alarm):  # where an exception cannot go on, as in a callback of gc, the loop ends
                work(after=0.0003 + number % 50 * 1e-6)
            assert is_free(thing)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert entered

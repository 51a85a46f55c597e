"""Timeouts: seconds, None for ever, 0 to poll; never early, not drifting, bad ones refused."""

import math
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters

import ntipc


def calls(timeout: Any) -> dict[str, Callable[[], Any]]:
    """Every call that takes a timeout, on objects that are not signalled."""
    event, pair, empty = ntipc.Event(), ntipc.EventPair(), ntipc.Semaphore(initial=0)
    return {
        "Event.wait": lambda: event.wait(timeout),
        "Timer.wait": lambda: ntipc.Timer().wait(timeout),
        "Semaphore.wait": lambda: empty.wait(timeout),
        "Semaphore.acquire": lambda: empty.acquire(timeout=timeout),
        "EventPair.wait_high": lambda: pair.wait_high(timeout),
        "EventPair.wait_low": lambda: pair.wait_low(timeout),
        "EventPair.set_high_wait_low": lambda: pair.set_high_wait_low(timeout),
        "EventPair.set_low_wait_high": lambda: pair.set_low_wait_high(timeout),
        "wait_any": lambda: ntipc.wait_any([event, empty], timeout),
        "wait_all": lambda: ntipc.wait_all([event, empty], timeout),
        "signal_and_wait": lambda: ntipc.signal_and_wait(ntipc.Event(), event, timeout),
    }


NAMES = ["Event.wait", "Timer.wait", "Semaphore.wait", "Semaphore.acquire", "EventPair.wait_high", "EventPair.wait_low"]
NAMES += ["EventPair.set_high_wait_low", "EventPair.set_low_wait_high", "wait_any", "wait_all", "signal_and_wait"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("timeout", [0, 0.0, -1, -0.001, -math.inf, -1e300, False])
def test_zero_or_less_polls(name: str, timeout: float) -> None:
    assert not calls(timeout)[name]()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("timeout", [0.05, 0.2])
def test_wait_lasts_at_least_as_long_as_asked(name: str, timeout: float) -> None:
    call = calls(timeout)[name]
    start = time.monotonic()
    assert not call()
    assert time.monotonic() - start >= timeout


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError):
        calls(math.nan)[name]()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("timeout", ["1", b"1", [1], 1j, object()])
def test_something_else_than_a_number_is_a_type_error(name: str, timeout: object) -> None:
    with pytest.raises(TypeError):
        calls(timeout)[name]()


@pytest.mark.parametrize("timeout", [math.nan, "1"])
def test_bad_timeout_on_a_signalled_object_takes_nothing(timeout: object) -> None:
    event, mutex = ntipc.Event(initial=True), ntipc.Mutex()
    for call in (
        lambda: event.wait(timeout),  # type: ignore[arg-type]
        lambda: mutex.acquire(timeout=timeout),  # type: ignore[arg-type]
        lambda: ntipc.wait_any([event], timeout),  # type: ignore[arg-type]
        lambda: ntipc.signal_and_wait(mutex, event, timeout),  # type: ignore[arg-type]
    ):
        with pytest.raises((TypeError, ValueError)):
            call()
    assert event.is_set() and facts(mutex)["count"] == 1


@pytest.mark.parametrize("timeout", ["None", "float('inf')", "1e300", "1e18", "2**62", "10**400"])
def test_very_long_is_for_ever(timeout: str, peer: Peer) -> None:
    event = ntipc.Event("e")
    peer.run("event = ntipc.Event.open('e')")
    call = peer.begin(f"event.wait({timeout})")
    wait_for_waiters(event, 1)
    event.set()
    assert call.result() is True


def test_number_like_objects_are_taken_as_seconds() -> None:
    from decimal import Decimal
    from fractions import Fraction

    event = ntipc.Event()
    start = time.monotonic()
    assert not event.wait(Fraction(1, 50)) and not event.wait(Decimal("0.02"))  # type: ignore[arg-type]
    assert time.monotonic() - start >= 0.04


@pytest.mark.parametrize("kind", ["Semaphore", "Mutex"])
def test_acquire_without_blocking_polls(kind: str, peer: Peer) -> None:
    peer.run(f"thing = ntipc.{kind}('thing'); thing.acquire()")
    thing = getattr(ntipc, kind).open("thing")
    assert thing.acquire(False) is False and thing.acquire(blocking=False) is False
    assert thing.acquire(True, 0.01) is False


class Unclear:
    """Something without a truth value."""

    def __bool__(self) -> bool:
        raise ZeroDivisionError


@pytest.mark.parametrize("kind", ["Semaphore", "Mutex"])
def test_acquire_takes_the_truth_value_of_blocking_as_threading_does(kind: str, peer: Peer) -> None:
    thing = getattr(ntipc, kind)("thing")
    for blocking in (1, 0, "yes", [], None):
        assert thing.acquire(blocking) is True
        thing.release()
    peer.run(f"thing = ntipc.{kind}.open('thing'); thing.acquire()")
    for blocking in (0, "", [], None, 0.0):
        assert thing.acquire(blocking) is False and thing.acquire(blocking=blocking) is False
    call = peer.begin("thing.acquire(1)", "waiter")
    wait_for_waiters(thing, 1)
    assert not call.returned
    peer.run("thing.release()")
    assert call.result() is True


@pytest.mark.parametrize("kind", ["Semaphore", "Mutex"])
def test_acquire_passes_on_what_the_truth_value_of_blocking_raises(kind: str) -> None:
    thing = getattr(ntipc, kind)()
    with pytest.raises(ZeroDivisionError):
        thing.acquire(Unclear())
    assert facts(thing)["count"] == 1


@pytest.mark.parametrize("kind", ["Semaphore", "Mutex"])
@pytest.mark.parametrize("timeout", [1, 0, 0.5, -2, "1"])
def test_timeout_of_a_call_that_does_not_block_is_refused_as_in_threading(kind: str, timeout: object) -> None:
    thing = getattr(ntipc, kind)()
    for blocking in (False, 0):
        with pytest.raises(ValueError):
            thing.acquire(blocking, timeout)
    assert facts(thing)["count"] == 1


@pytest.mark.parametrize("kind", ["Semaphore", "Mutex"])
def test_timeout_of_minus_one_is_none_for_a_call_that_does_not_block_as_in_threading(kind: str, peer: Peer) -> None:
    thing = getattr(ntipc, kind)("thing")
    assert threading.Lock().acquire(False, -1) is True
    assert thing.acquire(False, -1) is True
    thing.release()
    peer.run(f"thing = ntipc.{kind}.open('thing'); thing.acquire()")
    assert thing.acquire(False, -1) is False


def test_timeout_does_not_drift_under_a_storm_of_signals() -> None:
    """If the timeout began again after each interruption, the wait would go on while signals come."""
    event, ticks = ntipc.Event(), 0

    def tick(*_: object) -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 800:
            signal.setitimer(signal.ITIMER_REAL, 0)

    before = signal.signal(signal.SIGALRM, tick)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
        while ticks <= 10:  # signals that find no processor come as one
            start = time.monotonic()
            assert not event.wait(0.5)
            assert time.monotonic() - start >= 0.5 and ticks < 800
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_timeout_does_not_drift_when_the_object_is_taken_by_others_again_and_again(peer: Peer) -> None:
    """Each set wakes the competition for the pair; the waiting time still counts from the start."""
    first, second, stop = ntipc.Event("first"), ntipc.Event("second"), ntipc.Event("stop", manual_reset=True)
    peer.run("first, second = ntipc.Event.open('first'), ntipc.Event.open('second')")
    code = "n = 0\nwhile not stop.is_set():\n first.set(); first.wait(0); n += 1\nn"
    peer.run("stop = ntipc.Event.open('stop')")
    call = peer.begin(code)
    start = time.monotonic()
    assert ntipc.wait_all([first, second], 0.3) is None
    assert time.monotonic() - start >= 0.3
    stop.set()
    assert call.result() > 0

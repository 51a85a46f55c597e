"""Timers: due once or periodically, a function of the clock."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters

import ntipc


def test_new_timer_is_not_signalled() -> None:
    timer = ntipc.Timer()
    assert not timer.is_set() and not timer.wait(0)
    assert facts(timer)["due_in"] is None


def test_timer_is_signalled_when_due_and_not_before() -> None:
    timer = ntipc.Timer()
    start = time.monotonic()
    timer.set(0.1)
    assert not timer.is_set() or time.monotonic() - start >= 0.1
    assert timer.wait()
    assert time.monotonic() - start >= 0.1
    timer.set(100)
    assert not timer.wait(0) and 0 < facts(timer)["due_in"] <= 100


def test_auto_reset_timer_satisfies_one_wait() -> None:
    timer = ntipc.Timer()
    timer.set(0)
    assert timer.wait() and not timer.wait(0)


def test_manual_reset_timer_stays_signalled() -> None:
    timer = ntipc.Timer(manual_reset=True)
    timer.set(0)
    assert timer.wait() and timer.wait(0) and timer.is_set()
    assert timer.manual_reset


def test_due_time_of_zero_fires_at_once() -> None:
    timer = ntipc.Timer()
    timer.set(0)
    assert timer.wait(0)


@pytest.mark.parametrize(
    "past",
    [-5, -0.001, datetime.now() - timedelta(seconds=5), datetime.min, datetime.min.replace(tzinfo=UTC)],
    ids=["-5", "-0.001", "5 s ago", "first moment", "first moment, UTC"],
)
def test_moment_that_has_passed_fires_at_once(past: float | datetime) -> None:
    timer = ntipc.Timer()
    timer.set(past)
    assert timer.wait(0)


def test_last_moment_of_the_calendar_is_far_away() -> None:
    timer = ntipc.Timer()
    timer.set(datetime.max)
    assert not timer.is_set() and (facts(timer)["due_in"] or 0) > 1e9


def test_setting_again_resets_and_starts_anew() -> None:
    timer = ntipc.Timer(manual_reset=True)
    timer.set(0)
    assert timer.wait()
    timer.set(1000)
    assert not timer.is_set() and not timer.wait(0)
    assert 900 < facts(timer)["due_in"] <= 1000


def test_cancel_stops_it() -> None:
    timer = ntipc.Timer(manual_reset=True)
    begun = cancelled = 0.0
    while not cancelled or cancelled - begun >= 0.05:  # then it may have been due before it was cancelled
        begun = time.monotonic()
        timer.set(0.05)
        timer.cancel()
        cancelled = time.monotonic()
    assert not timer.wait(0.15) and facts(timer)["due_in"] is None


def test_cancel_leaves_the_signalled_state() -> None:
    timer = ntipc.Timer(manual_reset=True)
    timer.set(0)
    assert timer.wait()
    timer.cancel()
    assert timer.is_set() and timer.wait(0)


def test_cancel_of_an_expired_timer_that_nobody_looked_at_leaves_it_signalled() -> None:
    timer = ntipc.Timer()
    timer.set(0.01)
    time.sleep(0.02)
    timer.cancel()
    assert timer.wait(0) and not timer.wait(0)


def test_periodic_timer_fires_again_and_again() -> None:
    timer = ntipc.Timer()
    start = time.monotonic()
    timer.set(0.02, 0.03)
    for expiry in range(5):
        assert timer.wait()
        assert time.monotonic() - start >= 0.02 + 0.03 * expiry
    assert facts(timer)["period"] == pytest.approx(0.03)


def test_missed_periods_give_one_signal() -> None:
    timer = ntipc.Timer()
    start = time.monotonic()
    timer.set(0, 0.4)
    time.sleep(1.0)
    first, second = timer.wait(0), timer.wait(0)
    if time.monotonic() - start < 1.2:
        assert (first, second) == (True, False)


def test_waiter_in_another_process_is_woken_when_due(peer: Peer) -> None:
    timer = ntipc.Timer("t")
    peer.run("timer = ntipc.Timer.open('t')")
    call = peer.begin("timer.wait()")
    wait_for_waiters(timer, 1)
    timer.set(0.05)
    assert call.result() is True


def test_waiter_sleeps_until_the_later_time_when_the_timer_is_set_again(peer: Peer) -> None:
    timer = ntipc.Timer("t")
    peer.run("timer = ntipc.Timer.open('t')")
    start = time.monotonic()
    timer.set(1)
    call = peer.begin("timer.wait() and time.monotonic()")
    wait_for_waiters(timer, 1)
    timer.set(1.5)
    assert call.result() - start >= 1.5


def test_waiter_is_woken_by_an_earlier_time_set_while_it_sleeps(peer: Peer) -> None:
    timer = ntipc.Timer("t")
    timer.set(10_000)
    peer.run("timer = ntipc.Timer.open('t')")
    call = peer.begin("timer.wait()")
    wait_for_waiters(timer, 1)
    timer.set(0.01)
    assert call.result() is True


def test_expiry_of_an_auto_reset_timer_releases_one_waiter_of_several(peer: Peer) -> None:
    timer = ntipc.Timer("t")
    peer.run("timer = ntipc.Timer.open('t')")
    calls = []
    for number, thread in enumerate("ab"):
        calls.append(peer.begin("timer.wait()", thread))
        wait_for_waiters(timer, number + 1)
    timer.set(0.01)
    wait_for_waiters(timer, 1)
    timer.set(0)
    assert [call.result() for call in calls] == [True, True]


def test_expiry_of_a_manual_reset_timer_releases_all(peer: Peer) -> None:
    timer = ntipc.Timer("t", manual_reset=True)
    peer.run("timer = ntipc.Timer.open('t')")
    calls = []
    for number, thread in enumerate("abc"):
        calls.append(peer.begin("timer.wait()", thread))
        wait_for_waiters(timer, number + 1)
    timer.set(0.02)
    assert [call.result() for call in calls] == [True] * 3


def test_timer_outlives_the_process_that_set_it(peer: Peer) -> None:
    timer = ntipc.Timer("t")
    peer.run("ntipc.Timer.open('t').set(0.2)")
    peer.kill()
    assert timer.wait()


def test_timer_in_wait_any_and_wait_all() -> None:
    timer, event = ntipc.Timer(), ntipc.Event()
    timer.set(0.02)
    taken = ntipc.wait_any([event, timer])
    assert taken is not None and taken.index == 1 and taken.object is timer
    event.set()
    timer.set(0.02)
    assert ntipc.wait_all([event, timer]) is not None
    assert not event.is_set() and not timer.is_set()


def test_wait_all_with_a_timer_takes_nothing_before_it_is_due() -> None:
    timer, event = ntipc.Timer(), ntipc.Event(initial=True)
    timer.set(10_000)
    assert ntipc.wait_all([event, timer], 0.05) is None
    assert event.is_set()


@pytest.mark.parametrize("due", [float("nan")])
@pytest.mark.parametrize("argument", ["due", "period"])
def test_time_that_is_no_number_is_a_value_error(due: float, argument: str) -> None:
    timer = ntipc.Timer()
    with pytest.raises(ValueError):
        timer.set(**{"due": 1.0, argument: due})
    assert not timer.is_set() and facts(timer)["due_in"] is None


@pytest.mark.parametrize("due", ["1", None, b"1", [1]])
def test_time_that_is_not_a_number_is_a_type_error(due: object) -> None:
    timer = ntipc.Timer()
    with pytest.raises(TypeError):
        timer.set(due)  # type: ignore[arg-type]


def test_negative_period_is_a_value_error() -> None:
    with pytest.raises(ValueError):
        ntipc.Timer().set(1, -1)

"""Events: set, clear, pulse; auto and manual reset."""

from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters, waiters

import ntipc


def waiting_peers(start_peer: Callable[..., Peer], event: ntipc.Event, count: int) -> list:
    """Calls of ``event.wait()`` in as many processes, queued one after another."""
    calls = []
    for number in range(count):
        peer = start_peer()
        peer.run("event = ntipc.Event.open('event')")
        calls.append(peer.begin("event.wait()"))
        wait_for_waiters(event, number + 1)
    return calls


def test_auto_reset_event_satisfies_exactly_one_wait() -> None:
    event = ntipc.Event(initial=True)
    assert [event.wait(0), event.wait(0)] == [True, False]
    assert not event.is_set()


def test_manual_reset_event_stays_set_until_cleared() -> None:
    event = ntipc.Event(manual_reset=True, initial=True)
    assert [event.wait(0), event.wait(0), event.wait()] == [True] * 3
    event.clear()
    assert not event.wait(0)


@pytest.mark.parametrize("manual_reset", [False, True])
def test_set_of_a_set_event_does_not_count(manual_reset: bool) -> None:
    event = ntipc.Event(manual_reset=manual_reset)
    event.set()
    event.set()
    assert event.wait(0)
    assert event.wait(0) is manual_reset


@pytest.mark.parametrize("manual_reset", [False, True])
def test_set_clear_and_pulse_return_the_previous_state(manual_reset: bool) -> None:
    event = ntipc.Event(manual_reset=manual_reset)
    assert [event.clear(), event.set(), event.set(), event.clear(), event.clear()] == [False, False, True, True, False]
    assert [event.pulse(), event.set(), event.pulse(), event.pulse()] == [False, False, True, False]


def test_asking_does_not_consume() -> None:
    event = ntipc.Event(initial=True)
    assert event.is_set() and facts(event)["signaled"] and event.is_set()
    assert event.wait(0)


@pytest.mark.parametrize("manual_reset", [False, True])
def test_info_tells_kind_and_state(manual_reset: bool) -> None:
    event = ntipc.Event("e", manual_reset=manual_reset, initial=True)
    known = facts(event)
    assert (known["kind"], known["name"], known["manual_reset"]) == ("Event", "e", manual_reset)
    assert (bool(known["signaled"]), known["handles"], known["waiters"]) == (True, 1, 0)
    assert event.manual_reset is manual_reset


@pytest.mark.parametrize("manual_reset", [False, True])
@pytest.mark.parametrize("initial", [False, True])
def test_pulse_without_waiters_leaves_the_event_unset(manual_reset: bool, initial: bool) -> None:
    event = ntipc.Event(manual_reset=manual_reset, initial=initial)
    assert event.pulse() is initial
    assert not event.is_set() and not event.wait(0)


def test_pulse_of_a_manual_reset_event_releases_everybody_who_waits_and_leaves_it_unset(
    start_peer: Callable[..., Peer],
) -> None:
    event = ntipc.Event("event", manual_reset=True)
    calls = waiting_peers(start_peer, event, 3)
    event.pulse()
    assert not event.is_set() and waiters(event) == 0
    assert [call.result() for call in calls] == [True] * 3


def test_pulse_of_an_auto_reset_event_releases_only_the_first(start_peer: Callable[..., Peer]) -> None:
    event = ntipc.Event("event")
    first, second = waiting_peers(start_peer, event, 2)
    event.pulse()
    assert first.result() and not event.is_set()
    assert waiters(event) == 1 and not second.returned
    event.set()
    assert second.result()


def test_pulse_is_lost_on_a_wait_all_whose_other_object_is_unset(peer: Peer) -> None:
    event, other = ntipc.Event("event", manual_reset=True), ntipc.Event("other")
    peer.run("both = [ntipc.Event.open('event'), ntipc.Event.open('other')]")
    call = peer.begin("ntipc.wait_all(both) is not None")
    wait_for_waiters(event, 1)
    event.pulse()
    other.set()
    assert waiters(event) == 1 and other.is_set() and not call.returned
    event.set()
    assert call.result()


def test_set_hands_an_auto_reset_event_over_before_the_waiter_runs(start_peer: Callable[..., Peer]) -> None:
    event = ntipc.Event("event")
    (call,) = waiting_peers(start_peer, event, 1)
    assert event.set() is False
    assert not event.is_set() and not event.wait(0)
    assert call.result() is True


def test_set_of_a_manual_reset_event_releases_everybody_and_stays(start_peer: Callable[..., Peer]) -> None:
    event = ntipc.Event("event", manual_reset=True)
    calls = waiting_peers(start_peer, event, 3)
    event.set()
    assert event.is_set() and waiters(event) == 0
    assert [call.result() for call in calls] == [True] * 3
    assert event.is_set()


def test_waiters_are_served_first_come_first_served(start_peer: Callable[..., Peer]) -> None:
    event = ntipc.Event("event")
    calls = waiting_peers(start_peer, event, 3)
    for position, call in enumerate(calls, 1):
        event.set()
        assert call.result() and waiters(event) == 3 - position
        assert not any(later.returned for later in calls[position:])


def test_event_set_by_one_process_is_seen_by_another(peer: Peer) -> None:
    event = ntipc.Event("event", manual_reset=True)
    peer.run("event = ntipc.Event.open('event')")
    assert peer.run("event.is_set()") is False
    event.set()
    assert peer.run("event.is_set(), event.wait()") == (True, True)
    assert peer.run("event.clear()") is True
    assert not event.is_set()


def test_thread_in_the_same_process_is_released_too(peer: Peer) -> None:
    peer.run("event = ntipc.Event('event')")
    call = peer.begin("event.wait()", "a")
    wait_for_waiters(ntipc.Event.open("event"), 1)
    peer.run("event.set()", "b")
    assert call.result() is True


def test_event_set_a_thousand_times_wakes_a_waiter_a_thousand_times(peer: Peer) -> None:
    there, back = ntipc.Event("there"), ntipc.Event("back")
    peer.run("there, back = ntipc.Event.open('there'), ntipc.Event.open('back')")
    call = peer.begin("for _ in range(1000):\n there.wait()\n back.set()")
    for _ in range(1000):
        there.set()
        assert back.wait(10)
    call.result()
    assert not there.is_set() and not back.is_set()

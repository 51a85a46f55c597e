"""Event pairs: two auto-reset signals in one object, for strict alternation."""

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters, waiters

import ntipc


def test_both_sides_start_unset() -> None:
    pair = ntipc.EventPair()
    assert not pair.wait_high(0) and not pair.wait_low(0)
    assert not facts(pair)["high"] and not facts(pair)["low"]


def test_each_side_remembers_one_signal() -> None:
    pair = ntipc.EventPair()
    pair.set_high()
    pair.set_high()
    assert pair.wait_high() and not pair.wait_high(0) and not pair.wait_low(0)
    pair.set_low()
    assert facts(pair)["low"] and not facts(pair)["high"]
    assert pair.wait_low() and not pair.wait_low(0)


def test_set_returns_no_previous_state() -> None:
    pair = ntipc.EventPair()
    assert [pair.set_high(), pair.set_low(), pair.set_low()] == [None, None, None]  # type: ignore[func-returns-value]


def test_combined_call_sets_one_side_and_waits_for_the_other() -> None:
    pair = ntipc.EventPair()
    assert not pair.set_high_wait_low(0)
    assert facts(pair)["high"] and not facts(pair)["low"]
    assert pair.wait_high(0)
    pair.set_high()
    assert pair.set_low_wait_high(0)
    assert facts(pair)["low"] and not facts(pair)["high"]


def test_waiter_in_another_process_is_released_by_its_side_only(peer: Peer) -> None:
    pair = ntipc.EventPair("p")
    peer.run("pair = ntipc.EventPair.open('p')")
    call = peer.begin("pair.wait_high()")
    wait_for_waiters(pair, 1)
    pair.set_low()
    assert waiters(pair) == 1 and not call.returned
    pair.set_high()
    assert call.result() is True
    assert pair.wait_low(0) and not pair.wait_high(0)


def test_one_signal_releases_one_waiter_in_order(peer: Peer) -> None:
    pair = ntipc.EventPair("p")
    peer.run("pair = ntipc.EventPair.open('p')")
    first = peer.begin("pair.wait_low()", "a")
    wait_for_waiters(pair, 1)
    second = peer.begin("pair.wait_low()", "b")
    wait_for_waiters(pair, 2)
    pair.set_low()
    assert first.result() and waiters(pair) == 1 and not second.returned
    pair.set_low()
    assert second.result()


def test_two_processes_alternate_strictly(peer: Peer) -> None:
    pair = ntipc.EventPair("p")
    turns = ntipc.Section("turns", 4096)
    peer.run("pair, view = ntipc.EventPair.open('p'), ntipc.Section.open('turns').map(); turns = memoryview(view)")
    server = peer.begin(
        "pair.wait_high()\nfor _ in range(500):\n assert turns[0] == 1\n turns[0] = 2\n pair.set_low_wait_high()"
    )
    with turns.map() as view, memoryview(view) as memory:
        for _ in range(500):
            memory[0] = 1
            assert pair.set_high_wait_low(10)
            assert memory[0] == 2
    pair.set_high()
    server.result()


def test_pair_is_named_opened_and_duplicated_like_other_objects(peer: Peer) -> None:
    pair = ntipc.EventPair("p")
    again, copy = ntipc.EventPair("p"), pair.duplicate()
    assert pair.created and not again.created
    peer.run("ntipc.EventPair.open('p').set_high()")
    assert copy.wait_high(0) and not again.wait_high(0)


@pytest.mark.parametrize("wait", [ntipc.wait_any, ntipc.wait_all])
def test_pair_cannot_be_given_to_waits(wait: object) -> None:
    pair = ntipc.EventPair()
    pair.set_high()
    with pytest.raises(TypeError):
        wait([pair], 0)  # type: ignore[operator]
    with pytest.raises(TypeError):
        ntipc.signal_and_wait(ntipc.Event(), pair, 0)  # type: ignore[arg-type]
    assert pair.wait_high(0)


def test_with_closes() -> None:
    with ntipc.EventPair("p") as pair:
        pair.set_high()
    assert pair.closed

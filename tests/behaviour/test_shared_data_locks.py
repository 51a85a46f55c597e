"""Shared data: the locks of its fields."""

import threading

import pytest
from harness.boards import BOARD, Board
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import Shared


def test_a_lock_keeps_others_out_and_tells_nothing_if_all_is_well(peer: Peer) -> None:
    board = Board()
    peer.run(BOARD)
    with board.lock("hits") as abandoned, board.lock("hits") as again:
        assert abandoned is again is False
        with pytest.raises(ntipc.Timeout):
            peer.run("board.lock('hits', timeout=0).__enter__()")
        assert peer.run("lock = board.lock('title'); lock.__enter__()") is False
        peer.run("lock.__exit__(None, None, None)")
    with pytest.raises(RuntimeError), board.lock("hits") as lock:
        raise RuntimeError
    assert lock is False
    assert peer.run("lock = board.lock('hits', timeout=5); lock.__enter__()") is False


@pytest.mark.parametrize("opened_before", [True, False])
def test_a_lock_tells_that_its_holder_died_inside(
    peer: Peer, opened_before: bool, recwarn: pytest.WarningsRecorder
) -> None:
    """Also if nobody else had opened the lock's mutex when its holder died."""
    board = Board()
    if opened_before:
        with board.lock("hits"):
            pass
    peer.run(BOARD + "board.lock('hits').__enter__(); board.hits = 1")
    peer.kill()
    with board.lock("hits") as abandoned, board.lock("hits") as again:
        assert abandoned is True and again is False
    with board.lock("hits") as abandoned, board.lock("title") as other:
        assert abandoned is other is False
    assert not recwarn.list


def test_a_thread_that_ends_inside_is_told_as_well() -> None:
    board = Board()
    thread = threading.Thread(target=lambda: board.lock("hits").__enter__())
    thread.start()
    thread.join()
    with board.lock("hits", timeout=10) as abandoned:
        assert abandoned is True


def test_fields_of_a_group_have_one_lock() -> None:
    class Grouped(ntipc.SharedData, name="grouped"):
        low: Shared[int] = Shared(1, group="both")
        high: Shared[int] = Shared(group="both")
        alone: Shared[int]

    data = Grouped()
    assert (data.low, data.high) == (1, 0)
    results: list[object] = []

    def attempt() -> None:
        for field in ("high", "alone"):
            try:
                with data.lock(field, timeout=0):
                    results.append("in")
            except ntipc.Timeout:
                results.append("out")

    with data.lock("low"):
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert results == ["out", "in"]


def test_a_lock_is_entered_once_and_an_interrupt_leaves_it_free(peer: Peer) -> None:
    board = Board()
    lock = board.lock("hits")
    with lock, pytest.raises(RuntimeError):
        lock.__enter__()
    peer.run(BOARD + "board.lock('hits').__enter__()")
    code = BOARD + "with board.lock('hits'): pass"
    other = Peer()
    try:
        call = other.begin(code)
        wait_until(lambda: any(found["waiters"] for found in ntipc.inspect()["objects"]))
        other.interrupt()
        with pytest.raises(KeyboardInterrupt):
            call.result()
        peer.kill()
        assert other.run("with board.lock('hits', timeout=10) as abandoned: found = abandoned\nfound") is True
        assert other.run("with board.lock('hits', timeout=0) as abandoned: found = abandoned\nfound") is False
    finally:
        other.end()

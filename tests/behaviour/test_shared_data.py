"""Shared data of a module: one set of fields for all processes that have the class."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from harness.boards import BOARD, Board, Everything
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc


def test_every_process_sees_one_set_of_fields_and_the_first_gives_the_values(peer: Peer) -> None:
    peer.run(BOARD + "board.hits = 7; board.row[2] = 9; board.title = 'x' * 40; board.on = True")
    board = Board(title="not by the second")
    assert not board.created and peer.run("board.created")
    assert (board.hits, board.ratio, board.on, list(board.row)) == (7, 0.5, True, [0, 0, 9])
    assert board.title == "x" * 40
    board.hits, board.row = -1, [1, 2, 3]
    assert peer.run("board.hits, list(board.row)") == (-1, [1, 2, 3])


def test_initial_values_are_those_of_the_class_or_of_the_call() -> None:
    board = Board(hits=3, title="mine", row=[4, 5, 6])
    assert board.created and (board.hits, board.ratio, board.title, list(board.row)) == (3, 0.5, "mine", [4, 5, 6])


def test_it_is_gone_with_the_last_process_that_has_it(peer: Peer) -> None:
    """PM-50: the values go when the last process that uses them does, also by a kill."""
    peer.run(BOARD + "board.hits = 7")
    board = Board()
    peer.kill()
    assert board.hits == 7
    board.close()
    wait_until(lambda: ntipc.inspect()["objects"] == [])
    assert Board().hits == 0


def test_no_unit_is_lost_when_processes_and_threads_add_at_once(start_peer: Callable[..., Peer]) -> None:
    board = Board()
    peers = [start_peer() for _ in range(2)]
    loop = "\nfor _ in range(20000): board.add('hits', 1); board.row.add(1, 2); board.add('ratio', 1)"
    calls = [peer.begin(BOARD + loop) for peer in peers]

    def adds() -> None:
        for _ in range(5000):
            board.add("hits", 1)

    threads = [threading.Thread(target=adds) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for call in calls:
        call.result()
    assert (board.hits, board.row[1], board.ratio) == (50_000, 80_000, 40_000.5)


def test_add_returns_what_was_there_and_leaves_a_field_that_would_overflow() -> None:
    board = Board()
    assert (board.add("hits", 5), board.add("hits", -2), board.hits) == (0, 5, 3)
    board.hits = 2**63 - 1
    for n in (1, 2**63, 2**64, -(2**70)):
        with pytest.raises(OverflowError):
            board.add("hits", n)
        assert board.hits == 2**63 - 1
    assert board.add("hits", -1) == 2**63 - 1 and board.hits == 2**63 - 2


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda board: board.add("nothing", 1), AttributeError),
        (lambda board: board.add("title", 1), AttributeError),
        (lambda board: board.add("on", 1), TypeError),
        (lambda board: board.add("hits", 1.5), TypeError),
        (lambda board: board.add("hits", "1"), TypeError),
        (lambda board: board.add(3, 1), TypeError),
        (lambda board: board.add("hits"), TypeError),
        (lambda board: board.compare_exchange("hits", 0, 2**63), OverflowError),
        (lambda board: board.row.add(3, 1), IndexError),
        (lambda board: board.row.add(-4, 1), IndexError),
        (lambda board: setattr(board, "hits", None), TypeError),
        (lambda board: setattr(board, "hits", 2**63), OverflowError),
        (lambda board: setattr(board, "on", 1), TypeError),
        (lambda board: setattr(board, "title", "x" * 41), ValueError),
        (lambda board: setattr(board, "title", b"x"), TypeError),
        (lambda board: setattr(board, "row", [1, 2]), ValueError),
        (lambda board: setattr(board, "row", [1, 2, "3"]), TypeError),
        (lambda board: setattr(board, "other", 1), AttributeError),
        (lambda board: board.lock("other"), AttributeError),
        (lambda board: Board(other=1), TypeError),
        (lambda board: Board(hits="1"), TypeError),
    ],
)
def test_wrong_arguments_are_refused_and_change_nothing(call: Callable[[Any], object], error: type[Exception]) -> None:
    board = Board(hits=4)
    before = repr(board)
    with pytest.raises(error):
        call(board)
    assert repr(board) == before


def test_compare_exchange_lets_exactly_one_process_win(start_peer: Callable[..., Peer]) -> None:
    board = Board()
    peers = [start_peer() for _ in range(2)]
    code = BOARD + "[board.compare_exchange('hits', number, number + 1) for number in range(3000)].count(True)"
    calls = [peer.begin(code) for peer in peers]
    wins = [call.result() for call in calls]
    assert sum(wins) == board.hits


def test_exchange_and_compare_exchange_of_each_kind_of_number() -> None:
    board = Board()
    assert (board.exchange("ratio", 2), board.ratio) == (0.5, 2.0)
    assert board.compare_exchange("ratio", 2.0, 3.0) and not board.compare_exchange("ratio", 2.0, 4.0)
    assert board.compare_exchange("on", False, True) and board.on and board.exchange("on", False) is True
    assert board.row.exchange(0, -5) == 0 and board.row.compare_exchange(-3, -5, 6) and board.row[0] == 6


def test_every_kind_of_field_reaches_another_process(peer: Peer) -> None:
    one = Everything()
    one.whole, one.real, one.truth = -(2**63), float("inf"), True
    one.text, one.data = "€😀ß", b"a\0b\0\0"
    one.wholes, one.reals, one.truths = range(4), [0.5, -0.5], [False, True]
    one.point.x, one.points[2].y = 1.25, 8.0
    one.byte, one.single, one.grid = 255, 0.5, [[1, 2, 3], [4, 5, -6]]
    one.record["value"], one.records["id"] = 2.5, [7, 8]
    one.complex[1] = 1 + 2j
    one.pair.a, one.pairs[1].b = 42, 0.25
    peer.run(f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})")
    peer.run("from test_shared_data import Everything; two = Everything()")
    assert peer.run("two.whole, two.real, two.truth, two.text, two.data") == (
        -(2**63),
        float("inf"),
        True,
        "€😀ß",
        b"a\0b\0\0",
    )
    assert peer.run("two.wholes[:], two.reals[:], two.truths[:]") == ([0, 1, 2, 3], [0.5, -0.5], [False, True])
    assert peer.run("two.point.x, two.point.y, [p.y for p in two.points]") == (1.25, -1.0, [-1.0, -1.0, 8.0])
    assert peer.run("int(two.byte), float(two.single), two.grid.tolist()") == (255, 0.5, [[1, 2, 3], [4, 5, -6]])
    assert peer.run("two.record.tolist(), two.records['id'].tolist(), two.complex.tolist()") == (
        (0, 2.5),
        [7, 8],
        [0, 1 + 2j],
    )
    assert peer.run("two.pair.a, two.pairs[1].b, type(two.byte).__name__") == (42, 0.25, "uint8")


def test_arrays_are_used_by_numpy_without_a_copy() -> None:
    one = Everything()
    array = numpy.asarray(one.wholes)
    array[3] = 11
    assert one.wholes[3] == 11 and array.dtype == numpy.int64
    assert one.wholes.memory[3] == 11 and len(one.wholes) == 4 and one.wholes[-1] == 11
    one.grid += 1
    assert one.grid.sum() == 6

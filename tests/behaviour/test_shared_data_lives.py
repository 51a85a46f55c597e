"""Shared data: makers and writers that are killed, children, the end, hostile memory."""

import gc
import multiprocessing
import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from harness.boards import BOARD, Board, Everything
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import Shared

DIES_IN_THE_MIDDLE = (
    BOARD.replace("board = Board()", "")
    + """
fill = Board._fill
def half(self, initial):
    self.hits, self.title = 99, "half"
    ntipc.Event("half way").set()
    ntipc.Event("never").wait()
Board._fill = half
"""
)


def test_a_maker_that_is_killed_half_way_leaves_nothing_and_the_next_makes_it(start_peer: Callable[..., Peer]) -> None:
    """It is made once, whole: also while the memory of the half-made one is still there, and others wait for it."""
    half = ntipc.Event("half way")
    maker, waiter = start_peer(), start_peer()
    maker.begin(DIES_IN_THE_MIDDLE + "Board()")
    assert half.wait(20)
    kept = ntipc.Section.__new__(ntipc.Section)
    kept._bind_opened(ntipc.Session()._native, "shared_data\\board", 0)
    call = waiter.begin(BOARD + "board.created, board.hits, board.title, board.ratio")
    wait_until(lambda: any(found["waiters"] for found in ntipc.inspect()["objects"] if found["kind"] == "Mutex"))
    maker.kill()
    assert call.result() == (True, 0, "first", 0.5)
    assert Board().hits == 0 and not Board().created
    kept.close()


def test_another_class_finds_a_half_made_one_of_another_size(peer: Peer) -> None:
    half = ntipc.Event("half way")
    peer.begin(DIES_IN_THE_MIDDLE + "Board()")
    assert half.wait(20)
    kept = ntipc.Section.__new__(ntipc.Section)
    kept._bind_opened(ntipc.Session()._native, "shared_data\\board", 0)
    peer.kill()
    larger = type("Board", (ntipc.SharedData,), {"__annotations__": {"x": Shared[int, 10_000]}}, name="board")
    with pytest.raises(ntipc.ObjectTypeMismatch, match="another layout"):
        larger()
    kept.close()
    del kept
    wait_until(lambda: [o for o in ntipc.inspect()["objects"] if o["kind"] == "Section"] == [])
    assert len(larger().x) == 10_000


def test_a_text_is_whole_while_it_is_written_all_the_time(peer: Peer) -> None:
    board = Board()
    peer.run(BOARD + "stop = ntipc.Event('stop')")
    writer = peer.begin("n = 0\nwhile not stop.is_set(): n += 1; board.title = chr(65 + n % 26) * (n % 41)")
    wait_until(lambda: board.title != "first")
    for _ in range(2000):
        assert len(set(board.title)) <= 1
    ntipc.Event("stop").set()
    writer.result()


def test_a_writer_that_is_killed_leaves_the_old_text(peer: Peer) -> None:
    board = Board()
    board.title = "old"
    peer.run(BOARD)
    peer.begin(
        "from ntipc.shared_data.ground import Ground\npart = Ground.part\n"
        "class Half:\n"
        "    def __init__(self, memory): self.memory = memory\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *problem): pass\n"
        "    def __setitem__(self, place, data): self.memory[:4] = data[:4]; os.kill(os.getpid(), 9)\n"
        "Ground.part = lambda self, *place: Half(part(self, *place))\nboard.title = 'new and longer'"
    )
    peer.wait()
    assert board.title == "old"
    board.title = "newer"
    assert board.title == "newer" and Board().title == "newer"


def test_it_goes_to_a_child_by_every_start_method_and_stays_alive_in_flight() -> None:
    board = Board()
    data = pickle.dumps(board)
    board.hits = 5
    identity = board._block.section.identity
    board.close()
    again = pickle.loads(data)
    assert again.hits == 5 and again._block.section.identity == identity and not again.created
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        child = context.Process(target=_add, args=(again, method))
        child.start()
        child.join(30)
        assert child.exitcode == 0
    assert again.hits == 25 and again.title == "spawn"


def _add(board: Board, text: str) -> None:
    board.add("hits", 10)
    with board.lock("hits"):
        board.title = text


def test_a_forked_child_shares_and_owns_no_lock_of_its_parent() -> None:
    board = Board()
    with board.lock("hits"):
        child = os.fork()
        if child == 0:
            try:
                board.add("hits", 1)
                lock = board.lock("hits", timeout=0)
                try:
                    lock.__enter__()
                except ntipc.Timeout:
                    board.add("hits", 10)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert board.hits == 11
    with board.lock("hits") as abandoned:
        assert not abandoned


def test_once_closed_every_use_says_so_and_arrays_keep_their_memory() -> None:
    board, one = Board(), Everything()
    row, grid, add, point = board.row, one.grid, board.add, one.point
    board.close()
    one.close()
    for use in (
        lambda: board.hits,
        lambda: board.add("hits", 1),
        lambda: board.lock("hits"),
        lambda: setattr(board, "title", "x"),
        lambda: board.created,
        lambda: pickle.dumps(board),
        lambda: board.__enter__(),
    ):
        with pytest.raises(ntipc.HandleClosed):
            use()
    row[0], grid[0, 0], point.x = 1, 2, 3.0
    assert (row[0], grid[0, 0], point.x, add("hits", 1)) == (1, 2, 3.0, 0)
    assert board.closed and repr(board) == "<Board 'board' closed>"
    board.close()
    with Board() as fresh:
        assert fresh.hits == 0 and fresh.created
    assert fresh.closed


def test_leaving_the_session_closes_it() -> None:
    session = ntipc.Session("another")
    board = Board(session=session)
    assert board.session == session
    session.close()
    assert board.closed
    with pytest.raises(ntipc.HandleClosed):
        board.hits  # noqa: B018


def test_what_is_no_longer_referenced_goes() -> None:
    board = Board()
    board.row[0] = 1
    del board
    gc.collect()
    assert ntipc.inspect()["objects"] == []


@pytest.mark.parametrize(
    ("place", "data"),
    [(0, b"something else"), (8, b"\x07"), (16, b"\xff" * 8), (64, b"\xff"), (64, b"[[["), (64, b"[1, 2] ")],
)
def test_hostile_memory_is_an_error_for_the_next(place: int, data: bytes) -> None:
    board = Board()
    section = board._block.section
    with section.map() as view:
        view[place : place + len(data)] = data
    with pytest.raises(ntipc.NtError):
        Board()
    assert board.hits == 0


def test_a_hostile_text_is_an_error_and_numbers_are_whatever_is_there() -> None:
    board = Board()
    offset = board._block.base + Board._layout.offsets["title"]
    truth = board._block.base + Board._layout.offsets["on"]
    with board._block.section.map() as view:
        view[truth] = 200
        assert board.on is True
        view[offset : offset + 4] = b"\xff\xff\xff\x7f"
        with pytest.raises(ntipc.SessionDamaged):
            board.title  # noqa: B018
        view[offset : offset + 16] = b"\x04\0\0\0\0\0\0\0" + b"\xff" * 8
        with pytest.raises(ntipc.SessionDamaged):
            board.title  # noqa: B018
    board.title = "mended"
    assert board.title == "mended"


def test_the_view_stays_while_a_method_of_it_is_kept() -> None:
    view = ntipc.Section(size=100).map()
    from ntipc import _kernel

    cells = _kernel.Cells(view, 0, {"x": (0, "q", 1)}, "test")
    with pytest.raises(BufferError):
        view.unmap()
    add = cells.add
    del cells
    with pytest.raises(BufferError):
        view.unmap()
    del add
    view.unmap()


@pytest.mark.parametrize(
    ("base", "place"),
    [(0, (96, "q", 1)), (0, (1, "q", 1)), (4, (0, "d", 1)), (0, (0, "q", 2**61)), (2**63, (0, "q", 1)),
     (0, (0, "s", 1)), (0, (2**64 - 8, "q", 1)), (8, (2**64 - 8, "q", 1))],
)  # fmt: skip
def test_cells_outside_the_view_or_not_aligned_are_refused(base: int, place: Any) -> None:
    from ntipc import _kernel

    view = ntipc.Section(size=100).map()
    with pytest.raises((ValueError, OverflowError)):
        _kernel.Cells(view, base, {"x": place}, "test")
    view.unmap()
    with pytest.raises(ntipc.HandleClosed):
        _kernel.Cells(view, 0, {}, "test")
    with pytest.raises(ValueError):
        _kernel.Cells(ntipc.Section(size=100).map(access="r"), 0, {}, "test")

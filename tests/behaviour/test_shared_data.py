"""Shared data of a module: one set of fields for all processes that have the class."""

import ctypes
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy
import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc import Shared

BOARD = """
class Board(ntipc.SharedData, name="board"):
    hits: ntipc.Shared[int]
    ratio: ntipc.Shared[float] = 0.5
    on: ntipc.Shared[bool]
    title: ntipc.Shared[str, 40] = "first"
    row: ntipc.Shared[int, 3]
board = Board()
"""


class Board(ntipc.SharedData, name="board"):
    """The same class as in the other processes."""

    hits: Shared[int]
    ratio: Shared[float] = 0.5
    on: Shared[bool]
    title: Shared[str, 40] = "first"
    row: Shared[int, 3]


class Point(ntipc.SharedStruct):
    """A record within a record."""

    x: Shared[float]
    y: Shared[float] = -1.0


class Pair(ctypes.Structure):
    """A structure of ctypes."""

    _fields_ = (("a", ctypes.c_int), ("b", ctypes.c_double))


RECORD = numpy.dtype([("id", "i4"), ("value", "f8")])


class Everything(ntipc.SharedData, name="everything"):
    """A field of each kind."""

    whole: Shared[int]
    real: Shared[float]
    truth: Shared[bool]
    text: Shared[str, 3]
    data: Shared[bytes, Literal[5]]
    wholes: Shared[int, 4]
    reals: Shared[float, 2]
    truths: Shared[bool, 2]
    point: Shared[Point]
    points: Shared[Point, 3]
    byte: Shared[numpy.uint8]
    single: Shared[numpy.float32]
    grid: Shared[numpy.int16, (2, 3)]
    record: Shared[RECORD]
    records: Shared[RECORD, 2]
    complex: Shared[numpy.complex128, 2]
    pair: Shared[Pair]
    pairs: Shared[Pair * 2]


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


@pytest.mark.parametrize(
    "declared",
    [str, bytes, (str, 0), (int, -1), (int, 2.0), (int, True), (int, (2, 2)), (str, 2**40), list, "int", object, None,
     (int, 2, 3), ctypes.c_int, ctypes.c_void_p, (Pair, 2), numpy.dtype(object), (Point, (2, 2)), ntipc.SharedStruct],
)  # fmt: skip
def test_what_cannot_be_shared_is_refused_where_it_is_declared(declared: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Shared[declared]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"x": (int, "1")}, TypeError),
        ({"x": (int, 2**63)}, OverflowError),
        ({"x": ((str, 2), "abc")}, ValueError),
        ({"x": (bool, 1)}, TypeError),
        ({"name": (int, 1)}, TypeError),
        ({"add": (int, 1)}, TypeError),
        ({"_block": (int, 1)}, TypeError),
    ],
)
def test_wrong_defaults_and_names_are_refused_where_the_class_is_made(body: Any, error: type[Exception]) -> None:
    annotations = {name: Shared[declared] for name, (declared, _) in body.items()}
    defaults = {name: default for name, (_, default) in body.items()}
    with pytest.raises(error):
        type("Wrong", (ntipc.SharedData,), {"__annotations__": annotations, **defaults})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"a": int, "b": float}, "'c'"),
        ({"a": int, "b": int, "c": (str, 8)}, "'b' is declared as int here and as float there"),
        ({"a": int, "b": float, "c": (str, 9)}, "'c' is declared as str[9] here and as str[8] there"),
        ({"a": int, "b": float, "c": (str, 8), "d": bool}, "'d' (bool) is declared here and not there"),
        ({"b": float, "a": int, "c": (str, 8)}, "'b' comes at another place"),
    ],
)  # fmt: skip
def test_another_layout_is_an_error_that_names_the_field(fields: Any, words: str) -> None:
    """PM-52: versions of a module never share by mistake."""

    def kind(fields: Any) -> type[ntipc.SharedData]:
        annotations = {name: Shared[declared] for name, declared in fields.items()}
        return type("Versioned", (ntipc.SharedData,), {"__annotations__": annotations}, name="versioned")

    first = kind({"a": int, "b": float, "c": (str, 8)})()
    first.a = 3
    with pytest.raises(ntipc.NtError, match="another layout") as caught:
        kind(fields)()
    assert words in str(caught.value) and isinstance(caught.value, ntipc.ObjectTypeMismatch)
    assert first.a == 3 and ntipc.inspect()["objects"] and not first.closed


def test_fields_of_bases_come_first_and_subclasses_are_other_data() -> None:
    class Base(ntipc.SharedData, name="inherited"):
        a: Shared[int] = 1

    class Derived(Base, name="inherited"):
        b: Shared[int] = 2

    derived = Derived()
    assert (derived.a, derived.b) == (1, 2)
    with pytest.raises(ntipc.NtError, match="'b'"):
        Base()


def test_without_a_name_it_has_that_of_module_and_class(tmp_path: Path) -> None:
    """Two programs that import a module share; a program that is started is known by its file."""
    module = "import ntipc\nclass Counter(ntipc.SharedData):\n    n: ntipc.Shared[int]\ncounter = Counter()\n"
    (tmp_path / "counted.py").write_text(module)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True, timeout=30
        ).stdout.strip()

    with ntipc.Event("keeps the session"):
        assert run("-c", "import counted; print(counted.counter.name)") == "counted.Counter"
        program = "from counted import *; print(counter.add('n', 1))"
        sys.path.insert(0, str(tmp_path))
        try:
            import counted  # type: ignore[import-not-found]

            assert run("-c", program) == "0" and counted.counter.n == 1
            counted.counter.close()
        finally:
            sys.path.remove(str(tmp_path))
            sys.modules.pop("counted", None)
        (tmp_path / "main.py").write_text(module + "print(counter.name)\n")
        assert run(str(tmp_path / "main.py")) == f"{tmp_path.resolve()}/main.py.Counter"


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

"""Memory that modules and processes share: a counter that all add to."""

import multiprocessing
from collections.abc import Iterator

import ntipc
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.rows import Row


class Counted(ntipc.SharedData, name="bench counter"):
    """A module's variables."""

    total: ntipc.Shared[int]


def adds(board: Counted) -> Loop:
    """Add in one step."""

    def loop(count: int) -> None:
        add = board.add
        for _ in range(count):
            add("total", 1)

    return loop


def adds_under_lock() -> Loop:
    """The same with what multiprocessing has."""
    value = multiprocessing.Value("q")

    def loop(count: int) -> None:
        for _ in range(count):
            with value.get_lock():
                value.value += 1

    return loop


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(20_000)
    with Counted() as board:
        contenders = {"ours": loop_trial(adds(board), count), "peer": loop_trial(adds_under_lock(), count // 4 or 1)}
        seconds = interleaved(contenders, effort.trials)
    yield Row("counter of a module: add", seconds["ours"], "multiprocessing.Value, its lock", seconds["peer"], 0.1)

"""Memory that modules and processes share: a counter that all add to, blocks that are locked."""

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


def uses(block: ntipc.GlobalMemory) -> Loop:
    """Lock, write a byte, unlock."""

    def loop(count: int) -> None:
        for _ in range(count):
            block.lock()[0] = 1
            block.unlock()

    return loop


def uses_of_section(section: ntipc.Section) -> Loop:
    """The same with a section: map, write a byte, unmap."""

    def loop(count: int) -> None:
        for _ in range(count):
            with section.map() as view:
                view[0] = 1

    return loop


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(20_000)
    with Counted() as board:
        contenders = {"ours": loop_trial(adds(board), count), "peer": loop_trial(adds_under_lock(), count // 4 or 1)}
        seconds = interleaved(contenders, effort.trials)
    yield Row("counter of a module: add", seconds["ours"], "multiprocessing.Value, its lock", seconds["peer"], 0.1)
    count = effort.count(2_000)
    with ntipc.GlobalMemory(4096) as block, ntipc.Section(None, 4096) as section:
        contenders = {"ours": loop_trial(uses(block), count), "peer": loop_trial(uses_of_section(section), count)}
        seconds = interleaved(contenders, effort.trials)
    yield Row("global memory: lock, write, unlock", seconds["ours"], "map, write, unmap a section", seconds["peer"])

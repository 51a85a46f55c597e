"""Shared memory: made, attached to, mapped, closed; and handed to another process with data in it."""

import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory

import ntipc
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.partners import FORK, partner
from bench.rows import Row

SMALL = 1 << 12
SIZE = 1 << 20
ARRAY = 100_000_000


def ours(size: int, reserve: bool) -> Loop:
    """One process makes it, opens it again by name, maps it, writes a byte, closes all."""

    def loop(count: int) -> None:
        for _ in range(count):
            section = ntipc.Section("bench", size, reserve=reserve)
            again = ntipc.Section.open("bench")
            view = again.map()
            memoryview(view)[0] = 1
            view.unmap()
            again.close()
            section.close()

    return loop


def theirs(size: int) -> Loop:
    """The same by multiprocessing, whose memory is always sparse."""
    name = f"ntipc-bench-{os.getpid()}"

    def loop(count: int) -> None:
        for _ in range(count):
            memory = SharedMemory(name, create=True, size=size)
            again = SharedMemory(name)
            again.buf[0] = 1  # type: ignore[index]
            again.close()
            memory.close()
            memory.unlink()

    return loop


def hand_over(message: object, look: Callable[[object], int], rounds: int) -> float:
    """Send it through a multiprocessing.Pipe; the receiver looks at both ends of it and answers."""
    here, there = FORK.Pipe()

    def receive() -> None:
        for _ in range(rounds):
            there.send(look(there.recv()))

    connection: Connection = here
    with partner(receive):
        began = time.perf_counter()
        for _ in range(rounds):
            connection.send(message)
            connection.recv()
        return (time.perf_counter() - began) / rounds


def look_at_bytes(data: object) -> int:
    """First and last byte of an array that was copied."""
    assert isinstance(data, bytes)
    return data[0] + data[-1]


def look_at_section(section: object) -> int:
    """First and last byte of an array that is shared."""
    assert isinstance(section, ntipc.Section)
    with section, section.map(access="r") as view, memoryview(view) as memory:
        return memory[0] + memory[-1]


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(2_000)
    with ntipc.Event():  # keeps the session
        # By the clock: theirs also keeps a resource tracker busy, which is a process of its own.
        contenders = {
            "4 KiB": loop_trial(ours(SMALL, reserve=False), count, time.perf_counter),
            "1 MiB": loop_trial(ours(SIZE, reserve=False), max(count // 4, 1), time.perf_counter),
            "1 MiB sparse": loop_trial(ours(SIZE, reserve=True), count, time.perf_counter),
            "their 4 KiB": loop_trial(theirs(SMALL), max(count // 4, 1), time.perf_counter),
            "their 1 MiB": loop_trial(theirs(SIZE), max(count // 4, 1), time.perf_counter),
        }
        seconds = interleaved(contenders, effort.trials)
        what, peer = "section: create, attach, map, close", "multiprocessing.shared_memory"
        yield Row(f"{what}, 4 KiB", seconds["4 KiB"], peer, seconds["their 4 KiB"], 0.5)
        yield Row(f"{what}, 1 MiB sparse", seconds["1 MiB sparse"], peer, seconds["their 1 MiB"], 0.5)
        remark = "ours takes the space at once, theirs when it is touched"
        yield Row(f"{what}, 1 MiB", seconds["1 MiB"], peer, seconds["their 1 MiB"], remark=remark)
    with ntipc.Section(None, ARRAY) as section:
        data = bytes(ARRAY)
        rounds = effort.count(10)
        arrays = {
            "ours": lambda: hand_over(section, look_at_section, 10 * rounds),
            "peer": lambda: hand_over(data, look_at_bytes, rounds),
        }
        seconds = interleaved(arrays, min(effort.trials, 3))
        yield Row("100 MB array to another process", seconds["ours"], "pickled through a Pipe", seconds["peer"], 0.01)

"""Mailslots: four write, one reads."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, installed, partner
from bench.rows import Row

WRITERS, SIZE = 4, 64
QUEUE, FASTER = "multiprocessing.Queue", "faster-fifo"


@contextmanager
def mailslot() -> Iterator[tuple[Callable[[bytes], object], Callable[[], object]]]:
    """Ours: a writer that finds the mailslot full waits until it is not, as a queue's writer does."""
    with ntipc.Mailslot("bench") as slot, ntipc.MailslotClient("bench") as client:
        write = partial(client.write, timeout=None)
        yield write, slot.read


@contextmanager
def mp_queue() -> Iterator[tuple[Callable[[bytes], object], Callable[[], object]]]:
    """multiprocessing's: pickles, by a thread of the writer."""
    queue: Any = FORK.Queue()
    yield queue.put, queue.get
    queue.close()


@contextmanager
def faster_fifo() -> Iterator[tuple[Callable[[bytes], object], Callable[[], object]]]:
    """A ring in shared memory; pickles."""
    queue = installed("faster_fifo").Queue(max_size_bytes=1 << 20)
    yield partial(queue.put, timeout=60), partial(queue.get, timeout=60)
    queue.close()


def trial(make: Callable[[], Any], count: int) -> float:
    """The time of a message at the reader, from the first that comes to the last."""
    data = os.urandom(SIZE)
    with make() as (write, read):

        def work() -> None:
            for _ in range(count):
                write(data)

        with ExitStack() as writers:
            for _ in range(WRITERS):
                writers.enter_context(partner(work))
            read()
            began = time.perf_counter()
            for _ in range(WRITERS * count - 1):
                read()
            took = time.perf_counter() - began
    return took / (WRITERS * count - 1)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    makers = {"ours": mailslot, QUEUE: mp_queue}
    if installed("faster_fifo"):
        makers[FASTER] = faster_fifo
    count = effort.count(10_000)
    trials: dict[str, Trial] = {name: partial(trial, make, count) for name, make in makers.items()}
    seconds = interleaved(trials, effort.trials)
    what = "mailslot: 64 bytes from each of 4 writers, a message"
    yield Row(what, seconds["ours"], QUEUE, seconds[QUEUE], 0.1)
    missing = "" if FASTER in seconds else "faster-fifo is not installed"
    yield Row(what, seconds["ours"], FASTER, seconds.get(FASTER), 0.8, missing)

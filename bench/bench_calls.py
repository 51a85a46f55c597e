"""Calls: a question and its answer as one operation, by a queue and by a pipe."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, PROCESSORS, partner, pinned
from bench.rows import Row

QUESTION = os.urandom(64)
PEER = "multiprocessing.Pipe"


@dataclass(frozen=True)
class Exchange:
    """What the caller does in each round, and what the server does."""

    ask: Callable[[], object]
    answer: Callable[[], object]
    part: Callable[[], object] = int
    """What the server does in the end, if a thread of its library's still has the last answer."""


@contextmanager
def by_queue() -> Iterator[Exchange]:
    """A call, which is one operation of the kernel."""
    with ntipc.Queue() as queue:

        def answer() -> None:
            request = queue.receive()
            request.reply(request.data)

        yield Exchange(lambda: queue.call(QUESTION), answer)


@contextmanager
def by_pipe() -> Iterator[Exchange]:
    """A transaction of a named pipe."""
    with ntipc.PipeServer("calls") as server, ntipc.PipeClient("calls") as client, server.accept() as accepted:
        yield Exchange(lambda: client.transact(QUESTION), lambda: accepted.send(accepted.recv()))


@contextmanager
def by_connection() -> Iterator[Exchange]:
    """The peer: it has no calls, so it sends and receives."""
    here, there = FORK.Pipe()
    with here, there:

        def ask() -> None:
            here.send_bytes(QUESTION)
            here.recv_bytes()

        yield Exchange(ask, lambda: there.send_bytes(there.recv_bytes()))


CONTENDERS: dict[str, Callable[[], AbstractContextManager[Exchange]]] = {
    "Queue.call": by_queue,
    "Pipe.transact": by_pipe,
    PEER: by_connection,
}


def play(make: Callable[[], AbstractContextManager[Exchange]], rounds: int, processors: tuple[int, int]) -> float:
    """The median time of a question and its answer."""
    with make() as exchange:

        def answer() -> None:
            for _ in range(rounds):
                exchange.answer()
            exchange.part()

        ask, clock, times = exchange.ask, time.perf_counter, []
        with pinned(processors[0]), partner(answer, processors[1]):
            for _ in range(rounds):
                began = clock()
                ask()
                times.append(clock() - began)
    return statistics.median(times)


def compared(effort: Effort, where: str, processors: tuple[int, int], target: float) -> Iterator[Row]:
    """Both kinds of calls between these two processors."""
    rounds = effort.count(5_000)
    trials: dict[str, Trial] = {name: partial(play, make, rounds, processors) for name, make in CONTENDERS.items()}
    seconds = interleaved(trials, effort.trials)
    for name in ("Queue.call", "Pipe.transact"):
        yield Row(f"{name}: 64 bytes there and back, {where}", seconds[name], PEER, seconds[PEER], target)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    if len(PROCESSORS) > 1:
        yield from compared(effort, "two cores", (PROCESSORS[0], PROCESSORS[1]), 0.1)
    yield from compared(effort, "one core", (PROCESSORS[0], PROCESSORS[0]), 1.0)

"""Window messages: sent there and back, posted, with data, and waited for beside objects."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import ntipc
from bench.bench_calls import PEER as PIPE
from bench.bench_calls import by_connection
from bench.bench_waits import round_trips
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, PROCESSORS, partner, pinned, spinning
from bench.rows import Row

QUEUE = "multiprocessing.Queue"
OBJECTS = 63
BIG = 1 << 20
MOST_POSTED = 9_000
"""Messages of one trial: fewer than a queue holds."""


def receive(hwnd: int, msg: int, wparam: int, lparam: Any) -> int:
    """The handler of the window that is sent to."""
    return len(lparam.data) if msg == ntipc.WM_COPYDATA else wparam


@contextmanager
def window_elsewhere(processor: int) -> Iterator[int]:
    """A window with a message loop in another process."""
    here, there = FORK.Pipe()

    def work() -> None:
        there.send(ntipc.Window(handler=receive).hwnd)
        while (message := ntipc.get_message()) is not None:
            ntipc.dispatch_message(message)

    with here, there, partner(work, processor):
        hwnd = here.recv()
        yield hwnd
        ntipc.post_message(hwnd, ntipc.WM_QUIT)


def timed(call: Callable[[], object], rounds: int) -> float:
    """The median time of a call."""
    clock, times = time.perf_counter, []
    for _ in range(rounds):
        began = clock()
        call()
        times.append(clock() - began)
    return statistics.median(times)


def sent(rounds: int, places: tuple[int, int]) -> float:
    """A message there, and its result back."""
    with pinned(places[0]), window_elsewhere(places[1]) as hwnd:
        return timed(lambda: ntipc.send_message(hwnd, ntipc.WM_USER, 1, 2), rounds)


def by_pipe(rounds: int, places: tuple[int, int]) -> float:
    """64 bytes there and back."""
    with by_connection() as exchange:

        def answer() -> None:
            for _ in range(rounds):
                exchange.answer()

        with pinned(places[0]), partner(answer, places[1]):
            return timed(exchange.ask, rounds)


def posted(count: int) -> float:
    """The time of a message at its receiver, from the first that comes to the last."""
    with ntipc.Window() as window:

        def work() -> None:
            for number in range(count):
                ntipc.post_message(window.hwnd, ntipc.WM_USER, number)

        return _received(ntipc.get_message, work, count)


def queued(count: int) -> float:
    """The same through a queue, of tuples as long as a message."""
    queue: Any = FORK.Queue()

    def work() -> None:
        for number in range(count):
            queue.put((1, ntipc.WM_USER, number, 0))

    try:
        return _received(queue.get, work, count)
    finally:
        queue.close()


def _received(get: Callable[[], object], work: Callable[[], None], count: int) -> float:
    with pinned(PROCESSORS[0]), partner(work, PROCESSORS[-1]):
        get()
        began = time.perf_counter()
        for _ in range(count - 1):
            get()
        return (time.perf_counter() - began) / (count - 1)


def big_sent(rounds: int) -> float:
    """A mebibyte copied into the receiver, whose answer comes back."""
    data = os.urandom(BIG)
    with pinned(PROCESSORS[0]), window_elsewhere(PROCESSORS[-1]) as hwnd:
        return timed(lambda: ntipc.send_data(hwnd, data), rounds)


def big_queued(rounds: int) -> float:
    """The same, pickled, and answered by a semaphore."""
    data, queue, answered = os.urandom(BIG), FORK.Queue(), FORK.Semaphore(0)

    def work() -> None:
        for _ in range(rounds):
            queue.get()
            answered.release()

    def ask() -> None:
        queue.put(data)
        answered.acquire()

    with pinned(PROCESSORS[0]), partner(work, PROCESSORS[-1]):
        took = timed(ask, rounds)
    queue.close()
    return took


def waited(events: tuple[ntipc.Event, ...], there: ntipc.Event, rounds: int) -> float:
    """A round trip in which this side waits for the objects and for messages."""
    last, wait = events[-1], ntipc.wait_messages

    def answer() -> None:
        for _ in range(rounds):
            there.wait()
            last.set()

    def trip() -> None:
        there.set()
        wait(events)

    with pinned(PROCESSORS[0]), partner(answer, PROCESSORS[-1]):
        return timed(trip, rounds)


def waits(effort: Effort) -> Iterator[Row]:
    """Waiting for messages as well costs little."""
    rounds = effort.count(3_000)
    with ExitStack() as closing:
        there = closing.enter_context(ntipc.Event())
        events = tuple(closing.enter_context(ntipc.Event()) for _ in range(OBJECTS))
        trials: dict[str, Trial] = {
            "with messages": partial(waited, events, there, rounds),
            "objects": partial(round_trips, events, there, rounds),
        }
        with spinning(False):
            seconds = interleaved(trials, effort.trials)
    what = f"waiting for messages and {OBJECTS} objects, blocking round trip"
    yield Row(what, seconds["with messages"], "the objects alone", seconds["objects"], 1.2)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    rounds = effort.count(5_000)
    ways = [("two cores", (PROCESSORS[0], PROCESSORS[1]), 0.15)] if len(PROCESSORS) > 1 else []
    for where, places, target in [*ways, ("one core", (PROCESSORS[0], PROCESSORS[0]), None)]:
        round_trip: dict[str, Trial] = {
            "ours": partial(sent, rounds, places),
            PIPE: partial(by_pipe, rounds, places),
        }
        seconds = interleaved(round_trip, effort.trials)
        yield Row(f"window message sent there and back, {where}", seconds["ours"], PIPE, seconds[PIPE], target)
    count = effort.count(MOST_POSTED)
    seconds = interleaved({"ours": partial(posted, count), QUEUE: partial(queued, count)}, effort.trials)
    yield Row("window message posted, a message", seconds["ours"], QUEUE, seconds[QUEUE], 0.1)
    rounds = effort.count(300)
    seconds = interleaved({"ours": partial(big_sent, rounds), QUEUE: partial(big_queued, rounds)}, effort.trials)
    yield Row("window message with 1 MiB of data, answered", seconds["ours"], QUEUE, seconds[QUEUE], 0.2)
    yield from waits(effort)

"""What it costs to wait for many objects rather than for one."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import ntipc
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.partners import PROCESSORS, partner, pinned, spinning
from bench.rows import Row

TARGETS: dict[int, float | None] = {64: 1.4, 1000: 5.0}


def round_trips(events: tuple[ntipc.Event, ...], there: ntipc.Event, rounds: int) -> float:
    """Set ``there``, wait until the partner sets the last of the events: the median time of a round."""
    last = events[-1]

    def answer() -> None:
        for _ in range(rounds):
            there.wait()
            last.set()

    wait_any, clock, times = ntipc.wait_any, time.perf_counter, []
    with pinned(PROCESSORS[0]), partner(answer, PROCESSORS[-1]):
        for _ in range(rounds):
            began = clock()
            there.set()
            wait_any(events)
            times.append(clock() - began)
    return statistics.median(times)


def blocking(events: tuple[ntipc.Event, ...], there: ntipc.Event, effort: Effort) -> Iterator[Row]:
    """Two processes wait for each other: asleep, as the target means it, and as it comes."""
    rounds = effort.count(3_000)
    for spin, how, limits in (
        (False, "blocking round trip", TARGETS),
        (True, "round trip, spinning allowed", dict.fromkeys(TARGETS)),
    ):
        contenders: dict[str, Callable[[], float]] = {
            str(number): lambda number=number: round_trips(events[-number:], there, rounds)  # type: ignore[misc]
            for number in (1, *TARGETS)
        }
        with spinning(spin):
            seconds = interleaved(contenders, effort.trials)
        for number, target in limits.items():
            what = f"wait_any over {number:,} objects, {how}"
            yield Row(what, seconds[str(number)], "the same over one", seconds["1"], target)


def free(events: tuple[ntipc.Event, ...], effort: Effort) -> Iterator[Row]:
    """One thread sets the last event and waits for all."""

    def ready(number: int) -> Loop:
        chosen = events[-number:]

        def loop(count: int) -> None:
            wait_any, set_it = ntipc.wait_any, chosen[-1].set
            for _ in range(count):
                set_it()
                wait_any(chosen)

        return loop

    trials = {str(number): loop_trial(ready(number), effort.count(10_000)) for number in (1, 64)}
    seconds = interleaved(trials, effort.trials)
    yield Row("set + wait_any over 64, the last is set", seconds["64"], "the same over one", seconds["1"])


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    with ExitStack() as closing:
        there = closing.enter_context(ntipc.Event())
        events = tuple(closing.enter_context(ntipc.Event()) for _ in range(max(TARGETS)))
        yield from blocking(events, there, effort)
        yield from free(events, effort)

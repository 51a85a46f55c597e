"""What it costs to wait for many objects rather than for one."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import ntipc
from bench.measure import Effort, interleaved, loop_trial
from bench.partners import PROCESSORS, partner, pinned
from bench.rows import Row

TARGETS = {64: 1.4, 1000: 5.0}


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


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    rounds = effort.count(3_000)
    with ExitStack() as closing:
        there = closing.enter_context(ntipc.Event())
        events = tuple(closing.enter_context(ntipc.Event()) for _ in range(max(TARGETS)))
        contenders: dict[str, Callable[[], float]] = {
            str(number): lambda number=number: round_trips(events[-number:], there, rounds)  # type: ignore[misc]
            for number in (1, *TARGETS)
        }
        seconds = interleaved(contenders, effort.trials)
        for number, target in TARGETS.items():
            what = f"wait_any over {number} objects, blocking round trip"
            yield Row(what, seconds[str(number)], "the same over one", seconds["1"], target)

        def ready(number: int) -> Callable[[int], None]:
            chosen = events[-number:]

            def loop(count: int) -> None:
                wait_any, set_it = ntipc.wait_any, chosen[-1].set
                for _ in range(count):
                    set_it()
                    wait_any(chosen)

            return loop

        free = {str(number): loop_trial(ready(number), effort.count(10_000)) for number in (1, 64)}
        seconds = interleaved(free, effort.trials)
        yield Row("set + wait_any over 64, the last is set", seconds["64"], "the same over one", seconds["1"])

"""How things are timed: interleaved trials, medians, the empty loop taken off."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Loop = Callable[[int], None]
"""Runs an operation so many times."""
Trial = Callable[[], float]
"""One trial: seconds an operation."""


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    quick: bool = False

    @property
    def trials(self) -> int:
        return 3 if self.quick else 9

    def count(self, full: int) -> int:
        """How many operations a trial has."""
        return max(full // 10, 1) if self.quick else full

    def seconds(self, full: float) -> float:
        """How long a trial lasts that is bounded by time."""
        return full / 4 if self.quick else full


def interleaved(contenders: Mapping[str, Trial], trials: int) -> dict[str, float]:
    """Run all contenders in every trial, each time beginning with another one; the median of each."""
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for trial in range(trials):
        for place in range(len(names)):
            name = names[(trial + place) % len(names)]
            times[name].append(contenders[name]())
    return {name: statistics.median(values) for name, values in times.items()}


def loop_trial(loop: Loop, count: int, clock: Callable[[], float] = time.process_time) -> Trial:
    """A trial of an operation that does not block, too short to be timed alone: a loop of it, less the empty loop.

    In processor time, which is the time there is if nobody else wants the processor. Where a contender lets another
    process work for it, that time is not the whole: then by the clock.
    """

    def trial() -> float:
        empty = _time(nothing, count, clock)
        return max(_time(loop, count, clock) - empty, 0.0) / count

    return trial


def _time(loop: Loop, count: int, clock: Callable[[], float]) -> float:
    started = clock()
    loop(count)
    return clock() - started


def nothing(count: int) -> None:
    """The empty loop."""
    for _ in range(count):
        pass

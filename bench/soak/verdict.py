"""Does it grow? The slope of every series after the warm-up, and how much growth it may show.

A single step is no growth: an allocator takes a block more and keeps it. A leak in steps has many.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

WARM_UP = 0.2
"""The first part of a soak, in which caches fill and tables reach the size that the load needs."""
MOST_PAIRS = 600
"""Points that slopes are taken of; more are thinned out."""
BESIDE_STEP = 5
"""Points on each side of a step, whose medians tell its height. A slope shows hardly any between so few."""
HIGHEST_STEP = 2
"""Of the growth allowed: a step that is higher is growth."""


@dataclass(frozen=True)
class Bound:
    """How much a series may grow between warm-up and end: in its unit, or as a part of its median."""

    unit: str
    growth: float
    part: float


BOUNDS: dict[str, Bound | None] = {
    "rss": Bound("KiB", 512, 0.01),
    # Varies with how many others have the same pages; what is a process's own is in the other two.
    "pss": None,
    "anonymous": Bound("KiB", 256, 0.01),
    "descriptors": Bound("", 0.5, 0),
    "threads": Bound("", 0.5, 0),
    "arena": Bound("KiB", 128, 0.15),
    "files": Bound("KiB", 256, 0.15),
    "objects": Bound("", 5, 0.1),
    "objects high": Bound("", 10, 0.05),
    "cells high": Bound("", 50, 0.05),
    "pages high": Bound("", 100, 0.2),
    "process slots": Bound("", 4, 0.1),
    "thread slots": Bound("", 4, 0.1),
    # The most there have ever been: rare crowds of dead that are not told yet raise them, and the arena by a few pages.
    "process slots high": Bound("", 12, 0.05),
    "thread slots high": Bound("", 12, 0.05),
    "handles": Bound("", 50, 0.1),
    "participants": Bound("", 1, 0.1),
    "p50": Bound("µs", 0.2, 0.25),
    "p99": Bound("µs", 2, 0.5),
    # Where two processes meet, the machine's scheduler has its part, and of deaths there are ten in a sample.
    "trip p99": None,
    "death p50": Bound("µs", 300, 1.0),
    "death p99": None,
}
"""By a series' name or the last part of it. A series without one is only printed: the highest times, and counters."""


@dataclass(frozen=True)
class Judgement:
    """One series: its median, its slope an hour, and how far it has grown."""

    name: str
    unit: str
    median: float
    slope: float
    growth: float
    allowed: float | None
    step: float = 0.0
    """The only step, if `growth` is what remains without it."""

    @property
    def flat(self) -> bool:
        return self.allowed is None or self.growth <= self.allowed

    def line(self) -> str:
        """A line of the report."""
        verdict = "" if self.allowed is None else "ok" if self.flat else f"GROWS: more than {self.allowed:.4g}"
        verdict += f", beside one step of {self.step:.4g}" if self.step else ""
        values = f"{self.median:12.1f} {self.slope:+12.3f} {self.growth:+12.3f}"
        return f"{self.name:34} {self.unit:4} {values}  {verdict}"


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Theil and Sen's: the median of the slopes between all pairs, which outliers and single steps don't move."""
    thinned = points[:: len(points) // MOST_PAIRS + 1]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(thinned, 2) if b[0] > a[0]]
    return statistics.median(slopes) if slopes else 0.0


def without_step(points: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float]], float]:
    """The points as they would be without the highest step up, and its height."""
    values = [value for _, value in points]

    def height(place: int) -> float:
        return statistics.median(values[place : place + BESIDE_STEP]) - statistics.median(
            values[place - BESIDE_STEP : place]
        )

    places = range(BESIDE_STEP, len(points) - BESIDE_STEP + 1)
    highest = max(places, key=height, default=0)
    step = max(height(highest), 0.0) if highest else 0.0
    return [(when, value - step * (place >= highest)) for place, (when, value) in enumerate(points)], step


def series(samples: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[tuple[float, float]]]]:
    """Every series of numbers: its name, the last part of it, and its points (seconds, value)."""
    for group in ("processes", "session", "latency"):
        for key, inner in samples[-1][group].items():
            parts = {f"{key} {last}": (key, last) for last in inner} if isinstance(inner, dict) else {key: (key, None)}
            for name, (first, last) in parts.items():
                points = [
                    (sample["seconds"], sample[group][first] if last is None else sample[group][first][last])
                    for sample in samples
                    if first in sample[group]
                ]
                yield name, last or first, points


def judge(samples: Sequence[Mapping[str, Any]]) -> list[Judgement]:
    """All series, those after the warm-up."""
    begin = WARM_UP * samples[-1]["seconds"]
    judgements = []
    for name, last, points in series([sample for sample in samples if sample["seconds"] >= begin]):
        median = statistics.median(value for _, value in points)
        steepness = slope(points)
        bound = BOUNDS.get(name, BOUNDS.get(last))
        allowed = None if bound is None else max(bound.growth, bound.part * median)
        duration, step = points[-1][0] - points[0][0], 0.0
        growth = steepness * duration
        if allowed is not None and growth > allowed:
            rest, height = without_step(points)
            if slope(rest) * duration <= allowed and height <= HIGHEST_STEP * allowed:
                growth, step = slope(rest) * duration, height
        unit = bound.unit if bound else "µs" if last.startswith(("p9", "max")) else ""
        judgements.append(Judgement(name, unit, median, steepness * 3600, growth, allowed, step))
    return judgements


def report(judgements: Sequence[Judgement]) -> str:
    """The table, and the verdict below it."""
    head = f"{'series':34} {'unit':4} {'median':>12} {'slope/hour':>12} {'growth':>12}"
    growing = [judgement.name for judgement in judgements if not judgement.flat]
    verdict = f"GROWS: {', '.join(growing)}" if growing else "flat: nothing grows"
    return "\n".join([head, *(judgement.line() for judgement in judgements), verdict])

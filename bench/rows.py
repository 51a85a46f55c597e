"""A row of results, and how rows are printed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """Without a peer's name the target is a time, otherwise a ratio. None is what could not be had."""

    what: str
    ours: float | None
    peer_name: str = ""
    peer: float | None = None
    target: float | None = None
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours / theirs; smaller is better."""
        return self.ours / self.peer if self.ours is not None and self.peer else None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one, or without figures."""
        figure = self.ratio if self.peer_name else self.ours
        return None if self.target is None or figure is None else figure <= self.target

    @property
    def goal(self) -> str:
        """The target as text."""
        if self.target is None:
            return ""
        return f"<= {self.target:g}" if self.peer_name else f"<= {duration(self.target)}"

    def as_json(self) -> dict[str, object]:
        """All of it, times in seconds."""
        return {**asdict(self), "ratio": self.ratio, "reached": self.reached}


def duration(seconds: float | None) -> str:
    """A time with three figures and a unit."""
    if seconds is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


HEADINGS = ("what", "ours", "peer", "", "ratio", "target", "")
WIDTHS = (76, 8, 8, 34, 8, 10, 4)


def heading() -> str:
    """The line above all rows."""
    return _line(HEADINGS)


def line(row: Row) -> str:
    """One row as text."""
    verdict = {True: "ok", False: "MISS", None: ""}[row.reached]
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    text = _line((row.what, duration(row.ours), duration(row.peer), row.peer_name, ratio, row.goal, verdict))
    return text if not row.remark else f"{text}\n    ({row.remark})"


def _line(cells: Iterable[str]) -> str:
    parts = []
    for place, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True)):
        parts.append(cell.rjust(width) if place in (1, 2, 4, 5) else cell.ljust(width))
    return " ".join(parts).rstrip()

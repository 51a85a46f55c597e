"""Results beyond the terminal: read back from JSON, drawn, and written into the documentation."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import groupby
from pathlib import Path

from bench.partners import installed
from bench.rows import Row, duration

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, PLOT = DOCS / "performance.md", DOCS / "performance.svg"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
GOOD, BAD = "#2a7f62", "#c0392b"


def load(path: Path) -> tuple[dict[str, object], list[Row]]:
    """The machine and the rows of an earlier run."""
    figures = json.loads(path.read_text())
    names = {field.name for field in fields(Row)}
    return figures["machine"], [Row(**{k: v for k, v in row.items() if k in names}) for row in figures["rows"]]


def plot(rows: list[Row], path: Path) -> None:
    """Draw how far each figure is from its target."""
    matplotlib = installed("matplotlib")
    if matplotlib is None:
        raise SystemExit("matplotlib is not installed: pip install 'ntipc[plots]'")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "ntipc", "svg.fonttype": "none", "font.size": 8})
    pyplot = installed("matplotlib.pyplot")
    shares = [(_title(row), share) for row in rows if (share := _share(row)) is not None]
    figure, axes = pyplot.subplots(figsize=(10, 0.8 + 0.22 * len(shares)), layout="constrained")
    for place, (_, share) in enumerate(shares):
        axes.plot([1, share], [place, place], color=GOOD if share <= 1 else BAD, linewidth=3, solid_capstyle="butt")
        axes.plot([share], [place], "o", color=GOOD if share <= 1 else BAD, markersize=5)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(shares)), [title for title, _ in shares])
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.grid(axis="x", which="both", linewidth=0.3)
    axes.set_xlabel("figure / target: left of 1 the target is reached")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write_docs(about: Mapping[str, object], rows: list[Row]) -> None:
    """Put figures and plot into the documentation."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *_page(about, rows), f"{END}{after}"]))
    plot(rows, PLOT)


def _page(about: Mapping[str, object], rows: list[Row]) -> Iterator[str]:
    yield f"Measured on {about['date']}: {about['processors']} processors ({about['processor']}),"
    yield f"Linux {about['kernel']}, CPython {about['python']}; load of others before: {about.get('load', 'unknown')}."
    with_targets = [row for row in rows if row.reached is not None]
    reached = sum(row.reached is True for row in with_targets)
    yield f"{reached} of {len(with_targets)} targets are reached."
    yield ""
    yield "| what | ours | peer | theirs | ours / theirs | target | |"
    yield "| --- | ---: | --- | ---: | ---: | ---: | --- |"
    for what, group in groupby(rows, key=lambda row: row.what):
        for place, row in enumerate(group):
            verdict = {True: "reached", False: "**missed**", None: ""}[row.reached]
            ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
            ours = duration(row.ours) if row.ours is not None else "?"
            theirs = duration(row.peer)
            note = "; ".join(filter(None, (verdict, row.remark)))
            cells = (what if place == 0 else "", ours, row.peer_name, theirs, ratio, row.goal.replace("<=", "≤"), note)
            yield f"| {' | '.join(cells)} |"


def _title(row: Row) -> str:
    return f"{row.what} / {row.peer_name}" if row.peer_name else f"{row.what} ({row.goal.removeprefix('<= ')})"


def _share(row: Row) -> float | None:
    figure = row.ratio if row.peer_name else row.ours
    return figure / row.target if figure is not None and row.target else None

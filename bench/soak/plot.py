"""The plot of a soak: memory, arena, descriptors and times over the hours. Needs the extra ``plots``."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.soak.verdict import WARM_UP, series

PANELS: dict[str, Callable[[str], bool]] = {
    "anonymous memory, KiB": lambda name: name.endswith("anonymous"),
    "resident memory, KiB": lambda name: name.endswith(("rss", "pss")),
    "descriptors and threads": lambda name: name.endswith(("descriptors", "threads")),
    "session's files, KiB": lambda name: name in ("arena", "files"),
    "in the arena": lambda name: name.endswith("high") or name in ("objects", "process slots", "thread slots"),
    "mutex, µs": lambda name: name.startswith("mutex "),
    "round trip, µs": lambda name: name.startswith("trip "),
    "named event made and closed, µs": lambda name: name.startswith("name "),
    "kill of an owner until told, µs": lambda name: name.startswith("death "),
}


def draw(samples: Sequence[Mapping[str, Any]], title: str, file: Path) -> None:
    """Draw all panels into one file, whose name says in which format."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "ntipc", "svg.fonttype": "none"})
    figure, axes = plt.subplots(3, 3, figsize=(15, 11), layout="constrained")
    found = list(series(samples))
    minutes = samples[-1]["seconds"] / 60
    for axis, (label, belongs) in zip(axes.flat, PANELS.items(), strict=True):
        for name, _, points in found:
            if belongs(name):
                words = name if " " not in name or not label.endswith("µs") else name.partition(" ")[2]
                axis.plot([seconds / 60 for seconds, _ in points], [value for _, value in points], label=words, lw=0.8)
        axis.axvspan(0, WARM_UP * minutes, color="0.93")
        axis.set_title(label, fontsize=10)
        axis.set_yscale("log" if label.endswith("µs") else "linear")
        if not label.endswith("µs"):
            axis.set_ylim(bottom=0)
        axis.minorticks_off()
        axis.legend(fontsize=6, ncols=2)
        axis.tick_params(labelsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("minutes", fontsize=9)
    figure.suptitle(title)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)

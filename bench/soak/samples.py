"""One look at a soak: what its long-living processes, its session and its files take."""

import os
from pathlib import Path
from typing import Any

import ntipc

MEMORY = {"Rss": "rss", "Pss": "pss", "Anonymous": "anonymous"}


def process(pid: int) -> dict[str, int]:
    """Memory in KiB, descriptors and threads of a process."""
    root = Path(f"/proc/{pid}")
    found = {"descriptors": len(os.listdir(root / "fd")), "threads": len(os.listdir(root / "task"))}
    for line in (root / "smaps_rollup").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in MEMORY:
            found[MEMORY[key]] = int(value.split()[0])
    return found


def session(path: str) -> dict[str, int]:
    """What the session's files have allocated, in KiB, and what is counted in its arena."""
    seen: dict[str, Any] = ntipc.inspect(path)
    counters = seen["counters"]
    blocks = 0
    with os.scandir(path) as files:
        for file in files:
            try:
                blocks += file.stat().st_blocks
            except FileNotFoundError:
                pass  # a section that has just ended
    return {
        "arena": os.stat(f"{path}/arena").st_blocks // 2,
        "files": blocks // 2,
        "objects": len(seen["objects"]),
        "objects high": counters["objects_high"],
        "cells high": counters["cells_high"],
        "pages high": counters["pages_high"],
        "process slots": len(seen["processes"]),
        "thread slots": len(seen["threads"]),
        "process slots high": counters["processes_high"],
        "thread slots high": counters["threads_high"],
        "handles": sum(process["handles"] for process in seen["processes"]),
        "participants": seen["participants"],
        "deaths": counters["deaths"],
        "repairs": counters["recoveries"],
    }

"""What a process pays before its first call."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.rows import Row

IMPORT = "import time; t = time.{0}(); import ntipc; print(time.{0}() - t)"
ATTACH = """
import sys, time, ntipc
t = time.perf_counter()
ntipc.Event("bench", session=sys.argv[1])
print(time.perf_counter() - t)
"""


def run(program: str, *arguments: str) -> float:
    """Run a program that prints a time."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    clocks = {"import ntipc": "perf_counter", "import ntipc, processor time alone": "process_time"}
    trials: dict[str, Trial] = {what: partial(run, IMPORT.format(clock)) for what, clock in clocks.items()}
    for what, seconds in interleaved(trials, effort.trials).items():
        yield Row(what, seconds, target=0.030)
    session = f"bench-attach-{os.getpid()}"
    with ntipc.Event("bench", session=session):
        times = [run(ATTACH, session) for _ in range(effort.trials)]
    yield Row("attach to a session and open its first object", statistics.median(times), target=0.001)

"""What a process pays before its first call, and what processes as objects cost (``bench_children``)."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from tempfile import TemporaryDirectory

import ntipc
from bench import bench_children
from bench.measure import Effort, Trial, interleaved
from bench.rows import Row

IMPORT = "import time; t = time.{0}(); import ntipc; print(time.{0}() - t)"
ATTACH = """
import sys, time, ntipc
t = time.perf_counter()
ntipc.Event("bench", session=sys.argv[1])
print(time.perf_counter() - t)
"""


def run(environment: Mapping[str, str], program: str, *arguments: str) -> float:
    """Run a program that prints a time."""
    command = [sys.executable, "-c", program, *arguments]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def as_installed(cache: str) -> dict[str, str]:
    """An environment in which modules are compiled once: a checkout may be forbidden to keep what it compiles."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": cache}


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    clocks = {"import ntipc": "perf_counter", "import ntipc, processor time alone": "process_time"}
    session = f"bench-attach-{os.getpid()}"
    with TemporaryDirectory() as cache, ntipc.Event("bench", session=session):
        environment = as_installed(cache)
        run(environment, ATTACH, session)
        trials: dict[str, Trial] = {
            what: partial(run, environment, IMPORT.format(clock)) for what, clock in clocks.items()
        }
        for what, seconds in interleaved(trials, effort.trials).items():
            yield Row(what, seconds, target=0.030)
        times = [run(environment, ATTACH, session) for _ in range(effort.trials)]
    yield Row("attach to a session and open its first object", statistics.median(times), target=0.001)
    yield from bench_children.rows(effort)

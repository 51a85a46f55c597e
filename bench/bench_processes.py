"""What a process pays before its first call."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

import ntipc
from bench.measure import Effort
from bench.rows import Row

IMPORT = "import time; t = time.perf_counter(); import ntipc; print(time.perf_counter() - t)"
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
    times = [run(IMPORT) for _ in range(effort.trials)]
    yield Row("import ntipc", statistics.median(times), target=0.030)
    session = f"bench-attach-{os.getpid()}"
    with ntipc.Event("bench", session=session):
        times = [run(ATTACH, session) for _ in range(effort.trials)]
    yield Row("attach to a session and open its first object", statistics.median(times), target=0.001)

"""A counter shared by every process that imports a module: this one. Run it: it starts four more that import it."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

import ntipc
from ntipc import Shared

PROGRAM = """
from shared_counter import visits

for number in range(1000):
    visits.add("total", 1)
with visits.lock("last") as abandoned:
    visits.last = f"visitor {visits.add('visitors', 1) + 1}"
"""


class Visits(ntipc.SharedData, name="example visits"):
    """What all of them have in common."""

    total: Shared[int]
    visitors: Shared[int]
    last: Shared[str, Literal[40]] = Shared("nobody")


visits = Visits()


def main() -> int:
    """Let four other processes import this module and count; look."""
    command = [sys.executable, "-c", PROGRAM]
    others = [subprocess.Popen(command, cwd=Path(__file__).resolve().parent) for _ in range(4)]
    ended = [other.wait() for other in others]
    print(f"{visits.visitors} visitors, {visits.total} visits; the last was {visits.last}")
    return 0 if ended == [0] * 4 and (visits.visitors, visits.total) == (4, 4000) else 1


if __name__ == "__main__":
    sys.exit(main())

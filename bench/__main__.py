"""``python -m bench [--quick] [--json FILE] [NAME ...]``."""

import argparse
import json
import os
import platform
import sys
from importlib import import_module
from pathlib import Path

from bench.measure import Effort
from bench.rows import Row, heading, line

MODULES = ("mutexes", "events", "waits", "names", "sections", "death", "processes")


def machine() -> dict[str, object]:
    """Where the figures were measured."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
    }


def main() -> int:
    """Run the measurements that were asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed beside the peers' in the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(MODULES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="few trials: shows that it runs, not how fast")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(MODULES):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(MODULES)}")
    # A session of our own, named in the environment so that every process finds it.
    os.environ["NTIPC_SESSION"] = f"bench-{os.getpid()}"
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()), file=sys.stderr)
    found: list[Row] = []
    print(heading())
    for name in arguments.names or MODULES:
        for row in import_module(f"bench.bench_{name}").rows(Effort(arguments.quick)):
            found.append(row)
            print(line(row), flush=True)
    if arguments.json:
        figures = {"machine": about, "quick": arguments.quick, "rows": [row.as_json() for row in found]}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

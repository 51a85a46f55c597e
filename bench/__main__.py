"""``python -m bench [--quick] [--json FILE] [--plot FILE] [--write-docs] [NAME ...]``."""

import argparse
import datetime
import json
import os
import platform
import sys
from importlib import import_module
from pathlib import Path

from bench import report
from bench.measure import Effort
from bench.rows import Row, heading, line

MODULES = (
    *("mutexes", "contention", "events", "ping_pong", "waits", "messages", "names", "scale", "crowds"),
    *("calls", "ports", "port_steps", "port_loops", "rpc", "pipes", "connections", "mailslots", "sections", "memory"),
    *("death", "processes", "wine"),
    "win32",
    "debuglog",
)
RESULTS = Path(__file__).with_name("results")


def machine() -> dict[str, object]:
    """Where and when the figures were measured, and how busy others kept the machine in the minute before."""
    models = [text for text in Path("/proc/cpuinfo").read_text().splitlines() if text.startswith("model name")]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": models[0].partition(":")[2].strip() if models else "unknown",
        "processors": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
    }


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed beside the peers' in the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(MODULES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="few trials: shows that it runs, not how fast")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw each figure beside its target, as SVG")
    parser.add_argument(
        "--write-docs", action="store_true", help="keep the figures, and put them into docs/performance"
    )
    parser.add_argument("--from", dest="source", metavar="FILE", type=Path, help="take figures of before, measure none")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(MODULES):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(MODULES)}")
    if arguments.write_docs and (arguments.quick or arguments.names):
        parser.error("the docs want all figures, and not from a quick run")
    return arguments


def measure(names: list[str], effort: Effort) -> list[Row]:
    """Measure, and print the rows as they come."""
    # A session of our own, named in the environment so that every process finds it.
    os.environ["NTIPC_SESSION"] = f"bench-{os.getpid()}"
    found: list[Row] = []
    print(heading())
    for name in names or MODULES:
        for row in import_module(f"bench.bench_{name}").rows(effort):
            found.append(row)
            print(line(row), flush=True)
    return found


def main() -> int:
    """Run the measurements that were asked for, all by default."""
    arguments = parse()
    if arguments.source:
        about, found = report.load(arguments.source)
    else:
        about = machine()
        print(", ".join(f"{name} {value}" for name, value in about.items()), file=sys.stderr)
        found = measure(arguments.names, Effort(arguments.quick))
    figures = {"machine": about, "quick": arguments.quick, "rows": [row.as_json() for row in found]}
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.plot:
        report.plot(found, arguments.plot)
    if arguments.write_docs:
        if not arguments.source:
            RESULTS.mkdir(exist_ok=True)
            kept = RESULTS / f"{about['date']}-{about['machine']}-{about['processors']}-cores.json"
            kept.write_text(json.dumps(figures, indent=2) + "\n")
        report.write_docs(about, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How many instructions the hot paths take: ``python -m bench.instructions [--record]``.

Times tell nothing on a machine that others use as well; instructions do. valgrind's callgrind counts them, and they
are held against those in ``instructions.json``: 5 % more fail, 5 % fewer ask to be recorded. They are the same in every
run, but another compiler or interpreter makes others, so the record is kept for each toolchain that was ever recorded.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

Counts = dict[str, int]
"""Instructions of one operation, by its name."""
Recorded = dict[str, dict[str, Counts]]
"""By part and toolchain."""

ROOT = Path(__file__).resolve().parent.parent
RECORD = Path(__file__).with_name("instructions.json")
MARK = "getppid"
"""The function at whose calls the programs part their loops."""
TOLERANCE = 0.05
SLACK = 2
"""Instructions more or less that mean nothing, however short the path."""
PATIENCE = 300
FIELDS = re.compile(r"^(part|desc: Trigger|totals): *(.*)$", re.MULTILINE)


def rustc() -> str:
    """The compiler, as it names itself."""
    told = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout
    return " ".join(told.split()[:2])


def interpreter() -> str:
    """The interpreter, and how it was built."""
    shared = "shared" if sysconfig.get_config_var("Py_ENABLE_SHARED") else "static"
    optimized = "PGO" if "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")) else "no PGO"
    return f"CPython {platform.python_version()} ({platform.python_compiler()}, {shared}, {optimized})"


def build_kernel_program() -> Path:
    """Build the program that runs the kernel's paths."""
    command = ["cargo", "build", "--quiet", "--release", "--package", "ntipc_kernel", "--example", "instructions"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "examples" / "instructions"


def environment() -> dict[str, str]:
    """The same for every run, to the byte: it lies on the stack, and Python reads it."""
    return {
        # Memory freed is the next to be given out, or the C library puts its lists in order now and then, on our bill.
        "GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535",
        "LC_ALL": "C",
        "NTIPC_SESSION": f"instructions-{os.getpid():08}",
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
    }


def count(program: list[str]) -> Counts:
    """Run one of the two programs under valgrind."""
    with tempfile.TemporaryDirectory(prefix="ntipc-") as folder:
        out = Path(folder, "counts")
        valgrind = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--dump-before={MARK}"]
        files = [f"--callgrind-out-file={out}", f"--log-file={folder}/log"]
        # Addresses that differ from run to run would move what hashes and sorts by them.
        command = ["setarch", platform.machine(), "--addr-no-randomize", *valgrind, *files, *program]
        ran = subprocess.run(
            command, env=environment(), cwd=folder, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
        )
        if ran.returncode:
            raise SystemExit(f"{' '.join(command)}: status {ran.returncode}\n{Path(folder, 'log').read_text()[-3000:]}")
        # The first thread's alone: the helper thread runs by the clock.
        dumps = [dict(FIELDS.findall(path.read_text())) for path in Path(folder).glob("counts.*-01")]
    marked = [dump for dump in dumps if "--dump-before" in dump.get("desc: Trigger", "")]
    totals = [int(dump["totals"]) for dump in sorted(marked, key=lambda dump: int(dump["part"]))]
    lines = [line.rsplit(" ", 2) for line in ran.stdout.splitlines()]
    if not lines or len(totals) != sum(1 + 2 * int(times) for *_, times in lines):
        raise SystemExit(f"{len(lines)} operations, but {len(totals)} counts: does valgrind know getppid?")
    counts = {}
    for name, rounds, times in lines:
        loops, totals = totals[1 : 1 + 2 * int(times)], totals[1 + 2 * int(times) :]
        # Of each length the loop that nothing disturbed: waiting for the lock while the helper thread has it only adds.
        once, twice = min(loops[::2]), min(loops[1::2])
        counts[name] = round((twice - once) / int(rounds))
    empty = counts.pop(lines[0][0])
    return {name: number - empty for name, number in counts.items()}


def compare(title: str, found: Counts, recorded: Mapping[str, int]) -> bool:
    """Print a table; whether all is as recorded."""
    print(f"\n{title}\n{'instructions':>72} {'recorded':>10}")
    good = True
    for name in [*found, *(name for name in recorded if name not in found)]:
        new, old = found.get(name), recorded.get(name)
        verdict = ""
        if new is None or old is None:
            verdict = "is not measured any more" if new is None else "is not recorded"
        elif abs(new - old) > max(TOLERANCE * old, SLACK):
            verdict = f"{(new - old) / old:+.1%}: {'too many' if new > old else 'fewer, record them'}"
        good = good and not verdict
        print(f"{name:60} {'' if new is None else new:>11} {'' if old is None else old:>10} {verdict}".rstrip())
    return good


def main() -> int:
    """Count, and compare or record."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description="Instructions of the hot paths.")
    parser.add_argument("--record", action="store_true", help=f"write them to {RECORD.name} instead of comparing")
    arguments = parser.parse_args()
    if missing := [tool for tool in ("valgrind", "setarch", "cargo", "rustc") if not shutil.which(tool)]:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 2
    from ntipc import _kernel

    if _kernel.FAULT_POINTS:
        print("this build has fault points, which cost instructions: make build", file=sys.stderr)
        return 2
    found = {
        "kernel": (rustc(), count([str(build_kernel_program())])),
        "Python": (f"{interpreter()}, {rustc()}", count([sys.executable, "-B", "-m", "bench.instruction_loops"])),
    }
    recorded = cast("Recorded", json.loads(RECORD.read_text()) if RECORD.exists() else {})
    good = True
    for part, (toolchain, counts) in found.items():
        known = recorded.setdefault(part, {})
        same = compare(f"{part}: {toolchain}", counts, known.get(toolchain, {}))
        if toolchain not in known:
            # Another toolchain makes other counts, which says nothing about ours.
            print(f"not compared: nothing is recorded for this toolchain, only for {'; '.join(known) or 'none'}")
            same = True
        known[toolchain] = counts
        good = good and same
    if arguments.record:
        RECORD.write_text(json.dumps(recorded, indent=2) + "\n")
        return 0
    if not good:
        print("\nmake instructions ARGS=--record writes the new figures down; say in the commit why they are right.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

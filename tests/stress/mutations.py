"""The mutation check: take one ingredient of recovery away at a time, and see which tests miss it.

    make mutations
    python tests/stress/mutations.py --only refund re-wake --kills 1000

Each mutant is tried by the sweep (tests/crash/test_sweep.py), by the other crash tests, by the kernel's own tests of
queues, which have a sweep too, and by a storm, each until the first thing it finds. A mutant that none of them finds
fails the check, and so does anything found without a mutation: then it is the tests that are wrong. The build for it
lies in target/mutations, apart from the one in .venv.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "target" / "mutations"
NOTHING = "nothing"
PATIENCE = 600.0
"""Seconds after which a run is taken to hang, which is a finding too."""
KERNEL_TESTS = ("badges", "completion", "queue_closing", "queue_deaths", "queue_handles", "queue_turns", "queues")
KERNEL_PATIENCE = 65.0


@dataclass(frozen=True)
class Trial:
    """What one kind of test said of one mutant."""

    found: str
    """What was found, in words; empty for nothing."""
    seconds: float

    @property
    def cell(self) -> str:
        return self.found or "-"


def build() -> Path:
    """Compile the mutants, all of them one module; the directory to import ``ntipc`` from."""
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(TARGET),
        "PYO3_BUILD_EXTENSION_MODULE": "1",
        "PYO3_PYTHON": sys.executable,
    }
    command = ["cargo", "build", "--quiet", "--release", "--package", "ntipc_py", "--features", "mutations"]
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    place = TARGET / "python"
    shutil.rmtree(place, ignore_errors=True)
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "python" / "ntipc", place / "ntipc", ignore=ignored)
    shutil.copy(TARGET / "release" / "lib_kernel.so", place / "ntipc" / "_kernel.abi3.so")
    return place


def run(command: list[str], mutant: str, place: Path, patience: float = PATIENCE) -> tuple[int | None, str, float]:
    """Run a test with the mutant; its exit status (None: it hung), output, seconds. Leaves no process and no file."""
    directory = tempfile.mkdtemp(prefix="mutation-", dir="/dev/shm")
    os.chmod(directory, 0o1777)
    environment = {**os.environ, "PYTHONPATH": str(place), "NTIPC_DIR": directory, "NTIPC_WITHOUT": mutant}
    environment.pop("NTIPC_SESSION", None)
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        status: int | None
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            status = None
        seconds = time.monotonic() - start
        try:
            os.killpg(process.pid, signal.SIGKILL)  # a mutant's processes may be past ending by themselves
        except ProcessLookupError:
            pass
        process.wait()
        output.seek(0)
        text = output.read()
    shutil.rmtree(directory, ignore_errors=True)
    return status, text, seconds


def try_tests(paths: Iterable[str], mutant: str, place: Path) -> Trial:
    options = ["-x", "-q", "-p", "no:cacheprovider", "-o", "timeout=40", "-o", "faulthandler_timeout=0"]
    status, text, seconds = run([sys.executable, "-m", "pytest", *options, *paths], mutant, place)
    if status == 0:
        return Trial("", seconds)
    if status is None:
        return Trial("hangs", seconds)
    if status not in (1, 3) and status >= 0 and "Timeout" not in text:
        raise SystemExit(f"pytest could not run (status {status}):\n{text[-3000:]}")
    failed = re.search(r"(?:FAILED|ERROR) \S+::(\S+)|_+ (?:ERROR at \w+ of )?(test_\S+) _+", text)
    name = next(filter(None, failed.groups())) if failed else "a test that hangs"
    return Trial(f"`{name}`", seconds)


def try_sweep(mutant: str, place: Path) -> Trial:
    return try_tests(["tests/crash/test_sweep.py"], mutant, place)


def try_directed(mutant: str, place: Path) -> Trial:
    folder = ROOT / "tests" / "crash"
    known = [folder / f"test_{name}.py" for name in ("signals", "reapers", "watchers", "orphans", "deaths")]
    others = sorted(set(folder.glob("test_*.py")) - {*known, folder / "test_sweep.py"})
    return try_tests(map(str, [*known, *others]), mutant, place)


def build_kernel_tests() -> list[str]:
    """Compile the kernel's tests of queues; the programs."""
    command = ["cargo", "test", "--no-run", "--package", "ntipc_kernel", "--features", "mutations"]
    command += ["--message-format", "json", *(f"--test={name}" for name in KERNEL_TESTS)]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    built = subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True, text=True)
    artifacts = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    return [made["executable"] for made in artifacts if made.get("executable") and "test" in made["target"]["kind"]]


def try_kernel(programs: list[str]) -> Callable[[str, Path], Trial]:
    def attempt(mutant: str, place: Path) -> Trial:
        seconds = 0.0
        for program in programs:
            status, text, took = run([program, "--test-threads", "2"], mutant, place, KERNEL_PATIENCE)
            seconds += took
            if status is None:
                begun = set(re.findall(r"^test (\S+) has been running", text, re.MULTILINE))
                return Trial(f"`{min(begun)}` hangs" if begun else "hangs", seconds)
            if status:
                failed = re.search(r"^test (\S+) \.\.\. FAILED|thread '(\S+)' \(?\d*\)? ?panicked", text, re.MULTILINE)
                name = next(filter(None, failed.groups())) if failed else "a crash"
                return Trial(name if name == "a crash" else f"`{name}`", seconds)
        return Trial("", seconds)

    return attempt


def storm_of(kills: int, seed: int) -> Callable[[str, Path], Trial]:
    def try_storm(mutant: str, place: Path) -> Trial:
        command = [sys.executable, "tests/stress/storm.py", "--faults", "--tolerance", "1"]
        status, text, seconds = run([*command, "--kills", str(kills), "--seed", str(seed)], mutant, place)
        if status == 0:
            return Trial("", seconds)
        if status is None:
            return Trial("hangs", seconds)
        deaths = re.search(r"(\d+) deaths", text)
        if not deaths:
            return Trial("the storm itself fails", seconds)
        print("   ", next((line[:200] for line in text.splitlines() if line.startswith("VIOLATION")), ""), flush=True)
        return Trial(f"after {deaths[1]} kills", seconds)

    return try_storm


def names_of(place: Path) -> list[str]:
    code = "from ntipc import _kernel; print(*_kernel.INGREDIENTS)"
    environment = {**os.environ, "PYTHONPATH": str(place)}
    names = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    return names.stdout.split()


def main() -> int:
    parser = argparse.ArgumentParser(description="See which tests find what is taken out of recovery.")
    parser.add_argument("--kills", type=int, default=1500, help="kills of a storm that finds nothing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="ingredients; 'nothing' for the kernel as it is")
    parser.add_argument("--skip", nargs="*", default=[], help="sweep, directed, kernel's, storm")
    arguments = parser.parse_args()
    place = build()
    names = names_of(place)
    mutants = arguments.only or [NOTHING, *names]
    if not names:
        parser.error("the build offers no mutations")
    if unknown := set(mutants) - {NOTHING, *names}:
        parser.error(f"no such ingredient: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    trials = {
        "sweep": try_sweep,
        "directed tests": try_directed,
        "kernel's tests": try_kernel(build_kernel_tests()),
        "storm": storm_of(arguments.kills, arguments.seed),
    }
    trials = {name: trial for name, trial in trials.items() if name.split()[0] not in arguments.skip}
    rows, missed = [f"| left out | {' | '.join(trials)} |", f"| --- |{' --- |' * len(trials)}"], []
    for mutant in mutants:
        results = []
        for kind, attempt in trials.items():
            results.append(attempt(mutant, place))
            print(f"{mutant}, {kind}: {results[-1].cell} ({results[-1].seconds:.0f} s)", flush=True)
        rows.append(f"| {mutant} | {' | '.join(result.cell for result in results)} |")
        if any(result.found for result in results) == (mutant == NOTHING):
            missed.append(mutant)
    print("\n".join(["", *rows]))
    for mutant in missed:
        print("found something where nothing is missing" if mutant == NOTHING else f"nobody misses {mutant}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The same under Wine: ``wine_peer.c`` is compiled for Windows and run by Wine, if both are installed."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import ntipc
from bench.bench_events import by_set_and_wait
from bench.bench_mutexes import by_calls
from bench.bench_names import make_and_close
from bench.bench_ping_pong import games, play
from bench.bench_sections import ours as make_map_and_close
from bench.measure import Effort, Trial, interleaved, loop_trial
from bench.partners import PROCESSORS
from bench.rows import Row

COMPILER = "x86_64-w64-mingw32-gcc"
WINE = ("wine64", "wine")
SOURCE = Path(__file__).with_name("wine_peer.c")
TARGET = 0.1
PATIENCE = 300
SETTLING = 10
"""Seconds in which Wine goes on with what it does in a new folder."""
WHAT = {
    "mutex": "mutex acquire + release, free",
    "event": "event set + wait, free",
    "named": "named event create + close",
    "section": "section: create, attach, map, close, 1 MiB sparse",
    "pingpong": "ping-pong on two cores, signal_and_wait",
}


def run(command: list[str], folder: Path) -> str:
    """Run a Windows program in a world of its own; what it printed. Wine's services would keep a pipe open."""
    environment = {**os.environ, "WINEDEBUG": "-all", "WINEPREFIX": str(folder / "wine"), "DISPLAY": ""}
    with (folder / "printed").open("w+") as printed:
        subprocess.run(
            command, env=environment, stdout=printed, stderr=subprocess.DEVNULL, check=True, timeout=PATIENCE
        )
        printed.seek(0)
        return printed.read()


def theirs(wine: str, operation: str, count: int, folder: Path) -> Trial:
    """A trial of the Windows program, which prints the seconds that an operation took."""
    return lambda: float(run([wine, str(folder / "peer.exe"), operation, str(count)], folder))


@contextmanager
def wine_world(wine: str) -> Iterator[Path]:
    """A folder in which Wine keeps what it makes; its services end with it."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            yield Path(folder)
        finally:
            with suppress(subprocess.CalledProcessError):  # as it kills everything of that world, itself too
                run([wine, "wineboot", "--kill"], Path(folder))


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    wine = next((found for name in WINE if (found := shutil.which(name))), None)
    if wine is None or not shutil.which(COMPILER):
        missing = " and ".join(["Wine"] * (wine is None) + [COMPILER] * (not shutil.which(COMPILER)))
        for what in WHAT.values():
            yield Row(what, None, "the same under Wine", None, TARGET, f"{missing} not installed")
        return
    version = subprocess.run([wine, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    with wine_world(wine) as folder, ntipc.Event() as there, ntipc.Event() as back, ntipc.EventPair() as pair:
        subprocess.run([COMPILER, "-O2", "-o", f"{folder}/peer.exe", str(SOURCE)], check=True)
        theirs(wine, "mutex", 1, folder)()
        time.sleep(SETTLING)
        mutex = ntipc.Mutex()
        places = (PROCESSORS[0], PROCESSORS[-1])
        game, rounds = games(there, back, pair)["signal_and_wait"], effort.count(10_000)
        ours: dict[str, Trial] = {
            "mutex": loop_trial(by_calls(mutex), effort.count(200_000)),
            "event": loop_trial(by_set_and_wait, effort.count(200_000)),
            "named": loop_trial(make_and_close, effort.count(20_000)),
            "section": loop_trial(make_map_and_close(1 << 20, reserve=True), effort.count(2_000)),
            "pingpong": lambda: play(game, rounds, places),
        }
        for operation, what in WHAT.items():
            peer = theirs(wine, operation, effort.count(5_000), folder)
            peer()  # the first starts Wine's server
            seconds = interleaved({"ours": ours[operation], "peer": peer}, min(effort.trials, 5))
            yield Row(what, seconds["ours"], f"the same under {version}", seconds["peer"], TARGET)
        mutex.close()

"""``python -m bench.soak [--minutes 60] [--json FILE] [--plot FILE]``."""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

import ntipc
from bench.__main__ import machine
from bench.soak import immortals, load, samples, verdict

WORKERS = 4
SAMPLE = 10.0
"""Seconds between two looks."""
KILL = 0.5
"""Seconds between two kills of workers."""
DEATH = 1.0
"""Seconds between two measured deaths."""
PATIENCE = 30.0


def forked(life: Callable[[], None]) -> int:
    """The process id of a child that lives so."""
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            life()
        finally:
            os._exit(1)
    return pid


def end(pid: int) -> None:
    """Kill a child for good."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


class Immortal:
    """A process that is never killed, and the pipe to it."""

    def __init__(self, role: Callable[[Connection], None]) -> None:
        self.pipe, theirs = Pipe()
        self.pid = forked(lambda: immortals.live(role, theirs))
        theirs.close()

    def receive(self) -> Any:
        """What it says; somebody who says nothing for long hangs."""
        if not self.pipe.poll(PATIENCE):
            raise TimeoutError(f"process {self.pid} has said nothing for {PATIENCE:.0f} s: it hangs or is gone")
        return self.pipe.recv()


class Soak:
    """The processes of a soak, and what is done to them."""

    def __init__(self, output: TextIO, seed: int) -> None:
        self.output, self.dice = output, random.Random(seed)
        self.session = ntipc.Session()
        self.doomed = ntipc.Mutex("doomed")
        # The longest-living first, so that none of them has a copy of a pipe or a handle that is none of its own.
        self.roles = {"meter": immortals.measure, "answerer": immortals.answer, "heir": immortals.inherit}
        self.immortals = {name: Immortal(role) for name, role in self.roles.items()}
        self.workers = [self.start_worker() for _ in range(WORKERS)]
        self.kills = 0
        self.deaths: list[int] = []
        self.began = time.monotonic()

    def start_worker(self) -> int:
        seed = self.dice.randrange(1 << 30)
        return forked(lambda: load.live(seed))

    def kill_a_worker(self) -> None:
        """One that has ended by itself has failed."""
        for pid in self.workers:
            if os.waitpid(pid, os.WNOHANG)[0]:
                raise RuntimeError(f"worker {pid} ended by itself")
        place = self.dice.randrange(WORKERS)
        end(self.workers[place])
        self.workers[place] = self.start_worker()
        self.kills += 1

    def measure_a_death(self) -> None:
        """From the SIGKILL of an owner until the one who waits for its mutex has it."""
        ours, theirs = Pipe()
        victim = forked(lambda: immortals.live(immortals.be_doomed, theirs))
        theirs.close()
        ours.recv()
        heir = self.immortals["heir"]
        heir.pipe.send(None)
        while not self.doomed.info()["waiters"]:
            time.sleep(0.001)
        began = time.monotonic_ns()
        end(victim)
        told, abandoned = heir.receive()
        if not abandoned:
            raise RuntimeError("the heir was not told that the owner before had died")
        self.deaths.append(told - began)
        ours.close()
        self.kills += 1

    def sample(self) -> None:
        """Write one look to the file; nothing of it stays in memory."""
        meter = self.immortals["meter"]
        meter.pipe.send(None)
        latency = meter.receive() | {"death": immortals.quantiles(sorted(self.deaths))}
        pids = {"coordinator": os.getpid()} | {name: immortal.pid for name, immortal in self.immortals.items()}
        look = {
            "seconds": round(time.monotonic() - self.began, 2),
            "kills": self.kills,
            "processes": {name: samples.process(pid) for name, pid in pids.items()},
            "session": samples.session(self.session.path),
            "latency": latency,
        }
        self.deaths.clear()
        self.output.write(json.dumps(look, separators=(",", ":")) + "\n")
        self.output.flush()

    def run(self, seconds: float) -> None:
        """Kill, measure and look, each at its own pace."""
        turns: list[tuple[float, Callable[[], None]]]
        turns = [(KILL, self.kill_a_worker), (DEATH, self.measure_a_death), (SAMPLE, self.sample)]
        due = [self.began + pause for pause, _ in turns]
        while (now := time.monotonic()) < self.began + seconds + SAMPLE / 2:
            for place, (pause, turn) in enumerate(turns):
                if now >= due[place]:
                    turn()
                    due[place] = max(due[place] + pause, time.monotonic())
            time.sleep(max(0.0, min(due) - time.monotonic()))

    def close(self) -> None:
        """End everybody."""
        for pid in [*self.workers, *(immortal.pid for immortal in self.immortals.values())]:
            try:
                end(pid)
            except (ProcessLookupError, ChildProcessError):
                pass


def main() -> int:
    """Run a soak, tell the verdict."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Hours of mixed load with kills.")
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of kills and of the workers' dice")
    parser.add_argument("--json", type=Path, default=Path("bench/results/soak.json"), help="the samples, one a line")
    parser.add_argument("--plot", type=Path, default=Path("docs/soak.svg"), help="the plot (.svg or .png)")
    parser.add_argument("--judge", action="store_true", help="run nothing: judge and draw the samples that are there")
    arguments = parser.parse_args()
    if not arguments.judge:
        soak(arguments)
    first, *rest = arguments.json.read_text().splitlines()
    about, found = json.loads(first), [json.loads(line) for line in rest]
    judgements = verdict.judge(found)
    title = f"{found[-1]['seconds'] / 60:.0f} minutes, {found[-1]['kills']:,} kills"
    print(f"{title}; {', '.join(f'{name} {value}' for name, value in about.items())}")
    print(verdict.report(judgements))
    try:
        from bench.soak.plot import draw

        draw(found, title, arguments.plot)
    except ImportError as problem:
        print(f"no plot is drawn: {problem} (pip install 'ntipc[plots]')", file=sys.stderr)
    return 0 if all(judgement.flat for judgement in judgements) else 1


def soak(arguments: argparse.Namespace) -> None:
    """Run it in a session of its own, and write the samples."""
    os.environ["NTIPC_SESSION"] = f"soak-{os.getpid()}"
    with arguments.json.open("w") as output:
        output.write(json.dumps(machine()) + "\n")
        output.flush()
        running = Soak(output, arguments.seed)
        try:
            running.run(arguments.minutes * 60)
        finally:
            running.close()


if __name__ == "__main__":
    sys.exit(main())

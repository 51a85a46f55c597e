"""A storm of kills: processes use shared objects and are killed at random; whatever is left must stay right.

    python tests/stress/storm.py --kills 10000 --faults --hits 20

Six workers do everything and are killed, three immortal ones wait without timeouts, and a watcher looks on from
outside. Workers are stopped as well, for up to half a second, wherever they are. Kills and stops come in bursts with
quiet times between, in half of which nobody else moves either, for every kill and every operation may heal what an
earlier one has broken. With ``--faults`` workers also kill themselves at labelled
steps inside the kernel (the build must have them), most often at those that were hit least.

Those that die are reaped by each other, as long as the storm's own process declines to watch; at other times it watches
too, and lives through it all: a helper that is new looks at everything, and so heals what the last one missed.
"""

import argparse
import os
import random
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness.leftovers import session_paths
from harness.peers import Peer, PeerEnded, PeerHangs
from harness.points import AT_WORK
from harness.suspicions import exists
from storm_frames import Register
from storm_ledger import AMBIGUOUS, HELD, MAYBE_LOST, OBJECTS, OPERATIONS, READY, TAKING, TOKENS, Ledger
from storm_points import Coverage
from storm_watch import Watcher
from storm_worker import Birth, live

import ntipc
from ntipc import _kernel
from ntipc.session.places import session_path

MORTALS, IMMORTALS = 6, 3
SPARE = 500
"""Workers that there may be beyond one for each death."""
KINDS = 8
"""Of objects that are there as often as :data:`OBJECTS` says; a queue is two."""
OTHERS = 2
"""Further queues: for parcels, and for requests."""
BURST = 25
"""Kills between two quiet times."""
QUIET = 1.3
"""Seconds of a quiet time: long enough for the watcher to call a sleeper forgotten."""
PAUSE = 0.03
"""Seconds between two looks of a burst, at most; each kills one at random, unless it is to die by itself."""


STOPS = 4
"""Of so many looks of a burst one stops a worker for a while; it may be killed before it goes on."""
SHORTEST_STOP, LONGEST_STOP = 0.001, 0.5
"""Seconds."""


class Storm:
    """One storm, from the first process to the last look."""

    def __init__(self, kills: int, seed: int, faults: bool, hits: int, tolerance: int) -> None:
        self.wanted, self.seed, self.faults, self.wanted_hits, self.tolerance = kills, seed, faults, hits, tolerance
        self.dice = random.Random(seed)
        self.session = os.environ.setdefault("NTIPC_SESSION", f"storm-{os.getpid()}")
        self.path = session_path(self.session)
        self.ledger = Ledger(MORTALS + IMMORTALS, MORTALS)
        self.most = 2 * kills if hits else kills
        self.register = Register(self.most + SPARE)
        self.started = self.maybe_lost = 0
        self.coverage = Coverage(AT_WORK, _kernel.FAULT_POINTS, self.dice)
        self.keeper = Peer({"PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))})
        self.keeper.run("import contextlib; from storm_objects import Objects; objects = Objects()")
        self.keeper.run("from storm_queues import drain; from storm_calls import serve_all")
        self.watcher = Watcher(self.session)
        self.workers: dict[int, int] = {}
        self.killed = self.operations = self.quiet_times = self.stops = 0
        self.stopped: dict[int, float] = {}
        self.added, self.unsure = [0] * OBJECTS, [0] * OBJECTS
        self.violations: list[str] = []
        self.last_progress: dict[int, tuple[int, float]] = {}
        self.counters: dict[str, int] = {}
        self.frames = ""

    @property
    def deaths(self) -> int:
        return self.killed + self.coverage.deaths

    # workers

    def start(self, number: int) -> None:
        doom = None
        if self.faults and number < MORTALS and self.dice.randrange(5):
            doom = self.coverage.armed[number] = self.coverage.choose()
        self.ledger.clear(number)
        seed = self.dice.randrange(1 << 60)
        birth = Birth(number, self.started, seed, number >= MORTALS, doom)
        self.started += 1
        pid = os.fork()
        if pid == 0:
            live(birth, self.ledger, self.register, self.coverage.writing)
        self.workers[number] = pid

    def bury(self, number: int) -> None:
        """Settle the accounts of a worker that is no more: give back what it held, note what it may have changed."""
        pid = self.workers.pop(number)
        self.stopped.pop(number, None)
        self.coverage.armed.pop(number, None)
        self.last_progress.pop(pid, None)
        self.operations += self.ledger.get(number, OPERATIONS)
        for i in range(OBJECTS):
            if held := self.ledger.get(number, HELD + i):
                self.keeper.run(f"objects.semaphores[{i}].release({held})")
            self.unsure[i] += self.ledger.get(number, AMBIGUOUS + i) != 0
        self.maybe_lost += self.ledger.get(number, TAKING) + self.ledger.get(number, MAYBE_LOST)
        self.ledger.clear(number)

    def collect(self) -> None:
        """Notice the workers that have ended by themselves, and start others."""
        self.coverage.collect()
        for number, pid in list(self.workers.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            by_doom = status == signal.SIGKILL and number in self.coverage.armed
            if not by_doom and not (status == 0 and self.ledger.stopped):
                self.violations.append(f"worker {number} ended by itself with status {status}")
            self.bury(number)
        if not self.ledger.stopped:
            for number in range(MORTALS + IMMORTALS):
                if number not in self.workers:
                    self.start(number)

    def stop(self, number: int) -> None:
        """Stop a worker for a while, wherever it is."""
        if number not in self.stopped:
            os.kill(self.workers[number], signal.SIGSTOP)
            self.stopped[number] = time.monotonic() + self.dice.uniform(SHORTEST_STOP, LONGEST_STOP)
            self.stops += 1

    def let_go_on(self, everybody: bool = False) -> None:
        """Let those workers go on that have been stopped for long enough."""
        now = time.monotonic()
        for number in [number for number, until in self.stopped.items() if everybody or until <= now]:
            del self.stopped[number]
            os.kill(self.workers[number], signal.SIGCONT)

    def kill(self, number: int) -> None:
        pid = self.workers[number]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.killed += 1
        self.bury(number)

    # watching

    def watch(self) -> None:
        self.collect()
        self.let_go_on()
        self.violations += self.ledger.complaints()
        self.violations += self.watcher.look(exists)
        self.check_progress()

    def check_progress(self) -> None:
        """Nobody may be stuck anywhere but in a wait."""
        now = time.monotonic()
        if self.ledger.paused:
            self.last_progress.clear()
            return
        picture = None
        for number, pid in self.workers.items():
            done = self.ledger.get(number, OPERATIONS)
            before, since = self.last_progress.setdefault(pid, (done, now))
            if before != done:
                self.last_progress[pid] = done, now
            elif now - since > 5:
                picture = picture or _kernel.inspect(self.path)
                if not any(t["pid"] == pid and t["state"] in ("waiting", "sleeping") for t in picture["threads"]):
                    self.violations.append(f"worker {number} ({pid}) is stuck after {done} operations, not in a wait")
                self.last_progress[pid] = done, now + 60

    def refill(self) -> None:
        """Give back units that the dead took with them unseen, or the storm would run dry."""
        for i in range(OBJECTS):
            held = sum(self.ledger.get(n, HELD + i) + abs(self.ledger.get(n, AMBIGUOUS + i)) for n in self.workers)
            if held < TOKENS - 2 and self.keeper.run(f"objects.semaphores[{i}].count") == 0:
                self.keeper.run(f"objects.semaphores[{i}].release({TOKENS - held})")
                self.added[i] += TOKENS - held

    # the storm

    @property
    def is_over(self) -> bool:
        enough = self.deaths >= self.wanted and not self.coverage.below(self.wanted_hits)
        return enough or self.deaths >= self.most or len(self.violations) >= self.tolerance

    def blow(self) -> None:
        """Kill until enough have died, with a quiet time after each burst."""
        for number in range(MORTALS + IMMORTALS):
            self.start(number)
        told = 0, 0
        while not self.is_over:
            self.keeper.run(f"_kernel.set_eligible({bool(self.dice.randrange(2))})")
            goal = min(self.most, self.deaths + BURST)
            while self.deaths < goal and not self.is_over:
                time.sleep(self.dice.random() * PAUSE)
                self.watch()
                victim = self.dice.randrange(MORTALS)
                spare = victim in self.coverage.armed and self.dice.randrange(16)
                if victim in self.workers and self.ledger.get(victim, READY) and not spare:
                    self.kill(victim)
                halted = self.dice.randrange(MORTALS * STOPS)
                if halted < MORTALS and halted in self.workers and self.ledger.get(halted, READY):
                    self.stop(halted)
            self.let_go_on(everybody=True)
            self.refill()
            self.be_quiet()
            if self.deaths // 1000 > told[0] or len(self.violations) > told[1]:
                print(f"{self.deaths} deaths", *self.violations[told[1] :], sep="\n", file=sys.stderr, flush=True)
                told = self.deaths // 1000, len(self.violations)

    def be_quiet(self) -> None:
        """Kill nobody for a while; every other time let nobody do anything at all."""
        faults, self.faults = self.faults, False
        self.quiet_times += 1
        self.ledger.pause(bool(self.dice.randrange(2)))
        until = time.monotonic() + QUIET
        while time.monotonic() < until and len(self.violations) < self.tolerance:
            time.sleep(0.05)
            self.watch()
        if self.ledger.paused:
            self.violations += [str(finding) for finding in ntipc.examine(self.path)["findings"]]
        self.ledger.pause(False)
        self.faults = faults

    def calm(self) -> None:
        """End the storm: the mortals stop or are killed, the immortals must come to an end by being signalled."""
        self.ledger.stop()
        self.keeper.run("_kernel.set_eligible(True)")  # it will be the last
        until = time.monotonic() + 1
        while time.monotonic() < until and any(number < MORTALS for number in self.workers):
            time.sleep(0.01)
            self.watch()
        for number in [number for number in self.workers if number < MORTALS]:
            self.kill(number)
        poke = """
for i in range(4):
    objects.events[i].set(); objects.flags[i].set(); objects.timers[i].set(0); objects.semaphores[i].count
    objects.pairs[i].set_high(); objects.pairs[i].set_low()
serve_all(objects)
taken = drain(objects)
for queue in objects.queues:
    with contextlib.suppress(ntipc.Timeout):  # an immortal may have filled it again: then nobody waits to read
        queue.put(b"", 0)
taken
"""
        until = time.monotonic() + 20
        while self.workers and time.monotonic() < until:
            self.note_taken(self.keeper.run(poke))
            time.sleep(0.01)
            self.watch()
        for number, pid in list(self.workers.items()):
            self.violations.append(f"the immortal worker {number} ({pid}) cannot be woken")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.bury(number)

    def note_taken(self, drained: list[list[int]]) -> None:
        for queue, numbers in enumerate(drained):
            told = (problem for number in numbers if (problem := self.register.note_taken(number)))
            self.violations += [f"queue {queue}, emptied at the end: {problem}" for problem in told]

    def reckon_frames(self) -> None:
        """Each was taken once or not at all, the last ones just now; and no page is in use any more but one a queue."""
        self.note_taken(self.keeper.run("serve_all(objects); drain(objects)"))
        put, taken, lost = self.register.count()
        self.frames = f"{put} frames put, {taken} taken, {lost} lost with {self.maybe_lost} that died taking"
        if lost > self.maybe_lost:
            self.violations.append(f"{lost} frames are lost, and only {self.maybe_lost} died taking one")
        counters = _kernel.inspect(self.path)["counters"]
        in_use = counters["pages_high"] - counters["pages_free"]
        if in_use > OBJECTS + OTHERS:
            self.violations.append(f"{in_use} pages are in use by {OBJECTS + OTHERS} empty queues")

    def reckon(self) -> None:
        """Nothing may be lost or left: units, frames, ownership, names, slots, files."""
        until = time.monotonic() + 5
        while time.monotonic() < until and len(_kernel.inspect(self.path)["processes"]) > 1:
            time.sleep(0.01)
        self.reckon_frames()
        picture = _kernel.inspect(self.path)
        self.counters = picture["counters"]
        if [process["pid"] for process in picture["processes"]] != [self.keeper.pid]:
            self.violations.append(f"participants left over: {picture['processes']}")
        expected = KINDS * OBJECTS + 2 * OTHERS + 1  # and the board
        if len(picture["objects"]) != expected:
            names = [entry["name"] for entry in picture["objects"]]
            self.violations.append(f"{len(names)} objects instead of {expected}: {names}")
        if self.counters["hidden_deaths"]:
            self.violations.append(f"{self.counters['hidden_deaths']} deaths were found by a slow look-round only")
        for i in range(OBJECTS):
            count, most = self.keeper.run(f"objects.semaphores[{i}].count"), TOKENS + self.added[i]
            if not most - self.unsure[i] <= count <= most:
                self.violations.append(f"semaphore {i}: {count} units, not {most - self.unsure[i]} to {most}")
            self.keeper.run("warnings.simplefilter('ignore')")
            if not self.keeper.run(f"objects.mutexes[{i}].acquire(timeout=5)"):
                self.violations.append(f"mutex {i} cannot be acquired when everybody is gone")
        kinds = "[ntipc.Event, ntipc.Mutex, ntipc.Timer]"
        self.keeper.run(f"for n in range(20): {kinds}[n % 3].create(f'temporary {{n}}').close()")
        self.keeper.run("for n in range(4): ntipc.Section.create(f'temporary section {n}', 100).close()")
        self.violations += self.ledger.complaints()
        self.keeper.end()
        if left := session_paths(self.session):
            self.violations.append(f"left behind: {left}")

    def run(self) -> bool:
        start = time.monotonic()
        try:
            self.blow()
            self.calm()
            self.reckon()
        except (PeerHangs, PeerEnded) as problem:
            self.violations.append(f"the process that only looks after the objects: {problem}")
        finally:
            for pid in self.workers.values():
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            self.keeper.end()
        below = self.coverage.below(self.wanted_hits)
        self.report(time.monotonic() - start, below)
        return not self.violations and not below

    def report(self, seconds: float, below: list[str]) -> None:
        if self.faults:
            print(self.coverage.table())
        print(
            f"seed {self.seed}: {self.deaths} deaths, {self.coverage.deaths} of them at "
            f"{len(self.coverage.hits)} of {len(AT_WORK)} fault points; {self.operations} operations, "
            f"{self.watcher.looks} looks, {self.quiet_times} quiet times, {self.stops} stops, {seconds:.1f} s\n"
            f"{self.frames}\n{self.counters}"
        )
        if below:
            print(f"hit less than {self.wanted_hits} times: {', '.join(below)}")
        for violation in self.violations:
            print("VIOLATION:", violation)
        print("violations:", len(self.violations))


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill processes at random and watch that nothing is lost.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--faults", action="store_true", help="also kill at labelled steps inside the kernel")
    parser.add_argument(
        "--hits",
        type=int,
        default=0,
        help="go on until each fault point was hit so often, up to twice the kills; then fail",
    )
    parser.add_argument("--tolerance", type=int, default=20, help="stop after so many violations")
    arguments = parser.parse_args()
    if arguments.faults and not _kernel.FAULT_POINTS:
        parser.error("this build has no fault points: run `make build-faults` first")
    storm = Storm(arguments.kills, arguments.seed, arguments.faults, arguments.hits, arguments.tolerance)
    return 0 if storm.run() else 1


if __name__ == "__main__":
    sys.exit(main())

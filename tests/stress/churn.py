"""Connects and disconnects of pipes, ports, or services and their proxies, or messages of windows, with kills between.

Nothing leaks, nobody hangs, every answer is the right one.

    python tests/stress/churn.py --of ports --connects 10000 --kills 300

Three servers and three clients (of two threads each) work in processes of their own and are killed at random: from
outside at any instruction, or by themselves at a labelled step inside the kernel, if the build has them; and replaced.
In the end all stop, and of what they had nothing may be left: no object, no page, no name.
"""

import argparse
import os
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness.leftovers import session_paths
from harness.nursery import QuickPeer
from harness.peers import Call, PeerEnded
from harness.waiting import look, wait_until
from pipe_workers import CLOSE, MOST, PATIENCE, STOP, TALLY

import ntipc

SERVERS = CLIENTS = 3
OBJECTS = 300
"""More objects than ever belong to three servers, six client threads and what their predecessors have left behind."""


class Worker:
    """A process that serves or calls, until it ends or is killed."""

    def __init__(self, kind: str, role: str, number: int, dice: random.Random) -> None:
        self.role, self.number = role, number
        workers = f"{kind.removesuffix('s')}_workers"
        self.peer = QuickPeer()
        self.peer.run(f"import sys; sys.path.insert(0, {str(HERE)!r}); import {workers}")
        by_itself = bool(ntipc.session.inspection.FAULT_POINTS) and dice.random() < 0.6
        if by_itself:
            self.peer.run(f"{workers}.die_by_yourself({int(10 ** dice.uniform(1.5, 4.5))})")
        self.work: Call = self.peer.begin(f"{workers}.{role}({dice.randrange(1 << 30)})")

    @property
    def dead(self) -> bool:
        """Whether it has been killed. Raises what it has failed by."""
        self.peer.receive(0)
        if self.work.number in self.peer.replies:
            self.work.result(0)
            raise AssertionError(f"a process that was to {self.role} for ever has returned")
        return self.peer.ended


class Churn:
    """The processes, and what they have done."""

    def __init__(self, kind: str, connects: int, kills: int, seed: int) -> None:
        self.kind = kind
        self.connects, self.kills, self.dice = connects, kills, random.Random(seed)
        self.deaths = 0
        self.stop, self.close = (ntipc.Event(name, manual_reset=True) for name in (STOP, CLOSE))
        self.tally = ntipc.Semaphore(TALLY, initial=0)
        roles = ["serve"] * SERVERS + ["call"] * CLIENTS
        self.workers = [Worker(kind, role, number, self.dice) for number, role in enumerate(roles)]

    def run(self) -> None:
        """Kill and replace until enough has happened, then let all end."""
        seen, moved = 0, time.monotonic()
        while self.deaths < self.kills or self.tally.count < self.connects:
            time.sleep(0.005)
            self.replace_the_dead()
            if self.tally.count != seen:
                seen, moved = self.tally.count, time.monotonic()
            assert time.monotonic() - moved < PATIENCE, f"nobody has been served for {PATIENCE} seconds"
            objects = len(look()["objects"])
            assert objects < OBJECTS, f"{objects} objects: something leaks"
            if self.deaths < self.kills and self.dice.random() < max(0.02, self.kills / max(self.connects, 1)):
                self.dice.choice(self.workers).peer.kill()
        self.replace_the_dead()
        self.end()

    def replace_the_dead(self) -> None:
        for place, worker in enumerate(self.workers):
            if worker.dead:
                worker.peer.end()
                self.deaths += 1
                self.workers[place] = Worker(self.kind, worker.role, worker.number, self.dice)

    def end(self) -> None:
        """Let everybody stop: the clients first, or they would wait for servers that are no more."""
        for worker in sorted(self.workers, key=lambda worker: worker.role):
            (self.close if worker.role == "serve" else self.stop).set()
            try:
                worker.work.result(2 * PATIENCE)
            except PeerEnded:
                self.deaths += 1  # by itself, on its last steps
            worker.peer.end()

    def left(self) -> list[str]:
        """What has not gone with its makers."""
        mine = {self.stop.identity, self.close.identity, self.tally.identity}
        wait_until(lambda: len(look()["processes"]) == 1, PATIENCE)
        wait_until(lambda: len(look()["objects"]) == len(mine), 5)
        troubles = [finding["text"] for finding in ntipc.examine()["findings"]]
        counts = ntipc.Session().statistics()
        if counts["pages_free"] != counts["pages_high"]:
            troubles.append(f"{counts['pages_high'] - counts['pages_free']} pages are not free")
        handles = [process["handles"] for process in look()["processes"]]
        return troubles + ([] if handles == [len(mine)] else [f"handles: {handles}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", choices=["messages", "pipes", "ports", "rpc"], default="pipes")
    parser.add_argument("--connects", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    arguments = parser.parse_args()
    name = os.environ.setdefault("NTIPC_SESSION", f"churn-{os.getpid()}")
    print(f"seed {arguments.seed}; up to {MOST} messages a connection", flush=True)
    began = time.monotonic()
    with ntipc.Session():
        churn = Churn(arguments.of, arguments.connects, arguments.kills, arguments.seed)
        try:
            churn.run()
            troubles = churn.left()
            served = churn.tally.count
        finally:
            for worker in churn.workers:
                worker.peer.kill()
                worker.peer.end()
    wait_until(lambda: not session_paths(name), 5)
    print(f"{served:,} connects, {churn.deaths} deaths, {time.monotonic() - began:.0f} s, troubles: {len(troubles)}")
    for trouble in troubles:
        print(f"  {trouble}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())

"""Random damage for as long as you like: processes make every call while another scribbles in the session's memory.

    python tests/hostile/fuzz.py --seconds 60 --seed 7

Each round is a session of its own: three victims, each with three threads, and this process, which writes. Nobody may
crash, let out anything but an ``NtError``, or take longer than a while for calls that all have a timeout. A round's
seed decides what is written; when is up to the machine.
"""

import argparse
import collections
import os
import random
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS)]

from harness.arenas import FIELDS, Arena
from harness.peers import Peer, PeerEnded, PeerHangs

import ntipc
from ntipc import _kernel

PATIENCE = 20.0
"""Seconds that some hundred calls with timeouts of milliseconds may take."""
SPARED = {"header.magic", "header.fingerprint"}
SETUP = """
from concurrent.futures import ThreadPoolExecutor
from hostile.victims import Victim
def use(calls):
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda victim: victim.run(calls), victims))
    return runs[0]
"""


def scribble(dice: random.Random, arena: Arena) -> None:
    """One act of damage."""
    if dice.randrange(12) == 0:
        first = dice.choice([place[0] for place in FIELDS.values()]) + dice.randrange(2048)
        arena.scribble(max(16, first), dice.randbytes(1 << dice.randrange(11)))
        return
    field = dice.choice([name for name in FIELDS if name not in SPARED])
    entries, width = FIELDS[field][2], FIELDS[field][3]
    entry = dice.randrange(entries if dice.randrange(8) == 0 else min(entries, 40))
    old = arena.get(field, entry)
    bit = 1 << dice.randrange(8 * width)
    choices = [
        0,
        -1,
        dice.getrandbits(8 * width),
        old ^ bit,
        old + 1,
        old - 1,
        bit,
        dice.randrange(64),
        dice.randrange(9),
    ]
    arena.put(field, entry, dice.choice(choices))


def play(seed: int, outcomes: collections.Counter[str]) -> str | None:
    """One round; what went wrong in it."""
    dice = random.Random(seed)
    name = f"fuzz-{os.getpid()}-{seed}"
    peers = [Peer() for _ in range(3)]
    try:
        for number, peer in enumerate(peers):
            peer.run(SETUP)
            peer.run(f"victims = [Victim(ntipc.Session({name!r}), {seed * 31 + number * 3} + n) for n in range(3)]")
        path = Path(ntipc.inspect(name)["path"])
        for _ in range(6):
            calls = [peer.begin("use(120)") for peer in peers]
            for _ in range(dice.randrange(1, 12)):
                scribble(dice, Arena(path))
                time.sleep(dice.random() * 0.01)
            if dice.randrange(4) == 0:
                dice.choice(peers[1:]).process.send_signal(9)
            for peer, call in zip(peers, calls, strict=True):
                try:
                    outcomes.update(call.result(PATIENCE))
                except PeerEnded:
                    if peer.process.wait() != -9:
                        raise
        for look in (lambda: ntipc.inspect(name), lambda: _kernel.examine(str(path), 20)):
            try:
                outcomes["findings"] += len(look().get("findings", ()))
            except ntipc.NtError as problem:
                outcomes[type(problem).__name__] += 1
    except (PeerEnded, PeerHangs, Exception) as problem:
        return f"seed {seed}: {type(problem).__name__}: {problem}"
    finally:
        for peer in peers:
            if peer.process.poll() is None:
                peer.kill()
            peer.end()
        ntipc.Session(name).close()
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    end, seed, failures = time.monotonic() + arguments.seconds, arguments.seed, 0
    outcomes: collections.Counter[str] = collections.Counter()
    while time.monotonic() < end and failures < 5:
        if wrong := play(seed, outcomes):
            print(wrong, flush=True)
            failures += 1
        seed += 1
    print(f"{seed - arguments.seed} rounds, {failures} failures, {dict(outcomes)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

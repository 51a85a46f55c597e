"""Ping-pong: two processes, each waiting for the other's answer."""

import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, PROCESSORS, partner, pinned, spinning
from bench.rows import Row

ROOT = Path(__file__).resolve().parent.parent
PEER = "multiprocessing.Semaphore pair"


@dataclass(frozen=True)
class Game:
    """A ping-pong: what this process and the partner do in every round."""

    serve: Callable[[], object]
    answer_first: Callable[[], object]
    answer: Callable[[], object]
    answer_last: Callable[[], object]


def games(there: ntipc.Event, back: ntipc.Event, pair: ntipc.EventPair) -> dict[str, Game]:
    """The contenders."""
    ping, pong = FORK.Semaphore(0), FORK.Semaphore(0)

    def serve_semaphore() -> None:
        ping.release()
        pong.acquire()

    def answer_semaphore() -> None:
        pong.release()
        ping.acquire()

    return {
        "signal_and_wait": Game(
            lambda: ntipc.signal_and_wait(there, back),
            there.wait,
            lambda: ntipc.signal_and_wait(back, there),
            back.set,
        ),
        "event pair": Game(pair.set_high_wait_low, pair.wait_high, pair.set_low_wait_high, pair.set_low),
        "peer": Game(serve_semaphore, ping.acquire, answer_semaphore, pong.release),
    }


def play(game: Game, rounds: int, processors: tuple[int, int], spin: bool = True) -> float:
    """Play so many rounds; the median time of one, there and back."""

    def answer() -> None:
        game.answer_first()
        for _ in range(rounds - 1):
            game.answer()
        game.answer_last()

    serve, clock, times = game.serve, time.perf_counter, []
    with spinning(spin), pinned(processors[0]), partner(answer, processors[1]):
        for _ in range(rounds):
            began = clock()
            serve()
            times.append(clock() - began)
    return statistics.median(times)


def contenders(known: dict[str, Game], rounds: int, places: tuple[int, int]) -> dict[str, Trial]:
    """All of them, and one that does not spin."""
    trials: dict[str, Trial] = {name: partial(play, game, rounds, places) for name, game in known.items()}
    trials["no spin"] = partial(play, known["signal_and_wait"], rounds, places, spin=False)
    return trials


def tournament(effort: Effort, places: tuple[int, int]) -> dict[str, float]:
    """The median round of each game between these two processors."""
    with ntipc.Event() as there, ntipc.Event() as back, ntipc.EventPair() as pair:
        known = games(there, back, pair)
        return interleaved(contenders(known, effort.count(10_000), places), effort.trials)


def on_two_cores(effort: Effort) -> Iterator[Row]:
    """Each process has a core of its own, so spinning can help."""
    seconds = tournament(effort, (PROCESSORS[0], PROCESSORS[1]))
    for name in ("signal_and_wait", "event pair"):
        yield Row(f"ping-pong on two cores, {name}", seconds[name], PEER, seconds["peer"], 0.15)
    yield Row("ping-pong on two cores, signal_and_wait, not spinning", seconds["no spin"], PEER, seconds["peer"])


def on_one_core(effort: Effort) -> Iterator[Row]:
    """Both processes share a core, so the one that spins keeps the other from answering."""
    seconds = tournament(effort, (PROCESSORS[0], PROCESSORS[0]))
    for name in ("signal_and_wait", "event pair"):
        yield Row(f"ping-pong on one core, {name}", seconds[name], PEER, seconds["peer"], 1.0)
    what = "ping-pong on one core, signal_and_wait: what learning to spin costs"
    yield Row(what, seconds["signal_and_wait"], "the same, not spinning", seconds["no spin"], 4.0)


def from_rust(effort: Effort) -> Iterator[Row]:
    """Without Python: the kernel beside two futex words."""
    what, peer = "ping-pong from Rust on {}, not spinning", "two bare futex words"
    build = ["cargo", "build", "--quiet", "--release", "--package", "ntipc_kernel", "--example", "ping_pong"]
    if not shutil.which(build[0]):
        yield Row(what.format("two cores"), None, peer, None, 1.1, "cargo is not installed")
        return
    subprocess.run(build, cwd=ROOT, check=True)
    places = {"one core": (PROCESSORS[0], PROCESSORS[0]), "two cores": (PROCESSORS[0], PROCESSORS[-1])}
    for place, (here, there) in places.items():
        run = [
            *build[:1],
            "run",
            *build[2:],
            "--",
            str(effort.count(20_000)),
            str(effort.trials),
            str(here),
            str(there),
        ]
        told = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        seconds = json.loads(told)
        yield Row(what.format(place), seconds["ours"], peer, seconds["futex"], 1.1)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    if len(PROCESSORS) > 1:
        yield from on_two_cores(effort)
    yield from on_one_core(effort)
    yield from from_rust(effort)

"""Events: set and waited for by one thread, and ping-pong between two processes."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ntipc
from bench.measure import Effort, interleaved, loop_trial
from bench.partners import FORK, PROCESSORS, partner, pinned
from bench.rows import Row


def by_set_and_wait(count: int) -> None:
    """Set an event and wait for it at once."""
    with ntipc.Event() as event:
        set_it, wait = event.set, event.wait
        for _ in range(count):
            set_it()
            wait()


def free(effort: Effort) -> Iterator[Row]:
    """Nobody else uses the event."""
    count = effort.count(100_000)
    peer = multiprocessing.Event()

    def theirs(count: int) -> None:
        for _ in range(count):
            peer.set()
            peer.wait()
            peer.clear()

    contenders = {"ours": loop_trial(by_set_and_wait, count), "peer": loop_trial(theirs, max(count // 20, 1))}
    with ntipc.Event():  # keeps the session
        seconds = interleaved(contenders, effort.trials)
    yield Row(
        "event set + wait, free", seconds["ours"], "multiprocessing.Event", seconds["peer"], 0.05, "theirs with clear()"
    )


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


def play(game: Game, rounds: int, processors: tuple[int, int]) -> float:
    """Play so many rounds; the median time of one, there and back."""

    def answer() -> None:
        game.answer_first()
        for _ in range(rounds - 1):
            game.answer()
        game.answer_last()

    serve, clock, times = game.serve, time.perf_counter, []
    with pinned(processors[0]), partner(answer, processors[1]):
        for _ in range(rounds):
            began = clock()
            serve()
            times.append(clock() - began)
    return statistics.median(times)


def ping_pong(effort: Effort) -> Iterator[Row]:
    """Two processes, each waiting for the other's answer."""
    rounds = effort.count(10_000)
    places = [("one core", (PROCESSORS[0], PROCESSORS[0]), 1.0)]
    if len(PROCESSORS) > 1:
        places.insert(0, ("two cores", (PROCESSORS[0], PROCESSORS[1]), 0.15))
    with ntipc.Event() as there, ntipc.Event() as back, ntipc.EventPair() as pair:
        for place, processors, target in places:
            contenders = {
                name: lambda game=game, processors=processors: play(game, rounds, processors)
                for name, game in games(there, back, pair).items()
            }
            seconds = interleaved(contenders, effort.trials)
            for name in ("signal_and_wait", "event pair"):
                what = f"ping-pong on {place}, {name}"
                yield Row(what, seconds[name], "multiprocessing.Semaphore pair", seconds["peer"], target)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    yield from free(effort)
    yield from ping_pong(effort)

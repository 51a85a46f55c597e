"""Whether 1,000 processes that wait cost the others anything."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import ntipc
from bench.bench_death import kill_an_owner
from bench.bench_ping_pong import games, play
from bench.bench_scale import make_and_close, set_and_wait
from bench.crowd import crowd
from bench.measure import Effort, Trial, interleaved, loop_trial
from bench.partners import PROCESSORS
from bench.rows import Row

FEW, MANY = 10, 1_000
TARGET = 1.5
DEATH_TARGET = 0.001


def operations(session: ntipc.Session, stack: ExitStack, effort: Effort) -> dict[str, Trial]:
    """What is measured."""
    there, back = (stack.enter_context(ntipc.Event(session=session)) for _ in range(2))
    pair = stack.enter_context(ntipc.EventPair(session=session))
    mutex = stack.enter_context(contextlib.closing(ntipc.Mutex(session=session)))
    game = games(there, back, pair)["signal_and_wait"]
    rounds, places = effort.count(3_000), (PROCESSORS[0], PROCESSORS[-1])
    return {
        "set + wait": loop_trial(set_and_wait([there]), effort.count(20_000)),
        "create + close a named event": loop_trial(make_and_close(session), effort.count(20_000)),
        "ping-pong, not spinning": lambda: play(game, rounds, places, spin=False),
        "SIGKILL of an owner -> waiter has it": lambda: kill_an_owner(mutex, 0),
    }


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    many = MANY // 10 if effort.quick else MANY
    with ExitStack() as stack:
        found: dict[int, dict[str, Trial]] = {}
        for size in (FEW, many):
            called = f"bench-{os.getpid()}-{size}"
            session = stack.enter_context(ntipc.Session(called))  # first come, last to go: it takes the session away
            stack.enter_context(crowd(called, size, 1))
            found[size] = operations(session, stack, effort)
        for what in found[FEW]:
            contenders: dict[str, Callable[[], float]] = {str(size): trials[what] for size, trials in found.items()}
            seconds = interleaved(contenders, effort.trials)
            title = f"{what}, beside {many:,} processes that wait"
            yield Row(title, seconds[str(many)], f"the same beside {FEW}", seconds[str(FEW)], TARGET)
            if "SIGKILL" in what:
                yield Row(title, seconds[str(many)], target=DEATH_TARGET)

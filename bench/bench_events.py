"""Events: set and waited for by one thread."""

import multiprocessing
from collections.abc import Iterator

import ntipc
from bench.measure import Effort, interleaved, loop_trial
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


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    yield from free(effort)

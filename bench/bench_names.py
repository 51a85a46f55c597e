"""Making and closing named objects."""

from collections.abc import Iterator

import ntipc
from bench.measure import Effort, interleaved, loop_trial
from bench.rows import Row


def make_and_close(count: int) -> None:
    """Make a named event and close it."""
    event = ntipc.Event
    for _ in range(count):
        event("bench").close()


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(20_000)
    contenders = {"ours": loop_trial(make_and_close, count)}
    try:
        import posix_ipc  # type: ignore[import-not-found]
    except ImportError:
        seconds = interleaved(contenders, effort.trials)
        yield Row("named event create + close", seconds["ours"], remark="posix_ipc is not installed: no peer")
        return

    def theirs(count: int) -> None:
        for _ in range(count):
            semaphore = posix_ipc.Semaphore("/ntipc-bench", posix_ipc.O_CREAT)
            semaphore.unlink()
            semaphore.close()

    contenders["peer"] = loop_trial(theirs, max(count // 10, 1))
    with ntipc.Event():  # keeps the session
        seconds = interleaved(contenders, effort.trials)
    yield Row("named event create + close", seconds["ours"], "posix_ipc create + unlink + close", seconds["peer"], 0.1)

"""Making and closing named objects."""

from collections.abc import Iterator

import ntipc
from bench.measure import Effort, interleaved, loop_trial
from bench.partners import installed
from bench.rows import Row


def make_and_close(count: int) -> None:
    """Make a named event and close it."""
    event = ntipc.Event
    for _ in range(count):
        event("bench").close()


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(20_000)
    what, peer = "named event create + close", "posix_ipc create + unlink + close"
    contenders = {"ours": loop_trial(make_and_close, count)}
    posix_ipc = installed("posix_ipc")

    def theirs(count: int) -> None:
        for _ in range(count):
            semaphore = posix_ipc.Semaphore("/ntipc-bench", posix_ipc.O_CREAT)
            semaphore.unlink()
            semaphore.close()

    if posix_ipc:
        contenders["peer"] = loop_trial(theirs, max(count // 10, 1))
    with ntipc.Event():  # keeps the session
        seconds = interleaved(contenders, effort.trials)
    remark = "" if posix_ipc else "posix_ipc is not installed"
    yield Row(what, seconds["ours"], peer, seconds.get("peer"), 0.1, remark)

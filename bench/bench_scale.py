"""Whether an operation costs more among 100,000 objects and 1,000 handles than among 100."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import ntipc
from bench.crowd import crowd, name
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.rows import Row

FEW = 100
PROCESSES, HANDLES = 100, 1_000
TARGET = 1.5


def set_and_wait(events: list[ntipc.Event]) -> Loop:
    """Set an event and wait for it, each time another one."""

    def loop(count: int) -> None:
        number = len(events)
        for place in range(count):
            event = events[place % number]
            event.set()
            event.wait()

    return loop


def make_and_close(session: ntipc.Session) -> Loop:
    """Make a named event and close it."""

    def loop(count: int) -> None:
        event = ntipc.Event
        for _ in range(count):
            event("new", session=session).close()

    return loop


def open_and_close(session: ntipc.Session, names: list[str]) -> Loop:
    """Open an existing event and close it, each time another one, far from the last."""

    def loop(count: int) -> None:
        open_it, number = ntipc.Event.open, len(names)
        for place in range(count):
            open_it(names[place * 7919 % number], session=session).close()

    return loop


def duplicate_and_close(events: list[ntipc.Event]) -> Loop:
    """Make another handle and close it."""

    def loop(count: int) -> None:
        event = events[-1]
        for _ in range(count):
            event.duplicate().close()

    return loop


def operations(session: ntipc.Session, mine: list[ntipc.Event], names: list[str]) -> dict[str, Loop]:
    """What is measured."""
    return {
        "set + wait": set_and_wait(mine),
        "create + close a named event": make_and_close(session),
        "open + close one of 50 named events": open_and_close(session, names[:: len(names) // (FEW // 2)]),
        "open + close any named event": open_and_close(session, names),
        "duplicate + close a handle": duplicate_and_close(mine),
    }


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    processes = PROCESSES // 10 if effort.quick else PROCESSES
    with ExitStack() as stack:
        # Both at once, and taken in turn, so that a slow minute of the machine is shared.
        found: dict[str, dict[str, Loop]] = {}
        for size, others, held in (("few", 1, FEW // 2), ("many", processes - 1, HANDLES)):
            called = f"bench-{os.getpid()}-{size}"
            session = stack.enter_context(ntipc.Session(called))  # first come, last to go: it takes the session away
            stack.enter_context(crowd(called, others, held))
            mine = [stack.enter_context(ntipc.Event(session=session)) for _ in range(held)]
            names = [name(process, number) for process in range(others) for number in range(held)]
            found[size] = operations(session, mine, names)
        everything = processes * HANDLES
        for what in found["few"]:
            count = effort.count(20_000)
            contenders: dict[str, Callable[[], float]] = {
                size: loop_trial(loops[what], count) for size, loops in found.items()
            }
            seconds = interleaved(contenders, effort.trials)
            title = f"{what}, {everything:,} objects, {HANDLES:,} handles a process"
            remark = "names and objects do not fit the processor's caches" if "any named" in what else ""
            yield Row(title, seconds["many"], f"the same among {FEW}", seconds["few"], TARGET, remark)

"""Processes as objects: starting a child with handles, waiting for many, handing handles over."""

import multiprocessing
import os
import selectors
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import ntipc
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.rows import Row

HANDLES = 10
MANY = 200
SPAWN = multiprocessing.get_context("spawn")


def nothing_to_do() -> None:
    """What a spawned child runs."""


def starting(effort: Effort) -> Iterator[Row]:
    """A child that runs ``true``, from start to end, beside the ways that carry nothing of a session."""
    events = [ntipc.Event() for _ in range(HANDLES)]
    pipes = [os.pipe() for _ in range(HANDLES // 2)]
    ends = [end for pipe in pipes for end in pipe]

    def ours() -> float:
        began = time.perf_counter()
        with ntipc.Process.start(["true"], inherit_handles=events) as child:
            child.wait()
        return time.perf_counter() - began

    def theirs() -> float:
        began = time.perf_counter()
        subprocess.Popen(["true"], pass_fds=ends).wait()
        return time.perf_counter() - began

    def spawned() -> float:
        began = time.perf_counter()
        child = SPAWN.Process(target=nothing_to_do)
        child.start()
        child.join()
        return time.perf_counter() - began

    def interpreter() -> float:
        began = time.perf_counter()
        code = "import multiprocessing.spawn"
        with ntipc.Process.start([sys.executable, "-c", code], inherit_handles=events) as child:
            child.wait()
        return time.perf_counter() - began

    rounds = effort.count(60)
    contenders: dict[str, Callable[[], float]] = {
        "ours": lambda: statistics.median(ours() for _ in range(rounds)),
        "subprocess": lambda: statistics.median(theirs() for _ in range(rounds)),
        "python": interpreter,
        "spawn": spawned,
    }
    seconds = interleaved(contenders, effort.trials)
    what = f"start a child with {HANDLES} handles, and wait for its end"
    yield Row(what, seconds["ours"], f"subprocess with {HANDLES} descriptors", seconds["subprocess"], 1.1)
    yield Row(f"{what}: Python", seconds["python"], "multiprocessing, spawn", seconds["spawn"], 1.1)
    for end in ends:
        os.close(end)


def waiting(effort: Effort) -> Iterator[Row]:
    """One of many children ends: from its end to the answer, and a look at all of them."""
    with ExitStack() as stack:
        children = [subprocess.Popen(["cat"], stdin=subprocess.PIPE) for _ in range(MANY)]
        for child in children:
            stack.enter_context(child)
            stack.callback(child.kill)
        objects = [stack.enter_context(ntipc.Process.open(child.pid)) for child in children]
        selector = stack.enter_context(selectors.DefaultSelector())
        for child in children:
            descriptor = os.pidfd_open(child.pid)
            stack.callback(os.close, descriptor)
            selector.register(descriptor, selectors.EVENT_READ)

        def look(count: int) -> None:
            wait_any = ntipc.wait_any
            for _ in range(count):
                wait_any(objects, 0)

        def select(count: int) -> None:
            for _ in range(count):
                selector.select(0)

        count = effort.count(2_000)
        loops: dict[str, Loop] = {"ours": look, "selectors": select}
        looks = interleaved({name: loop_trial(loop, count) for name, loop in loops.items()}, effort.trials)
        yield Row(f"look at {MANY} processes that run", looks["ours"], "selectors on pidfds", looks["selectors"])

        def end_of_one(wait: Callable[[], object]) -> float:
            child = children[-1]
            assert child.stdin is not None
            began = time.perf_counter()
            child.stdin.close()
            wait()
            passed = time.perf_counter() - began
            child.wait()
            replace()
            return passed

        def replace() -> None:
            """Take another child in the place of the one that has ended."""
            objects.pop().close()
            (old,) = (key for key, _ in selector.select(0))
            selector.unregister(old.fd)
            child = stack.enter_context(subprocess.Popen(["cat"], stdin=subprocess.PIPE))
            stack.callback(child.kill)
            children[-1] = child
            objects.append(stack.enter_context(ntipc.Process.open(child.pid)))
            descriptor = os.pidfd_open(child.pid)
            stack.callback(os.close, descriptor)
            selector.register(descriptor, selectors.EVENT_READ)

        rounds = effort.count(40)
        ends = interleaved(
            {
                "ours": lambda: statistics.median(end_of_one(lambda: ntipc.wait_any(objects)) for _ in range(rounds)),
                "selectors": lambda: statistics.median(
                    end_of_one(lambda: selector.select(None)) for _ in range(rounds)
                ),
            },
            effort.trials,
        )
        yield Row(f"one of {MANY} processes ends: wait for it", ends["ours"], "selectors on pidfds", ends["selectors"])


def duplicating(effort: Effort) -> Iterator[Row]:
    """A handle for this process by number, beside the method of an object, which has been there before."""
    event, here = ntipc.Event(), os.getpid()
    number, count = event.handle, effort.count(20_000)

    def by_number(count: int) -> None:
        duplicate, from_handle = ntipc.duplicate_handle, ntipc.Event.from_handle
        for _ in range(count):
            from_handle(duplicate(here, number, here)).close()

    def by_method(count: int) -> None:
        from_handle = ntipc.Event.from_handle
        for _ in range(count):
            from_handle(event.duplicate_handle(here)).close()

    loops: dict[str, Loop] = {"number": by_number, "method": by_method}
    seconds = interleaved({name: loop_trial(loop, count) for name, loop in loops.items()}, effort.trials)
    yield Row("duplicate a handle by number, and close the copy", seconds["number"], "by its object", seconds["method"])


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    yield from starting(effort)
    yield from waiting(effort)
    yield from duplicating(effort)

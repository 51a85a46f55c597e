"""A mutex that nobody else wants."""

import contextlib
import mmap
import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Protocol

import ntipc
from bench.bench_floor import FLOOR
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.partners import installed
from bench.rows import Row


class Lock(Protocol):
    """What is compared."""

    def acquire(self) -> bool: ...
    def release(self) -> None: ...
    def __enter__(self) -> bool: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def by_calls(lock: Lock) -> Loop:
    """Take the lock by its methods."""

    def loop(count: int) -> None:
        acquire, release = lock.acquire, lock.release
        for _ in range(count):
            acquire()
            release()

    return loop


def by_with(lock: Lock) -> Loop:
    """Take the lock by a ``with`` statement."""

    def loop(count: int) -> None:
        for _ in range(count):
            with lock:
                pass

    return loop


def by_file(path: Path) -> Loop:
    """Take a lock on a file."""
    return by_calls(installed("filelock").FileLock(path))


def free(effort: Effort) -> Iterator[Row]:
    """Nobody else wants it."""
    count = effort.count(200_000)
    peer, floor = multiprocessing.Lock(), FLOOR[1]
    with ExitStack() as closing:
        mutex = closing.enter_context(contextlib.closing(ntipc.Mutex()))
        loops: dict[str, Loop] = {
            "calls": by_calls(mutex),
            "with": by_with(mutex),
            "mp calls": by_calls(peer),
            "mp with": by_with(peer),
            "floor": floor,
        }
        trials = {name: loop_trial(loop, count) for name, loop in loops.items()}
        if fastipc := installed("fastipc._primitives"):
            theirs = fastipc.Mutex(mmap.mmap(-1, mmap.PAGESIZE))
            trials["fastipc calls"] = loop_trial(by_calls(theirs), count)
            trials["fastipc with"] = loop_trial(by_with(theirs), count)
        if installed("filelock"):
            folder = closing.enter_context(TemporaryDirectory(dir="/dev/shm"))
            trials["filelock"] = loop_trial(by_file(Path(folder, "lock")), max(count // 100, 1))
        seconds = interleaved(trials, effort.trials)
    calls, by_statement = "mutex acquire + release, free", "`with mutex:`, free"
    yield Row(calls, seconds["calls"], "multiprocessing.Lock", seconds["mp calls"], 1.0)
    yield Row(calls, seconds["calls"], FLOOR[0], seconds["floor"], 2.0)
    yield Row(by_statement, seconds["with"], "`with` multiprocessing.Lock", seconds["mp with"], 0.4)
    missing = "{} is not installed"
    note = "theirs tells nothing of a dead owner" if fastipc else missing.format("fastipc")
    yield Row(calls, seconds["calls"], "fastipc.Mutex", seconds.get("fastipc calls"), remark=note)
    yield Row(by_statement, seconds["with"], "`with` fastipc.Mutex", seconds.get("fastipc with"), remark=note)
    note = "" if "filelock" in seconds else missing.format("filelock")
    yield Row(calls, seconds["calls"], "filelock.FileLock", seconds.get("filelock"), remark=note)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    yield from free(effort)

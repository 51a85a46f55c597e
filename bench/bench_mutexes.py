"""A mutex that nobody else wants, and one that several processes want."""

import mmap
import multiprocessing
import struct
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol

import ntipc
from bench.bench_floor import FLOOR
from bench.measure import Effort, Loop, interleaved, loop_trial
from bench.partners import FORK
from bench.rows import Row

LONGEST_WAIT = 0.010


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


def free(effort: Effort) -> Iterator[Row]:
    """Nobody else wants it."""
    count = effort.count(200_000)
    peer = multiprocessing.Lock()
    floor_name, floor = FLOOR
    mutex = ntipc.Mutex()
    try:
        loops = {
            "calls": by_calls(mutex),
            "with": by_with(mutex),
            "mp calls": by_calls(peer),
            "mp with": by_with(peer),
            "floor": floor,
        }
        seconds = interleaved({name: loop_trial(loop, count) for name, loop in loops.items()}, effort.trials)
    finally:
        mutex.close()
    yield Row("mutex acquire + release, free", seconds["calls"], "multiprocessing.Lock", seconds["mp calls"], 1.0)
    yield Row("mutex acquire + release, free", seconds["calls"], floor_name, seconds["floor"], 2.0)
    yield Row("`with mutex:`, free", seconds["with"], "`with` multiprocessing.Lock", seconds["mp with"], 0.4)


def contended(effort: Effort) -> Iterator[Row]:
    """Several processes want it all the time."""
    for processes in (2, 4, 8):
        ours, peer = ntipc.Mutex(), FORK.Lock()
        worst = {"ours": 0.0, "peer": 0.0}

        def trial(name: str, lock: Lock, processes: int = processes, worst: dict[str, float] = worst) -> float:
            seconds, wait = _contend(lock, processes, effort.seconds(1.0))
            worst[name] = max(worst[name], wait)
            return seconds

        try:
            contenders: dict[str, Callable[[], float]] = {
                "ours": lambda ours=ours, trial=trial: trial("ours", ours),  # type: ignore[misc]
                "peer": lambda peer=peer, trial=trial: trial("peer", peer),  # type: ignore[misc]
            }
            seconds = interleaved(contenders, min(effort.trials, 5))
        finally:
            ours.close()
        what = f"mutex contended by {processes} processes"
        target = 1.0 if processes == 4 else None
        yield Row(f"{what}: time an operation", seconds["ours"], "multiprocessing.Lock", seconds["peer"], target)
        yield Row(f"{what}: longest wait", worst["ours"], target=LONGEST_WAIT if processes == 4 else None)
        yield Row(f"{what}: longest wait", worst["ours"], "multiprocessing.Lock", worst["peer"])


def _contend(lock: Lock, processes: int, seconds: float) -> tuple[float, float]:
    """Let them fight: (seconds an operation, longest wait). A shared counter proves that it was a lock."""
    with mmap.mmap(-1, mmap.PAGESIZE) as counter:
        start = FORK.Event()
        pipes = [FORK.Pipe(duplex=False) for _ in range(processes)]
        fighters = [FORK.Process(target=_fight, args=(lock, counter, start, seconds, sending)) for _, sending in pipes]
        for fighter in fighters:
            fighter.start()
        start.set()
        results = [receiving.recv() for receiving, _ in pipes]
        for fighter in fighters:
            fighter.join()
        operations = sum(done for done, _, _ in results)
        (counted,) = struct.unpack_from("Q", counter)
        if counted != operations:
            raise AssertionError(f"{operations} operations, but the counter says {counted}: {lock!r} is no lock")
    return max(elapsed for _, elapsed, _ in results) / operations, max(wait for _, _, wait in results)


def _fight(lock: Lock, counter: mmap.mmap, start: object, seconds: float, sending: Connection) -> None:
    acquire, release, clock = lock.acquire, lock.release, time.perf_counter
    increment = struct.Struct("Q")
    start.wait()  # type: ignore[attr-defined]
    done, worst, began = 0, 0.0, clock()
    now, end = began, began + seconds
    while now < end:
        before = clock()
        acquire()
        now = clock()
        increment.pack_into(counter, 0, increment.unpack_from(counter)[0] + 1)
        release()
        done += 1
        if now - before > worst:
            worst = now - before
    sending.send((done, clock() - began, worst))


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    yield from free(effort)
    yield from contended(effort)

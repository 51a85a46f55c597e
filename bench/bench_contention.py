"""A mutex that several processes want all the time."""

import mmap
import struct
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Protocol

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, partner
from bench.rows import Row

CROWDS = (2, 4, 8)
LONGEST_WAIT = 0.010
NO_LOCK = "held off by the scheduler, no lock"
FASTIPC = "not comparable: 0.1.5 frees the lock before it forgets the owner, and release() then fails for the next one"
BINS = 100_000
"""Of a microsecond each: how long the waits of one process took; the last holds all that were longer."""


class Lock(Protocol):
    """What is compared."""

    def acquire(self) -> bool: ...
    def release(self) -> None: ...


@dataclass
class Waits:
    """The worst that any process met, in all trials."""

    longest: float = 0.0
    in_a_thousand: float = 0.0
    """Of the process that fared worst: one wait in a thousand was longer."""

    def add(self, bins: Sequence[int], longest: float) -> None:
        """Count in what one process met in one trial."""
        self.longest = max(self.longest, longest)
        rest = sum(bins) // 1000
        place = len(bins)
        while rest >= 0 and place:
            place -= 1
            rest -= bins[place]
        self.in_a_thousand = max(self.in_a_thousand, (place + 1) * 1e-6)


def contend(lock: Lock, processes: int, seconds: float, waits: Waits) -> float:
    """Let them fight; the time an operation. A shared counter proves that it was a lock."""
    with mmap.mmap(-1, mmap.PAGESIZE) as counter:
        start = FORK.Event()
        pipes = [FORK.Pipe(duplex=False) for _ in range(processes)]
        fighters = [FORK.Process(target=_fight, args=(lock, counter, start, seconds, sending)) for _, sending in pipes]
        try:
            for fighter in fighters:
                fighter.start()
            for _, sending in pipes:
                sending.close()  # so that the end of a fighter is an end of the stream
            start.set()
            results = [receiving.recv() for receiving, _ in pipes]
        finally:
            for fighter in fighters:
                if fighter.pid is not None:
                    fighter.kill()
                    fighter.join()
        operations = sum(sum(bins) for _, bins, _ in results)
        (counted,) = struct.unpack_from("Q", counter)
        if counted != operations:
            raise AssertionError(f"{operations} operations, but the counter says {counted}: {lock!r} is no lock")
    for _, bins, longest in results:
        waits.add(bins, longest)
    return float(max(elapsed for elapsed, _, _ in results) / operations)


def _fight(lock: Lock, counter: mmap.mmap, start: Event, seconds: float, sending: Connection) -> None:
    acquire, release, clock = lock.acquire, lock.release, time.perf_counter
    increment = struct.Struct("Q")
    bins = array("Q", bytes(8 * BINS))
    longest, last = 0.0, BINS - 1
    start.wait()
    began = now = clock()
    end = began + seconds
    while now < end:
        before = clock()
        acquire()
        now = clock()
        increment.pack_into(counter, 0, increment.unpack_from(counter)[0] + 1)
        release()
        waited = now - before
        if waited > longest:
            longest = waited
        bins[min(int(waited * 1e6), last)] += 1
    sending.send((clock() - began, bins, longest))


def put_aside(processes: int, seconds: float, waits: Waits) -> float:
    """Let so many processes look at the clock all the time, without any lock: the longest that one could not."""

    def look(start: Event, sending: Connection) -> None:
        clock = time.perf_counter
        start.wait()
        longest, now = 0.0, clock()
        end = now + seconds
        while now < end:
            before, now = now, clock()
            longest = max(longest, now - before)
        sending.send(longest)

    start = FORK.Event()
    receiving, sending = FORK.Pipe(duplex=False)
    with ExitStack() as stack:
        for _ in range(processes):
            stack.enter_context(partner(partial(look, start, sending)))
        start.set()
        waits.longest = max(waits.longest, *(receiving.recv() for _ in range(processes)))
    return waits.longest


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    for processes in CROWDS:
        with closing(ntipc.Mutex()) as mutex:
            locks: dict[str, Lock] = {"ours": mutex, "peer": FORK.Lock()}
            waits = {name: Waits() for name in locks}
            contenders: dict[str, Trial] = {
                name: partial(contend, lock, processes, effort.seconds(1.0), waits[name])
                for name, lock in locks.items()
            }
            aside = Waits()
            contenders["no lock"] = partial(put_aside, processes, effort.seconds(1.0), aside)
            seconds = interleaved(contenders, min(effort.trials, 5))
        what, peer = f"mutex contended by {processes} processes", "multiprocessing.Lock"
        ours, theirs = waits["ours"], waits["peer"]
        yield Row(f"{what}: time an operation", seconds["ours"], peer, seconds["peer"], 1.0)
        if processes == CROWDS[0]:
            yield Row(f"{what}: time an operation", seconds["ours"], "fastipc.Mutex", remark=FASTIPC)
        yield Row(f"{what}: longest wait of any", ours.longest, target=LONGEST_WAIT)
        yield Row(f"{what}: longest wait of any", ours.longest, NO_LOCK, aside.longest)
        yield Row(f"{what}: longest wait of any", ours.longest, peer, theirs.longest)
        yield Row(f"{what}: 1 wait in 1,000 is longer than", ours.in_a_thousand, peer, theirs.in_a_thousand)

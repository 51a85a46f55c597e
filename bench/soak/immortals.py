"""The processes of a soak that live from beginning to end and measure what a program feels meanwhile."""

import os
import signal
import time
import warnings
from array import array
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NoReturn

import ntipc

LOCKS, TRIPS, NAMES = 20_000, 2000, 2000
"""Single measurements of each kind in one round."""
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


class Stopwatch:
    """Room for as many times as one round has, made once."""

    def __init__(self, size: int) -> None:
        self.times = array("q", bytes(8 * size))

    def run(self, operation: Callable[[], object]) -> None:
        """Time the operation again and again."""
        times, clock = self.times, time.perf_counter_ns
        for place in range(len(times)):
            began = clock()
            operation()
            times[place] = clock() - began

    def quantiles(self) -> dict[str, float]:
        """Of the times of the last round, in microseconds."""
        return quantiles(sorted(self.times))


def quantiles(ordered: list[int]) -> dict[str, float]:
    """What is not exceeded by such parts of the times (nanoseconds); in microseconds."""
    last = len(ordered) - 1
    return {name: ordered[min(int(part * len(ordered)), last)] / 1000 for name, part in QUANTILES.items()}


def measure(commands: Connection) -> None:
    """One round each time the parent asks: a free mutex, a ping-pong with `answer`, a named event made and closed."""
    mutex, ping, pong = ntipc.Mutex("own"), ntipc.Event("ping"), ntipc.Event("pong")
    locks, trips, names = Stopwatch(LOCKS), Stopwatch(TRIPS), Stopwatch(NAMES)

    def lock() -> None:
        mutex.acquire()
        mutex.release()

    def trip() -> None:
        ping.set()
        pong.wait()

    def name() -> None:
        ntipc.Event("one name").close()

    while True:
        commands.recv()
        locks.run(lock)
        trips.run(trip)
        names.run(name)
        commands.send({"mutex": locks.quantiles(), "trip": trips.quantiles(), "name": names.quantiles()})


def answer(commands: Connection) -> None:
    """The other side of the ping-pong. It waits without a timeout."""
    ping, pong = ntipc.Event("ping"), ntipc.Event("pong")
    while True:
        ping.wait()
        pong.set()


def inherit(commands: Connection) -> None:
    """Wait for the mutex of each one that is doomed, and tell when it was had."""
    doomed = ntipc.Mutex("doomed")
    while True:
        commands.recv()
        doomed.acquire()
        told = time.monotonic_ns()
        abandoned = doomed.abandoned
        doomed.release()
        commands.send((told, abandoned))


def be_doomed(commands: Connection) -> None:
    """Own the mutex, say so, and wait for the end."""
    ntipc.Mutex("doomed").acquire()
    commands.send(None)
    while True:
        signal.pause()


def live(role: Callable[[Connection], None], commands: Connection) -> NoReturn:
    """The life of one of these in a process of its own; it ends with the one that started it."""
    try:
        warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)
        role(commands)
    except EOFError:
        pass
    finally:
        os._exit(1)

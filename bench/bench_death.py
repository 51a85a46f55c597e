"""From the SIGKILL of a mutex' owner to the return of the process that waits for it."""

import mmap
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import ntipc
from bench.measure import Effort, interleaved
from bench.partners import FORK
from bench.robust import RobustMutex
from bench.rows import Row

GIB = 1 << 30
SETTLING = 0.02
"""Seconds until the waiter surely sleeps."""
TARGETS = {0: 0.001, GIB: 0.003}


class Lock(Protocol):
    """What is compared."""

    def acquire(self) -> bool: ...
    def release(self) -> None: ...


def kill_an_owner(lock: Lock, resident: int) -> float:
    """Let one process own it and another wait, kill the owner; the time until the waiter has it."""
    told, telling = FORK.Pipe(duplex=False)

    def own() -> None:
        memory = mmap.mmap(-1, resident or mmap.PAGESIZE)
        for page in range(0, resident, mmap.PAGESIZE):
            memory[page] = 1
        lock.acquire()
        telling.send(None)
        signal.pause()

    def wait() -> None:
        warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)
        telling.send(None)
        lock.acquire()
        now = time.monotonic()
        lock.release()
        telling.send(now)

    processes = [FORK.Process(target=own), FORK.Process(target=wait)]
    try:
        for process in processes:
            process.start()
            told.recv()
        time.sleep(SETTLING)
        began = time.monotonic()
        processes[0].kill()
        returned: float = told.recv()
        return returned - began
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()


def free_memory() -> int:
    """Bytes that can be had without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    mutex, robust = ntipc.Mutex(), RobustMutex()
    for resident, target in TARGETS.items():
        if resident and (effort.quick or free_memory() < 2 * resident):
            continue
        contenders = {
            "ours": lambda resident=resident: kill_an_owner(mutex, resident),
            "peer": lambda resident=resident: kill_an_owner(robust, resident),
        }
        seconds = interleaved(contenders, (7 if resident else 15) if not effort.quick else 3)
        what = "SIGKILL of an owner -> waiter has it" + (", 1 GiB resident" if resident else "")
        yield Row(what, seconds["ours"], target=target)
        yield Row(what, seconds["ours"], "robust pthread mutex by ctypes", seconds["peer"])
    mutex.close()

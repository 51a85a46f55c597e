"""Other processes for a measurement: forked, pinned to a processor, surely gone afterwards."""

import importlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from ntipc import _kernel

FORK = multiprocessing.get_context("fork")
"""So that both we and the peers are handed to the partner in the same way."""
PROCESSORS = sorted(os.sched_getaffinity(0))


def installed(package: str) -> Any:
    """A peer's package, or None: a peer that is not there leaves a gap in a row, and the row says so."""
    try:
        return importlib.import_module(package)
    except ImportError:
        return None


@contextmanager
def spinning(allowed: bool) -> Iterator[None]:
    """Let the waits of this process, and of those forked meanwhile, spin before they sleep, or not."""
    before = _kernel.allow_spinning(allowed)
    try:
        yield
    finally:
        _kernel.allow_spinning(before)


@contextmanager
def pinned(processor: int) -> Iterator[None]:
    """Keep this process on one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def partner(work: Callable[[], None], processor: int | None = None) -> Iterator[BaseProcess]:
    """Run ``work`` in another process meanwhile; it is killed if it has not ended by itself."""

    def run() -> None:
        if processor is not None:
            os.sched_setaffinity(0, {processor})
        work()

    process = FORK.Process(target=run)
    process.start()
    try:
        yield process
        process.join(30)
    finally:
        if process.is_alive():
            process.kill()
        process.join()

"""The debug log: what a line costs its writer, while another process reads, and while nobody does."""

import logging
import logging.handlers
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, partner
from bench.rows import Row

TEXT = "the pump of line 4 runs at 1432 revolutions a minute"
PEER = "logging to multiprocessing"
Write = Callable[[str], object]
Writing = Iterator[tuple[Write, Callable[[], None]]]
"""What writes a line, and what has to be done after the last."""


def logger_with(handler: logging.Handler) -> logging.Logger:
    """A logger of its own that has this handler alone."""
    logger = logging.Logger("bench")  # of no tree, so that nothing is left of it
    logger.addHandler(handler)
    return logger


@contextmanager
def debug_log(write: Write) -> Writing:
    """Ours: a reader in another process."""
    ready, stop = ntipc.Event(), ntipc.Event()

    def read() -> None:
        with ntipc.debuglog.Reader() as reader:
            ready.set()
            while ntipc.wait_any([reader, stop]).index == 0:  # type: ignore[union-attr]
                while reader.read(0) is not None:
                    pass

    with partner(read):
        ready.wait()
        yield write, nothing
        stop.set()


@contextmanager
def queue_handler() -> Writing:
    """The standard library's: records through a queue to another process."""
    queue: Any = FORK.Queue()

    def read() -> None:
        while queue.get() is not None:
            pass

    def flush() -> None:
        queue.put(None)
        queue.close()
        queue.join_thread()  # its part in the work of the lines

    with partner(read):
        yield logger_with(logging.handlers.QueueHandler(queue)).warning, flush


def trial(make: Callable[[], Any], count: int) -> float:
    """The processor time that a line takes its process, with all threads; what others do meanwhile does not count."""
    with make() as (write, flush):
        write(TEXT)
        began = time.process_time()
        for _ in range(count):
            write(TEXT)
        flush()
        return (time.process_time() - began) / count


def nothing() -> None:
    """What is to be done after the last line, where each is written at once."""


@contextmanager
def alone(write: Write) -> Writing:
    """Nobody reads."""
    yield write, nothing


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(20_000)
    handled = logger_with(ntipc.debuglog.Handler())
    quiet = logger_with(logging.NullHandler())
    quiet.setLevel(logging.ERROR)
    trials: dict[str, Trial] = {
        "ours": partial(trial, partial(debug_log, ntipc.output_debug_string), count),
        "handler": partial(trial, partial(debug_log, handled.warning), count),
        PEER: partial(trial, queue_handler, count),
        "unread": partial(trial, partial(alone, ntipc.output_debug_string), count),
        "disabled": partial(trial, partial(alone, quiet.warning), count),
    }
    seconds = interleaved(trials, effort.trials)
    yield Row("debug log: a line, while another process reads", seconds["ours"], PEER, seconds[PEER], 0.1)
    yield Row("debug log: the same by logging, with its handler", seconds["handler"], PEER, seconds[PEER], 0.5)
    what = "debug log: a line that nobody reads"
    yield Row(what, seconds["unread"], "a logger below its level", seconds["disabled"], 3.0)

"""What a visit costs: connecting to a server by name, one question and its answer, and parting."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, partner
from bench.rows import Row

QUESTION = os.urandom(64)
PEER = "multiprocessing's Client and Listener"


@dataclass(frozen=True)
class Service:
    """How one process serves, and how another one visits it."""

    serve: Callable[[], AbstractContextManager[Any]]
    connect: Callable[[], AbstractContextManager[Any]]
    answer: Callable[[Any], object]
    ask: Callable[[Any], object]


def answer_pipe(pipe: ntipc.Pipe) -> None:
    """Ours, the server's side."""
    pipe.send(pipe.recv())


def ask_pipe(pipe: ntipc.Pipe) -> None:
    """Ours, the visitor's side."""
    pipe.send(QUESTION)
    pipe.recv()


def answer_connection(connection: "Connection[Any, Any]") -> None:
    """Theirs, the server's side."""
    connection.send_bytes(connection.recv_bytes())


def ask_connection(connection: "Connection[Any, Any]") -> None:
    """Theirs, the visitor's side."""
    connection.send_bytes(QUESTION)
    connection.recv_bytes()


def visit(service: Service, count: int) -> float:
    """The time of a visit, by the clock: two processes share the work."""
    ready = FORK.Semaphore(0)

    def serve() -> None:
        with service.serve() as server:
            ready.release()
            for _ in range(count):
                with server.accept() as one:
                    service.answer(one)

    with partner(serve):
        ready.acquire()
        began = 0.0
        for number in range(count):
            if number == 1:
                began = time.perf_counter()
            with service.connect() as one:
                service.ask(one)
        return (time.perf_counter() - began) / (count - 1)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    count = effort.count(1_000)
    with tempfile.TemporaryDirectory() as directory:
        address = f"{directory}/bench"
        ours = Service(partial(ntipc.PipeServer, "visits"), partial(ntipc.PipeClient, "visits"), answer_pipe, ask_pipe)
        theirs = Service(
            partial(Listener, address, "AF_UNIX", 16), partial(Client, address), answer_connection, ask_connection
        )
        trials: dict[str, Trial] = {"pipe": partial(visit, ours, count), PEER: partial(visit, theirs, count)}
        seconds = interleaved(trials, effort.trials)
    yield Row("pipe: connect, ask, be answered, close", seconds["pipe"], PEER, seconds[PEER], 1.2)

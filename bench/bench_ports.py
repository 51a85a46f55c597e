"""Ports: a call and its answer, and a visit: connect, ask, be answered, go."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Client, Listener

import ntipc
from bench.bench_calls import PEER, QUESTION, Exchange, by_connection, play
from bench.bench_connections import PEER as LISTENER
from bench.bench_connections import Service, answer_connection, ask_connection, visit
from bench.measure import Effort, Trial, interleaved
from bench.partners import PROCESSORS
from bench.rows import Row


@contextmanager
def by_port() -> Iterator[Exchange]:
    """A call of a connected client. The partner is a forked child, which serves."""
    with ntipc.Port("bench", forks=True) as port, ntipc.PortClient._pair(port) as client:

        def answer() -> None:
            message = port.receive()
            message.reply(message.data)

        yield Exchange(lambda: client.call(QUESTION), answer)


def calls(effort: Effort, where: str, processors: tuple[int, int], target: float) -> Iterator[Row]:
    """Calls between these two processors."""
    rounds = effort.count(5_000)
    trials: dict[str, Trial] = {
        "port": partial(play, by_port, rounds, processors),
        PEER: partial(play, by_connection, rounds, processors),
    }
    seconds = interleaved(trials, effort.trials)
    yield Row(f"PortClient.call: 64 bytes there and back, {where}", seconds["port"], PEER, seconds[PEER], target)


@contextmanager
def visited() -> Iterator["Visited"]:
    """A port, as the bench of visits serves it."""
    with ntipc.Port("visits") as port:
        yield Visited(port)


class Visited:
    """Accepts one client at a time, until that has gone."""

    def __init__(self, port: ntipc.Port) -> None:
        self.port = port

    @contextmanager
    def accept(self) -> Iterator[ntipc.Port]:
        self.port.listen().accept()
        yield self.port
        self.port.receive()


def answer_once(port: ntipc.Port) -> None:
    """The server's side of a visit."""
    message = port.receive()
    message.reply(message.data)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    if len(PROCESSORS) > 1:
        yield from calls(effort, "two cores", (PROCESSORS[0], PROCESSORS[1]), 0.1)
    yield from calls(effort, "one core", (PROCESSORS[0], PROCESSORS[0]), 1.0)
    count = effort.count(1_000)
    with tempfile.TemporaryDirectory() as directory:
        address = f"{directory}/bench"
        ours = Service(visited, partial(ntipc.PortClient, "visits"), answer_once, lambda client: client.call(QUESTION))
        theirs = Service(
            partial(Listener, address, "AF_UNIX", 16), partial(Client, address), answer_connection, ask_connection
        )
        visits: dict[str, Trial] = {"port": partial(visit, ours, count), LISTENER: partial(visit, theirs, count)}
        seconds = interleaved(visits, effort.trials)
    yield Row("port: connect, ask, be answered, go", seconds["port"], LISTENER, seconds[LISTENER], 1.5)

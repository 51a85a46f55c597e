"""Ports: a call and its answer, many clients at once, and a visit: connect, ask, be answered, go."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Client, Listener
from statistics import median, quantiles
from typing import cast

import ntipc
from bench.bench_calls import PEER, QUESTION, Exchange, by_connection, play
from bench.bench_connections import PEER as LISTENER
from bench.bench_connections import Service, answer_connection, ask_connection, visit
from bench.call_peers import PEERS, POLLING, ZMQ
from bench.client_crowd import PROCESSES, SERVING, THREADS, measure
from bench.measure import Effort, Trial, interleaved
from bench.partners import PROCESSORS, installed
from bench.rows import Row

NUMBERS = itertools.count(1)
"""Of ports: the partner of a trial may still be on its way out when the next one begins."""


@contextmanager
def by_port() -> Iterator[Exchange]:
    """A call of a connected client. The partner is a forked child, which serves."""
    with ntipc.Port(f"bench {next(NUMBERS)}", forks=True) as port, ntipc.PortClient._pair(port) as client:

        def answer() -> None:
            message = port.receive()
            message.reply(message.data)

        yield Exchange(lambda: client.call(QUESTION), answer)


def calls(effort: Effort, where: str, processors: tuple[int, int], targets: dict[str, float]) -> Iterator[Row]:
    """Calls between these two processors, beside those of the targets that are there."""
    rounds = effort.count(5_000)
    contenders = {"port": by_port, PEER: by_connection}
    contenders |= {name: by for name, (package, by) in PEERS.items() if name in targets and installed(package)}
    trials: dict[str, Trial] = {name: partial(play, by, rounds, processors) for name, by in contenders.items()}
    seconds = interleaved(trials, effort.trials)
    for peer, target in targets.items():
        missing = "" if peer in seconds else f"{peer} is not installed"
        what = f"PortClient.call: 64 bytes there and back, {where}"
        yield Row(what, seconds["port"], peer, seconds.get(peer), target, missing)


def crowd(effort: Effort) -> Iterator[Row]:
    """Many clients at once: what a call takes of the time that passes, and the slowest of a hundred."""
    peers = {"pyzmq, ROUTER and DEALER": ("zmq", "zmq", 1 / 1.5, 1.0), "grpcio": ("grpc", "grpc", 1 / 20, None)}
    kinds = {"port": "port", **{name: kind for name, (package, kind, *_) in peers.items() if installed(package)}}
    apart: dict[str, list[float]] = {name: [] for name in kinds}
    slowest: dict[str, list[float]] = {name: [] for name in kinds}
    trials = max(effort.trials // 3, 1)
    for trial in range(trials):
        for place in range(len(kinds)):
            name = list(kinds)[(trial + place) % len(kinds)]
            seconds, times = measure(kinds[name], effort.seconds(2.0))
            apart[name].append(seconds)
            slowest[name].append(quantiles(times, n=100)[-1])
    what = f"{PROCESSES * THREADS} clients in {PROCESSES} processes, {SERVING} threads that serve: "
    for words, figures, column in (("time for each call", apart, 2), ("1 call in 100 takes longer than", slowest, 3)):
        for name, about in peers.items():
            missing = "" if name in kinds else f"{name} is not installed"
            theirs = median(figures[name]) if name in kinds else None
            target = cast("float | None", about[column])
            yield Row(what + words, median(figures["port"]), name, theirs, target, missing)


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
        two = PROCESSORS[0], PROCESSORS[1]
        yield from calls(effort, "two cores", two, {PEER: 0.1, POLLING: 1.0, ZMQ: 0.1})
    yield from calls(effort, "one core", (PROCESSORS[0], PROCESSORS[0]), {PEER: 1.0})
    yield from crowd(effort)
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

"""Pipes: a message there and back, small and large, and a stream of messages one way."""

import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, PROCESSORS, installed, partner, pinned
from bench.rows import Row

SMALL, LARGE, BLOCK = 64, 1 << 20, 1 << 16
CONNECTION, PAIR, ZMQ = "multiprocessing.Pipe", "a SEQPACKET pair by hand", "pyzmq, PAIR on ipc"
BUFFERS = 4 << 20
"""Bytes that each contender may hold on the way, where it can be told."""


@dataclass(frozen=True)
class Side:
    """How one process sends a message, and takes one."""

    send: Callable[[bytes], object]
    receive: Callable[[], object]


@contextmanager
def pipe() -> Iterator[tuple[Side, Side]]:
    """Ours."""
    server = ntipc.PipeServer("bench", in_quota=BUFFERS, out_quota=BUFFERS)
    client = ntipc.PipeClient("bench")
    with server, client, server.accept() as accepted:
        yield Side(client.send, client.recv), Side(accepted.send, accepted.recv)


@contextmanager
def queues() -> Iterator[tuple[Side, Side]]:
    """What our pipes are made of."""
    with ntipc.Queue(quota=BUFFERS) as there, ntipc.Queue(quota=BUFFERS) as back:
        yield Side(there.put, back.get), Side(back.put, there.get)


@contextmanager
def connection() -> Iterator[tuple[Side, Side]]:
    """The peer that everybody has."""
    here, there = FORK.Pipe()
    with here, there:
        yield Side(here.send_bytes, here.recv_bytes), Side(there.send_bytes, there.recv_bytes)


@contextmanager
def sockets() -> Iterator[tuple[Side, Side]]:
    """A pair of sockets that keep the bounds of messages, without anything around them."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFERS)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFERS)
    here, there = ends
    with here, there:
        yield Side(here.send, partial(here.recv, LARGE)), Side(there.send, partial(there.recv, LARGE))


@contextmanager
def zmq_pair() -> Iterator[tuple[Side, Side]]:
    """Sockets of ZeroMQ, which must be made in the process that uses them."""
    zmq = installed("zmq")
    with tempfile.TemporaryDirectory() as directory:
        address = f"ipc://{directory}/bench"
        yield zmq_side(zmq, lambda end: end.bind(address)), zmq_side(zmq, lambda end: end.connect(address))


def zmq_side(zmq: Any, attach: Callable[[Any], object]) -> Side:
    """A socket that is made when it is first used."""
    made: list[Any] = []

    def end() -> Any:
        if not made:
            made.append(zmq.Context().socket(zmq.PAIR))
            made[0].linger = 0
            attach(made[0])
        return made[0]

    return Side(lambda data: end().send(data), lambda: end().recv())


Contender = Callable[[], Any]


def round_trip(make: Contender, length: int, rounds: int, places: tuple[int, int] | None) -> float:
    """The median time of a message there and the same one back."""
    data = os.urandom(length)
    with make() as (here, there):

        def answer() -> None:
            for _ in range(rounds):
                there.send(data)
                there.receive()

        times, clock = [], time.perf_counter
        with pinned_if(places), partner(answer, places[1] if places else None):
            here.receive()
            for _ in range(rounds - 1):
                began = clock()
                here.send(data)
                here.receive()
                times.append(clock() - began)
            here.send(data)
    return statistics.median(times)


@contextmanager
def pinned_if(places: tuple[int, int] | None) -> Iterator[None]:
    if places is None:
        yield
        return
    with pinned(places[0]):
        yield


def one_way(make: Contender, length: int, count: int) -> float:
    """The time of a message, with a writer that never waits for an answer."""
    data = os.urandom(length)
    with make() as (here, there):

        def write() -> None:
            for _ in range(count):
                there.send(data)
            there.receive()

        with partner(write):
            here.receive()
            began = time.perf_counter()
            for _ in range(count - 1):
                here.receive()
            took = time.perf_counter() - began
            here.send(data)
    return took / (count - 1)


def contenders(*makers: Contender) -> dict[str, Contender]:
    """By name; those whose package is not there are left out."""
    names = {pipe: "pipe", queues: "queues", connection: CONNECTION, sockets: PAIR, zmq_pair: ZMQ}
    return {names[make]: make for make in makers if make is not zmq_pair or installed("zmq")}


def compare(trial: Callable[[Contender], float], effort: Effort, *makers: Contender) -> dict[str, float]:
    """Each contender's median."""
    trials: dict[str, Trial] = {name: partial(trial, make) for name, make in contenders(*makers).items()}
    return interleaved(trials, effort.trials)


def small(effort: Effort) -> Iterator[Row]:
    """64 bytes there and back."""
    rounds = effort.count(5_000)
    what = "pipe: 64 bytes there and back, {}"
    if len(PROCESSORS) > 1:
        places = PROCESSORS[0], PROCESSORS[1]
        seconds = compare(lambda make: round_trip(make, SMALL, rounds, places), effort, pipe, queues, connection)
        peer = seconds[CONNECTION]
        yield Row(what.format("two cores"), seconds["pipe"], CONNECTION, peer, 0.1)
        yield Row("two queues: 64 bytes there and back, two cores", seconds["queues"], CONNECTION, peer, 0.1)
    seconds = compare(lambda make: round_trip(make, SMALL, rounds, None), effort, pipe, connection, sockets, zmq_pair)
    free = what.format("the scheduler decides")
    yield Row(free, seconds["pipe"], PAIR, seconds[PAIR], 0.8)
    yield Row(free, seconds["pipe"], CONNECTION, seconds[CONNECTION], 0.1)
    missing = "" if ZMQ in seconds else "pyzmq is not installed"
    yield Row(free, seconds["pipe"], ZMQ, seconds.get(ZMQ), remark=missing)


def large(effort: Effort) -> Iterator[Row]:
    """1 MiB there and back, and 64 KiB one way."""
    rounds = effort.count(200)
    seconds = compare(lambda make: round_trip(make, LARGE, rounds, None), effort, pipe, connection, sockets)
    yield Row("pipe: 1 MiB there and back", seconds["pipe"], PAIR, seconds[PAIR], 0.9)
    yield Row("pipe: 1 MiB there and back", seconds["pipe"], CONNECTION, seconds[CONNECTION], 0.12)
    count = effort.count(5_000)
    seconds = compare(lambda make: one_way(make, BLOCK, count), effort, pipe, connection)
    yield Row("pipe: 64 KiB one way", seconds["pipe"], CONNECTION, seconds[CONNECTION], 0.5)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    yield from small(effort)
    yield from large(effort)

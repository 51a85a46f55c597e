"""Procedure calls: two numbers there and their sum back, and a large array, beside what programs use today."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

import msgspec
import numpy as np

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import PROCESSORS, installed, pinned
from bench.rows import Row
from bench.rpc_peers import ARRAYS, COPIED, ELEMENTS, GRPC, PEERS, SOCKET, Caller, by_manager, server, wait_for_ever
from ntipc import rpc

BARE = "msgspec over a bare port"
MANAGER = "multiprocessing Manager"


class Calculator:
    """The service."""

    def add(self, a: int, b: int) -> int:
        return a + b

    def last(self, array: np.ndarray) -> float:
        return float(array[-1])


def serve_rpc(ready: Callable[[], None]) -> None:
    with rpc.Server("bench", Calculator()):
        wait_for_ever(ready)


@contextmanager
def by_rpc(processor: int) -> Iterator[Caller]:
    with server(serve_rpc, processor), rpc.connected("bench", Calculator) as calculator:
        yield lambda: calculator.add(1, 2)


def serve_bare(ready: Callable[[], None]) -> None:
    decode, encode = msgspec.msgpack.Decoder(tuple[int, int]).decode, msgspec.msgpack.Encoder().encode
    with ntipc.Port("bench") as port:
        ready()
        port.listen().accept()
        while not (message := port.receive()).is_closed:
            a, b = decode(message.data)
            message.reply(encode(a + b))


@contextmanager
def by_bare_port(processor: int) -> Iterator[Caller]:
    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(int).decode
    with server(serve_bare, processor), ntipc.PortClient("bench") as client:
        yield lambda: decode(client.call(encode((1, 2))))  # type: ignore[arg-type]


def play(contender: Callable[[int], Any], rounds: int, processors: tuple[int, int]) -> float:
    """The median of single calls."""
    with contender(processors[1]) as call, pinned(processors[0]):
        for _ in range(rounds // 10 + 1):
            call()
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
    return median(times)


def compared(
    what: str,
    contenders: dict[str, Callable[[int], Any]],
    optional: dict[str, tuple[str, Callable[[int], Any]]],
    targets: dict[str, float],
    effort: Effort,
    rounds: int,
    processors: tuple[int, int],
) -> Iterator[Row]:
    """Ours, which comes first, beside each of the others that is there."""
    contenders |= {name: by for name, (package, by) in optional.items() if name in targets and installed(package)}
    trials: dict[str, Trial] = {name: partial(play, by, rounds, processors) for name, by in contenders.items()}
    seconds = interleaved(trials, effort.trials)
    for peer, target in targets.items():
        missing = "" if peer in seconds else f"{peer} is not installed"
        yield Row(what, seconds["rpc"], peer, seconds.get(peer), target, missing)


@contextmanager
def array_by_rpc(processor: int) -> Iterator[Caller]:
    array = np.ones(ELEMENTS)
    with server(serve_rpc, processor), rpc.connected("bench", Calculator) as calculator:
        yield lambda: calculator.last(array)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    two, one = (PROCESSORS[0], PROCESSORS[-1]), (PROCESSORS[0], PROCESSORS[0])
    ours = {"rpc": by_rpc, BARE: by_bare_port, MANAGER: by_manager}
    rounds = effort.count(3_000)
    what = "typed call with two numbers, "
    if len(PROCESSORS) > 1:
        targets = {BARE: 1.5, MANAGER: 0.15, "Pyro5": 0.1, "rpyc": 0.1, "grpcio": 0.03}
        yield from compared(what + "two cores", dict(ours), PEERS, targets, effort, rounds, two)
    targets = {BARE: 1.5, MANAGER: 0.8, "grpcio": 0.06, "shm-rpc-bridge": 0.7}
    yield from compared(what + "one core", dict(ours), PEERS, targets, effort, rounds, one)
    if len(PROCESSORS) > 1:  # on one, what polls keeps the processor from its partner
        targets = {COPIED: 1.0, SOCKET: 1.0, GRPC: 0.1}
        what = "array of 10 MB as an argument"
        yield from compared(what, {"rpc": array_by_rpc}, ARRAYS, targets, effort, effort.count(50), two)

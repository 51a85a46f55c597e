"""Procedure calls: two numbers there and their sum back, and a large array, beside what programs use today."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Client, Listener
from multiprocessing.managers import BaseManager
from statistics import median
from typing import Any

import msgspec
import numpy as np

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, PROCESSORS, installed, pinned
from bench.rows import Row
from ntipc import rpc

BARE = "msgspec over a bare port"
MANAGER = "multiprocessing Manager"
SOCKET = "send_bytes, recv_bytes"
ELEMENTS = 10_000_000 // 8

Caller = Callable[[], object]
Serve = Callable[[Callable[[], None]], None]
"""Serves until it is killed; calls its argument when it is ready."""


class Calculator:
    """The service."""

    def add(self, a: int, b: int) -> int:
        return a + b

    def last(self, array: np.ndarray) -> float:
        return float(array[-1])


@contextmanager
def server(serve: Serve, processor: int) -> Iterator[None]:
    """A process that serves, on this processor."""
    reading, writing = os.pipe()

    def run() -> None:
        os.sched_setaffinity(0, {processor})

        def ready() -> None:
            os.write(writing, b"r")

        serve(ready)

    process = FORK.Process(target=run, daemon=True)
    process.start()
    try:
        os.read(reading, 1)
        yield
    finally:
        process.kill()
        process.join()
        os.close(reading)
        os.close(writing)


def wait_for_ever(ready: Callable[[], None]) -> None:
    ready()
    threading.Event().wait()


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


class Manager(BaseManager):
    """Serves a calculator."""


Manager.register("Calculator", Calculator)


@contextmanager
def by_manager(processor: int) -> Iterator[Caller]:
    manager = Manager(ctx=FORK)
    with pinned(processor):
        manager.start()
    with manager:
        calculator: Any = manager.Calculator()  # type: ignore[attr-defined]
        yield lambda: calculator.add(1, 2)


@contextmanager
def by_pyro(processor: int) -> Iterator[Caller]:
    api: Any = installed("Pyro5.api")
    with tempfile.TemporaryDirectory() as directory:

        def serve(ready: Callable[[], None]) -> None:
            daemon = api.Daemon(unixsocket=f"{directory}/socket")
            daemon.register(api.expose(Calculator)(), "calculator")
            ready()
            daemon.requestLoop()

        with server(serve, processor), api.Proxy(f"PYRO:calculator@./u:{directory}/socket") as calculator:
            yield lambda: calculator.add(1, 2)


@contextmanager
def by_rpyc(processor: int) -> Iterator[Caller]:
    rpyc: Any = installed("rpyc")
    servers: Any = installed("rpyc.utils.server")

    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/socket"

        class Service(rpyc.Service):  # type: ignore[misc]
            def exposed_add(self, a: int, b: int) -> int:
                return a + b

        def serve(ready: Callable[[], None]) -> None:
            threaded = servers.ThreadedServer(Service, socket_path=path)
            threaded.listener.listen()  # `start` does so again
            ready()
            threaded.start()

        with server(serve, processor):
            connection = rpyc.utils.factory.unix_connect(path)
            yield lambda: connection.root.add(1, 2)
            connection.close()


@contextmanager
def by_grpc(processor: int) -> Iterator[Caller]:
    grpc: Any = installed("grpc")
    from concurrent.futures import ThreadPoolExecutor

    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(tuple[int, int]).decode
    with tempfile.TemporaryDirectory() as directory:
        address = f"unix:{directory}/socket"

        def serve(ready: Callable[[], None]) -> None:
            def add(request: bytes, _: object) -> bytes:
                a, b = decode(request)
                return encode(a + b)

            served = grpc.server(ThreadPoolExecutor(4))
            methods = {"add": grpc.unary_unary_rpc_method_handler(add)}
            served.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Calculator", methods),))
            served.add_insecure_port(address)
            served.start()
            wait_for_ever(ready)

        with server(serve, processor), grpc.insecure_channel(address) as channel:
            call = channel.unary_unary("/Calculator/add")
            read = msgspec.msgpack.Decoder(int).decode
            yield lambda: read(call(encode((1, 2)), wait_for_ready=True))


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


def calls(effort: Effort, where: str, processors: tuple[int, int], targets: dict[str, float]) -> Iterator[Row]:
    rounds = effort.count(3_000)
    contenders = {"rpc": by_rpc, BARE: by_bare_port, MANAGER: by_manager}
    optional = {"Pyro5": ("Pyro5.api", by_pyro), "rpyc": ("rpyc", by_rpyc), "grpcio": ("grpc", by_grpc)}
    contenders.update({name: by for name, (package, by) in optional.items() if installed(package)})
    trials: dict[str, Trial] = {name: partial(play, by, rounds, processors) for name, by in contenders.items()}
    seconds = interleaved(trials, effort.trials)
    for peer, target in targets.items():
        missing = "" if peer in seconds else f"{peer} is not installed"
        what = f"typed call with two numbers, {where}"
        yield Row(what, seconds["rpc"], peer, seconds.get(peer), target, missing)


def array_by_rpc(rounds: int) -> float:
    array = np.ones(ELEMENTS)
    with server(serve_rpc, PROCESSORS[-1]), rpc.connected("bench", Calculator) as calculator:
        return _median(lambda: calculator.last(array), rounds)


def array_by_connection(rounds: int) -> float:
    array = np.ones(ELEMENTS)
    with tempfile.TemporaryDirectory() as directory:
        address = f"{directory}/bench"

        def serve(ready: Callable[[], None]) -> None:
            with Listener(address, "AF_UNIX") as listener:
                ready()
                with listener.accept() as connection, suppress(EOFError):
                    while True:
                        arrived = np.frombuffer(connection.recv_bytes())
                        connection.send(float(arrived[-1]))

        with server(serve, PROCESSORS[-1]), Client(address, "AF_UNIX") as connection:

            def call() -> object:
                connection.send_bytes(array)  # type: ignore[arg-type]
                return connection.recv()

            return _median(call, rounds)


def _median(call: Caller, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times)


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    if len(PROCESSORS) > 1:
        targets = {BARE: 1.5, MANAGER: 0.15, "Pyro5": 0.1, "rpyc": 0.1, "grpcio": 0.03}
        yield from calls(effort, "two cores", (PROCESSORS[0], PROCESSORS[1]), targets)
    targets = {BARE: 1.5, MANAGER: 0.8, "grpcio": 0.06}
    yield from calls(effort, "one core", (PROCESSORS[0], PROCESSORS[0]), targets)
    rounds = effort.count(100)
    arrays: dict[str, Trial] = {"rpc": partial(array_by_rpc, rounds), SOCKET: partial(array_by_connection, rounds)}
    seconds = interleaved(arrays, effort.trials)
    yield Row("array of 10 MB as an argument", seconds["rpc"], SOCKET, seconds[SOCKET], 1.0)

"""What others offer for procedure calls: two numbers there and their sum back, and a large array as an argument.

Each contender is a context that gives a function to call; the server is a forked process on the processor that is
named.
"""

import ctypes
import itertools
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Listener
from multiprocessing.managers import BaseManager
from typing import Any

import msgspec
import numpy as np

from bench.call_peers import poll, service
from bench.partners import FORK, installed, pinned

ELEMENTS = 10_000_000 // 8
NUMBERS = itertools.count(1)
"""Of names: what a server of before had may be there for a moment longer."""

Caller = Callable[[], object]
Serve = Callable[[Callable[[], None]], None]
"""Serves until it is ended; calls its argument when it is ready."""


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
        process.terminate()  # some put away what they have made
        process.join(1)
        process.kill()
        process.join()
        os.close(reading)
        os.close(writing)


def wait_for_ever(ready: Callable[[], None]) -> None:
    ready()
    threading.Event().wait()


class Manager(BaseManager):
    """Serves a calculator."""


class Calculator:
    """The service."""

    def add(self, a: int, b: int) -> int:
        return a + b


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
def by_bridge(processor: int) -> Iterator[Caller]:
    bridge: Any = installed("shm_rpc_bridge")
    name = f"bench-{os.getpid()}-{next(NUMBERS)}"

    def serve(ready: Callable[[], None]) -> None:
        served = bridge.RPCServer(name)
        served.register("add", lambda a, b: a + b)
        logging.disable(logging.WARNING)  # it tells of its end
        ready()
        served.start()

    with server(serve, processor), bridge.RPCClient(name, wait_for_server=5) as client:
        yield lambda: client.call("add", a=1, b=2)


def grpc_server(path: str, answer: Callable[[bytes, object], bytes], ready: Callable[[], None]) -> None:
    """Serve one method by gRPC until the process ends."""
    grpc: Any = installed("grpc")
    from concurrent.futures import ThreadPoolExecutor

    options = [(f"grpc.max_{what}_message_length", 1 << 30) for what in ("receive", "send")]
    served = grpc.server(ThreadPoolExecutor(4), options=options)
    methods = {"call": grpc.unary_unary_rpc_method_handler(answer)}
    served.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Calculator", methods),))
    served.add_insecure_port(f"unix:{path}")
    served.start()
    wait_for_ever(ready)


@contextmanager
def grpc_call(processor: int, answer: Callable[[bytes, object], bytes]) -> Iterator[Callable[[bytes], bytes]]:
    """A method served by gRPC."""
    grpc: Any = installed("grpc")
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/socket"
        options = [(f"grpc.max_{what}_message_length", 1 << 30) for what in ("receive", "send")]
        with (
            server(lambda ready: grpc_server(path, answer, ready), processor),
            grpc.insecure_channel(f"unix:{path}", options) as channel,
        ):
            call = channel.unary_unary("/Calculator/call")
            yield lambda data: call(data, wait_for_ready=True)


@contextmanager
def by_grpc(processor: int) -> Iterator[Caller]:
    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(tuple[int, int]).decode

    def add(request: bytes, _: object) -> bytes:
        a, b = decode(request)
        return encode(a + b)

    read = msgspec.msgpack.Decoder(int).decode
    with grpc_call(processor, add) as call:
        yield lambda: read(call(encode((1, 2))))


PEERS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "Pyro5": ("Pyro5.api", by_pyro),
    "rpyc": ("rpyc", by_rpyc),
    "grpcio": ("grpc", by_grpc),
    "shm-rpc-bridge": ("shm_rpc_bridge", by_bridge),
}
"""By name, the package and how it calls with two numbers."""


@contextmanager
def array_by_connection(processor: int) -> Iterator[Caller]:
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

        with server(serve, processor), Client(address, "AF_UNIX") as connection:

            def call() -> object:
                connection.send_bytes(array)  # type: ignore[arg-type]
                return connection.recv()

            yield call


@contextmanager
def array_by_grpc(processor: int) -> Iterator[Caller]:
    array = np.ones(ELEMENTS)

    def last(request: bytes, _: object) -> bytes:
        return np.frombuffer(request)[-1:].tobytes()

    with grpc_call(processor, last) as call:
        yield lambda: np.frombuffer(call(array.tobytes()))[0]


@contextmanager
def array_by_iceoryx2(processor: int) -> Iterator[Caller]:
    """A slice that is loaned, and the array copied into it; both sides poll."""
    iceoryx2: Any = installed("iceoryx2")
    kinds = iceoryx2.Slice[ctypes.c_uint8], ctypes.c_double
    name = f"arrays-{os.getpid()}-{next(NUMBERS)}"
    array = np.ones(ELEMENTS)

    def serve(ready: Callable[[], None]) -> None:
        factory = service(name, *kinds)
        end = factory[1].server_builder().create()
        ready()
        while True:
            request = poll(end.receive)
            arrived = np.frombuffer(request.payload().as_memory_view(), np.float64)
            request.send_copy(ctypes.c_double(arrived[-1]))
            request.delete()

    with server(serve, processor):
        factory = service(name, *kinds)
        client = factory[1].client_builder().initial_max_slice_len(array.nbytes).create()

        def call() -> object:
            loan = client.loan_slice_uninit(array.nbytes)
            ctypes.memmove(loan.payload_ptr, array.ctypes.data, array.nbytes)
            pending = loan.assume_init().send()
            response = poll(pending.receive)
            result = response.payload().contents.value
            response.delete()
            pending.delete()
            return result

        yield call
        client.delete()


SOCKET, COPIED, GRPC = "send_bytes, recv_bytes", "iceoryx2, polling, copied into a loaned slice", "grpcio"
ARRAYS: dict[str, tuple[str, Callable[[int], Any]]] = {
    COPIED: ("iceoryx2", array_by_iceoryx2),
    SOCKET: ("multiprocessing", array_by_connection),
    GRPC: ("grpc", array_by_grpc),
}
"""By name, the package and how it calls with an array of 10 MB."""

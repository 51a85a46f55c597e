"""What others offer for a question of 64 bytes and its answer: iceoryx2, which polls, and pyzmq."""

import ctypes
import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.bench_calls import QUESTION, Exchange
from bench.partners import installed

POLLING, ZMQ = "iceoryx2, polling", "pyzmq, REQ and REP on ipc"
NUMBERS = itertools.count(1)
"""Of services: what a killed process made stays for a while."""


class Frame(ctypes.Structure):
    """Where iceoryx2 wants a type, so many bytes."""

    _fields_ = (("data", ctypes.c_uint8 * len(QUESTION)),)


def service(name: str, request: Any, response: Any) -> Any:
    """Open or make a service of iceoryx2, with a node that must live as long."""
    iceoryx2: Any = installed("iceoryx2")
    iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
    node = iceoryx2.NodeBuilder.new().create(iceoryx2.ServiceType.Ipc)
    named = node.service_builder(iceoryx2.ServiceName.new(name))
    return node, named.request_response(request, response).max_servers(1).max_clients(1).open_or_create()


def poll(receive: Callable[[], Any]) -> Any:
    """Ask until there is something: iceoryx2 waits in no other way for a request or a response."""
    while (found := receive()) is None:
        pass
    return found


@contextmanager
def by_iceoryx2() -> Iterator[Exchange]:
    """Request and response, both polled for. Each process makes its own end when it first needs it."""
    name = f"calls-{os.getpid()}-{next(NUMBERS)}"
    ends: list[Any] = []
    question = Frame()
    ctypes.memmove(ctypes.byref(question), QUESTION, len(QUESTION))

    def server() -> Any:
        if not ends:
            factory = service(name, Frame, Frame)
            ends.extend((factory, factory[1].server_builder().create()))
        return ends[1]

    def answer() -> None:
        request = poll(server().receive)
        request.send_copy(request.payload().contents)
        request.delete()

    factory = service(name, Frame, Frame)
    client = factory[1].client_builder().create()

    def ask() -> None:
        while (pending := client.send_copy(question)).number_of_server_connections == 0:
            pending.delete()  # the server is not there yet
        response = poll(pending.receive)
        response.payload()
        response.delete()
        pending.delete()

    yield Exchange(ask, answer)
    client.delete()


@contextmanager
def by_zmq() -> Iterator[Exchange]:
    """A socket that asks and one that answers, each made in its own process and thread."""
    zmq: Any = installed("zmq")
    sockets = threading.local()
    with tempfile.TemporaryDirectory() as directory:
        address = f"ipc://{directory}/socket"

        def socket(kind: int, join: str) -> Any:
            if getattr(sockets, "pid", 0) != os.getpid():
                sockets.pid, sockets.socket = os.getpid(), zmq.Context().socket(kind)
                getattr(sockets.socket, join)(address)
            return sockets.socket

        def answer() -> None:
            end = socket(zmq.REP, "bind")
            end.send(end.recv())

        def ask() -> None:
            end = socket(zmq.REQ, "connect")
            end.send(QUESTION)
            end.recv()

        def part() -> None:
            context = sockets.socket.context
            sockets.socket.close()
            context.term()  # waits until all is sent

        yield Exchange(ask, answer, part)
        part()


PEERS = {POLLING: ("iceoryx2", by_iceoryx2), ZMQ: ("zmq", by_zmq)}
"""By name, the package and how its calls are made."""

"""Many clients of one server at once: ``python -m bench.client_crowd KIND serve|call ADDRESS``.

The server answers with four threads; each of eight processes calls from eight threads, each of which has a client of
its own. A process says "ready" when it is, and begins at a word on its standard input; a
caller then says how long each call took. All are programs of their own, for not every peer survives a fork.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ntipc
from bench.partners import installed

PROCESSES, THREADS, SERVING = 8, 8, 4
QUESTION = bytes(64)

Call = Callable[[], object]


def serve_port(name: str) -> None:
    """Ours: four threads that receive from one port."""
    port = ntipc.Port(name)

    def answer() -> None:
        message = port.receive()
        while True:
            message = port.reply_and_receive(message, message.data) if message.is_request else port.receive()

    for _ in range(SERVING):
        threading.Thread(target=answer, daemon=True).start()
    ready()
    while True:
        port.listen().accept()


def call_port(name: str) -> Call:
    client = ntipc.PortClient(name)
    return lambda: client.call(QUESTION)


def serve_zmq(address: str) -> None:
    """A ROUTER for the clients, a DEALER for four threads behind it, and the proxy of the library between them."""
    zmq: Any = installed("zmq")
    context = zmq.Context()
    outside, inside = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    outside.bind(f"ipc://{address}")
    inside.bind("inproc://threads")

    def answer() -> None:
        end = context.socket(zmq.REP)
        end.connect("inproc://threads")
        while True:
            end.send(end.recv())

    for _ in range(SERVING):
        threading.Thread(target=answer, daemon=True).start()
    ready()
    zmq.proxy(outside, inside)


def call_zmq(address: str) -> Call:
    zmq: Any = installed("zmq")
    end = zmq.Context.instance().socket(zmq.REQ)
    end.connect(f"ipc://{address}")

    def call() -> None:
        end.send(QUESTION)
        end.recv()

    return call


def serve_grpc(address: str) -> None:
    """Its server, with a pool of four threads."""
    grpc: Any = installed("grpc")
    from concurrent.futures import ThreadPoolExecutor

    served = grpc.server(ThreadPoolExecutor(SERVING))
    methods = {"echo": grpc.unary_unary_rpc_method_handler(lambda request, _: request)}
    served.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Bench", methods),))
    served.add_insecure_port(f"unix:{address}")
    served.start()
    ready()
    threading.Event().wait()


def call_grpc(address: str) -> Call:
    grpc: Any = installed("grpc")
    options = (("grpc.use_local_subchannel_pool", 1),)  # or the channels of a process share one connection
    call = grpc.insecure_channel(f"unix:{address}", options).unary_unary("/Bench/echo")
    return lambda: call(QUESTION, wait_for_ready=True)


KINDS: dict[str, tuple[Callable[[str], None], Callable[[str], Call]]] = {
    "port": (serve_port, call_port),
    "zmq": (serve_zmq, call_zmq),
    "grpc": (serve_grpc, call_grpc),
}


def ready() -> None:
    print("ready", flush=True)


def call_for(make: Callable[[str], Call], address: str) -> None:
    """Call from all threads of this process, for as many seconds as the line says that lets it begin."""
    everybody = threading.Barrier(THREADS + 1)
    times = [array("f") for _ in range(THREADS)]
    seconds = 0.0

    def work(mine: "array[float]") -> None:
        call, clock = make(address), time.perf_counter
        for _ in range(20):
            call()
        everybody.wait()  # all are connected
        everybody.wait()  # and may begin
        end = clock() + seconds
        began = clock()
        while began < end:
            call()
            now = clock()
            mine.append(now - began)
            began = now

    threads = [threading.Thread(target=work, args=(mine,), daemon=True) for mine in times]
    for thread in threads:
        thread.start()
    everybody.wait()
    ready()
    seconds = float(sys.stdin.readline())
    everybody.wait()
    for thread in threads:
        thread.join()
    for mine in times:
        sys.stdout.buffer.write(mine.tobytes())
    sys.stdout.flush()
    os._exit(0)  # no peer's threads are asked whether they like it


@contextmanager
def program(kind: str, role: str, address: str) -> Iterator["subprocess.Popen[bytes]"]:
    """One of the processes, when it is ready."""
    command = [sys.executable, "-m", "bench.client_crowd", kind, role, address]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as running:
        try:
            if running.stdout is None or running.stdout.readline() != b"ready\n":
                raise RuntimeError(f"{' '.join(command)} did not begin")
            yield running
        finally:
            running.kill()


def measure(kind: str, seconds: float) -> "tuple[float, array[float]]":
    """Let all call for so long: the time that passed for each call that was answered, and how long each took."""
    times = array("f")
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        address = os.path.join(directory, "socket")
        stack.enter_context(program(kind, "serve", address))
        callers = [stack.enter_context(program(kind, "call", address)) for _ in range(PROCESSES)]
        for caller in callers:
            assert caller.stdin is not None
            caller.stdin.write(b"%f\n" % seconds)
            caller.stdin.flush()
        for caller in callers:
            assert caller.stdout is not None
            times.frombytes(caller.stdout.read())
    return seconds / len(times), times


def main() -> None:
    kind, role, address = sys.argv[1:]
    serve, make = KINDS[kind]
    if role == "serve":
        serve(address)
    else:
        call_for(make, address)


if __name__ == "__main__":
    main()

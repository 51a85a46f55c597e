"""The hot paths from Python, one by one, for ``bench.instructions`` to count their instructions under valgrind.

As in the kernel's ``examples/instructions.rs``, every operation is run in two loops, one twice as long as the other,
several times, between calls of ``getppid``, and the names are printed in the order of the loops.
"""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import ntipc
from bench.bench_events import by_set_and_wait
from bench.bench_mutexes import by_calls, by_with
from bench.bench_names import make_and_close
from bench.bench_sections import ours as make_map_and_close
from bench.measure import Loop, nothing
from ntipc import _kernel, rpc

COUNT = 200
TIMES = 3
"""How often each loop is run."""


def by_release_and_acquire(count: int) -> None:
    semaphore = ntipc.Semaphore(initial=0)
    release, acquire = semaphore.release, semaphore.acquire
    for _ in range(count):
        release()
        acquire()


def by_signal_and_wait(count: int) -> None:
    event = ntipc.Event()
    signal_and_wait = ntipc.signal_and_wait
    for _ in range(count):
        signal_and_wait(event, event)


def by_duplicate(count: int) -> None:
    event = ntipc.Event()
    for _ in range(count):
        event.duplicate().close()


def by_set_and_wait_any(number: int) -> Loop:
    events = tuple(ntipc.Event() for _ in range(number))

    def loop(count: int) -> None:
        wait_any, set_it = ntipc.wait_any, events[-1].set
        for _ in range(count):
            set_it()
            wait_any(events)

    return loop


def by_waiting_in_vain(number: int) -> Loop:
    events = tuple(ntipc.Event() for _ in range(number))

    def loop(count: int) -> None:
        wait_any = ntipc.wait_any
        for _ in range(count):
            wait_any(events, 1e-9)

    return loop


def by_wait_all(count: int) -> None:
    events = ntipc.Event(), ntipc.Event()
    one, other = events
    for _ in range(count):
        one.set()
        other.set()
        ntipc.wait_all(events)


def by_put_and_get(length: int) -> Loop:
    """A message through a queue that nobody waits for."""
    queue, data = ntipc.Queue(), bytes(length)

    def loop(count: int) -> None:
        for _ in range(count):
            queue.put(data)
            queue.get()

    return loop


def by_post_and_get(window: ntipc.Window) -> Loop:
    """A message that a thread posts to a window of its own."""
    hwnd = window.hwnd

    def loop(count: int) -> None:
        post, get = ntipc.post_message, ntipc.get_message
        for number in range(count):
            post(hwnd, ntipc.WM_USER, number)
            get()

    return loop


@contextmanager
def answered() -> Iterator[ntipc.PortClient]:
    """A client whose calls another thread answers."""
    with ntipc.Port("instructions") as port:

        def serve() -> None:
            port.listen().accept()
            while not (message := port.receive()).is_closed:
                message.reply(message.data)

        server = threading.Thread(target=serve)
        server.start()
        with ntipc.PortClient("instructions") as client:
            yield client
        server.join()


def by_call(client: ntipc.PortClient) -> Loop:
    """The caller's side of a call: the server has a thread, and so instructions, of its own."""
    data = bytes(64)

    def loop(count: int) -> None:
        call = client.call
        for _ in range(count):
            call(data)

    return loop


class Adder:
    """A service."""

    def add(self, one: int, other: int) -> int:
        """Add two numbers."""
        return one + other


@contextmanager
def served() -> Iterator[Adder]:
    """A proxy whose calls threads of this process answer."""
    with rpc.Server("instructions", Adder(), threads=1), rpc.connected("instructions", Adder) as proxy:
        yield proxy


def by_typed_call(proxy: Adder) -> Loop:
    """The caller's side of a typed call."""

    def loop(count: int) -> None:
        add = proxy.add
        for _ in range(count):
            add(1, 2)

    return loop


def measure(name: str, loop: Loop) -> None:
    print(name, COUNT, TIMES, flush=True)
    loop(2)  # whatever is done only the first time
    for count in (COUNT, 2 * COUNT) * TIMES:
        os.getppid()
        loop(count)
    os.getppid()


def main() -> None:
    gc.disable()
    _kernel.allow_spinning(False)  # how often it looks depends on the time
    with ntipc.Event(), closing(ntipc.Mutex()) as mutex:  # the event keeps the session
        measure("empty loop", nothing)
        measure("Mutex: acquire + release", by_calls(mutex))
        measure("Mutex: with", by_with(mutex))
        measure("Event: set + wait", by_set_and_wait)
        measure("Semaphore: release + acquire", by_release_and_acquire)
        measure("signal_and_wait: set + take the same event", by_signal_and_wait)
        for number in (2, 64):
            measure(f"set + wait_any of {number}: the last is set", by_set_and_wait_any(number))
        measure("2 sets + wait_all of 2", by_wait_all)
        for number in (1, 64):
            measure(f"wait_any of {number} in vain", by_waiting_in_vain(number))
        measure("Event: create with a name + close", make_and_close)
        measure("Event: duplicate + close", by_duplicate)
        measure("Queue: put + get 64 bytes", by_put_and_get(64))
        measure("Queue: put + get 64 KiB", by_put_and_get(65_536))
        with ntipc.Window() as window:
            measure("post_message + get_message", by_post_and_get(window))
        with answered() as client:
            measure("PortClient.call with 64 bytes: the caller's side", by_call(client))
        with served() as proxy:
            measure("rpc: a call with two numbers: the caller's side", by_typed_call(proxy))
        measure("Section: create, open, map, unmap, close", make_map_and_close(4096, reserve=True))


if __name__ == "__main__":
    main()

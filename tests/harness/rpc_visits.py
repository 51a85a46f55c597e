"""A client that is interrupted again and again; it prints how many handles that has left."""

import gc
import os
import random
import signal
import threading
import time

import numpy as np

import ntipc
from harness.rpc_services import Everything
from harness.waiting import wait_until
from ntipc import rpc
from ntipc.ports.hubs import _kept
from ntipc.rpc.buffers import SECTIONS

SECONDS = 1.5
ARRAY = np.ones(50_000)
raises = False


class Interrupted(Exception):
    """What the handler raises."""


def handler(*_: object) -> None:
    if raises:
        raise Interrupted


def visit() -> None:
    proxy = rpc.connect("s", Everything, timeout=20)
    try:
        assert proxy.add(1) == 11
        assert proxy.echo_bytes(b"x" * 200_000) == b"x" * 200_000
        assert proxy.total(ARRAY) == 50_000
        assert proxy.apply(lambda number, text: text * number, [1, 2]) == ["x", "xx"]
        stream = proxy.count(40)
        assert [next(stream) for _ in range(20)] == list(range(20))
        stream.close()  # type: ignore[attr-defined]
    finally:
        rpc.close(proxy)


def handles() -> int:
    """How many there are, without what is kept to be used again: sections, and what takes answers."""
    wait_until(lambda: not any("ntipc.rpc" in thread.name for thread in threading.enumerate()))
    _kept.clear()
    gc.collect()
    mine = next(process for process in ntipc.inspect()["processes"] if process["pid"] == os.getpid())
    return int(mine["handles"]) - len(SECTIONS._free)


def interrupted() -> bool:
    """Visit the service, and be interrupted before long, or just miss it."""
    global raises
    try:
        try:
            raises = True
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-2))
            visit()
        except ntipc.NtError:
            pass
        finally:
            raises = False
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupted:
        return True
    return False


def main() -> None:
    signal.signal(signal.SIGALRM, handler)
    visit()
    before, end, interrupts = handles(), time.monotonic() + SECONDS, 0
    while time.monotonic() < end or interrupts < 50:
        interrupts += interrupted()
    visit()  # all is as it was
    print(handles() - before)


if __name__ == "__main__":
    main()

"""An event loop in small: what a process does whose relay passes every step of its own."""

import select
import time

import ntipc
from ntipc import _kernel


def be_told(*others: ntipc.QueueReader) -> None:
    """Watch a queue of one's own, and others; be told of two messages there; then watch nothing more."""
    reader, writer = ntipc.Queue().split()
    port = _kernel.CompletionPort()
    for end in (reader, *others):
        port.watch(end)
    for text in (b"first", b"second"):
        wait_for_relay(reader)  # its wait is ended by a message, and at last by the close
        writer.put(text)
        assert select.select([port.fileno()], [], [], 10)[0], "the loop was not told"
        port.lower()
        assert reader.get(0) == text
        port.arm()
    wait_for_relay(reader)
    port.close()
    writer.close()
    reader.close()


def wait_for_relay(reader: ntipc.QueueReader) -> None:
    """Return once somebody waits for a message."""
    until = time.monotonic() + 10
    while not reader.info()["waiters"] and time.monotonic() < until:
        time.sleep(0.0005)

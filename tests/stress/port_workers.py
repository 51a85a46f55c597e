"""What the servers and the clients of the port churn do, each in processes that are killed."""

import contextlib
import random

from pipe_workers import CLOSE, NAME, PATIENCE, SIZES, STOP, TALLY, in_threads

import ntipc
from ntipc import _kernel

MOST = 3
"""Requests of one connection."""
GONE = (ntipc.PeerGone, ntipc.ConnectionRefused)
"""What comes of a call when the server is killed."""


def serve(seed: int) -> int:
    """Serve the port, or stand by until its server is killed."""
    close, served = ntipc.Event(CLOSE, manual_reset=True), 0
    while not close.is_set():
        try:
            port = ntipc.Port(NAME, max_message=4096, client_quota=8192)
        except ntipc.ObjectExists:
            close.wait(0.01)
            continue
        with port:
            ended: set[int] = set()
            while (found := ntipc.wait_any([close, port], timeout=PATIENCE)) is None or found.object is port:
                with contextlib.suppress(ntipc.Timeout, ntipc.PeerGone):
                    port.listen(0).accept(b"welcome", context=served)
                    served += 1
                with contextlib.suppress(ntipc.Timeout, ntipc.ReplyMismatch):
                    answer(port.receive(0), ended, forget=served % 50 == seed % 50)
            assert len(port.connections) < 100, "connections that nobody ended"
    return served


def answer(message: ntipc.PortMessage, ended: set[int], *, forget: bool) -> None:
    number = message.connection._number
    assert number not in ended, "something came after the last message of its connection"
    assert message.connection.context is not None, "a message of a connection that nobody accepted"
    if message.is_closed:
        ended.add(number)
    elif message.is_request and not forget:
        message.reply(message.data)


def call(seed: int, threads: int = 2) -> int:
    """Connect again and again until told to stop; the number of connections that were answered in full."""
    return in_threads(call_again, seed, threads)


def call_again(dice: random.Random) -> int:
    stop, tally = ntipc.Event(STOP, manual_reset=True), ntipc.Semaphore(TALLY, initial=0)
    done = 0
    while not stop.is_set():
        try:
            client = ntipc.PortClient(NAME, timeout=PATIENCE)
            for _ in range(dice.randint(0, MOST)):
                message = dice.randbytes(dice.choice(SIZES))
                if dice.random() < 0.3:
                    assert client.begin(message).result(PATIENCE) == message, "another answer came back"
                else:
                    assert client.call(message, timeout=PATIENCE) == message, "another answer came back"
            if dice.random() < 0.2:
                client.send(b"never answered", timeout=PATIENCE)
            if dice.random() < 0.5:
                client.close()  # else it is forgotten
        except GONE:
            continue
        done += 1
        tally.release()
    return done


def die_by_yourself(countdown: int) -> None:
    """Be killed at some step inside the kernel."""
    _kernel.arm_fault("*", countdown)

"""What the servers and the clients of the pipe churn do, each in processes that are killed."""

import random
import threading
from collections.abc import Callable

import ntipc
from ntipc import _kernel

PATIENCE = 30.0
"""Seconds after which a call that has not returned is taken to hang."""
NAME, STOP, CLOSE, TALLY = "churn", "no more calls", "no more servers", "clients served"
SIZES = [0, 1, 8, 100, 2000, 2100, 5000, 70_000]
MOST = 3
"""Messages of one connection."""


def serve(number: int) -> int:
    """Answer each message with itself, client after client; each third is disconnected, and its instance used again."""
    close = ntipc.Event(CLOSE, manual_reset=True)
    served = 0
    with ntipc.PipeServer(NAME, in_quota=4096, out_quota=4096) as server:
        while (found := ntipc.wait_any([close, server], timeout=PATIENCE)) is None or found.object is server:
            try:
                pipe = server.accept(timeout=0)
            except ntipc.Timeout:
                continue
            with pipe:
                answer(pipe)
                served += 1
                if served % 3 == number % 3:
                    pipe.disconnect()
                    try:
                        pipe.connect(timeout=0.05)
                        answer(pipe)
                    except ntipc.Timeout:
                        pass
    return served


def answer(pipe: ntipc.Pipe) -> None:
    try:
        while True:
            pipe.send(pipe.recv(timeout=PATIENCE), timeout=PATIENCE)
    except (EOFError, BrokenPipeError):
        pass


def call(seed: int, threads: int = 2) -> int:
    """Connect again and again until told to stop; the number of connections that were answered in full."""
    return in_threads(call_again, seed, threads)


def in_threads(call_again: Callable[[random.Random], int], seed: int, threads: int) -> int:
    """Have so many threads call; what they return, together."""
    counts = [0] * threads
    problems: list[BaseException] = []

    def run(place: int) -> None:
        try:
            counts[place] = call_again(random.Random(seed * threads + place))
        except BaseException as problem:
            problems.append(problem)

    running = [threading.Thread(target=run, args=(place,)) for place in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if problems:
        raise problems[0]
    return sum(counts)


def call_again(dice: random.Random) -> int:
    stop, tally = ntipc.Event(STOP, manual_reset=True), ntipc.Semaphore(TALLY, initial=0)
    done = 0
    while not stop.is_set():
        try:
            with ntipc.PipeClient(NAME, timeout=PATIENCE) as client:
                for _ in range(dice.randint(0, MOST)):
                    message = dice.randbytes(dice.choice(SIZES))
                    assert client.transact(message, timeout=PATIENCE) == message, "another message came back"
                if dice.random() < 0.2:
                    client.send(b"never read", timeout=PATIENCE)
        except (EOFError, BrokenPipeError):
            continue  # its server has gone
        except ntipc.ObjectNotFound:
            if not stop.is_set():
                raise
        done += 1
        tally.release()
    return done


def die_by_yourself(countdown: int) -> None:
    """Be killed at some step inside the kernel."""
    _kernel.arm_fault("*", countdown)

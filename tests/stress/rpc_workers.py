"""What the servers and the clients of the churn of procedure calls do, each in processes that are killed.

Each call is answered, with its own answer, or its caller is told that none will come; a stream gives its items in order
until it ends or its service does; a proxy goes on with the next service of the name.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import logging
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol

from pipe_workers import CLOSE, NAME, PATIENCE, STOP, TALLY, die_by_yourself, in_threads

import ntipc
from ntipc import rpc
from ntipc.rpc.dispatch import Dispatcher

GONE = (ntipc.PeerGone, ntipc.ConnectionRefused)
"""What comes of a call when the service is killed, or ends."""
SIZES = [0, 10, 3000, 70_000, 200_000]
MOST = 8
"""Calls of one proxy."""

__all__ = ["call", "die_by_yourself", "serve"]


class Churned:
    """The service."""

    def __init__(self) -> None:
        self.noted: collections.Counter[int] = collections.Counter()

    def echo(self, data: bytes) -> bytes:
        return data

    def length(self, data: memoryview) -> int:
        return len(data)

    def count(self, begin: int, items: int) -> Iterator[int]:
        yield from range(begin, begin + items)

    def ask_back(self, question: Callable[[int], int], number: int) -> int:
        return question(number) + 1

    def fail(self, number: int) -> None:
        raise KeyError(number)

    def wait(self) -> None:
        """Wait until nobody waits for the answer."""
        call, end = rpc.current(), threading.Event()
        while not call.cancelled:
            end.wait(0.005)

    @rpc.one_way
    def note(self, number: int) -> None:
        self.noted[number] += 1

    async def double(self, number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number


class Awaited(Protocol):
    """The same, for a loop."""

    async def echo(self, data: bytes) -> bytes: ...
    async def double(self, number: int) -> int: ...
    def count(self, begin: int, items: int) -> AsyncIterator[int]: ...


class Notices:
    """Counts the closing messages that a service is told: one for each client."""

    def __init__(self) -> None:
        self.told: collections.Counter[int] = collections.Counter()
        self.kept: list[Any] = []  # so that no two have one number

    def watch(self, dispatcher: Dispatcher) -> None:
        ended = dispatcher.ended

        def tell(client: Any) -> None:
            self.kept.append(client)
            self.told[id(client)] += 1
            ended(client)

        dispatcher.ended = tell  # type: ignore[method-assign]


def serve(seed: int) -> int:
    """Serve, or stand by until another service of the name has gone; end now and then, and begin again."""
    logging.getLogger("ntipc.rpc").disabled = True
    close, dice, services = ntipc.Event(CLOSE, manual_reset=True), random.Random(seed), 0
    while not close.is_set():
        service, notices = Churned(), Notices()
        server = rpc.Server(NAME, service, threads=dice.choice([1, 4]))
        notices.watch(server._dispatcher)
        try:
            server.start()
        except ntipc.ObjectExists:
            close.wait(0.01)
            continue
        with server:
            services += 1
            if not close.wait(dice.choice([0.2, 1.0, PATIENCE])) and dice.random() < 0.5:
                server.stop(grace=dice.choice([0.0, 0.05]))
        assert not notices.told or max(notices.told.values()) == 1, "a closing message came twice"
        assert not service.noted or max(service.noted.values()) == 1, "a call came twice"
        del server, service, notices
        gc.collect()
    return services


def call(seed: int, threads: int = 2) -> int:
    """Connect again and again until told to stop; the number of proxies that were of use."""
    return in_threads(call_again, seed, threads)


def call_again(dice: random.Random) -> int:
    stop, tally = ntipc.Event(STOP, manual_reset=True), ntipc.Semaphore(TALLY, initial=0)
    done = 0
    while not stop.is_set():
        try:
            if dice.random() < 0.25:
                asyncio.run(asyncio.wait_for(await_some(dice), PATIENCE))
            else:
                call_some(rpc.connect(NAME, Churned, timeout=PATIENCE, call_timeout=PATIENCE), dice)
        except GONE:
            continue
        done += 1
        tally.release()
    return done


def call_some(proxy: Churned, dice: random.Random) -> None:
    for _ in range(dice.randrange(MOST)):
        number = dice.randrange(1 << 40)
        try:
            call_once(proxy, dice.randrange(8), number, dice)
        except GONE:
            if dice.random() < 0.5:
                raise
            # else the same proxy goes on with the next service
    if dice.random() < 0.5:
        rpc.close(proxy)  # else it is forgotten


def call_once(proxy: Churned, which: int, number: int, dice: random.Random) -> None:
    if which == 0:
        data = dice.randbytes(dice.choice(SIZES))
        assert proxy.echo(data) == data, "another answer came back"
    elif which == 1:
        data = dice.randbytes(dice.choice(SIZES))
        assert proxy.length(memoryview(data)) == len(data), "another answer came back"
    elif which == 2:
        items, most = proxy.count(number, 100), dice.randrange(120)
        for place, item in zip(range(most), items, strict=False):
            assert item == number + place, "an item is missing, or came twice"
        if dice.random() < 0.5:
            items.close()  # type: ignore[attr-defined]
    elif which == 3:
        assert proxy.ask_back(lambda asked: asked * 2, number) == number * 2 + 1, "another answer came back"
    elif which == 4:
        try:
            proxy.fail(number)
        except KeyError as error:
            assert error.args == (number,), "another failure came back"
        else:
            raise AssertionError("no failure came back")
    elif which == 5:
        try:
            rpc.with_timeout(proxy, 0.01).wait()
        except ntipc.Timeout:
            return
        raise AssertionError("a method answered although it knew that nobody waits")
    elif which == 6:
        proxy.note(number)
    else:
        assert rpc.with_timeout(proxy, None).echo(b"for ever") == b"for ever", "another answer came back"


async def await_some(dice: random.Random) -> None:
    proxy = rpc.connect(NAME, Awaited, timeout=PATIENCE)
    numbers = [dice.randrange(1 << 40) for _ in range(MOST)]
    calls = [asyncio.ensure_future(proxy.double(number)) for number in numbers]
    cancelled = dice.randrange(2 * MOST)
    if cancelled < MOST:
        calls[cancelled].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for number, answer in zip(numbers, answers, strict=True):
        if isinstance(answer, GONE):
            raise answer
        assert answer == 2 * number or isinstance(answer, asyncio.CancelledError), f"another answer: {answer!r}"
    got = [item async for item in proxy.count(numbers[0], 20)]
    assert got == list(range(numbers[0], numbers[0] + 20)), "an item is missing, or came twice"
    rpc.close(proxy)

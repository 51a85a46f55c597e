"""Calls of an event loop: one after another, and many at once, beside asyncio's streams over a Unix socket."""

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

import ntipc
from bench.measure import Effort, Trial, interleaved
from bench.partners import FORK, partner
from bench.rows import Row

QUESTION = os.urandom(64)
PEER = "asyncio's streams over Unix sockets"


def serve_port(ready: Callable[[], object]) -> None:
    """Ours: answer until the client goes."""
    with ntipc.Port("loops") as port:
        ready()
        port.listen().accept()
        message = port.receive()
        while not message.is_closed:
            if message.is_request:
                with suppress(ntipc.ReplyMismatch):
                    message.reply(message.data)
            message = port.receive()


def serve_sockets(address: str, connections: int, ready: Callable[[], object]) -> None:
    """Theirs: one connection for each question that is under way, as a stream has one at a time."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        with suppress(asyncio.IncompleteReadError):
            while True:
                writer.write(await reader.readexactly(len(QUESTION)))
        writer.close()
        connections -= 1
        if not connections:
            over.set()

    async def main() -> None:
        async with await asyncio.start_unix_server(echo, address):
            ready()
            await over.wait()

    over = asyncio.Event()
    asyncio.run(main())


async def timed(count: int, at_once: int, ask: Callable[[int], Awaitable[object]]) -> float:
    """The time of one question and its answer, with so many under way."""

    async def one_after_another(place: int) -> None:
        for _ in range(count // at_once):
            await ask(place)

    await ask(0)
    began = time.perf_counter()
    await asyncio.gather(*map(one_after_another, range(at_once)))
    return (time.perf_counter() - began) / (count // at_once * at_once)


def by_port(count: int, at_once: int) -> float:
    """Ours."""
    ready = FORK.Semaphore(0)
    with partner(partial(serve_port, ready.release)):
        ready.acquire()
        with ntipc.PortClient("loops") as client:
            return asyncio.run(timed(count, at_once, lambda _: client.call_async(QUESTION)))


def by_sockets(count: int, at_once: int) -> float:
    """Theirs."""
    ready = FORK.Semaphore(0)

    async def main() -> float:
        streams = [await asyncio.open_unix_connection(address) for _ in range(at_once)]

        async def ask(place: int) -> None:
            reader, writer = streams[place]
            writer.write(QUESTION)
            await reader.readexactly(len(QUESTION))

        taken = await timed(count, at_once, ask)
        for _, writer in streams:
            writer.close()
            await writer.wait_closed()
        return taken

    with tempfile.TemporaryDirectory() as directory:
        address = f"{directory}/{socket.gethostname()[:8]}"
        with partner(partial(serve_sockets, address, at_once, ready.release)):
            ready.acquire()
            return asyncio.run(main())


def rows(effort: Effort) -> Iterator[Row]:
    """All rows of this file."""
    for at_once, how in ((1, "one after another"), (100, "100 at once")):
        count = effort.count(3_000)
        trials: dict[str, Trial] = {
            "port": partial(by_port, max(count, at_once), at_once),
            PEER: partial(by_sockets, max(count, at_once), at_once),
        }
        seconds = interleaved(trials, effort.trials)
        yield Row(f"PortClient.call_async: 64 bytes there and back, {how}", seconds["port"], PEER, seconds[PEER])

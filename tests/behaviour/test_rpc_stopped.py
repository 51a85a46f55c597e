"""A service that is stopped, or too slow, while its clients go on: nobody waits longer than the program said."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from harness.peers import Peer
from harness.rpc_services import Everything
from harness.rpc_serving import run, serve_in
from harness.stopping import go_on, stop

import ntipc
from ntipc import rpc

LONG = "x" * 100_000


class Noting(Protocol):
    """Two methods of :class:`Everything`, for a loop."""

    async def echo_bytes(self, data: bytes) -> bytes: ...
    @rpc.one_way
    async def note(self, text: str) -> None: ...


@pytest.fixture
def service(peer: Peer) -> Iterator[Peer]:
    """Another process that serves, and goes on at the end if the test has stopped it."""
    serve_in(peer)
    yield peer
    go_on(peer)


def fill(proxy: Any) -> None:
    """Leave no room for further calls of this client, however short."""
    for text in (LONG, "x" * 1000, ""):
        with pytest.raises(ntipc.Timeout, match=r"Everything.note .* left as much unread as it may"):
            for _ in range(100_000):
                rpc.with_timeout(proxy, 0).note(text)


def test_a_one_way_call_waits_for_room_as_long_as_it_may(service: Peer) -> None:
    with rpc.connected("s", Everything, timeout=20) as proxy:
        stop(service)
        fill(proxy)
        go_on(service)
        proxy.note("there is room again")
        assert service.run("service.go.wait(20), service.log[-1:] and 1")[0]


def test_a_one_way_call_of_a_coroutine_keeps_its_loop_from_nothing(service: Peer) -> None:
    async def work() -> None:
        awaited = rpc.connect("s", Noting, timeout=20)
        stop(service)
        with pytest.raises(ntipc.Timeout):
            for _ in range(100):
                await rpc.with_timeout(awaited, 0.02).note(LONG)
        waiting = asyncio.create_task(awaited.note(LONG))
        for _ in range(5):  # the loop goes on
            await asyncio.sleep(0.005)
        assert not waiting.done()
        go_on(service)
        await waiting
        rpc.close(awaited)

    run(work())


def test_calls_of_coroutines_wait_for_room_beside_their_loop_and_no_longer_than_they_may(service: Peer) -> None:
    async def work() -> None:
        awaited = rpc.connect("s", Noting, timeout=20)
        assert await awaited.echo_bytes(b"") == b""
        stop(service)
        impatient = rpc.with_timeout(awaited, 0.1)
        late = await asyncio.gather(*(impatient.echo_bytes(bytes(100_000)) for _ in range(30)), return_exceptions=True)
        assert {type(each) for each in late} == {ntipc.Timeout}
        patient = asyncio.gather(*(awaited.echo_bytes(bytes(100_000)) for _ in range(30)))
        for _ in range(5):  # the loop goes on
            await asyncio.sleep(0.005)
        go_on(service)
        assert [len(each) for each in await patient] == [100_000] * 30
        rpc.close(awaited)

    run(work())


def test_forgetting_a_stream_waits_for_nobody_and_ends_its_generator(service: Peer) -> None:
    with rpc.connected("s", Everything, timeout=20) as proxy:
        stream = proxy.count(1000)
        next(stream)
        stop(service)
        fill(proxy)
        del stream
        gc.collect()
        go_on(service)
        service.run("from harness.waiting import wait_until; wait_until(lambda: 'finally' in service.log)")


def test_a_stream_goes_on_where_its_consumer_could_not_say_how_far_it_is(service: Peer) -> None:
    with rpc.connected("s", Everything, timeout=20) as proxy:
        stream = proxy.count(100)
        items = [next(stream)]
        stop(service)
        fill(proxy)
        items += [next(stream) for _ in range(len(stream._items))]  # type: ignore[attr-defined]
        go_on(service)
        assert items + list(stream) == list(range(100))

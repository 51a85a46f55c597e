"""Streams: every item once and in order, not too far ahead, and ended on both sides when either ends."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import pytest
from harness.peers import Peer
from harness.rpc_services import AsyncEverything, AsyncView, Everything, Overdrawn, Point
from harness.rpc_serving import connected, quiet, run, serve_in, serving
from harness.waiting import wait_until

import ntipc
from ntipc import rpc


def in_time(call: Callable[[], Any]) -> Any:
    """Make a call with a time limit; ``None`` if it ran out of it."""
    try:
        return call()
    except ntipc.Timeout:
        return None


def settled(log: list[Any]) -> list[Any]:
    """The log once it has stopped growing."""
    seen = -1
    while seen != len(log):
        seen = len(log)
        time.sleep(0.2)
    return log


@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 1000])
def test_all_items_come_in_order(n: int) -> None:
    with connected() as (service, proxy):
        assert list(proxy.count(n)) == list(range(n))
        assert service.log == [*range(n), "finally"]


def test_the_producer_is_at_most_so_many_items_ahead() -> None:
    with connected() as (service, proxy):
        stream = iter(proxy.short(100))
        for consumed in range(1, 12):
            assert next(stream) == consumed - 1
            assert len(settled(service.log)) <= consumed + 3
        stream.close()
        service.log.clear()
        stream = iter(proxy.count(1000))
        assert next(stream) == 0
        wait_until(lambda: len(service.log) >= 16)
        assert len(settled(service.log)) <= 17
        stream.close()


def test_close_runs_the_generators_finally() -> None:
    with connected() as (service, proxy):
        stream: Any = proxy.count(1000)
        assert next(stream) == 0
        stream.close()
        assert service.log[-1] == "finally"
        assert list(stream) == []
        stream.close()
        with proxy.count(1000) as another:  # type: ignore[attr-defined]
            assert next(another) == 0
        assert service.log[-1] == "finally"
        assert proxy.add(1) == 11


def test_a_forgotten_stream_is_closed() -> None:
    with connected() as (service, proxy):
        stream = proxy.count(1000)
        assert next(stream) == 0
        del stream
        gc.collect()
        wait_until(lambda: service.log[-1] == "finally")


def test_close_is_told_to_a_generator_that_works() -> None:
    with connected() as (service, proxy):
        stream: Any = proxy.endless_until_closed()
        assert service.entered.acquire(timeout=20)
        stream.close()
        assert service.log == ["saw it"]


def test_a_death_of_the_consumer_closes_the_generator(peer: Peer) -> None:
    with serving() as service:
        peer.run("from harness.rpc_services import Everything\nfrom ntipc import rpc\np = rpc.connect('s', Everything)")
        assert peer.run("s = p.count(1000)\nnext(s)") == 0
        peer.kill()
        wait_until(lambda: service.log[-1] == "finally", patience=20)


def test_the_death_of_the_producer_raises_in_the_consumer(peer: Peer) -> None:
    serve_in(peer)
    with rpc.connected("s", Everything, timeout=20) as proxy:
        stream = proxy.count(10, pause=True)
        assert [next(stream), next(stream), next(stream)] == [0, 1, 2]
        peer.run("service.entered.acquire()")
        peer.kill()
        with pytest.raises(ntipc.PeerGone, match=str(peer.pid)):
            next(stream)
        stream.close()  # type: ignore[attr-defined]


def test_exceptions_come_after_the_items_before_them() -> None:
    with connected() as (_, proxy), quiet():
        stream = proxy.failing_items()
        assert [next(stream), next(stream)] == [1, 2]
        with pytest.raises(Overdrawn) as raised:
            next(stream)
        assert raised.value.missing == 7 and "Traceback" in raised.value.__notes__[0]
        assert list(stream) == []
        wrong = proxy.wrong_items()
        assert next(wrong) == 1
        with pytest.raises(rpc.ValidationError, match="Expected `int`, got `str`"):
            next(wrong)


def test_arguments_are_checked_at_the_call() -> None:
    with connected() as (service, proxy):
        with pytest.raises(rpc.ValidationError):
            proxy.count("many")
        assert service.log == []


def test_any_iterator_streams() -> None:
    with connected() as (_, proxy):
        assert list(proxy.listed()) == [Point(1), Point(2, tags=["t"])]


def test_arrays_stream() -> None:
    with connected() as (_, proxy):
        kept = list(proxy.arrays(40))
        assert [int(array[0]) for array in kept] == list(range(40))
        assert all((array == array[0]).all() for array in kept)


def test_a_late_item_is_not_lost() -> None:
    with connected() as (service, proxy):
        impatient = rpc.with_timeout(proxy, 0.2)
        stream = wait_until(lambda: in_time(lambda: impatient.count(10, pause=True)))
        items: list[int] = []

        def take() -> bool:
            try:
                items.append(next(stream))
            except ntipc.Timeout:
                return False
            except StopIteration:
                return True
            return len(items) == 3

        wait_until(take)
        for _ in range(2):
            with pytest.raises(ntipc.Timeout):
                next(stream)
        service.go.set()
        wait_until(take)
        assert items == list(range(10))


def test_slow_consumers_hold_up_nobody() -> None:
    with connected(threads=2) as (_, proxy):
        streams = [iter(proxy.count(1000)) for _ in range(20)]
        assert [next(stream) for stream in streams] == [0] * 20
        assert proxy.add(1) == 11
        assert [list(stream) for stream in streams] == [list(range(1, 1000))] * 20


def test_a_client_may_have_so_many_streams() -> None:
    with connected(max_streams=3) as (_, proxy), quiet():
        streams: list[Any] = [proxy.count(1000) for _ in range(3)]
        with pytest.raises(rpc.ValidationError, match="3 streams open"):
            proxy.count(1)
        streams.pop().close()
        assert list(proxy.count(2)) == [0, 1]
        for stream in streams:
            stream.close()


def test_asynchronous_generators_stream_to_either_kind() -> None:
    class Ordinary(Protocol):
        def count(self, n: int) -> AsyncIterator[int]: ...

    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        assert [each async for each in proxy.count(100)] == list(range(100))
        wait_until(lambda: service.log == [*range(100), "finally"])
        streams = [proxy.count(50) for _ in range(10)]
        firsts = await asyncio.gather(*(anext(stream) for stream in streams))
        assert firsts == [0] * 10
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert service.log.count("finally") == 11
        rpc.close(proxy)

    service = AsyncEverything()
    with serving(service):
        run(work())


def test_closing_an_asynchronous_stream_cancels_its_generator() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        async with proxy.slow_items() as stream:  # type: ignore[attr-defined]
            assert await anext(stream) == 1
            await asyncio.to_thread(service.entered.acquire)
        assert service.log == ["finally"]
        rpc.close(proxy)

    service = AsyncEverything()
    with serving(service):
        run(work())


def test_a_cancelled_consumer_loses_no_item() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncView, timeout=20)
        stream = proxy.count(6, True)
        assert [await anext(stream) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(stream)
        service.go.set()
        assert [each async for each in stream] == [3, 4, 5]
        rpc.close(proxy)

    with serving() as service:
        run(work())


def test_a_stream_of_a_closed_proxy_ends_with_an_error() -> None:
    with serving(), rpc.connected("s", Everything, timeout=20) as proxy:
        stream = proxy.count(1000)
        assert next(stream) == 0
        rpc.close(proxy)
        with pytest.raises((ntipc.PeerGone, ntipc.HandleClosed)):
            list(stream)


def test_a_child_of_a_fork_takes_nothing_of_its_parents_stream() -> None:
    with connected() as (_, proxy):
        stream = proxy.count(100)
        assert next(stream) == 0
        child = os.fork()
        if child == 0:
            status = 1
            try:
                try:
                    while True:
                        next(stream)  # what had come before is here
                except ntipc.PeerGone:
                    status = 0
                del stream
                gc.collect()
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert list(stream) == list(range(1, 100))

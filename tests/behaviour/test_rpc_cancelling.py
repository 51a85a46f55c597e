"""Time limits, cancellation and deaths: told to both sides, and to nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.peers import Peer
from harness.rpc_services import AsyncEverything, AsyncView, Everything, SyncView
from harness.rpc_serving import connected, quiet, run, serve_for_ever, serve_in, serving
from harness.waiting import asleep, wait_until

import ntipc
from ntipc import rpc


def run_out_of_time(service: Any, call: Callable[[], object]) -> None:
    """Have a call with a time limit run out of it in its method. One whose turn comes too late does not begin."""
    while not service.entered.acquire(blocking=False):
        with pytest.raises(ntipc.Timeout, match="no answer came within 0.1 s") as raised:
            call()
        assert isinstance(raised.value, TimeoutError)


def test_a_time_limit_ends_the_call_and_tells_the_method() -> None:
    with connected() as (service, proxy):
        run_out_of_time(service, rpc.with_timeout(proxy, 0.1).wait_cancelled)
        assert service.go.wait(20) and service.log == ["cancelled"]
        assert proxy.add(1) == 11, "the late answer was taken for that of another call"
        assert proxy.with_timeout(20).add(2) == 12


def test_a_proxy_may_have_a_limit_for_all_calls() -> None:
    with serving() as service, rpc.connected("s", Everything, timeout=20, call_timeout=0.1) as proxy:
        with pytest.raises(ntipc.Timeout):
            proxy.wait()
        with pytest.raises(ntipc.Timeout):
            proxy.wait()
        assert rpc.with_timeout(proxy, None).add(1) == 11
        service.go.set()


def test_there_is_no_limit_by_itself() -> None:
    with connected() as (service, proxy):
        threading.Timer(1.0, service.go.set).start()
        assert proxy.wait() == "waited"


def test_limits_that_are_none_are_refused() -> None:
    with connected() as (_, proxy):
        with pytest.raises(TypeError):
            rpc.with_timeout(proxy, "soon")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="NaN"):
            rpc.with_timeout(proxy, float("nan"))


def test_a_limit_cancels_an_asynchronous_method() -> None:
    class View:
        def sleep(self, seconds: float) -> float: ...  # type: ignore[empty-body]

    service = AsyncEverything()
    with connected(service, View) as (_, proxy):
        run_out_of_time(service, lambda: rpc.with_timeout(proxy, 0.1).sleep(60))
        assert service.go.wait(20) and service.log == ["cancelled"]
        assert proxy.sleep(0) == 0


def test_cancelling_a_task_cancels_the_method() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        task = asyncio.create_task(proxy.sleep(60))
        await asyncio.to_thread(service.entered.acquire)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(service.go.wait, 20)
        assert service.log == ["cancelled"] and await proxy.add(1) == 11
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await proxy.sleep(60)
        with pytest.raises(ntipc.Timeout):
            await rpc.with_timeout(proxy, 0.05).sleep(60)
        rpc.close(proxy)

    service = AsyncEverything()
    with serving(service):
        run(work())


def test_cancelling_a_task_tells_an_ordinary_method() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncView, timeout=20)
        task = asyncio.create_task(proxy.wait_cancelled())
        await asyncio.to_thread(service.entered.acquire)
        task.cancel()
        assert await asyncio.to_thread(service.go.wait, 20)
        rpc.close(proxy)

    with serving() as service:
        run(work())
        assert service.log == ["cancelled"]


CALL = """
from harness.rpc_services import Everything, AsyncEverything
from ntipc import rpc
p = rpc.connect('s', Everything)
"""


def test_the_death_of_a_client_reaches_its_calls_alone(peer: Peer, start_peer: Any) -> None:
    with serving() as service:
        other = start_peer()
        peer.run(CALL)
        peer.begin("p.wait_cancelled()")
        assert service.entered.acquire(timeout=20)
        other.run(CALL)
        waiting = other.begin("p.wait()")
        assert service.entered.acquire(timeout=20)
        peer.kill()
        wait_until(lambda: service.log == ["cancelled"], patience=20)
        assert waiting.result() == "waited"
        assert other.run("p.add(1)") == 11


def test_the_death_of_a_client_cancels_tasks(peer: Peer) -> None:
    service = AsyncEverything()
    with serving(service):
        peer.run(CALL.replace("'s', Everything", "'s', AsyncEverything"))
        peer.begin("import asyncio; asyncio.run(p.sleep(60))")
        assert service.entered.acquire(timeout=20)
        peer.kill()
        assert service.go.wait(20) and service.log == ["cancelled"]


def test_the_death_of_the_server_is_told_to_every_caller(peer: Peer) -> None:
    serve_in(peer)
    with rpc.connected("s", Everything, timeout=20) as proxy:
        told: list[BaseException] = []

        def call() -> None:
            try:
                proxy.wait()
            except BaseException as error:
                told.append(error)

        threads = [threading.Thread(target=call) for _ in range(5)]
        for thread in threads:
            thread.start()
        peer.run("[service.entered.acquire() for _ in range(5)] and None")
        peer.kill()
        for thread in threads:
            thread.join(20)
        assert len(told) == 5
        for error in told:
            assert isinstance(error, ntipc.ReplyLost) and isinstance(error, ConnectionError)
            assert "'s'" in str(error) and str(peer.pid) in str(error) and "may have run" in str(error)
        for _ in range(2):  # at once, not hanging
            with pytest.raises(ntipc.PeerGone, match=f"process {peer.pid}"):
                proxy.add(1)


def test_the_death_of_the_server_is_told_to_tasks(peer: Peer) -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncView, timeout=20)
        waiting = [asyncio.create_task(proxy.wait()) for _ in range(3)]
        await asyncio.to_thread(peer.run, "[service.entered.acquire() for _ in range(3)] and None")
        peer.kill()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [isinstance(each, ntipc.PeerGone) for each in results] == [True] * 3
        with pytest.raises(ntipc.PeerGone):
            await proxy.add(1)
        rpc.close(proxy)

    serve_in(peer)
    run(work())


def test_the_same_proxy_works_with_the_next_server(start_peer: Any) -> None:
    first, second = start_peer(), start_peer()
    serve_in(first)
    with rpc.connected("s", Everything, timeout=20) as proxy:
        assert proxy.pid() == first.pid
        with pytest.raises(ntipc.ReplyLost):
            proxy.die()
        with pytest.raises(ntipc.PeerGone):
            proxy.pid()
        serve_in(second)
        assert proxy.pid() == second.pid
        with serving(name="other"), rpc.connected("other", Everything, timeout=20) as another:
            assert another.pid() == os.getpid()


def test_the_next_server_must_fit_too(start_peer: Any) -> None:
    first, second = start_peer(), start_peer()
    serve_in(first, version=1)
    with rpc.connected("s", Everything, timeout=20, version=1) as proxy:
        first.kill()
        serve_in(second, version=2)
        with pytest.raises(rpc.InterfaceMismatch, match="version 1 is wanted, the service is of version 2"):
            proxy.add(1)


def test_a_server_that_ends_and_starts_again_in_one_process() -> None:
    with serving():
        proxy = rpc.connect("s", Everything, timeout=20)
        assert proxy.add(1) == 11
    with pytest.raises(ntipc.PeerGone):
        proxy.add(1)
    with serving():
        assert proxy.add(1) == 11
    rpc.close(proxy)


def test_only_idempotent_calls_are_repeated(start_peer: Any, tmp_path: Path) -> None:
    first, second = start_peer(), start_peer()
    serve_in(first)
    second.run("from ntipc import rpc\nfrom harness.rpc_services import Everything\nimport threading")
    # The second takes the name as soon as it is free.
    second.begin(
        """
def take():
    while True:
        try:
            return rpc.Server('s', Everything()).start()
        except ntipc.ObjectExists:
            time.sleep(0.001)
server = take()
"""
    )
    with rpc.connected("s", Everything, timeout=20) as proxy:
        assert proxy.pid() == first.pid
        end = time.monotonic() + 20
        try:
            answered = proxy.again(str(tmp_path / "called"))
        except ntipc.ReplyLost:  # nobody had the name just then
            while time.monotonic() < end:
                try:
                    answered = proxy.again(str(tmp_path / "called"))
                    break
                except ntipc.PeerGone:
                    time.sleep(0.01)
        assert answered == second.pid
        with pytest.raises(ntipc.ReplyLost):
            proxy.die()


def test_stop_finishes_what_runs_and_refuses_what_is_new() -> None:
    service = Everything()
    server = rpc.Server("s", service).start()
    proxy = rpc.connect("s", Everything, timeout=20)
    results: list[Any] = []
    caller = threading.Thread(target=lambda: results.append(proxy.wait()))
    caller.start()
    assert service.entered.acquire(timeout=20)
    stopping = threading.Thread(target=lambda: results.append(server.stop(20)))
    stopping.start()

    def refused() -> bool:
        try:
            proxy.add(1)
        except ntipc.ConnectionRefused as error:
            assert "stopping" in str(error) and "has not run" in str(error)
            return True
        return False

    with quiet():
        wait_until(refused)
    service.go.set()
    caller.join(20)
    stopping.join(20)
    assert sorted(map(str, results)) == ["True", "waited"]
    with pytest.raises(ntipc.PeerGone):
        proxy.add(1)
    rpc.close(proxy)


def test_stop_waits_no_longer_than_it_is_told() -> None:
    service = Everything()
    server = rpc.Server("s", service).start()
    proxy = rpc.connect("s", Everything, timeout=20)
    told: list[BaseException] = []

    def call() -> None:
        try:
            proxy.wait_cancelled()
        except BaseException as error:
            told.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    assert service.entered.acquire(timeout=20)
    assert server.stop(0.1) is False
    caller.join(20)
    assert not caller.is_alive()
    assert isinstance(told[0], ntipc.PeerGone), "the method answered although it was told that it is cancelled"
    assert service.go.wait(20) and service.log == ["cancelled"]
    rpc.close(proxy)


@pytest.mark.parametrize("service", [Everything, AsyncEverything])
def test_stop_lets_streams_come_to_their_end(service: type) -> None:
    server = rpc.Server("s", service()).start()
    with rpc.connected("s", SyncView if service is AsyncEverything else Everything, timeout=20) as proxy:
        streams = [proxy.count(100) for _ in range(2)]
        assert [next(stream) for stream in streams] == [0, 0]
        results: list[bool] = []
        stopping = threading.Thread(target=lambda: results.append(server.stop(20)))
        stopping.start()
        assert list(streams[0]) == list(range(1, 100))
        assert not results
        streams[1].close()  # type: ignore[attr-defined]
        stopping.join(20)
    assert results == [True]


def test_stop_waits_for_no_stream_longer_than_it_is_told() -> None:
    server = rpc.Server("s", Everything()).start()
    with rpc.connected("s", Everything, timeout=20) as proxy:
        stream = proxy.count(100)
        assert next(stream) == 0
        assert server.stop(0.05) is False
        with pytest.raises(ntipc.PeerGone):
            list(stream)


def test_stop_cancels_tasks_at_the_end_of_the_grace() -> None:
    service = AsyncEverything()
    server = rpc.Server("s", service).start()

    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        task = asyncio.create_task(proxy.sleep(60))
        await asyncio.to_thread(service.entered.acquire)
        assert await server.stop_async(0.1) is False
        with pytest.raises(ntipc.PeerGone):
            await task
        rpc.close(proxy)

    run(work())
    assert service.go.wait(20) and service.log == ["cancelled"]


def test_ctrl_c_ends_serve_at_once_also_while_calls_run(peer: Peer) -> None:
    serving = serve_for_ever(peer)
    with rpc.connected("s", Everything, timeout=20) as proxy:
        told: list[BaseException] = []

        def call() -> None:
            try:
                proxy.wait()
            except BaseException as error:
                told.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        wait_until(lambda: asleep(os.getpid()))  # it has asked
        assert proxy.add(1) == 11
        os.kill(peer.pid, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            serving.result()
        caller.join(20)
        assert isinstance(told[0], ntipc.PeerGone)
    assert rpc.services() == []


def test_programs_end_although_servers_and_proxies_are_open(peer: Peer, start_peer: Any) -> None:
    serve_in(peer)
    client = start_peer()
    client.run(CALL + "import asyncio\nasync def f():\n    return await rpc.connect('s', AsyncView).add(1)")
    client.run("from harness.rpc_services import AsyncView\nasyncio.run(f())")
    client.begin("p.wait()", thread="waits")
    serve_in(client, name="of the client")
    client.begin("p2 = rpc.connect('of the client', Everything)\np2.wait()", thread="also waits")
    wait_until(lambda: client.run("service.entered.acquire(timeout=0.1)") or None, patience=20)
    assert client.process.stdin is not None
    client.process.stdin.close()  # its main thread returns, as that of a program does
    assert client.wait(20) == 0
    with rpc.connected("s", Everything, timeout=20) as proxy:
        assert proxy.add(1) == 11

"""Calls: values there and back, many at once, from threads, tasks, other processes and children of forks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import pickle
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from harness.peers import Peer
from harness.rpc_services import AsyncEverything, AsyncView, Everything, Overdrawn, Point, SyncView
from harness.rpc_serving import connected, quiet, run, serve_in, serving
from harness.waiting import wait_until

import ntipc
from ntipc import rpc


def test_calls_return_results() -> None:
    with connected() as (_, proxy):
        assert proxy.add(1) == 11
        assert proxy.add(1, 2, factor=3) == 9
        assert proxy.add(a=1, factor=2) == 22
        assert proxy.only_places(5) == [5, 2]
        assert proxy.echo_point(Point(1, tags=["x"])) == Point(1, tags=["x"])
        assert proxy.pid() == os.getpid() == proxy.caller()


def test_python_checks_what_is_given() -> None:
    with connected() as (_, proxy):
        for wrong in (
            lambda: proxy.add(),
            lambda: proxy.add(1, 2, 3),
            lambda: proxy.add(1, wrong=2),
            lambda: proxy.only_places(a=1),
        ):
            with pytest.raises(TypeError):
                wrong()
        with pytest.raises(AttributeError):
            proxy.nothing()
        with pytest.raises(rpc.ValidationError, match="argument 'a'"):
            proxy.add("1")
        assert proxy.add(2) == 12


def test_large_values_travel() -> None:
    with connected() as (_, proxy):
        array = np.arange(1_000_000, dtype=np.float64)
        assert (proxy.echo_array(array) == array).all()
        assert proxy.total(array) == array.sum()
        data = os.urandom(3_000_000)
        assert proxy.echo_bytes(data) == data == proxy.echo_memory(data)
        assert proxy.echo_point(Point(1, tags=["tag"] * 100_000)).tags == ["tag"] * 100_000


def test_what_a_service_keeps_stays_as_it_was() -> None:
    with connected() as (service, proxy):
        array, data = np.arange(100_000), bytearray(b"x" * 500_000)
        proxy.keep(array, data)
        kept = service.kept
        array[:] = 0
        data[:] = b"y" * 500_000
        for _ in range(20):
            proxy.echo_array(np.zeros(100_000, np.int64))
            proxy.echo_memory(b"z" * 500_000)
        assert (kept[0] == np.arange(100_000)).all() and kept[1] == b"x" * 500_000


def test_objects_travel_both_ways() -> None:
    with connected() as (_, proxy), ntipc.Event() as event, proxy.set_event(event) as returned:
        assert event.wait(0) and returned.identity == event.identity


def test_exceptions_arrive_with_the_remote_traceback_and_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with connected() as (_, proxy):
        with caplog.at_level(logging.INFO, "ntipc.rpc"), pytest.raises(Overdrawn) as raised:
            proxy.fail("declared")
        assert (raised.value.account, raised.value.missing) == ("ann", 5)
        assert "rpc_services.py" in raised.value.__notes__[0]
        assert "Everything.fail of service 's' raised Overdrawn" in caplog.text and "Traceback" in caplog.text
        with pytest.raises(KeyError):
            proxy.fail("key")
        assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
        with quiet():
            with pytest.raises(FileNotFoundError) as missing:
                proxy.fail("file")
            assert missing.value.filename == "/nonexistent/file"
            for which in "exit", "interrupt", "other":
                with pytest.raises(rpc.RemoteError):
                    proxy.fail(which)
            with pytest.raises(rpc.ValidationError, match="the result: Expected `int`, got `str`"):
                proxy.wrong_result()
        assert proxy.add(1) == 11


def test_threads_share_a_proxy() -> None:
    with connected() as (_, proxy):

        def work(number: int) -> list[int]:
            return [proxy.add(number, each) for each in range(100)]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for number, sums in enumerate(pool.map(work, range(8))):
                assert sums == [number + each for each in range(100)]


def test_slow_calls_keep_nobody_waiting() -> None:
    with connected() as (service, proxy), concurrent.futures.ThreadPoolExecutor(10) as pool:
        slow = [pool.submit(proxy.wait) for _ in range(10)]
        for _ in slow:
            assert service.entered.acquire(timeout=20)
        assert proxy.add(1) == 11
        service.go.set()
        assert [each.result(20) for each in slow] == ["waited"] * 10


def test_no_more_calls_run_at_once_than_there_are_threads() -> None:
    with connected(threads=2) as (service, proxy):
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            slow = [pool.submit(proxy.wait) for _ in range(6)]
            assert service.entered.acquire(timeout=20) and service.entered.acquire(timeout=20)
            assert not service.entered.acquire(timeout=0.2)
            with pytest.raises(ntipc.Timeout):
                rpc.with_timeout(proxy, 0.05).add(1)
            service.go.set()
            assert [each.result(20) for each in slow] == ["waited"] * 6
        assert proxy.add(1) == 11


def test_a_hundred_calls_of_one_loop_run_at_once() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        before = threading.active_count()
        sleeping = asyncio.gather(*(proxy.sleep(0.2) for _ in range(100)))
        assert await asyncio.gather(*(proxy.add(number, number) for number in range(100))) == list(range(0, 200, 2))
        assert threading.active_count() <= before + 3
        assert await sleeping == [0.2] * 100
        rpc.close(proxy)

    with serving(AsyncEverything()):
        run(work())


def test_asynchronous_methods_know_their_callers() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        assert await asyncio.gather(*(proxy.caller() for _ in range(10))) == [os.getpid()] * 10
        assert proxy.plain(1) == 2
        with quiet():
            with pytest.raises(Overdrawn):
                await proxy.fail()
            with pytest.raises(ExceptionGroup) as group:
                await proxy.fail_group()
        assert type(group.value.exceptions[0]) is Overdrawn
        rpc.close(proxy)

    with serving(AsyncEverything()):
        run(work())


def test_a_server_started_in_a_loop_runs_its_tasks_there() -> None:
    class Service:
        async def loop(self) -> int:
            return id(asyncio.get_running_loop())

    async def work() -> None:
        async with rpc.Server("s", Service()):
            proxy = rpc.connect("s", Service, timeout=20)
            assert await proxy.loop() == id(asyncio.get_running_loop())
            rpc.close(proxy)

    run(work())


def test_either_side_may_be_asynchronous() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncView, timeout=20)
        assert await proxy.add(2) == 12
        assert [each async for each in proxy.count(3)] == [0, 1, 2]
        array = np.arange(50_000)
        assert (await proxy.echo_array(array) == array).all()
        rpc.close(proxy)

    with serving():
        run(work())
    with connected(AsyncEverything(), SyncView) as (_, proxy):
        assert proxy.add(2) == 12
        assert list(proxy.count(3)) == [0, 1, 2]


def test_other_processes_call(start_peer: Any) -> None:
    with serving():
        peers = [start_peer() for _ in range(3)]
        code = "from harness.rpc_services import Everything\nfrom ntipc import rpc\n"
        code += "p = rpc.connect('s', Everything)\n(p.caller(), p.pid(), [p.add(n, n) for n in range(200)])"
        calls = [peer.begin(code) for peer in peers]
        for peer, call in zip(peers, calls, strict=True):
            assert call.result() == (peer.pid, os.getpid(), list(range(0, 400, 2)))


def test_children_of_forks_use_the_proxy_of_their_parent(peer: Peer) -> None:
    serve_in(peer)
    with rpc.connected("s", Everything, timeout=20) as proxy:
        assert proxy.caller() == os.getpid()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                right = proxy.caller() == os.getpid() and all(proxy.add(n, n) == 2 * n for n in range(100))
                os.write(writing, b"right" if right else b"wrong")
                status = 0
            finally:
                os._exit(status)
        assert all(proxy.add(n, 1) == n + 1 for n in range(100)) and proxy.caller() == os.getpid()
        assert os.waitpid(child, 0)[1] == 0
        assert os.read(reading, 10) == b"right"
        os.close(reading)
        os.close(writing)
        assert proxy.caller() == os.getpid()


def test_proxies_are_pickled_as_what_they_connect_to() -> None:
    with connected() as (_, proxy):
        twin = pickle.loads(pickle.dumps(rpc.with_timeout(proxy, 5)))
        assert twin.add(3) == 13
        rpc.close(twin)


def test_one_way_calls_return_at_once_and_run_in_order() -> None:
    with connected() as (service, proxy):
        assert proxy.note("hello") is None
        assert service.go.wait(20)
        with quiet():
            proxy.note("fail")
            wait_until(lambda: service.log == ["hello", "fail"])
        assert proxy.add(1) == 11


def test_one_way_calls_run_even_if_their_sender_ends() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        await proxy.note("last words")
        rpc.close(proxy)

    service = AsyncEverything()
    with serving(service):
        run(work())
        assert service.go.wait(20) and service.log == ["last words"]


def test_a_closed_proxy_says_so() -> None:
    with connected() as (_, proxy):
        rpc.close(proxy)
        with pytest.raises(ntipc.HandleClosed, match="closed"):
            proxy.add(1)
    with pytest.raises(TypeError, match="no proxy"):
        rpc.close(3)


def test_methods_may_be_called_as_what_proxies_can_do() -> None:
    class Service:
        def with_timeout(self, seconds: float) -> str:
            return f"own {seconds}"

        def close(self) -> str:
            return "own close"

    with connected(Service(), Service) as (_, proxy):
        assert proxy.with_timeout(1.0) == "own 1.0" and proxy.close() == "own close"
        assert rpc.with_timeout(proxy, 20).close() == "own close"


def test_what_does_not_fit_is_told_at_connect() -> None:
    class Other:
        def add(self, a: str, b: int = 0) -> int: ...  # type: ignore[empty-body]

    class More(Everything):
        def unheard_of(self) -> None: ...

    with serving(version="1.2"):
        with pytest.raises(
            rpc.InterfaceMismatch, match=r"add\(a: str, b: int = 0\) -> int, the service has add\(a: int"
        ):
            rpc.connect("s", Other, timeout=20)
        with pytest.raises(rpc.InterfaceMismatch, match="no method 'unheard_of'"):
            rpc.connect("s", More, timeout=20)
        with pytest.raises(ntipc.NtError, match=r"'2.0' is wanted, the service is of version '1.2'"):
            rpc.connect("s", Everything, version="2.0", timeout=20)
        with rpc.connected("s", Everything, version="1.2", timeout=20) as proxy:
            assert proxy.add(1) == 11


def test_there_is_no_service() -> None:
    with pytest.raises(ntipc.ObjectNotFound):
        rpc.connect("nobody", Everything, timeout=0)
    with serving(), pytest.raises(ntipc.ObjectExists):
        rpc.Server("s", Everything()).start()


def test_servers_refuse_nonsense() -> None:
    with pytest.raises(TypeError, match="not a class"):
        rpc.Server("s", Everything)
    with pytest.raises(ValueError, match="threads must be at least 1"):
        rpc.Server("s", Everything(), threads=0)
    with pytest.raises(TypeError, match="has no method"):
        rpc.Server("s", Point(1), interface=Everything)

    async def work() -> None:
        with pytest.raises(RuntimeError, match="block the running loop"):
            rpc.serve("s", Everything())

    run(work())


def test_only_what_the_interface_has_can_be_called() -> None:
    refused = pytest.raises(rpc.InterfaceMismatch, match="no method 'call_back'")
    with serving(interface=SyncView, service=AsyncEverything()), refused:
        rpc.connect("s", AsyncEverything, timeout=20)


def test_services_are_listed_while_they_live(peer: Peer) -> None:
    assert rpc.services() == []
    with serving(version=3):
        serve_in(peer, "AsyncEverything()", "other")
        found = rpc.services()
        assert [(each.name, each.pid, each.interface, each.version) for each in found] == [
            ("other", peer.pid, "AsyncEverything", None), ("s", os.getpid(), "Everything", 3),
        ]  # fmt: skip
        peer.kill()
        wait_until(lambda: [each.name for each in rpc.services()] == ["s"])
    assert rpc.services() == []


def test_importing_the_library_does_not_import_msgspec() -> None:
    code = "import sys, ntipc, ntipc.testing; print([n for n in ('msgspec', 'numpy', 'asyncio') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout == "[]\n"


def test_current_is_for_methods() -> None:
    with pytest.raises(RuntimeError, match="for methods"):
        rpc.current()


def test_machine_wide_services_carry_arrays_too() -> None:
    with serving(name=r"Global\s"), rpc.connected(r"Global\s", Everything, timeout=20) as proxy:
        array = np.arange(100_000)
        assert (proxy.echo_array(array) == array).all()

"""Arguments by reference: their methods run in the client's process, while it waits and later."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from harness.peers import Peer
from harness.rpc_services import AsyncEverything, AsyncView, Everything, Listener, Overdrawn
from harness.rpc_serving import connected, quiet, run, serve_in, serving
from harness.waiting import wait_until
from msgspec import msgpack

import ntipc
from ntipc import rpc
from ntipc.rpc import protocol
from ntipc.rpc.failures import exception_of
from ntipc.rpc.handlers import prefix_of
from ntipc.rpc.served_callbacks import CallbackChannel


class Seen:
    """A listener."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def changed(self, key: str, value: int) -> int:
        self.seen.append((key, value))
        return os.getpid()


def test_methods_run_in_the_clients_process(peer: Peer) -> None:
    serve_in(peer)
    with rpc.connected("s", Everything, timeout=20) as proxy:
        listener = Seen()
        assert proxy.call_back(listener, 3) == [os.getpid()] * 3
        assert listener.seen == [("key", 0), ("key", 1), ("key", 2)]


def test_functions_travel_by_reference() -> None:
    with connected() as (_, proxy):
        assert proxy.apply(lambda number, text: text * number, [1, 2, 3]) == ["x", "xx", "xxx"]
        with quiet(), pytest.raises(rpc.ValidationError, match="the result: Expected `str`, got `int`"):
            proxy.apply(lambda number, text: number, [1])  # type: ignore[arg-type, return-value]


def test_a_kept_reference_can_be_called_later() -> None:
    with connected() as (service, proxy):
        listener = Seen()
        proxy.subscribe(listener)
        assert proxy.publish(7) == os.getpid()
        assert service.listener.changed("from a thread of the service", 8) == os.getpid()
        assert listener.seen == [("published", 7), ("from a thread of the service", 8)]


def test_an_object_is_kept_as_long_as_the_service_refers_to_it() -> None:
    with connected() as (service, proxy):
        exported = proxy._ntipc_link.references._objects
        for _ in range(5):
            proxy.subscribe(Seen())
        wait_until(lambda: len(exported) == 1)
        same = Seen()
        for _ in range(5):
            proxy.subscribe(same)
        assert proxy.publish(1) == os.getpid() and len(same.seen) == 1
        proxy.subscribe(None)
        gc.collect()
        wait_until(lambda: not exported)
        assert service.listener is None


def test_exceptions_of_callbacks_arrive_in_the_service() -> None:
    class Angry:
        def changed(self, key: str, value: int) -> int:
            raise Overdrawn(key, value)

    with connected() as (_, proxy), quiet():
        with pytest.raises(Overdrawn) as raised:
            proxy.call_back(Angry())
        assert raised.value.account == "key"


def test_callbacks_call_the_service_again() -> None:
    with connected(threads=4) as (_, proxy):
        assert proxy.apply(lambda number, text: str(proxy.add(number, number)), [1, 2]) == ["2", "4"]

        class Deep:
            def changed(self, key: str, value: int) -> int:
                return sum(proxy.call_back(Seen(), 1)) if value else 0

        assert proxy.call_back(Deep(), 2) == [0, os.getpid()]


def test_many_callbacks_at_once() -> None:
    with connected() as (_, proxy):
        results: list[list[str]] = []

        def work() -> None:
            results.append(proxy.apply(lambda number, text: f"{number}{text}", list(range(50))))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(40)
        assert results == [[f"{number}x" for number in range(50)]] * 8


def test_what_lacks_the_methods_is_refused_here() -> None:
    with connected() as (service, proxy):
        with pytest.raises(rpc.ValidationError, match="object has no method 'changed'"):
            proxy.call_back(object())  # type: ignore[arg-type]
        with pytest.raises(rpc.ValidationError):
            proxy.apply(3, [1])  # type: ignore[arg-type]
        assert service.log == []


def test_asynchronous_objects_run_in_the_loop_of_their_program() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        here = asyncio.get_running_loop()

        class Awaited:
            async def changed(self, key: str, value: int) -> int:
                await asyncio.sleep(0.001)
                assert asyncio.get_running_loop() is here
                return value * 10

        assert await proxy.call_back(Awaited()) == 40
        assert await asyncio.gather(*(proxy.call_back(Awaited()) for _ in range(10))) == [40] * 10
        rpc.close(proxy)

    with serving(AsyncEverything()):
        run(work())


def test_an_asynchronous_client_lets_functions_be_called() -> None:
    async def work() -> None:
        proxy = rpc.connect("s", AsyncView, timeout=20)
        assert await proxy.apply(lambda number, text: f"{number}{text}", [5]) == ["5x"]
        rpc.close(proxy)

    with serving():
        run(work())


def test_the_death_of_the_client_is_told_to_the_service(peer: Peer) -> None:
    with serving() as service:
        peer.run("from harness.rpc_services import Everything\nfrom ntipc import rpc\np = rpc.connect('s', Everything)")
        called = ntipc.Event("called")
        peer.run("called = ntipc.Event('called')")
        peer.run("class L:\n    def changed(self, key, value):\n        called.set(); time.sleep(60)")
        peer.run("p.subscribe(L())")
        told: list[BaseException] = []

        def call() -> None:
            try:
                service.listener.changed("k", 1)
            except BaseException as error:
                told.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        assert called.wait(20)
        peer.kill()
        caller.join(20)
        assert isinstance(told[0], ntipc.ReplyLost) and str(peer.pid) in str(told[0])
        with pytest.raises(ntipc.PeerGone):
            service.listener.changed("k", 2)


def test_a_service_may_wait_for_a_callback_for_so_long() -> None:
    class Slow:
        def changed(self, key: str, value: int) -> int:
            go.wait(30)
            return 1

    go = threading.Event()
    with connected() as (service, proxy):
        proxy.subscribe(Slow())
        with pytest.raises(ntipc.Timeout):
            rpc.with_timeout(service.listener, 0.05).changed("k", 1)
        go.set()
        assert service.listener.changed("k", 2) == 1


def test_one_way_callbacks() -> None:
    class Sink(Protocol):
        @rpc.one_way
        def put(self, item: int) -> None: ...

    class Service:
        def fill(self, sink: Sink, tell: Callable[[], None] | None = None) -> None:
            for item in range(5):
                sink.put(item)
            if tell is not None:
                tell()

    class Taken:
        def __init__(self) -> None:
            self.items: list[int] = []

        def put(self, item: int) -> None:
            self.items.append(item)

    with connected(Service(), Service) as (_, proxy):
        taken, told = Taken(), threading.Event()
        proxy.fill(taken, lambda: told.set())
        assert told.wait(20)
        wait_until(lambda: sorted(taken.items) == [0, 1, 2, 3, 4])
        proxy.fill(taken)


def test_proxies_of_references_cannot_be_pickled() -> None:
    import pickle

    with connected() as (service, proxy):
        proxy.subscribe(Seen())
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(service.listener)
        listener: Listener = service.listener
        assert "Listener" in repr(listener)


def test_the_service_cannot_call_what_it_was_not_given() -> None:
    from ntipc.rpc.served_callbacks import CallbackLink

    with connected() as (service, proxy):
        proxy.subscribe(Seen())
        link: Any = service.listener._ntipc_link
        forged = CallbackLink(link._channel, 99, link.interface)
        from ntipc.rpc.proxy import make_proxy

        with pytest.raises(rpc.ValidationError, match="let go, or never had"):
            make_proxy(forged, 20).changed("k", 1)


def test_a_client_that_asks_for_nothing_keeps_no_memory_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be stopped, or hostile."""
    monkeypatch.setattr("ntipc.rpc.served_callbacks.MOST_WANTED", 20)
    hello = msgpack.encode(protocol.Hello(protocol.PROTOCOL))
    with quiet(), serving() as service, ntipc.PortClient("s", data=hello, timeout=20) as client:
        reference = msgpack.Ext(4, msgpack.encode((1,)))
        subscribe = prefix_of("subscribe") + msgpack.encode((reference,))
        assert client.call(subscribe, 20) == msgpack.encode(None)
        for _ in range(20):
            with pytest.raises(ntipc.Timeout):
                rpc.with_timeout(service.listener, 0.001).changed("k", 1)
        with pytest.raises(ntipc.OutOfResources, match="left 20 calls"):
            service.listener.changed("k", 1)
        reply = client.call(subscribe, 20)
        assert isinstance(reply, bytes) and isinstance(exception_of(reply, {}, "s"), ntipc.OutOfResources)


def test_a_client_whose_end_was_heard_of_before_its_last_question_is_answered() -> None:
    """Two threads of a service may have one message each in hand."""
    answers: list[bytes] = []
    channel = CallbackChannel(lambda message, data, packer: not answers.append(data), "a client", None)
    channel.fail()
    channel.next(None)  # type: ignore[arg-type]
    assert protocol.read_wanted(answers[0]) == (0, 0, b"")


def test_ctrl_c_while_the_thread_for_callbacks_starts_keeps_no_later_one_from_it() -> None:
    class Interrupted(threading.Thread):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    with connected() as (_, proxy):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ntipc.rpc.callbacks.threading.Thread", Interrupted)
            with pytest.raises(KeyboardInterrupt):
                proxy.call_back(Seen())
        assert rpc.with_timeout(proxy, 20).call_back(Seen()) == [os.getpid()]
        wait_until(lambda: [each.name for each in threading.enumerate()].count("ntipc.rpc objects for s") == 1)


def test_a_reference_may_go_in_the_midst_of_a_callback() -> None:
    """Collected as garbage by the very thread that has the lock."""
    with connected() as (service, proxy):
        proxy.subscribe(Seen())
        channel: Any = service.listener._ntipc_link._channel

        def let_go_within() -> None:
            with channel._lock:
                channel.let_go(99)

        thread = threading.Thread(target=let_go_within, daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        assert proxy.publish(7) == os.getpid()


def test_closing_a_proxy_lets_its_threads_go() -> None:
    before = threading.active_count()
    with serving():
        proxy = rpc.connect("s", Everything, timeout=20)
        proxy.subscribe(Seen())
        rpc.close(proxy)
        wait_until(lambda: not [each for each in threading.enumerate() if "objects for" in each.name])
    wait_until(lambda: threading.active_count() <= before + 1)


def test_a_forgotten_proxy_keeps_its_connection_as_long_as_the_service_keeps_an_object() -> None:
    service, listener = Everything(), Seen()
    with rpc.Server("s", service) as server:
        proxy = rpc.connect("s", Everything, timeout=20)
        proxy.subscribe(listener)
        assert proxy.call_back(Seen(), 1) == [os.getpid()]
        del proxy
        gc.collect()
        assert service.listener is not None
        assert service.listener.changed("still there", 1) == os.getpid()
        with rpc.connected("s", Everything, timeout=20) as other:
            other.subscribe(None)
        assert server._port is not None
        port = server._port
        wait_until(lambda: not port.connections)
    wait_until(lambda: not [each for each in threading.enumerate() if "objects for" in each.name])

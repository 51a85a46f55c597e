"""Clients and services that do not keep to the protocol: a clear error for them, and nothing for anybody else."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from harness.peers import Peer
from harness.rpc_services import AsyncEverything, Everything, Slow
from harness.rpc_serving import connected, quiet, serve_in, serving
from msgspec import msgpack

import ntipc
from ntipc import rpc
from ntipc.ports import Port, PortClient
from ntipc.rpc import protocol
from ntipc.rpc.failures import FAILURE, exception_of
from ntipc.rpc.handlers import prefix_of
from ntipc.rpc.protocol import PROTOCOL, Hello, Welcome

HELLO = msgpack.encode(Hello(PROTOCOL))


@pytest.fixture
def raw() -> Iterator[PortClient]:
    """A client of bytes, with a service of :class:`Everything` at the other side."""
    with quiet(), serving(max_argument=100_000):
        client = PortClient("s", data=HELLO, timeout=20)
        yield client
        with rpc.connected("s", Everything, timeout=20) as proxy:
            assert proxy.add(1) == 11, "the service did not go on"
        client.close()


def answer(client: PortClient, data: bytes, handles: Any = ()) -> BaseException:
    """The exception that a request is answered with."""
    reply = client.call(data, 20, handles)
    assert isinstance(reply, bytes) and reply[0] == FAILURE
    return exception_of(reply, {}, "s")


BAD = [
    b"",
    b"\x00",
    b"\x01",
    b"\x01\xff",
    b"garbage of some length",
    prefix_of("add"),
    prefix_of("add") + b"\x93\x01\x02",
    prefix_of("add") + b"\xdd\xff\xff\xff\xff",
    prefix_of("echo_point") + b"\x91" * 50_000,
    prefix_of("nothing") + b"\x90",
    prefix_of("_private") + b"\x90",
    prefix_of("__init__") + b"\x90",
    prefix_of("__class__") + b"\x90",
    prefix_of("log") + b"\x90",
    prefix_of("go") + b"\x90",
    protocol.TAKE.prefix,
    protocol.TAKE.prefix + b"\x90",
    protocol.TAKE.write(1, 0),
    protocol.TAKE.write(-1, -1),
    protocol.JSON.prefix + b"\xc1",
    protocol.JSON.write("add", b"{"),
    protocol.JSON.write("add", b"[1,"),
    protocol.JSON.write("_add", b"[]"),
    protocol.JSON.write("call_back", b"[1]"),
    protocol.ANSWER.prefix + b"\x91",
    prefix_of("$nothing") + b"\x90",
]


@pytest.mark.parametrize("data", BAD, ids=lambda data: data[:24].hex())
def test_bad_requests_get_an_error_each(raw: PortClient, data: bytes) -> None:
    for _ in range(3):
        assert isinstance(answer(raw, data), (rpc.ValidationError, AttributeError, ValueError, rpc.RemoteError))
    raw.send(data)  # a datagram gets no answer, and does no harm


def test_too_much_is_refused_with_both_numbers(raw: PortClient) -> None:
    with pytest.raises(ValueError, match="150,0.*100,000"):
        raw.call(prefix_of("echo_bytes") + msgpack.encode((b"x" * 150_000,)), 20)
    with rpc.connected("s", Everything, timeout=20) as proxy:
        with pytest.raises((rpc.ValidationError, ValueError), match="100,000"):
            proxy.echo_memory(b"x" * 150_000)
        assert proxy.echo_bytes(b"x" * 90_000) == b"x" * 90_000


def test_answers_to_what_nobody_asked_do_no_harm(raw: PortClient) -> None:
    for number in (0, 1, -1, 2**63):
        raw.send(protocol.ANSWER.prefix + msgpack.encode((number, b"x")))
    for _ in range(3):  # a client that asks again withdraws what it asked before
        with pytest.raises(ntipc.Timeout):
            raw.call(protocol.NEXT.write(), 0.02)


def test_objects_that_nobody_wants_are_closed(raw: PortClient) -> None:
    event = ntipc.Event()
    answer(raw, prefix_of("nothing"), [event])
    answer(raw, prefix_of("add") + msgpack.encode((1, "x")), [event, event])
    assert raw.call(prefix_of("add") + msgpack.encode((1,)), 20, [event]) == msgpack.encode(11)
    assert event.info()["handles"] == 1


def test_random_requests_do_no_harm(raw: PortClient) -> None:
    generator = random.Random(3)
    heads = [
        *(prefix_of(name) for name in ("add", "echo_array", "call_back", "apply", "count", "echo_many")),
        *(each.prefix for each in (protocol.TAKE, protocol.CLOSE, protocol.PASSED, protocol.ANSWER, protocol.JSON)),
    ]
    for _ in range(1000):
        data = generator.choice(heads) + generator.randbytes(generator.randrange(20))
        if generator.random() < 0.3:
            raw.send(data)
        else:
            raw.call(data, 20)


def test_strangers_are_refused_in_words() -> None:
    with quiet(), serving():
        for data in (b"", b"hello", msgpack.encode(Hello(99)), msgpack.encode({"other": 1}), b"\xc1"):
            with pytest.raises(ntipc.ConnectionRefused):
                PortClient("s", data=data, timeout=20)
        with rpc.connected("s", Everything, timeout=20) as proxy:
            assert proxy.add(1) == 11


def test_a_service_takes_so_many_clients() -> None:
    with quiet(), serving(max_clients=2):
        proxies = [rpc.connect("s", Everything, timeout=20) for _ in range(2)]
        with pytest.raises(ntipc.ConnectionRefused):
            rpc.connect("s", Everything, timeout=20)
        for proxy in proxies:
            assert proxy.add(1) == 11
            rpc.close(proxy)


def test_a_client_may_have_so_many_calls_running() -> None:
    import asyncio

    async def work() -> None:
        proxy = rpc.connect("s", AsyncEverything, timeout=20)
        sleeping = [asyncio.create_task(proxy.sleep(30)) for _ in range(3)]
        for _ in range(3):
            await asyncio.to_thread(service.entered.acquire)
        with pytest.raises(rpc.ValidationError, match="3 calls running"):
            await proxy.add(1)
        sleeping.pop().cancel()
        for _ in range(100):
            try:
                assert await proxy.add(1) == 11
                break
            except rpc.ValidationError:
                await asyncio.sleep(0.05)
        else:
            raise AssertionError("a cancelled call counts for ever")
        for task in sleeping:
            task.cancel()
        rpc.close(proxy)

    service = AsyncEverything()
    with quiet(), serving(service, max_calls=3):
        asyncio.run(work())


class Impostor:
    """A service that answers each request with the same bytes."""

    def __init__(self, welcome: bytes, reply: bytes) -> None:
        self.port = Port("s")
        self.welcome, self.reply = welcome, reply
        self.threads = [threading.Thread(target=self.listen), threading.Thread(target=self.receive)]
        for thread in self.threads:
            thread.start()

    def listen(self) -> None:
        try:
            while True:
                self.port.listen().accept(self.welcome)
        except ntipc.NtError:
            pass

    def receive(self) -> None:
        try:
            while True:
                message = self.port.receive()
                if not (message.is_closed or message.is_datagram or message.is_withdrawal):
                    message.reply(self.reply)
        except ntipc.NtError:
            pass

    def __enter__(self) -> Impostor:
        return self

    def __exit__(self, *_: object) -> None:
        self.port.close()
        for thread in self.threads:
            thread.join(20)


def welcome(digest: str) -> bytes:
    return msgpack.encode(Welcome(PROTOCOL, 1, "Everything", digest))


def test_ports_that_are_no_services_are_told_at_connect() -> None:
    for data in (b"", b"hello", msgpack.encode({"ntipc_rpc": 1}), msgpack.encode(Welcome(99, 1, "x", "y"))):
        with Impostor(data, b""), pytest.raises(rpc.InterfaceMismatch):
            rpc.connect("s", Everything, timeout=20)


@pytest.mark.parametrize("reply", [b"", b"\xc1", b"\xff", b"\x90", msgpack.encode(({"add": 1}, "", {}))])
def test_services_that_describe_themselves_in_nonsense(reply: bytes) -> None:
    with Impostor(welcome("other"), reply), pytest.raises((rpc.InterfaceMismatch, rpc.ValidationError)):
        rpc.connect("s", Everything, timeout=20)


@pytest.mark.parametrize("reply", [b"", b"\xc1", b"\xc1\x90", b"\xff\xff", b"\x91", b"\xdd\xff\xff\xff\xff"])
def test_answers_that_are_none_are_errors(reply: bytes) -> None:
    from ntipc.rpc.interface import interface_of

    impostor = Impostor(welcome(interface_of(Everything).digest), reply)
    with impostor, rpc.connected("s", Everything, timeout=20) as proxy:
        with pytest.raises(rpc.ValidationError):
            proxy.add(1)
        with pytest.raises(rpc.ValidationError):
            list(proxy.count(3))


def test_a_service_that_streams_nonsense() -> None:
    from ntipc.rpc.interface import interface_of

    impostor = Impostor(welcome(interface_of(Everything).digest), msgpack.encode(7))
    with impostor, rpc.connected("s", Everything, timeout=20) as proxy:
        stream = proxy.count(3)
        with pytest.raises(rpc.ValidationError, match="did not answer with items"):
            next(stream)


def test_exceptions_of_one_call_harm_no_other() -> None:
    with quiet(), connected() as (_, proxy):
        for which in ("key", "exit", "interrupt", "other", "group", "unprintable"):
            with pytest.raises(BaseException) as raised:
                proxy.fail(which)
            assert isinstance(raised.value, Exception)
            assert proxy.add(1) == 11


def test_a_job_that_fails_unforeseen_leaves_no_caller_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no such job; if there were, its caller would be told."""

    def fail(*_: Any) -> None:
        raise RuntimeError("unforeseen")

    with quiet(), connected() as (_, proxy):
        assert proxy.add(1) == 11
        monkeypatch.setattr("ntipc.rpc.dispatch.failure_frame", fail)
        with pytest.raises(ntipc.ReplyLost):
            proxy.fail("key")
        monkeypatch.undo()
        assert proxy.add(1) == 11


def test_clients_take_turns_however_much_one_of_them_asks() -> None:
    service = Slow()
    work = prefix_of("work")
    with serving(service, threads=1), contextlib.ExitStack() as stack:
        greedy, modest = (stack.enter_context(PortClient("s", data=HELLO, timeout=20)) for _ in range(2))
        calls = [greedy.begin(work + msgpack.encode(("greedy",))) for _ in range(10)]
        calls.append(modest.begin(work + msgpack.encode(("modest",))))
        proxy = stack.enter_context(rpc.connected("s", Slow, timeout=20))
        with pytest.raises(ntipc.Timeout):  # what it asks comes behind all that
            rpc.with_timeout(proxy, 0.2).work("given up")
        service.go.set()
        for call in calls:
            assert call.result(20) == msgpack.encode(None)
    assert service.order[:3] == ["greedy", "greedy", "modest"] or service.order[:2] == ["greedy", "modest"]
    assert "given up" not in service.order and len(service.order) == 11


def test_a_method_may_fork_and_its_child_ends_when_it_returns(peer: Peer) -> None:
    peer.run("from harness.rpc_services import Slow")
    serve_in(peer, "Slow()")
    with rpc.connected("s", Slow, timeout=20) as proxy:
        assert [rpc.with_timeout(proxy, 20).forked() for _ in range(2)] == [0, 0]


def test_an_endless_stream_asked_for_as_json_ends_at_the_limit() -> None:
    with quiet(), serving(Slow(), max_argument=100_000), PortClient("s", data=HELLO, timeout=20) as client:
        error = answer(client, protocol.JSON.write("endless", b"[]"))
        assert isinstance(error, rpc.ValidationError) and "more than 100,000 bytes" in str(error)

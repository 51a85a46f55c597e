"""Participants that do not keep to the rules of pipes: they disturb themselves."""

import struct
import threading

import pytest
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc
from ntipc import _kernel
from ntipc.objects.devices import locate_pipe
from ntipc.pipes.offers import NameReader, NameWriter, open_offers, take_offer


def way_of_offers(name: str = "p") -> NameWriter:
    """The end into which servers put what they offer."""
    location = locate_pipe(name)
    writer = NameWriter.__new__(NameWriter)
    writer._open_end(location.attachment()._native, location.key, 0)
    return writer


def handles() -> int:
    """How many handles this process has."""
    (mine,) = look()["processes"]
    return int(mine["handles"])


OFFER = struct.pack("<QQ", 100, 100)


def test_offers_that_are_none_are_passed_over_and_leave_nothing() -> None:
    server = ntipc.PipeServer("p")
    offers = open_offers(locate_pipe("p"), server.session._native)
    first = offers._take(None, 0)  # so that what follows comes before the offer of an honest server
    event, queue = ntipc.Event(), ntipc.Queue()
    fakes = way_of_offers()
    for data, objects in [
        (b"", []),
        (b"garbage", []),
        (OFFER, []),
        (OFFER, [event]),
        (OFFER, [event, event]),
        (OFFER, [queue.writer]),
        (OFFER, [queue.writer, queue.writer]),
        (OFFER, [queue, queue.writer, queue.writer]),
        (OFFER + b"x", [queue.writer, queue.writer, queue.writer]),
        (b"x" * 100_000, [queue.writer, queue.writer, queue.writer]),
        (OFFER, [queue.writer] * 8),
    ]:
        fakes._put(data, 0, handles=objects, tag=7)
    before = handles()
    honest = ntipc.PipeServer("p")
    own = handles() - before
    client = ntipc.PipeClient("p", timeout=0)
    client.send(b"hello")
    with honest.accept(timeout=0) as pipe:
        assert pipe.recv(timeout=0) == b"hello"
    client.close()
    honest.close()
    assert handles() == before and own > 0 and first is not None
    del first, server


def test_offer_of_an_unlimited_quota_does_what_it_says() -> None:
    server = ntipc.PipeServer("p")
    queue = ntipc.Queue(quota=100)
    offers = open_offers(locate_pipe("p"), server.session._native)
    assert offers._take(None, 0) is not None
    seats = NameReader.__new__(NameReader)
    seats._open_end(server.session._native, server._listener.name.seats, 0)
    way_of_offers()._put(struct.pack("<QQ", 2**64 - 1, 2**64 - 1), 0, handles=[queue.writer] * 3)
    client = ntipc.PipeClient("p", timeout=0)
    client.send(b"into a queue")
    assert (queue.get(), queue.get()) == (b"", b"into a queue")


def test_first_message_that_is_no_clients_makes_the_instance_listen_anew() -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    location = locate_pipe("p")
    for objects in [], [ntipc.Event()], [ntipc.Queue()], [ntipc.Queue().writer, ntipc.Queue().writer]:
        offer = take_offer(open_offers(location, server.session._native), 0)
        assert offer is not None
        offer.door._put(b"I am a client", 0, tag=0, handles=objects)
        with pytest.raises(ntipc.Timeout):
            server.accept(timeout=0)
        with pytest.raises(BrokenPipeError):
            offer.door._put(b"still here", 0)
    client = ntipc.PipeClient("p", timeout=0)
    assert server.accept(timeout=0).peer == client.peer


def test_settings_in_shared_memory_are_not_believed() -> None:
    reader, writer = NameReader.__new__(NameReader), NameWriter.__new__(NameWriter)
    attachment = ntipc.Session()._native
    key = locate_pipe("p").key
    reader._bind(attachment, key, _kernel.CREATE, 0, 100, (2**64 - 1, 2**64 - 1), writer)
    server = ntipc.PipeServer("p")
    assert (server.info()["direction"], server.info()["mode"]) == ("duplex", "message")
    client = ntipc.PipeClient("p", timeout=0)
    server.accept(timeout=0).send(b"works")
    assert client.recv(timeout=0) == b"works"


def test_threads_that_accept_and_connect_at_once_find_each_other() -> None:
    server = ntipc.PipeServer("p")
    seen: list[bytes] = []

    def accept() -> None:
        for _ in range(25):
            with server.accept(timeout=20) as pipe:
                message = pipe.recv(timeout=20)
                seen.append(message)
                pipe.send(message)

    def connect(name: bytes) -> None:
        for number in range(25):
            with ntipc.PipeClient("p", timeout=20) as client:
                message = b"%s %d" % (name, number)
                assert client.transact(message, timeout=20) == message

    threads = [threading.Thread(target=accept) for _ in range(4)]
    threads += [threading.Thread(target=connect, args=(name,)) for name in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(
        b"%s %d" % (name, number) for name in (b"a", b"b", b"c", b"d") for number in range(25)
    )


def test_pipe_closed_by_another_thread_while_it_is_read_is_not_somebody_elses(peer: Peer) -> None:
    peer.run("server = ntipc.PipeServer('p')")
    clients = [ntipc.PipeClient("p", timeout=20)]
    peer.run("pipe = server.accept(timeout=20)")
    reading = peer.begin("pipe.recv(timeout=5)", "other")
    wait_until(lambda: any(thread["state"] == "sleeping" for thread in look()["threads"]))
    peer.run("pipe.close()")
    clients.append(ntipc.PipeClient("p", timeout=20))
    peer.run("pipe = server.accept(timeout=20)")
    clients[1].send(b"for the new one")
    with pytest.raises(ntipc.NtError):
        reading.result()
    assert peer.run("pipe.recv(timeout=20)") == b"for the new one"

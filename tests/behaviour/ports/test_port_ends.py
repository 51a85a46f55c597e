"""How connections end: closed by either side, by death, by a flood, by frames of no protocol."""

import os
import signal
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc


def test_server_ends_one_connection(server: Peer, start_peer: Callable[..., Peer]) -> None:
    """LP-133 to LP-135."""
    accepting = server.begin("one = port.listen(20).accept(); two = port.listen(20).accept()")
    client, other = ntipc.PortClient("p", timeout=20), start_peer()
    other.run("client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    calling = server.begin("message = port.receive(20); one.close(); one.is_connected")
    with pytest.raises(ntipc.ReplyLost):
        client.call(b"?")
    assert calling.result() is False
    for send in (client.call, client.send):
        with pytest.raises(ntipc.PeerGone):
            send(b"?")
    assert not client.is_connected
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("message.reply(b'late')")
    serving = server.begin("port.receive(20).reply(b'unaffected')")
    assert other.run("client.call(b'?')") == b"unaffected"
    serving.result()
    client.close()
    assert server.run("port.receive(20).is_closed") is True


@pytest.mark.parametrize("how", ["client.call(b'?')", "client.begin(b'?').result()"])
def test_request_that_is_seen_to_be_lost_cannot_be_answered(how: str, server: Peer, peer_type: type[Peer]) -> None:
    """The caller is stopped, and has not heard of it."""
    caller = peer_type()
    try:
        accepting = server.begin("connection = port.listen(20).accept()")
        caller.run("client = ntipc.PortClient('p', timeout=20)")
        accepting.result()
        calling = caller.begin(how)
        server.run("message = port.receive(20)")
        os.kill(caller.pid, signal.SIGSTOP)
        server.run("connection.close(); assert message.is_withdrawn")
        with pytest.raises(ntipc.ReplyMismatch):
            server.run("message.reply(b'!')")
        os.kill(caller.pid, signal.SIGCONT)
        with pytest.raises(ntipc.ReplyLost):
            calling.result()
    finally:
        os.kill(caller.pid, signal.SIGCONT)
        caller.end()


def test_closing_message_is_the_last_and_has_the_context(server: Peer) -> None:
    """LP-59, LP-123, LP-125."""
    accepting = server.begin("port.listen(20).accept(context='the context')")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    client.send(b"last words")
    client.close()
    client.close()
    said = "[(one.data, one.is_closed, one.connection.context) for one in (port.receive(20), port.receive(20))]"
    assert server.run(said) == [(b"last words", False, "the context"), (b"", True, "the context")]
    with pytest.raises(ntipc.HandleClosed):
        client.call(b"?")


def test_closing_the_port_ends_everything(
    client: ntipc.PortClient, server: Peer, start_peer: Callable[..., Peer]
) -> None:
    """LP-39, LP-136: those that wait to be accepted, and calls that were received, are told at once."""
    waiting, calling = start_peer(), start_peer()
    accepting = server.begin("port.listen(20).accept()", thread="accepts")
    calling.run("client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    received = calling.begin("client.call(b'1')", thread="one")
    server.run("message = port.receive(20)")
    queued = calling.begin("client.call(b'2')", thread="other")
    wait_until(lambda: server.run("port.info()['messages']") == 1)
    pending = waiting.begin("ntipc.PortClient('p', timeout=20)")
    wait_until(lambda: server.run("port.info()['requests']") == 1)
    server.run("port.close()")
    for call in (received, queued):
        with pytest.raises(ntipc.ReplyLost):
            call.result()
    with pytest.raises(ntipc.ConnectionRefused):
        pending.result()
    with pytest.raises(ntipc.PeerGone):
        client.send(b"?")


def test_death_of_the_server_is_told(client: ntipc.PortClient, server: Peer, start_peer: Callable[..., Peer]) -> None:
    """LP-138."""
    caller = start_peer()
    accepting = server.begin("port.listen(20).accept()", thread="accepts")
    caller.run("client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    calling = caller.begin("client.call(b'?')")
    server.run("port.receive(20)")
    server.kill()
    with pytest.raises(ntipc.ReplyLost):
        calling.result()
    with pytest.raises(ntipc.PeerGone):
        client.call(b"?")
    assert ntipc.wait_any([client], timeout=20).object is client
    ntipc.Port("p").close()


def test_death_of_a_client_is_told(server: Peer, start_peer: Callable[..., Peer]) -> None:
    """LP-93, LP-123."""
    caller = start_peer()
    accepting = server.begin("connection = port.listen(20).accept()")
    caller.run("client = ntipc.PortClient('p', timeout=20); client.send(b'alive')")
    accepting.result()
    caller.begin("client.call(b'?')")
    server.run("first, request = port.receive(20), port.receive(20)")
    caller.kill()
    assert server.run("last = port.receive(20); last.is_closed, last.connection is connection") == (True, True)
    assert server.run("request.is_withdrawn, connection.is_connected") == (True, False)
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("request.reply(b'?')")


def test_flood_of_one_client_delays_nobody(server: Peer, start_peer: Callable[..., Peer]) -> None:
    flooder = start_peer()
    accepting = server.begin("[port.listen(20).accept() for _ in range(2)]")
    flooder.run("client = ntipc.PortClient('p', timeout=20)")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    with pytest.raises(ntipc.Timeout):
        flooder.run("while True: client.send(bytes(1000), timeout=0)")
    client.send(b"fits", timeout=0)
    assert server.run("sum(port.receive(0).data != bytes(1000) for _ in range(port.info()['messages']))") == 1


def test_raw_frames_end_their_connection_only(client: ntipc.PortClient, server: Peer) -> None:
    accepting = server.begin("port.listen(20).accept()", thread="accepts")
    other = ntipc.PortClient("p", timeout=20)
    accepting.result()
    client._writer._put(b"no request", 0, tag=0)  # says that it waits for an answer, and does not
    serving = server.begin("port.receive(20).reply(b'fine')")
    assert other.call(b"?") == b"fine"
    serving.result()
    with pytest.raises(ntipc.PeerGone):
        client.send(b"more")
    door = ntipc.QueueWriter.__new__(ntipc.QueueWriter)
    door._open_end(client._native, "port\\p", 0)
    for junk in (b"", b"junk", bytes(1000)):
        door._put(junk, 0)
    accepting = server.begin("port.listen(20).accept()", thread="accepts")
    ntipc.PortClient("p", timeout=20).close()
    accepting.result()

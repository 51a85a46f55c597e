"""Connecting to a port of another process: accepted, refused, given up. LP-n are facts of NT's LPC."""

import os
from collections.abc import Callable

import pytest
from harness.peers import Peer

import ntipc


def test_connection_data_go_both_ways(server: Peer) -> None:
    """LP-42, LP-49."""
    accepting = server.begin("request = port.listen(20); request.accept(b'granted'); request.data, request.peer.pid")
    client = ntipc.PortClient("p", data=b"let me in", timeout=20)
    assert accepting.result() == (b"let me in", os.getpid())
    assert (client.data, client.peer.pid, client.max_message, client.max_large) == (
        b"granted",
        server.pid,
        1000,
        1 << 22,
    )


def test_refusal_comes_with_data(server: Peer) -> None:
    """LP-37, LP-38, LP-54: the server needs nothing more, and goes on."""
    refusing = server.begin("port.listen(20).refuse(b'full')")
    with pytest.raises(ntipc.ConnectionRefused, match="full") as problem:
        ntipc.PortClient("p", timeout=20)
    assert problem.value.data == b"full"  # type: ignore[attr-defined]
    refusing.result()
    assert server.run("port.connections") == ()


def test_predicate_refuses(peer: Peer) -> None:
    peer.run(
        "port = ntipc.Port('p', admit=lambda request: request.data == b'password' and request.peer.uid is not None)"
    )
    listening = peer.begin("port.listen(20).accept()", thread="listens")
    with pytest.raises(ntipc.ConnectionRefused):
        ntipc.PortClient("p", data=b"guess", timeout=20)
    ntipc.PortClient("p", data=b"password", timeout=20).close()
    listening.result()


def test_no_such_port_is_told_at_once_or_waited_for(start_peer: Callable[..., Peer]) -> None:
    """LP-30; with patience the server may come later."""
    with pytest.raises(ntipc.ObjectNotFound, match="PortClient failed for port 'p'"):
        ntipc.PortClient("p", timeout=0)
    with pytest.raises(ntipc.Timeout):
        ntipc.PortClient("p", timeout=0.05)
    early, late = start_peer(), start_peer()
    connecting = early.begin("client = ntipc.PortClient('p', timeout=20); client.data")
    late.run("port = ntipc.Port('p'); port.listen(20).accept(b'at last')")
    assert connecting.result() == b"at last"


def test_nobody_accepts_in_time(server: Peer) -> None:
    with pytest.raises(ntipc.Timeout):
        ntipc.PortClient("p", timeout=0.05)
    with pytest.raises(ntipc.Timeout):
        server.run("port.listen(0)")  # it has given up: there is nothing to accept


def test_client_that_gave_up_is_no_trouble_at_the_accept(server: Peer) -> None:
    """LP-57, LP-63, LP-139."""
    with pytest.raises(ntipc.Timeout):
        ntipc.PortClient("p", timeout=0.2)
    taking = server.begin("request = port.listen(20)")
    while not taking.returned:  # a server that is too late finds that the client has given up, and waits for the next
        with pytest.raises(ntipc.Timeout):
            ntipc.PortClient("p", timeout=0.3)
    with pytest.raises(ntipc.PeerGone):
        server.run("request.accept()")
    assert server.run("port.connections") == ()


def test_name_is_unique_and_free_again(server: Peer) -> None:
    """LP-24, LP-136."""
    for make in (ntipc.Port, ntipc.Port.create):
        with pytest.raises(ntipc.ObjectExists):
            make("p")
    server.run("port.close()")
    ntipc.Port("p").close()


def test_name_of_something_else() -> None:
    """LP-31. Ports have names of their own beside events and the like, as pipes do."""
    event = ntipc.Event("p")
    port = ntipc.Port("p")
    assert (event.name, port.name) == ("p", "p")
    port.close()


@pytest.mark.parametrize("limit", [0, -1, 1 << 31])
def test_limits_out_of_range(limit: int) -> None:
    for name in ("max_message", "max_large", "client_quota"):
        if name == "max_large" and limit < 1:
            continue  # never below max_message
        with pytest.raises(ValueError, match="must be 1 to"):
            ntipc.Port("p", **{name: limit})


def test_connection_data_too_long(server: Peer) -> None:
    with pytest.raises(ntipc.InvalidParameter, match=r"65,537 bytes.*65,536"):
        ntipc.PortClient("p", data=bytes(65_537), timeout=0)
    taking = server.begin("request = port.listen(20)")
    from threading import Thread

    connecting = Thread(target=lambda: ntipc.PortClient("p", timeout=20).close())
    connecting.start()
    taking.result()
    with pytest.raises(ntipc.InvalidParameter, match=r"65,537 bytes.*65,536"):
        server.run("request.accept(bytes(65_537))")
    server.run("request.accept()")  # LP-65: it stays pending
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("request.accept()")  # LP-56
    connecting.join()

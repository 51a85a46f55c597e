"""What ports do as NT's LPC does it, or otherwise on purpose, by number: messages, limits, creating."""

import os

import pytest
from harness.in_thread import in_thread
from harness.peers import Peer

import ntipc


def test_refusal_and_loss_are_errors_and_no_messages(client: ntipc.PortClient, server: Peer) -> None:
    """LP-5."""
    calling = in_thread(lambda: client.call(b"?"))
    server.run("port.receive(20); connection.close()")
    with pytest.raises(ntipc.ReplyLost):
        calling()
    refusing = server.begin("port.listen(20).refuse()")
    with pytest.raises(ntipc.ConnectionRefused):
        ntipc.PortClient("p", timeout=20)
    refusing.result()
    with pytest.raises(ntipc.PeerGone):
        client.receive(0)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 999, 1000, 1001, 5000])
def test_data_of_any_length_arrive_whole(length: int, client: ntipc.PortClient, server: Peer) -> None:
    """LP-7, LP-14, LP-16: not in units of four bytes, no buffer is too small, and no byte follows."""
    data = os.urandom(length)
    client.send(data)
    assert server.run("port.receive(20).data") == data


def test_message_says_what_it_is(client: ntipc.PortClient, server: Peer) -> None:
    """LP-4: it is exactly one of four kinds."""
    client.send(b"datagram")
    with pytest.raises(ntipc.Timeout):
        client.call(b"request and withdrawal", timeout=0.05)
    client.close()
    server.run("kinds = lambda each: [each.is_datagram, each.is_request, each.is_withdrawal, each.is_closed]")
    assert server.run("[kinds(port.receive(20)).index(True) for _ in range(4)]") == [0, 1, 2, 3]


def test_data_are_those_of_the_moment_of_sending(client: ntipc.PortClient, server: Peer) -> None:
    """LP-15, LP-71: the sender may change its buffer, and nobody else does."""
    data = bytearray(b"as sent")
    client.send(data)
    assert data == b"as sent"
    call = client.begin(data)
    data[:] = b"changed"
    assert server.run("message = port.receive(20); message.data, port.receive(20).data") == (b"as sent", b"as sent")
    call.withdraw()


# creating


def test_creator_is_the_server(client: ntipc.PortClient, server: Peer) -> None:
    """LP-17, LP-20, LP-41."""
    assert client.peer.pid == server.pid
    assert (client.max_message, client.max_large) == (1000, 5000)


def test_port_has_a_name() -> None:
    """LP-18 is otherwise: there is no port without a name that is its own peer."""
    with pytest.raises(ntipc.InvalidName, match="a port needs a name"):
        ntipc.Port("")
    with pytest.raises(TypeError, match="must be a str"):
        ntipc.Port(None)  # type: ignore[arg-type]


def test_limit_out_of_range_makes_nothing() -> None:
    """LP-19."""
    with pytest.raises(ValueError, match="max_message must be 1 to"):
        ntipc.Port("p", max_message=1 << 31)
    ntipc.Port("p").close()


def test_port_is_set_exactly_while_something_waits(server: Peer) -> None:
    """LP-27, LP-28, LP-29: every port can be waited for."""
    server.run("waits = []")
    assert server.run("port.wait(0)") is False
    connecting = in_thread(lambda: ntipc.PortClient("p", timeout=20))
    assert server.run("port.wait(20)") is True
    server.run("connection = port.listen(0).accept()")
    client = connecting()
    assert isinstance(client, ntipc.PortClient)
    assert server.run("port.wait(0)") is False
    client.send(b"1")
    client.send(b"2")
    assert server.run("port.wait(20), port.receive(0).data, port.wait(0)") == (True, b"1", True)
    assert server.run("port.receive(0).data, port.wait(0)") == (b"2", False)
    client.close()
    assert server.run("port.wait(20), port.receive(0).is_closed, port.wait(0)") == (True, True, False)

"""What ports do as NT's LPC does it, or otherwise on purpose, by number: views, buffers, ends, who may connect."""

import os
import threading

import pytest
from harness.in_thread import in_thread
from harness.peers import Peer

import ntipc


def connect_with_views(server: Peer, *, theirs: str = "own", ours: ntipc.Section | None = None) -> ntipc.PortClient:
    server.run("own = ntipc.Section(None, 8192)")
    accepting = server.begin(f"connection = port.listen(20).accept(view={theirs})")
    client = ntipc.PortClient("p", view=ours, timeout=20)
    accepting.result()
    return client


def test_view_that_nobody_offers_is_none(server: Peer) -> None:
    """LP-111."""
    client = connect_with_views(server, theirs="None")
    assert client.view is None
    assert server.run("connection.view") is None
    client.close()


def test_section_that_may_only_be_read_is_shared_to_be_read(server: Peer) -> None:
    """LP-113 is otherwise: NT wants rights to write."""
    whole = ntipc.Section("read me", 4096)
    with whole.map() as view:
        view[0] = 7
        client = connect_with_views(server, ours=ntipc.Section.open("read me", "r"))
        assert server.run("connection.view[0]") == 7
        with pytest.raises(TypeError, match="read-only"):
            server.run("connection.view[0] = 8")
        client.close()


def test_view_outlives_the_connection_as_long_as_it_is_used(server: Peer) -> None:
    """LP-115 is otherwise: on NT its use faults. LP-117: nothing synchronises what lies there."""
    client = connect_with_views(server)
    view = client.view
    assert view is not None
    client.close()
    server.run("port.receive(20)")
    view[0] = 5
    view.unmap()
    with pytest.raises(ValueError, match="unmapped"):
        view[0]


def test_forked_child_sees_the_view(server: Peer) -> None:
    """LP-116 is otherwise: it belongs to the connection, which the child has, too."""
    client = connect_with_views(server)
    view = client.view
    assert view is not None
    pid = os.fork()
    if pid == 0:
        try:
            view[3] = 9
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert server.run("own.map()[3]") == 9
    client.close()


# buffers of the caller


def test_buffers_are_checked_and_forgotten(client: ntipc.PortClient, server: Peer) -> None:
    """LP-119 to LP-122: by both sides, in part if asked so, only while the caller waits."""
    memory, fixed = bytearray(b"0123456789"), b"fixed"
    calling = in_thread(lambda: client.call(b"", buffers=[memory, fixed], timeout=20))
    server.run("message = port.receive(20)")
    assert server.run("message.read_buffer(0, 2, 3), message.read_buffer(0, 10)") == (b"234", b"")
    for wrong in ("read_buffer(2)", "read_buffer(0, 8, 3)", "write_buffer(0, bytes(11))", "write_buffer(1, b'x')"):
        with pytest.raises(ntipc.InvalidParameter):
            server.run(f"message.{wrong}")
    server.run("message.write_buffer(0, b'ab', 4); message.reply(b'')")
    assert calling() == b""
    assert memory == b"0123ab6789"
    for late in ("read_buffer(0)", "write_buffer(0, b'x')"):
        with pytest.raises(ntipc.ReplyMismatch):
            server.run(f"message.{late}")


# ends


def test_closing_message_comes_however_short_messages_are(peer: Peer) -> None:
    """LP-124, LP-126: it has no data."""
    peer.run("port = ntipc.Port('p', max_message=1, max_large=1, client_quota=1)")
    accepting = peer.begin("connection = port.listen(20).accept()")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    client.send(b"x")
    client.close()
    said = "[(each.data, each.is_closed) for each in (port.receive(20), port.receive(20))]"
    assert peer.run(said) == [(b"x", False), (b"", True)]


def test_client_that_was_never_accepted_has_no_end(server: Peer) -> None:
    """LP-127."""
    for answer in ("request.refuse()", "del request"):
        answering = server.begin(f"request = port.listen(20); {answer}")
        with pytest.raises(ntipc.ConnectionRefused):
            ntipc.PortClient("p", timeout=20)
        answering.result()
    with pytest.raises(ntipc.Timeout):
        ntipc.PortClient("p", timeout=0.05)
    with pytest.raises(ntipc.Timeout):
        server.run("port.receive(0.05)")


def test_connection_ends_with_its_port(client: ntipc.PortClient, server: Peer) -> None:
    """LP-89, LP-137: nothing of it goes on."""
    server.run("port.close()")
    with pytest.raises(ntipc.HandleClosed):
        server.run("port.receive(0)")
    with pytest.raises(ntipc.PeerGone):
        server.run("connection.send(b'?')")
    assert server.run("connection.is_connected") is False


# security


def test_server_decides_by_who_asks_and_what_it_says(server: Peer) -> None:
    """LP-33, LP-144: before anything of the client counts as a connection."""
    server.run(f"port.admit = lambda request: request.peer.uid == {os.geteuid()} and request.data == b'token'")
    listening = server.begin("connection = port.listen(20).accept()")
    with pytest.raises(ntipc.ConnectionRefused):
        ntipc.PortClient("p", data=b"guess", timeout=20)
    client = ntipc.PortClient("p", data=b"token", timeout=20)
    listening.result()
    client.close()


def test_info_of_ports_and_clients(client: ntipc.PortClient, server: Peer) -> None:
    """LP-145 is otherwise: there is something to know."""
    assert server.run("port.info()") == {
        "kind": "Port",
        "name": "p",
        "max_message": 1000,
        "max_large": 5000,
        "connections": 1,
        "requests": 0,
        "messages": 0,
        "bytes": 0,
    }
    assert client.info()["connected"] is True
    client.close()
    with pytest.raises(ntipc.HandleClosed):
        client.info()


# later Windows


def test_what_later_windows_added(client: ntipc.PortClient, server: Peer) -> None:
    """LP-154: time limits, messages without a wait, objects in a message, calls that are withdrawn."""
    with pytest.raises(ntipc.Timeout):
        client.call(b"?", timeout=0)
    call = client.begin(b"!", handles=[ntipc.Event()])
    call.withdraw()
    server.run("messages = [port.receive(20) for _ in range(4)]")
    assert server.run("[len(each.handles) for each in messages if each.is_request]") == [0, 1]
    assert server.run("[each.is_withdrawn for each in messages if each.is_request]") == [True, True]


def test_threads_of_one_client_wait_each_for_itself(client: ntipc.PortClient, server: Peer) -> None:
    """LP-73, LP-97: answers in another order wake those whose they are, and no other."""
    woken = threading.Event()
    slow = in_thread(lambda: (client.call(b"slow"), woken.is_set()))
    server.run("first = port.receive(20)")
    quick = in_thread(lambda: client.call(b"quick"))
    server.run("port.receive(20).reply(b'quick')")
    assert quick() == b"quick"
    woken.set()
    server.run("first.reply(b'slow')")
    assert slow() == (b"slow", True)

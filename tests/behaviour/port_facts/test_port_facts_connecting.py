"""What ports do as NT's LPC does it, or otherwise on purpose, by number: connecting."""

import os
from collections.abc import Callable

import pytest
from harness.in_thread import in_thread
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc


def test_server_of_another_user_gets_nothing(server: Peer) -> None:
    """LP-46: as NtSecureConnectPort; no request is queued."""
    with pytest.raises(ntipc.AccessDenied, match="user 4711 is demanded") as problem:
        ntipc.PortClient("p", server_uid=4711, timeout=20)
    assert problem.value.status == 0xC00002A0
    assert server.run("port.wait(0)") is False
    accepting = server.begin("port.listen(20).accept()")
    ntipc.PortClient("p", server_uid=os.geteuid(), timeout=20).close()
    accepting.result()


def test_server_that_nobody_knows_gets_nothing(server: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """LP-46: the same if the port has no server process."""
    monkeypatch.setattr("ntipc.ports.connecting.identify", lambda pid: ntipc.session.peers.NOBODY)
    with pytest.raises(ntipc.AccessDenied, match="nobody knows whose"):
        ntipc.PortClient("p", server_uid=os.geteuid(), timeout=20)


def test_connecting_waits_until_accepted(server: Peer) -> None:
    """LP-36, LP-55, LP-61, LP-62: one step of the server's; and nobody is connected before."""
    connecting = in_thread(lambda: ntipc.PortClient("p", timeout=20))
    server.run("request = port.listen(20)")
    assert server.run("port.connections") == ()
    server.run("connection = request.accept(b'now')")
    client = connecting()
    assert isinstance(client, ntipc.PortClient)
    assert client.data == b"now"
    assert server.run("connection.is_connected, port.connections == (connection,)") == (True, True)
    client.close()


def test_answer_to_a_connection_has_its_own_length(server: Peer) -> None:
    """LP-43, LP-44 are otherwise: what the server says is not cut to what the client said."""
    answer = bytes(60_000)
    accepting = server.begin(f"port.listen(20).accept(bytes({len(answer)}))")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    assert client.data == answer
    with pytest.raises(ntipc.InvalidParameter, match=r"65,537 bytes.*65,536"):
        ntipc.PortClient("p", data=bytes(65_537), timeout=0)


def test_process_connects_several_times(server: Peer) -> None:
    """LP-47, LP-26: each connection is one of its own, and has no name that could be taken."""
    accepting = server.begin("one, two = port.listen(20).accept(), port.listen(20).accept()")
    first, second = ntipc.PortClient("p", timeout=20), ntipc.PortClient("p", timeout=20)
    accepting.result()
    second.send(b"second")
    first.close()
    assert server.run("message = port.receive(20); message.data, message.connection is two") == (b"second", True)
    assert server.run("last = port.receive(20); last.is_closed, last.connection is one") == (True, True)
    second.close()


def test_thread_has_many_calls_under_way(client: ntipc.PortClient, server: Peer) -> None:
    """LP-48 is otherwise."""
    calls = [client.begin(b"%d" % number) for number in range(3)]
    server.run("for _ in range(3): message = port.receive(20); message.reply(message.data)")
    assert [call.result(20) for call in calls] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("size", [4096, 10_000])
def test_request_tells_how_much_memory_the_client_offers(size: int, server: Peer) -> None:
    """LP-50, LP-112: the whole section is mapped."""
    asking = server.begin("request = port.listen(20); request.view_size, len(request.accept().view)")
    client = ntipc.PortClient("p", view=ntipc.Section(None, size), timeout=20)
    assert asking.result() == (size, size)
    client.close()
    asking = server.begin("request = port.listen(20); request.view_size, request.accept().view")
    ntipc.PortClient("p", timeout=20).close()
    assert asking.result() == (0, None)


def test_context_is_none_until_the_server_gives_one(client: ntipc.PortClient, server: Peer) -> None:
    """LP-51, LP-60: nothing stands in its place."""
    client.send(b"?")
    assert server.run("port.receive(20).connection.context") is None
    server.run("connection.context = ('any', {'object'})")
    client.send(b"?")
    assert server.run("port.receive(20).connection.context") == ("any", {"object"})


def test_listen_ends_with_a_request_and_nothing_else(client: ntipc.PortClient, server: Peer) -> None:
    """LP-52, LP-53: messages that come meanwhile do not end it, and are not lost."""
    listening = server.begin("request = port.listen(20)", thread="listens")
    client.send(b"kept")
    assert not listening.returned
    connecting = in_thread(lambda: ntipc.PortClient("p", timeout=20))
    listening.result()
    server.run("request.accept()")
    other = connecting()
    assert isinstance(other, ntipc.PortClient)
    other.close()
    assert server.run("port.receive(20).data") == b"kept"


def test_second_answer_to_a_connection_request(server: Peer) -> None:
    """LP-56: accepted or refused, once."""
    for first in ("accept", "refuse"):
        answering = server.begin(f"request = port.listen(20); request.{first}()")
        if first == "accept":
            ntipc.PortClient("p", timeout=20).close()
        else:
            with pytest.raises(ntipc.ConnectionRefused):
                ntipc.PortClient("p", timeout=20)
        answering.result()
        for second in ("accept", "refuse"):
            with pytest.raises(ntipc.ReplyMismatch):
                server.run(f"request.{second}()")


def test_process_that_was_given_the_port_accepts(server: Peer, start_peer: Callable[..., Peer]) -> None:
    """LP-58 is otherwise: any process that has the port may accept, and the connection is its own."""
    helper, queue = start_peer(), ntipc.Queue("hand over")
    receiving = helper.begin("other = ntipc.Queue('hand over').get_object(20); other.name")
    server.run("ntipc.Queue('hand over').put_object(port)")
    assert receiving.result() == "p"
    queue.close()
    accepting = helper.begin("connection = other.listen(20).accept(context='mine')")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    assert client.peer.pid == helper.pid
    serving = helper.begin("message = other.receive(20); message.reply(message.connection.context.encode())")
    assert client.call(b"?", timeout=20) == b"mine"
    serving.result()
    client.close()


def test_accept_with_what_is_no_section_leaves_the_request(server: Peer) -> None:
    """LP-35, LP-65, LP-113."""
    connecting = in_thread(lambda: ntipc.PortClient("p", timeout=20))
    server.run("request = port.listen(20)")
    for wrong in ("5", "b'x'", "ntipc.Event()"):
        with pytest.raises(TypeError, match="view must be a Section"):
            server.run(f"request.accept(view={wrong})")
        with pytest.raises(TypeError, match="view must be a Section"):
            ntipc.PortClient("p", view=ntipc.Event(), timeout=20)  # type: ignore[arg-type]
    with pytest.raises(ntipc.HandleClosed):
        server.run("gone = ntipc.Section(None, 4096); gone.close(); request.accept(view=gone)")
    server.run("request.accept()")
    client = connecting()
    assert isinstance(client, ntipc.PortClient)
    client.close()


def test_requests_are_accepted_in_any_order(server: Peer) -> None:
    """LP-66: they come in the order in which they were made, and do not depend on each other."""
    connecting = []
    for number in range(3):
        connecting.append(in_thread(lambda number=number: ntipc.PortClient("p", data=b"%d" % number, timeout=20)))  # type: ignore[misc]
        wait_until(lambda number=number: server.run("port.info()['requests']") == number + 1)  # type: ignore[misc]
    assert server.run("requests = [port.listen(20) for _ in range(3)]; [each.data for each in requests]") == [
        b"0",
        b"1",
        b"2",
    ]
    for place, number in ((2, 2), (0, 0), (1, 1)):
        server.run(f"requests[{place}].accept(b'answer {number}')")
        client = connecting[number]()
        assert isinstance(client, ntipc.PortClient)
        assert client.data == b"answer %d" % number
        client.close()

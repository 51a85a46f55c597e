"""Calls, datagrams and their answers between processes. LP-n are facts of NT's LPC."""

import os
from collections.abc import Callable

import pytest
from harness.peers import Peer

import ntipc


def test_call_and_answer(server: Peer) -> None:
    serving = server.begin("serve(port)")
    with ntipc.PortClient("p", timeout=20) as client:
        assert client.call(b"hello") == b"HELLO"
        assert client.call([b"in ", bytearray(b"pieces")]) == b"IN PIECES"
        assert client.call(b"") == b""
        assert client.call(b"x" * 3_000_000) == b"X" * 3_000_000
    assert serving.result() == ["closed"]


def test_objects_travel_both_ways(server: Peer) -> None:
    serving = server.begin("serve(port)")
    with ntipc.PortClient("p", timeout=20) as client:
        event, section = ntipc.Event(), ntipc.Section(None, 5000)
        reply = client.call(b"keep", handles=[event, section])
        assert isinstance(reply, ntipc.Reply)
        assert reply.data == b"KEEP"
        back, memory = reply.handles
        assert isinstance(back, ntipc.Event)
        assert isinstance(memory, ntipc.Section)
        back.set()
        assert event.wait(0)
        assert memory.size == 5000
    serving.result()


def test_datagram_is_not_answered(client: ntipc.PortClient, server: Peer) -> None:
    """LP-70, LP-92."""
    client.send(b"news")
    assert server.run("message = port.receive(20); message.data, message.is_datagram, message.is_request") == (
        b"news",
        True,
        False,
    )
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("message.reply(b'thanks')")


def test_answers_come_late_in_any_order_and_from_any_thread(server: Peer, start_peer: Callable[..., Peer]) -> None:
    """LP-97."""
    accepting = server.begin("connections = [port.listen(20).accept() for _ in range(3)]")
    clients = [start_peer() for _ in range(3)]
    for other in clients:
        other.run("client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    calls = [other.begin(f"client.call(b'{number}')") for number, other in enumerate(clients)]
    server.run("messages = [port.receive(20) for _ in range(3)]")
    server.run("[message.reply(b'answer to ' + message.data) for message in reversed(messages[1:])]", thread="other")
    server.run("messages[0].reply(b'answer to ' + messages[0].data)")
    assert [call.result() for call in calls] == [b"answer to 0", b"answer to 1", b"answer to 2"]


def test_answer_is_given_once(client: ntipc.PortClient, server: Peer) -> None:
    """LP-92."""
    serving = server.begin("message = port.receive(20); message.reply(b'one')")
    assert client.call(b"?") == b"one"
    serving.result()
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("message.reply(b'two')")


def test_caller_that_gives_up_is_told_to_the_server(client: ntipc.PortClient, server: Peer) -> None:
    """A late answer is refused, and not taken for that of the next call."""
    with pytest.raises(ntipc.Timeout):
        client.call(b"slow", timeout=0.05)
    server.run("message, notice = port.receive(20), port.receive(20)")
    assert server.run("message.is_withdrawn, notice.is_withdrawal, notice.id == message.id") == (True, True, True)
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("message.reply(b'late')")
    serving = server.begin("port.receive(20).reply(b'right')")
    assert client.call(b"next", timeout=20) == b"right"
    serving.result()


def test_threads_share_a_connection(server: Peer) -> None:
    """No answer gets to another thread, and none waits for another's."""
    from concurrent.futures import ThreadPoolExecutor

    serving = server.begin("serve(port)")
    with ntipc.PortClient("p", timeout=20) as client, ThreadPoolExecutor(8) as pool:
        wanted = [f"text {number}".encode() for number in range(400)]
        assert list(pool.map(client.call, wanted)) == [text.upper() for text in wanted]
    serving.result()


def test_forked_child_shares_a_connection(server: Peer) -> None:
    """Its calls and its parent's never mix; the end is told when the last of both has closed it."""
    serving = server.begin("serve(port)")
    client = ntipc.PortClient("p", timeout=20)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, b"".join(client.call(b"child %d " % number) for number in range(50)))  # type: ignore[misc]
        finally:
            os._exit(0)
    os.close(writing)
    assert all(client.call(b"parent %d" % number) == b"PARENT %d" % number for number in range(50))
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"".join(b"CHILD %d " % number for number in range(50))
    os.waitpid(pid, 0)
    assert client.call(b"still") == b"STILL"
    client.close()
    assert serving.result() == ["closed"]


def test_too_long_is_refused_with_both_numbers(client: ntipc.PortClient, server: Peer) -> None:
    """LP-77: nothing is queued."""
    for send in (client.call, client.send, client.begin):
        with pytest.raises(ntipc.InvalidParameter, match=r"4,194,305 bytes.*4,194,304"):
            send(bytes((1 << 22) + 1))
    serving = server.begin("message = port.receive(20); message.data")
    client.send(b"short")
    assert serving.result() == b"short"
    client.close()


def test_wait_for_a_port_beside_other_objects(server: Peer) -> None:
    stop = "ntipc.wait_any([stop, port], timeout=20).object"
    server.run("stop = ntipc.Event('stop')")
    waiting = server.begin(f"{stop} is port")
    client_of = server.begin("connection = port.listen(20).accept()", thread="listens")
    client = ntipc.PortClient("p", timeout=20)
    assert waiting.result() is True
    client_of.result()
    waiting = server.begin(f"{stop} is port")
    client.send(b"x")
    assert waiting.result() is True
    server.run("port.receive(0)")
    waiting = server.begin(f"{stop} is stop")
    ntipc.Event("stop").set()
    assert waiting.result() is True


def test_listen_leaves_messages_and_receive_leaves_requests(client: ntipc.PortClient, server: Peer) -> None:
    """LP-53, where NT throws messages away."""
    client.send(b"one")
    client.send(b"two")
    with pytest.raises(ntipc.Timeout):
        server.run("port.listen(0.05)")
    connecting = server.begin("port.receive(20).data, port.receive(20).data")
    assert connecting.result() == (b"one", b"two")
    with pytest.raises(ntipc.Timeout):
        server.run("port.receive(0)")


def test_reply_and_receive(client: ntipc.PortClient, server: Peer) -> None:
    """LP-86; a caller that has gone does not keep the server from receiving (LP-87 is otherwise)."""
    with pytest.raises(ntipc.Timeout):
        client.call(b"given up", timeout=0.05)
    server.run("message = port.receive(20); port.receive(20)")
    serving = server.begin("message = port.reply_and_receive(message, b'late', timeout=20); message.reply(b'fine')")
    assert client.call(b"next") == b"fine"
    serving.result()

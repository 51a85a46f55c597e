"""What ports do as NT's LPC does it, or otherwise on purpose, by number: sending, receiving, replying, callbacks."""

import os
import time
from collections.abc import Callable

import pytest
from harness.in_thread import in_thread
from harness.peers import Peer

import ntipc


def test_messages_of_all_clients_are_one_queue(server: Peer) -> None:
    """LP-67, LP-88: first in, first out."""
    accepting = server.begin("[port.listen(20).accept(context=number) for number in range(3)]")
    clients = [ntipc.PortClient("p", timeout=20) for _ in range(3)]
    accepting.result()
    for number in (0, 2, 1, 1, 0):
        clients[number].send(b"%d" % number)
    assert server.run("[port.receive(20).data for _ in range(5)]") == [b"0", b"2", b"1", b"1", b"0"]
    for client in clients:
        client.close()


def test_answer_is_that_of_its_request(client: ntipc.PortClient, server: Peer) -> None:
    """LP-72, LP-73, LP-74: each request has a number of its own among those under way."""
    calls = [in_thread(lambda number=number: client.call(b"%d" % number)) for number in range(5)]  # type: ignore[misc]
    server.run("messages = [port.receive(20) for _ in range(5)]")
    assert server.run("len({message.id for message in messages})") == 5
    server.run("for message in sorted(messages, key=lambda each: each.data): message.reply(message.data * 2)")
    assert [call() for call in calls] == [b"%d%d" % (number, number) for number in range(5)]


def test_sender_is_who_linux_says(client: ntipc.PortClient, server: Peer) -> None:
    """LP-75, LP-143: a client cannot say that it is another one."""
    client.send(b"I am process 1")
    assert server.run("message = port.receive(20); message.connection.peer") == (
        os.getpid(),
        os.geteuid(),
        os.readlink("/proc/self/exe"),
    )


def test_max_message_is_no_limit_and_max_large_is(client: ntipc.PortClient, server: Peer) -> None:
    """LP-77 is otherwise for what is longer than ``max_message``."""
    client.send(bytes(1001))
    assert server.run("len(port.receive(20).data)") == 1001
    with pytest.raises(ntipc.InvalidParameter, match=r"5,001 bytes.*5,000"):
        client.call(bytes(5001))
    assert server.run("port.info()['messages']") == 0


def test_datagrams_describe_no_memory(client: ntipc.PortClient) -> None:
    """LP-78."""
    with pytest.raises(TypeError, match="buffers"):
        client.send(b"", buffers=[bytearray(1)])  # type: ignore[call-arg]


def test_server_that_ended_the_connection_gets_nothing_more(client: ntipc.PortClient, server: Peer) -> None:
    """LP-80, LP-134: datagrams as well, and the client's handle stays until it closes it."""
    server.run("connection.close()")
    for send in (client.call, client.send, client.begin):
        with pytest.raises(ntipc.PeerGone):
            send(b"?")
    assert not client.closed
    client.close()


def test_callback_makes_a_call_of_its_own(client: ntipc.PortClient, server: Peer) -> None:
    """LP-82 is otherwise, LP-105: the thread that waits may call while it answers a callback."""

    def answer(data: bytes, handles: object) -> bytes:
        reply = client.call(b"inner", timeout=20)
        assert isinstance(reply, bytes)
        return reply

    calling = in_thread(lambda: client.call(b"outer", on_callback=answer, timeout=20))
    server.run("outer = port.receive(20)")
    asking = server.begin("outer.reply(outer.call_back(b'what?'))", thread="asks")
    server.run("inner = port.receive(20); inner.reply(inner.data + b' answered')")
    asking.result()
    assert calling() == b"inner answered"


def test_call_waits_without_limit_and_death_ends_it(client: ntipc.PortClient, server: Peer) -> None:
    """LP-83."""
    calling = in_thread(lambda: client.call(b"?"))
    server.run("message = port.receive(20)")
    server.kill()
    with pytest.raises(ntipc.ReplyLost):
        calling()


def test_sender_waits_for_room_as_long_as_it_says(client: ntipc.PortClient, server: Peer) -> None:
    """LP-85 is otherwise: NT fails at once when its pool is empty."""
    with pytest.raises(ntipc.Timeout):
        while True:
            client.send(bytes(900), timeout=0)
    began = time.monotonic()
    with pytest.raises(ntipc.Timeout):
        client.send(bytes(900), timeout=0.05)
    assert time.monotonic() - began >= 0.05
    sending = in_thread(lambda: client.send(b"at last", timeout=20))
    server.run("while port.receive(20).data != b'at last': pass")
    assert sending() is None


# receiving and replying


def test_threads_that_receive_share_the_messages(client: ntipc.PortClient, server: Peer) -> None:
    """LP-90, LP-98: each goes to exactly one, and none wakes for nothing."""
    server.run("""
from concurrent.futures import ThreadPoolExecutor
def receive(_):
    message = port.receive(20)
    message.reply(message.data)
    return message.data
pool = ThreadPoolExecutor(4)
receiving = [pool.submit(receive, None) for _ in range(40)]
""")
    for number in range(40):
        assert client.call(b"%d" % number, timeout=20) == b"%d" % number
    assert server.run("sorted(int(each.result(20)) for each in receiving)") == list(range(40))
    server.run("pool.shutdown()")


def test_request_stays_what_it_is_after_its_answer(client: ntipc.PortClient, server: Peer) -> None:
    """LP-95, LP-96: the server's copy keeps its type, and one port answers all clients."""
    calling = in_thread(lambda: client.call(b"?", timeout=20))
    server.run("message = port.receive(20); message.reply(b'!')")
    assert calling() == b"!"
    assert server.run("message.is_request, message.is_datagram, message.data") == (True, False, b"?")


def test_limit_of_reply_and_receive_begins_after_the_answer(client: ntipc.PortClient, server: Peer) -> None:
    """LP-86, LP-99: nothing came, and the answer was given all the same."""
    calling = in_thread(lambda: client.call(b"?", timeout=20))
    server.run("message = port.receive(20)")
    with pytest.raises(ntipc.Timeout):
        server.run("port.reply_and_receive(message, b'given', timeout=0)")
    assert calling() == b"given"


def test_request_whose_server_died_is_lost_while_others_serve(
    client: ntipc.PortClient, server: Peer, start_peer: Callable[..., Peer]
) -> None:
    """LP-100 is otherwise: on NT nobody tells the client."""
    helper, queue = start_peer(), ntipc.Queue("hand over")
    receiving = helper.begin("other = ntipc.Queue('hand over').get_object(20); other.name")
    server.run("ntipc.Queue('hand over').put_object(port)")
    receiving.result()
    queue.close()
    calling = in_thread(lambda: client.call(b"?"))
    helper.run("message = other.receive(20)")
    helper.kill()
    with pytest.raises(ntipc.ReplyLost):
        calling()
    assert client.is_connected


def test_requests_without_answers_keep_nothing(client: ntipc.PortClient, server: Peer) -> None:
    """LP-101: a request that the server forgets leaves no memory behind, and its caller is told."""
    for _ in range(3):
        calling = in_thread(lambda: client.call(bytes(1000)))
        server.run("port.receive(20); None")
        with pytest.raises(ntipc.ReplyLost):
            calling()
    assert server.run("port.info()['bytes']") == 0


# callbacks


def test_callback_to_who_waits_no_more(client: ntipc.PortClient, server: Peer) -> None:
    """LP-106: after the answer, to one that gave up, after the end of the connection."""
    for begun in (False, True):
        calling = in_thread(lambda: client.call(b"?", timeout=20)) if not begun else client.begin(b"?").result
        server.run("message = port.receive(20); message.reply(b'!')")
        calling()
        with pytest.raises(ntipc.ReplyMismatch):
            server.run("message.call_back(b'more?', 20)")
    with pytest.raises(ntipc.Timeout):
        client.call(b"?", timeout=0.05)
    with pytest.raises((ntipc.PeerGone, ntipc.ReplyMismatch)):
        server.run("message, notice = port.receive(20), port.receive(20); message.call_back(b'?', 20)")
    calling = in_thread(lambda: client.call(b"?"))
    server.run("message = port.receive(20); connection.close()")
    with pytest.raises(ntipc.ReplyLost):
        calling()
    with pytest.raises((ntipc.PeerGone, ntipc.ReplyMismatch)):
        server.run("message.call_back(b'?', 20)")

"""Ports between processes: connect, accept, refuse, call, send, answer late, end. LP-n are facts of NT's LPC."""

import gc
import os
import pickle
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc

SERVER = """
def serve(port, connections=1):
    '''Accept so many clients, answer requests in upper case, until the last of them has gone.'''
    for number in range(connections):
        port.listen(20).accept(b'welcome', context=number)
    seen = []
    while connections:
        message = port.receive(20)
        if message.is_closed:
            connections -= 1
            seen.append('closed')
        elif message.is_request:
            message.reply(message.data.upper(), message.handles)
        else:
            seen.append(message.data)
    return seen
"""


@pytest.fixture
def server(peer: Peer) -> Peer:
    """A process with the port 'p'."""
    peer.run(SERVER)
    peer.run("port = ntipc.Port('p', max_message=1000, max_large=1 << 22)")
    return peer


@pytest.fixture
def client(server: Peer) -> ntipc.PortClient:
    """A connection to it; the server's side is ``connection`` there."""
    accepting = server.begin("connection = port.listen(20).accept(b'in')")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    return client


# connecting


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
    from threading import Thread

    def connect() -> None:
        with pytest.raises(ntipc.Timeout):
            ntipc.PortClient("p", timeout=0.3)

    connecting = Thread(target=connect)
    connecting.start()
    taking.result()
    connecting.join()
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


# calls


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


# the end of a connection


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


# callbacks, buffers, views, datagrams to the client


def test_server_asks_its_caller_in_the_middle(client: ntipc.PortClient, server: Peer) -> None:
    """LP-102 to LP-105, nested and repeated."""
    serving = server.begin("""
message = port.receive(20)
name = message.call_back(b'who?')
age = message.call_back(b'how old?', timeout=20)
message.reply(name + b', ' + age)
""")
    answers = {b"who?": b"Ada", b"how old?": b"36"}
    assert client.call(b"hello", on_callback=lambda data, handles: answers[data], timeout=20) == b"Ada, 36"
    serving.result()


def test_callback_carries_objects(client: ntipc.PortClient, server: Peer) -> None:
    server.run("event = ntipc.Event()")
    serving = server.begin(
        "message = port.receive(20); message.call_back(b'set it', handles=[event]); message.reply(b'')"
    )

    def set_it(data: bytes, handles: tuple[ntipc.NtObject, ...]) -> bytes:
        (event,) = handles
        assert isinstance(event, ntipc.Event)
        event.set()
        return b""

    client.call(b"", on_callback=set_it)
    serving.result()
    assert server.run("event.wait(0)") is True


def test_caller_without_callbacks_and_one_that_raises(client: ntipc.PortClient, server: Peer) -> None:
    serving = server.begin("message = port.receive(20); message.call_back(b'?')")
    calling = client.begin(b"call")
    with pytest.raises(ntipc.NotSupported, match="takes no callbacks"):
        serving.result()
    server.run("message.reply(b'all the same')")
    assert calling.result(20) == b"all the same"
    serving = server.begin("message = port.receive(20); message.call_back(b'?')")

    def fails(data: bytes, handles: object) -> bytes:
        raise RuntimeError("no answer to that")

    calling = client.begin(b"call", on_callback=fails)
    with pytest.raises(ntipc.NtError, match="RuntimeError: no answer to that"):
        serving.result()
    server.run("message.reply(b'')")
    calling.result(20)


def test_death_in_the_middle_of_a_callback(server: Peer, start_peer: Callable[..., Peer]) -> None:
    caller = start_peer()
    accepting = server.begin("port.listen(20).accept()")
    caller.run("client = ntipc.PortClient('p', timeout=20)")
    accepting.result()
    caller.begin("client.call(b'', on_callback=lambda data, handles: os.kill(os.getpid(), 9))")
    with pytest.raises(ntipc.PeerGone):
        server.run("message = port.receive(20); message.call_back(b'?', timeout=20)")
    assert server.run("port.receive(20).is_closed") is True


def test_buffers_of_a_waiting_caller(client: ntipc.PortClient, server: Peer) -> None:
    """LP-118 to LP-121."""
    first, second = bytearray(b"read me"), bytearray(10)
    serving = server.begin("""
message = port.receive(20)
message.write_buffer(1, message.read_buffer(0, 5), offset=3)
whole = message.read_buffer(0)
""")
    calling = client.begin(b"")
    with pytest.raises(ntipc.NtError):
        serving.result()  # a call that belongs to no thread describes no buffers
    server.run("message.reply(b'')")
    calling.result(20)
    serving = server.begin("""
message = port.receive(20)
message.write_buffer(1, message.read_buffer(0, 5), offset=3)
whole = message.read_buffer(0)
errors = []
for call, *words in (message.read_buffer, 2), (message.read_buffer, 0, 3, 5), (message.write_buffer, 0, bytes(8)):
    try:
        call(*words)
    except ntipc.InvalidParameter as problem:
        errors.append(type(problem).__name__)
message.reply(b'done')
whole, errors
""")
    assert client.call(b"", buffers=[first, second]) == b"done"
    assert serving.result() == (b"read me", ["InvalidParameter"] * 3)
    assert second == b"\0\0\0me" + bytes(5)


def test_views_of_a_connection(server: Peer) -> None:
    """LP-108 to LP-111, LP-114."""
    server.run("own = ntipc.Section(None, 8192)")
    accepting = server.begin("connection = port.listen(20).accept(view=own); own.close(); connection.view[0]")
    section = ntipc.Section(None, 5000)
    with section.map() as view:
        view[0] = 7
        client = ntipc.PortClient("p", view=section, timeout=20)
        section.close()
        assert accepting.result() == 7
        server.run("connection.view[1] = 8")
        assert view[1] == 8
    assert client.view is not None
    assert len(client.view) == 8192
    client.view[5] = 9


def test_server_sends_datagrams(client: ntipc.PortClient, server: Peer) -> None:
    """LP-68."""
    server.run("connection.send(b'news'); connection.send(b'more', handles=[ntipc.Event()])")
    assert client.wait(20)
    assert client.receive(20).data == b"news"
    more = client.receive(0)
    assert (more.data, len(more.objects)) == (b"more", 1)
    with pytest.raises(ntipc.Timeout):
        client.receive(0)
    server.run("connection.close()")
    with pytest.raises(ntipc.PeerGone):
        client.receive(20)


# calls that belong to no thread


def test_hundred_calls_under_way(server: Peer) -> None:
    accepting = server.begin("connection = port.listen(20).accept()")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    calls = [client.begin(b"%d" % number) for number in range(100)]
    finished: list[ntipc.PortCall] = []
    for call in calls:
        call.add_done_callback(finished.append)
    server.run("messages = [port.receive(20) for _ in range(100)]")
    server.run("[message.reply(message.data * 2) for message in reversed(messages)]")
    assert [call.result(20) for call in calls] == [b"%d%d" % (number, number) for number in range(100)]
    wait_until(lambda: len(finished) == 100)
    assert all(call.done() and call.exception() is None for call in calls)


def test_begun_call_is_withdrawn(client: ntipc.PortClient, server: Peer) -> None:
    call = client.begin(b"long")
    server.run("message = port.receive(20)")
    assert server.run("message.is_withdrawn") is False
    call.withdraw()
    call.withdraw()
    assert call.done()
    with pytest.raises(ntipc.NtError, match="withdrawn"):
        call.result()
    assert server.run("notice = port.receive(20); notice.is_withdrawal, notice.id == message.id") == (True, True)
    assert server.run("message.is_withdrawn") is True
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("message.reply(b'late')")


@pytest.mark.parametrize(
    "end", ["connection.close()", "port.close()", "os.kill(os.getpid(), 9)", "del message; gc.collect()"]
)
def test_begun_call_that_nobody_will_answer(end: str, client: ntipc.PortClient, server: Peer) -> None:
    """Also where the server throws the request away: then nobody can answer it any more."""
    server.run("import gc")
    received = client.begin(b"1")
    server.run("message = port.receive(20); None")
    queued = client.begin(b"2")
    wait_until(lambda: server.run("port.info()['messages']") == 1)
    server.begin(end)
    with pytest.raises(ntipc.ReplyLost):
        received.result(20)
    if "del" not in end:
        with pytest.raises(ntipc.ReplyLost):
            queued.result(20)
    del client
    gc.collect()


def test_begun_call_times_out_and_goes_on(client: ntipc.PortClient, server: Peer) -> None:
    call = client.begin(b"?")
    with pytest.raises(ntipc.Timeout):
        call.result(0.05)
    assert not call.done()
    server.run("port.receive(20).reply(b'late, and right')")
    assert call.result(20) == b"late, and right"


def test_begun_calls_of_a_parent_are_not_the_childs(client: ntipc.PortClient, server: Peer) -> None:
    call = client.begin(b"?")
    pid = os.fork()
    if pid == 0:
        try:
            call.result(20)
        except ntipc.ReplyLost:
            os._exit(client.begin(b"child").done())
        finally:
            os._exit(7)
    assert os.waitpid(pid, 0)[1] == 0
    server.run("port.receive(20).reply(b'parent')")
    assert call.result(20) == b"parent"


# the whole


def test_another_process_serves_as_well(server: Peer, start_peer: Callable[..., Peer]) -> None:
    helper = start_peer()
    accepting = server.begin("connection = port.listen(20).accept()")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    ntipc.Queue("hand over")
    receiving = helper.begin("queue = ntipc.Queue('hand over'); other = queue.get_object(20); other.max_message")
    wait_until(lambda: ntipc.Queue("hand over").info()["readers"] > 1)
    server.run("ntipc.Queue('hand over').put_object(port)")
    assert receiving.result() == 1000
    serving = helper.begin("message = other.receive(20); message.reply(b'from the other'); message.connection.peer.pid")
    assert client.call(b"?") == b"from the other"
    assert serving.result() == os.getpid()
    helper.begin("other.receive(20)")
    lost = client.begin(b"?")
    wait_until(lambda: server.run("port.info()['messages']") == 0)
    helper.kill()
    with pytest.raises(ntipc.ReplyLost):
        lost.result(20)
    serving = server.begin("port.receive(20).reply(b'from the first')")
    assert client.call(b"?", timeout=20) == b"from the first"


def test_thousand_clients_in_one_wait(server: Peer) -> None:
    serving = server.begin("serve(port, 1000)")
    clients = [ntipc.PortClient("p", timeout=20) for _ in range(1000)]
    for number, client in enumerate(clients):
        assert client.call(b"c%d" % number, timeout=20) == b"C%d" % number
    for client in clients:
        client.close()
    assert serving.result(60) == ["closed"] * 1000
    assert not ntipc.examine()["findings"]


def test_connection_does_not_pickle() -> None:
    port = ntipc.Port("p")
    client = ntipc.PortClient._pair(port)
    with pytest.raises(TypeError, match="connect again elsewhere"):
        pickle.dumps(client)
    client.close()
    port.close()
    assert "closed" in repr(client)
    assert "closed" in repr(port)
    with pytest.raises(ntipc.HandleClosed):
        port.receive(0)
    with pytest.raises(ntipc.HandleClosed):
        port.wait(0)

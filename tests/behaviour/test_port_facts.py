"""What ports do as NT's LPC does it, or otherwise on purpose, by number: docs/ports-and-nt.md lists all of them."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc


@pytest.fixture
def server(peer: Peer) -> Peer:
    """A process with the port 'p'."""
    peer.run("port = ntipc.Port('p', max_message=1000, max_large=5000, client_quota=2000)")
    return peer


@pytest.fixture
def client(server: Peer) -> Iterator[ntipc.PortClient]:
    """A connection to it; the server's side is ``connection`` there."""
    accepting = server.begin("connection = port.listen(20).accept(b'in')")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    yield client
    client.close()


def in_thread(call: Callable[[], object]) -> Callable[[], object]:
    """Begin a call in a thread; what is returned waits for its result."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return lambda: future.result(20)


# layout, types, limits


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


# connecting


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
    monkeypatch.setattr("ntipc.ports.client.identify", lambda pid: ntipc.session.peers.NOBODY)
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


# sending


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


# views


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

"""Ports under attack: what a client, a server or a program does wrong harms only itself, and leaves nobody waiting."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc
from ntipc import _kernel
from ntipc.ports import wire
from ntipc.ports.names import PREFIX
from ntipc.queues.ends import QueueReader, QueueWriter
from ntipc.session.session import default_session


@pytest.fixture
def server(peer: Peer) -> Peer:
    """A process with the port 'p'."""
    peer.run("port = ntipc.Port('p', max_message=1000, max_large=1 << 22, client_quota=10_000)")
    return peer


@pytest.fixture
def client(server: Peer) -> Iterator[ntipc.PortClient]:
    """A connection to it; the server's side is ``connection`` there."""
    accepting = server.begin("connection = port.listen(20).accept(b'in')")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    yield client
    client.close()


class InThread:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self.thread = threading.Thread(target=self.run, args=(call,))
        self.thread.start()

    def run(self, call: Callable[[], Any]) -> None:
        try:
            self.result = call()
        except Exception as problem:
            self.result = problem

    def outcome(self) -> Any:
        self.thread.join(20)
        assert not self.thread.is_alive(), "the call never returns"
        return self.result


def objects(session: ntipc.Session | None = None) -> int:
    return int((session or default_session()).statistics()["objects"])


# what nobody will answer is told


def test_predicate_that_raises_refuses(server: Peer) -> None:
    server.run("port.admit = lambda request: 1 // 0")
    listening = server.begin("port.listen(20)")
    connecting = InThread(lambda: ntipc.PortClient("p", timeout=20))
    with pytest.raises(ZeroDivisionError):
        listening.result()
    assert isinstance(connecting.outcome(), ntipc.ConnectionRefused)


def test_forgotten_connection_request_is_refused(server: Peer) -> None:
    """LP-64."""
    listening = server.begin("request = port.listen(20); del request")
    with pytest.raises(ntipc.ConnectionRefused):
        ntipc.PortClient("p", timeout=20)
    listening.result()


def test_forgotten_request_is_lost(client: ntipc.PortClient, server: Peer) -> None:
    """A handler that raised, and whose message nobody keeps."""
    server.run("def fail():\n message = port.receive(20)\n raise RuntimeError(message.id)")
    for call in (lambda: client.call(b"?", timeout=20), lambda: client.begin(b"?").result(20)):
        failing = server.begin("fail()")
        with pytest.raises(ntipc.ReplyLost):
            call()
        with pytest.raises(RuntimeError):
            failing.result()
    assert client.is_connected


def test_forgotten_request_of_a_queue_is_lost(peer: Peer) -> None:
    peer.run("queue = ntipc.Queue('q')")
    taking = peer.begin("message = queue.receive(20); del message")
    with pytest.raises(ntipc.ReplyLost):
        ntipc.QueueWriter("q").call(b"?", timeout=20)
    taking.result()


def test_end_of_the_connection_in_the_middle_of_a_callback(client: ntipc.PortClient, server: Peer) -> None:
    """The result of the callback is a call of its own, through a queue of its own."""
    calling = InThread(lambda: client.call(b"?", timeout=20, on_callback=lambda data, handles: data))
    assert server.run("message = port.receive(20); message.call_back(b'who?', 20)") == b"who?"
    server.run("connection.close()")
    assert isinstance(calling.outcome(), ntipc.ReplyLost)


def test_callback_that_the_server_gives_up_loses_the_call(client: ntipc.PortClient, server: Peer) -> None:
    answered = threading.Event()

    def slow(data: bytes, handles: object) -> bytes:
        answered.wait(20)
        return data

    calling = InThread(lambda: client.call(b"?", timeout=20, on_callback=slow))
    with pytest.raises(ntipc.Timeout):
        server.run("message = port.receive(20); message.call_back(b'who?', 0.1)")
    answered.set()
    assert isinstance(calling.outcome(), ntipc.ReplyLost)


@pytest.mark.parametrize("begun", [False, True])
def test_callback_that_fails_leaves_the_request_to_be_answered(
    begun: bool, client: ntipc.PortClient, server: Peer
) -> None:
    call = (lambda: client.begin(b"?").result(20)) if begun else (lambda: client.call(b"?", timeout=20))
    calling = InThread(call)
    server.run("message = port.receive(20)")
    with pytest.raises(ntipc.InvalidParameter):
        server.run("message.call_back(b'', handles=[ntipc.Event() for _ in range(8)])")
    with pytest.raises(ntipc.InvalidParameter, match="max_large"):
        server.run("message.call_back(bytes((1 << 22) + 1))")
    server.run("message.reply(b'!')")
    assert calling.outcome() == b"!"


def test_callback_must_return_bytes(client: ntipc.PortClient, server: Peer) -> None:
    calling = InThread(lambda: client.call(b"?", timeout=20, on_callback=lambda data, handles: 5))  # type: ignore
    with pytest.raises(ntipc.NtError, match="TypeError"):
        server.run("message = port.receive(20); message.call_back(b'', 20)")
    server.run("del message")
    assert isinstance(calling.outcome(), ntipc.ReplyLost)


def test_close_wakes_a_thread_that_waits_for_room(client: ntipc.PortClient, server: Peer) -> None:
    """The server receives nothing: only the close can wake it."""
    with contextlib.suppress(ntipc.Timeout):
        while True:
            client.send(bytes(900), timeout=0)
    sending = InThread(lambda: client.send(bytes(900), timeout=20))
    tid = sending.thread.native_id
    wait_until(lambda: any(thread["tid"] == tid and thread["waiting_on"] for thread in look()["threads"]))
    client.close()
    assert isinstance(sending.outcome(), ntipc.HandleClosed)


# begun calls


def test_done_callback_that_raises_harms_no_other_call(
    client: ntipc.PortClient, server: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    calls = [client.begin(b"%d" % number) for number in range(3)]
    calls[0].add_done_callback(lambda call: 1 // 0)
    seen = threading.Event()
    calls[0].add_done_callback(lambda call: seen.set())
    server.run("for _ in range(3): port.receive(20).reply(b'!')")
    assert [call.result(20) for call in calls] == [b"!"] * 3
    assert seen.wait(20)
    assert [problem.exc_type for problem in raised] == [ZeroDivisionError]


def test_thread_that_cannot_start_fails_one_call(
    client: ntipc.PortClient, server: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr("ntipc.ports.thread_hub.start_new_thread", fail)
        with pytest.raises(RuntimeError, match="can't start"):
            client.begin(b"?")
    call = client.begin(b"!")
    assert server.run("message = port.receive(20); message.reply(message.data); message.data") == b"!"
    assert call.result(20) == b"!"


def test_thread_ends_when_its_session_is_left(server: Peer) -> None:
    """The queue for answers fails from then on: calls end, and nothing runs on."""
    accepting = server.begin("connection = port.listen(20).accept()")
    client = ntipc.PortClient("p", timeout=20)
    accepting.result()
    call = client.begin(b"?")
    hub = client._hub
    assert hub is not None
    hub._reader.close()
    with pytest.raises(ntipc.ReplyLost):
        call.result(20)
    wait_until(lambda: hub._taker is None)
    client.close()


def test_signal_handler_begins_a_call_while_another_begins(client: ntipc.PortClient, server: Peer) -> None:
    hub = client._hub
    assert hub is not None
    with hub._lock:  # where the handler comes in between
        call = client.begin(b"?")
    server.run("port.receive(20).reply(b'!')")
    assert call.result(20) == b"!"


def test_childs_begun_call_is_lost_with_the_connection(client: ntipc.PortClient, server: Peer) -> None:
    """What tells the parent of the end of its connection does not tell a forked child."""
    pid = os.fork()
    if pid == 0:
        code = 7
        try:
            client.begin(b"child").result(20)
        except ntipc.ReplyLost:
            code = 0
        finally:
            os._exit(code)
    server.run("message = port.receive(20)")
    server.run("connection.close()")
    assert os.waitpid(pid, 0)[1] == 0


def test_childs_copy_of_a_request_does_not_put_off_the_news_of_its_loss(
    client: ntipc.PortClient, server: Peer, start_peer: Callable[..., Peer]
) -> None:
    call = client.begin(b"?")
    server.run("import os, time; message = port.receive(20)")
    child = server.run("child = os.fork()\nif not child: time.sleep(60); os._exit(0)\nchild")
    child = server.run("child")
    try:
        server.kill()
        with pytest.raises(ntipc.ReplyLost):
            call.result(10)
    finally:
        os.kill(child, 9)


# hostile and careless clients


class RawClient:
    """A client that keeps to no protocol: frames and handles as it likes."""

    def __init__(self, hello: bytes | None = None, handles: tuple[Any, ...] = ()) -> None:
        self.native = default_session()._native
        self.door = QueueWriter.__new__(QueueWriter)
        self.door._open_end(self.native, PREFIX + "p", 0)
        self.inbox, self.inbox_writer = self.queue()
        self.lines, line = self.queue()
        hello = wire.HELLO.pack(wire.MAGIC, wire.VERSION, bool(handles), 0) if hello is None else hello
        self.answer = self.door._request(hello, 20, tag=wire.CONNECT, handles=[self.inbox_writer, line, *handles])
        line.close()

    def queue(self, quota: int = 1 << 20) -> tuple[QueueReader, QueueWriter]:
        reader, writer = QueueReader.__new__(QueueReader), QueueWriter.__new__(QueueWriter)
        reader._bind(self.native, None, _kernel.CREATE, 0, quota, (0, 0), writer)
        return reader, writer

    def writer(self) -> QueueWriter:
        assert self.answer is not None
        writer = QueueWriter.__new__(QueueWriter)
        self.answer.claim([writer])
        return writer


def test_answer_to_a_queue_without_room_holds_nobody_up(server: Peer) -> None:
    accepting = server.begin("connection = port.listen(20).accept()")
    raw = RawClient()
    accepting.result()
    writer = raw.writer()
    _, full = raw.queue(quota=1)
    full.put(b"full")
    for _ in range(2):
        writer._put(b"?", 20, tag=wire.tagged(wire.BEGIN, 1), handles=[full])
    for answer in ("reply(b'!')", "call_back(b'?', 20)"):
        with pytest.raises(ntipc.ReplyMismatch):
            server.run(f"message = port.receive(20); message.{answer}")


def test_section_that_cannot_be_mapped_refuses_its_client(server: Peer) -> None:
    section = ntipc.Section(size=4096)
    hello = wire.HELLO.pack(wire.MAGIC, wire.VERSION, True, 1 << 40)
    accepting = server.begin("port.listen(20).accept()")
    raw = RawClient(hello, (section,))
    with pytest.raises(ntipc.PeerGone, match="cannot be mapped"):
        accepting.result()
    assert raw.answer is not None
    assert raw.answer.tag & wire.KIND == wire.REFUSED
    assert server.run("port.connections") == ()


@pytest.mark.parametrize("kind", range(16))
@pytest.mark.parametrize("awaited", [False, True])
def test_every_kind_of_frame_with_every_kind_of_handle(kind: int, awaited: bool, server: Peer) -> None:
    """LP-6: the server goes on: it takes the frame for a message, or ends the connection."""
    things = [ntipc.Event(), ntipc.Mutex(), ntipc.Semaphore(), ntipc.Section(size=4096), ntipc.Queue(), ntipc.Timer()]
    accepting = server.begin("connection = port.listen(20).accept()")
    raw = RawClient()
    accepting.result()
    writer = raw.writer()
    tag = wire.tagged(kind, 0xFFFFFF) | 0x80 if kind > 12 else wire.tagged(kind, 0xFFFFFF)
    with contextlib.suppress(ntipc.ReplyLost, ntipc.PeerGone):
        if awaited:
            writer._request(b"", 0.05, tag=tag, handles=things)
        else:
            writer._put(b"", 20, tag=tag, handles=things)
    server.run(
        "try: message = port.receive(0); message.is_withdrawn, repr(message)\nexcept ntipc.Timeout: message = None"
    )
    assert server.run("message is None or not message.is_closed")
    server.run("if message and message.is_request:\n try: message.reply(b'')\n except ntipc.ReplyMismatch: pass")
    accepting = server.begin("connection = port.listen(20).accept()")
    good = ntipc.PortClient("p", timeout=20)
    accepting.result()
    serving = server.begin("while (message := port.receive(20)).data != b'good': pass\nmessage.reply(b'!')")
    assert good.call(b"good", timeout=20) == b"!"
    serving.result()


def test_time_outs_without_end_take_no_memory_without_end(client: ntipc.PortClient, server: Peer) -> None:
    """Each gives its call up by a frame that needs no room; but only as many as the client's quota allows once more."""
    for _ in range(2000):
        with pytest.raises(ntipc.Timeout):
            client.call(bytes(100), timeout=0)
    assert server.run("port.info()['messages']") < 500
    assert server.run("port.info()['bytes']") < 20_000


# nothing piles up


def test_unread_notice_and_queue_kept_for_a_client_are_whole(client: ntipc.PortClient, server: Peer) -> None:
    """What the doctor thinks of a badge without handles, and of a queue that only badges keep."""
    gone = server.begin("port.listen(20).accept()")
    ntipc.PortClient("p", timeout=20).close()
    gone.result()
    assert not ntipc.examine()["findings"]
    server.kill()
    wait_until(lambda: not client.is_connected)
    assert not ntipc.examine()["findings"]


def test_connects_of_one_process_leave_nothing(client: ntipc.PortClient, server: Peer) -> None:
    server.run(
        "import threading\n"
        "def accept():\n"
        " for number in range(200): port.listen(20).accept()\n"
        "threading.Thread(target=accept, daemon=True).start()"
    )
    before = objects()
    for _ in range(200):
        ntipc.PortClient("p", timeout=20).close()
    closed = server.run("sum(port.receive(20).is_closed for _ in range(200))")
    assert closed == 200
    assert server.run("len(port.connections)") == 1
    accepting = server.begin("port.listen(20).accept()")
    last = ntipc.PortClient("p", timeout=20)  # takes what the others left
    accepting.result()
    assert objects() < before + 20
    last.close()


def test_connections_that_another_process_saw_end_are_forgotten(server: Peer, start_peer: Callable[..., Peer]) -> None:
    helper = start_peer()
    queue = ntipc.Queue("hand over")
    receiving = helper.begin("other = ntipc.Queue('hand over').get_object(20)")
    server.run("ntipc.Queue('hand over').put_object(port)")
    receiving.result()
    queue.close()
    for _ in range(200):
        accepting = server.begin("port.listen(20).accept()")
        client = ntipc.PortClient("p", timeout=20)
        accepting.result()
        client.send(b"known to the helper")
        helper.run("other.receive(20).data")
        client.close()
        server.run("port.receive(20)")
    assert helper.run("len(other.connections)") <= 64
    assert server.run("len(port.connections)") == 0


def test_message_whose_connection_another_thread_saw_end() -> None:
    port = ntipc.Port("p")
    client = ntipc.PortClient._pair(port)
    [connection] = port.connections
    client.send(b"last words")
    client.close()
    frame, notice = port._messages._take(None, 20), port._messages._take(None, 20)
    assert frame is not None
    assert notice is not None
    closing = port._message(notice)
    message = port._message(frame)
    assert closing is not None
    assert message is not None
    assert message.data == b"last words"
    assert message.connection is closing.connection is connection
    assert port.connections == ()
    port.close()


# duplicates


def test_closing_a_duplicate_ends_no_connection(client: ntipc.PortClient, server: Peer) -> None:
    call = client.begin(b"?")
    server.run("message = port.receive(20); port.duplicate().close(); connection.send(b'still here')")
    assert client.receive(20).data == b"still here"
    server.run("message.reply(b'!')")
    assert call.result(20) == b"!"
    client.duplicate().close()
    assert client.is_connected
    with pytest.raises(ntipc.Timeout):
        server.run("port.receive(0)")


def name_is_free() -> bool:
    try:
        ntipc.Port("p").close()
    except ntipc.ObjectExists:
        return False
    return True


def test_forked_child_keeps_no_duplicate_of_a_port(server: Peer) -> None:
    server.run("import os, time; twin = port.duplicate()")
    server.run("child = os.fork()\nif not child: time.sleep(60); os._exit(0)")
    child = server.run("child")
    try:
        server.kill()
        wait_until(name_is_free)
    finally:
        os.kill(child, 9)


def test_begun_call_of_a_duplicate_is_lost_with_the_connection(client: ntipc.PortClient, server: Peer) -> None:
    twin = client.duplicate()
    call = twin.begin(b"?")
    server.run("message = port.receive(20); kept = message._answer.duplicate(); connection.close()")
    with pytest.raises(ntipc.ReplyLost):
        call.result(20)
    twin.close()

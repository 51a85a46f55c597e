"""What a server asks of a waiting caller: callbacks, buffers, views; and its datagrams. LP-n are facts of NT's LPC."""

from collections.abc import Callable

import pytest
from harness.peers import Peer

import ntipc


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

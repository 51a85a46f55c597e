"""Pipes between a server and its clients: messages, bytes, looks, answers, and the end of it."""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc
from ntipc import Status

Connected = tuple[ntipc.Pipe, ntipc.Pipe]


def connect(name: str = "p", access: str | None = None, **options: Any) -> Connected:
    """Both ends of a pipe in this process; the server that is closed at once has given them out."""
    with ntipc.PipeServer(name, **options) as server:
        client = ntipc.PipeClient(name, timeout=10, access=access)
        return server.accept(timeout=10), client


SERVE = "server = ntipc.PipeServer('p'); pipe = server.accept(timeout=20)"


def test_messages_go_both_ways_between_processes(peer: Peer) -> None:
    accepting = peer.begin(SERVE)
    client = ntipc.PipeClient("p", timeout=20)
    accepting.result()
    client.send(b"there")
    assert peer.run("pipe.recv()") == b"there"
    peer.run("pipe.send(b'and back')")
    assert client.recv() == b"and back"


def test_client_that_comes_before_the_server_waits_for_it(peer: Peer) -> None:
    connecting = peer.begin("client = ntipc.PipeClient('p', timeout=20); client.send(b'first')")
    with ntipc.PipeServer("p") as server, server.accept(timeout=20) as pipe:
        assert pipe.recv(timeout=20) == b"first"
    connecting.result()


@pytest.mark.parametrize("name", [r"\\.\pipe\P", r"\\.\PIPE\p", r"\??\pipe\p", r"Local\p"])
def test_any_spelling_of_the_name_leads_to_the_pipe(name: str) -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient(name, timeout=0)
    assert server.accept(timeout=0).peer == client.peer


def test_pipe_shares_its_name_with_no_other_kind() -> None:
    event, server, slot = ntipc.Event("p"), ntipc.PipeServer("p"), ntipc.Mailslot("p")
    assert event.created and server.created and not slot.closed


def test_pipe_of_the_machine_wide_session_is_another_one() -> None:
    local, everywhere = ntipc.PipeServer("p"), ntipc.PipeServer(r"Global\p")
    client = ntipc.PipeClient(r"Global\p")
    client.send(b"to all")
    assert everywhere.accept(timeout=0).recv(timeout=0) == b"to all" and not local.wait(0)
    assert client.session != local.session and client.session == everywhere.session


def test_pipe_lives_in_the_session_that_was_asked_for() -> None:
    with ntipc.Session("other-" + os.environ["NTIPC_SESSION"]) as other:
        server = ntipc.PipeServer("p", session=other)
        with pytest.raises(ntipc.ObjectNotFound):
            ntipc.PipeClient("p")
        assert ntipc.wait_for_pipe("p", 0, session=other)
        client = ntipc.PipeClient("p", session=other.name)
        client.send(b"here")
        assert server.accept(timeout=0).recv(timeout=0) == b"here"


def test_message_bounds_are_kept() -> None:
    pipe, client = connect()
    sent = [b"", b"a", b"", b"bc" * 3000, b"", b"d"]
    for message in sent:
        client.send(message)
    assert [pipe.recv(timeout=0) for _ in sent] == sent


def test_pieces_are_one_message() -> None:
    pipe, client = connect()
    client.send([b"one ", bytearray(b"mess"), memoryview(b"age")])
    assert pipe.recv(timeout=0) == b"one message"


def test_message_longer_than_asked_for_comes_in_parts() -> None:
    pipe, client = connect()
    client.send(b"0123456789")
    client.send(b"next")
    assert (pipe.read(4), pipe.left) == (b"0123", 6)
    assert (pipe.read(4), pipe.left) == (b"4567", 2)
    assert (pipe.read(4), pipe.left) == (b"89", 0)
    assert (pipe.read(4), pipe.left) == (b"next", 0)


def test_rest_of_a_message_can_be_read_by_another_thread_or_taken_whole() -> None:
    pipe, client = connect()
    client.send(b"0123456789" * 1000)
    assert pipe.read(4) == b"0123"
    assert pipe.recv(timeout=0) == (b"0123456789" * 1000)[4:]


def test_recv_into_takes_a_part_and_says_what_is_left() -> None:
    pipe, client = connect()
    client.send(b"0123456789")
    buffer = bytearray(4)
    assert (pipe.recv_into(buffer), pipe.left, buffer) == (4, 6, b"0123")
    wide = bytearray(20)
    assert (pipe.recv_into(wide), pipe.left, wide[:6]) == (6, 0, b"456789")


def test_read_of_nothing_takes_no_message() -> None:
    pipe, client = connect()
    client.send(b"abc")
    assert (pipe.read(0), pipe.left, pipe.recv(timeout=0)) == (b"", 3, b"abc")


def test_message_type_read_in_byte_mode_has_no_bounds() -> None:
    pipe, client = connect()
    pipe.mode = "byte"
    for message in (b"ab", b"cd", b"ef"):
        client.send(message)
    assert (pipe.read(3), pipe.read(100)) == (b"abc", b"def")
    assert client.mode == "message"  # each end has a mode of its own


def test_empty_message_in_byte_mode_is_an_empty_read_unless_more_follows() -> None:
    pipe, client = connect()
    pipe.mode = "byte"
    for message in (b"ab", b""):
        client.send(message)
    assert (pipe.read(8), pipe.read(8)) == (b"ab", b"")
    for message in (b"", b"cd"):
        client.send(message)
    assert pipe.read(8) == b"cd"


def test_byte_pipe_is_a_stream() -> None:
    pipe, client = connect(mode="byte")
    assert (client.mode, client.type, pipe.mode) == ("byte", "byte", "byte")
    assert [client.write(piece) for piece in (b"ab", b"", [b"c", b"d"])] == [2, 0, 2]
    assert (pipe.read(3), pipe.recv(timeout=0)) == (b"abc", b"d")
    with pytest.raises(ntipc.Timeout):
        pipe.read(1, timeout=0)


def test_byte_pipe_has_no_message_mode() -> None:
    pipe, client = connect(mode="byte")
    for end in pipe, client:
        with pytest.raises(ntipc.InvalidParameter) as refusal:
            end.mode = "message"
        assert refusal.value.winerror == 87 and end.mode == "byte"


def test_peek_shows_what_waits_and_takes_nothing() -> None:
    pipe, client = connect()
    assert pipe.peek() == (b"", 0, 0, 0)
    client.send(b"abcdef")
    client.send(b"gh")
    for _ in range(2):
        assert pipe.peek(2) == (b"ab", 8, 4, 2)
    assert pipe.read(3) == b"abc"
    assert pipe.peek() == (b"def", 5, 0, 2)


def test_peek_is_false_only_when_nothing_waits() -> None:
    pipe, client = connect()
    assert not pipe.peek() and not client.peek()
    client.send(b"")
    assert pipe.peek() and pipe.peek() == (b"", 0, 0, 1) and not client.peek()
    client.send(b"more")
    for length in (0, 4):
        assert pipe.peek() and pipe.peek(0) and len(pipe.recv()) == length
    assert not pipe.peek()


@pytest.mark.parametrize("mode", ["message", "byte"])
def test_peek_is_true_while_a_part_waits(mode: str) -> None:
    pipe, client = connect(mode=mode)
    client.write(b"ab")
    assert pipe.read(1) == b"a" and pipe.peek()
    assert pipe.read(1) == b"b" and not pipe.peek()


def test_peek_of_a_byte_pipe_sees_over_bounds() -> None:
    pipe, client = connect(mode="byte")
    client.write(b"ab")
    client.write(b"cd")
    assert pipe.peek(3) == (b"abc", 4, 0, 2)


def test_transact_sends_and_takes_the_answer(peer: Peer) -> None:
    serving = peer.begin(
        "server = ntipc.PipeServer('p'); pipe = server.accept(timeout=20)\nfor m in pipe: pipe.send(m * 2)"
    )
    client = ntipc.PipeClient("p", timeout=20)
    for message in (b"", b"x", b"y" * 50_000):
        assert client.transact(message, timeout=20) == message * 2
    client.close()
    serving.result()


def test_transact_with_something_unread_sends_nothing() -> None:
    pipe, client = connect()
    pipe.send(b"unread")
    with pytest.raises(ntipc.PipeBusy) as refusal:
        client.transact(b"question")
    assert refusal.value.winerror == 231 and refusal.value.status == Status.PIPE_BUSY
    assert pipe.peek().messages == 0 and client.recv(timeout=0) == b"unread"


def test_transact_needs_message_mode_and_both_ways() -> None:
    _, client = connect()
    client.mode = "byte"
    with pytest.raises(ntipc.InvalidPipeState) as refusal:
        client.transact(b"question")
    assert refusal.value.winerror == 230
    _, writer = connect("q", direction="inbound")
    with pytest.raises(ntipc.AccessDenied):
        writer.transact(b"question")


def test_transaction_without_an_answer_leaves_the_question() -> None:
    pipe, client = connect()
    with pytest.raises(ntipc.Timeout):
        client.transact(b"question", timeout=0.01)
    assert pipe.recv(timeout=0) == b"question"


def test_question_of_a_transaction_needs_no_room() -> None:
    pipe, client = connect(in_quota=10)
    client.send(b"0123456789")
    with pytest.raises(ntipc.Timeout, match="room"):
        client.send(b"more", timeout=0)
    with pytest.raises(ntipc.Timeout, match="has come"):
        client.transact(b"question", timeout=0.01)
    with pytest.raises(ntipc.Timeout, match="room"):
        client.send(b"more", timeout=0)
    assert [pipe.recv(timeout=0) for _ in range(2)] == [b"0123456789", b"question"]
    client.send(b"more", timeout=0)


def test_call_pipe_is_one_question_and_one_answer(peer: Peer) -> None:
    serving = peer.begin(
        "server = ntipc.PipeServer('p')\n"
        "for _ in range(2):\n"
        "  with server.accept(20) as pipe: pipe.send(pipe.recv()[::-1])"
    )
    wait_until(lambda: any(thing["kind"] == "WriteEnd" for thing in look()["objects"]))
    assert ntipc.call_pipe(r"\\.\pipe\P", b"abc", timeout=20) == b"cba"
    assert ntipc.call_pipe("p", b"", timeout=20) == b""
    serving.result()
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.call_pipe("nobody", b"")
    with ntipc.PipeServer("bytes", mode="byte"), pytest.raises(ntipc.InvalidPipeState):
        ntipc.call_pipe("bytes", b"")


DIRECTIONS = [("inbound", "client"), ("outbound", "server")]


@pytest.mark.parametrize(("direction", "writes"), DIRECTIONS)
def test_pipe_of_one_direction_moves_data_only_there(direction: str, writes: str) -> None:
    server, client = connect(direction=direction)
    writer, reader = (client, server) if writes == "client" else (server, client)
    writer.send(b"along")
    assert reader.recv(timeout=0) == b"along"
    for call in (lambda: reader.send(b""), lambda: writer.recv(timeout=0), lambda: writer.peek()):
        with pytest.raises(ntipc.AccessDenied) as refusal:
            call()
        assert refusal.value.winerror == 5


@pytest.mark.parametrize(("direction", "wrong"), [("inbound", "r"), ("outbound", "w"), ("inbound", "rw")])
def test_client_may_not_ask_for_more_than_the_direction(direction: str, wrong: str) -> None:
    server = ntipc.PipeServer("p", direction=direction, max_instances=1)
    for timeout in (None, 0, 1):
        with pytest.raises(ntipc.AccessDenied):
            ntipc.PipeClient("p", access=wrong, timeout=timeout)
    ntipc.PipeClient("p", timeout=0)  # the instance is still there
    server.accept(timeout=0)


def test_client_that_asked_to_read_only_may_not_write() -> None:
    pipe, client = connect(access="r")
    with pytest.raises(ntipc.AccessDenied):
        client.send(b"x")
    pipe.send(b"to read")
    assert client.recv(timeout=0) == b"to read"


def test_close_is_told_after_what_was_sent() -> None:
    for closing, other in (connect("one"), connect("two")[::-1]):
        closing.send(b"last words")
        closing.close()
        with pytest.raises(BrokenPipeError) as broken:
            other.send(b"too late")
        assert broken.value.winerror == 232  # type: ignore[attr-defined]
        assert other.peek().available == 10 and other.recv() == b"last words"
        for call in (other.recv, other.peek, lambda other=other: other.read(1)):
            with pytest.raises(EOFError) as end:
                call()
            assert end.value.winerror == 109  # type: ignore[attr-defined]


def test_for_takes_messages_until_the_end() -> None:
    pipe, client = connect()
    with client:
        for number in range(5):
            client.send(b"%d" % number)
    assert list(pipe) == [b"0", b"1", b"2", b"3", b"4"]


def test_death_of_the_client_is_told_to_a_server_that_waits(peer: Peer) -> None:
    server = ntipc.PipeServer("p")
    peer.run("client = ntipc.PipeClient('p'); client.send(b'before')")
    pipe = server.accept(timeout=20)
    peer.kill()
    assert pipe.recv(timeout=20) == b"before"
    with pytest.raises(EOFError):
        pipe.recv(timeout=20)
    with pytest.raises(BrokenPipeError):
        pipe.send(b"x")


def test_death_of_the_server_is_told_to_a_client_that_waits(start_peer: Callable[..., Peer]) -> None:
    serving, reading = start_peer(), start_peer()
    accepting = serving.begin(SERVE)
    reading.run("client = ntipc.PipeClient('p', timeout=20)")
    accepting.result()
    waiting = reading.begin("client.recv(timeout=20)")
    serving.kill()
    with pytest.raises(EOFError):
        waiting.result()
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.PipeClient("p")


def test_both_sides_know_who_the_other_is(peer: Peer) -> None:
    server = ntipc.PipeServer("p")
    seen = peer.run("client = ntipc.PipeClient('p'); tuple(client.peer)")
    pipe = server.accept(timeout=20)
    program = os.readlink(f"/proc/{peer.pid}/exe")
    assert pipe.peer == (peer.pid, os.geteuid(), program)
    assert seen == (os.getpid(), os.geteuid(), os.readlink("/proc/self/exe"))


def test_peer_that_was_dead_before_it_was_accepted_is_known_by_its_id_only(peer: Peer) -> None:
    server = ntipc.PipeServer("p")
    peer.run("client = ntipc.PipeClient('p'); client.send(b'from the dead')")
    peer.kill()
    wait_until(lambda: all(process["pid"] != peer.pid for process in look()["processes"]))
    pipe = server.accept(timeout=20)
    assert pipe.peer == (peer.pid, None, None)
    assert pipe.recv(timeout=0) == b"from the dead"


def test_info_tells_of_both_ends() -> None:
    server, client = connect(max_instances=3, in_quota=1000, out_quota=2000)
    client.send(b"abc")
    known = server.info()
    assert (known["in_quota"], known["out_quota"], known["bytes"], known["messages"]) == (1000, 2000, 3, 1)
    assert (known["server"], known["instances"], known["max_instances"], known["state"]) == (True, 1, 3, "connected")
    known = client.info()
    assert (known["in_quota"], known["out_quota"], known["server"], known["type"]) == (2000, 1000, False, "message")
    assert known["peer"].pid == os.getpid()


def test_repr_tells_what_it_is() -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    pipe = server.accept()
    assert repr(server) == "<PipeServer 'p' message duplex>"
    assert repr(pipe) == f"<Pipe 'p' server message connected peer={os.getpid()}>"
    assert repr(client) == f"<PipeClient 'p' client message connected peer={os.getpid()}>"
    client.close()
    server.close()
    assert repr(client) == "<PipeClient 'p' client closed>" and repr(server) == "<PipeServer 'p' closed>"
    assert "closing" in repr(pipe)


CALLS = [
    "send(b'')",
    "recv()",
    "read(1)",
    "write(b'')",
    "peek()",
    "transact(b'')",
    "recv_into(bytearray(1))",
    "flush()",
]
CALLS += ["wait(0)", "info()", "handle", "duplicate()", "__enter__()", "mode", "blocking", "connected", "peer", "name"]
FREE = {"mode", "blocking", "connected", "peer", "name"}


@pytest.mark.parametrize("call", CALLS)
def test_closed_pipe_refuses(call: str) -> None:
    for end in connect():
        end.close()
        end.close()
        if call in FREE:
            eval(f"end.{call}")
        else:
            with pytest.raises(ntipc.HandleClosed):
                eval(f"end.{call}")


@pytest.mark.parametrize("call", ["accept()", "wait(0)", "info()", "handle", "__enter__()"])
def test_closed_server_refuses(call: str) -> None:
    server = ntipc.PipeServer("p")
    server.close()
    server.close()
    with pytest.raises(ntipc.HandleClosed):
        eval(f"server.{call}")


WRONG = [
    ({"mode": "stream"}, ntipc.InvalidParameter),
    ({"mode": None}, TypeError),
    ({"direction": "both"}, ntipc.InvalidParameter),
    ({"direction": 3}, TypeError),
    ({"max_instances": 0}, ntipc.InvalidParameter),
    ({"max_instances": 256}, ntipc.InvalidParameter),
    ({"max_instances": -1}, ntipc.InvalidParameter),
    ({"max_instances": 1.5}, TypeError),
    ({"in_quota": -1}, ntipc.InvalidParameter),
    ({"out_quota": 1 << 41}, ntipc.InvalidParameter),
    ({"out_quota": "1"}, TypeError),
    ({"default_wait": -1}, ntipc.InvalidParameter),
]


@pytest.mark.parametrize(("options", "error"), WRONG)
def test_impossible_options_are_refused_and_leave_nothing(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ntipc.PipeServer("p", **options)
    assert look()["objects"] == []


@pytest.mark.parametrize("wrong", [7, "text", None, [b"x", 3], object()])
def test_data_that_is_not_bytes_is_a_type_error(wrong: Any) -> None:
    pipe, client = connect()
    for end in pipe, client:
        with pytest.raises(TypeError):
            end.send(wrong)
        with pytest.raises(TypeError):
            end.write(wrong)
    assert pipe.peek().messages == client.peek().messages == 0


def test_message_of_two_gibibytes_is_a_clear_error() -> None:
    pipe, client = connect()
    piece = bytes(1 << 20)
    with pytest.raises(ntipc.InvalidParameter, match="2147483648"):
        client.send([piece] * 2048)
    assert sys.getsizeof(piece) and pipe.peek().messages == 0


@pytest.mark.parametrize("timeout", [float("nan"), "1", [1]])
def test_impossible_timeouts_are_refused(timeout: Any) -> None:
    _, client = connect()
    with pytest.raises((ValueError, TypeError)):
        client.recv(timeout=timeout)


def test_pipe_of_another_machine_is_not_there_yet() -> None:
    for call in (ntipc.PipeClient, ntipc.PipeServer):
        with pytest.raises(ntipc.NotSupported):
            call(r"\\elsewhere\pipe\p")

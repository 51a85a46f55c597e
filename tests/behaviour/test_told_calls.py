"""The message of an error names the call that the program made, and what can be done."""

from collections.abc import Callable
from typing import Any

import pytest

import ntipc

Things = dict[str, Any]


@pytest.fixture
def things() -> Things:
    server = ntipc.PipeServer("p", in_quota=100, out_quota=100)
    client = ntipc.PipeClient("p")
    byte_server = ntipc.PipeServer("b", mode="byte")
    return {
        "client": client,
        "pipe": server.accept(timeout=0),
        "server": server,
        "bytes": ntipc.PipeClient("b"),
        "byte_server": byte_server,
        "slot": ntipc.Mailslot("m"),
        "writer": ntipc.MailslotClient("m"),
    }


def close(*names: str) -> Callable[[Things], None]:
    return lambda things: [things[name].close() for name in names] and None


def be_non_blocking(things: Things) -> None:
    things["client"].blocking = False


@pytest.mark.parametrize(
    ("before", "call", "told"),
    [
        (be_non_blocking, lambda things: things["client"].recv(), "Pipe.recv"),
        (be_non_blocking, lambda things: things["client"].recv_into(bytearray(5)), "Pipe.recv_into"),
        (be_non_blocking, lambda things: things["client"].send(bytes(101)), "Pipe.send"),
        (close("pipe", "server"), lambda things: things["client"].recv(), "Pipe.recv"),
        (close("client"), lambda things: things["client"].recv(), "Pipe.recv"),
        (close("client"), lambda things: things["client"].send(b""), "Pipe.send"),
        (close("client"), lambda things: things["client"].write(b""), "Pipe.write"),
        (close("client"), lambda things: things["client"].read(5), "Pipe.read"),
        (close("slot"), lambda things: things["writer"].write(b"x"), "MailslotClient.write"),
        (close("writer"), lambda things: things["writer"].write(b"x"), "MailslotClient.write"),
        (close(), lambda things: setattr(things["bytes"], "mode", "message"), "Pipe.mode"),
        (close(), lambda _: ntipc.wait_for_pipe("nobody's", 0), "wait_for_pipe"),
        (close(), lambda _: ntipc.call_pipe("nobody's", b"", 0), "call_pipe"),
    ],
)
def test_error_names_the_call(
    before: Callable[[Things], None],
    call: Callable[[Things], object],
    told: str,
    things: Things,
) -> None:
    before(things)
    with pytest.raises(ntipc.NtError) as caught:
        call(things)
    assert caught.value.operation == told and str(caught.value).startswith(f"{told} failed")


def test_message_beyond_the_quota_is_told_from_one_that_finds_no_room(things: Things) -> None:
    client, pipe = things["client"], things["pipe"]
    client.blocking = False
    with pytest.raises(ntipc.PipeBusy, match="101 bytes are more than the pipe's quota.*Send less at once"):
        client.send(bytes(101))
    client.send(bytes(100))
    with pytest.raises(ntipc.PipeBusy, match="there is no room now"):
        client.send(bytes(100))
    with pytest.raises(ntipc.Timeout, match="In non-blocking mode nothing waits"):
        client.flush()
    assert pipe.recv(0) == bytes(100)


def test_end_of_the_stream_says_what_became_of_what_was_sent(things: Things) -> None:
    client, pipe = things["client"], things["pipe"]
    pipe.send(b"important")
    pipe.disconnect()
    with pytest.raises(EOFError, match="disconnected. What had not been read is gone") as caught:
        client.recv()
    assert "has been read" not in str(caught.value)
    reader, writer = ntipc.Queue().split()
    writer.close()
    with pytest.raises(EOFError, match="All that was sent has been read"):
        reader.get()


def test_question_that_is_no_bytes_is_refused_before_a_server_takes_notice(things: Things) -> None:
    with pytest.raises(TypeError):
        ntipc.call_pipe("p", "text", 0)  # type: ignore[arg-type]
    with pytest.raises(ntipc.Timeout):
        things["server"].accept(timeout=0)


def test_what_cannot_be_waited_for_is_named() -> None:
    with pytest.raises(TypeError, match="pipes and their servers, and mailslots, not int"):
        ntipc.wait_any([ntipc.Event(), 5])  # type: ignore[list-item]


def test_reply_to_no_request_says_so() -> None:
    queue = ntipc.Queue()
    queue.put(b"no question")
    with pytest.raises(ntipc.ReplyMismatch, match="the message was no request"):
        queue.receive().reply(b"")


def test_truth_in_place_of_a_timeout_is_what_queues_call_block() -> None:
    queue, event = ntipc.Queue(quota=1), ntipc.Event()
    with pytest.raises(ntipc.Timeout):
        queue.get(False)
    queue.put(b"1", True)
    with pytest.raises(ntipc.Timeout):
        queue.put(b"2", False)
    assert queue.get(True) == b"1" and event.wait(False) is False
    server = ntipc.PipeServer("p")
    with pytest.raises(ntipc.Timeout):
        server.accept(False)
    with ntipc.PipeClient("p", timeout=True), server.accept(True):
        pass

"""An answer and the next message in one step: what goes wrong with the one does not keep the other."""

import os
import signal
from collections.abc import Callable

import pytest
from harness.in_thread import in_thread
from harness.peers import Peer
from harness.soundness import assert_sound
from harness.stopping import go_on, stop
from harness.waiting import wait_until

import ntipc


def test_answer_reaches_its_caller_and_the_next_message_comes(client: ntipc.PortClient, server: Peer) -> None:
    first, second = in_thread(lambda: client.call(b"1", 20)), None
    event = ntipc.Event()
    server.run("message = port.receive(20); given = ntipc.Event()")
    serving = server.begin("message = port.reply_and_receive(message, [b'an', b'swer'], [given], 20); message.data")
    reply = first()
    assert isinstance(reply, ntipc.Reply) and reply.data == b"answer" and not reply.handles[0].wait(0)
    second = in_thread(lambda: client.call(b"2", 20, [event]))
    assert serving.result() == b"2"
    with pytest.raises(ntipc.Timeout):
        server.run("port.reply_and_receive(message, b'last', timeout=0)")
    assert second() == b"last"


@pytest.mark.parametrize("gone", ["given up", "killed", "answered", "begun and withdrawn", "datagram"])
def test_answer_that_nobody_waits_for_does_not_keep_it_from_receiving(
    gone: str, client: ntipc.PortClient, server: Peer, start_peer: Callable[..., Peer]
) -> None:
    """LP-87 is otherwise."""
    if gone == "given up":
        with pytest.raises(ntipc.Timeout):
            client.call(b"?", timeout=0)
    elif gone == "killed":
        accepting = server.begin("port.listen(20).accept()")
        other = start_peer()
        other.run("client = ntipc.PortClient('p', timeout=20)")
        accepting.result()
        other.begin("client.call(b'?')")
    elif gone == "answered":
        asking = in_thread(lambda: client.call(b"?", 20))
    elif gone == "datagram":
        client.send(b"?")
    else:
        client.begin(b"?").withdraw()
    assert server.run("message = port.receive(20); message.data") == b"?"
    if gone == "killed":
        other.kill()
        wait_until(lambda: server.run("message.is_withdrawn"))
    elif gone == "answered":
        server.run("message.reply(b'!')")
        assert asking() == b"!"
    client.send(b"next")
    found = server.run(
        "found = [message]\n"
        "while found[-1].data != b'next': found.append(port.reply_and_receive(found[-1], b'late', timeout=20))\n"
        "len(found)"
    )
    assert found >= 2


def test_answer_that_is_wrong_is_told_and_can_be_given_again(client: ntipc.PortClient, server: Peer) -> None:
    asking = in_thread(lambda: client.call(b"?", 20))
    server.run("message = port.receive(20)")
    with pytest.raises(ntipc.InvalidParameter, match="max_large"):
        server.run("port.reply_and_receive(message, bytes((1 << 22) + 1), timeout=0)")
    with pytest.raises(ntipc.InvalidParameter):
        server.run("port.reply_and_receive(message, b'', [ntipc.Event() for _ in range(9)], timeout=0)")
    with pytest.raises(TypeError):
        server.run("port.reply_and_receive(message, 'text', timeout=0)")
    with pytest.raises(TypeError):
        server.run("port.reply_and_receive(message, b'never given', timeout='soon')")
    with pytest.raises(ntipc.Timeout):
        server.run("port.reply_and_receive(message, b'right', timeout=0)")
    assert asking() == b"right"


def test_begun_calls_are_answered_in_one_step_as_well(client: ntipc.PortClient, server: Peer) -> None:
    calls = [client.begin(b"%d" % number) for number in range(3)]
    server.run("message = port.receive(20)")
    server.run("for _ in range(2): message = port.reply_and_receive(message, message.data * 2, timeout=20)")
    assert [call.result(20) for call in calls[:2]] == [b"00", b"11"]
    server.run("message.reply(b'last')")
    assert calls[2].result(20) == b"last"


def test_server_killed_between_answer_and_message_loses_neither(
    session: ntipc.Session, client: ntipc.PortClient, server: Peer
) -> None:
    """It sleeps for the next message: the answer has been given, and the port goes with it."""
    asking = in_thread(lambda: client.call(b"?", 20))
    server.run("message = port.receive(20)")
    server.begin("port.reply_and_receive(message, b'!')")
    assert asking() == b"!"
    server.kill()
    with pytest.raises(ntipc.PeerGone):
        while True:
            client.call(b"?", 20)
    assert_sound(session.path)


def test_stopped_server_has_answered(client: ntipc.PortClient, server: Peer) -> None:
    asking = in_thread(lambda: client.call(b"?", 20))
    server.run("message = port.receive(20)")
    serving = server.begin("message = port.reply_and_receive(message, b'!', timeout=20); message.data")
    assert asking() == b"!"
    stop(server)
    try:
        client.send(b"while it stands still")
    finally:
        go_on(server)
    assert serving.result() == b"while it stands still"


def test_closed_port_answers_nothing(client: ntipc.PortClient, server: Peer) -> None:
    asking = in_thread(lambda: client.call(b"?", 20))
    server.run("message = port.receive(20); port.close()")
    with pytest.raises(ntipc.ReplyLost):
        asking()
    with pytest.raises(ntipc.HandleClosed):
        server.run("port.reply_and_receive(message, b'!', timeout=0)")


def test_signal_handler_that_raises_while_it_receives_has_answered(client: ntipc.PortClient, server: Peer) -> None:
    asking = in_thread(lambda: client.call(b"?", 20))
    server.run(
        "import os, signal\n"
        "def fail(*_): raise KeyError('interrupted')\n"
        "signal.signal(signal.SIGUSR1, fail); message = port.receive(20)"
    )
    serving = server.begin("port.reply_and_receive(message, b'!')")
    assert asking() == b"!"
    os.kill(server.pid, signal.SIGUSR1)
    with pytest.raises(KeyError, match="interrupted"):
        serving.result()
    with pytest.raises(ntipc.ReplyMismatch):
        server.run("message.reply(b'again')")
    client.send(b"still here")
    assert server.run("port.receive(20).data") == b"still here"

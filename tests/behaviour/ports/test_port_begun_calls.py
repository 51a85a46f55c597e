"""Calls that belong to no thread: begun, waited for, withdrawn, lost."""

import gc
import os

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc


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

"""What closing a pipe or its server does to those who wait, in this process and at the other side."""

import signal
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import asleep, wait_until

import ntipc

WAITS = {
    "server": ["server.accept()", "server.wait()", "ntipc.wait_any([stop, server])", "ntipc.wait_all([go, server])"],
    "pipe": ["pipe.recv()", "pipe.read(5)", "pipe.recv_into(bytearray(5))", "pipe.transact(b'x')", "pipe.send(b'xx')"],
}
SCENE = """
stop, go = ntipc.Event(), ntipc.Event(initial=True)
server = ntipc.PipeServer("p", max_instances=MOST, out_quota=1)
client = ntipc.PipeClient("p")
pipe = server.accept()
if FULL: pipe.send(b"x")
"""


def set_up(peer: Peer, wait: str, most: str = "None") -> None:
    peer.run(SCENE.replace("MOST", most).replace("FULL", str("send" in wait)))


@pytest.mark.parametrize(("most", "wait"), [(most, wait) for most in ("None", "1") for wait in WAITS["server"]])
def test_waiting_for_a_client_ends_when_the_server_is_closed(peer: Peer, most: str, wait: str) -> None:
    set_up(peer, wait, most)
    waiting = peer.begin(wait, "other")
    wait_until(lambda: asleep(peer.pid))
    peer.run("server.close()")
    with pytest.raises(ntipc.HandleClosed, match="PipeServer"):
        waiting.result()
    assert peer.run("client.connected and pipe.connected")
    with pytest.raises(ntipc.PipeBusy):  # the name lives as long as its last instance
        ntipc.PipeClient("p", timeout=0)


@pytest.mark.parametrize("wait", WAITS["pipe"])
def test_waiting_at_a_pipe_ends_when_it_is_closed(peer: Peer, wait: str) -> None:
    set_up(peer, wait)
    waiting = peer.begin(wait, "other")
    wait_until(lambda: asleep(peer.pid))
    peer.run("pipe.close()")
    with pytest.raises(ntipc.HandleClosed, match="Pipe"):
        waiting.result()


@pytest.mark.parametrize("name", WAITS)
def test_signal_handler_closes_what_its_thread_waits_for(peer: Peer, name: str) -> None:
    set_up(peer, WAITS[name][0])
    peer.run(f"signal.signal(signal.SIGUSR2, lambda *_: {name}.close())")
    waiting = peer.begin(WAITS[name][0])
    wait_until(lambda: asleep(peer.pid))
    peer.process.send_signal(signal.SIGUSR2)
    with pytest.raises(ntipc.HandleClosed):
        waiting.result()


def test_child_of_a_fork_that_closes_its_server_leaves_that_of_its_parent_waiting(peer: Peer) -> None:
    set_up(peer, "", "1")
    waiting = peer.begin("server.wait()", "other")
    wait_until(lambda: asleep(peer.pid))
    peer.run("""
pid = os.fork()
if pid == 0:
    server.close()
    os._exit(0)
os.waitpid(pid, 0)
""")
    assert not waiting.returned and peer.run("server._listener._closing.is_set()") is False
    peer.run("server.close()")
    with pytest.raises(ntipc.HandleClosed):
        waiting.result()


def test_closed_server_has_no_clients_that_nobody_accepted() -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    client.send(b"is anybody there?")
    server.close()
    with pytest.raises(EOFError):
        client.recv(timeout=0)
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.PipeClient("p", timeout=0)


@pytest.mark.parametrize("send", ["send(bytes(1000))", "write(bytes(1000))", "send(bytes(1000), timeout=20)"])
@pytest.mark.parametrize("quota", [100, 0])
@pytest.mark.parametrize("gone", ["close", "disconnect", "kill"])
def test_sender_of_more_than_the_quota_learns_that_its_reader_went(
    start_peer: Callable[..., Peer], send: str, quota: int, gone: str
) -> None:
    writing, reading = start_peer(), start_peer()
    reading.run(f"server = ntipc.PipeServer('p', in_quota={quota})")
    writing.run("end = ntipc.PipeClient('p')")
    reading.run("pipe = server.accept(timeout=20)")
    sending = writing.begin(f"end.{send}", "other")
    wait_until(lambda: asleep(writing.pid))
    reading.kill() if gone == "kill" else reading.run(f"pipe.{gone}()")
    with pytest.raises(BrokenPipeError):
        sending.result()


def test_sender_of_more_than_the_quota_is_done_when_its_reader_read_it_and_went(peer: Peer) -> None:
    server = ntipc.PipeServer("p", in_quota=100)
    peer.run("end = ntipc.PipeClient('p')")
    pipe = server.accept(timeout=20)
    sending = peer.begin("end.send(bytes(1000))", "other")
    wait_until(lambda: asleep(peer.pid))
    assert len(pipe.read(900)) == 900
    pipe.close()
    assert sending.result() is None

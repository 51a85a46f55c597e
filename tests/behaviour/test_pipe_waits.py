"""Pipes among other objects: waited for together, sent to other processes, inherited by a fork."""

import multiprocessing
import multiprocessing.forkserver
import os
import pickle
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import asleep, look, wait_until
from test_pipes import connect

import ntipc


def test_pipe_is_set_while_there_is_something_to_read_or_the_other_side_is_gone() -> None:
    pipe, client = connect()
    assert not pipe.wait(0) and ntipc.wait_any([pipe, client], 0) is None
    client.send(b"")
    found = ntipc.wait_any([client, pipe], 0)
    assert found is not None and found.index == 1 and found.object is pipe
    pipe.recv()
    assert not pipe.wait(0)
    client.close()
    assert pipe.wait(0) and ntipc.wait_any([pipe], 0)


def test_server_is_set_when_a_client_has_come() -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    assert not server.wait(0)
    client = ntipc.PipeClient("p")
    assert server.wait(0)
    pipe = server.accept(timeout=0)
    assert not server.wait(0.01)  # there may be no more instances
    pipe.close()
    assert not server.wait(0)
    client.close()
    ntipc.PipeClient("p")
    assert server.wait(0)


def test_server_and_its_clients_and_a_stop_event_in_one_wait(peer: Peer) -> None:
    calling = peer.begin("""
clients = [ntipc.PipeClient('p', timeout=20) for _ in range(5)]
answers = [client.transact(b'%d' % number) for number, client in enumerate(clients)]
for client in clients[:3]: client.close()
ntipc.Event('stop').set()
answers
""")
    server, stop, timer = ntipc.PipeServer("p"), ntipc.Event("stop"), ntipc.Timer()
    pipes: list[ntipc.Pipe] = []
    ended = 0
    while (found := ntipc.wait_any([server, *pipes, stop, timer], timeout=20)).object is not stop:  # type: ignore[union-attr]
        if isinstance(found.object, ntipc.PipeServer):  # type: ignore[union-attr]
            pipes.append(server.accept(timeout=20))
        elif isinstance(found.object, ntipc.Pipe):  # type: ignore[union-attr]
            try:
                found.object.send(found.object.recv() * 2)  # type: ignore[union-attr]
            except EOFError:
                pipes.remove(found.object)  # type: ignore[union-attr]
                ended += 1
    assert calling.result() == [b"%d%d" % (number, number) for number in range(5)]
    assert ended == 3 and len(pipes) == 2


def test_wait_all_and_signal_and_wait_take_pipes() -> None:
    pipe, client = connect()
    event = ntipc.Event()
    assert ntipc.wait_all([event, pipe], 0) is None and not ntipc.signal_and_wait(event, pipe, 0)
    client.send(b"x")
    assert ntipc.wait_all([pipe, event], 0) is not None and ntipc.signal_and_wait(event, pipe, 0)
    with pytest.raises(TypeError):
        ntipc.wait_any([pipe, "no object"], 0)  # type: ignore[list-item]


def test_way_out_is_set_while_there_is_room() -> None:
    pipe, client = connect(in_quota=4)
    assert client.writer.wait(0)
    client.send(b"full")
    assert not client.writer.wait(0) and ntipc.wait_any([client.writer, client.reader], 0) is None
    pipe.recv()
    assert ntipc.wait_any([client.writer], 0)


@pytest.fixture(params=["fork", "forkserver", "spawn"])
def context(request: pytest.FixtureRequest, session: ntipc.Session) -> Iterator[Any]:
    """Each way in which multiprocessing starts a process."""
    yield multiprocessing.get_context(request.param)
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


def answer_all(pipe: ntipc.Pipe) -> None:
    """Answer until told to stop: a child of a fork has a copy of the other end, too, and sees no end of the stream."""
    while (message := pipe.recv(timeout=20)) != b"stop":
        pipe.send(message + b" from %d" % os.getpid())


def serve(server: ntipc.PipeServer, ready: Connection) -> None:
    ready.send(os.getpid())
    with server.accept(timeout=20) as pipe:
        answer_all(pipe)


def test_accepted_pipe_is_given_to_a_child_that_answers(context: Any) -> None:
    pipe, client = connect()
    child = context.Process(target=answer_all, args=(pipe,))
    child.start()
    assert client.transact(b"hello", timeout=20) == b"hello from %d" % child.pid
    pipe.close()
    client.send(b"stop")
    child.join()
    assert child.exitcode == 0


def test_clients_end_is_given_to_a_child(context: Any) -> None:
    pipe, client = connect()
    child = context.Process(target=answer_all, args=(client,))
    child.start()
    assert pipe.transact(b"hello", timeout=20) == b"hello from %d" % child.pid
    client.close()
    pipe.send(b"stop")
    child.join()
    assert child.exitcode == 0


def test_server_given_to_children_is_a_server_in_each(context: Any) -> None:
    server = ntipc.PipeServer("p", in_quota=1000)
    mine, theirs = context.Pipe()
    children = [context.Process(target=serve, args=(server, theirs)) for _ in range(3)]
    for child in children:
        child.start()
    pids = {mine.recv() for _ in children}
    server.close()
    answers = []
    while len(answers) < len(children):
        with ntipc.PipeClient("p", timeout=20) as client:
            try:
                answers.append(int(client.transact(b"who", timeout=20).split()[-1]))
            except EOFError:
                continue  # it has come to the next instance of a child that was just ending
            client.send(b"stop")
    assert set(answers) == pids
    for child in children:
        child.join()
        assert child.exitcode == 0


def test_server_given_to_a_child_serves_there_once_there_may_be_one_more_instance(context: Any) -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    mine, theirs = context.Pipe()
    child = context.Process(target=serve, args=(server, theirs))
    child.start()
    assert mine.recv() == child.pid
    with ntipc.PipeClient("p", timeout=20) as client, server.accept(timeout=20) as pipe:
        assert not client.wait(0) and not pipe.wait(0)
        server.close()
    with ntipc.PipeClient("p", timeout=20) as client:
        assert client.transact(b"who", timeout=20) == b"who from %d" % child.pid
        client.send(b"stop")
    child.join()
    assert child.exitcode == 0


def test_pipe_in_flight_stays_connected() -> None:
    pipe, client = connect()
    data = pickle.dumps(pipe)
    pipe.close()
    client.send(b"on the way")
    arrived = pickle.loads(data)
    assert arrived.recv(timeout=0) == b"on the way" and arrived.peer == client.peer and arrived.mode == "message"
    arrived.disconnect()
    assert not client.connected


def test_duplicate_is_one_more_object_for_the_same_end(peer: Peer) -> None:
    for end, other in (connect("one"), connect("two")[::-1]):
        twin = end.duplicate()
        end.close()
        other.send(b"still there")
        assert twin.recv(timeout=0) == b"still there" and twin.peer.pid == os.getpid()
        twin.send(b"and back")
        assert other.recv(timeout=0) == b"and back"
        with pytest.raises(ntipc.NotSupported):
            twin.duplicate(peer.pid)
        with twin.duplicate(os.getpid(), access=ntipc.Access.SYNCHRONIZE, inheritable=True) as only_waits:
            assert only_waits.inheritable and not twin.inheritable and not only_waits.wait(0)
            with pytest.raises(PermissionError):
                only_waits.send(b"x")
        twin.close()
        with pytest.raises(EOFError):
            other.recv()
        other.close()
    assert look()["objects"] == []


def test_forked_child_takes_no_client_from_its_parent(peer: Peer) -> None:
    peer.run("""
server = ntipc.PipeServer('p')
child = os.fork()
if child == 0:
    import signal; signal.pause()
""")
    client = ntipc.PipeClient("p", timeout=20)
    peer.run("pipe = server.accept(timeout=20)")
    assert client.peer.pid == peer.pid
    peer.run("server.close(); pipe.close()")
    with pytest.raises(EOFError):
        client.recv(timeout=20)
    peer.run("os.kill(child, 9); os.waitpid(child, 0)[0] == child")


def test_forked_child_accepts_for_itself(peer: Peer) -> None:
    peer.run("""
server = ntipc.PipeServer('p')
child = os.fork()
if child == 0:
    with server.accept(timeout=20) as pipe: pipe.send(b'%d' % os.getpid())
    os._exit(0)
server.close()
""")
    child = peer.run("child")
    with ntipc.PipeClient("p", timeout=20) as client:
        assert client.recv(timeout=20) == b"%d" % child
    assert peer.run("os.waitpid(child, 0)[1]") == 0


def test_ctrl_c_ends_waiting_calls_and_leaves_the_pipe_usable(peer: Peer) -> None:
    peer.run("server = ntipc.PipeServer('p')")
    accepting = peer.begin("server.accept()")
    wait_until(lambda: asleep(peer.pid))
    peer.interrupt()
    with pytest.raises(KeyboardInterrupt):
        accepting.result()
    client = ntipc.PipeClient("p", timeout=20)
    peer.run("pipe = server.accept(timeout=20)")
    for call in "recv()", "read(1)", "transact(b'x')":
        begun = peer.begin(f"pipe.{call}")
        wait_until(lambda: asleep(peer.pid))
        peer.interrupt()
        with pytest.raises(KeyboardInterrupt):
            begun.result()
    client.send(b"to read")
    assert peer.run("pipe.recv()") == b"to read" and client.recv() == b"x"


def test_unwatched_objects_close_their_handles() -> None:
    pipe, client = connect()
    server = ntipc.PipeServer("q")
    assert len(look()["objects"]) > 4
    del pipe, client, server
    assert look()["objects"] == []

"""Instances of pipes: how many, who gets one, disconnecting and using one again."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness.in_thread import in_thread
from harness.peers import Peer
from harness.waiting import asleep, is_stopped, look, wait_until
from harness.watching import others_watch

import ntipc
from ntipc import Status, _kernel


def listening(server: ntipc.PipeServer) -> int:
    """How many instances the pipe has."""
    return server.info()["instances"]


def test_client_can_connect_before_the_server_accepts() -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p", timeout=0)
    client.send(b"early")
    assert server.accept(timeout=0).recv(timeout=0) == b"early"


def test_client_that_came_and_went_is_accepted_with_what_it_sent() -> None:
    server = ntipc.PipeServer("p")
    with ntipc.PipeClient("p") as client:
        client.send(b"bye")
    with server.accept(timeout=0) as pipe:
        assert not pipe.connected and list(pipe) == [b"bye"]


def test_name_nobody_serves_is_not_found() -> None:
    for timeout in (None, 0, 0.02):
        with pytest.raises(ntipc.ObjectNotFound) as missing:
            ntipc.PipeClient("p", timeout=timeout)
        assert missing.value.winerror == 2 and "p" in str(missing.value)
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.wait_for_pipe("p", timeout=1)


def test_name_goes_with_the_last_instance() -> None:
    with ntipc.PipeServer("p") as server:
        ntipc.PipeClient("p").close()
        pipe = server.accept()
    with pytest.raises(ntipc.PipeBusy):
        ntipc.PipeClient("p", timeout=0)  # the server is closed, and its instance keeps the name
    pipe.close()
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.PipeClient("p", timeout=0)


def test_client_waits_in_vain_when_all_instances_are_busy() -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    first = ntipc.PipeClient("p")
    for timeout in (0, 0.02):
        with pytest.raises(ntipc.PipeBusy) as busy:
            ntipc.PipeClient("p", timeout=timeout)
        assert busy.value.winerror == 231 and isinstance(busy.value, (TimeoutError, BlockingIOError))
    assert not ntipc.wait_for_pipe("p", timeout=0.01)
    assert server.accept().peer == first.peer


def test_client_that_waits_gets_the_instance_that_becomes_free(peer: Peer) -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    first = ntipc.PipeClient("p")
    pipe = server.accept()
    waiting = peer.begin("client = ntipc.PipeClient('p'); client.send(b'second')")
    wait_until(lambda: asleep(peer.pid))
    first.close()
    pipe.disconnect()
    pipe.connect(timeout=20)
    waiting.result()
    assert pipe.recv(timeout=20) == b"second"


def test_client_that_waits_learns_that_the_last_server_is_gone(start_peer: Callable[..., Peer]) -> None:
    serving, waiting = start_peer(), start_peer()
    serving.run("server = ntipc.PipeServer('p', max_instances=1); client = ntipc.PipeClient('p')")
    connecting, looking = waiting.begin("ntipc.PipeClient('p')", "a"), waiting.begin("ntipc.wait_for_pipe('p')", "b")
    wait_until(lambda: sum(thread["state"] == "sleeping" for thread in look()["threads"]) == 2)
    serving.kill()
    for call in connecting, looking:
        with pytest.raises(ntipc.ObjectNotFound):
            call.result()


def test_wait_for_pipe_takes_nothing() -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    assert ntipc.wait_for_pipe("p") and ntipc.wait_for_pipe(r"\\.\pipe\P", timeout=0)
    ntipc.PipeClient("p", timeout=0)
    assert not ntipc.wait_for_pipe("p", timeout=0)
    server.accept(timeout=0)


def test_wait_for_pipe_does_not_see_an_instance_that_was_closed() -> None:
    busy = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    pipe = busy.accept()
    spare = ntipc.PipeServer("p")
    busy.close()  # with the instance that listened
    assert ntipc.wait_for_pipe("p", timeout=0)
    spare.close()
    assert not ntipc.wait_for_pipe("p", timeout=0) and pipe.connected and client.connected


def test_maximum_is_kept_over_processes(peer: Peer) -> None:
    server = ntipc.PipeServer("p", max_instances=2)
    peer.run("other = ntipc.PipeServer('p', max_instances=200)")  # the first one's maximum counts
    assert listening(server) == 2
    for _ in range(2):
        with pytest.raises(ntipc.PipeBusy) as full:
            ntipc.PipeServer("p")
        assert full.value.status == Status.INSTANCE_NOT_AVAILABLE and full.value.winerror == 231
    peer.kill()
    wait_until(lambda: listening(server) == 1)
    ntipc.PipeServer("p")


@pytest.mark.parametrize("most", [None, 255])
def test_number_of_instances_may_be_unlimited(most: int | None) -> None:
    servers = [ntipc.PipeServer("p", max_instances=most) for _ in range(300)]
    assert listening(servers[0]) == 300 and servers[0].info()["max_instances"] is None
    for server in servers:
        server.close()
    assert look()["objects"] == []


def test_accept_at_the_maximum_waits_until_an_instance_is_closed(peer: Peer) -> None:
    peer.run("server = ntipc.PipeServer('p', max_instances=1)")
    first = ntipc.PipeClient("p")
    peer.run("pipe = server.accept()")
    with pytest.raises(ntipc.PipeBusy):
        peer.run("server.accept(timeout=0.02)")
    accepting = peer.begin("again = server.accept(timeout=20); again.recv(timeout=20)", "other")
    peer.run("pipe.close()")
    with pytest.raises(EOFError):
        first.recv()
    with ntipc.PipeClient("p", timeout=20) as second:
        second.send(b"second")
        assert accepting.result() == b"second"


def test_second_server_must_have_the_direction_of_the_first_and_may_have_another_mode() -> None:
    first = ntipc.PipeServer("p", direction="inbound", mode="byte", max_instances=2)
    with pytest.raises(ntipc.AccessDenied) as refusal:
        ntipc.PipeServer("p", direction="duplex")
    assert refusal.value.winerror == 5 and listening(first) == 1
    second = ntipc.PipeServer("p", direction="inbound", mode="message")
    assert second.info()["mode"] == "byte" and second.info()["max_instances"] == 2 and not second.created
    with pytest.raises(ntipc.PipeBusy):  # the maximum is looked at first
        ntipc.PipeServer("p", direction="duplex")


def test_create_insists_on_a_new_pipe() -> None:
    server = ntipc.PipeServer.create("p")
    with pytest.raises(ntipc.ObjectExists):
        ntipc.PipeServer.create(r"\\.\pipe\P")
    assert server.created and listening(server) == 1


def test_server_that_was_killed_makes_way_for_the_next_at_once(start_peer: Callable[..., Peer]) -> None:
    for _ in range(5):
        peer = start_peer()
        peer.run("server = ntipc.PipeServer('p', max_instances=1)")
        peer.kill()
        with ntipc.PipeServer("p", max_instances=1) as server:
            client = ntipc.PipeClient("p", timeout=0)
            server.accept(timeout=0).close()
            client.close()


@pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults")
def test_next_server_waits_for_a_late_reaper_of_the_one_that_was_killed(start_peer: Callable[..., Peer]) -> None:
    reaper, killed = start_peer(), start_peer()
    reaper.run("session = ntipc.Session(); _kernel.arm_fault('ReapBegin', 1, 'stop')")
    killed.run("server = ntipc.PipeServer('p', max_instances=1)")
    kept = ntipc.PipeClient("p")
    with others_watch():
        killed.kill()
        wait_until(lambda: is_stopped(reaper.pid))
        making = in_thread(lambda: ntipc.PipeServer("p", max_instances=1))
        wait_until(lambda: asleep(os.getpid()))
        assert not ntipc.Event().wait(0.2), "longer than for a process that nobody knows to be dead"
        os.kill(reaper.pid, signal.SIGCONT)
        server = making()
    assert isinstance(server, ntipc.PipeServer) and listening(server) == 1
    server.close()
    kept.close()


def test_duplicate_of_a_server_is_one_more_server() -> None:
    server = ntipc.PipeServer("p", in_quota=77)
    twin = server.duplicate()
    server.close()
    client = ntipc.PipeClient("p", timeout=0)
    with twin.accept(timeout=0) as pipe:
        assert pipe.peer == client.peer and pipe.info()["in_quota"] == 77 and not twin.created
    assert not twin.inheritable
    twin.inheritable = True
    assert twin.inheritable
    with twin.duplicate(os.getpid(), inheritable=True) as third:
        assert third.inheritable
    for arguments in {"process": 1}, {"access": ntipc.Access.SYNCHRONIZE}:
        with pytest.raises(ntipc.NotSupported):
            twin.duplicate(**arguments)  # type: ignore[arg-type]
    narrow = ntipc.PipeServer("narrow", max_instances=1)
    with pytest.raises(ntipc.PipeBusy):
        narrow.duplicate()


def test_instances_are_taken_in_the_order_in_which_they_began_to_listen() -> None:
    servers = [ntipc.PipeServer("p") for _ in range(5)]
    for number, server in enumerate(servers):
        ntipc.PipeClient("p", timeout=0).send(b"%d" % number)
        assert server.accept(timeout=0).recv(timeout=0) == b"%d" % number
        server._listener._idle.close()  # so that the next one is the oldest


def test_server_that_died_is_passed_over(peer: Peer) -> None:
    peer.run("first = [ntipc.PipeServer('p') for _ in range(3)]")
    server = ntipc.PipeServer("p")
    peer.kill()
    wait_until(lambda: listening(server) == 1)
    client = ntipc.PipeClient("p", timeout=0)
    assert server.accept(timeout=0).peer == client.peer
    server._listener._idle.close()
    assert not ntipc.wait_for_pipe("p", timeout=0)


def test_disconnect_throws_away_what_is_unread_on_both_sides() -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    pipe = server.accept()
    client.send(b"unread")
    pipe.send(b"unread")
    pipe.disconnect()
    with pytest.raises(EOFError) as end:
        client.recv(timeout=0)
    assert end.value.winerror == 233  # type: ignore[attr-defined]
    for call in (lambda: client.send(b""), lambda: client.flush(), lambda: pipe.send(b""), lambda: client.info()):
        with pytest.raises(ntipc.PeerGone) as gone:
            call()
        assert gone.value.winerror == 233
    with pytest.raises(EOFError):
        pipe.recv()
    assert not client.connected and not pipe.connected and pipe.wait(0) and client.wait(0)


def test_disconnect_wakes_a_client_that_waits(peer: Peer) -> None:
    server = ntipc.PipeServer("p")
    reading = peer.begin("client = ntipc.PipeClient('p'); client.recv()")
    pipe = server.accept(timeout=20)
    wait_until(lambda: asleep(peer.pid))
    pipe.disconnect()
    with pytest.raises(EOFError) as end:
        reading.result()
    assert end.value.winerror == 233  # type: ignore[attr-defined]


def test_disconnected_instance_serves_one_client_after_the_other() -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    client = ntipc.PipeClient("p")
    pipe = server.accept()
    for number in range(20):
        client.send(b"%d" % number)
        assert pipe.recv() == b"%d" % number
        pipe.disconnect()
        with pytest.raises(ntipc.PipeBusy):
            ntipc.PipeClient("p", timeout=0)  # it is disconnected, which is not listening
        with pytest.raises(ntipc.Timeout):
            pipe.connect(timeout=0)
        client = ntipc.PipeClient("p", timeout=0)
        assert pipe.connected and pipe.peer == client.peer
    assert listening(server) == 1


def test_connect_and_disconnect_in_the_wrong_state() -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    pipe = server.accept()
    for call in client.disconnect, client.connect:
        with pytest.raises(ntipc.InvalidPipeState) as refusal:
            call()
        assert refusal.value.winerror == 1
    with pytest.raises(ntipc.InvalidPipeState) as refusal:
        pipe.connect()
    assert refusal.value.winerror == 535
    client.close()
    with pytest.raises(ntipc.PeerGone) as gone:
        pipe.connect()
    assert gone.value.winerror == 232
    pipe.disconnect()
    with pytest.raises(ntipc.PeerGone) as gone:
        pipe.disconnect()
    assert gone.value.winerror == 233


def test_disconnect_while_another_thread_waits_for_a_client_ends_its_wait(peer: Peer) -> None:
    peer.run("server = ntipc.PipeServer('p')")
    ntipc.PipeClient("p").close()
    peer.run("pipe = server.accept(); pipe.disconnect()")
    waiting = peer.begin("pipe.connect()", "other")
    wait_until(lambda: asleep(peer.pid))
    peer.run("pipe.disconnect()")
    with pytest.raises(ntipc.PeerGone) as gone:
        waiting.result()
    assert gone.value.winerror == 233


def test_client_that_died_between_taking_an_offer_and_connecting_costs_no_instance(peer: Peer) -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    peer.run(
        "from ntipc.pipes.offers import open_offers, take_offer; from ntipc.objects.devices import locate_pipe\n"
        "location = locate_pipe('p'); offer = take_offer(open_offers(location, location.attachment()._native), 0)"
    )
    with pytest.raises(ntipc.PipeBusy):
        ntipc.PipeClient("p", timeout=0)
    waiting = threading.Thread(target=lambda: server.accept(timeout=20).send(b"served"))
    waiting.start()
    peer.kill()
    assert ntipc.PipeClient("p", timeout=20).recv(timeout=20) == b"served"
    waiting.join()


def test_hundreds_of_clients_are_served_by_one_loop(start_peer: Callable[..., Peer]) -> None:
    peers = [start_peer() for _ in range(4)]
    code = """
def one(number):
    with ntipc.PipeClient('p', timeout=20) as client:
        return client.transact(b'%d' % number, timeout=20)
def all_of_them(first):
    answers, threads = {}, []
    for number in range(first, first + 100):
        threads.append(threading.Thread(target=lambda number=number: answers.update({number: one(number)})))
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return answers
"""
    server = ntipc.PipeServer("p")
    for peer in peers:
        peer.run(code)
    calls = [peer.begin(f"all_of_them({100 * place})") for place, peer in enumerate(peers)]
    for _ in range(400):
        with server.accept(timeout=20) as pipe:
            pipe.send(pipe.recv(timeout=20) + b"!")
    answers: dict[int, Any] = {}
    for call in calls:
        answers |= call.result()
    assert answers == {number: b"%d!" % number for number in range(400)}

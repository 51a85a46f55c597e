"""A pipe with as many instances as it may have: a server that waits for a client learns it when one goes."""

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import asleep, wait_until

import ntipc
from ntipc.objects.devices import locate_pipe
from ntipc.pipes.offers import open_offers, take_offer

FULL = """
server = ntipc.PipeServer("p", max_instances=1)
client = ntipc.PipeClient("p")
pipe = server.accept()
"""


@pytest.mark.parametrize(
    "wait",
    [
        "ntipc.wait_any([stop, server]).index == 1",
        "server.wait()",
        "ntipc.wait_all([server, go]) is not None",
        "ntipc.signal_and_wait(stop, server)",
        "server.accept() is not None",
    ],
)
def test_wait_for_a_server_ends_when_an_instance_is_closed_and_a_client_comes(peer: Peer, wait: str) -> None:
    peer.run(FULL + "stop, go = ntipc.Event(), ntipc.Event(initial=True)")
    waiting = peer.begin(wait, "other")
    wait_until(lambda: asleep(peer.pid))
    peer.run("client.close(); pipe.close()")
    client = ntipc.PipeClient("p", timeout=20)
    assert waiting.result() is True
    client.close()


def test_wait_goes_on_when_an_instance_is_closed_until_a_client_comes(peer: Peer) -> None:
    peer.run(FULL + "stop = ntipc.Event('stop')")
    waiting = peer.begin("ntipc.wait_any([server, stop]).index", "other")
    wait_until(lambda: asleep(peer.pid))
    peer.run("pipe.close()")
    wait_until(lambda: ntipc.wait_for_pipe("p", timeout=0))  # it listens by now
    assert not waiting.returned
    ntipc.Event("stop").set()
    assert waiting.result() == 1


@pytest.mark.parametrize("end", ["pipe.close()", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_instance_that_goes_in_another_process_lets_a_server_listen(start_peer: Callable[..., Peer], end: str) -> None:
    waiter, holder = start_peer(), start_peer()
    waiter.run("server = ntipc.PipeServer('p', max_instances=2); stop = ntipc.Event()")
    holder.run("server = ntipc.PipeServer('p'); first, second = ntipc.PipeClient('p'), ntipc.PipeClient('p')")
    waiter.run("pipe = server.accept(timeout=20)")
    holder.run("pipe = server.accept(timeout=20); server.close()")
    waiting = waiter.begin("ntipc.wait_any([stop, server]).index", "other")
    wait_until(lambda: asleep(waiter.pid))
    holder.begin(end)
    client = ntipc.PipeClient("p", timeout=20)
    assert waiting.result() == 1 and waiter.run("server.accept(timeout=0).peer.pid") == os.getpid()
    client.close()


def test_wait_plan_a_full_server_run_out_of_time_and_take_nothing() -> None:
    server = ntipc.PipeServer("p", max_instances=1)
    client, ready = ntipc.PipeClient("p"), ntipc.Event(initial=True)
    pipe = server.accept()
    for timeout in (0, 0.01):
        assert not server.wait(timeout) and ntipc.wait_any([server], timeout) is None
        assert ntipc.wait_all([ready, server], timeout) is None and ready.is_set()
        assert not ntipc.signal_and_wait(ready, server, timeout)
    assert server.info()["instances"] == 1 and client.connected and pipe.connected


def test_client_that_was_killed_while_it_connected_does_not_set_its_server() -> None:
    server = ntipc.PipeServer("p")
    offer = take_offer(open_offers(locate_pipe("p"), server.session._native), 0)
    assert offer is not None
    for end in (offer.door, offer.writer, offer.seats):  # as a death does
        end.close()
    assert not server.wait(0) and ntipc.wait_any([server], 0) is None
    ntipc.PipeClient("p", timeout=0)
    assert server.wait(0) and server.accept(timeout=0) is not None


def test_server_is_set_although_an_interrupted_accept_has_seen_its_client() -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    assert server._listener._idle is not None and server._listener._idle.notice_client()  # and then an exception
    assert server.wait(0) and server.wait(0) and ntipc.wait_any([server], 0)
    assert server.accept(timeout=0).peer == client.peer


class Gated(ntipc.PipeServer):
    """A server of which a thread stops between learning what to wait for and waiting for it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def _wait_plan(self) -> Any:
        plan = super()._wait_plan()
        self.reached.set()
        self.go_on.wait(20)
        return plan


@pytest.mark.parametrize("ready", [False, True])
def test_wait_for_an_instance_that_another_thread_accepts_goes_on_with_the_next(ready: bool) -> None:
    server, event = Gated("p"), ntipc.Event(initial=True)
    first = ntipc.PipeClient("p") if ready else None
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(ntipc.wait_all([server, event], 20)))
    waiting.start()
    server.reached.wait(20)
    first = first or ntipc.PipeClient("p")
    pipe = server.accept(timeout=20)
    first.send(b"nothing to who waits for the next one")
    server.go_on.set()
    wait_until(lambda: asleep(os.getpid()))
    assert event.is_set()
    second = ntipc.PipeClient("p", timeout=20)
    waiting.join(20)
    assert found[0] is not None and server.accept(timeout=0).peer == second.peer and pipe.recv(timeout=0)

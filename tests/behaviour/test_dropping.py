"""An object that nobody refers to any more goes without a word: no Python code runs then.

What a signal handler raises in a finalizer or in a callback of a weak reference, Ctrl-C above all, is lost.
"""

import gc
import os
import sys
import threading
from collections.abc import Callable
from types import FrameType

import pytest
from harness.waiting import wait_until

import ntipc
from ntipc._runtime.forks import PartedAtFork
from ntipc._runtime.threads import Farewell


def connected() -> tuple[object, ...]:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p", timeout=20)
    pipe = server.accept(timeout=20)
    assert client.transact and pipe.send(b"x") is None and client.recv() == b"x"
    return server, client, pipe


def waiting_for_a_vacancy() -> tuple[object, ...]:
    server = ntipc.PipeServer("p", max_instances=1)
    client = ntipc.PipeClient("p", timeout=20)
    pipe = server.accept(timeout=20)
    assert not server.wait(0)
    return server, client, pipe


def message_with_objects() -> ntipc.QueueMessage:
    queue = ntipc.Queue()
    queue.put(b"x", handles=[ntipc.Event()])
    return queue.receive()


MAKERS: dict[str, Callable[[], object]] = {
    "event": ntipc.Event,
    "event pair": ntipc.EventPair,
    "mailslot": lambda: ntipc.Mailslot("m"),
    "mailslot and client": lambda: (ntipc.Mailslot("m"), ntipc.MailslotClient("m")),
    "message": message_with_objects,
    "mutex": ntipc.Mutex,
    "pipe": connected,
    "pipe without a name": ntipc.create_pipe,
    "queue": ntipc.Queue,
    "queue's ends": lambda: ntipc.Queue().split(),
    "section and view": lambda: ntipc.Section(size=4096).map(),
    "semaphore": ntipc.Semaphore,
    "server": lambda: ntipc.PipeServer("p"),
    "server and a vacancy": waiting_for_a_vacancy,
    "timer": ntipc.Timer,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_no_code_runs_when_it_goes(make: Callable[[], object]) -> None:
    calls: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls.append(f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}")

    thing: object = make()
    sys.setprofile(note)
    try:
        thing = None
    finally:
        sys.setprofile(None)
    assert thing is None and calls == []


def test_what_went_leaves_no_growing_rest() -> None:
    class Thing:
        pass

    registry: PartedAtFork[Thing] = PartedAtFork(lambda thing: None)
    lasting = [Thing() for _ in range(100)]
    for thing in lasting:
        registry.add(thing)
    for _ in range(10_000):
        registry.add(Thing())
    assert len(registry._references) < 1000
    assert {reference() for reference in registry._references} >= set(lasting)
    for thing in lasting:
        registry.discard(thing)
    assert not {reference() for reference in registry._references} & set(lasting)


class Node:
    """Something that goes at once, or by garbage collection."""

    itself: object = None


@pytest.mark.parametrize("circular", [False, True])
def test_farewell_is_said_in_another_thread_once(circular: bool) -> None:
    said: list[int] = []
    node, other = Node(), Node()
    if circular:
        node.itself = node
    node.farewell = Farewell(node, lambda: said.append(threading.get_ident()))  # type: ignore[attr-defined]
    Farewell(other, lambda: said.append(0)).cancel()
    assert not said
    del node, other
    gc.collect()
    wait_until(lambda: said)
    assert len(said) == 1 and said[0] not in (0, threading.get_ident())


def test_farewell_that_fails_is_reported_and_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    told, said = list[threading.ExceptHookArgs](), list[str]()
    monkeypatch.setattr(threading, "excepthook", told.append)
    nodes = [Node(), Node()]
    Farewell(nodes[0], lambda: {}["missing"])
    Farewell(nodes[1], lambda: said.append("gone"))
    nodes.clear()
    wait_until(lambda: said)
    assert [each.exc_type for each in told] == [KeyError]


def test_forked_child_says_none_of_its_parents_farewells_and_its_own() -> None:
    reading, writing = os.pipe()
    node = Node()
    Farewell(node, lambda: os.write(writing, b"parent's"))
    if not (pid := os.fork()):
        node = Node()
        Farewell(node, lambda: os.write(writing, b"child's"))
        del node
        wait_until(lambda: len(os.read(reading, 100)) > 0)
        os.write(writing, b"said")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert os.read(reading, 100) == b"said"
    del node
    assert os.read(reading, 100) == b"parent's"
    os.close(reading), os.close(writing)

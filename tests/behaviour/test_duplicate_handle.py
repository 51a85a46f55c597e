"""Handles from any process into any other: pushed and pulled, with fewer rights, as a move."""

import os
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from harness.kinds import KINDS, make
from harness.peers import Peer
from harness.waiting import facts, look

import ntipc
from ntipc import Access, duplicate_handle

SINGLE = [kind for kind in KINDS if kind != "Queue"]
"""Kinds of which one handle makes an object."""


@pytest.fixture
def peer(start_peer: Callable[..., Peer]) -> Peer:
    """A process that takes part."""
    peer = start_peer()
    peer.run("session = ntipc.Session()")
    return peer


def held(name: str = "x") -> int:
    (entry,) = (entry for entry in look()["objects"] if entry["name"] == name)
    return len(entry["holders"])


@pytest.mark.parametrize("kind", SINGLE)
def test_a_handle_is_pushed_pulled_and_moved(kind: str, peer: Peer) -> None:
    """HD-09, HD-11."""
    thing: Any = make(kind, "x")
    there = duplicate_handle(None, thing.handle, peer.pid)  # pushed
    peer.run(f"thing = ntipc.{kind}.from_handle({there}); identity = thing.identity")
    assert peer.run("identity") == thing.identity and held() == 2
    here = duplicate_handle(peer.pid, there, None)  # pulled
    with closing(type(thing).from_handle(here)) as twin:
        assert twin.identity == thing.identity and held() == 3
    moved = duplicate_handle(peer.pid, there, os.getpid(), close_source=True)
    with closing(type(thing).from_handle(moved)) as twin:
        assert twin.identity == thing.identity and held() == 2, "HD-11"
        with pytest.raises(ntipc.HandleClosed):
            duplicate_handle(peer.pid, there, None)  # HD-11: a second pull
        with pytest.raises(ntipc.HandleClosed):
            peer.run("thing.identity")


def test_a_third_process_moves_a_handle_between_two(start_peer: Callable[..., Peer]) -> None:
    """HD-27."""
    one, other = start_peer(), start_peer()
    other.run("session = ntipc.Session()")
    number = one.run("event = ntipc.Event('x'); event.handle")
    with ntipc.Process.open(one.pid) as source, ntipc.Process.open(other.pid) as target:
        moved = duplicate_handle(source, number, target, close_source=True)
    other.run(f"event = ntipc.Event.from_handle({moved}); event.set()")
    assert held() == 1
    one.kill()
    assert other.run("event.wait(0)")


def test_fewer_rights_restrict(peer: Peer) -> None:
    """HD-15; and a participant may have more again, HD-16, HD-28, HD-32."""
    event = ntipc.Event("x")
    number = duplicate_handle(None, event.handle, peer, access=Access.SYNCHRONIZE)
    peer.run(f"event = ntipc.Event.from_handle({number})")
    with pytest.raises(ntipc.AccessDenied):
        peer.run("event.set()")
    event.set()
    assert peer.run("event.wait(0)")
    with pytest.raises(ntipc.AccessDenied):
        duplicate_handle(None, event.handle, peer, access=0)
    more = peer.run("ntipc.duplicate_handle(None, event.handle, None, access=ntipc.Access.EVENT_ALL_ACCESS)")
    assert peer.run(f"ntipc.Event.from_handle({more}).set()") is False


def test_the_mark_is_that_of_the_call() -> None:
    """HD-07, HD-30."""
    event = ntipc.Event()
    event.inheritable = True
    plain = ntipc.Event.from_handle(duplicate_handle(None, event.handle, None))
    marked = ntipc.Event.from_handle(duplicate_handle(None, plain.handle, None, inheritable=True))
    assert (plain.inheritable, marked.inheritable) == (False, True)
    number = event.handle
    assert duplicate_handle(None, number, None, close_source=True) == number, "HD-12"
    assert not event.inheritable and facts(event)["handles"] == 3


@pytest.mark.parametrize("number", [0, 4, 6, 4000, 2**31, 2**32 - 1, 2**32, -4, 2**63])
def test_numbers_that_are_no_handles(number: int, peer: Peer) -> None:
    """HD-01, HD-10."""
    for source in (None, peer):
        with pytest.raises(ntipc.HandleClosed) as problem:
            duplicate_handle(source, number, None)
        assert problem.value.winerror == 6


def test_the_low_bits_of_a_number_mean_nothing(peer: Peer) -> None:
    """HD-03."""
    event = ntipc.Event()
    for bits in range(4):
        with ntipc.Event.from_handle(duplicate_handle(None, event.handle + bits, None)) as twin:
            assert twin.identity == event.identity


def test_processes_that_take_no_part_are_refused(peer: Peer) -> None:
    event = ntipc.Event("x")
    with ntipc.Process.open(os.getppid()) as stranger:
        for target in (stranger, stranger.pid, 0, -1, 2**31 - 1):
            with pytest.raises(ntipc.InvalidParameter) as problem:
                duplicate_handle(None, event.handle, target)
            assert problem.value.winerror == 87
    assert held() == 1
    number = duplicate_handle(None, event.handle, peer)
    with pytest.raises(ntipc.InvalidParameter):
        duplicate_handle(peer, number, os.getppid(), close_source=True)
    assert held() == 1, "HD-25: closed whatever becomes of the call"


def test_a_process_handle_needs_the_right(peer: Peer) -> None:
    """HD-27."""
    event = ntipc.Event()
    with ntipc.Process.open(peer.pid, Access.SYNCHRONIZE) as process:
        with pytest.raises(ntipc.AccessDenied, match="PROCESS_DUP_HANDLE"):
            duplicate_handle(None, event.handle, process)
        with pytest.raises(ntipc.AccessDenied, match="PROCESS_DUP_HANDLE"):
            duplicate_handle(process, 4, None)


def test_a_process_that_has_ended_is_refused(peer: Peer) -> None:
    """HD-24, HD-44: it has no handles any more."""
    event = ntipc.Event()
    with ntipc.Process.open(peer.pid) as process:
        peer.kill()
        assert process.wait(20)
        for end in (process, peer.pid):
            with pytest.raises(ntipc.InvalidParameter):
                duplicate_handle(None, event.handle, end)
            with pytest.raises(ntipc.InvalidParameter):
                duplicate_handle(end, 4, None)


def test_processes_and_threads_are_handles_like_others(peer: Peer) -> None:
    with ntipc.Process.current() as process, ntipc.Thread.current() as thread:
        peer.run(f"process = ntipc.Process.from_handle({duplicate_handle(None, process.handle, peer)})")
        peer.run(f"thread = ntipc.Thread.from_handle({duplicate_handle(None, thread.handle, peer)})")
        assert peer.run("process.pid, thread.pid, thread.id") == (os.getpid(), os.getpid(), thread.id)
        with pytest.raises(ntipc.ObjectTypeMismatch):  # HD-22
            peer.run("ntipc.Event.from_handle(process.handle)")


def test_a_thousand_handles_in_a_row(peer: Peer) -> None:
    """HD-23: each gets the lowest number that is free."""
    event = ntipc.Event("x")
    numbers = [duplicate_handle(None, event.handle, peer) for _ in range(1000)]
    assert len(set(numbers)) == 1000 and held() == 1001
    for number in numbers:
        duplicate_handle(peer, number, None, close_source=True)
    assert held() == 1001
    assert peer.run("len(ntipc.inspect()['objects'])") == 1


def test_an_object_whose_handle_was_moved_away_closes_no_other_one(peer: Peer) -> None:
    number = peer.run("moved = ntipc.Event('moved'); moved.handle")
    duplicate_handle(peer, number, peer, access=Access.SYNCHRONIZE)  # a second one, so that the object lives on
    with closing(ntipc.Event.from_handle(duplicate_handle(peer, number, None, close_source=True))):
        assert peer.run("next = ntipc.Event('next'); next.handle") == number
        peer.run("moved.close()")
        assert held("next") == 1 and peer.run("next.set()") is False

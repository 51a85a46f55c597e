"""Handles: one a process and opening, with their own rights, duplicated, inherited, closed."""

import gc
from typing import Any

import pytest
from harness.kinds import KINDS, WAITABLE, make
from harness.peers import Peer
from harness.waiting import facts, look, wait_until

import ntipc
from ntipc import Access

OPERATIONS = {
    "Event": ["set()", "clear()", "pulse()", "is_set()", "wait(0)", "info()", "duplicate()"],
    "Semaphore": ["acquire(timeout=0)", "release()", "wait(0)", "count", "maximum", "info()", "__enter__()"],
    "Mutex": ["acquire(timeout=0)", "release()", "wait(0)", "info()", "__enter__()", "duplicate()"],
    "Timer": ["set(1)", "cancel()", "is_set()", "wait(0)", "info()"],
    "EventPair": ["set_high()", "set_low()", "wait_high(0)", "wait_low(0)", "set_high_wait_low(0)", "info()"],
    "Section": ["size", "map()", "info()", "duplicate()"],
    "Queue": ["get()", "put(b'')", "receive()", "get_into(bytearray(9))", "peek()", "wait(0)", "info()", "split()"],
}


@pytest.mark.parametrize(("kind", "use"), [(kind, use) for kind, uses in OPERATIONS.items() for use in uses])
def test_use_after_close_is_handle_closed(kind: str, use: str) -> None:
    thing = make(kind, "x")
    thing.close()
    with pytest.raises(ntipc.HandleClosed) as problem:
        eval(f"thing.{use}")
    assert isinstance(problem.value, ValueError) and problem.value.winerror == 6


@pytest.mark.parametrize("kind", KINDS)
def test_close_may_be_repeated(kind: str) -> None:
    thing = make(kind)
    assert not thing.closed
    thing.close()
    thing.close()
    assert thing.closed


@pytest.mark.parametrize("kind", ["Event", "Timer", "EventPair", "Section", "Queue"])
def test_with_closes(kind: str) -> None:
    with make(kind, "x") as thing:
        assert not thing.closed
    assert thing.closed and look()["objects"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_repr_tells_what_it_is_and_never_fails(kind: str) -> None:
    thing = make(kind, "some name")
    assert kind in repr(thing) and "some name" in repr(thing)
    thing.close()
    assert kind in repr(thing) and "closed" in repr(thing)
    unnamed = make(kind)
    assert kind in repr(unnamed)


@pytest.mark.parametrize("kind", KINDS)
def test_info_counts_handles_over_all_processes(kind: str, peer: Peer) -> None:
    thing = make(kind, "x")
    assert facts(thing)["handles"] == 1 and facts(thing)["kind"] == kind
    peer.run(f"from harness.kinds import make; a = make({kind!r}, 'x'); b = a.duplicate()")
    assert facts(thing)["handles"] == 3
    peer.run("a.close()")
    assert facts(thing)["handles"] == 2
    peer.end()
    wait_until(lambda: facts(thing)["handles"] == 1)


@pytest.mark.parametrize("kind", KINDS)
def test_duplicate_is_another_handle_to_the_same_object(kind: str) -> None:
    thing = make(kind, "x")
    copy = thing.duplicate()
    assert type(copy) is type(thing) and copy.name == "x" and not copy.created
    assert copy.identity == thing.identity and copy.handle != thing.handle
    thing.close()
    assert not copy.closed and facts(copy)["handles"] == 1


def test_duplicates_share_state() -> None:
    event = ntipc.Event()
    copy = event.duplicate()
    copy.set()
    assert event.wait(0) and not copy.wait(0)


def test_duplicate_takes_the_lowest_free_handle() -> None:
    events = [ntipc.Event() for _ in range(5)]
    free = events[2].handle
    events[2].close()
    assert events[4].duplicate().handle == free or free < min(event.handle for event in events if not event.closed)


def test_handles_are_positive_numbers_different_for_each_object() -> None:
    events = [ntipc.Event() for _ in range(100)]
    handles = {event.handle for event in events}
    assert len(handles) == 100 and all(isinstance(handle, int) and handle > 0 for handle in handles)


def test_dropped_objects_give_their_handles_back() -> None:
    before = facts(kept := ntipc.Event("kept"))["handles"]
    for _ in range(1000):
        ntipc.Event("kept")
    gc.collect()
    assert facts(kept)["handles"] == before
    assert len(look()["objects"]) == 1


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("Event", "set()"),
        ("Event", "clear()"),
        ("Event", "pulse()"),
        ("Semaphore", "release()"),
        ("Timer", "set(1)"),
        ("Timer", "cancel()"),
    ],
)
def test_modifying_needs_the_right_to_modify(kind: str, use: str) -> None:
    thing = make(kind, "x")
    only_wait = thing.duplicate(access=Access.SYNCHRONIZE)
    with pytest.raises(ntipc.AccessDenied) as problem:
        eval(f"only_wait.{use}")
    assert isinstance(problem.value, PermissionError) and problem.value.winerror == 5
    eval(f"thing.{use}") if kind != "Semaphore" else thing.acquire()
    assert only_wait.wait(0) in (True, False)


@pytest.mark.parametrize("kind", WAITABLE)
def test_waiting_needs_the_right_to_synchronize(kind: str) -> None:
    thing = make(kind)
    right = Access.READ_CONTROL if kind == "Mutex" else Access.MODIFY_STATE
    with pytest.raises(ntipc.AccessDenied):
        thing.duplicate(access=right).wait(0)


@pytest.mark.parametrize("kind", ["Event", "Semaphore", "Mutex", "Timer"])
def test_asking_needs_the_right_to_query(kind: str) -> None:
    thing = make(kind)
    with pytest.raises(ntipc.AccessDenied):
        thing.duplicate(access=Access.SYNCHRONIZE).info()
    assert facts(thing.duplicate(access=Access.QUERY_STATE))["kind"] == kind


@pytest.mark.parametrize("right", [Access.SYNCHRONIZE, Access.READ_CONTROL])
def test_mutex_is_released_through_any_handle(right: Access) -> None:
    mutex = ntipc.Mutex(initial_owner=True)
    mutex.duplicate(access=right).release()
    assert facts(mutex)["count"] == 1


def test_open_with_fewer_rights_restricts(peer: Peer) -> None:
    event = ntipc.Event("e", initial=True)
    peer.run("event = ntipc.Event.open('e', access=ntipc.Access.SYNCHRONIZE)")
    with pytest.raises(ntipc.AccessDenied, match="e"):
        peer.run("event.set()")
    assert peer.run("event.wait(0)") is True
    assert not event.is_set()


def test_duplicate_may_have_more_rights_than_its_source() -> None:
    event = ntipc.Event()
    weak = event.duplicate(access=Access.SYNCHRONIZE)
    strong = weak.duplicate(access=Access.EVENT_ALL_ACCESS)
    strong.set()
    assert weak.wait(0)


def test_duplicate_has_the_rights_of_its_source_unless_told() -> None:
    event = ntipc.Event()
    weak = event.duplicate(access=Access.SYNCHRONIZE)
    assert weak.access == weak.duplicate().access == Access.SYNCHRONIZE
    assert event.duplicate().access == event.access


@pytest.mark.parametrize("kind", KINDS)
def test_access_of_zero_is_denied(kind: str) -> None:
    thing = make(kind, "x")
    with pytest.raises(ntipc.AccessDenied):
        type(thing).open("x", access=0)
    with pytest.raises(ntipc.AccessDenied):
        thing.duplicate(access=0)


@pytest.mark.parametrize("access", ["everything", 1.5, b"r", -1, 1 << 40])
def test_access_that_is_none_is_refused(access: Any) -> None:
    event = ntipc.Event("x")
    with pytest.raises((TypeError, ValueError)):
        ntipc.Event.open("x", access=access)
    with pytest.raises((TypeError, ValueError)):
        event.duplicate(access=access)
    assert facts(event)["handles"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_inheritable_is_a_property_of_the_handle(kind: str) -> None:
    thing = make(kind)
    copy = thing.duplicate(inheritable=True)
    assert (thing.inheritable, copy.inheritable, copy.duplicate().inheritable) == (False, True, False)
    copy.inheritable, thing.inheritable = False, True
    assert (thing.inheritable, copy.inheritable) == (True, False)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "Queue"])  # which is two handles
def test_duplicate_into_another_process_works_only_there(kind: str, peer: Peer) -> None:
    thing = make(kind)
    peer.run("ntipc.Session()")
    handle = thing.duplicate(process=peer.pid)
    assert facts(thing)["handles"] == 2
    peer.run(f"copy = ntipc.{kind}.from_handle({int(handle)})")
    assert peer.run("copy.identity, copy.handle") == (thing.identity, int(handle))
    thing.close()
    assert peer.run("copy.close()") is None
    assert look()["objects"] == []


def test_duplicate_into_another_process_shares_state(peer: Peer) -> None:
    event = ntipc.Event()
    peer.run("ntipc.Session()")
    handle = int(event.duplicate(process=peer.pid, access=Access.SYNCHRONIZE | Access.EVENT_MODIFY_STATE))
    peer.run(f"copy = ntipc.Event.from_handle({handle}); copy.set()")
    assert event.wait(0)
    with pytest.raises(ntipc.AccessDenied):
        peer.run("copy.info()")


@pytest.mark.parametrize("pid", [0, -1, 1, 2**22 + 5, 2**40])
def test_duplicate_into_a_process_that_takes_no_part_is_refused(pid: int) -> None:
    event = ntipc.Event()
    with pytest.raises((ntipc.NtError, ValueError, OverflowError)):
        event.duplicate(process=pid)
    assert facts(event)["handles"] == 1


@pytest.mark.parametrize("handle", [0, -1, 3, 4000, 2**31, 2**64, None, "4"])
def test_handle_that_is_none_of_this_process_is_refused(handle: Any) -> None:
    event = ntipc.Event()
    with pytest.raises((ntipc.HandleClosed, TypeError, ValueError, OverflowError)):
        ntipc.Event.from_handle(handle if handle != 3 else event.handle + 400)
    assert facts(event)["handles"] == 1


def test_handle_of_another_kind_is_a_type_mismatch(peer: Peer) -> None:
    mutex = ntipc.Mutex()
    peer.run("ntipc.Session()")
    handle = int(mutex.duplicate(process=peer.pid))
    with pytest.raises(ntipc.ObjectTypeMismatch):
        peer.run(f"ntipc.Event.from_handle({handle})")
    assert peer.run(f"ntipc.Mutex.from_handle({handle}).acquire()") is True


@pytest.mark.parametrize(
    "wrong", ["Event.set(mutex)", "Mutex.release(event)", "Semaphore.release(event)", "Timer.cancel(event)"]
)
def test_method_on_an_object_of_another_kind_is_a_type_error(wrong: str) -> None:
    event, mutex = ntipc.Event(), ntipc.Mutex(initial_owner=True)
    with pytest.raises(TypeError):
        eval(f"ntipc.{wrong}", {"ntipc": ntipc, "event": event, "mutex": mutex})
    assert not event.is_set() and facts(mutex)["count"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_all_handles_of_a_killed_process_are_closed(kind: str, peer: Peer) -> None:
    thing = make(kind, "x")
    peer.run(f"from harness.kinds import make; things = [make({kind!r}, 'x') for _ in range(1500)]")
    assert facts(thing)["handles"] == 1501
    peer.kill()
    wait_until(lambda: facts(thing)["handles"] == 1)


def test_process_may_have_tens_of_thousands_of_handles(peer: Peer) -> None:
    events = [ntipc.Event() for _ in range(20_000)]
    assert len(look()["objects"]) == 20_000
    events[-1].set()
    assert events[-1].wait(0) and not events[0].wait(0)
    for event in events:
        event.close()
    assert look()["objects"] == []


def test_object_is_not_confused_with_a_later_one_in_its_place() -> None:
    for _ in range(3000):
        event = ntipc.Event("x", initial=True)
        assert event.created and event.wait(0)
        event.close()
        with pytest.raises(ntipc.HandleClosed):
            event.set()
        assert not ntipc.Event("y").is_set()

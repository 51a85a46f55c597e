"""Waiting for one of several objects, or for all of them together."""

import random
import threading
from typing import Any

import pytest
from harness.kinds import WAITABLE, make
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters, wait_until, waiters

import ntipc


def test_wait_any_takes_the_lowest_signalled_index_and_only_that() -> None:
    events = [ntipc.Event(initial=index in (2, 4)) for index in range(6)]
    taken = ntipc.wait_any(events, 0)
    assert taken is not None and (taken.index, taken.object, taken.abandoned) == (2, events[2], False)
    assert [event.is_set() for event in events] == [False, False, False, False, True, False]


def test_wait_any_that_times_out_returns_none_and_takes_nothing() -> None:
    events = [ntipc.Event(), ntipc.Event()]
    assert ntipc.wait_any(events, 0) is None
    assert ntipc.wait_any(events, 0.01) is None
    assert [waiters(event) for event in events] == [0, 0]


def test_wait_all_takes_nothing_unless_it_can_take_everything() -> None:
    event, semaphore, mutex, unset = ntipc.Event(initial=True), ntipc.Semaphore(initial=2), ntipc.Mutex(), ntipc.Event()
    assert ntipc.wait_all([event, semaphore, mutex, unset], 0.02) is None
    assert event.is_set() and semaphore.count == 2 and facts(mutex)["count"] == 1
    unset.set()
    taken = ntipc.wait_all([event, semaphore, mutex, unset], 0)
    assert taken is not None and taken.abandoned == ()
    assert not event.is_set() and semaphore.count == 1 and facts(mutex)["owned_by_caller"] and not unset.is_set()
    mutex.release()


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 1024, 4096])
def test_wait_any_over_many_objects(count: int) -> None:
    events = [ntipc.Event() for _ in range(count)]
    assert ntipc.wait_any(events, 0) is None
    for index in {0, count // 2, count - 1}:
        events[index].set()
        taken = ntipc.wait_any(events)
        assert taken is not None and taken.index == index and taken.object is events[index]


@pytest.mark.parametrize("count", [1, 2, 64, 1024, 4096])
def test_wait_all_over_many_objects(count: int) -> None:
    events = [ntipc.Event(initial=True) for _ in range(count - 1)] + [ntipc.Event()]
    assert ntipc.wait_all(events, 0) is None
    events[-1].set()
    assert ntipc.wait_all(events) is not None
    assert not any(event.is_set() for event in events)


def test_blocked_wait_over_1024_objects_returns_the_one_that_is_set(peer: Peer) -> None:
    events = [ntipc.Event(f"e{number}") for number in range(1024)]
    peer.run("events = [ntipc.Event.open(f'e{n}') for n in range(1024)]")
    for index in (1023, 0, 512):
        call = peer.begin("ntipc.wait_any(events).index")
        wait_for_waiters(events[index], 1)
        events[index].set()
        assert call.result() == index
    assert sum(map(waiters, events)) == 0


def test_blocked_wait_all_over_1024_objects_ends_with_the_last_one(peer: Peer) -> None:
    events = [ntipc.Event(f"e{number}") for number in range(1024)]
    peer.run("events = [ntipc.Event.open(f'e{n}') for n in range(1024)]")
    call = peer.begin("ntipc.wait_all(events) is not None")
    wait_for_waiters(events[1023], 1)
    for event in random.Random(1).sample(events, 1024):
        assert not call.returned
        event.set()
    assert call.result() is True
    assert not any(event.is_set() for event in events)


def test_more_than_4096_objects_are_refused() -> None:
    events = [ntipc.Event(initial=True)] * 4097
    for wait in ntipc.wait_any, ntipc.wait_all:
        with pytest.raises(ValueError):
            wait(events, 0)
    assert events[0].is_set()


@pytest.mark.parametrize("wait", [ntipc.wait_any, ntipc.wait_all])
@pytest.mark.parametrize("nothing", [[], (), iter([])])
def test_nothing_to_wait_for_is_a_value_error(wait: Any, nothing: Any) -> None:
    with pytest.raises(ValueError):
        wait(nothing, 0)


@pytest.mark.parametrize("wait", [ntipc.wait_any, ntipc.wait_all])
def test_any_iterable_of_objects_will_do(wait: Any) -> None:
    first, second = ntipc.Event(initial=True, manual_reset=True), ntipc.Event(initial=True, manual_reset=True)
    for objects in [first, second], (first, second), iter([first, second]), {first: 1, second: 2}:
        assert wait(objects, 0) is not None


@pytest.mark.parametrize("wait", [ntipc.wait_any, ntipc.wait_all])
@pytest.mark.parametrize("wrong", [5, None, "event", object(), ntipc.Event])
def test_something_that_cannot_be_waited_for_is_a_type_error(wait: Any, wrong: Any) -> None:
    event = ntipc.Event(initial=True)
    with pytest.raises(TypeError):
        wait([event, wrong], 0)
    with pytest.raises(TypeError):
        wait(wrong, 0)
    assert event.is_set()


@pytest.mark.parametrize("wait", [ntipc.wait_any, ntipc.wait_all])
def test_section_cannot_be_waited_for(wait: Any) -> None:
    with pytest.raises(TypeError):
        wait([ntipc.Section(size=1)], 0)
    assert not hasattr(ntipc.Section, "wait")


@pytest.mark.parametrize("wait", [ntipc.wait_any, ntipc.wait_all])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_closed_object_anywhere_fails_before_anything_is_taken(wait: Any, position: int) -> None:
    event, mutex = ntipc.Event(initial=True), ntipc.Mutex()
    closed = ntipc.Event(initial=True)
    closed.close()
    objects: list[Any] = [event, mutex]
    objects.insert(position, closed)
    with pytest.raises(ntipc.HandleClosed):
        wait(objects, 0)
    assert event.is_set() and facts(mutex)["count"] == 1


@pytest.mark.parametrize("wait", [ntipc.wait_any, ntipc.wait_all])
def test_handle_without_the_right_to_wait_fails_before_anything_is_taken(wait: Any) -> None:
    event, other = ntipc.Event(initial=True), ntipc.Event(initial=True)
    with pytest.raises(ntipc.AccessDenied):
        wait([event, other.duplicate(access=ntipc.Access.EVENT_MODIFY_STATE)], 0)
    assert event.is_set() and other.is_set()


def test_wait_all_with_one_object_twice_is_a_value_error() -> None:
    event, other = ntipc.Event("e", initial=True), ntipc.Event(initial=True)
    for same in event, event.duplicate(), ntipc.Event.open("e"):
        with pytest.raises(ValueError) as problem:
            ntipc.wait_all([event, other, same], 0)
        assert problem.value.winerror == 87  # type: ignore[attr-defined]
    assert event.is_set() and other.is_set()


def test_wait_any_with_one_object_twice_reports_the_lower_index(peer: Peer) -> None:
    first, second = ntipc.Event("first"), ntipc.Event("second")
    second.set()
    taken = ntipc.wait_any([first, second, second.duplicate(), first], 0)
    assert taken is not None and taken.index == 1
    peer.run("first, second = ntipc.Event.open('first'), ntipc.Event.open('second')")
    call = peer.begin("ntipc.wait_any([second, first, first]).index")
    wait_until(lambda: waiters(first) > 0)
    first.set()
    assert call.result() == 1 and not first.is_set()


def test_wait_any_with_a_mutex_that_the_caller_owns_takes_it_again() -> None:
    event, mutex = ntipc.Event(), ntipc.Mutex(initial_owner=True)
    taken = ntipc.wait_any([event, mutex])
    assert taken is not None and taken.index == 1 and facts(mutex)["recursion"] == 2


def test_wait_all_with_a_mutex_that_the_caller_owns_takes_it_again() -> None:
    event, mutex = ntipc.Event(initial=True), ntipc.Mutex(initial_owner=True)
    assert ntipc.wait_all([event, mutex], 0) is not None
    assert facts(mutex)["recursion"] == 2


@pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")
def test_wait_any_tells_of_an_abandoned_mutex(peer: Peer) -> None:
    event, mutex = ntipc.Event(), ntipc.Mutex("m")
    peer.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    peer.kill()
    taken = ntipc.wait_any([event, mutex], 20)
    assert taken is not None and (taken.index, taken.abandoned) == (1, True) and mutex.abandoned
    mutex.release()
    taken = ntipc.wait_any([event, mutex], 0)
    assert taken is not None and (taken.index, taken.abandoned) == (1, False) and not mutex.abandoned


@pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")
def test_abandonment_is_kept_when_a_lower_index_is_taken(peer: Peer) -> None:
    event, mutex = ntipc.Event(initial=True), ntipc.Mutex("m")
    peer.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    peer.kill()
    wait_until(lambda: facts(mutex)["abandoned"])
    taken = ntipc.wait_any([event, mutex], 0)
    assert taken is not None and (taken.index, taken.abandoned) == (0, False)
    assert facts(mutex)["abandoned"] and mutex.acquire(timeout=0) and mutex.abandoned


@pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")
def test_wait_all_tells_which_mutexes_were_abandoned(peer: Peer) -> None:
    event, mutexes = ntipc.Event(initial=True), [ntipc.Mutex(f"m{number}") for number in range(3)]
    peer.run("a, b = ntipc.Mutex.open('m0'), ntipc.Mutex.open('m2'); a.acquire(); b.acquire()")
    peer.kill()
    taken = ntipc.wait_all([mutexes[0], event, mutexes[1], mutexes[2]], 20)
    assert taken is not None and taken.abandoned == (mutexes[0], mutexes[2])
    assert [mutex.abandoned for mutex in mutexes] == [True, False, True]


@pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")
def test_blocked_wait_all_is_told_of_the_owner_killed_meanwhile(peer: Peer) -> None:
    event, mutex = ntipc.Event(), ntipc.Mutex("m")
    peer.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(ntipc.wait_all([event, mutex])))
    thread.start()
    wait_for_waiters(event, 1)
    event.set()
    peer.kill()
    thread.join()
    assert results[0].abandoned == (mutex,) and not event.is_set()


def test_blocked_wait_all_is_not_disturbed_by_what_others_take(peer: Peer) -> None:
    first, second = ntipc.Event("first"), ntipc.Event("second")
    peer.run("both = [ntipc.Event.open('first'), ntipc.Event.open('second')]")
    call = peer.begin("ntipc.wait_all(both) is not None")
    wait_for_waiters(first, 1)
    for _ in range(3):
        first.set()
        assert first.is_set() and first.wait(0) and not call.returned
        second.set()
        assert second.wait(0) and waiters(first) == 1
    first.set()
    second.set()
    assert call.result() is True
    assert not first.is_set() and not second.is_set()


def test_one_object_satisfies_waits_of_different_forms_in_order(peer: Peer) -> None:
    event, other = ntipc.Event("event"), ntipc.Event("other", manual_reset=True, initial=True)
    peer.run("event, other = ntipc.Event.open('event'), ntipc.Event.open('other'); unset = ntipc.Event()")
    codes = ["ntipc.wait_all([other, event])", "event.wait()", "ntipc.wait_any([unset, event]).index"]
    calls = []
    for number, (thread, code) in enumerate(zip("abc", codes, strict=True)):
        calls.append(peer.begin(f"{code} is not None", thread))
        wait_for_waiters(event, number + 1)
    for number, call in enumerate(calls):
        event.set()
        assert call.result() and waiters(event) == 2 - number and not event.is_set()
    assert other.is_set()


@pytest.mark.parametrize("kind", WAITABLE)
def test_every_kind_of_object_can_be_waited_for_alone_and_together(kind: str) -> None:
    options = {"Event": {"initial": True}}.get(kind, {})
    thing, event = make(kind, **options), ntipc.Event(initial=True, manual_reset=True)
    if kind == "Timer":
        thing.set(0, 0.001)
    if kind == "Queue":
        thing.put(b"one")
    assert thing.wait(5)
    if kind == "Event":
        thing.set()
    if kind == "Semaphore":
        thing.release()
    assert ntipc.wait_all([event, thing], 5) is not None


def test_closing_a_handle_does_not_end_a_wait_on_it(peer: Peer) -> None:
    event = ntipc.Event("e")
    peer.run("event = ntipc.Event.open('e')")
    call = peer.begin("event.wait()", "a")
    wait_for_waiters(event, 1)
    peer.run("event.close()")
    assert waiters(event) == 1 and not call.returned
    event.set()
    assert call.result() is True


def test_waiter_whose_handle_is_the_last_keeps_the_object_until_it_returns(peer: Peer) -> None:
    event = ntipc.Event("e")
    peer.run("event = ntipc.Event.open('e')")
    call = peer.begin("event.wait(0.5)", "a")
    while not waiters(event):
        if call.returned:
            call = peer.begin("event.wait(0.5)", "a")  # the one before was over before it was seen
    event.close()
    peer.run("event.close()")
    assert call.result() is False
    assert ntipc.Event("e").created


def test_threads_of_one_process_wait_for_different_things_at_once(peer: Peer) -> None:
    events = [ntipc.Event(f"e{number}") for number in range(20)]
    peer.run("events = [ntipc.Event.open(f'e{n}') for n in range(20)]")
    calls = [peer.begin(f"events[{number}].wait()", f"t{number}") for number in range(20)]
    for event in events:
        wait_for_waiters(event, 1)
    for event, call in zip(events, calls, strict=True):
        event.set()
        assert call.result() is True


def test_no_wait_all_is_ever_half_done(peer: Peer) -> None:
    """Two takers of the same pair in opposite orders: both objects move together, always."""
    first, second, done = ntipc.Event("first"), ntipc.Event("second"), ntipc.Semaphore("done", initial=0)
    code = "for _ in range(500):\n ntipc.wait_all({pair})\n done.release()"
    peer.run("first, second = ntipc.Event.open('first'), ntipc.Event.open('second')")
    peer.run("done = ntipc.Semaphore.open('done')")
    calls = [peer.begin(code.format(pair=pair), pair) for pair in ("[first, second]", "[second, first]")]
    for _ in range(1000):
        first.set()
        second.set()
        assert done.acquire(timeout=10)
        assert not first.is_set() and not second.is_set()
    for call in calls:
        call.result()

"""Pickling: named and unnamed objects travel to other processes and stay alive on the way."""

import copy
import gc
import multiprocessing
import multiprocessing.forkserver
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from harness.arenas import FIELDS, Arena
from harness.kinds import KINDS, make
from harness.peers import Peer
from harness.targets import own_and_wait, receive, set_all, use, was_used
from harness.waiting import facts, look, wait_until

import ntipc

GENERATION = 2**22 - 1
HANDLES = FIELDS["carrier.word"][2]
"""Handles of one table."""
METHODS = ["fork", "forkserver", "spawn"]


@pytest.fixture(params=METHODS)
def context(request: pytest.FixtureRequest, session: ntipc.Session) -> Iterator[Any]:
    """Each way in which multiprocessing starts a process."""
    yield multiprocessing.get_context(request.param)
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", None], ids=["named", "unnamed"])
def test_object_given_to_a_child_is_the_same_object_there(kind: str, name: str | None, context: Any) -> None:
    thing = make(kind, name)
    mine, theirs = context.Pipe()
    child = context.Process(target=use, args=(thing, theirs))
    child.start()
    assert mine.poll(20) and mine.recv() == (kind, thing.identity, name)
    child.join()
    assert child.exitcode == 0 and was_used(thing)
    wait_until(lambda: facts(thing)["handles"] == 1)


def test_objects_travel_over_a_pipe_to_a_running_process(context: Any) -> None:
    mine, theirs = context.Pipe()
    child = context.Process(target=receive, args=(theirs,))
    child.start()
    for name in ("x", None, "y"):
        event = ntipc.Event(name)
        mine.send(event)
        assert mine.poll(20) and mine.recv() == event.identity
        assert event.wait(0)
    mine.send(None)
    child.join()
    assert child.exitcode == 0


def test_objects_travel_through_a_pool_of_processes(context: Any) -> None:
    events = [ntipc.Event(f"e{number}" if number % 2 else None) for number in range(20)]
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(set_all, events).result(20) == [event.identity for event in events]
    assert all(event.wait(0) for event in events)


def test_mutex_of_a_killed_child_is_abandoned(context: Any) -> None:
    mutex, ready = ntipc.Mutex(), ntipc.Event()
    child = context.Process(target=own_and_wait, args=(mutex, ready))
    child.start()
    assert ready.wait(20)
    child.kill()
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.acquire(timeout=20) and mutex.abandoned
    child.join()
    assert child.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("kind", KINDS)
def test_object_in_flight_stays_alive_after_its_last_handle(kind: str) -> None:
    thing = make(kind, "x")
    identity, data = thing.identity, pickle.dumps(thing)
    objects = len(look()["objects"])
    thing.close()
    assert len(look()["objects"]) == objects > 0
    arrived = pickle.loads(data)
    assert type(arrived).__name__ == kind and arrived.identity == identity and not arrived.created
    arrived.close()
    gc.collect()
    assert look()["objects"] == []


def test_object_in_flight_keeps_its_state_for_another_process(peer: Peer) -> None:
    event = ntipc.Event(manual_reset=True, initial=True)
    data = pickle.dumps(event)
    event.close()
    peer.run(f"import pickle; event = pickle.loads({data!r})")
    assert peer.run("event.is_set(), event.name, event.manual_reset") == (True, None, True)
    peer.run("event.close()")
    assert look()["objects"] == []


def test_object_in_flight_goes_with_the_end_of_its_sender(peer: Peer) -> None:
    ntipc.Session()
    peer.run("import pickle; event = ntipc.Event('x'); data = pickle.dumps(event); event.close()")
    assert len(look()["objects"]) == 1
    data = peer.run("data")
    peer.kill()
    wait_until(lambda: look()["objects"] == [])
    with pytest.raises(ntipc.NtError):
        pickle.loads(data)


def test_pickled_data_may_be_loaded_again_while_the_object_lives() -> None:
    event = ntipc.Event()
    data = pickle.dumps(event)
    first, second = pickle.loads(data), pickle.loads(data)
    assert first.identity == second.identity == event.identity
    first.set()
    assert second.wait(0)


def test_pickled_data_of_a_gone_object_never_finds_another_one() -> None:
    event = ntipc.Event("x")
    data = pickle.dumps(event)
    pickle.loads(data).close()
    event.close()
    others = [ntipc.Event("x"), ntipc.Mutex(), ntipc.Event()]
    with pytest.raises(ntipc.NtError):
        pickle.loads(data)
    assert [facts(other)["handles"] for other in others] == [1, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_copy_is_another_handle_to_the_same_object(kind: str) -> None:
    thing = make(kind, "x")
    for twin in copy.copy(thing), copy.deepcopy(thing):
        assert twin.identity == thing.identity and twin.handle != thing.handle
        twin.close()
    assert facts(thing)["handles"] == 1


def test_rights_travel_with_the_object() -> None:
    weak = ntipc.Event().duplicate(access=ntipc.Access.SYNCHRONIZE)
    arrived = pickle.loads(pickle.dumps(weak))
    assert arrived.access == ntipc.Access.SYNCHRONIZE
    with pytest.raises(ntipc.AccessDenied):
        arrived.set()


def test_section_keeps_its_access_on_the_way() -> None:
    section = ntipc.Section("s", 100)
    arrived = pickle.loads(pickle.dumps(ntipc.Section.open("s", access="r")))
    assert arrived.size == 100 and arrived.map().readonly
    with pytest.raises(ntipc.AccessDenied):
        arrived.map(access="rw")
    assert not section.map().readonly


@pytest.mark.parametrize("kind", KINDS)
def test_closed_object_does_not_pickle(kind: str) -> None:
    thing = make(kind)
    thing.close()
    with pytest.raises(ntipc.HandleClosed):
        pickle.dumps(thing)


def test_damaged_pickles_are_refused_or_find_the_same_object() -> None:
    event = ntipc.Event()
    constructor, (kind, place, token), *_ = event.__reduce__()  # type: ignore[misc]
    wrong: list[tuple[int, ...]] = [token[:-1], (), (*token, 1)]
    wrong += [tuple(number for _ in token) for number in (2**31, 2**32 - 1, 2**64 - 1, -1)]
    wrong += [tuple(n + 12345 * (i == j) for j, n in enumerate(token)) for i in range(len(token))]
    found = 0
    for numbers in wrong:
        try:
            assert constructor(kind, place, numbers).identity == event.identity
            found += 1
        except (ntipc.NtError, TypeError, ValueError, OverflowError):
            pass
    assert found < len(token) and constructor(kind, place, token).identity == event.identity


def test_pickled_data_never_finds_another_object_whatever_the_generation_of_its_place(peer: Peer) -> None:
    """A generation has 22 bits, and comes round after seconds of making and closing. Here it is set back."""
    arena = Arena(ntipc.Session().path)
    peer.run("import pickle; event = ntipc.Event()")
    data, (place, _) = peer.run("pickle.dumps(event)"), peer.run("event.identity")
    word = arena.get("object.word", place)
    peer.kill()
    wait_until(lambda: look()["objects"] == [])
    stranger = ntipc.Event()
    assert stranger.identity[0] == place
    own_table = look()["processes"][0]["slot"] * HANDLES
    handle = arena.get("handle.word", own_table)
    arena.put("object.word", place, word)
    arena.put("handle.word", own_table, handle & ~(GENERATION << 19) | (word >> 40 & GENERATION) << 19)
    with pytest.raises(ntipc.ObjectNotFound):
        pickle.loads(data)
    assert stranger.is_set() is False and stranger.set() is False and stranger.is_set()


def test_pickled_data_of_an_earlier_session_of_the_name_finds_nothing() -> None:
    code = "import ntipc, pickle; event = ntipc.Event(); print(pickle.dumps(event).hex(), event.identity[0])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    data, place = run.stdout.split()
    events = [ntipc.Event() for _ in range(4)]
    assert int(place) in [event.identity[0] for event in events]
    with pytest.raises(ntipc.ObjectNotFound):
        pickle.loads(bytes.fromhex(data))


def test_thousand_objects_in_flight_leave_nothing_behind() -> None:
    for _ in range(1000):
        with ntipc.Event() as event:
            pickle.loads(pickle.dumps(event)).close()
    gc.collect()
    assert look()["objects"] == []

"""Deaths: owners, waiters, watchers, the creator, children, many at once. The others learn it."""

import os
import random
import signal
from collections.abc import Callable

import pytest
from harness.peers import Call, Peer
from harness.stopping import go_on, stop
from harness.suspicions import exists, suspicions_in
from harness.waiting import facts, look, wait_for_waiters, wait_until, waiters
from harness.watching import watchers_of

import ntipc
from ntipc import _kernel

pytestmark = pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")

StartPeer = Callable[..., Peer]


def owner_of(start_peer: StartPeer, *names: str) -> Peer:
    """A process that owns these mutexes."""
    peer = start_peer()
    peer.run("".join(f"{name} = ntipc.Mutex({name!r}); {name}.acquire()\n" for name in names))
    return peer


def queue_of(start_peer: StartPeer, mutex: ntipc.Mutex, count: int) -> list[Call]:
    """Processes that wait for the mutex, in order; each call tells whether it was abandoned."""
    calls = []
    for number in range(count):
        peer = start_peer()
        peer.run(f"warnings.simplefilter('ignore'); mutex = ntipc.Mutex.open({mutex.name!r})")
        calls.append(peer.begin("mutex.acquire() and mutex.abandoned"))
        wait_for_waiters(mutex, number + 1)
    return calls


def settled() -> bool:
    """Whether nothing in the session needs putting right."""
    return not list(suspicions_in(look(), exists))


def test_each_owner_in_turn_is_killed_and_each_next_one_is_told(start_peer: StartPeer) -> None:
    mutex = ntipc.Mutex("m")
    owner = owner_of(start_peer, "m")
    calls = queue_of(start_peer, mutex, 4)
    owner.kill()
    for position, call in enumerate(calls):
        assert call.result() is True and waiters(mutex) == 3 - position
        assert not any(later.returned for later in calls[position + 1 :])
        call.peer.kill()
    assert mutex.acquire(timeout=20) and mutex.abandoned


def test_first_waiter_is_killed_and_the_second_gets_what_comes(start_peer: StartPeer) -> None:
    event = ntipc.Event("e")
    first, second = start_peer(), start_peer()
    for number, peer in enumerate((first, second)):
        peer.run("event = ntipc.Event.open('e')")
        call = peer.begin("event.wait()")
        wait_for_waiters(event, number + 1)
    first.kill()
    wait_for_waiters(event, 1)
    event.set()
    assert call.result() is True and not event.is_set()


@pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points")
@pytest.mark.parametrize("point", ["AckBeforeIdle", "WaitWoken"])
def test_what_a_killed_waiter_was_given_and_never_took_goes_to_the_next(point: str, start_peer: StartPeer) -> None:
    semaphore, event = ntipc.Semaphore("s", initial=0), ntipc.Event("e")
    victim, heir = start_peer(), start_peer()
    for number, peer in enumerate((victim, heir)):
        peer.run("both = [ntipc.Semaphore.open('s'), ntipc.Event.open('e')]")
        if peer is victim:
            peer.run(f"_kernel.arm_fault({point!r})")
        call = peer.begin("ntipc.wait_all(both) is not None")
        wait_for_waiters(event, number + 1)
    event.set()
    semaphore.release()
    assert victim.wait() == -signal.SIGKILL
    assert call.result() is True
    assert semaphore.count == 0 and not event.is_set()


@pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points")
@pytest.mark.parametrize("point", ["AckBeforeIdle", "WaitWoken"])
def test_pulse_that_a_killed_waiter_never_took_does_not_stay(point: str, peer: Peer) -> None:
    event, semaphore = ntipc.Event("e"), ntipc.Semaphore("s", initial=1)
    peer.run(f"both = [ntipc.Semaphore.open('s'), ntipc.Event.open('e')]; _kernel.arm_fault({point!r})")
    peer.begin("ntipc.wait_all(both)")
    wait_for_waiters(event, 1)
    event.pulse()
    assert peer.wait() == -signal.SIGKILL
    wait_until(lambda: peer.pid not in [process["pid"] for process in look()["processes"]])
    assert not event.is_set() and semaphore.count == 1


def test_waiter_in_many_queues_is_killed_and_leaves_all_of_them(start_peer: StartPeer) -> None:
    events = [ntipc.Event(f"e{number}") for number in range(500)]
    victim = start_peer()
    victim.run("events = [ntipc.Event.open(f'e{n}') for n in range(500)]")
    victim.begin("ntipc.wait_all(events)")
    wait_for_waiters(events[499], 1)
    victim.kill()
    wait_until(lambda: not any(entry["waiters"] for entry in look()["objects"]))
    for event in events:
        event.set()
        assert event.wait(0)


def test_each_nearest_watcher_is_killed_in_turn_and_the_next_one_tells(start_peer: StartPeer) -> None:
    peers = [start_peer() for _ in range(5)]
    for peer in peers:
        peer.run("warnings.simplefilter('ignore'); mutex = ntipc.Mutex('m')")
    last = peers.pop()
    while peers:
        assert watchers_of(last.pid)[0] == peers[-1].pid
        victim = peers.pop()
        victim.run("mutex.acquire()")
        victim.kill()
        assert last.run("mutex.acquire(), mutex.abandoned, mutex.release()") == (True, True, None)
    assert watchers_of(last.pid) == [os.getpid()]
    wait_until(settled)


def test_owner_and_all_who_watch_it_are_killed_together(session: ntipc.Session, start_peer: StartPeer) -> None:
    session.close()
    watchers = [start_peer() for _ in range(3)]
    for watcher in watchers:
        watcher.run("session = ntipc.Session()")
    owner = owner_of(start_peer, "m")
    (call,) = queue_of(start_peer, ntipc.Mutex.open("m"), 1)
    assert watchers_of(owner.pid) == [watcher.pid for watcher in reversed(watchers)]
    for peer in (*watchers, owner):
        os.kill(peer.pid, signal.SIGKILL)
    assert call.result() is True
    for peer in (*watchers, owner):
        peer.kill()
    wait_until(settled)


def test_creator_is_killed_and_the_objects_live_on(session: ntipc.Session, start_peer: StartPeer) -> None:
    session.close()
    creator, other = start_peer(), start_peer()
    creator.run("event = ntipc.Event('e', manual_reset=True); section = ntipc.Section('s', 4096); event.set()")
    other.run("event, view = ntipc.Event.open('e'), ntipc.Section.open('s').map(); view[0] = 8")
    creator.kill()
    assert ntipc.Event.open("e").is_set()
    section = ntipc.Section("t", 4096)
    assert section.created and other.run("view[0], event.clear()") == (8, True)
    wait_until(settled)


@pytest.mark.parametrize("seed", range(4))
def test_everybody_but_one_is_killed_at_once(seed: int, start_peer: StartPeer) -> None:
    event, mutex = ntipc.Event("last"), ntipc.Mutex("m")
    peers = [start_peer() for _ in range(6)]
    for peer in peers:
        peer.run(
            "event, mutex = ntipc.Event.open('last'), ntipc.Mutex.open('m'); own = ntipc.Mutex(initial_owner=True)"
        )
    peers[0].run("mutex.acquire()")
    for peer in peers[1:]:
        peer.begin("ntipc.wait_all([event, mutex])")
    wait_for_waiters(event, 5)
    dice = random.Random(seed)
    for peer in dice.sample(peers, len(peers)):
        os.kill(peer.pid, signal.SIGKILL)
    for peer in peers:
        peer.kill()
    wait_until(lambda: [process["pid"] for process in look()["processes"]] == [os.getpid()])
    assert mutex.acquire(timeout=20) and mutex.abandoned and waiters(event) == 0
    assert len(look()["objects"]) == 2


@pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points")
@pytest.mark.parametrize("point", ["LockTaken", "LockBeforeRelease", "WaitLinkHalf", "UnlinkHalf", "JournalValid"])
def test_lock_holder_is_killed_while_others_queue_for_the_lock(point: str, start_peer: StartPeer) -> None:
    ready = ntipc.Semaphore("ready", initial=0)
    busy = "never, ready = ntipc.Event(), ntipc.Semaphore.open('ready')\n"
    busy += "for n in range(300): never.wait(0.0002)\nready.release()"
    calls = [start_peer().begin(busy) for _ in range(3)]
    for _ in range(3):
        victim = start_peer()
        victim.run("event, never, other = ntipc.Event('e'), ntipc.Event(), ntipc.Event()")
        victim.run(f"_kernel.arm_fault({point!r}, 20)")
        victim.begin("for n in range(10_000): event.wait(0.0002)", "a")
        victim.begin("for n in range(10_000): ntipc.wait_any([never, other], 0.0002); event.set()")
        assert victim.wait() == -signal.SIGKILL
    for call in calls:
        call.result()
    assert [ready.acquire(timeout=20) for _ in range(3)] == [True] * 3
    wait_until(settled)


@pytest.mark.parametrize("way", ["SIGKILL", "SIGSEGV", "SIGTERM", "os._exit(3)", "os.abort()"])
def test_every_way_to_end_abandons_and_closes(way: str, start_peer: StartPeer) -> None:
    mutex, event = ntipc.Mutex("m"), ntipc.Event("e")
    owner = owner_of(start_peer, "m")
    owner.run("import faulthandler; faulthandler.disable(); event = ntipc.Event.open('e')")
    owner.begin(f"os.kill(os.getpid(), signal.{way})" if way.startswith("SIG") else way)
    assert owner.wait() != 0
    assert mutex.acquire(timeout=20) and mutex.abandoned
    wait_until(lambda: facts(event)["handles"] == 1)


def test_exec_closes_everything_of_the_old_program(start_peer: StartPeer) -> None:
    event = ntipc.Event("e")
    peer = start_peer()
    peer.run("event, mutex = ntipc.Event.open('e'), ntipc.Mutex('m', initial_owner=True)")
    mutex = ntipc.Mutex.open("m")
    peer.begin("os.execv('/bin/sleep', ['sleep', '1000'])")
    assert mutex.acquire(timeout=20) and mutex.abandoned
    wait_until(lambda: facts(event)["handles"] == 1 and len(look()["processes"]) == 1)
    assert exists(peer.pid)
    peer.kill()


def test_exec_in_a_process_whose_thread_waits_withdraws_the_wait(start_peer: StartPeer) -> None:
    event = ntipc.Event("e")
    peer = start_peer()
    peer.run("event = ntipc.Event.open('e')")
    peer.begin("event.wait()", "a")
    wait_for_waiters(event, 1)
    peer.begin("os.execv('/bin/sleep', ['sleep', '1000'])")
    wait_for_waiters(event, 0)
    event.set()
    assert event.is_set()
    peer.kill()


def test_threads_that_end_abandon_in_order_while_their_process_lives(start_peer: StartPeer) -> None:
    peer = start_peer()
    mutexes = [ntipc.Mutex(f"m{number}") for number in range(20)]
    peer.run("mutexes = [ntipc.Mutex.open(f'm{n}') for n in range(20)]")
    for number, mutex in enumerate(mutexes):
        peer.run(f"mutexes[{number}].acquire()", f"t{number}")
        assert not mutex.acquire(timeout=0)
    for number, mutex in enumerate(mutexes):
        peer.end_thread(f"t{number}")
        assert mutex.acquire(timeout=20) and mutex.abandoned
        assert number == 19 or not mutexes[number + 1].acquire(timeout=0)
    assert peer.run("mutexes[0].acquire(timeout=0)") is False


def test_child_of_a_fork_is_killed_while_it_waits_and_owns(start_peer: StartPeer) -> None:
    peer = start_peer()
    peer.run("event, mutex = ntipc.Event('e'), ntipc.Mutex('m')")
    event, mutex = ntipc.Event.open("e"), ntipc.Mutex.open("m")
    for _ in range(5):
        child = peer.run("pid = os.fork()\nif pid == 0:\n mutex.acquire()\n event.wait()\n os._exit(0)\npid")
        wait_for_waiters(event, 1)
        assert facts(mutex)["owner_pid"] == child
        peer.run("os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)")
        assert mutex.acquire(timeout=20) and mutex.abandoned
        mutex.release()
        wait_for_waiters(event, 0)
        wait_until(lambda: facts(event)["handles"] == 2)


def test_process_with_a_lot_of_everything_is_killed(start_peer: StartPeer) -> None:
    keep = ntipc.Event("keep")
    before = set(os.listdir(ntipc.Session().path))
    peer = start_peer()
    peer.run("""
things = [ntipc.Event(f'e{n}') for n in range(5000)]
mutexes = [ntipc.Mutex(f'm{n}', initial_owner=True) for n in range(500)]
sections = [ntipc.Section(f's{n}', 100_000) for n in range(100)]
views = [section.map() for section in sections]
""")
    for number in range(20):
        peer.begin("ntipc.Event().wait()", f"t{number}")
    wait_until(lambda: sum(thread["state"] == "sleeping" for thread in look()["threads"]) == 20)
    peer.kill()
    wait_until(lambda: [entry["name"] for entry in look()["objects"]] == ["keep"])
    wait_until(lambda: set(os.listdir(ntipc.Session().path)) == before)
    assert keep.set() is False and ntipc.Section.create("s0", 1).created


def test_stopped_process_is_not_taken_for_dead(start_peer: StartPeer) -> None:
    mutex = ntipc.Mutex("m")
    owner = owner_of(start_peer, "m")
    stop(owner)
    assert mutex.acquire(timeout=0.3) is False and facts(mutex)["owner_pid"] == owner.pid
    go_on(owner)
    owner.run("m.release()")
    assert mutex.acquire(timeout=20) and not mutex.abandoned


def test_hundred_processes_killed_while_they_join_leave_no_trace(start_peer: StartPeer) -> None:
    """Forks of a process that takes no part join as strangers; each is killed a moment later."""
    event = ntipc.Event("e")
    nursery = start_peer()
    code = """
import random
for n in range(100):
    pid = os.fork()
    if pid == 0:
        while True:
            with ntipc.Session() as session, ntipc.Event('e') as event: event.set(); event.wait(0)
    time.sleep(random.random() * 0.006)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""
    nursery.run(code)
    wait_until(lambda: [process["pid"] for process in look()["processes"]] == [os.getpid()] and settled())
    assert facts(event)["handles"] == 1
    event.set()
    assert event.wait(0)

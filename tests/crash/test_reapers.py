"""A watcher that acts on what it saw a while ago, two that reap at once, and refunds that come too late."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.scribbling import helper_of, life_words, write
from harness.soundness import assert_sound
from harness.waiting import asleep, facts, is_stopped, look, wait_for_waiters, wait_until
from harness.watching import slot_of, watchers_of

import ntipc
from ntipc import _kernel

StartPeer = Callable[..., Peer]

pytestmark = [
    pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults"),
    pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning"),
]


def member(start_peer: StartPeer) -> Peer:
    peer = start_peer()
    peer.run("warnings.simplefilter('ignore'); session = ntipc.Session()")
    return peer


def sleeps_of_helper(pid: int) -> int:
    """How often the helper thread has gone to sleep."""
    status = Path(f"/proc/{pid}/task/{helper_of(pid)}/status").read_text()
    return int(status.partition("voluntary_ctxt_switches:")[2].split()[0])


def test_hidden_death_is_not_taken_for_that_of_the_next_in_its_slot(
    session: ntipc.Session, start_peer: StartPeer
) -> None:
    """A watcher stops between seeing that a process is gone and reaping it; meanwhile another comes in its place."""
    session.close()
    deputy, watcher, victim = (member(start_peer) for _ in range(3))
    slot = slot_of(victim.pid)
    assert watchers_of(victim.pid) == [watcher.pid, deputy.pid]
    deputy.run("_kernel.set_eligible(False)")
    write(look()["path"], life_words(look()["path"], victim.pid)[0], 1)  # another holder's: Linux won't mark it
    watcher.run("_kernel.arm_fault('ReapBegin', 1, 'stop')")
    victim.kill()
    wait_until(lambda: is_stopped(watcher.pid))
    assert slot_of(victim.pid) == slot
    deputy.run("_kernel.set_eligible(True)")
    wait_until(lambda: slot_of(victim.pid) is None)
    heir = member(start_peer)
    assert slot_of(heir.pid) == slot
    heir.run("event, mutex = ntipc.Event('event'), ntipc.Mutex('mutex')")
    call = heir.begin("mutex.acquire() and event.wait()", "sleeper")
    wait_until(lambda: asleep(heir.pid))
    before = sleeps_of_helper(watcher.pid)
    os.kill(watcher.pid, signal.SIGCONT)
    wait_until(lambda: sleeps_of_helper(watcher.pid) > before)
    event, mutex = ntipc.Event.open("event"), ntipc.Mutex.open("mutex")
    assert facts(event)["waiters"] == 1 and facts(mutex)["owner_pid"] == heir.pid
    event.set()
    assert call.result() is True
    assert look()["counters"]["hidden_deaths"] == 1


def test_two_who_reap_at_once_settle_every_account_once(session: ntipc.Session, start_peer: StartPeer) -> None:
    """The nearest watcher of all victims is stopped when it begins; it goes on when another acts in its place."""
    session.close()
    deputy, watcher = member(start_peer), member(start_peer)
    deputy.run("semaphore, event = ntipc.Semaphore('semaphore', initial=0), ntipc.Event('event')")
    deputy.run("mutexes = [ntipc.Mutex(f'mutex {number}') for number in range(12)]")
    victims = [member(start_peer) for _ in range(12)]
    semaphore, event = ntipc.Semaphore.open("semaphore"), ntipc.Event.open("event")
    mutexes = [ntipc.Mutex.open(f"mutex {number}") for number in range(12)]
    for number, victim in enumerate(victims):
        victim.run(
            f"semaphore, event = ntipc.Semaphore.open('semaphore'), ntipc.Event.open('event'); number = {number}"
        )
        victim.run("mutex = ntipc.Mutex.open(f'mutex {number}'); mutex.acquire()")
        victim.run("_kernel.arm_fault('AckBeforeIdle', 1, 'hang')")
        victim.begin("(semaphore if number % 2 else event).wait()", "sleeper")
        wait_for_waiters(semaphore if number % 2 else event, number // 2 + 1)
    semaphore.release(4)
    event.set()
    wait_until(lambda: sum(thread["state"] == "done" for thread in look()["threads"]) == 5)
    watcher.run("_kernel.arm_fault('ReapBegin', 1, 'stop')")
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
    wait_until(lambda: is_stopped(watcher.pid))
    wait_until(lambda: look()["counters"]["deaths"])
    os.kill(watcher.pid, signal.SIGCONT)
    for mutex in mutexes:
        assert mutex.acquire(timeout=20) and mutex.abandoned
        mutex.release()
        assert mutex.acquire(timeout=0) and not mutex.abandoned
    wait_until(lambda: len(look()["processes"]) == 3)
    assert look()["counters"]["deaths"] == len(victims)
    assert semaphore.count == 4 and event.is_set()
    assert {facts(thing)["handles"] for thing in (semaphore, event, *mutexes)} == {2}
    assert_sound(look()["path"])


def test_unit_of_a_semaphore_that_is_gone_is_not_given_to_the_next_in_its_place(start_peer: StartPeer) -> None:
    """A thread was given a unit and never took it; before it dies, another closes the semaphore and makes a new one."""
    victim = start_peer()
    victim.run("gone = ntipc.Semaphore(initial=0, maximum=10)")
    victim.begin("_kernel.arm_fault('AckBeforeIdle', 1, 'hang'); gone.acquire()", "sleeper")
    wait_until(lambda: asleep(victim.pid))
    place, serial = victim.run("gone.identity")
    assert victim.run("gone.release()") == 0
    wait_until(lambda: any(thread["pid"] == victim.pid and thread["state"] == "done" for thread in look()["threads"]))
    victim.run("gone.close(); fresh = ntipc.Semaphore('fresh', initial=1, maximum=10)")
    fresh = ntipc.Semaphore.open("fresh")
    assert fresh.identity == (place, serial + 1)
    refunds = look()["counters"]["refunded"]
    victim.kill()
    wait_until(lambda: [process["pid"] for process in look()["processes"]] == [os.getpid()])
    assert look()["counters"]["refunded"] == refunds + 1
    assert fresh.count == 1
    assert_sound(look()["path"])

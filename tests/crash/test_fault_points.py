"""A process dies at each labelled step of the kernel while another sleeps; everything goes on."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from crash.workload import SLEEPS, Things, signal_everything
from harness.peers import Call, Peer
from harness.points import AT_WORK, POINTS
from harness.suspicions import exists, suspicions_in
from harness.waiting import asleep, facts, look, wait_until

import ntipc

WHEN_IT_COMES = ["LockTaken", "LockBeforeRelease", "LockReleased", "LifeHeld", "SlotClaimed", "SlotAttached"]
"""Steps that a process passes when it joins a session."""

pytestmark = [
    pytest.mark.skipif(not POINTS, reason="this build has no fault points: make build-faults"),
    pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning"),
]

BEGIN = "from crash.workload import *; things = Things()"


def start_sleepers(start_peer: Callable[..., Peer]) -> tuple[Peer, dict[str, Call]]:
    """A process with a thread for each kind of wait, all of them asleep."""
    sleepers = start_peer()
    sleepers.run("from crash import workload; things = workload.Things()")
    calls = {name: sleepers.begin(f"workload.sleep(things, {name!r})", name) for name in SLEEPS}
    queued = "waiting", "sleeping"
    wait_until(lambda: sum(t["pid"] == sleepers.pid and t["state"] in queued for t in look()["threads"]) == len(SLEEPS))
    return sleepers, calls


def dies(victim: Peer) -> None:
    """It must die by its own hand, at the armed point."""
    assert victim.wait() == -signal.SIGKILL, "the point was never reached"


def nothing_suspicious() -> None:
    """The survivors put everything right by themselves: nobody does anything that could help them."""
    suspicions: dict[Any, str] = {}

    def quiet() -> bool:
        suspicions.clear()
        suspicions.update(suspicions_in(look(), exists))
        return not suspicions

    try:
        wait_until(lambda: quiet() and quiet() and quiet(), patience=5)
    except AssertionError:
        pytest.fail(f"this lasts: {list(suspicions.values())}; {look()}")


def everything_works(sleepers: Peer, calls: dict[str, Call]) -> None:
    """All sleepers can be woken, units are neither lost nor doubled, every kind of object can be made and used."""
    things = Things()
    taken, released = things.board[2], things.board[3]
    assert taken + things.seats.count in (released, released + 1)
    sleepers.run("workload.stopped = True")
    wait_until(lambda: wake_all(things) or all(call.returned for call in calls.values()))
    for mutex in things.lock, things.other_lock:
        assert mutex.acquire(timeout=20)
        mutex.release()
        assert facts(mutex)["count"] == 1
    for kind in ntipc.Event, ntipc.Mutex, ntipc.Semaphore, ntipc.Timer, ntipc.EventPair:
        kind.create("temporary").close()
    with ntipc.Section.create("temporary", 70_000) as section, section.map() as view:
        assert view[:] == bytes(70_000)
    with ntipc.Queue.create("temporary") as queue:
        queue.put(bytes(70_000))
        assert queue.get(0) == bytes(70_000)
    assert ntipc.wait_all([things.auto, ntipc.Event(initial=True)], 0.01) is None or not things.auto.is_set()
    things.board.release()


def wake_all(things: Things) -> None:
    signal_everything(things)
    things.third.set()


def nothing_left(sleepers: Peer, session: ntipc.Session) -> None:
    sleepers.end()
    wait_until(lambda: [process["pid"] for process in look()["processes"]] == [os.getpid()])


@pytest.mark.parametrize("point", AT_WORK)
def test_death_in_the_midst_of_work_harms_nobody(
    point: str, session: ntipc.Session, start_peer: Callable[..., Peer]
) -> None:
    session.close()
    victim = start_peer()
    victim.run(BEGIN)
    sleepers, calls = start_sleepers(start_peer)
    sleepers.run("_kernel.set_eligible(False)")  # the victim reaps its children itself
    victim.begin(f"_kernel.arm_fault({point!r}); work(things)")
    dies(victim)
    sleepers.run("_kernel.set_eligible(True)")
    nothing_suspicious()
    everything_works(sleepers, calls)
    nothing_left(sleepers, session)


@pytest.mark.parametrize("point", AT_WORK)
def test_death_of_the_first_process_leaves_a_usable_session(
    point: str, session: ntipc.Session, start_peer: Callable[..., Peer]
) -> None:
    session.close()
    victim = start_peer()
    victim.begin(f"_kernel.arm_fault({point!r}); {BEGIN}; work(things)")
    dies(victim)
    sleepers, calls = start_sleepers(start_peer)
    nothing_suspicious()
    everything_works(sleepers, calls)
    nothing_left(sleepers, session)


@pytest.mark.parametrize("point", WHEN_IT_COMES)
@pytest.mark.parametrize("time", [1, 2, 3])
def test_death_while_joining_harms_nobody(
    point: str, time: int, session: ntipc.Session, start_peer: Callable[..., Peer]
) -> None:
    assert point in POINTS
    sleepers, calls = start_sleepers(start_peer)
    victim = start_peer()
    joining = "\nwhile True:\n things.never[0].wait(0.001)\n ntipc.Session().close()\n things = Things()"
    victim.begin(f"_kernel.arm_fault({point!r}, {time}); {BEGIN}{joining}")
    dies(victim)
    nothing_suspicious()
    assert asleep(sleepers.pid)
    everything_works(sleepers, calls)
    nothing_left(sleepers, session)


def test_environment_arms_a_point_too(session: ntipc.Session, start_peer: Callable[..., Peer]) -> None:
    victim = start_peer({"NTIPC_CRASH_AT": "LockTaken:5"})
    victim.begin(BEGIN + "; work(things)")
    dies(victim)
    nothing_suspicious()

"""A signal, once given, reaches its sleeper, at whatever later step the signaller dies, and reaches no more than one.

The sleepers wait without a timeout and nobody does anything after the death that could wake them by chance.
"""

import signal
import time
from collections.abc import Callable

import pytest
from harness.peers import Call, Peer
from harness.waiting import asleep, facts, look, wait_until
from harness.watching import others_watch, watchers_of

import ntipc
from ntipc import _kernel

pytestmark = [
    pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults"),
    pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning"),
]

TRANSACTION = ["JournalFilled", "JournalValid", "JournalApplied", "JournalTold", "JournalCleared", "UnlinkHalf"]
TRANSACTION += ["UnlinkDone", "LockBeforeRelease", "LockReleased", "BetweenWakes"]
"""The steps of giving an object to a sleeper, and of waking it."""

MAKE = """
warnings.simplefilter('ignore')
event, flag, other = ntipc.Event('event'), ntipc.Event('flag', manual_reset=True), ntipc.Event('other')
semaphore, mutex, free = ntipc.Semaphore('semaphore', initial=0), ntipc.Mutex('mutex'), ntipc.Mutex('free')
timer, pair = ntipc.Timer('timer'), ntipc.EventPair('pair')
"""

CASES = {
    "set": ("event.wait()", "event.set()", ["EventStored"]),
    "set of a manual-reset event": ("flag.wait()", "flag.set()", ["EventStored"]),
    "pulse": ("event.wait()", "event.pulse()", ["EventStored", "PulseSet", "PulseReset"]),
    "pulse of a manual-reset event": ("flag.wait()", "flag.pulse()", ["EventStored", "PulseSet", "PulseReset"]),
    "release of a unit": ("semaphore.acquire()", "semaphore.release()", ["SemaphoreStored"]),
    "release of a mutex": ("mutex.acquire()", "mutex.release()", ["MutantFreed"]),
    "start of a timer": ("timer.wait()", "timer.set(0)", ["TimerStarted", "TimerTicked"]),
    "one side of a pair": ("pair.wait_high()", "pair.set_high()", ["EventStored"]),
    "last of several": ("bool(ntipc.wait_all([free, event, flag]))", "event.set()", ["EventStored"]),
    "one of several": ("bool(ntipc.wait_any([other, event, mutex]))", "event.set()", ["EventStored"]),
    "signal and wait": ("event.wait()", "ntipc.signal_and_wait(event, other)", ["EventStored", "SignalBeforeWait"]),
}
"""A wait, the call that satisfies it, and the steps from which on the signal counts as given."""

STEPS = [(name, step) for name, (_, _, first) in CASES.items() for step in [*first, *TRANSACTION]]


@pytest.fixture
def victim(session: ntipc.Session, start_peer: Callable[..., Peer]) -> Peer:
    """The first process of the session; it will die."""
    session.close()
    peer = start_peer()
    peer.run(MAKE + "mutex.acquire(); flag.clear()")
    return peer


def sleeper(start_peer: Callable[..., Peer], wait: str) -> Call:
    """A process that sleeps in that wait, and has for so long that a mutex or unit is handed to it."""
    peer = start_peer()
    peer.run(MAKE)
    call = peer.begin(wait, "sleeper")  # main threads look up now and then, for Ctrl-C
    wait_until(lambda: asleep(peer.pid))
    time.sleep(0.005)
    return call


def die_at(victim: Peer, step: str, signal_call: str) -> None:
    victim.begin(f"_kernel.arm_fault({step!r}); {signal_call}")
    assert victim.wait() == -signal.SIGKILL, "the step was never reached"


@pytest.mark.parametrize(("name", "step"), STEPS)
def test_signal_outlives_its_giver(name: str, step: str, victim: Peer, start_peer: Callable[..., Peer]) -> None:
    wait, give, _ = CASES[name]
    if name == "last of several":
        victim.run("flag.set()")
    call = sleeper(start_peer, wait)
    die_at(victim, step, give)
    assert call.result() is True


COUNTED = [
    ("event.wait()", "event.set()", "EventStored"),
    ("semaphore.acquire()", "semaphore.release()", "SemaphoreStored"),
]


@pytest.mark.parametrize(
    ("wait", "give", "step"), [(wait, give, step) for wait, give, stored in COUNTED for step in [stored, *TRANSACTION]]
)
def test_signal_of_a_dead_giver_reaches_one_sleeper_only(
    wait: str, give: str, step: str, victim: Peer, start_peer: Callable[..., Peer]
) -> None:
    calls = [sleeper(start_peer, wait), sleeper(start_peer, wait)]
    die_at(victim, step, give)
    assert calls[0].result() is True
    wait_until(lambda: len(look()["processes"]) == 2)
    assert not calls[1].returned
    event, semaphore = ntipc.Event.open("event"), ntipc.Semaphore.open("semaphore")
    assert facts(event)["waiters"] + facts(semaphore)["waiters"] == 1
    assert not event.is_set() and semaphore.count == 0


@pytest.mark.parametrize("step", ["EventStored", *TRANSACTION])
def test_signal_of_a_dead_giver_reaches_everybody_it_is_for(
    step: str, victim: Peer, start_peer: Callable[..., Peer]
) -> None:
    calls = [sleeper(start_peer, "flag.wait()") for _ in range(3)]
    die_at(victim, step, "flag.set()")
    assert [call.result() for call in calls] == [True] * 3


@pytest.mark.parametrize("step", ["PulseSet", "PulseReset", "EventStored", *TRANSACTION])
def test_pulse_of_a_dead_giver_leaves_the_event_unset(step: str, victim: Peer, start_peer: Callable[..., Peer]) -> None:
    calls = [sleeper(start_peer, "flag.wait()") for _ in range(2)]
    die_at(victim, step, "flag.pulse()")
    assert [call.result() for call in calls] == [True] * 2
    assert not ntipc.Event.open("flag").is_set()


@pytest.mark.parametrize("step", ["FastNoted", "FastOwned", "FastReleased"])
def test_mutex_of_an_owner_dead_on_the_fast_path_is_free(
    step: str, victim: Peer, start_peer: Callable[..., Peer]
) -> None:
    """Taken without any lock, by compare-and-swap: what the dead may own must be known before it owns it."""
    survivor = start_peer()
    survivor.run(MAKE)
    die_at(victim, step, "free.acquire(); free.release()")
    assert survivor.run("free.acquire()") is True
    assert survivor.run("free.abandoned") is (step == "FastOwned")


@pytest.mark.parametrize("step", ["WaitWoken", "LockTaken", "AckBeforeIdle"])
def test_chance_offered_to_a_waiter_that_dies_goes_to_the_next(
    step: str, victim: Peer, start_peer: Callable[..., Peer]
) -> None:
    """The first of two waiters has been told to take the mutex, or has been given it, when it dies."""
    doomed, heir = start_peer(), start_peer()
    doomed.run(MAKE)
    doomed.begin("mutex.acquire() and other.wait()", "sleeper")
    wait_until(lambda: asleep(doomed.pid))
    heir.run(MAKE)
    call = heir.begin("mutex.acquire()", "sleeper")
    wait_until(lambda: asleep(heir.pid))
    doomed.run(f"_kernel.arm_fault({step!r})")
    victim.run("mutex.release()")
    assert doomed.wait() == -signal.SIGKILL
    assert call.result() is True


NURSERY = """
def doomed():
    go, mutex, ready = ntipc.Event.open('go'), ntipc.Mutex.open('race'), ntipc.Event.open('ready')
    ready.set()
    go.wait()
    _kernel.arm_fault('WaitWoken')
    mutex.acquire()

def start():
    pid = os.fork()
    if pid == 0:
        doomed()
        os._exit(1)
    return pid
"""
HEIR = """
turn, mutex, done = ntipc.Event.open('turn'), ntipc.Mutex.open('race'), ntipc.Event.open('done')
for _ in range(40):
    turn.wait()
    until = time.monotonic() + 0.002
    while not mutex.info()['waiters'] and time.monotonic() < until: pass
    mutex.acquire()
    mutex.release()
    done.set()
"""


def test_free_mutex_offered_to_a_waiter_that_dies_is_offered_to_the_next(start_peer: Callable[..., Peer]) -> None:
    """Before a waiter has waited a millisecond it is only told to compete; if it dies then, another must be told."""
    go, turn, mutex = ntipc.Event("go"), ntipc.Event("turn"), ntipc.Mutex("race")
    ready, done = ntipc.Event("ready"), ntipc.Event("done")
    nursery, heir = start_peer(), start_peer()
    nursery.run(NURSERY)
    call = heir.begin(HEIR, "sleeper")
    for number in range(40):
        assert mutex.acquire(timeout=20)
        pid = nursery.run("start()")
        assert ready.wait(20)
        go.set()
        turn.set()
        until = time.monotonic() + 0.005
        while facts(mutex)["waiters"] < 2 and time.monotonic() < until:
            pass
        mutex.release()
        assert done.wait(20), f"turn {number}: the mutex is free and its waiter sleeps: {look()}"
        nursery.run(f"os.kill({pid}, signal.SIGKILL); os.waitpid({pid}, 0)")
    call.result()


SETTLING = [
    "ReapBegin",
    "RefundFlagged",
    "RefundValid",
    "JournalApplied",
    "RefundApplied",
    "ReleaseThread",
    "AbandonBefore",
]
SETTLING += [
    "SlotFreed",
    "AbandonDone",
    "ReleaseThreadDone",
    "ReleaseHandle",
    "ReleaseProcessDone",
    "LockTaken",
    "LockReleased",
]


@pytest.mark.parametrize("step", SETTLING)
def test_account_of_the_dead_is_settled_once_though_its_settler_dies(
    step: str, session: ntipc.Session, start_peer: Callable[..., Peer]
) -> None:
    """The first to die was given a unit, an event and a mutex that it never took; the second was giving them back."""
    session.close()
    reaper, doomed = start_peer(), start_peer()
    reaper.run("session = ntipc.Session()")
    doomed.run(MAKE + "mutex.acquire(); _kernel.arm_fault('AckBeforeIdle')")
    doomed.begin("ntipc.wait_all([semaphore, event, free])")
    event, semaphore, free = ntipc.Event("event"), ntipc.Semaphore("semaphore"), ntipc.Mutex("free")
    mutex = ntipc.Mutex.open("mutex")
    wait_until(lambda: facts(event)["waiters"] == 1)
    assert watchers_of(doomed.pid)[0] == reaper.pid
    reaper.run(f"_kernel.arm_fault({step!r})")
    with others_watch():
        event.set()
        semaphore.release()
        assert doomed.wait() == -signal.SIGKILL and reaper.wait() == -signal.SIGKILL
    wait_until(lambda: len(look()["processes"]) == 1)
    assert semaphore.count == 1 and event.is_set()
    assert free.acquire(timeout=20) and not free.abandoned
    assert mutex.acquire(timeout=20) and mutex.abandoned
    assert [facts(thing)["handles"] for thing in (event, semaphore, free, mutex)] == [1, 1, 1, 1]

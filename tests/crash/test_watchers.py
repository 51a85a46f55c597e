"""Watchers that do not run: stopped, starved, hung, or without a thread to spare. Others learn of deaths all the same.

The sleepers wait in threads that have waited for most of a second when somebody dies. A waiting thread looks for the
dead itself at 0.1, 0.2, 0.4, 0.8 and 1.6 s, so none of them would find this death in time: a watcher must tell it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from harness.arenas import Arena
from harness.peers import Call, Peer
from harness.scribbling import helper_of
from harness.soundness import assert_sound
from harness.stopping import go_on, stop
from harness.waiting import asleep, facts, is_stopped, look, wait_until
from harness.watching import others_watch, participants, slot_of, watchers_of

import ntipc
from ntipc import _kernel

StartPeer = Callable[..., Peer]

AT_ONCE = 1.2
"""Seconds: half a second on a busy machine would be no surprise, and the next look comes later than this."""
LONG = 1.65
"""By then a waiter has looked at 1.6 s, and looks again at 3.2 s. A helper has its look-rounds at 1 s and at 3 s."""

pytestmark = pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")
with_faults = pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults")


class Cast:
    """Three watchers, the owner of a mutex whom they watch, and a thread that waits for the mutex."""

    def __init__(self, start_peer: StartPeer) -> None:
        self.watchers = [start_peer() for _ in range(3)]
        for watcher in self.watchers:
            watcher.run("session = ntipc.Session()")
        self.watchers.reverse()
        """The nearest first."""
        self.owner = start_peer()
        self.owner.run("mutex = ntipc.Mutex('m', initial_owner=True)")
        self.survivor = start_peer()
        self.survivor.run("warnings.simplefilter('ignore'); mutex = ntipc.Mutex.open('m')")
        assert watchers_of(self.owner.pid) == [watcher.pid for watcher in self.watchers]

    def begin_to_wait(self, seconds: float = LONG) -> Call:
        call = self.survivor.begin("mutex.acquire() and mutex.abandoned", "sleeper")
        wait_until(lambda: asleep(self.survivor.pid))
        time.sleep(seconds)
        return call


@pytest.fixture
def cast(session: ntipc.Session, start_peer: StartPeer) -> Iterator[Cast]:
    session.close()
    cast = Cast(start_peer)
    yield cast
    go_on(*(watcher for watcher in cast.watchers if watcher.process.poll() is None))


@pytest.mark.parametrize("stopped", [[0], [1], [0, 1], [0, 2], [1, 2]])
def test_death_is_told_at_once_though_watchers_are_stopped(stopped: list[int], cast: Cast) -> None:
    call = cast.begin_to_wait()
    watchers = [cast.watchers[place] for place in stopped]
    stop(*watchers)
    cast.owner.kill()
    assert call.result(AT_ONCE) is True
    wait_until(lambda: cast.owner.pid not in participants())
    go_on(*watchers)
    assert_sound(look()["path"])


def test_two_stopped_watchers_and_a_third_that_is_killed_with_the_owner(cast: Cast) -> None:
    call = cast.begin_to_wait()
    stop(*cast.watchers[:2])
    os.kill(cast.owner.pid, signal.SIGKILL)
    os.kill(cast.watchers[2].pid, signal.SIGKILL)
    assert call.result(AT_ONCE) is True
    go_on(*cast.watchers[:2])
    assert_sound(look()["path"])


def test_death_is_told_by_those_who_wait_if_all_watchers_are_stopped(cast: Cast) -> None:
    call = cast.begin_to_wait(0)
    stop(*cast.watchers)
    cast.owner.kill()
    assert call.result() is True
    wait_until(lambda: cast.owner.pid not in participants())
    go_on(*cast.watchers)


def test_every_death_is_told_at_once_while_a_watcher_stays_stopped(cast: Cast, start_peer: StartPeer) -> None:
    stop(cast.watchers[0])
    for _ in range(3):
        call = cast.begin_to_wait()
        cast.owner.kill()
        assert call.result(AT_ONCE) is True
        cast.survivor.run("mutex.release()", "sleeper")
        cast.owner = start_peer()
        cast.owner.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
        assert watchers_of(cast.owner.pid)[0] == cast.watchers[0].pid
    go_on(cast.watchers[0])


def test_watcher_that_comes_back_harms_no_newcomer_and_watches_it(cast: Cast, start_peer: StartPeer) -> None:
    """It was stopped when the owner died; somebody else has the owner's slot when it goes on."""
    call, slot = cast.begin_to_wait(), slot_of(cast.owner.pid)
    stop(cast.watchers[0])
    cast.owner.kill()
    assert call.result(AT_ONCE) is True
    wait_until(lambda: cast.owner.pid not in participants())
    newcomer = start_peer()
    newcomer.run("other, event = ntipc.Mutex('n', initial_owner=True), ntipc.Event('e')")
    assert slot_of(newcomer.pid) == slot
    go_on(cast.watchers[0])
    stop(*cast.watchers[1:])
    time.sleep(0.1)
    cast.survivor.run("other, event = ntipc.Mutex.open('n'), ntipc.Event.open('e')")
    assert cast.survivor.run("other.info()['owner_pid']") == newcomer.pid
    told = cast.survivor.begin("other.acquire() and other.abandoned", "another")
    wait_until(lambda: asleep(cast.survivor.pid))
    time.sleep(LONG)
    newcomer.kill()  # and only the one that came back can tell
    assert told.result(AT_ONCE) is True
    go_on(*cast.watchers[1:])


@with_faults
@pytest.mark.parametrize("place", [0, 1])
def test_watcher_that_takes_the_wake_up_and_does_nothing_keeps_nobody_from_being_told(place: int, cast: Cast) -> None:
    """Its helper gets no processor, say. It stays in the list of sleepers, and Linux wakes one of each word."""
    cast.watchers[0].run("_kernel.arm_fault('ReapBegin', 1, 'hang')")
    if place:
        cast.watchers[1].run("_kernel.arm_fault('ReapBegin', 1, 'hang')")
    call = cast.begin_to_wait()
    cast.owner.kill()
    assert call.result(AT_ONCE) is True
    wait_until(lambda: cast.owner.pid not in participants())
    for watcher in cast.watchers[: place + 1]:
        watcher.kill()  # its helper hangs, and would keep it from ending


@with_faults
@pytest.mark.parametrize("step", ["ReapBegin", "ReleaseThreadDone", "ReleaseHandle"])
def test_watcher_stopped_while_it_reaps_goes_on_when_all_is_done(step: str, cast: Cast, start_peer: StartPeer) -> None:
    """Stopped outside the lock, or in it: then those who need the lock wait for it, and nobody else."""
    call = cast.begin_to_wait()
    cast.watchers[0].run(f"_kernel.arm_fault({step!r}, 1, 'stop')")
    others = *cast.watchers[1:], cast.survivor
    for other in others:
        other.run("_kernel.set_eligible(False)")  # so that the first watcher reaps, however late it is
    cast.owner.kill()
    wait_until(lambda: is_stopped(cast.watchers[0].pid))
    for other in others:
        other.run("_kernel.set_eligible(True)")
    if step == "ReapBegin":
        assert call.result(AT_ONCE) is True
        wait_until(lambda: cast.owner.pid not in participants())
        newcomer = start_peer()
        newcomer.run("mine = ntipc.Mutex('n', initial_owner=True)")
        go_on(cast.watchers[0])
        time.sleep(0.1)
        assert newcomer.run("mine.info()['owner_pid']") == newcomer.pid
    else:
        time.sleep(0.1)
        go_on(cast.watchers[0])
        assert call.result() is True
    wait_until(lambda: cast.owner.pid not in participants())
    assert_sound(look()["path"])


BUSY = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nprint(flush=True)\nwhile True: pass"


@pytest.fixture
def busy_processor() -> Iterator[int]:
    """A processor on which others run all the time."""
    processor = min(os.sched_getaffinity(0))
    hogs = [
        subprocess.Popen([sys.executable, "-c", BUSY, str(processor)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for hog in hogs:
        assert hog.stdout and hog.stdout.readline()
    yield processor
    for hog in hogs:
        hog.kill()
        hog.wait()
        assert hog.stdout
        hog.stdout.close()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="with one processor everybody is starved")
def test_death_is_told_at_once_though_watchers_get_no_processor(cast: Cast, busy_processor: int) -> None:
    for watcher in cast.watchers[:2]:
        helper = helper_of(watcher.pid)
        os.sched_setaffinity(helper, {busy_processor})
        os.sched_setscheduler(helper, os.SCHED_IDLE, os.sched_param(0))
    call = cast.begin_to_wait()
    cast.owner.kill()
    assert call.result(AT_ONCE) is True


def test_process_that_is_slow_to_die_delays_no_other(cast: Cast, start_peer: StartPeer) -> None:
    """A thread of it has not ended yet, as far as the memory says: a living thread of another process stands for it."""
    slow, other = cast.watchers[0], start_peer()
    other.run("event = ntipc.Event()")
    other.begin("event.wait()", "t")
    wait_until(lambda: asleep(other.pid))
    arena, place = Arena(look()["path"]), slot_of(slow.pid)
    assert place is not None
    (thread,) = (thread["slot"] for thread in look()["threads"] if thread["state"] == "sleeping")
    before = arena.get("thread.process", thread)
    arena.put("thread.process", thread, place + 1)
    call = cast.begin_to_wait()
    slow.kill()
    cast.owner.kill()
    assert call.result(AT_ONCE) is True
    assert slow.pid in participants()
    arena.put("thread.process", thread, before)
    wait_until(lambda: slow.pid not in participants())
    other.run("event.set()")
    assert_sound(look()["path"])


IN_ANOTHER_NAMESPACE = """
import os, sys, threading, warnings
import ntipc
warnings.simplefilter("ignore")
mutex = ntipc.Mutex(sys.argv[1], initial_owner=True)
(helper,) = (task for task in os.listdir("/proc/self/task") if int(task) != os.getpid())
print(helper, flush=True)
other = ntipc.Mutex.open(sys.stdin.readline().strip())
print(other.acquire(), other.abandoned, mutex.info()["count"], flush=True)
sys.stdin.readline()
"""
UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def can_unshare() -> bool:
    return not os.geteuid() and not subprocess.run([*UNSHARE, "true"], stderr=subprocess.DEVNULL).returncode


@pytest.mark.skipif(not can_unshare(), reason="needs root and namespaces of Linux")
def test_watchers_of_equal_thread_id_in_two_pid_namespaces_are_not_taken_for_each_other() -> None:
    """Each watches the other, and this process nobody. One dies; the other is told, and is not taken for dead."""
    ntipc.Event("kept")

    def start(name: str) -> subprocess.Popen[str]:
        command = [*UNSHARE, sys.executable, "-c", IN_ANOTHER_NAMESPACE, name]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def heard(process: subprocess.Popen[str]) -> str:
        assert process.stdout
        return process.stdout.readline().strip()

    def tell(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin
        process.stdin.write(line + "\n")
        process.stdin.flush()

    with others_watch(), start("a") as first, start("b") as second:
        assert heard(first) == heard(second) != ""
        tell(second, "a")
        time.sleep(0.1)
        first.kill()
        assert heard(second) == "True True 0"
        wait_until(lambda: len(participants()) == 2)
        mutex = ntipc.Mutex.open("b")
        second.kill()
    assert mutex.acquire(timeout=20) and mutex.abandoned


def test_every_participant_is_watched_by_the_three_before_it(session: ntipc.Session, start_peer: StartPeer) -> None:
    session.close()
    peers = [start_peer() for _ in range(6)]
    for peer in peers:
        peer.run("session = ntipc.Session()")
    ring = [peer.pid for peer in peers]

    def is_watched() -> bool:
        before = {pid: [ring[place - step] for step in range(1, min(4, len(ring)))] for place, pid in enumerate(ring)}
        return {pid: watchers_of(pid) for pid in ring} == before

    assert is_watched()
    for number in (2, 0, 2):
        peers.pop(number).kill()
        ring.pop(number)
        wait_until(lambda: set(participants()) == set(ring))
        assert is_watched()


def test_doctor_tells_if_nobody_who_runs_watches_a_process(cast: Cast) -> None:
    path = look()["path"]
    stop(*cast.watchers[:2])
    assert_sound(path)
    stop(cast.watchers[2])
    findings = ntipc.examine(path)["findings"]
    assert [finding["check"] for finding in findings] == ["watch"]
    assert f"process {cast.owner.pid} " in findings[0]["subject"]
    go_on(*cast.watchers)
    assert_sound(path)


def test_lonely_participant_is_watched_by_nobody(peer: Peer) -> None:
    assert watchers_of(os.getpid()) == []
    peer.run("event = ntipc.Event('e')")
    assert (watchers_of(os.getpid()), watchers_of(peer.pid)) == ([peer.pid], [os.getpid()])
    assert facts(ntipc.Event.open("e"))["handles"] == 2

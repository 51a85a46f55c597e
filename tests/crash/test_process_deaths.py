"""A waiter for a process learns of its end, whichever watcher dies at whatever step."""

import os
import signal
import subprocess
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.soundness import assert_sound
from harness.stopping import go_on, stop
from harness.waiting import look, wait_until

import ntipc
from ntipc import _kernel

pytestmark = pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults")

StartPeer = Callable[..., Peer]


@pytest.mark.parametrize("point", ["LifeEnded", "LifeTold", "LockTaken", "EventStored"])
def test_the_end_of_a_stranger_is_told_though_one_that_notes_it_dies(point: str, start_peer: StartPeer) -> None:
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        try:
            end_of_a_stranger(point, stranger, start_peer)
        finally:
            stranger.kill()


def end_of_a_stranger(point: str, stranger: subprocess.Popen[bytes], start_peer: StartPeer) -> None:
    victim, waiter = start_peer(), start_peer()
    for peer in (victim, waiter):
        peer.run(f"process = ntipc.Process.open({stranger.pid})")
    stop(waiter)  # so that the victim is the first to note it
    victim.begin(f"_kernel.arm_fault({point!r}); process.wait()")
    if point == "LockTaken":  # which it passes as it begins to wait
        assert victim.wait() == -signal.SIGKILL
    wait_until(lambda: any(entry["waiters"] for entry in look()["objects"]) or point == "LockTaken")
    stranger.kill()
    assert victim.wait() == -signal.SIGKILL
    go_on(waiter)
    assert waiter.run("process.wait(20), process.exit_code") == (True, -9)
    stranger.wait()
    assert_sound(look()["path"])


def test_the_end_of_a_participant_is_told_though_its_reaper_dies(start_peer: StartPeer) -> None:
    ended, victim, waiter = start_peer(), start_peer(), start_peer()
    ended.run("mutex = ntipc.Mutex('m', initial_owner=True)")
    victim.run("session = ntipc.Session()")
    waiter.run(f"_kernel.set_eligible(False); process = ntipc.Process.open({ended.pid})")
    waiter.run("mutex = ntipc.Mutex.open('m')")
    victim.run("_kernel.arm_fault('ReleaseProcessDone')")
    call = waiter.begin("process.wait(20), process.exit_code, mutex.info()['abandoned']")
    ntipc._kernel.set_eligible(False)
    os.kill(ended.pid, signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    ntipc._kernel.set_eligible(True)
    waiter_woken = call.result()
    assert waiter_woken == (True, -9, True)


def test_handles_of_a_child_go_though_all_that_watch_it_are_killed_one_by_one(start_peer: StartPeer) -> None:
    event = ntipc.Event("kept")
    parent = start_peer()
    pid = parent.run("event = ntipc.Event('kept'); ntipc.Process.start(['sleep', '1000'], inherit_handles=[event]).pid")
    watchers = [start_peer() for _ in range(3)]
    for watcher in watchers:
        watcher.run("session = ntipc.Session()")
    for peer in (parent, *watchers):
        peer.kill()
    wait_until(lambda: len(look()["processes"]) == 2)
    assert event.info()["handles"] == 2
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: event.info()["handles"] == 1)
    assert_sound(look()["path"])

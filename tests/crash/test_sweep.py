"""A death at each fault point in turn, while others sleep without a timeout on what they must then be told.

Nobody does anything after the death that could wake a sleeper by chance, and no sleeper looks up by itself: only main
threads do, for Ctrl-C, so these sleep in others.
"""

import os
import signal
import time
from collections.abc import Callable

import pytest
from crash import process_scenes, queue_scenes, scenes
from crash.scenes import Scene
from harness.peers import Call, Peer
from harness.points import LEFT_TO_RUST, POINTS
from harness.soundness import assert_sound
from harness.waiting import look, wait_until

import ntipc
from ntipc import _kernel

StartPeer = Callable[..., Peer]
PATIENCE = 5.0
SCENES = scenes.SCENES | queue_scenes.QUEUE_SCENES | process_scenes.PROCESS_SCENES
MAKE, NAMES = scenes.MAKE + queue_scenes.MAKE, scenes.NAMES + queue_scenes.NAMES

pytestmark = [
    pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults"),
    pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning"),
]


class Cast:
    """The processes of a scene."""

    def __init__(self, point: str, scene: Scene, start_peer: StartPeer) -> None:
        self.point, self.scene, self.start_peer = point, scene, start_peer
        self.victim, self.survivor = start_peer(), start_peer()
        self.doomed = start_peer() if scene.doomed else None
        self.mourner: Call | None = None
        self.sleeper: Call | None = None

    def enter(self) -> None:
        """Join the session and make everything."""
        for peer in filter(None, [self.survivor, self.victim, self.doomed]):
            if peer is self.survivor and self.doomed:
                peer.run("_kernel.set_eligible(False)")  # the victim alone deals with the doomed
            if peer is not self.victim or not self.scene.joining:
                peer.run(MAKE, "v")
        self.files = set(os.listdir(look()["path"]))
        if not self.scene.joining:
            self.victim.run("held.acquire()", "v")
            self.victim.run(self.scene.before or "None", "v")
            self.mourner = self.begin_to_sleep(self.survivor, "held.acquire() and held.abandoned", "mourner")
        if self.doomed:
            self.doomed.run("mutex.acquire()", "v")

    def begin_to_sleep(self, peer: Peer, code: str, thread: str) -> Call:
        before = sleeping_threads(peer)
        call = peer.begin(code, thread)
        wait_until(lambda: sleeping_threads(peer) > before)
        return call

    def die(self) -> None:
        """Play the scene up to the death."""
        scene, arm = self.scene, f"_kernel.arm_fault({self.point!r})"
        if scene.first:
            self.begin_to_sleep(self.victim, f"{arm}; {scene.act}", "v")
        if scene.sleep:
            self.sleeper = self.begin_to_sleep(self.survivor, scene.sleep, "sleeper")
            time.sleep(0.005)  # then a mutex or a unit is handed over, and the sleeper need not compete for it
        if self.doomed:
            self.victim.run(arm)
            self.let_the_doomed_die(self.doomed)
        elif scene.first:
            self.survivor.run(scene.wake)
        else:
            self.victim.begin(f"{arm}; {scene.act}", "v")
        if scene.survives:
            assert self.sleeper and self.sleeper.result(PATIENCE) is True
            self.victim.kill()
        assert self.victim.wait() == -signal.SIGKILL, f"{self.point} was never reached"
        if self.doomed:
            self.survivor.run("_kernel.set_eligible(True)")

    def let_the_doomed_die(self, doomed: Peer) -> None:
        if self.scene.doomed_at:
            doomed.run(f"_kernel.arm_fault({self.scene.doomed_at!r})")
        waits = self.scene.doomed_at == "AckBeforeIdle"
        if waits:
            self.begin_to_sleep(doomed, self.scene.doomed, "v")
            self.survivor.run(self.scene.wake)
        else:
            doomed.begin(self.scene.doomed, "v")
        assert doomed.wait() == -signal.SIGKILL

    def be_told(self) -> None:
        """The sleepers wake, or sleep on, as they must."""
        if self.mourner:
            assert self.mourner.result(PATIENCE) is True, "the owner's death was not told"
        if self.sleeper and self.scene.told:
            assert self.sleeper.result(PATIENCE) is True
        wait_until(lambda: [process["pid"] for process in look()["processes"]] == [self.survivor.pid])
        if self.sleeper and not self.scene.told:
            wait_until(lambda: sleeping_threads(self.survivor) == 1)  # it may have looked up for a moment
            assert not self.sleeper.returned
            self.survivor.run(self.scene.wake)
            assert self.sleeper.result(PATIENCE) is True

    def be_sound(self) -> None:
        """Nothing is lost, doubled or left over, and everything can be done again."""
        named = [entry["name"] for entry in look()["objects"] if entry["kind"] != "WriteEnd"]  # its name is the other's
        assert sorted(filter(None, named)) == sorted(NAMES)
        assert named.count(None) == self.scene.unnamed
        assert set(os.listdir(look()["path"])) == self.files
        assert look()["counters"]["hidden_deaths"] == 0, "only a slow look-round found the death"
        assert self.survivor.run(self.scene.after) is True
        assert_sound(look()["path"])
        newcomer = self.start_peer()
        newcomer.run("for kind in ntipc.Event, ntipc.Mutex, ntipc.Timer, ntipc.EventPair: kind.create('fresh').close()")
        newcomer.run("ntipc.Section.create('fresh', 70_000).close()")
        newcomer.run("with ntipc.Queue.create('fresh') as fresh: fresh.put(bytes(9000)); fresh.get()")
        if self.mourner:
            self.survivor.run("held.release()", "mourner")
        newcomer.run("held = ntipc.Mutex.open('held')")
        assert newcomer.run("held.acquire(timeout=20), held.abandoned, held.release()") == (True, False, None)
        newcomer.end()
        wait_until(lambda: [process["pid"] for process in look()["processes"]] == [self.survivor.pid])
        assert_sound(look()["path"])


def sleeping_threads(peer: Peer) -> int:
    return sum(thread["pid"] == peer.pid and thread["state"] == "sleeping" for thread in look()["threads"])


def test_every_fault_point_has_a_scene() -> None:
    assert set(SCENES) | LEFT_TO_RUST == set(_kernel.FAULT_POINTS)
    assert not set(SCENES) & LEFT_TO_RUST


def test_no_point_is_left_to_rust_that_python_can_reach() -> None:
    assert not (LEFT_TO_RUST and hasattr(_kernel.WriteEnd, "call"))


@pytest.mark.parametrize("point", POINTS)
def test_sleepers_are_told_of_a_death(point: str, session: ntipc.Session, start_peer: StartPeer) -> None:
    session.close()
    cast = Cast(point, SCENES[point], start_peer)
    cast.enter()
    cast.die()
    cast.be_told()
    cast.be_sound()

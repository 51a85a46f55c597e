"""Somebody writes nonsense into a session: clear errors, no crash, no endless call, and the doctor tells."""

import os
from collections.abc import Callable, Iterator

import pytest
from harness.leftovers import base
from harness.peers import Peer
from harness.waiting import look, wait_until
from hostile.damages import DAMAGED, DAMAGES, SCENE, WORKS, Damage, Scene

import ntipc
from ntipc import _kernel
from ntipc.session.session import attached

DOCTORS_PATIENCE_MS = 60
USUAL = {"done", "ObjectNotFound", "NotOwner", "ObjectTypeMismatch", "LimitExceeded", "InvalidParameterMix", "Timeout"}


@pytest.fixture
def name(session: ntipc.Session) -> str:
    return os.environ["NTIPC_SESSION"] + ".damaged"


@pytest.fixture
def peer(name: str, start_peer: Callable[..., Peer]) -> Iterator[Peer]:
    """The process that made the session; in the end it is killed, and the next process takes the session away."""
    peer = start_peer()
    peer.run(SCENE.format(name=name))
    yield peer
    peer.kill()
    if here := attached(str(base() / f"ntipc-{os.getuid()}-{name}")):
        here.close()
    wait_until(lambda: taken_away(name))  # what the process was just starting keeps it for a moment


def taken_away(name: str) -> bool:
    """Make the session again; whether that went well, because nobody has the damaged one."""
    try:
        ntipc.Session(name).close()
    except ntipc.SessionDamaged:
        return False
    return True


@pytest.fixture
def scene(name: str, peer: Peer) -> Scene:
    for thread, wait in [("a", "first.wait()"), ("b", "ntipc.wait_any([first, second])")]:
        peer.begin(wait, thread)
        count = 1 + (thread == "b")
        wait_until(lambda count=count: waiting(name) == count)
    return Scene(look(name))


def waiting(name: str) -> int:
    return sum(thread["state"] == "sleeping" for thread in look(name)["threads"])


def findings(scene: Scene) -> list[dict[str, str]]:
    report = _kernel.examine(str(scene.arena.path.parent), DOCTORS_PATIENCE_MS)
    return list(report["findings"])


def checks_of(told: list[dict[str, str]]) -> set[str]:
    """Which checks of the doctor have found something."""
    return {finding["check"] for finding in told}


def test_scene_is_healthy(scene: Scene, peer: Peer) -> None:
    assert findings(scene) == []
    assert set(peer.run("use()")) <= USUAL
    assert findings(scene) == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_told_and_harms_nobody_else(damage: Damage, scene: Scene, peer: Peer, name: str) -> None:
    damage.act(scene)
    told = findings(scene)
    while damage.passes and not damage.checks <= checks_of(told):
        damage.act(scene)
        told = findings(scene)
    assert damage.checks <= checks_of(told), told
    assert all(finding["text"].endswith(".") for finding in told)
    outcomes = peer.run("use()", timeout=20)
    assert damage.outcome != DAMAGED or "SessionDamaged" in outcomes, outcomes
    assert damage.outcome != WORKS or "SessionDamaged" not in outcomes, outcomes
    try:
        ntipc.Event("first", session=name).set()
    except ntipc.NtError as problem:
        assert str(problem)


def test_damage_ends_the_waits_of_those_who_sleep(scene: Scene, peer: Peer) -> None:
    sleeper = peer.begin("second.wait()", "c")
    wait_until(lambda: len(scene_waiters(scene)) == 3)
    scene.put_object("head", "first", 5 * 4096)
    with pytest.raises(ntipc.SessionDamaged, match="wait list"):
        peer.run("first.set()")
    with pytest.raises(ntipc.SessionDamaged, match="wait list"):
        sleeper.result()


def scene_waiters(scene: Scene) -> list[int]:
    picture = look(str(scene.arena.path.parent))
    return [thread["slot"] for thread in picture["threads"] if thread["state"] == "sleeping"]


def test_damaged_session_can_be_left_and_the_next_is_whole(scene: Scene, peer: Peer, name: str) -> None:
    scene.put("header.object_free", 0, 1)
    with pytest.raises(ntipc.SessionDamaged, match="free list"):
        peer.run("ntipc.Event('new', session=session)")
    with pytest.raises(ntipc.SessionDamaged, match="free list"):
        ntipc.Session(name)
    peer.run("second.close(); mutex.close()")
    peer.kill()
    with ntipc.Session(name) as session, ntipc.Event("new", session=session) as event:
        assert event.created

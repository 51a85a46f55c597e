"""``AbandonedMutexWarning``: every wait issues it, for the line that called; what is left when it is made an error."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import facts, wait_for_waiters, wait_until

import ntipc

WAITS = {
    "acquire": "mutex.acquire()",
    "acquire in time": "mutex.acquire(True, 20)",
    "wait": "mutex.wait()",
    "wait in time": "mutex.wait(20)",
    "with": "with mutex: pass",
    "acquired": "with mutex.acquired(timeout=20): pass",
    "wait_any": "ntipc.wait_any([event, mutex], 20)",
    "wait_all": "ntipc.wait_all([mutex])",
    "signal_and_wait": "ntipc.signal_and_wait(event, mutex)",
    "wait_any with a server of pipes": "ntipc.wait_any([server, mutex], 20)",
    "wait_all with a pipe": "ntipc.wait_all([pipe, mutex], 20)",
}
LOOKS = {
    "acquire without blocking": "mutex.acquire(False)",
    "wait for no time": "mutex.wait(0)",
    "wait_any for no time": "ntipc.wait_any([mutex], 0)",
}
MAKE = """
mutex, event = ntipc.Mutex("mutex"), ntipc.Event()
server = ntipc.PipeServer("pipes")
client = ntipc.PipeClient("pipes")
pipe = server.accept(timeout=20)
client.send(b"something to read")
"""
RUN = """
def told(statement):
    program = compile(chr(10) * 41 + statement, "program.py", "exec")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(program, globals())
    return [(warning.category.__name__, warning.filename, warning.lineno) for warning in caught]
"""
TOLD = [("AbandonedMutexWarning", "program.py", 42)]


def own_and_die(peer: Peer, *names: str) -> None:
    """Let the process be killed as the owner of those mutexes."""
    peer.run(f"owned = [ntipc.Mutex(name) for name in {names}]; [mutex.acquire() for mutex in owned]")
    mutexes = [ntipc.Mutex.open(name) for name in names]
    peer.kill()
    wait_until(lambda: all(facts(mutex)["abandoned"] for mutex in mutexes))


@pytest.mark.parametrize("way", [*WAITS, *LOOKS])
def test_wait_for_an_abandoned_mutex_warns_at_the_line_of_the_program(way: str, peer: Peer) -> None:
    names: dict[str, Any] = {"ntipc": ntipc, "warnings": warnings}
    exec(MAKE + RUN, names)
    own_and_die(peer, "mutex")
    assert names["told"]((WAITS | LOOKS)[way]) == TOLD
    assert names["mutex"].abandoned


@pytest.mark.parametrize("way", WAITS)
def test_waiter_is_warned_at_its_line_when_the_owner_is_killed(way: str, start_peer: Callable[..., Peer]) -> None:
    mutex, owner, waiter = ntipc.Mutex("mutex"), start_peer(), start_peer()
    owner.run("mutex = ntipc.Mutex.open('mutex'); mutex.acquire()")
    waiter.run(MAKE + RUN)
    call = waiter.begin(f"told({WAITS[way]!r})")
    wait_for_waiters(mutex, 1)
    owner.kill()
    assert call.result() == TOLD


def test_each_line_is_warned_though_a_program_shows_a_warning_once_a_line(start_peer: Callable[..., Peer]) -> None:
    mutex = ntipc.Mutex("mutex")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        own_and_die(start_peer(), "mutex")
        assert ntipc.wait_any([mutex])
        mutex.release()
        own_and_die(start_peer(), "mutex")
        assert ntipc.wait_any([mutex])
        mutex.release()
    assert len({warning.lineno for warning in caught}) == len(caught) == 2
    assert {warning.filename for warning in caught} == {__file__}


def fail_by(wait: Callable[[], object]) -> None:
    """Make the warning an error; the wait must raise it."""
    with warnings.catch_warnings(), pytest.raises(ntipc.AbandonedMutexWarning, match="'a'"):
        warnings.simplefilter("error", ntipc.AbandonedMutexWarning)
        wait()


def test_warning_made_an_error_gives_the_mutex_back(peer: Peer) -> None:
    own_mutex = ntipc.Mutex("a")
    own_and_die(peer, "a")
    fail_by(own_mutex.acquire)
    assert own_mutex.abandoned and facts(own_mutex)["count"] == 1
    assert own_mutex.acquire(timeout=0) and not own_mutex.abandoned


def test_wait_for_all_that_raises_the_warning_gives_back_every_mutex_and_unit(peer: Peer) -> None:
    free, semaphore = ntipc.Mutex("free"), ntipc.Semaphore(initial=1)
    first, second = ntipc.Mutex("a"), ntipc.Mutex("b")
    own_and_die(peer, "a", "b")
    fail_by(lambda: ntipc.wait_all([free, semaphore, first, second], timeout=0))
    assert [facts(thing)["count"] for thing in (free, semaphore, first, second)] == [1, 1, 1, 1]
    assert [thing.abandoned for thing in (free, first, second)] == [False, True, True]

"""Forks that Python does not announce: by C code, as `daemon` does it, and by the bare system call, past all handlers.

A child has handles of its own to the objects that its memory knows, or its objects say that it has not, and it joins
the session afresh. It never acts as its parent, nor as a stranger that has its parent's place.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.arenas import Arena
from harness.peers import Peer
from harness.waiting import facts, look, wait_until

import ntipc

FORKS = """
import ctypes, gc, platform, subprocess, sys
libc = ctypes.CDLL(None)
def raw_fork():
    return libc.syscall(57) if platform.machine() == 'x86_64' else libc.syscall(220, 17, 0, 0, 0, 0)
def attempt(call):
    try:
        return call()
    except Exception as problem:
        return f'{type(problem).__name__}: {problem}'
def collect(fork, body):
    reading, writing = os.pipe()
    pid = fork()
    if pid == 0:
        signal.alarm(30)
        try:
            os.write(writing, repr(body()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    data = b''.join(iter(lambda: os.read(reading, 65536), b''))
    os.close(reading)
    os.waitpid(pid, 0)
    return eval(data)
def child(fork, *calls):
    return collect(fork, lambda: [attempt(call) for call in calls])
def orphan(fork, make, after, use):
    "What `use(make())` gives in a process whose parent, which made the objects, ended `after` seconds ago."
    def middle():
        reading, writing = os.pipe()
        objects = make()
        if fork():
            os._exit(0)
        time.sleep(after)
        return use(*objects)
    return collect(os.fork, middle)
"""
LOST = "HandleClosed: "
AFTER_GRACE = 2.0


@pytest.fixture
def forker(peer: Peer) -> Peer:
    peer.run(FORKS)
    return peer


def is_lost(answer: object) -> bool:
    return isinstance(answer, str) and answer.startswith(LOST) and "before a fork" in answer


def test_child_of_the_bare_system_call_does_not_act_as_its_parent(forker: Peer) -> None:
    forker.run("mutex, event = ntipc.Mutex('m'), ntipc.Event('e'); mutex.acquire()")
    calls = "mutex.release, event.set, lambda: event.wait(0), event.info, event.duplicate"
    calls += ", lambda: ntipc.wait_any([event], timeout=0)"
    answers = forker.run(f"child(raw_fork, {calls})")
    assert all(is_lost(answer) for answer in answers), answers
    assert forker.run("mutex.info()['owned_by_caller'], event.wait(0), mutex.release()") == (True, False, None)
    assert ntipc.examine()["findings"] == []


def test_child_of_the_bare_system_call_joins_afresh(forker: Peer) -> None:
    kept = ntipc.Event("e")
    forker.run("event, session = ntipc.Event('e'), ntipc.Session(); numbers = [event.handle]")
    calls = "lambda: event.closed, event.close, lambda: ntipc.Event('e').set()"
    calls += ", lambda: ntipc.Event('f', session=session).created"
    assert forker.run(f"child(raw_fork, {calls})") == [False, None, False, True]
    assert kept.wait(0) and forker.run("event.closed, event.set()") == (False, False)
    wait_until(lambda: len(look()["processes"]) == 2)
    assert ntipc.examine()["findings"] == []


def test_old_objects_of_a_child_do_not_lead_to_its_new_ones(forker: Peer) -> None:
    forker.run("old = ntipc.Event()")
    calls = "lambda: globals().update(new=ntipc.Event()), old.set, lambda: new.wait(0), lambda: new.handle == 4"
    calls += ", lambda: old.closed"
    answers = forker.run(f"child(raw_fork, {calls})")
    assert answers[0] is None and is_lost(answers[1]) and answers[2:] == [False, True, True]


def test_deaths_of_the_parents_threads_are_told_after_its_child_of_the_bare_system_call_worked(forker: Peer) -> None:
    """The child has a copy of the list by which Linux tells deaths; the words in it are its parent's."""
    mutex = ntipc.Mutex("m")
    forker.run("mutex = ntipc.Mutex('m'); other = ntipc.Mutex('other'); mutex.acquire(); other.acquire()")
    own = "lambda: ntipc.Mutex('mine').acquire(), lambda: ntipc.Session().close()"
    assert forker.run(f"child(raw_fork, mutex.release, {own})")[1:] == [True, None]
    assert forker.run(f"child(raw_fork, {own})") == [True, None]
    forker.kill()
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.acquire(timeout=20)
    wait_until(lambda: len(look()["processes"]) == 1)


def test_owned_mutex_of_a_killed_child_of_the_bare_system_call_is_abandoned(forker: Peer) -> None:
    mutex = ntipc.Mutex("mine")
    forker.run("event = ntipc.Event()")
    answers = forker.run(
        "child(raw_fork, event.set, lambda: ntipc.Mutex('mine').acquire(), lambda: os.kill(os.getpid(), 0))"
    )
    assert answers[1:] == [True, None]
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.acquire(timeout=20)


@pytest.mark.parametrize("fork", ["os.fork", "libc.fork", "raw_fork"])
def test_child_never_acts_on_what_a_stranger_in_its_parents_place_has(
    fork: str, forker: Peer, start_peer: Callable[..., Peer]
) -> None:
    forker.run("reading, writing = os.pipe(); back, forth = os.pipe()")
    forker.run(f"""
pid = os.fork()
if pid == 0:
    session = ntipc.Session()
    mine, seats = ntipc.Event(), ntipc.Semaphore(initial=5)
    os.write(writing, repr((mine.handle, seats.handle)).encode())
    if {fork}():
        os._exit(0)
    signal.alarm(60)
    os.read(back, 1)
    said = attempt(mine.set), attempt(lambda: seats.acquire(timeout=0)), attempt(lambda: ntipc.Event('new').created)
    os.write(writing, repr(said).encode())
    os.read(back, 1)
    os._exit(0)
os.waitpid(pid, 0)
""")
    numbers = forker.run("eval(os.read(reading, 100))")
    if fork != "os.fork":
        wait_until(lambda: [process["pid"] for process in look()["processes"]] == [os.getpid()])
    stranger = start_peer()
    stranger.run("secret, own = ntipc.Event(), ntipc.Semaphore(initial=5)")
    assert stranger.run("secret.handle, own.handle") == numbers
    forker.run("os.write(forth, b'g')")
    answers = forker.run("eval(os.read(reading, 10000))")
    assert answers[:2] == (False, True) if fork == "os.fork" else all(map(is_lost, answers[:2]))
    assert answers[2] is True
    assert stranger.run("secret.wait(0), own.count") == (False, 5)
    forker.run("os.write(forth, b'g')")


MAKE = "lambda: (ntipc.Event('running', manual_reset=True), ntipc.Event(manual_reset=True))"
USE = """[attempt(named.set), attempt(unnamed.set), attempt(lambda: ntipc.Event('running', manual_reset=True).set()),
    attempt(lambda: ntipc.Event('new').created)]"""


def test_child_whose_parent_has_just_gone_has_its_handles(forker: Peer) -> None:
    kept = ntipc.Event("running", manual_reset=True)
    answers = forker.run(f"orphan(libc.fork, {MAKE}, 0.1, lambda named, unnamed: {USE})")
    assert answers == [False, False, True, True] and kept.wait(0)


def test_child_whose_parent_is_long_gone_joins_afresh(forker: Peer) -> None:
    kept = ntipc.Event("running", manual_reset=True)
    answers = forker.run(f"orphan(libc.fork, {MAKE}, {AFTER_GRACE}, lambda named, unnamed: {USE})")
    assert is_lost(answers[0]) and is_lost(answers[1]) and answers[2:] == [False, True]
    assert kept.wait(0)
    wait_until(lambda: len(look()["processes"]) == 1)


def test_child_whose_parent_is_long_gone_has_handles_to_what_others_kept(forker: Peer) -> None:
    kept = ntipc.Event("running", manual_reset=True)
    make = "lambda: (ntipc.Event('running', manual_reset=True),)"
    use = "lambda named: [attempt(named.set), attempt(lambda: ntipc.Event('new').created)]"
    assert forker.run(f"orphan(libc.fork, {make}, {AFTER_GRACE}, {use})") == [False, True]
    assert kept.wait(0)


def test_program_goes_into_the_background_by_daemon(session: ntipc.Session, tmp_path: Path) -> None:
    """daemon(3): a fork by the C library whose parent ends at once."""
    kept, ended = ntipc.Event("running", manual_reset=True), tmp_path / "said"
    code = f"""
import ctypes, os, time, ntipc
event = ntipc.Event("running", manual_reset=True)
ctypes.CDLL(None).daemon(1, 1)
said = [event.set(), ntipc.Event("running", manual_reset=True).set(), ntipc.Event("new").created]
open({str(ended)!r} + '.new', 'w').write(repr(said))
os.rename({str(ended)!r} + '.new', {str(ended)!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    wait_until(ended.exists)
    assert ended.read_text() == "[False, True, True]" and kept.wait(0)
    wait_until(lambda: len(look()["processes"]) == 1)


def test_death_after_a_hidden_fork_is_told_within_the_grace(forker: Peer) -> None:
    mutex, queue = ntipc.Mutex("m"), ntipc.Queue("q")
    forker.run("mutex = ntipc.Mutex('m'); mutex.acquire(); writer = ntipc.QueueWriter.open('q'); child(libc.fork)")
    forker.kill()
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.acquire(timeout=20)
    wait_until(lambda: queue.info()["writers"] == 1)


def test_child_has_what_its_memory_knows_and_not_what_its_parent_did_since(forker: Peer) -> None:
    """It takes its handles when it first needs one; its parent has closed one by then, and given its number away."""
    kept = ntipc.Event("kept")
    forker.run("""
first, second = ntipc.Event('kept'), ntipc.Event('second')
reading, writing = os.pipe(); back, forth = os.pipe()
pid = libc.fork()
if pid == 0:
    os.read(back, 1)
    said = first.set(), second.set(), first.name, len(ntipc.inspect()['objects'])
    handles = [(entry['name'], holder['handle']) for entry in ntipc.inspect()['objects'] for holder in entry['holders']
               if holder['pid'] == os.getpid()]
    os.write(writing, repr((said, handles, first.handle, second.handle)).encode())
    os._exit(0)
number = first.handle
first.close()
third, fourth = ntipc.Event('third'), ntipc.Event('fourth')
os.write(forth, b'g')
""")
    assert forker.run("third.handle == number")
    said, handles, first, second = forker.run("eval(os.read(reading, 10000))")
    assert said == (False, False, "kept", 4) and sorted(handles) == [("kept", first), ("second", second)]
    assert kept.wait(0) and forker.run("third.wait(0), second.wait(0), os.waitpid(pid, 0)[1]") == (False, True, 0)


def test_child_of_a_parent_that_has_closed_for_good_what_it_knows_joins_afresh(forker: Peer) -> None:
    forker.run("""
gone = ntipc.Event('gone'); reading, writing = os.pipe(); back, forth = os.pipe()
pid = libc.fork()
if pid == 0:
    os.read(back, 1)
    os.write(writing, repr((attempt(gone.set), attempt(lambda: ntipc.Event('third').set()))).encode())
    os._exit(0)
gone.close()
third = ntipc.Event('third')
os.write(forth, b'g')
""")
    answers = forker.run("eval(os.read(reading, 10000))")
    assert is_lost(answers[0]) and answers[1] is False
    assert forker.run("third.wait(0), os.waitpid(pid, 0)[1]") == (True, 0)


def test_child_that_only_lets_go_of_its_objects_takes_no_part(forker: Peer) -> None:
    event = ntipc.Event("e")
    forker.run("event, other = ntipc.Event('e'), ntipc.Event('e')")
    calls = "event.close, lambda: event.closed, lambda: len(ntipc.inspect()['processes']), other.set"
    assert forker.run(f"child(libc.fork, {calls}, lambda: ntipc.Event('e').info()['handles'])") == [
        None,
        True,
        2,
        False,
        5,
    ]
    wait_until(lambda: facts(event)["handles"] == 3)  # the reaper closes the child's
    assert forker.run("event.wait(0)") is True


def test_child_that_gave_up_its_user_never_acts_on_a_stranger(forker: Peer) -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    forker.run("event = ntipc.Event('e')")
    answers = forker.run("child(libc.fork, lambda: os.setuid(54321), event.set, lambda: event.wait(0))")
    assert answers[0] is None
    assert answers[1:] == [False, True] or all(
        "Error" in str(answer) or "Denied" in str(answer) for answer in answers[1:]
    )


def test_grandchildren_by_every_kind_of_fork(forker: Peer) -> None:
    forker.run("event = ntipc.Event('e', manual_reset=True)")
    assert forker.run("collect(libc.fork, lambda: child(libc.fork, event.set))") == [False]
    assert forker.run("collect(libc.fork, lambda: child(os.fork, event.set))") == [True]
    assert forker.run("collect(os.fork, lambda: child(libc.fork, event.set))") == [True]
    assert forker.run("collect(libc.fork, lambda: child(raw_fork, event.is_set))") == [True]
    assert is_lost(forker.run("collect(raw_fork, lambda: child(libc.fork, event.set))")[0])
    assert is_lost(forker.run("collect(raw_fork, lambda: child(os.fork, event.set))")[0])
    new = "lambda: ntipc.Event('e', manual_reset=True).set()"
    assert forker.run(f"collect(raw_fork, lambda: [attempt({new}), child(os.fork, {new})])") == [True, [True]]


def test_thread_that_is_started_in_a_child_of_the_bare_system_call_works(forker: Peer) -> None:
    forker.run("event = ntipc.Event()")
    forker.run("""
def body():
    answers = []
    mutex = ntipc.Mutex('m')
    body = lambda: answers.extend([attempt(event.set), attempt(mutex.acquire), attempt(mutex.release)])
    thread = threading.Thread(target=body)
    thread.start(); thread.join()
    return answers
""")
    answers = forker.run("collect(raw_fork, body)")
    assert is_lost(answers[0]) and answers[1:] == [True, None]


def test_object_of_a_session_that_was_left_never_acts_on_a_stranger(
    peer: Peer, start_peer: Callable[..., Peer]
) -> None:
    """The next participant gets the place of the one that left, and the numbers of its handles."""
    peer.run("event, seats, session = ntipc.Event(), ntipc.Semaphore(initial=5), ntipc.Session()")
    numbers = peer.run("event.handle, seats.handle")
    peer.run("session.close()")
    stranger = start_peer()
    stranger.run("secret, own = ntipc.Event(), ntipc.Semaphore(initial=5)")
    assert stranger.run("secret.handle, own.handle") == numbers
    for call in "event.set()", "event.wait(0)", "seats.acquire(timeout=0)", "seats.release()", "event.info()":
        with pytest.raises(ntipc.NtError):
            peer.run(call)
    assert stranger.run("secret.wait(0), own.count") == (False, 5)


def test_doctor_finds_what_a_forked_child_could_act_by(session: ntipc.Session) -> None:
    event = ntipc.Event()
    arena = Arena(session.path)
    arena.put("process.handle_high", 0, 3)
    (finding,) = [finding for finding in ntipc.examine()["findings"] if "take no part" in finding["text"]]
    assert finding["check"] == "process"
    arena.put("process.handle_high", 0, 0)
    assert not event.set()

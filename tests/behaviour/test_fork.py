"""fork: the child is a process of its own with a copy of every handle, and owns no mutex."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.waiting import facts, look, wait_for_waiters, wait_until

import ntipc

FORK = """
def fork(function):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, repr(function()).encode())
        except BaseException as problem:
            os.write(writing, repr(type(problem).__name__).encode())
        finally:
            os._exit(0)
    os.close(writing)
    answer = b''
    while piece := os.read(reading, 65536):
        answer += piece
    os.close(reading)
    os.waitpid(pid, 0)
    return eval(answer)
"""


@pytest.fixture
def forker(peer: Peer) -> Peer:
    """A separate process with ``fork(function)``: runs it in a child and returns its result or exception's name."""
    peer.run(FORK)
    return peer


def test_child_has_the_same_handles_to_the_same_objects(forker: Peer) -> None:
    forker.run("event = ntipc.Event(); named = ntipc.Event('x')")
    code = "[event.handle, event.identity, named.handle, named.identity]"
    assert forker.run(f"fork(lambda: {code})") == forker.run(code)


def test_child_sets_an_unnamed_event_of_the_parent(forker: Peer) -> None:
    forker.run("event = ntipc.Event()")
    assert forker.run("fork(lambda: event.set())") is False
    assert forker.run("event.wait(0)") is True


def test_parent_and_child_wake_each_other(forker: Peer) -> None:
    forker.run("""
ping, pong = ntipc.Event(), ntipc.Event()
def child():
    for _ in range(200):
        ping.wait()
        pong.set()
pid = os.fork()
if pid == 0:
    child()
    os._exit(0)
for _ in range(200):
    ping.set()
    assert pong.wait(10)
""")
    assert forker.run("os.waitpid(pid, 0)[1]") == 0


def test_child_does_not_own_the_mutexes_of_its_parent(forker: Peer) -> None:
    forker.run("mutex = ntipc.Mutex(initial_owner=True)")
    assert forker.run("fork(lambda: mutex.acquire(timeout=0))") is False
    assert forker.run("fork(lambda: mutex.release())") == "NotOwner"
    assert forker.run("mutex.info()['owned_by_caller']") is True


def test_end_of_a_child_abandons_only_its_own_mutexes(forker: Peer) -> None:
    forker.run("mine, other = ntipc.Mutex('mine', initial_owner=True), ntipc.Mutex('other')")
    assert forker.run("fork(lambda: other.acquire())") is True
    mine, other = ntipc.Mutex.open("mine"), ntipc.Mutex.open("other")
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert other.acquire(timeout=20) and other.abandoned
    assert not mine.acquire(timeout=0) and facts(mine)["owner_pid"] == forker.pid
    forker.run("mine.release()")
    assert mine.acquire(timeout=0) and not mine.abandoned


def test_handles_of_a_child_count_and_go_with_it(forker: Peer) -> None:
    event = ntipc.Event("x")
    forker.run("event = ntipc.Event.open('x')")
    assert forker.run("fork(lambda: (event.set(), event.info()['handles'])[1])") == 3
    wait_until(lambda: facts(event)["handles"] == 2)
    assert forker.run("event.wait(0)") is True


def test_closing_in_the_child_leaves_the_parents_handle(forker: Peer) -> None:
    forker.run("event = ntipc.Event('x')")
    assert forker.run("fork(lambda: (event.close(), event.closed)[1])") is True
    assert forker.run("event.closed, event.set()") == (False, False)
    assert ntipc.Event.open("x").is_set()


def test_closing_in_the_parent_leaves_the_childs_handle(forker: Peer) -> None:
    forker.run("event, go = ntipc.Event('x'), ntipc.Event('go')")
    forker.run("pid = os.fork()\nif pid == 0:\n go.wait()\n event.set()\n go.wait()\n os._exit(0)")
    go = ntipc.Event.open("go")
    wait_for_waiters(go, 1)
    forker.run("event.close()")
    go.set()
    event = ntipc.Event.open("x")
    assert event.wait(20)
    wait_for_waiters(go, 1)
    go.set()
    assert forker.run("os.waitpid(pid, 0)[1]") == 0


def test_killed_child_takes_nothing_of_the_parent_with_it(forker: Peer) -> None:
    forker.run("event, mutex = ntipc.Event('x'), ntipc.Mutex('m', initial_owner=True)")
    forker.run("pid = os.fork()\nif pid == 0:\n event.wait()\n os._exit(0)")
    event = ntipc.Event.open("x")
    wait_for_waiters(event, 1)
    forker.run("os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)")
    wait_for_waiters(event, 0)
    assert forker.run("event.set(), mutex.info()['owned_by_caller'], event.wait(0)") == (False, True, True)


def test_grandchild_works_too(forker: Peer) -> None:
    forker.run("event = ntipc.Event()")
    assert forker.run("fork(lambda: fork(lambda: fork(lambda: event.set())))") is False
    assert forker.run("event.wait(0)") is True


def test_views_are_shared_with_the_child(forker: Peer) -> None:
    forker.run("section = ntipc.Section(size=100); view = section.map()")
    assert forker.run("fork(lambda: view.__setitem__(0, 5))") is None
    assert forker.run("view[0]") == 5
    assert forker.run("fork(lambda: bytes(section.map())[0])") == 5


def test_child_that_touches_nothing_disturbs_nothing(forker: Peer) -> None:
    forker.run("event = ntipc.Event('x')")
    assert forker.run("fork(lambda: 5)") == 5
    assert forker.run("event.set()") is False
    forker.end()
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.Event.open("x")


def test_child_outlives_its_parent(forker: Peer, start_peer: Callable[..., Peer]) -> None:
    event, go = ntipc.Event("x"), ntipc.Event("go")
    forker.run("event, go = ntipc.Event.open('x'), ntipc.Event.open('go'); unnamed = ntipc.Event()")
    code = "if os.fork() == 0:\n go.wait()\n unnamed.set()\n if unnamed.wait(0): event.set()\n os._exit(0)"
    forker.run(code)
    wait_for_waiters(go, 1)
    forker.kill()
    go.set()
    assert event.wait(20)
    wait_until(lambda: len(look()["processes"]) == 1)


def test_fork_in_a_process_with_waiting_threads(forker: Peer) -> None:
    forker.run("event, other = ntipc.Event('x'), ntipc.Event()")
    call = forker.begin("event.wait()", "a")
    event = ntipc.Event.open("x")
    wait_for_waiters(event, 1)
    assert forker.run("fork(lambda: (other.set(), other.wait(0)))") == (False, True)
    assert facts(event)["waiters"] == 1 and not call.returned
    event.set()
    assert call.result() is True


def test_hundred_forks_leave_one_participant(forker: Peer) -> None:
    forker.run("event = ntipc.Event('x'); semaphore = ntipc.Semaphore('s', initial=0)")
    forker.run("for _ in range(100): fork(semaphore.release)")
    assert ntipc.Semaphore.open("s").count == 100
    event = ntipc.Event.open("x")
    # A dead child stays in the list until its reaper has closed its handles.
    wait_until(lambda: len(look()["processes"]) == 2)
    assert facts(event)["handles"] == 2


def test_new_objects_of_the_child_are_its_own(forker: Peer) -> None:
    forker.run("event = ntipc.Event('x')")
    assert forker.run("fork(lambda: ntipc.Event('y').created)") is True
    wait_until(lambda: [entry["name"] for entry in look()["objects"]] == ["x"])


def test_program_started_by_exec_takes_no_part(peer: Peer) -> None:
    event = ntipc.Event("x")
    peer.run("import subprocess, sys; event = ntipc.Event.open('x'); event.inheritable = True")
    code = "import ntipc; print(len(ntipc.inspect()['processes']), ntipc.Event.open('x').info()['handles'])"
    output = peer.run(f"subprocess.run([sys.executable, '-c', {code!r}], capture_output=True, text=True).stdout")
    assert output == "2 3\n"
    wait_until(lambda: facts(event)["handles"] == 2)


SLOW_WARNING = """
import sys, types

gate, reached = threading.Event(), threading.Event()

class Slow(types.ModuleType):
    def __getattr__(self, name):
        reached.set()
        gate.wait()
        return getattr(errors, name)

errors = sys.modules["ntipc.errors"]
sys.modules["ntipc.errors"] = Slow("ntipc.errors")
first, second = ntipc.Mutex.open("first"), ntipc.Mutex.open("second")
warnings.simplefilter("ignore")
"""


def test_child_of_a_fork_in_the_middle_of_the_first_warning_can_be_warned(
    peer: Peer, start_peer: Callable[..., Peer]
) -> None:
    """What is looked up once is looked up by a thread that the child does not have."""
    mutexes = [ntipc.Mutex("first"), ntipc.Mutex("second")]
    owner = start_peer()
    owner.run("owned = [ntipc.Mutex(name, initial_owner=True) for name in ('first', 'second')]")
    owner.run("[mutex.acquire() for mutex in owned]")
    owner.kill()
    wait_until(lambda: all(facts(mutex)["owner_pid"] is None for mutex in mutexes))
    peer.run(SLOW_WARNING)
    call = peer.begin("first.acquire()", "warned")
    peer.run("reached.wait(5)")
    peer.begin("time.sleep(0.2); gate.set()", "opener")
    child = peer.begin("pid = os.fork()\nif pid == 0: os._exit(second.acquire(timeout=5) and second.abandoned)\npid")
    pid = child.result()
    try:
        wait_until(lambda: peer.run("ended, status = os.waitpid(pid, os.WNOHANG); ended") == pid, patience=5)
        assert os.waitstatus_to_exitcode(peer.run("status")) == 1
    finally:
        if not peer.run("ended"):
            os.kill(pid, signal.SIGKILL)
    assert call.result() is True


def test_child_of_a_fork_beside_a_thread_that_opens_and_closes_has_what_its_objects_say(forker: Peer) -> None:
    forker.run("""
import threading
kept, current, done = [ntipc.Event(f"n{i}") for i in range(50)], [None], []
def churn():
    for i in range(10**9):
        if done:
            return
        current[0] = event = ntipc.Event(f"n{i % 50}")
        event.is_set()
        current[0] = None
        event.close()
def look():
    event = current[0]
    return event is None or event.closed or ntipc.Event.from_handle(event.handle).name == event.name
thread = threading.Thread(target=churn)
thread.start()
""")
    seen = forker.run("[fork(look) for _ in range(150)]", timeout=60)
    forker.run("done.append(1); thread.join()")
    assert seen == [True] * 150


IN_A_THREAD = """
import threading
def fork_in_a_thread(in_child):
    pids = []
    def run():
        pid = os.fork()
        if pid == 0:
            in_child()
            return
        pids.append(pid)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return pids[0]
"""


def test_child_of_a_thread_ends_with_that_thread(peer: Peer) -> None:
    """A process ends with its last thread, and the library's threads do not keep it."""
    peer.run(IN_A_THREAD)
    peer.run("mutex, event = ntipc.Mutex(), ntipc.Event(manual_reset=True)")
    pid = peer.run("fork_in_a_thread(lambda: (mutex.acquire(), event.set()))")
    assert peer.run(f"os.waitpid({pid}, 0)[1]") == 0
    assert peer.run("event.wait(0) and mutex.acquire(timeout=20) and mutex.abandoned") is True


def test_child_of_a_thread_lives_as_long_as_a_thread_that_it_started(peer: Peer) -> None:
    peer.run(IN_A_THREAD)
    peer.run("finished = ntipc.Event(manual_reset=True)")
    pid = peer.run("fork_in_a_thread(lambda: threading.Thread(target=finished.wait, args=(20,)).start())")
    state = Path(f"/proc/{pid}/task/{pid}/stat")
    wait_until(lambda: state.read_text().rpartition(") ")[2].startswith("Z"))
    assert peer.run(f"os.waitpid({pid}, os.WNOHANG)") == (0, 0)
    peer.run("finished.set()")
    assert peer.run(f"os.waitpid({pid}, 0)[1]") == 0


def test_child_of_a_thread_that_ends_itself_has_the_status_that_it_gave(peer: Peer) -> None:
    peer.run(IN_A_THREAD)
    peer.run("import ctypes; event = ntipc.Event()")
    for end in "ctypes.CDLL(None).exit(7)", "os._exit(7)":
        pid = peer.run(f"fork_in_a_thread(lambda: (event.set(), {end}))")
        assert os.waitstatus_to_exitcode(peer.run(f"os.waitpid({pid}, 0)[1]")) == 7


def test_child_drops_sessions_that_its_parent_left_beside_other_threads() -> None:
    """Nobody joined the helper threads of those sessions, and the child gives the memory of their stacks back."""
    go_on = threading.Event()
    kept: list[ntipc.Event] = []
    waited = threading.Semaphore(0)

    def use(number: int) -> None:  # and refer to it no longer
        kept[number].wait(0.0001)
        waited.release()
        go_on.wait()

    def helpers() -> int:
        count = 0
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError):  # it has just ended
                count += (task / "comm").read_text() == "ntipc-helper\n"
        return count

    users = [threading.Thread(target=use, args=(number,)) for number in range(250)]
    before = helpers()
    for number, user in enumerate(users):
        with ntipc.Session(f"{os.environ['NTIPC_SESSION']}.{number}") as session:
            kept.append(ntipc.Event(session=session))
            user.start()
            waited.acquire()
    go_on.set()
    for user in users:
        user.join()
    wait_until(lambda: helpers() == before)
    child = os.fork()
    if child == 0:
        for _ in range(3):  # when these end, the child unmaps stacks of threads that it has not
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
        del session
        kept.clear()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

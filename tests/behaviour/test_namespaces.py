"""Containers that share a session: pid namespaces, time namespaces, and what each of them sees in /proc.

A process id is that of another process in another pid namespace, and start times differ between time namespaces. They
take nobody for dead who lives, and give nobody what was meant for another.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest
from harness.peers import Peer
from harness.waiting import facts, look, wait_until

import ntipc

Start = Callable[..., Peer]
UNSHARE = ["unshare", "--fork", "--kill-child"]
CONTAINER = [*UNSHARE, "--pid", "--mount-proc"]
WITHOUT_PROC = [*UNSHARE, "--pid", "--mount", "sh", "-c", 'mount -t tmpfs none /proc; "$@"; true', "sh"]
WITH_FOREIGN_PROC = [*UNSHARE, "--pid"]
LOOK_ROUND = 2.5
"""Seconds after which a watcher has looked for deaths that Linux does not tell."""


def may(*command: str) -> bool:
    return shutil.which("unshare") is not None and not subprocess.run(command, capture_output=True).returncode


pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not may(*CONTAINER, "true"), reason="only root can make namespaces, where Linux has them"
)
in_time = pytest.mark.skipif(not may(*UNSHARE, "--time", "true"), reason="this Linux has no time namespaces")


def in_container(*first: str) -> list[str]:
    """A container in which the commands ``first`` have been run, each of which takes a process id."""
    return [*CONTAINER, "sh", "-c", "; ".join([*first, '"$@"; true']), "sh"]


@pytest.fixture
def start(session: ntipc.Session) -> Iterator[Start]:
    peers: list[Peer] = []

    def start(before: list[str], environment: Mapping[str, str] | None = None) -> Peer:
        peers.append(Peer(environment, before))
        return peers[-1]

    yield start
    for peer in peers:
        peer.end()


@pytest.mark.parametrize("before", [CONTAINER, WITHOUT_PROC, WITH_FOREIGN_PROC], ids=["own", "none", "foreign"])
def test_owner_in_a_pid_namespace_keeps_its_mutex(before: list[str], start: Start) -> None:
    mutex, owner = ntipc.Mutex("m"), start(before)
    owner.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    assert not mutex.acquire(timeout=LOOK_ROUND)
    assert owner.run("mutex.release()") is None
    assert mutex.acquire(timeout=0) and not mutex.abandoned


def test_owner_without_proc_is_not_judged_by_another_without_proc(start: Start) -> None:
    owner, other = (start([*WITHOUT_PROC[:-2], f"true; {WITHOUT_PROC[-2]}", "sh"]) for _ in range(2))
    owner.run("mutex = ntipc.Mutex('m'); mutex.acquire()")
    other.run("mutex = ntipc.Mutex('m')")
    assert other.run(f"mutex.acquire(timeout={LOOK_ROUND})") is False
    assert owner.run("mutex.release()") is None


def test_dead_owner_in_a_container_is_told_of_at_once(start: Start) -> None:
    mutex, owner = ntipc.Mutex("m"), start(CONTAINER)
    owner.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    owner.kill()
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.acquire(timeout=20)


@in_time
def test_owner_whose_start_time_is_shifted_keeps_its_mutex(start: Start) -> None:
    mutex, owner = ntipc.Mutex("m"), start([*UNSHARE, "--time", "--boottime", "1000"])
    owner.run("mutex = ntipc.Mutex.open('m'); mutex.acquire()")
    assert not mutex.acquire(timeout=LOOK_ROUND)
    assert owner.run("mutex.release()") is None


@in_time
def test_start_time_that_is_shifted_is_that_of_the_same_process(start: Start) -> None:
    inner = start([*UNSHARE, "--time", "--boottime", "1000000"])
    server = ntipc.PipeServer("p")
    inner.run("pipe = ntipc.PipeClient('p', timeout=20)")
    accepted = server.accept(timeout=20)
    assert accepted is not None and accepted.peer.pid == inner.run("os.getpid()")
    assert (accepted.peer.uid, accepted.peer.exe) == (os.geteuid(), inner.run("os.readlink('/proc/self/exe')"))
    assert inner.run("pipe.peer.pid, pipe.peer.uid") == (os.getpid(), os.geteuid())


@in_time
@pytest.mark.parametrize("shift", ["86400", "-5"])
def test_process_whose_clock_is_shifted_is_refused_and_told_why(shift: str, start: Start) -> None:
    timer, inner = ntipc.Timer("t"), start([*UNSHARE, "--time", f"--monotonic={shift}"])
    timer.set(60)
    with pytest.raises(ntipc.SessionMismatch, match=rf"CLOCK_MONOTONIC differs by {shift}\.000 s"):
        inner.run("ntipc.Timer.open('t')")
    assert [process["pid"] for process in look()["processes"]] == [os.getpid()]


@in_time
def test_processes_of_one_shifted_clock_share_a_session(start: Start) -> None:
    name = f"{os.environ['NTIPC_SESSION']}-shifted"
    inner = start([*UNSHARE, "--time", "--monotonic", "86400", "--boottime", "86400"], {"NTIPC_SESSION": name})
    inner.run("import subprocess, sys; timer = ntipc.Timer('t', manual_reset=True); timer.set(0.1); timer.wait()")
    code = "import ntipc; print(ntipc.Timer.open('t').wait(0))"
    assert (
        inner.run(f"subprocess.run([sys.executable, '-c', {code!r}], capture_output=True, text=True).stdout")
        == "True\n"
    )
    with pytest.raises(ntipc.SessionMismatch, match=r"differs by -86400\.000 s"):
        ntipc.Session(name)


@in_time
def test_child_of_a_fork_into_a_shifted_clock_is_refused(start: Start) -> None:
    parent = start([])
    parent.run("event = ntipc.Event('e')")
    parent.run("""
import ctypes, sys
assert not ctypes.CDLL(None).unshare(0x80)
open('/proc/self/timens_offsets', 'w').write('monotonic 100 0')
reading, writing = os.pipe()
sys.stderr.flush(); kept = os.dup(2); null = os.open(os.devnull, os.O_WRONLY); os.dup2(null, 2)
pid = os.fork()
if pid == 0:
    said = []
    for call in event.set, lambda: ntipc.Event('other'):
        try:
            said.append(str(call()))
        except ntipc.NtError as problem:
            said.append(type(problem).__name__)
    os.write(writing, ' '.join(said).encode())
    os._exit(0)
os.dup2(kept, 2)
os.waitpid(pid, 0)
""")
    assert parent.run("os.read(reading, 1000)") == b"SessionMismatch SessionMismatch"
    assert parent.run("event.set()") is False


def twins(start: Start) -> tuple[Peer, Peer]:
    """Two processes that have the same pid, each in its container; both take part."""
    first, second = start(in_container("true")), start(in_container("true"))
    for peer in first, second:
        peer.run("ntipc.Session()")
    assert first.run("os.getpid()") == second.run("os.getpid()")
    return first, second


def test_handle_goes_to_the_process_of_the_callers_own_namespace(start: Start) -> None:
    giver, stranger = twins(start)
    giver.run("import subprocess, sys; event = ntipc.Event()")
    giver.run("""
code = "import ntipc; ntipc.Session(); print(flush=True); event = ntipc.Event.from_handle(int(input()));"
code += "print(event.set(), flush=True); input()"
child = subprocess.Popen([sys.executable, '-c', code], stdin=-1, stdout=-1, text=True)
child.stdout.readline()
""")
    number = giver.run("event.duplicate_handle(child.pid)")
    giver.run(f"child.stdin.write('{number}\\n'); child.stdin.flush()")
    assert giver.run("child.stdout.readline()") == "False\n" and giver.run("event.wait(0)")
    with pytest.raises(ntipc.HandleClosed):
        stranger.run(f"ntipc.Event.from_handle({number})")
    giver.run("child.kill(), child.communicate()")


def test_handle_goes_to_no_process_of_another_namespace(start: Start) -> None:
    giver, stranger = twins(start)
    event = ntipc.Event("e")
    inner = stranger.run("os.getpid()")
    with pytest.raises(ntipc.InvalidParameter, match="pid namespace"):
        event.duplicate_handle(inner)
    with pytest.raises(ntipc.InvalidParameter):
        giver.run(f"ntipc.Event('e').duplicate_handle({os.getpid()})")
    assert giver.run("event = ntipc.Event('e'); event.duplicate_handle(os.getpid())") % 4 == 0
    assert facts(event)["handles"] == 3


def test_process_without_proc_gives_itself_a_handle(start: Start) -> None:
    inner = start(WITHOUT_PROC)
    inner.run("event = ntipc.Event(); twin = ntipc.Event.from_handle(event.duplicate_handle(os.getpid()))")
    assert inner.run("twin.identity == event.identity")


@pytest.mark.parametrize("before", [CONTAINER, WITHOUT_PROC], ids=["own", "none"])
def test_pids_of_another_namespace_are_not_given_as_pids(before: list[str], start: Start) -> None:
    mutex, queue, event = ntipc.Mutex("m"), ntipc.Queue("q"), ntipc.Event("e")
    inner = start(before)
    inner.run("mutex, event = ntipc.Mutex('m'), ntipc.Event('e'); mutex.acquire(); ntipc.Queue('q').put(b'x')")
    inner.begin("event.wait()", "sleeper")
    wait_until(lambda: facts(event)["waiters"] == 1)
    message = queue.receive()
    assert message.data == b"x" and message.pid is None
    assert (facts(mutex)["owner_pid"], facts(mutex)["owner_tid"], facts(mutex)["recursion"]) == (None, None, 1)
    assert "owner=elsewhere" in repr(mutex)
    seen = look()
    (stranger,) = [process for process in seen["processes"] if process["pid"] != os.getpid()]
    assert stranger["pid"] is None and stranger["own_pid"] == inner.run("os.getpid()")
    entry = next(entry for entry in seen["objects"] if entry["name"] == "e")
    (waiter,) = entry["waiters"]
    assert (waiter["process"], waiter["pid"], waiter["tid"]) == (stranger["slot"], None, None)
    assert {holder["pid"] for holder in entry["holders"]} == {os.getpid(), None}
    assert inner.run(f"[p['pid'] for p in ntipc.inspect()['processes'] if p['own_pid'] == {os.getpid()}]") == [None]
    queue.put(b"y")
    assert inner.run("ntipc.Queue('q').receive().pid") is None
    assert ntipc.examine()["findings"] == []
    event.set()
    shown = subprocess.run([sys.executable, "-m", "ntipc", "ls"], capture_output=True, text=True).stdout
    marked = f"{stranger['own_pid']}@{stranger['pid_namespace'] or '?'}"
    assert marked in "".join(shown.split())


def test_peer_of_another_namespace_has_no_pid(start: Start) -> None:
    server, inner = ntipc.PipeServer("p"), start(CONTAINER)
    inner.run("pipe = ntipc.PipeClient('p', timeout=20)")
    accepted = server.accept(timeout=20)
    assert accepted is not None and accepted.peer == (0, None, None)
    assert inner.run("tuple(pipe.peer)") == (0, None, None)


def test_client_of_another_namespace_that_is_gone_has_no_pid(start: Start) -> None:
    server, inner = ntipc.PipeServer("p"), start(CONTAINER)
    inner.run("pipe = ntipc.PipeClient('p', timeout=20); pipe.send(b'x')")
    inner.kill()
    wait_until(lambda: len(look()["processes"]) == 1)
    accepted = server.accept(timeout=20)
    assert accepted is not None and accepted.peer.pid == 0


def test_process_in_a_container_sees_its_own_namespace_alone_as_pids(start: Start) -> None:
    first, second = twins(start)
    for peer in first, second:
        seen = peer.run("ntipc.inspect()['processes']")
        assert len(seen) == 3 and [process["pid"] for process in seen].count(None) == 2
    assert {process["pid"] for process in look()["processes"]} == {None, os.getpid()}


REUSE = """
import subprocess, ntipc
def child_of_pid(pid):
    with open('/proc/sys/kernel/ns_last_pid', 'w') as file:
        file.write(str(pid - 1))
    return subprocess.Popen(['sleep', '1000'])
first = child_of_pid(300)
old, spare = ntipc.Process.open(300), ntipc.Process.open(300)
first.kill()
first.wait()
second = child_of_pid(300)
new = ntipc.Process.open(300)
old.terminate()
facts = [first.pid == second.pid, old.identity == new.identity, old.wait(20), old.exit_code]
facts += [new.wait(0.05), new.exit_code]
second.kill()
ended = new.wait(20), new.exit_code
second.wait()
"""


def test_an_ended_process_is_not_taken_for_the_next_one_of_its_number(start: Start) -> None:
    """PM-10, PM-14, PM-41."""
    inside = start(CONTAINER)
    inside.run(REUSE)
    assert inside.run("facts") == [True, False, True, -9, False, None]
    assert inside.run("ended") == (True, -9)


def test_a_participant_of_another_pid_namespace_is_waited_for_by_a_handle_given(start: Start) -> None:
    inside = start(CONTAINER)
    inside.run("queue = ntipc.Queue('q'); queue.put_object(ntipc.Process.current())")
    process = ntipc.Queue("q").get_object()
    assert not process.wait(0)
    with pytest.raises(ntipc.NotSupported):
        process.threads()
    inside.begin("os._exit(3)")
    assert process.wait(20)

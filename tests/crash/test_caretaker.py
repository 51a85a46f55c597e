"""What the last participant leaves when it is killed: nothing if it had much memory or a second, and by whose work."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.leftovers import base, parent_of
from harness.peers import Peer
from harness.waiting import is_stopped, wait_until

import ntipc
import ntipc.testing

LARGE = "section = ntipc.Section('large', 300_000); view = section.map(); view[:6] = b'filled'"


def caretakers(path: str) -> list[int]:
    """Ids of the caretakers of a session."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if process.name.isdigit() and words[:2] == [b"ntipc-caretaker", path.encode()]:
            found.append(int(process.name))
    return found


def caretaker(path: str) -> int:
    (pid,) = wait_until(lambda: caretakers(path))
    return int(pid)


@pytest.fixture
def path(session: ntipc.Session) -> Iterator[str]:
    """The directory of a session that this process is not in."""
    path = session.path
    session.close()
    yield path
    wait_until(lambda: not caretakers(path))


@pytest.mark.parametrize("fatal", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_large_session(path: str, start_peer: Callable[..., Peer], fatal: signal.Signals) -> None:
    peer = start_peer()
    peer.run(LARGE)
    caretaker(path)
    os.kill(peer.pid, fatal)
    assert peer.wait() == -fatal
    wait_until(lambda: not os.path.exists(path))


@pytest.mark.parametrize("end", ["os._exit(3)", "os.execv('/bin/true', ['true'])"])
def test_nothing_is_left_after_other_sudden_ends(path: str, start_peer: Callable[..., Peer], end: str) -> None:
    peer = start_peer()
    peer.run(LARGE)
    caretaker(path)
    peer.begin(end)
    peer.wait()
    wait_until(lambda: not os.path.exists(path))


@pytest.mark.parametrize(
    "grow",
    [
        "keep = [ntipc.Section(size=8192) for _ in range(10)]",
        "queue = ntipc.Queue(quota=1 << 24); [queue.put(bytes(60_000)) for _ in range(50)]",
        "reader = ntipc.debuglog.Reader()",
        "section = ntipc.Section(size=1 << 30, reserve=True)",
    ],
)
def test_other_memory_counts_too(path: str, start_peer: Callable[..., Peer], grow: str) -> None:
    peer = start_peer()
    peer.run(grow)
    caretaker(path)
    peer.kill()
    wait_until(lambda: not os.path.exists(path))


def occupied(path: str) -> int:
    """Bytes of memory that the files of a session have."""
    return sum(512 * os.lstat(place).st_blocks for place in [path, *Path(path).iterdir()])


FEW = "event, mutex = ntipc.Event('ready'), ntipc.Mutex('turn'); ntipc.wait_any([event, mutex], timeout=0); None"


def test_young_and_small_session_leaves_a_few_pages(path: str, start_peer: Callable[..., Peer]) -> None:
    peer = start_peer({"NTIPC_CARETAKER": "0"})
    peer.run(FEW)
    peer.kill()
    assert occupied(path) <= 64 << 10
    with ntipc.Session("another"):
        assert not os.path.exists(path)


def test_messages_and_many_names_take_their_own_room(path: str, start_peer: Callable[..., Peer]) -> None:
    peer = start_peer({"NTIPC_CARETAKER": "0"})
    peer.run("things = [ntipc.Event(f'event {n}') for n in range(100)], ntipc.Queue('queue')")
    peer.run("things[1].put(bytes(3000))")
    peer.kill()
    # 100 names take a page of the table of names each, at most 64; all the rest is small.
    assert occupied(path) <= (64 << 10) + (256 << 10) + (96 << 10)
    assert main_clean().startswith(f"removed {path}: ")


def test_nothing_is_left_of_a_small_session_that_has_lived_for_a_second(
    path: str, start_peer: Callable[..., Peer]
) -> None:
    peer = start_peer()
    peer.run(FEW)
    caretaker(path)
    peer.kill()
    wait_until(lambda: not os.path.exists(path))


def test_process_that_would_adopt_it_starts_none_for_a_small_session(
    path: str, start_peer: Callable[..., Peer]
) -> None:
    adopter, other = start_peer(), start_peer()
    adopter.run("import ctypes; assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0")  # PR_SET_CHILD_SUBREAPER
    adopter.run(FEW)
    other.run(FEW)
    pid = caretaker(path)
    assert parent_of(Path(f"/proc/{pid}")) != adopter.pid
    adopter.kill()
    other.kill()
    wait_until(lambda: not os.path.exists(path))


def test_told_to_end_it_goes_though_the_session_goes_on(path: str, start_peer: Callable[..., Peer]) -> None:
    """Who stops a service waits for all processes of it."""
    peer = start_peer()
    peer.run(LARGE)
    pid = caretaker(path)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: pid not in caretakers(path))
    peer.run("ntipc.Session().close()")


def test_told_to_end_with_the_program_it_removes_the_session_first(path: str, start_peer: Callable[..., Peer]) -> None:
    peer = start_peer()
    peer.run(LARGE)
    os.kill(caretaker(path), signal.SIGTERM)
    os.kill(peer.pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(path))


def test_session_goes_on_while_anybody_lives(path: str, start_peer: Callable[..., Peer]) -> None:
    first, second = start_peer(), start_peer()
    first.run(LARGE)
    second.run("section = ntipc.Section.open('large')")
    pid = caretaker(path)
    second.run("other = ntipc.Section(size=200_000)")
    first.kill()
    third = start_peer()
    assert bytes(third.run("bytes(ntipc.Section.open('large').map()[:6])")) == b"filled"
    assert caretakers(path) == [pid]
    third.kill()
    second.kill()
    wait_until(lambda: not os.path.exists(path))


def test_it_ends_with_a_session_that_ends_properly(path: str, start_peer: Callable[..., Peer]) -> None:
    peer = start_peer()
    peer.run(LARGE)
    caretaker(path)
    peer.run("ntipc.Session().close()")
    assert not os.path.exists(path)
    wait_until(lambda: not caretakers(path))


def test_it_keeps_nothing_of_its_starter(path: str, start_peer: Callable[..., Peer], tmp_path: Path) -> None:
    peer = start_peer()
    peer.run(f"os.chdir({str(tmp_path)!r}); pipe = os.pipe(); os.set_inheritable(pipe[1], True)")
    peer.run("os.dup2(pipe[1], 90)")
    peer.run(LARGE)
    process = Path(f"/proc/{caretaker(path)}")
    assert os.readlink(process / "cwd") == "/"
    assert {fd.name: os.readlink(fd) for fd in (process / "fd").iterdir()} == {"0": f"{path}/lock", "1": path}
    state, parent, group, session, terminal = (process / "stat").read_text().rpartition(")")[2].split()[:5]
    assert (state, terminal) == ("S", "0")
    assert int(parent) != peer.pid and int(session) == int(group) != os.getsid(peer.pid)
    assert int((process / "statm").read_text().split()[1]) < 64, "it takes no more than some pages"
    assert (process / "comm").read_text() == "ntipc-caretaker\n"
    for gentle in signal.SIGINT, signal.SIGHUP, signal.SIGUSR1:
        os.kill(int(process.name), gentle)
    assert caretakers(path) == [int(process.name)]


def test_program_never_hears_of_it(path: str, start_peer: Callable[..., Peer]) -> None:
    peer = start_peer()
    peer.run("heard = []; _ = signal.signal(signal.SIGCHLD, lambda *_: heard.append(1))")
    peer.run(LARGE)
    caretaker(path)
    peer.run("try: os.waitpid(-1, 0)\nexcept ChildProcessError: heard.append('none')")
    assert peer.run("heard") == ["none"]


def test_killed_one_is_replaced(path: str, start_peer: Callable[..., Peer]) -> None:
    peer, other = start_peer(), start_peer()
    peer.run(LARGE)
    other.run("section = ntipc.Section.open('large')")
    pid = caretaker(path)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not caretakers(path))
    other.run("second = ntipc.Section(size=100_000)")
    assert caretaker(path) != pid
    peer.kill()
    other.kill()
    wait_until(lambda: not os.path.exists(path))


def test_stopped_one_keeps_nobody(path: str, start_peer: Callable[..., Peer]) -> None:
    first = start_peer()
    first.run(LARGE)
    pid = caretaker(path)
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: is_stopped(pid))
    second = start_peer()
    second.run("event = ntipc.Event(); section = ntipc.Section(size=100_000)")
    first.end()
    second.end()
    assert not os.path.exists(path)
    os.kill(pid, signal.SIGCONT)


def test_forked_child_may_be_the_last(path: str, start_peer: Callable[..., Peer]) -> None:
    parent = start_peer()
    parent.run(LARGE)
    caretaker(path)
    child = parent.run("event = ntipc.Event('child'); pid = os.fork()\nif not pid:\n event.set(); time.sleep(60)\npid")
    with ntipc.Session(os.path.basename(path).partition("-")[2].partition("-")[2]):
        assert ntipc.Event("child").wait(10)
    parent.kill()
    assert os.path.exists(path)
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: not os.path.exists(path))


def test_it_can_be_switched_off(path: str, start_peer: Callable[..., Peer]) -> None:
    peer = start_peer({"NTIPC_CARETAKER": "0"})
    peer.run(LARGE)
    other = start_peer()
    other.run("event = ntipc.Event()")
    assert caretakers(path) == []
    other.end()
    peer.kill()
    assert main_clean("--dry-run").startswith(f"would remove {path}: ")
    assert os.path.exists(path)
    assert main_clean().startswith(f"removed {path}: ")
    assert not os.path.exists(path)


def main_clean(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ntipc", "clean", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return next((line for line in done.stdout.splitlines() if os.environ["NTIPC_SESSION"] in line), "")


def test_newcomers_meet_a_whole_session(path: str, start_peer: Callable[..., Peer]) -> None:
    """Whether they come before, while or after the caretaker removes the old one."""
    newcomers = [start_peer() for _ in range(2)]
    for turn in range(6):
        victim = start_peer()
        victim.run(LARGE)
        caretaker(path)
        victim.kill()
        calls = [one.begin(f"event = ntipc.Event('turn {turn}'); event.identity") for one in newcomers]
        first, second = (call.result() for call in calls)
        assert first == second, "they are in two sessions"
        for one in newcomers:
            one.run("ntipc.Session().close()")
        wait_until(lambda: not os.path.exists(path))
    assert not list(base().glob(f"{os.path.basename(path)}*"))

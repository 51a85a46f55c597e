"""Programs that lock their memory, may have little address space, or run where system calls are refused."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.waiting import wait_for_waiters

import ntipc

SMALL = 8_000_000 << 10
"""What `ulimit -v 8000000` allows."""


@pytest.fixture
def limited(start_peer: Callable[..., Peer]) -> Peer:
    """A process that may have less address space than an arena takes."""
    peer = start_peer()
    peer.run(f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({SMALL}, {SMALL}))")
    return peer


def test_session_under_a_limit_of_address_space(limited: Peer) -> None:
    assert (
        limited.run("queue = ntipc.Queue('q', quota=1 << 23); queue.put(bytes(1 << 22)); len(queue.get())") == 1 << 22
    )
    assert limited.run("view = ntipc.Section('s', 5000).map(); len(view)") == 5000
    assert ntipc.Queue("q").qsize() == 0
    assert not ntipc.examine()["findings"]


def test_too_little_address_space_is_told(start_peer: Callable[..., Peer]) -> None:
    peer = start_peer()
    peer.run("import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))")
    with pytest.raises(ntipc.OutOfResources, match="ulimit -v"):
        peer.run("ntipc.Event('e')")


@pytest.fixture
def small_memory(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory of 256 MiB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=256m,mode=1777", "tmpfs", str(tmp_path)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine does not allow mounting")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_locked_memory_takes_what_is_used_and_no_more(small_memory: Path, start_peer: Callable[..., Peer]) -> None:
    """`mlockall(MCL_FUTURE)` populates what is mapped: an arena, most of which is a hole."""
    peer = start_peer({"NTIPC_DIR": str(small_memory)})
    peer.run("import ctypes")
    if peer.run("ctypes.CDLL(None).mlockall(3)"):
        pytest.skip("this machine does not allow locking all memory")
    locked = "int(open('/proc/self/status').read().split('VmLck:')[1].split()[0])"
    before = peer.run(locked)
    assert peer.run("event = ntipc.Event('x'); event.set(), event.wait(0)") == (False, True)
    assert peer.run(locked) - before < 256 << 10
    assert sum(file.stat().st_blocks * 512 for file in small_memory.glob("*/*")) < 48 << 20
    peer.end()


def refuse(number: int, error: int) -> str:
    """Code that installs a filter of system calls which answers one of them with an error."""
    lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | error), (0x06, 0, 0, 0x7FFF0000)]
    program = b"".join(struct.pack("HBBI", *line) for line in lines)
    return f"""
import ctypes, struct
code = ctypes.create_string_buffer({program!r}, {len(program)})
filter = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', {len(lines)}, ctypes.addressof(code)))
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0), libc.prctl(22, 2, filter, 0, 0)
"""


FUTEX_WAITV = 449


@pytest.mark.parametrize(("error", "name"), [(38, "ENOSYS"), (1, "EPERM"), (22, "EINVAL"), (13, "EACCES")])
def test_refused_wait_for_several_words_costs_little_and_deaths_are_told(
    error: int, name: str, start_peer: Callable[..., Peer]
) -> None:
    """A helper thread that took a refusal for a change would run without a pause."""
    poor, owner = start_peer(), start_peer()
    if poor.run(refuse(FUTEX_WAITV, error)) != (0, 0):
        pytest.skip("this machine allows no filters of system calls")
    used = "sum(os.times()[:2])"
    poor.run("warnings.simplefilter('ignore'); event, mutex = ntipc.Event('e'), ntipc.Mutex('m')")
    before = poor.run(used)
    poor.run("event.wait(2)")
    assert poor.run(used) - before < 1, "it spins"
    owner.run("mutex = ntipc.Mutex('m'); mutex.acquire()")
    waiting = poor.begin("mutex.acquire(20)")
    wait_for_waiters(ntipc.Mutex("m"), 1)
    owner.kill()
    assert waiting.result() is True


FORKS = """
import logging, os, signal, threading, time, ntipc
event, longest, children = ntipc.Event('x'), [0.0], []

def forker():
    for _ in range(20):
        before = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            event.wait()
            os._exit(0)
        children.append(pid)
        longest.append(time.perf_counter() - before)

threads = [threading.Thread(target=forker) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
print(len(children), sum(one > 1.4 for one in longest))
"""


def test_forks_of_several_threads_do_not_wait_for_each_others_children() -> None:
    """Each waited as long as for a stopped child: the child of another thread's fork kept its pipe open."""
    said = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60)
    count, slow = map(int, said.stdout.split())
    assert count == 60, said.stderr
    assert slow < 3  # on a busy machine one may be


def test_other_threads_run_while_one_attaches(peer: Peer, start_peer: Callable[..., Peer]) -> None:
    """A process that makes or leaves the session is stopped: the thread that attaches waits without the GIL."""
    name = os.environ["NTIPC_SESSION"] + ".busy"
    with ntipc.Session(name) as busy:
        peer.run(f"""
import fcntl, struct
lock = os.open({busy.path + "/lock"!r}, os.O_RDWR)
fcntl.fcntl(lock, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 1, 0))
""")
        other = start_peer()
        attaching = other.begin(f"ntipc.Event('e', session={name!r}).created", thread="attaches")
        for _ in range(5):
            assert other.run("time.sleep(0.05); 'runs'") == "runs"
        assert not attaching.returned
        peer.run("os.close(lock)")
        assert attaching.result() is True
        other.run(f"ntipc.Session({name!r}).close()")


def test_view_of_a_file_ends_where_the_file_ends(tmp_path: Path) -> None:
    """What is written between the end of a file and that of its last page is lost."""
    path = tmp_path / "data"
    path.write_bytes(b"0123456789")
    section = ntipc.Section(None, file=path)
    for offset, size in ((0, 11), (0, 100), (0, 4096), (0, 5000), (65_536, 10)):
        with pytest.raises(ntipc.InvalidViewSize):
            section.map(offset, size)
    with pytest.raises(ntipc.InvalidViewSize, match="ends at byte 100 of a file that has 10"):
        section.map(0, 100)
    assert len(section.map(0, 10)) == 10
    view = section._map_view(ntipc.View, 0, 100, None, rounded=True)
    assert (len(view), view[:10], view[99]) == (100, b"0123456789", 0)
    view.unmap()


def test_view_of_memory_may_go_on_to_the_end_of_its_page() -> None:
    """As on NT; nothing is lost there."""
    section = ntipc.Section(None, 10)
    with section.map(0, 100) as one, section.map(0, 4096) as other:
        one[99] = 5
        assert other[99] == 5
    with pytest.raises(ntipc.InvalidViewSize):
        section.map(0, 4097)


def test_view_of_a_file_that_became_shorter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(100_000))
    section = ntipc.Section(None, file=path)
    os.truncate(path, 10)
    with pytest.raises(ntipc.FileInvalid):
        section.map(0, 100_000)

"""What another user can do to a session: nothing to a private one; to one shared with a group, what the group may.

Other users are child processes that gave up root; so these tests need root.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.leftovers import base
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc
from ntipc import _kernel

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

STRANGER, MEMBER, GROUP = 54321, 54322, 54323


def as_user(code: str, uid: int = STRANGER, groups: tuple[int, ...] = (), umask: int = -1) -> str:
    """Run code as another user in a process forked from this one; what it printed.

    A fork, for the interpreter and the library may lie where other users cannot read. It leaves by `os._exit`.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            os.setgroups(groups)
            os.setgid(groups[0] if groups else uid)
            os.setuid(uid)
            if umask >= 0:
                os.umask(umask)
            said: list[str] = []
            exec(code, {"os": os, "say": lambda what: said.append(str(what)), "ntipc": ntipc, "_kernel": _kernel})
            os.write(writing, "\n".join(said).encode())
        except BaseException as problem:
            os.write(writing, f"{type(problem).__name__}: {problem}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer


@pytest.fixture
def private(session: ntipc.Session, peer: Peer) -> Path:
    """The directory of a session of ours with somebody in it."""
    peer.run("event = ntipc.Event('e'); mutex = ntipc.Mutex('m', initial_owner=True); event.wait(0.001)")
    return Path(look()["path"])


ATTEMPTS = {
    "list": "os.listdir({path!r})",
    "open the arena": "os.open({path!r} + '/arena', os.O_RDONLY)",
    "write to the arena": "os.open({path!r} + '/arena', os.O_RDWR)",
    "lock": "os.open({path!r} + '/lock', os.O_RDONLY)",
    "make a file": "open({path!r} + '/section.1', 'w')",
    "rename": "os.rename({path!r}, {path!r} + '.mine')",
    "remove": "os.rmdir({path!r})",
    "take its mode": "os.chmod({path!r}, 0o777)",
    "make a hard link": "os.link({path!r} + '/arena', {path!r} + '.link')",
    "watch it": "os.setxattr({path!r}, 'user.x', b'y')",
    "inspect": "ntipc.inspect({path!r})",
    "examine": "ntipc.examine({path!r})",
    "look through proc": "os.open('/proc/{pid}/map_files', os.O_RDONLY)",
    "signal": "os.kill({pid}, 9)",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_private_session_is_closed_to_another_user(attempt: str, private: Path, peer: Peer) -> None:
    code = ATTEMPTS[attempt].format(path=str(private), pid=peer.pid)
    answer = as_user(code)
    assert answer.startswith(("PermissionError", "AccessDenied", "OSError: [Errno 95]")), answer
    assert peer.run("event.set(), event.wait(0)") == (False, True)


def test_private_session_cannot_be_joined_by_another_user(private: Path) -> None:
    answer = fresh_user(f"ntipc.Session('0/{os.environ['NTIPC_SESSION']}')", STRANGER, STRANGER)
    assert answer.startswith("AccessDenied"), answer


def test_strict_umask_of_another_user_is_no_hindrance(session: ntipc.Session) -> None:
    code = "with ntipc.Session() as s: say(ntipc.Event('e', session=s).created, oct(os.stat(s.path).st_mode))"
    assert fresh_user(code, STRANGER, STRANGER, 0o777) == "True 0o40700"


def test_files_made_under_any_umask_are_the_owners_alone(start_peer: Callable[..., Peer]) -> None:
    for umask in 0o000, 0o022, 0o077, 0o777:
        name = f"{os.environ['NTIPC_SESSION']}.{umask}"
        peer = start_peer()
        peer.run(f"os.umask({umask}); session = ntipc.Session({name!r})")
        peer.run("section = ntipc.Section('s', 5000, session=session); section.map()[0] = 1")
        path = Path(peer.run("session.path"))
        assert path.stat().st_mode & 0o7777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o600}
        peer.run("section.close(); session.close()")


@pytest.mark.parametrize("thing", ["directory", "file", "link", "fifo"])
def test_place_that_a_stranger_took_before_is_refused_and_left_alone(thing: str, session: ntipc.Session) -> None:
    """In a directory that everybody may write to, as /dev/shm; its sticky bit keeps what is ours."""
    name = os.environ["NTIPC_SESSION"] + ".taken"
    place = base() / f"ntipc-0-{name}"
    make = {
        "directory": f"os.mkdir({str(place)!r}, 0o700)",
        "file": f"open({str(place)!r}, 'w').close()",
        "link": f"os.symlink('/tmp', {str(place)!r})",
        "fifo": f"os.mkfifo({str(place)!r})",
    }
    assert as_user(make[thing]) == ""
    try:
        for _ in range(2):
            with pytest.raises(ntipc.AccessDenied, match=name):
                ntipc.Session(name)
        assert place.lstat().st_uid == STRANGER
    finally:
        place.rmdir() if thing == "directory" else place.unlink()


def test_hard_link_to_a_file_elsewhere_is_not_taken_for_the_sessions(tmp_path: Path, session: ntipc.Session) -> None:
    name = os.environ["NTIPC_SESSION"] + ".linked"
    place = base() / f"ntipc-0-{name}"
    place.mkdir(mode=0o700)
    victim = base() / "precious"
    victim.write_bytes(b"precious")
    (place / "lock").hardlink_to(victim)
    try:
        with pytest.raises(ntipc.AccessDenied, match=name):
            ntipc.Session(name)
        assert victim.read_bytes() == b"precious"
    finally:
        (place / "lock").unlink()
        victim.unlink()
        place.rmdir()


def test_strangers_names_in_the_base_directory_keep_nobody_from_making_sessions(session: ntipc.Session) -> None:
    mine = f"{base()}/ntipc-0-"
    code = f"for n in range(300): os.mkdir({mine!r} + f'crowd-{{n}}', 0o700)"
    assert as_user(code) == ""
    try:
        with ntipc.Session(os.environ["NTIPC_SESSION"] + ".crowd") as crowded:
            assert ntipc.Event("x", session=crowded).created
    finally:
        for number in range(300):
            os.rmdir(f"{mine}crowd-{number}")


JOIN = """
with ntipc.Session({name!r}) as session:
    with ntipc.Event("shared", session=session) as event, ntipc.Section("s", 5000, session=session) as section:
        section.map()[0] = 7
        say((event.created, event.set(), section.created))
"""


@pytest.fixture
def shared(session: ntipc.Session) -> Iterator[str]:
    """A session that its owner shares with a group."""
    name = os.environ["NTIPC_SESSION"] + ".shared"
    with ntipc.Session(name, mode=0o770, group=GROUP) as session:
        event, section = ntipc.Event("shared", session=session), ntipc.Section("s", 5000, session=session)
        section.map()[0] = 1
        yield name
        event.close()
        section.close()


def test_session_of_a_group_works_for_its_members(shared: str) -> None:
    for umask in 0o022, 0o077:
        assert fresh_user(JOIN.format(name=f"0/{shared}"), MEMBER, GROUP, umask) == "(False, False, False)"
        with ntipc.Event.open("shared", session=shared) as event:
            assert event.wait(0)
        with ntipc.Section.open("s", session=shared) as section:
            assert section.map()[0] == 7


def test_session_of_a_group_is_closed_to_everybody_else(shared: str) -> None:
    answer = fresh_user(JOIN.format(name=f"0/{shared}"), STRANGER, STRANGER)
    assert answer.startswith("AccessDenied"), answer


def test_members_of_a_group_cannot_take_its_session_from_its_owner(shared: str) -> None:
    path = ntipc.Session(shared).path
    for code in f"os.chmod({path!r}, 0o777)", f"os.rename({path!r}, {path!r} + '.mine')", f"os.chown({path!r}, 1, 1)":
        assert as_user(code, MEMBER, (GROUP,)).startswith("PermissionError")


def test_death_of_a_member_is_told_to_the_owner_of_the_session(shared: str) -> None:
    kept = ntipc.Mutex("m", session=shared)
    code = f"""
session = ntipc.Session("0/{shared}")
mutex = ntipc.Mutex("m", session=session)
mutex.acquire()
os.kill(os.getpid(), 9)
"""
    fresh_user(code, MEMBER, GROUP)
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert kept.acquire(timeout=10)
    kept.close()


def fresh_user(code: str, uid: int, gid: int, umask: int = 0o022) -> str:
    """Run code as another user in an interpreter of its own, begun as root so that it can import; what it said."""
    drop = f"os.setgroups([{gid}]); os.setgid({gid}); os.setuid({uid}); os.umask({umask})"
    program = f"""
import ctypes, os, sys, warnings, ntipc, ntipc.sections.section, ntipc.sections.files, encodings.idna
say = print
{drop}
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
try:
    exec(sys.argv[1])
except ntipc.NtError as problem:
    print(f"{{type(problem).__name__}}: {{problem}}")
"""
    result = subprocess.run([sys.executable, "-c", program, code], capture_output=True, text=True, timeout=30)
    return (result.stdout + result.stderr).strip()


# poor surroundings


def test_memory_that_cannot_be_locked_is_not_needed(start_peer: Callable[..., Peer]) -> None:
    peer = start_peer()
    peer.run("import resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))")
    assert peer.run("ntipc.Event('x').set(), len(ntipc.Section('s', 100_000).map())") == (False, 100_000)


@pytest.mark.parametrize(
    ("limit", "value"), [("NOFILE", 3), ("AS", 1 << 28), ("FSIZE", 1 << 20), ("NPROC", 0)], ids=lambda what: str(what)
)
def test_attaching_under_a_limit_fails_clearly_and_leaves_nothing(
    limit: str, value: int, start_peer: Callable[..., Peer]
) -> None:
    """One that is hit while the session is made: an error that can be caught, and no directory is left."""
    peer = start_peer()
    name = os.environ["NTIPC_SESSION"] + ".poor"
    peer.run("import resource; os.setgroups([]); name = 'RLIMIT_" + limit + "'")
    if limit == "NPROC":
        peer.run(f"os.setuid({STRANGER})")  # root has no such limit
    peer.run("before = resource.getrlimit(getattr(resource, name))")
    peer.run(f"resource.setrlimit(getattr(resource, name), ({value}, before[1]))")
    with pytest.raises((ntipc.NtError, OSError)) as problem:
        peer.run(f"session = ntipc.Session({name!r}); ntipc.Event('x', session=session)")
    assert str(problem.value)
    peer.run("resource.setrlimit(getattr(resource, name), before)")
    assert not [path for path in base().iterdir() if path.name.endswith(name)]
    assert peer.run(f"session = ntipc.Session({name!r}); ntipc.Event('x', session=session).created") is True


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Path]:
    """The 64 MiB that containers have for /dev/shm unless told otherwise."""
    place = tmp_path / "shm"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", str(place)], capture_output=True
    ).returncode:
        pytest.skip("this machine does not allow mounting")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


MAIN_FEATURES = """
events = [ntipc.Event(f"event {n}") for n in range(2000)]
mutex, semaphore = ntipc.Mutex("m"), ntipc.Semaphore("s", initial=1, maximum=9)
section = ntipc.Section("memory", 16 << 20); view = section.map(); view[len(view) - 1] = 1
events[1500].set()
found = ntipc.wait_any(events[:1600], timeout=10).index
with mutex: pass
"""


def test_main_features_fit_into_a_containers_memory(container: Path, start_peer: Callable[..., Peer]) -> None:
    peers = [start_peer({"NTIPC_DIR": str(container)}) for _ in range(4)]
    for peer in peers:
        peer.run(MAIN_FEATURES)
    assert peers[0].run("found") == 1500
    used = sum(path.stat().st_blocks * 512 for path in container.rglob("*"))
    assert used < 40 << 20
    for peer in peers:
        peer.run("semaphore.close(); section.close(); view.unmap()")


def test_ntipc_dir_on_a_disk_works(tmp_path: Path, start_peer: Callable[..., Peer]) -> None:
    place = tmp_path / "sessions"
    place.mkdir()
    peers = [start_peer({"NTIPC_DIR": str(place)}) for _ in range(2)]
    peers[0].run("event, section = ntipc.Event('e'), ntipc.Section('s', 5000); section.map()[0] = 3")
    call = peers[1].begin("ntipc.Event.open('e').wait(10), ntipc.Section.open('s').map()[0]")
    wait_until(lambda: peers[0].run("event.info()")["waiters"] == 1)
    peers[0].run("event.set()")
    assert call.result() == (True, 3)
    for peer in peers:
        peer.end()
    assert list(place.iterdir()) == []


def test_ntipc_dir_that_does_not_exist_or_cannot_be_written_is_a_clear_error(
    tmp_path: Path, start_peer: Callable[..., Peer]
) -> None:
    missing = start_peer({"NTIPC_DIR": str(tmp_path / "missing")})
    with pytest.raises(ntipc.NtError, match="missing"):
        missing.run("ntipc.Event('x')")
    closed = start_peer({"NTIPC_DIR": "/proc"})
    with pytest.raises((ntipc.NtError, OSError), match="/proc"):
        closed.run("ntipc.Event('x')")


OPENS = """
session = ntipc.Session('strangers')
parent = os.getppid()
try:
    ntipc.Process.open(parent, session=session)
except ntipc.AccessDenied as problem:
    say(problem.winerror)
harmless = ntipc.Access.SYNCHRONIZE | ntipc.Access.PROCESS_QUERY_INFORMATION
with ntipc.Process.open(parent, harmless, session=session) as process:
    say((process.wait(0), process.exit_code, process.times.user is not None))
    try:
        process.terminate()
    except ntipc.AccessDenied as problem:
        say(problem.winerror)
    with process.duplicate(access=ntipc.Access.PROCESS_ALL_ACCESS) as more:
        try:
            more.terminate()
        except ntipc.AccessDenied as problem:
            say(problem.winerror)
session.close()
"""


def test_another_user_may_wait_for_a_process_and_no_more(session: ntipc.Session) -> None:
    assert as_user(OPENS).splitlines() == ["5", "(False, None, True)", "5", "5"]

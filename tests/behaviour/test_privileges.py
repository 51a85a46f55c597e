"""Root that gives its privileges up, and root in the session of another user.

A server makes its objects as root, becomes a user that may do nothing, and forks workers. What it has open goes on, as
with POSIX semaphores and shared memory. Root's visit to a user's session takes nothing from that user.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")

NOBODY = 65534
DROP = f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})"
EVERYTHING = "[getattr(ntipc, name) for name in dir(ntipc)]; import ntipc.sections.files, encodings.idna"


@pytest.fixture
def server(peer: Peer) -> Peer:
    """A process that has made objects as root, and is nobody by now."""
    peer.run(EVERYTHING)
    peer.run("queue, done = ntipc.Queue('jobs', quota=1 << 23), ntipc.Event('done')")
    peer.run("section = ntipc.Section('board', 200_000)")
    peer.run("readable = ntipc.Section.open('board', 'r'); mutex = ntipc.Mutex('m')")
    peer.run(DROP)
    return peer


def test_objects_go_on(server: Peer) -> None:
    assert server.run("mutex.acquire(0), done.set(), done.wait(0)") == (True, False, True)
    assert server.run("queue.put(bytes(1 << 22)); len(queue.get())") == 1 << 22
    assert server.run("many = [ntipc.Event() for _ in range(5000)]; len(many)") == 5000


def test_sections_are_mapped(server: Peer) -> None:
    server.run("view = section.map(); view[:2] = b'hi'; part = section.map(65_536, 10); part[0] = 7")
    with ntipc.Section.open("board", "r").map() as mine:
        assert (mine[:2], mine[65_536]) == (b"hi", 7)
    assert server.run("same = readable.map(); same[:2], same.access, len(same)") == (b"hi", "r", 200_000)
    with pytest.raises(TypeError):
        server.run("same[0] = 1")
    with pytest.raises(ntipc.AccessDenied, match="lost"):
        server.run("section.map(access='copy')")


def test_section_of_a_file_that_only_root_may_read(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"0123456789")
    (tmp_path / "secret").chmod(0o600)
    peer.run(EVERYTHING)
    peer.run(f"section = ntipc.Section(None, file={str(tmp_path / 'secret')!r})")
    peer.run(DROP)
    assert peer.run("view = section.map(); view[0] = 65; view.flush(); view[:2]") == b"A1"
    assert (tmp_path / "secret").read_bytes() == b"A123456789"
    with pytest.raises(ntipc.InvalidViewSize):
        peer.run("section.map(0, 11)")


def test_forked_workers_take_part(server: Peer) -> None:
    server.run("""
pid = os.fork()
if pid == 0:
    queue.put(b'x', 1)
    done.set()
    with section.map() as view:
        view[5] = 9
    os._exit(0)
""")
    assert server.run("os.waitpid(pid, 0)[1], queue.get(1), done.wait(0), section.map()[5]") == (0, b"x", True, 9)


def test_death_of_a_worker_is_told(server: Peer) -> None:
    server.run("""
pid = os.fork()
if pid == 0:
    mutex.acquire()
    done.set()
    time.sleep(60)
    os._exit(0)
warnings.simplefilter('ignore')
""")
    assert server.run("done.wait(20), os.kill(pid, 9), mutex.acquire(20), os.waitpid(pid, 0)[0] == pid") == (
        True,
        None,
        True,
        True,
    )


def test_new_section_is_refused_with_the_reason(server: Peer) -> None:
    with pytest.raises(ntipc.AccessDenied, match=f"attached as user 0 .* as user {NOBODY}"):
        server.run("ntipc.Section(None, 4096)")


def test_session_is_shared_until_the_last_unprivileged_participant_ends(start_peer: Callable[..., Peer]) -> None:
    """It cannot remove the directory of root's. The next session that root makes does."""
    name = os.environ["NTIPC_SESSION"] + ".left"
    server = start_peer()
    server.run(EVERYTHING)
    server.run(f"session = ntipc.Session({name!r}); event = ntipc.Event('e', session=session)")
    path = Path(server.run("session.path"))
    server.run(DROP)
    assert ntipc.Event("e", session=name).created is False
    ntipc.Session(name).close()
    server.run("session.close()")
    assert path.is_dir()
    with ntipc.Session(name + ".next"):
        pass
    assert not path.exists()


def test_descriptors_and_privileges_lost_together(peer: Peer) -> None:
    """What daemons do: close everything, then become nobody. The mapping is all that is left."""
    peer.run(EVERYTHING)
    peer.run("queue, section = ntipc.Queue('jobs', quota=1 << 25), ntipc.Section('board', 200_000)")
    peer.run("""
for number in range(3, 256):
    if number != output:
        try:
            os.close(number)
        except OSError:
            pass
""")
    peer.run(DROP)
    assert peer.run("queue.put(bytes(1 << 23)); len(queue.get())") == 1 << 23
    assert peer.run("len(section.map())") == 200_000
    assert not ntipc.examine()["findings"]


USER = """
import os, sys, warnings, ntipc
[getattr(ntipc, name) for name in dir(ntipc)]
import ntipc.sections.files, encodings.idna
os.setgroups([]); os.setgid(65534); os.setuid(65534)
session = ntipc.Session(sys.argv[1])
"""

STAYS = "event = ntipc.Event('e', session=session); print('up', flush=True); input()"


def as_nobody(code: str, name: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", USER + code, name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_what_root_makes_in_the_session_of_a_user_is_the_users() -> None:
    name = os.environ["NTIPC_SESSION"] + ".theirs"
    code = STAYS + "; print(ntipc.Section.open('by root', session=session).map()[:2])"
    with as_nobody(code, name) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "up\n"
        with ntipc.Session(f"{NOBODY}/{name}") as session, ntipc.Section("by root", 4096, session=session) as section:
            with section.map() as view:
                view[:2] = b"hi"
            assert {file.stat().st_uid for file in Path(session.path).iterdir()} == {NOBODY}
            assert user.communicate("go\n", timeout=30)[0] == "b'hi'\n"


def test_session_that_root_makes_afresh_in_the_directory_of_a_user_is_the_users() -> None:
    name = os.environ["NTIPC_SESSION"] + ".theirs"
    with as_nobody(STAYS, name) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "up\n"
        user.kill()
    with ntipc.Session(f"{NOBODY}/{name}") as session:
        event = ntipc.Event("e", session=session)
        assert event.created
        with as_nobody("print(ntipc.Event('e', session=session).created)", name) as user:
            assert user.communicate(timeout=30)[0] == "False\n"


def test_root_that_leaves_last_takes_a_users_session_away() -> None:
    name = os.environ["NTIPC_SESSION"] + ".theirs"
    with as_nobody(STAYS, name) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "up\n"
        session = ntipc.Session(f"{NOBODY}/{name}")
        user.communicate("go\n", timeout=30)
    path = Path(session.path)
    session.close()
    wait_until(lambda: not path.exists())

"""A session whose directory is removed, emptied, renamed or replaced in use: its participants learn it.

They do not work on beside newcomers, who make another session of the same name.

systemd's `RemoveIPC=yes`, cleaners of temporary files and `rm -rf` do it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.waiting import wait_for_waiters, wait_until

import ntipc

TOLD = """
def told(seconds=5.0):
    '''The error that a program which goes on making objects gets.'''
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            ntipc.Event('x', session=doomed).close()
        except Exception as error:
            return type(error).__name__, str(error)
        time.sleep(0.05)
"""


@pytest.fixture
def doomed(peer: Peer) -> Path:
    """The directory of a session with one participant, which owns a mutex."""
    peer.run(TOLD)
    peer.run(f"doomed = ntipc.Session({os.environ['NTIPC_SESSION'] + '.doomed'!r})")
    peer.run("mutex = ntipc.Mutex('m', session=doomed); mutex.acquire(); event = ntipc.Event('e', session=doomed)")
    return Path(peer.run("doomed.path"))


def rename(path: Path) -> None:
    path.rename(path.with_name(path.name + ".old"))


def empty(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


def replace(path: Path) -> None:
    rename(path)
    path.mkdir(0o700)


def replace_by_newcomer(path: Path) -> None:
    shutil.rmtree(path)
    code = "import ntipc, sys; ntipc.Event('e', session=sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, path.name.split("-", 2)[2]], check=True, timeout=30)


@pytest.mark.parametrize(
    "how", [shutil.rmtree, empty, rename, replace, replace_by_newcomer], ids=lambda how: how.__name__
)
def test_participant_is_told(how: Callable[[Path], object], doomed: Path, peer: Peer) -> None:
    how(doomed)
    name, text = peer.run("told()")
    assert name == "SessionDamaged"
    assert "directory was removed or replaced" in text
    with pytest.raises(ntipc.SessionDamaged):
        peer.run("ntipc.Queue('q', session=doomed)")
    peer.run("event.close(); doomed.close()")
    for left in doomed.parent.glob(doomed.name + "*"):
        shutil.rmtree(left)


def test_waiters_in_all_processes_are_told(doomed: Path, peer: Peer, start_peer: Callable[..., Peer]) -> None:
    other = start_peer()
    other.run(
        f"doomed = ntipc.Session({os.environ['NTIPC_SESSION'] + '.doomed'!r}); event = ntipc.Event('e', session=doomed)"
    )
    waiting = other.begin("event.wait()")
    wait_for_waiters(ntipc.Event("e", session=os.environ["NTIPC_SESSION"] + ".doomed"), 1)
    ntipc.Session(os.environ["NTIPC_SESSION"] + ".doomed").close()
    shutil.rmtree(doomed)
    assert peer.run("told()")[0] == "SessionDamaged"
    with pytest.raises(ntipc.SessionDamaged):
        waiting.result()


def test_waiter_is_told_though_nobody_else_does_anything(doomed: Path, peer: Peer) -> None:
    waiting = peer.begin("event.wait()")
    wait_until(
        lambda: any(one["state"] == "sleeping" for one in ntipc.inspect(doomed.name.split("-", 2)[2])["threads"])
    )
    shutil.rmtree(doomed)
    with pytest.raises(ntipc.SessionDamaged):
        waiting.result()


def test_owner_is_told_and_newcomers_have_a_session_of_their_own(
    doomed: Path, peer: Peer, start_peer: Callable[..., Peer]
) -> None:
    shutil.rmtree(doomed)
    newcomer = start_peer()
    name = os.environ["NTIPC_SESSION"] + ".doomed"
    assert newcomer.run(f"mutex = ntipc.Mutex('m', session={name!r}); mutex.acquire(0)") is True
    assert peer.run("told()")[0] == "SessionDamaged"
    assert newcomer.run("mutex.release()") is None


def test_removed_session_can_be_made_afresh_by_its_participant(doomed: Path, peer: Peer) -> None:
    shutil.rmtree(doomed)
    peer.run("told(); doomed.close()")
    name = os.environ["NTIPC_SESSION"] + ".doomed"
    assert peer.run(f"ntipc.Event('e', session={name!r}).created") is True
    peer.run(f"ntipc.Session({name!r}).close()")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the root directory")
def test_new_root_directory_is_no_removal(doomed: Path, peer: Peer, tmp_path: Path) -> None:
    """After chroot the path leads nowhere, or to another directory; the session is the old one all the same."""
    elsewhere = tmp_path / str(doomed).lstrip("/")
    elsewhere.mkdir(parents=True)
    peer.run("import encodings.idna, ntipc.sections.section")
    peer.run(f"os.chroot({str(tmp_path)!r})")
    assert peer.run("told(1.5)") is None
    assert peer.run("section = ntipc.Section('s', 100_000, session=doomed); len(section.map())") == 100_000
    peer.run("section.close(); doomed.close()")
    assert doomed.is_dir()  # a process that cannot reach the directory by its path does not remove it
    shutil.rmtree(doomed)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_another_file_system_over_the_path_is_no_removal(doomed: Path, peer: Peer) -> None:
    """As in a sandbox that gets a `/dev/shm` of its own."""
    peer.run("import ctypes; libc = ctypes.CDLL(None, use_errno=True)")
    if peer.run("libc.unshare(0x20000)"):
        pytest.skip("this machine has no mount namespaces")
    place = str(doomed.parent).encode()
    assert peer.run(f"libc.mount(None, b'/', None, 0x44000, None), libc.mount(b'x', {place!r}, b'tmpfs', 0, None)") == (
        0,
        0,
    )
    assert peer.run("told(1.5)") is None
    peer.run("mutex.release(); doomed.close()")
    shutil.rmtree(doomed, ignore_errors=True)

"""What lies in the session's place is checked before it is believed: a clear error, never a crash or a hang."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.leftovers import base
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away or mount")


@pytest.fixture
def name(session: ntipc.Session) -> str:
    return os.environ["NTIPC_SESSION"] + ".hostile"


@pytest.fixture
def place(name: str) -> Iterator[Path]:
    """Where that session would be; whatever is there is removed afterwards."""
    path = base() / f"ntipc-{os.getuid()}-{name}"
    yield path
    aside(path).unlink(missing_ok=True)
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def holder(name: str, place: Path, start_peer: Callable[..., Peer]) -> Iterator[Peer]:
    """A process that takes part in that session and has objects open; it is killed in the end."""
    peer = start_peer()
    peer.run(f"session = ntipc.Session({name!r})")
    peer.run("things = [ntipc.Event(f'e{n}', session=session) for n in range(50)]")
    peer.run("mutex = ntipc.Mutex('m', session=session, initial_owner=True)")
    yield peer
    peer.kill()


@pytest.fixture
def arena(holder: Peer, place: Path) -> Path:
    """The arena of a session with a living participant."""
    return place / "arena"


@pytest.fixture
def leftover(holder: Peer, place: Path) -> Path:
    """The arena of a session whose only participant was killed."""
    holder.kill()
    return place / "arena"


def refused(name: str, *kinds: type[BaseException]) -> None:
    """Attaching fails with one of these errors, twice, and says which session it is about."""
    for attach in (lambda: ntipc.Session(name), lambda: ntipc.Event("x", session=name)):
        with pytest.raises(kinds or ntipc.NtError) as problem:
            attach()
        assert isinstance(problem.value, ntipc.NtError) and name in str(problem.value)


@as_root
def test_directory_of_somebody_else_is_refused(name: str, place: Path) -> None:
    place.mkdir(mode=0o700)
    os.chown(place, 12345, 12345)
    refused(name, PermissionError)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o702, 0o1777])
def test_world_writable_directory_is_refused(mode: int, name: str, place: Path) -> None:
    place.mkdir()
    place.chmod(mode)
    refused(name, PermissionError)
    assert list(place.iterdir()) == []


def test_symbolic_link_to_a_good_directory_is_refused(name: str, place: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o700)
    place.symlink_to(tmp_path / "target")
    refused(name)
    assert list((tmp_path / "target").iterdir()) == []


def test_dangling_symbolic_link_is_refused(name: str, place: Path, tmp_path: Path) -> None:
    place.symlink_to(tmp_path / "nowhere")
    refused(name)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kind", ["file", "fifo"])
def test_something_that_is_no_directory_is_refused(kind: str, name: str, place: Path) -> None:
    place.write_bytes(b"hello") if kind == "file" else os.mkfifo(place)
    refused(name)
    place.unlink()


def test_empty_directory_of_ones_own_is_used(name: str, place: Path) -> None:
    place.mkdir(mode=0o700)
    with ntipc.Session(name) as session, ntipc.Event("x", session=session) as event:
        assert event.created


def aside(place: Path) -> Path:
    """Where a file of the session is put out of the way, on the same file system."""
    return place.with_name(place.name + ".aside")


def replace(path: Path, kind: str) -> None:
    """Put something that is no ordinary file in the place of a file."""
    path.rename(aside(path.parent))
    if kind == "symlink":
        path.symlink_to(aside(path.parent))
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))


KINDS = ["symlink", "fifo", "directory", *(["device"] if os.geteuid() == 0 else [])]


@pytest.mark.parametrize("kind", KINDS)
def test_arena_that_is_no_ordinary_file_is_refused(kind: str, name: str, arena: Path) -> None:
    replace(arena, kind)
    refused(name)


@pytest.mark.parametrize("kind", KINDS)
def test_lock_file_that_is_no_ordinary_file_is_refused(kind: str, name: str, arena: Path) -> None:
    replace(arena.with_name("lock"), kind)
    refused(name)


@as_root
def test_arena_of_somebody_else_is_refused(name: str, arena: Path) -> None:
    os.chown(arena, 12345, 12345)
    refused(name)


SIZES = [0, 1, 7, 64, 4095, 4096, 16384, 100_000]


@pytest.mark.parametrize("size", SIZES)
def test_truncated_arena_is_refused(size: int, name: str, arena: Path) -> None:
    os.truncate(arena, size)
    refused(name, ntipc.SessionDamaged, ntipc.SessionMismatch)


@pytest.mark.parametrize("seed", range(3))
def test_arena_of_random_bytes_is_refused(seed: int, name: str, arena: Path) -> None:
    with arena.open("r+b") as file:
        file.write(random.Random(seed).randbytes(4 << 20))
    refused(name, ntipc.SessionDamaged, ntipc.SessionMismatch)


def test_session_of_another_version_is_a_mismatch_for_newcomers_only(name: str, holder: Peer, arena: Path) -> None:
    with arena.open("r+b") as file:
        file.seek(8)
        fingerprint = file.read(8)
        file.seek(8)
        file.write(bytes(byte ^ 0xFF for byte in fingerprint))
    refused(name, ntipc.SessionMismatch)
    assert holder.run("things[0].set(), things[0].wait(0)") == (False, True)


USE = """
import faulthandler, ntipc
faulthandler.dump_traceback_later(15, exit=True)
try:
    session = ntipc.Session({name!r})
    for name in 'e0', 'new', None:
        with ntipc.Event(name, session=session) as thing:
            thing.set(); thing.wait(0); thing.wait(0.01)
    for size in 1, 100_000:
        with ntipc.Section('section', size, session=session) as section, section.map() as view:
            view[0] = 1
except ntipc.NtError as problem:
    assert str(problem)
"""


@pytest.mark.parametrize("start", [16, 64, 128, 192, 256, 512, 4096, 16384, 81920, 212992])
@pytest.mark.parametrize("fill", ["ones", "random"])
def test_damaged_part_of_the_arena_hangs_and_crashes_no_newcomer(start: int, fill: str, name: str, arena: Path) -> None:
    """Whatever a newcomer finds there, it ends in order within its time: with objects that work or a clear error."""
    data = b"\xff" * 4096 if fill == "ones" else random.Random(start).randbytes(4096)
    with arena.open("r+b") as file:
        file.seek(start)
        file.write(data)
    result = subprocess.run([sys.executable, "-c", USE.format(name=name)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("damage", ["symlink", "fifo", *SIZES, "random", "missing"])
def test_damaged_session_that_nobody_is_left_in_is_made_anew(
    damage: str | int, name: str, leftover: Path, place: Path
) -> None:
    if isinstance(damage, int):
        os.truncate(leftover, damage)
    elif damage == "random":
        leftover.write_bytes(random.Random(9).randbytes(1 << 20))
    elif damage == "missing":
        leftover.unlink()
    else:
        replace(leftover, damage)
        before = aside(place).stat()
    with ntipc.Session(name) as session, ntipc.Event("e1", session=session) as event:
        assert event.created
    assert not place.exists()
    if damage == "symlink":
        after = aside(place).stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_directory_in_the_place_of_a_dead_sessions_arena_is_refused(name: str, leftover: Path) -> None:
    replace(leftover, "directory")
    refused(name)


def test_leftover_of_a_killed_process_is_used_again(name: str, leftover: Path, place: Path) -> None:
    with ntipc.Session(name) as session:
        wait_until(lambda: look(session)["objects"] == [])
        with ntipc.Event("e1", session=session) as event:
            assert event.created
    assert not place.exists()


def test_strange_files_in_the_directory_do_no_harm(name: str, arena: Path, place: Path) -> None:
    (place / "strange file").write_bytes(b"x")
    (place / "strange directory").mkdir()
    with ntipc.Session(name) as session, ntipc.Section("s", 100, session=session) as section:
        assert section.created
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.parametrize("damage", ["truncated", "random", "missing", "symlink", "fifo", "directory"])
def test_inspection_of_a_damaged_session_is_a_clear_error(damage: str, name: str, leftover: Path) -> None:
    if damage == "truncated":
        os.truncate(leftover, 5000)
    elif damage == "random":
        leftover.write_bytes(random.Random(5).randbytes(1 << 20))
    elif damage == "missing":
        leftover.unlink()
    else:
        replace(leftover, damage)
    with pytest.raises(ntipc.NtError, match=name):
        ntipc.inspect(name)


def test_arena_removed_under_a_running_session_leaves_its_processes_working(
    name: str, holder: Peer, place: Path
) -> None:
    shutil.rmtree(place)
    assert holder.run("things[0].set(), things[0].wait(0)") == (False, True)
    with ntipc.Session(name) as session, ntipc.Event("e0", session=session) as event:
        assert event.created
    assert holder.run("mutex.release()") is None

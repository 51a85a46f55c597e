"""Sessions: made by the first, gone with the last, private to their user unless told otherwise."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.leftovers import base, session_paths
from harness.peers import Peer
from harness.waiting import look, wait_for_waiters, wait_until

import ntipc


def directory(name: str) -> Path:
    return base() / f"ntipc-{os.getuid()}-{name}"


@pytest.fixture
def name(session: ntipc.Session) -> str:
    """A name for a session of the test's own, checked to be gone afterwards like the default one."""
    return os.environ["NTIPC_SESSION"] + ".more"


def test_import_attaches_to_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "NTIPC_DIR": str(tmp_path)}
    code = "import ntipc, ntipc.testing; import threading; print(threading.active_count())"
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "1\n" and list(tmp_path.iterdir()) == []


def test_first_makes_the_directory_for_its_user_alone_and_last_removes_it(name: str) -> None:
    assert not directory(name).exists()
    with ntipc.Session(name) as session:
        status = directory(name).stat()
        assert session.path == str(directory(name)) and session.name == name and not session.closed
        assert (status.st_mode & 0o7777, status.st_uid) == (0o700, os.getuid())
    assert session.closed and not directory(name).exists()


def test_directory_stays_while_any_process_takes_part(name: str, peer: Peer) -> None:
    peer.run(f"session = ntipc.Session({name!r}); event = ntipc.Event('x', session=session)")
    ntipc.Session(name).close()
    assert directory(name).exists()
    assert not ntipc.Event("x", session=name).created
    ntipc.Session(name).close()
    peer.end()
    assert not directory(name).exists()


def test_process_that_just_ends_takes_its_session_along(name: str, peer: Peer) -> None:
    peer.run(f"event = ntipc.Event('x', session={name!r}); section = ntipc.Section('s', 100, session={name!r})")
    peer.run("view = section.map(); mutex = ntipc.Mutex(session=event.session, initial_owner=True)")
    peer.end()
    assert peer.process.returncode == 0 and not directory(name).exists()


def test_session_left_by_a_killed_process_is_used_again(name: str, start_peer: Callable[..., Peer]) -> None:
    dead = start_peer()
    dead.run(f"event = ntipc.Event('x', initial=True, session={name!r})")
    dead.run(f"section = ntipc.Section('s', 100000, session={name!r})")
    dead.kill()
    assert directory(name).exists()
    with ntipc.Session(name) as session:
        event = ntipc.Event("x", session=session)
        wait_until(lambda: len(look(session)["objects"]) == 1 and look(session)["participants"] == 1)
        event.close()
    assert not directory(name).exists()


def test_environment_names_the_default_session(peer: Peer, start_peer: Callable[..., Peer]) -> None:
    event = ntipc.Event("x")
    assert peer.run("ntipc.Event('x').created") is False
    other = start_peer({"NTIPC_SESSION": os.environ["NTIPC_SESSION"] + ".other"})
    assert other.run("event = ntipc.Event('x'); event.created") is True
    assert event.session.name == os.environ["NTIPC_SESSION"]


def test_sessions_have_namespaces_of_their_own(name: str) -> None:
    here, there = ntipc.Event("x"), ntipc.Event("x", session=name)
    again = ntipc.Event("x", session=ntipc.Session(name))
    assert here.created and there.created and not again.created
    there.set()
    assert again.is_set() and not here.is_set()
    for event in (there, again):
        event.close()
    ntipc.Session(name).close()


def test_objects_of_two_sessions_cannot_be_waited_for_together(name: str) -> None:
    here, there = ntipc.Event(initial=True), ntipc.Event(initial=True, session=name)
    for wait in ntipc.wait_any, ntipc.wait_all:
        with pytest.raises((ValueError, ntipc.NtError)):
            wait([here, there], 0)
    assert here.is_set() and there.is_set()
    there.close()
    ntipc.Session(name).close()


def test_leaving_closes_the_objects_of_this_process_and_no_others(name: str, peer: Peer) -> None:
    session = ntipc.Session(name)
    event, mutex = ntipc.Event("x", session=session), ntipc.Mutex("m", session=session, initial_owner=True)
    peer.run(f"event, mutex = ntipc.Event('x', session={name!r}), ntipc.Mutex('m', session={name!r})")
    session.close()
    session.close()
    assert session.closed
    for use in event.set, event.wait, event.info, mutex.release, event.duplicate:
        with pytest.raises((ntipc.HandleClosed, ntipc.SessionClosed)):
            use()
    event.close()
    peer.run("warnings.simplefilter('ignore')")
    assert peer.run("event.info()['handles'], mutex.acquire(timeout=10), mutex.abandoned") == (1, True, True)
    peer.end()


def test_leaving_is_refused_while_a_thread_of_this_process_waits(name: str, peer: Peer) -> None:
    peer.run(f"session = ntipc.Session({name!r}); event = ntipc.Event('x', session=session)")
    call = peer.begin("event.wait()", "a")
    with ntipc.Session(name) as session:
        event = ntipc.Event("x", session=session)
        wait_for_waiters(event, 1)
        with pytest.raises(ntipc.StillInUse):
            peer.run("session.close()")
        event.set()
        assert call.result() is True
    peer.run("session.close()")
    assert not directory(name).exists()


def test_view_outlives_the_session_or_keeps_it(name: str) -> None:
    session = ntipc.Session(name)
    section = ntipc.Section(size=100, session=session)
    view = section.map()
    section.close()
    try:
        session.close()
    except ntipc.NtError as problem:
        assert problem.status == 0x80000011
        memoryview(view)[0] = 1
    assert bytes(view)[1] == 0
    view.unmap()
    session.close()
    assert not directory(name).exists()


def test_closed_session_can_be_joined_again(name: str) -> None:
    for _ in range(3):
        with ntipc.Session(name) as session, ntipc.Event("x", session=session) as event:
            assert event.created
        assert not directory(name).exists()


def test_two_session_objects_are_one_attachment(name: str) -> None:
    first, second = ntipc.Session(name), ntipc.Session(name)
    assert first == second and hash(first) == hash(second)
    assert len(look(first)["processes"]) == 1
    first.close()
    assert second.closed


def test_session_that_must_exist_is_not_made(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        ntipc.Session(name, create=False)
    assert not directory(name).exists()
    with ntipc.Session(name):
        assert ntipc.Session(name, create=False).path == str(directory(name))


@pytest.mark.parametrize("bad", ["", "x" * 65, "a b", "../x", "ä", "a/b/c", "/x", "x/", "a\0b", "a\nb", "*"])
def test_bad_names_of_sessions_are_refused(bad: str) -> None:
    with pytest.raises((ValueError, ntipc.NtError)):
        ntipc.Session(bad)
    with pytest.raises((ValueError, ntipc.NtError)):
        ntipc.Event(session=bad)


@pytest.mark.parametrize("bad", [5, b"x", object()])
def test_session_that_is_neither_a_session_nor_a_name_is_a_type_error(bad: Any) -> None:
    with pytest.raises(TypeError):
        ntipc.Session(bad)
    with pytest.raises(TypeError):
        ntipc.Event(session=bad)


@pytest.mark.parametrize("mode", [0o777, 0o702, 0o070, 0, -1, 0o10700])
def test_modes_that_let_everybody_write_or_keep_the_owner_out_are_refused(mode: int, name: str) -> None:
    with pytest.raises(ValueError):
        ntipc.Session(name, mode=mode)
    assert not directory(name).exists()


def test_mode_and_group_are_given_to_the_directory(name: str) -> None:
    group = os.getgroups()[0] if os.getgroups() else os.getgid()
    with ntipc.Session(name, mode=0o770, group=group):
        status = directory(name).stat()
        assert (status.st_mode & 0o7777, status.st_gid) == (0o770, group)
        inside = [path.stat().st_mode & 0o777 for path in directory(name).iterdir()]
        assert inside and all(mode & 0o007 == 0 and mode & 0o060 == 0o060 for mode in inside)


def test_umask_does_not_change_the_mode(name: str) -> None:
    before = os.umask(0o777)
    try:
        with ntipc.Session(name, mode=0o750):
            assert directory(name).stat().st_mode & 0o7777 == 0o750
            assert ntipc.Event(session=name).created
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_session_lets_its_group_in_and_nobody_else(name: str, start_peer: Callable[..., Peer]) -> None:
    session = ntipc.Session(name, mode=0o770, group=12345)
    event = ntipc.Event("x", session=session)
    become = "import pwd, grp, ntipc.testing; os.setgroups({groups}); os.setgid(54321); os.setuid(54321)"
    attach = f"session = ntipc.Session('root/{name}'); ntipc.Event.open('x', session=session).set()"
    friend, stranger = start_peer(), start_peer()
    friend.run(become.format(groups="[12345]"))
    stranger.run(become.format(groups="[]"))
    assert friend.run(attach) is False and event.wait(0)
    with pytest.raises(PermissionError):
        stranger.run(attach)
    friend.end()
    event.close()
    session.close()
    assert not directory(name).exists()


def test_other_users_session_needs_its_owners_making() -> None:
    with pytest.raises((FileNotFoundError, PermissionError)):
        ntipc.Session("nobody/x")
    with pytest.raises((FileNotFoundError, ValueError)):
        ntipc.Session("there-is-no-such-user/x")


def test_many_processes_coming_and_going_at_once(name: str, start_peer: Callable[..., Peer]) -> None:
    """The last one leaving and the next one coming race for the directory; nobody may fail."""
    code = f"""
for n in range(60):
    with ntipc.Session({name!r}) as session:
        with ntipc.Event('x', session=session) as event:
            event.set()
"""
    calls = [start_peer().begin(code) for _ in range(6)]
    for call in calls:
        call.result()
    wait_until(lambda: not directory(name).exists())


def test_global_names_live_in_the_users_global_session_by_default() -> None:
    event = ntipc.Event(r"Global\x")
    assert event.session.path == str(directory(os.environ["NTIPC_GLOBAL"]))
    assert event.name == "x" or event.name == r"Global\x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a machine-wide session")
def test_global_names_live_in_the_machine_wide_session_when_there_is_one(
    tmp_path: Path, start_peer: Callable[..., Peer]
) -> None:
    environment = {"NTIPC_DIR": str(tmp_path), "NTIPC_GLOBAL": ""}
    peer, other = start_peer(environment), start_peer(environment)
    peer.run("from ntipc.session.places import create_global; create_global(0o770)")
    path = peer.run(r"event = ntipc.Event(r'Global\x'); event.session.path")
    assert path == str(tmp_path / "ntipc-global")
    assert other.run(r"ntipc.Event.open(r'Global\x').set()") is False and peer.run("event.wait(0)")
    peer.end()
    other.end()
    assert (tmp_path / "ntipc-global").is_dir() and not session_paths("ntipc-global")


def test_missing_base_directory_is_a_clear_error(start_peer: Callable[..., Peer], tmp_path: Path) -> None:
    peer = start_peer({"NTIPC_DIR": str(tmp_path / "missing")})
    with pytest.raises(FileNotFoundError, match="missing"):
        peer.run("ntipc.Event('x')")


def test_session_pickles_and_repr_names_it(name: str, peer: Peer) -> None:
    import pickle

    with ntipc.Session(name) as session:
        assert name in repr(session)
        peer.run(f"import pickle; session = pickle.loads({pickle.dumps(session)!r})")
        assert peer.run("session.path") == session.path
        peer.run("session.close()")


def test_inspection_of_a_session_without_taking_part(name: str, peer: Peer) -> None:
    peer.run(f"event = ntipc.Event('x', manual_reset=True, initial=True, session={name!r})")
    seen = ntipc.inspect(name)
    assert [process["pid"] for process in seen["processes"]] == [peer.pid] and seen["path"] == str(directory(name))
    (entry,) = seen["objects"]
    assert (entry["kind"], entry["name"], entry["signaled"]) == ("Event", "x", True)
    assert [holder["pid"] for holder in entry["holders"]] == [peer.pid]
    peer.end()
    assert not directory(name).exists()
    with pytest.raises(FileNotFoundError):
        ntipc.inspect(name)

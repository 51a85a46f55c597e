"""The commands: they do what they say, and say what they cannot do in one line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.arenas import Arena
from harness.peers import Peer
from harness.suspicions import exists
from harness.waiting import asleep, facts, look, wait_until

import ntipc


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ntipc", *arguments], capture_output=True, text=True, timeout=50)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A small tree of source files."""
    for number in range(60):
        text = "".join(f"def name_{n % (number + 1)}(argument_{number}): return other\n" for n in range(200))
        (tmp_path / f"file_{number}.py").write_text(text)
    return tmp_path


def test_demo_kills_a_worker_and_still_gets_the_index_right(corpus: Path) -> None:
    result = command("demo", "--input", str(corpus), "--workers", "3", "--json")
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["right"] is True and figures["abandonments"] == 1 and figures["files"] == 60


@pytest.mark.parametrize("arguments", [["--workers", "0"], ["--input", "/nowhere"], ["--workers", "many"]])
def test_demo_refuses_bad_arguments(arguments: list[str]) -> None:
    result = command("demo", *arguments)
    assert result.returncode == 2 and result.stderr and "Traceback" not in result.stderr


def test_demo_without_files_says_so(tmp_path: Path) -> None:
    result = command("demo", "--input", str(tmp_path))
    assert result.returncode == 2 and len(result.stderr.strip().splitlines()) == 1


def test_ls_shows_a_port_as_such(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    port = ntipc.Port("desk")
    client = ntipc.PortClient._pair(port)
    client.send(b"12345")
    peer.begin("ntipc.PortClient('desk')", "connects")
    wait_until(lambda: port.info()["requests"] == 1)
    peer.begin("ntipc.PortClient('other desk')", "waits")
    shown = " ".join(command("ls").stdout.split())
    assert "Port desk 1 connection, 1 request to connect, 1 message of 5 bytes" in shown
    assert "PortClient desk connected" in shown
    assert "Port reader" not in shown and "Port writer" not in shown
    (session,) = json.loads(command("ls", "--json").stdout)["sessions"]
    (listed,) = session["ports"]
    index = listed.pop("index")
    assert listed == {"name": "desk", "connections": 1, "requests": 1, "messages": 1, "bytes": 5}
    by_index = {entry["index"]: entry for entry in session["objects"]}
    assert by_index[index]["name"] == "port\\desk"
    (connection,) = port.connections
    connection.close()
    assert "PortClient desk ended by the server" in " ".join(command("ls").stdout.split())
    client.close()
    port.close()
    assert "desk" not in command("ls").stdout.replace("other desk", "")


def test_ls_names_the_port_that_a_thread_waits_for(peer: Peer) -> None:
    peer.run("port = ntipc.Port('desk')")
    peer.begin("port.receive()", "receives")
    wait_until(lambda: any(thread["waiting_on"] for thread in look()["threads"]))
    assert "Port desk" in command("ls").stdout.split("waits for")[-1]


def test_ls_shows_objects_holders_and_waiters_and_changes_nothing(peer: Peer) -> None:
    mutex = ntipc.Mutex("ledger", initial_owner=True)
    peer.run("event = ntipc.Event('ready')")
    peer.begin("event.wait()")
    wait_until(lambda: asleep(peer.pid))
    before = look()
    shown = command("ls").stdout
    assert "ready" in shown and "ledger" in shown and str(peer.pid) in shown and str(os.getpid()) in shown
    (listed,) = json.loads(command("ls", "--json").stdout)["sessions"]
    assert {entry["name"] for entry in listed["objects"]} == {"ready", "ledger"}
    wait_until(lambda: look() == before)  # the waiter may just look for a signal
    assert mutex.info()["owned_by_caller"]


def test_ls_of_a_session_that_is_not_there_fails_and_names_it() -> None:
    result = command("ls", "--session", "nobody-has-made-this")
    assert result.returncode == 1 and result.stdout == ""
    assert "nobody-has-made-this" in result.stderr and "Traceback" not in result.stderr


def test_ls_works_beside_the_dead(start_peer: Callable[..., Peer]) -> None:
    dead = start_peer()
    dead.run("session = ntipc.Session('of-the-dead'); event = ntipc.Event('x', session=session)")
    dead.kill()
    result = command("ls", "--session", "of-the-dead", "--json")
    assert result.returncode in (0, 1) and "Traceback" not in result.stderr
    ntipc.Session("of-the-dead").close()


def test_killing_the_demo_leaves_no_worker_behind(corpus: Path) -> None:
    def workers() -> list[int]:
        found: list[Any] = []
        for path in Path("/proc").iterdir():
            if path.name.isdigit() and str(corpus).encode() in read(path / "environ") + read(path / "cmdline"):
                found.append(int(path.name))
        return [pid for pid in found if exists(pid)]

    environment = {**os.environ, "MARK": str(corpus)}
    demo = subprocess.Popen(
        [sys.executable, "-m", "ntipc", "demo", "--workers", "3", "--json"], env=environment, stdout=subprocess.DEVNULL
    )
    wait_until(lambda: len(workers()) >= 4)
    os.kill(demo.pid, signal.SIGKILL)
    demo.wait()
    wait_until(lambda: not workers())


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_doctor_calls_a_session_at_work_healthy(peer: Peer) -> None:
    mutex, event = ntipc.Mutex("ledger", initial_owner=True), ntipc.Event("ready")
    peer.run("mutex, event = ntipc.Mutex.open('ledger'), ntipc.Event.open('ready')")
    peer.begin("ntipc.wait_any([mutex, event])")
    wait_until(lambda: facts(event)["waiters"] == 1)
    result = command("doctor")
    assert (result.returncode, result.stderr) == (0, "") and "healthy" in result.stdout
    mutex.release()


def test_doctor_of_a_session_that_is_not_there_cannot_look() -> None:
    result = command("doctor", "nobody-has-made-this")
    assert result.returncode == 2 and result.stdout == ""
    assert "nobody-has-made-this" in result.stderr and "Traceback" not in result.stderr


def test_doctor_names_an_object_whose_count_is_wrong_and_repairs_nothing() -> None:
    events = [ntipc.Event(name) for name in ("first", "second")]
    index = look()["objects"][1]["index"]
    Arena(look()["path"]).put("object.handles", index, 7)
    for _ in range(2):
        result = command("doctor", "--json")
        report = json.loads(result.stdout)
        assert result.returncode == 1 and report["locked"] and not report["note"]
        assert [finding["check"] for finding in report["findings"]] == ["references"]
        assert "event 'second'" in report["findings"][0]["text"]
    assert command("doctor").stdout == report["findings"][0]["text"] + "\n"
    assert len(events) == 2


def test_doctor_looks_without_the_lock_that_somebody_stopped_holds(start_peer: Callable[..., Peer]) -> None:
    peer = start_peer()
    peer.run("event = ntipc.Event('ready')")
    (thread,) = [thread for thread in look()["threads"] if thread["pid"] == peer.pid]
    arena = Arena(look()["path"])
    os.kill(peer.pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{peer.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    arena.put("header.lock", 0, thread["slot"] + 1 << 49)
    result = command("doctor")
    assert result.returncode == 1 and str(peer.pid) in result.stderr and "stopped" in result.stderr
    assert "stopped" in result.stdout
    arena.put("header.lock", 0, 0)
    os.kill(peer.pid, signal.SIGCONT)
    assert command("doctor").returncode == 0

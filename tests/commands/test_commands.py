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
from harness.peers import Peer
from harness.suspicions import exists
from harness.waiting import facts, look, wait_until

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


def test_ls_shows_objects_holders_and_waiters_and_changes_nothing(peer: Peer) -> None:
    event, mutex = ntipc.Event("ready"), ntipc.Mutex("ledger", initial_owner=True)
    peer.run("event = ntipc.Event.open('ready')")
    peer.begin("event.wait()")
    wait_until(lambda: facts(event)["waiters"] == 1)
    before = look()
    shown = command("ls").stdout
    assert "ready" in shown and "ledger" in shown and str(peer.pid) in shown and str(os.getpid()) in shown
    (listed,) = json.loads(command("ls", "--json").stdout)["sessions"]
    assert {entry["name"] for entry in listed["objects"]} == {"ready", "ledger"}
    assert look() == before and mutex.info()["owned_by_caller"]


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

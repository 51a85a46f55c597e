"""Debug and exception ports: what happens in a watched process arrives at its watcher; neither hangs the other."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.stopping import go_on, stop
from harness.waiting import look, wait_until

import ntipc


@pytest.fixture
def watcher() -> Iterator[ntipc.Watcher]:
    with ntipc.Watcher("guard") as watcher:
        yield watcher


@pytest.fixture
def watched(watcher: ntipc.Watcher, peer: Peer) -> Peer:
    """A process that is watched; its start has been heard."""
    beginning = peer.begin("watched = ntipc.watch('guard', timeout=20)")
    assert next(watcher.events(20)).kind == "process-start"
    beginning.result()
    return peer


def sleeping(process: Peer) -> int:
    """How many of its threads sleep in the session."""
    return sum(thread["pid"] == process.pid and thread["state"] == "sleeping" for thread in look()["threads"])


def heard(watcher: ntipc.Watcher, kind: str) -> ntipc.WatchEvent:
    return next(event for event in watcher.events(20) if event.kind == kind)


def test_threads_start_and_end(watcher: ntipc.Watcher, watched: Peer) -> None:
    """LP-151."""
    watched.run("thread = threading.Thread(target=int, name='worker'); thread.start(); thread.join()")
    said = [watcher.next(20) for _ in range(2)]
    assert [(event.kind, event.pid, event.thread) for event in said] == [
        ("thread-start", watched.pid, "worker"),
        ("thread-end", watched.pid, "worker"),
    ]
    assert said[0].thread_id == said[1].thread_id > 0


def test_uncaught_exception_of_a_thread(watcher: ntipc.Watcher, watched: Peer) -> None:
    """LP-149: the thread waits until the watcher has said whether it is dealt with.

    LP-148: what the program catches itself is not told.
    """
    watched.run("shown = []; watched._thread_hook = shown.append")
    watched.run("def fails(): raise KeyError('lost key')")
    watched.run("try: fails()\nexcept KeyError: pass")
    failing = "thread = threading.Thread(target=fails); thread.start(); thread.join()"
    for handled in (False, True):
        watcher.on_exception = lambda event, handled=handled: handled  # type: ignore[misc]
        running = watched.begin(failing)
        event = heard(watcher, "exception")
        assert event.type == "builtins.KeyError"
        assert "in fails" in event.text
        assert "lost key" in event.text
        heard(watcher, "thread-end")
        running.result()
    assert watched.run("len(shown)") == 1  # the other one was dealt with


def test_dead_watcher_hangs_nobody(start_peer: Callable[..., Peer]) -> None:
    """LP-150."""
    guard, watched = start_peer(), start_peer()
    guard.run("watcher = ntipc.Watcher('guard')")
    watching = guard.begin("watcher.next(20).kind")
    watched.run("watched = ntipc.watch('guard', timeout=20); shown = []; watched._thread_hook = shown.append")
    watching.result()
    before = sleeping(watched)
    failing = watched.begin("thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()")
    wait_until(lambda: sleeping(watched) > before)  # until its question is answered
    guard.kill()
    failing.result()
    assert watched.run("len(shown), watched.is_connected") == (1, False)
    watched.run("watched.close(); threading.Thread(target=int).start()")


def test_stopped_watcher_hangs_nobody_for_long(start_peer: Callable[..., Peer]) -> None:
    guard, watched = start_peer(), start_peer()
    guard.run("watcher = ntipc.Watcher('guard')")
    watching = guard.begin("watcher.next(20).kind")
    watched.run("watched = ntipc.watch('guard', timeout=20, answer_timeout=0.2)")
    watching.result()
    stop(guard)
    watched.run("watched._thread_hook = lambda arguments: None")
    watched.run("thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()")
    go_on(guard)


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(3)"])
def test_end_without_a_word(end: str, watcher: ntipc.Watcher, watched: Peer) -> None:
    watched.begin(end)
    event = heard(watcher, "process-end")
    assert event.pid == watched.pid
    assert watcher.processes == ()


def test_fatal_signal_comes_with_its_traceback(watcher: ntipc.Watcher, watched: Peer) -> None:
    watched.run("def crashes(): os.kill(os.getpid(), signal.SIGSEGV)")
    watched.begin("crashes()")
    event = heard(watcher, "fatal")
    assert event.pid == watched.pid
    assert "Segmentation fault" in event.text
    assert "in crashes" in event.text


def test_crash_of_one_does_not_hang_the_watcher_of_others(
    watcher: ntipc.Watcher, start_peer: Callable[..., Peer]
) -> None:
    """Killed while its exception waits for the answer."""
    one, other = start_peer(), start_peer()
    for process in one, other:
        beginning = process.begin("watched = ntipc.watch('guard', timeout=20)")
        heard(watcher, "process-start")
        beginning.result()

    def kill(event: ntipc.WatchEvent) -> bool:
        one.kill()
        return True

    watcher.on_exception = kill
    one.begin("threading.Thread(target=lambda: 1 / 0).start()")
    heard(watcher, "exception")
    assert heard(watcher, "process-end").pid == one.pid
    other.run("threading.Thread(target=int, name='still').start()")
    assert heard(watcher, "thread-start").thread == "still"


def test_watched_once(watcher: ntipc.Watcher, watched: Peer) -> None:
    """LP-146, LP-147: PORT_ALREADY_SET; the old one stays."""
    with pytest.raises(ntipc.ObjectExists) as problem:
        watched.run("ntipc.watch('guard')")
    assert problem.value.status == ntipc.Status.PORT_ALREADY_SET
    watched.run("watched.close(); watched.close()")
    assert heard(watcher, "unwatched").pid == watched.pid
    again = watched.begin("watched = ntipc.watch('guard', timeout=20)")
    heard(watcher, "process-start")
    again.result()


def test_nobody_watches() -> None:
    """LP-152."""
    hook = sys.excepthook
    with pytest.raises(ntipc.ObjectNotFound):
        ntipc.watch("nobody")
    assert sys.excepthook is hook


def test_forked_child_is_not_watched(watcher: ntipc.Watcher, watched: Peer) -> None:
    watched.run("""
pid = os.fork()
if pid == 0:
    threading.Thread(target=int).start()
    os._exit(0)
os.waitpid(pid, 0)
""")
    watched.run("threading.Thread(target=int, name='parents').start()")
    assert heard(watcher, "thread-start").thread == "parents"


def test_rubbish_ends_its_connection_only(watcher: ntipc.Watcher, watched: Peer) -> None:
    heard_all: list[ntipc.WatchEvent] = []
    listening = threading.Thread(target=lambda: heard_all.extend(watcher.events(20, until="thread-start")))
    listening.start()
    with ntipc.PortClient("guard", data=b"junk", timeout=20) as client:
        client.send(b"{}")
        client.send(b"\xff")
        wait_until(lambda: not client.is_connected)
    watched.run("threading.Thread(target=int, name='healthy').start()")
    listening.join()
    assert heard_all[-1].thread == "healthy"


# the command


def run_watch(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ntipc", "watch", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_command_runs_a_script(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("import sys\nsys.stdout.write(f'ran {sys.argv[1:]} {__name__}\\n')\nraise SystemExit(7)\n")
    said = run_watch("--", str(script), "--flag", "word")
    assert said.returncode == 7
    assert said.stdout == "ran ['--flag', 'word'] __main__\n"
    assert "exit status 7" in said.stderr


def test_command_shows_exceptions_and_signals(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("import os\ntry:\n    1 / 0\nfinally:\n    os.kill(os.getpid(), 11)\n")
    said = run_watch("--json", "--", str(script))
    assert said.returncode == 128 + signal.SIGSEGV
    events = [json.loads(line) for line in said.stderr.splitlines() if line.startswith("{")]
    assert [event["kind"] for event in events] == ["process-start", "fatal", "process-end"]
    assert "Segmentation fault" in events[1]["text"]
    script.write_text("raise LookupError('nowhere')\n")
    said = run_watch("--", str(script))
    assert said.returncode == 1
    assert "exception  LookupError: nowhere" in said.stderr


def test_command_runs_anything(tmp_path: Path) -> None:
    assert run_watch("--", "sh", "-c", "exit 3").returncode == 3
    said = run_watch("--", str(tmp_path / "missing"))
    assert (said.returncode, "missing" in said.stderr) == (1, True)
    assert run_watch().returncode == 2


def test_command_watches_those_that_come(start_peer: Callable[..., Peer]) -> None:
    command = [sys.executable, "-um", "ntipc", "watch", "--json", "guard"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        try:
            peer = start_peer()
            peer.run("watched = ntipc.watch('guard', timeout=20)")
            assert watching.stdout is not None
            assert json.loads(watching.stdout.readline())["pid"] == peer.pid
            peer.run("watched.close()")
            assert json.loads(watching.stdout.readline())["kind"] == "unwatched"
        finally:
            watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130

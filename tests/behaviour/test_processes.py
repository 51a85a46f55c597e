"""Processes and threads as objects: waits, how they ended, terminating, ids that are used again."""

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.stopping import stop
from harness.waiting import facts, look, wait_until

import ntipc
from ntipc import Access

PYTHON = sys.executable


def start(code: str, **options: object) -> ntipc.Process:
    """A child that never imports ntipc."""
    return ntipc.Process.start([PYTHON, "-S", "-c", code], **options)  # type: ignore[arg-type]


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "1000"])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os._exit(255)", 255),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.abort()", -signal.SIGABRT),
    ],
)
def test_exit_code_of_a_child(code: str, expected: int) -> None:
    """PM-13, PM-16."""
    with start(code, stderr=subprocess.DEVNULL) as child:
        assert child.wait(20)
        assert child.exit_code == expected
        assert child.wait(0) and child.exit_code == expected, "it stays so"


def test_a_child_that_runs_has_no_exit_code_and_is_not_signalled() -> None:
    """PM-09, PM-15."""
    with start("input()", stdin=subprocess.PIPE) as child:
        assert not child.wait(0) and child.exit_code is None
        assert ntipc.wait_any([child], 0.01) is None
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.close()
        assert child.wait(20) and child.exit_code == 0


def test_a_process_is_waited_for_beside_everything_else() -> None:
    event, stranger = ntipc.Event(), sleeper()
    with ntipc.Process.open(stranger.pid) as process:
        event.set()
        assert ntipc.wait_any([process, event], 20).index == 1  # type: ignore[union-attr]
        stranger.kill()
        assert ntipc.wait_any([process, event], 20).index == 0  # type: ignore[union-attr]
        assert ntipc.wait_all([process, event], 0) is None
        event.set()
        assert ntipc.wait_all([process, event], 20) is not None
    stranger.wait()


def test_the_end_of_a_stranger_wakes_a_wait_and_its_code_is_known() -> None:
    """PM-08."""
    stranger = sleeper()
    with ntipc.Process.open(stranger.pid) as process:
        assert process.pid == stranger.pid
        ended: list[tuple[bool, int | None]] = []
        waiter = threading.Thread(target=lambda: ended.append((process.wait(20), process.exit_code)))
        waiter.start()
        wait_until(lambda: facts(process)["waiters"] == 1)
        stranger.kill()
        waiter.join()
        assert ended == [(True, -9)]
    stranger.wait()


def test_several_processes_wait_for_one_stranger_and_the_one_that_opened_it_dies(
    start_peer: Callable[..., Peer],
) -> None:
    stranger = sleeper()
    opener, other = start_peer(), start_peer()
    opener.run(f"process = ntipc.Process.open({stranger.pid})")
    other.run("session = ntipc.Session()")
    number = opener.run(f"process.duplicate({other.pid})")
    call = other.begin(f"process = ntipc.Process.from_handle({number}); process.wait(20), process.exit_code")
    wait_until(lambda: any(entry["waiters"] for entry in look()["objects"]))
    opener.kill()
    stranger.send_signal(signal.SIGTERM)
    assert call.result() == (True, -signal.SIGTERM)
    stranger.wait()


def test_what_a_participant_had_is_given_back_when_its_end_is_told(peer: Peer) -> None:
    """PM-17."""
    peer.run("event = ntipc.Event('of the peer'); mutex = ntipc.Mutex('owned', initial_owner=True)")
    mutex = ntipc.Mutex.open("owned")
    with ntipc.Process.open(peer.pid) as process:
        os.kill(peer.pid, signal.SIGKILL)
        assert process.wait(20)
        with pytest.warns(ntipc.AbandonedMutexWarning):
            assert mutex.acquire(timeout=0)
        assert [entry["name"] for entry in look()["objects"] if entry["kind"] != "Process"] == ["owned"]
    mutex.release()


def test_two_handles_to_one_process_are_one_object(peer: Peer) -> None:
    with ntipc.Process.open(peer.pid) as one, ntipc.Process.open(peer.pid) as other:
        assert one.identity == other.identity and one.handle != other.handle
        assert one.name is None


def test_a_process_that_leaves_the_session_has_not_ended(peer: Peer) -> None:
    peer.run("event = ntipc.Event('x')")
    with ntipc.Process.open(peer.pid) as process:
        peer.run("session = event.session; session.close()")
        assert not process.wait(0.05)
        peer.kill()
        assert process.wait(20) and process.exit_code == -9


def test_a_process_that_becomes_another_program_has_not_ended(peer: Peer) -> None:
    peer.run("event = ntipc.Event('x')")
    with ntipc.Process.open(peer.pid) as process:
        peer.begin("import os; os.execvp('sleep', ['sleep', '1000'])")
        wait_until(lambda: not [entry for entry in look()["objects"] if entry["name"] == "x"])
        assert not process.wait(0.05)
        peer.kill()
        assert process.wait(20) and process.exit_code == -9


@pytest.mark.parametrize("code", [0, 1, 77, 300, 2**31 - 1])
def test_a_participant_that_is_terminated_ends_with_the_code_given(peer: Peer, code: int) -> None:
    """PM-07, PM-19: nothing of it runs, such as what ``atexit`` knows."""
    peer.run("import atexit; atexit.register(lambda: os._exit(5)); event = ntipc.Event('x')")
    with ntipc.Process.open(peer.pid) as process:
        process.terminate(code)
        assert process.wait(20) and process.exit_code == code
        assert peer.wait() == code & 0xFF
        process.terminate(3)
        assert process.exit_code == code, "PM-21: it keeps its code"


def test_a_stopped_participant_is_terminated_all_the_same(peer: Peer) -> None:
    peer.run("event = ntipc.Event('x')")
    stop(peer)
    with ntipc.Process.open(peer.pid) as process:
        process.terminate(42)
        assert process.wait(20) and process.exit_code == 42


def test_a_stranger_that_is_terminated_is_killed() -> None:
    stranger = sleeper()
    with ntipc.Process.open(stranger.pid) as process:
        process.terminate(7)
        assert process.wait(20) and process.exit_code == -9
        process.terminate(7)
    assert stranger.wait() == -9


def test_a_process_may_terminate_itself(peer: Peer) -> None:
    peer.begin("ntipc.Process.current().terminate(9)")
    assert peer.wait() == 9


def test_rights_are_checked() -> None:
    stranger = sleeper()
    with ntipc.Process.open(stranger.pid, Access.SYNCHRONIZE) as process:
        for call in (process.terminate, lambda: process.exit_code):
            with pytest.raises(ntipc.AccessDenied, match="PROCESS_") as problem:
                call()
            assert problem.value.winerror == 5
        assert not process.wait(0)
    with ntipc.Process.open(stranger.pid, Access.PROCESS_TERMINATE) as process:
        with pytest.raises(ntipc.AccessDenied, match="SYNCHRONIZE"):
            process.wait(0)
        process.terminate()
    stranger.wait()


def test_access_is_told_as_asked(peer: Peer) -> None:
    with ntipc.Process.open(peer.pid) as process:
        assert process.access == Access.PROCESS_ALL_ACCESS
        with process.duplicate(access=Access.PROCESS_QUERY_INFORMATION | Access.PROCESS_DUP_HANDLE) as fewer:
            assert fewer.access == Access.PROCESS_QUERY_INFORMATION | Access.PROCESS_DUP_HANDLE


@pytest.mark.parametrize("pid", [0, -1, 2**31 - 1, 2**31, 2**63, -(2**63)])
def test_pids_that_never_were(pid: int) -> None:
    """PM-06, PM-11."""
    with pytest.raises(ntipc.ProcessNotFound) as problem:
        ntipc.Process.open(pid)
    assert problem.value.winerror == 87
    assert isinstance(problem.value, ProcessLookupError) and isinstance(problem.value, ntipc.InvalidParameter)


@pytest.mark.parametrize("pid", ["1", None, 1.0])
def test_what_is_no_pid(pid: object) -> None:
    with pytest.raises(TypeError):
        ntipc.Process.open(pid)  # type: ignore[arg-type]


def test_a_process_that_has_ended_is_not_found_and_a_zombie_is() -> None:
    """PM-38."""
    stranger = sleeper()
    stranger.kill()
    os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)
    with ntipc.Process.open(stranger.pid) as process:  # a zombie
        assert process.wait(20) and process.exit_code == -9
    stranger.wait()
    with pytest.raises(ntipc.ProcessNotFound):
        ntipc.Process.open(stranger.pid)


OTHER_USER = """
import os, sys
import ntipc, ntipc.other_memory.copying, ntipc.other_memory.refusals
ntipc.Process, ntipc.AccessDenied, ntipc.Event  # Python itself cannot be read any more afterwards
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try: ntipc.Process.open(int(sys.argv[1]))
except ntipc.AccessDenied as problem: print(problem.winerror)
with ntipc.Process.open(int(sys.argv[1]), ntipc.Access.SYNCHRONIZE | ntipc.Access.PROCESS_QUERY_INFORMATION) as process:
    print(process.wait(0), process.exit_code)
    try: process.terminate(3)
    except ntipc.AccessDenied as problem: print(problem.winerror)
    try: process.read_memory(1 << 20, 4)
    except ntipc.AccessDenied as problem: print(problem.winerror)
    sys.stdout.flush(); sys.stdin.readline()
    print(process.wait(20))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_another_users_process_is_waited_for_and_neither_ended_nor_read() -> None:
    stranger = sleeper()
    code = [sys.executable, "-c", OTHER_USER, str(stranger.pid)]
    environment = {**os.environ, "NTIPC_DIR": os.environ.get("NTIPC_DIR", "/dev/shm"), "NTIPC_SESSION": "another-user"}
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as other:
        assert other.stdin is not None and other.stdout is not None
        assert [other.stdout.readline() for _ in range(4)] == ["5\n", "False None\n", "5\n", "5\n"]
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "True\n"


@pytest.mark.skipif(not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK), reason="only root chooses pids")
def test_an_id_that_is_used_again_is_another_process() -> None:
    """PM-10, PM-41: while handles to the first one are open."""
    for _ in range(200):  # somebody else on the machine may be given the number
        first = sleeper()
        with ntipc.Process.open(first.pid) as old:
            first.kill()
            first.wait()
            time.sleep(0.02)  # Linux notes in which hundredth of a second a process began
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(first.pid - 1))
            with sleeper() as second:
                try:
                    if second.pid != first.pid:
                        continue
                    with ntipc.Process.open(second.pid) as new:
                        assert old.pid == new.pid and old.identity != new.identity
                        assert old.wait(20) and not new.wait(0)
                        with contextlib.suppress(ntipc.NtError):
                            old.terminate(1)
                        assert second.poll() is None, "the handle to the old one reaches the new one"
                        return
                finally:
                    second.kill()
    pytest.fail("the number was never given again")


def test_a_thread_is_no_process() -> None:
    go = threading.Event()
    worker = threading.Thread(target=go.wait)
    worker.start()
    with pytest.raises(ntipc.ProcessNotFound):
        ntipc.Process.open(worker.native_id or 0)
    go.set()
    worker.join()


def test_closed_processes_refuse() -> None:
    process = ntipc.Process.current()
    process.close()
    process.close()
    for use in ("wait(0)", "exit_code", "terminate()", "times", "threads()", "duplicate()", "handle", "access"):
        with pytest.raises(ntipc.HandleClosed) as problem:
            eval(f"process.{use}")
        assert problem.value.winerror == 6
    assert "closed" in repr(process) and process.pid == os.getpid()


def test_a_process_is_pickled_and_put_into_a_queue(peer: Peer) -> None:
    stranger = sleeper()
    with ntipc.Process.open(stranger.pid) as process, ntipc.Queue("q") as queue:
        queue.put_object(process)
        peer.run("process = ntipc.Queue('q').get_object()")
        queue.put(b"", handles=[process])
        peer.run("message = ntipc.Queue('q').receive(); (again,) = message.objects")
        assert peer.run("process.pid, again.pid, type(again).__name__") == (stranger.pid, stranger.pid, "Process")
        assert peer.run("process.identity == again.identity and not again.wait(0)")
        again = pickle.loads(pickle.dumps(process))
        assert again.identity == process.identity
        stranger.kill()
        assert peer.run("process.wait(20), again.exit_code") == (True, -9)
    stranger.wait()


def test_times_and_threads() -> None:
    with ntipc.Process.current() as process:
        user, system, started = process.times
        assert user is not None and user > 0 and system is not None
        assert abs(started - os.stat("/proc/self").st_mtime) < 10_000_000
        assert threading.get_native_id() in [thread.id for thread in process.threads()]
    with start("sum(range(10_000_000))") as child, ntipc.Process.open(child.pid) as other:
        assert child.wait(20) and child.threads() == []
        assert (child.times.user or 0) > 0 and child.times.system is not None and child.times.started >= started
        assert other.times == (None, None, pytest.approx(child.times.started))


def test_the_code_of_what_ends_right_after_it_was_opened_is_known() -> None:
    for _ in range(20):
        stranger = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        with ntipc.Process.open(stranger.pid) as process:
            assert stranger.stdin is not None
            stranger.stdin.close()
            stranger.wait()  # its zombie is gone, perhaps before anybody looks
            assert process.wait(20) and process.exit_code == 0


def test_nothing_is_left_of_what_was_opened(peer: Peer) -> None:
    for _ in range(50):
        ntipc.Process.open(peer.pid).close()
        ntipc.Thread.current()
    gc.collect()
    assert look()["objects"] == []


def test_two_thousand_handles_at_once(peer: Peer) -> None:
    handles = [ntipc.Process.open(peer.pid) for _ in range(1000)]
    handles += [handles[0].duplicate() for _ in range(1000)]
    assert len({process.handle for process in handles}) == 2000
    peer.kill()
    assert ntipc.wait_all(handles[:1] + [handles[-1].duplicate()][:0], 20) is not None
    assert all(process.wait(20) for process in handles)
    for process in handles:
        process.close()


CLOSES_ALL = """
import os, subprocess, ntipc
one, two = (subprocess.Popen(['sleep', '1000']) for _ in 'ab')
first = ntipc.Process.open(one.pid)
os.closerange(3, 100)
second = ntipc.Process.open(two.pid)
one.kill(); two.kill()
assert (first.wait(20), second.wait(20), first.exit_code, second.exit_code) == (True, True, -9, -9)
one.wait(); two.wait()
"""


def test_a_program_that_closes_all_descriptors_still_learns_of_ends() -> None:
    subprocess.run([PYTHON, "-c", CLOSES_ALL], check=True, timeout=60)


def test_a_forked_child_waits_for_what_its_parent_opened(peer: Peer) -> None:
    stranger = sleeper()
    peer.run(f"process = ntipc.Process.open({stranger.pid})")
    peer.run("child = os.fork()\nif not child: os._exit(40 + process.wait(20) + (process.exit_code == -9))")
    stranger.kill()
    assert peer.run("os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])") == 42
    stranger.wait()


def test_threads_are_waited_for() -> None:
    """PM-20."""
    go = threading.Event()
    worker = threading.Thread(target=go.wait)
    worker.start()
    assert worker.native_id is not None
    with ntipc.Thread.open(worker.native_id) as thread, ntipc.Thread.current() as here:
        assert (thread.id, thread.pid) == (worker.native_id, os.getpid())
        assert not thread.wait(0) and thread.exit_code is None and thread.identity != here.identity
        go.set()
        assert ntipc.wait_any([here, thread], 20).index == 1  # type: ignore[union-attr]
        worker.join()
        assert thread.exit_code == 0
    with pytest.raises(ntipc.ProcessNotFound):
        ntipc.Thread.open(worker.native_id)


def test_threads_of_a_process_end_with_it(peer: Peer) -> None:
    peer.run("x = 1", thread="worker")
    with ntipc.Process.open(peer.pid) as process:
        threads = process.threads()
        assert len(threads) >= 2 and {thread.pid for thread in threads} == {peer.pid}
        peer.end_thread("worker")
        wait_until(lambda: any(thread.wait(0) for thread in threads))
        assert not process.wait(0)
        peer.kill()
        assert all(thread.wait(20) for thread in threads)


def kernel_thread() -> int | None:
    try:
        with open("/proc/2/comm") as file:
            return 2 if file.read() == "kthreadd\n" else None
    except OSError:
        return None


@pytest.mark.skipif(kernel_thread() is None, reason="no thread of the kernel of Linux is to be seen here")
def test_a_thread_of_the_kernel_of_linux_runs_for_ever() -> None:
    with ntipc.Process.open(2, Access.SYNCHRONIZE | Access.PROCESS_QUERY_INFORMATION) as process:
        assert not process.wait(0.01) and process.exit_code is None and process.times.user is not None


def test_the_first_process_can_be_waited_for() -> None:
    with ntipc.Process.open(1, Access.SYNCHRONIZE) as process:
        assert not process.wait(0) and process.pid == 1


@pytest.mark.parametrize("code", [-1, 2**31, 2**63])
def test_codes_that_cannot_be(code: int) -> None:
    stranger = sleeper()
    with ntipc.Process.open(stranger.pid) as process:
        with pytest.raises(ntipc.InvalidParameter):
            process.terminate(code)
        assert not process.wait(0)
    stranger.kill()
    stranger.wait()


def test_handles_of_other_types_are_refused(peer: Peer) -> None:
    """HD-22, HD-43: the type is told before the rights."""
    event, process = ntipc.Event(), ntipc.Process.open(peer.pid, Access.SYNCHRONIZE)
    with process, ntipc.Thread.current() as thread:
        for kind, thing in ((ntipc.Process, event), (ntipc.Thread, process), (ntipc.Process, thread)):
            with pytest.raises(ntipc.ObjectTypeMismatch) as problem:
                kind.from_handle(thing.handle)
            assert problem.value.winerror == 6
        with pytest.raises(TypeError):
            ntipc.signal_and_wait(process, event, 0)

"""A parent that is killed between fork and its child's first steps, and what is left after the last has left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import look, wait_until

import ntipc

PARENT = """
import os, signal, time

def orphan():
    parent = os.getppid()
    os.kill(parent, signal.SIGKILL)
    while os.getppid() == parent:
        time.sleep(0.001)
    time.sleep(0.1)  # long enough for the dead parent's handles to be closed, if anybody did

os.register_at_fork(after_in_child=orphan)  # before ntipc's own, so it runs first
import ntipc
told, unnamed, mutex = ntipc.Event.open("told"), ntipc.Semaphore(initial=3), ntipc.Mutex("mutex")
mutex.acquire()
if os.fork() == 0:
    assert unnamed.count == 3 and unnamed.release() == 3
    told.set()
    os._exit(0)
"""


def test_child_of_a_parent_killed_in_the_fork_has_every_handle() -> None:
    told, mutex = ntipc.Event("told"), ntipc.Mutex("mutex")
    parent = subprocess.run([sys.executable, "-W", "error", "-c", PARENT], capture_output=True, text=True, timeout=30)
    assert told.wait(10), parent.stderr
    assert parent.returncode == -9
    with pytest.warns(ntipc.AbandonedMutexWarning):
        assert mutex.acquire(timeout=10)
    mutex.release()
    wait_until(lambda: told.info()["handles"] == 1)


def test_session_goes_with_the_last_who_leaves_while_a_killed_one_is_still_giving_back_its_memory(
    session: ntipc.Session, start_peer: Callable[..., Peer]
) -> None:
    path = session.path
    session.close()
    huge, last = start_peer(), start_peer()
    for peer in (huge, last):
        peer.run("session = ntipc.Session()")
    huge.run("memory = bytearray(b'x') * 400_000_000")  # some hundredth of a second
    os.kill(huge.pid, signal.SIGKILL)
    wait_until(lambda: [process["pid"] for process in look(path)["processes"]] == [last.pid])
    last.run("session.close()")
    assert not os.path.exists(path)

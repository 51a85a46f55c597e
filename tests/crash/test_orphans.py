"""A parent that is killed between fork and its child's first steps."""

import subprocess
import sys

import pytest
from harness.waiting import wait_until

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

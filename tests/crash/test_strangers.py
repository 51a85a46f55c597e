"""A lock whose holder is stopped stays with it, whatever /proc says of a stranger with its number."""

import os
import select
import shutil
import subprocess
import sys

import pytest
from harness.waiting import wait_until

import ntipc

NAMESPACE = ["unshare", "--fork", "--kill-child", "--pid"]
STOPS = """
import time, ntipc
from ntipc import _kernel
kept = ntipc.Event()
while not any(each['name'] == 'ready' and each['signaled'] for each in ntipc.inspect()['objects']):
    time.sleep(0.01)
_kernel.arm_fault('LockTaken', 1, 'stop')
ntipc.Event()
"""
WANTS = """
import time, ntipc
ready = ntipc.Event('ready')
ready.set()
while ntipc.inspect()['lock_owner'] is None:
    time.sleep(0.01)
print('waits', flush=True)
other = ntipc.Event()
print('has it', flush=True)
"""
BOTH = """
"$0" -c "$1" & wants=$!
echo $3 > /proc/sys/kernel/ns_last_pid
"$0" -c "$2" & wait $wants
"""


def may_choose_pids() -> bool:
    return (
        os.geteuid() == 0
        and os.path.exists("/proc/sys/kernel/ns_last_pid")
        and shutil.which("unshare") is not None
        and not subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode
    )


@pytest.mark.skipif(not may_choose_pids(), reason="only root can make pid namespaces, and choose pids in them")
def test_lock_of_a_stopped_holder_is_not_taken_because_a_stranger_sleeps(session: ntipc.Session) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    command = [*NAMESPACE, "sh", "-c", BOTH, sys.executable, WANTS, STOPS, str(stranger.pid - 1)]
    here = os.stat("/proc/self/ns/pid").st_ino
    both = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert both.stdout is not None
    try:
        assert select.select([both.stdout], [], [], 20)[0] and both.stdout.readline() == b"waits\n"
        wait_until(lambda: ntipc.inspect()["lock_owner"] is not None)
        holder = ntipc.inspect()["lock_owner"]["process"]
        (found,) = [process for process in ntipc.inspect()["processes"] if process["slot"] == holder]
        assert found["own_pid"] == stranger.pid and found["pid"] is None
        assert not select.select([both.stdout], [], [], 2)[0]
    finally:
        both.stdout.close()
        for process in both, stranger:
            process.kill()
            process.wait()
        wait_until(lambda: not any(each["pid_namespace"] != here for each in ntipc.inspect()["processes"]))

"""A participant that is stopped while it holds the dispatcher lock: who needs the lock waits, nobody else does."""

import os
import signal
from collections.abc import Callable

import pytest
from harness.peers import Peer
from harness.waiting import is_stopped, wait_until

from ntipc import _kernel

pytestmark = pytest.mark.skipif(not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults")

NEEDS_THE_LOCK = {
    "create": "ntipc.Event()",
    "close": "handle.close()",
    "sleep": "ntipc.wait_any([unset, event.duplicate()], 5)",
    "signal to a waiter": "waited_for.set()",
}


@pytest.mark.parametrize("need", NEEDS_THE_LOCK)
def test_threads_that_do_not_need_the_lock_go_on(need: str, start_peer: Callable[..., Peer]) -> None:
    holder, other = start_peer(), start_peer()
    holder.run("event = ntipc.Event()")
    other.run("event, unset, handle, waited_for = (ntipc.Event() for _ in range(4)); begun = False")
    sleeper = other.begin("waited_for.wait(20)", "sleeper")
    wait_until(lambda: other.run("waited_for.info()['waiters']") == 1)
    held = holder.begin("_kernel.arm_fault('LockTaken', 1, 'stop'); ntipc.Event()")
    wait_until(lambda: is_stopped(holder.pid))
    call = other.begin(f"begun = True; {NEEDS_THE_LOCK[need]}; True", "needy")
    wait_until(lambda: other.run("begun"))
    for _ in range(20):
        assert other.run("time.sleep(0.001); event.set(), event.wait(0)") == (False, True)
    assert not call.returned
    os.kill(holder.pid, signal.SIGCONT)
    assert call.result(timeout=10) is True
    held.result(timeout=10)
    other.run("waited_for.set()")
    assert sleeper.result(timeout=10) is True

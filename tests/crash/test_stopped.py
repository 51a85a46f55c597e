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


def test_threads_that_take_handles_from_one_queue_let_each_other_go_on(start_peer: Callable[..., Peer]) -> None:
    """One waits for the lock and has its side of the queue; the others wait for it, and must not keep the GIL."""
    holder, other = start_peer(), start_peer()
    holder.run("event = ntipc.Event()")
    other.run("queue, event, begun = ntipc.Queue(), ntipc.Event(), set()")
    other.run("for number in range(4): queue.put(b'%d' % number, handles=[event])")
    held = holder.begin("_kernel.arm_fault('LockTaken', 1, 'stop'); ntipc.Event()")
    wait_until(lambda: is_stopped(holder.pid))
    calls = [other.begin(f"begun.add({name!r}); queue.receive().data", name) for name in ("a", "b", "c")]
    wait_until(lambda: len(other.run("begun")) == 3)
    for _ in range(20):
        other.run("time.sleep(0.001)")
    assert not any(call.returned for call in calls)
    os.kill(holder.pid, signal.SIGCONT)
    assert sorted(call.result(timeout=10) for call in calls) == [b"0", b"1", b"2"]
    held.result(timeout=10)
    assert other.run("queue.receive().data") == b"3"

"""More participants than one thread of the reaper can watch, and threads by the hundred: every death is told."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.peers import Peer
from harness.suspicions import exists, suspicions_in
from harness.waiting import facts, look, wait_for_waiters, wait_until

import ntipc

pytestmark = pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")

StartPeer = Callable[..., Peer]

SHARD = 120
"""Participants that one thread of the reaper watches."""
CROWD = 2 * SHARD + 12
THREADS = 300

FORKS = f"""
def live(number):
    mine, neighbours = ntipc.Mutex(f"mutex {{number}}"), ntipc.Mutex(f"mutex {{(number + 1) % {CROWD}}}")
    mine.acquire()
    ready.release()
    while True:
        signal.pause()

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
ready = ntipc.Semaphore("ready", initial=0)
children = []
for number in range({CROWD}):
    pid = os.fork()
    if pid == 0:
        try:
            os.close(0)
            os.close(output)
            signal.alarm(300)
            live(number)
        finally:
            os._exit(1)
    children.append(pid)
for _ in children:
    ready.acquire()
"""


class Crowd:
    """Some 250 tiny processes. Each owns a mutex, to which its neighbour has a handle too."""

    def __init__(self, nursery: Peer) -> None:
        nursery.run(FORKS, timeout=50)
        self.pids: list[int] = nursery.run("children")

    def slots(self) -> dict[int, int]:
        """Where those that take part stand in the table of participants, by their number."""
        slots = {process["pid"]: process["slot"] for process in look()["processes"]}
        return {number: slots[pid] for number, pid in enumerate(self.pids) if pid in slots}

    def kill(self, pid: int) -> None:
        """Kill one of them, and wait until it is no participant any more."""
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.pids.index(pid) not in self.slots())

    def kill_one_in_each_shard(self) -> None:
        """The last of each shard, the furthest from what is watched first; its mutex is abandoned."""
        slots, reaper = self.slots(), look()["reaper_pid"]
        for shard in range(CROWD // SHARD + 1):
            number = max(one for one, slot in slots.items() if slot // SHARD == shard and self.pids[one] != reaper)
            assert mutex(number)["owner_pid"] == self.pids[number]
            self.kill(self.pids[number])
            assert mutex(number)["owner_pid"] is None and mutex(number)["abandoned"]

    def end(self) -> None:
        for number in self.slots():
            os.kill(self.pids[number], signal.SIGKILL)
        wait_until(lambda: not self.slots())


def mutex(number: int) -> dict[str, Any]:
    return next(entry for entry in look()["objects"] if entry["name"] == f"mutex {number}")


def settled() -> bool:
    return not list(suspicions_in(look(), exists))


@pytest.fixture
def crowd_of(start_peer: StartPeer) -> Iterator[Callable[[Peer], Crowd]]:
    """Makes crowds, and sees to it that nobody of them is left."""
    crowds = []

    def make(nursery: Peer) -> Crowd:
        crowds.append(Crowd(nursery))
        return crowds[-1]

    yield make
    for crowd in crowds:
        crowd.end()


def test_deaths_are_told_in_every_shard(peer: Peer, crowd_of: Callable[[Peer], Crowd]) -> None:
    crowd = crowd_of(peer)
    assert look()["reaper_pid"] == os.getpid() and look()["participants"] == CROWD + 2
    for _ in range(2):
        crowd.kill_one_in_each_shard()
    wait_until(settled)


def test_each_next_reaper_watches_every_shard(
    session: ntipc.Session, start_peer: StartPeer, crowd_of: Callable[[Peer], Crowd]
) -> None:
    session.close()
    nursery = start_peer()
    crowd = crowd_of(nursery)
    assert look()["reaper_pid"] == nursery.pid
    nursery.kill()
    for _ in range(2):
        reaper = wait_until(lambda: next((pid for pid in crowd.pids if pid == look()["reaper_pid"]), None))
        crowd.kill_one_in_each_shard()
        crowd.kill(reaper)
    wait_until(settled)
    start_peer().run("session = ntipc.Session()")  # somebody must be left to tell of the rest
    crowd.end()


def test_process_with_hundreds_of_threads_is_killed_and_every_queue_and_mutex_is_put_right(peer: Peer) -> None:
    gate, survivor = ntipc.Semaphore("gate", initial=0), ntipc.Semaphore("survivor", initial=0)
    peer.run(
        f"""
def live(number):
    mutex = ntipc.Mutex(f"mutex {{number}}")
    mutex.acquire()
    ntipc.wait_all([gate, survivor])

gate, survivor = ntipc.Semaphore.open("gate"), ntipc.Semaphore.open("survivor")
threading.stack_size(256 << 10)
for number in range({THREADS}):
    threading.Thread(target=live, args=(number,), daemon=True).start()
"""
    )
    wait_for_waiters(gate, THREADS)
    mutexes = [ntipc.Mutex.open(f"mutex {number}") for number in range(THREADS)]
    assert not any(each.wait(0) for each in mutexes)
    gate.release(THREADS // 2)
    peer.kill()
    assert all(each.acquire(timeout=20) and each.abandoned for each in mutexes)
    wait_for_waiters(gate, 0)
    assert gate.count == THREADS // 2 and facts(survivor)["waiters"] == 0
    for each in mutexes:
        each.release()

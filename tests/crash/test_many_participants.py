"""More participants than one call of Linux can wait for, and threads by the hundred: others learn of every death."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.peers import Peer
from harness.suspicions import exists, suspicions_in
from harness.waiting import facts, look, wait_for_waiters, wait_until
from harness.watching import watchers_of

import ntipc

pytestmark = pytest.mark.filterwarnings("ignore::ntipc.AbandonedMutexWarning")

StartPeer = Callable[..., Peer]

CROWD = 252
THREADS = 300

FORKS = f"""
import resource

def use_up_address_space():
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size, size))

def starts_threads():
    try:
        thread = threading.Thread(target=int)
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True

def live(number):
    mine, neighbours = ntipc.Mutex(f"mutex {{number}}"), ntipc.Mutex(f"mutex {{(number + 1) % {CROWD}}}")
    mine.acquire()
    if cramped:
        use_up_address_space()
        assert not starts_threads()
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

    def __init__(self, nursery: Peer, *, cramped: bool = False) -> None:
        """``cramped``: there is no address space for the stack of another thread in any of them."""
        nursery.run(f"cramped = {cramped}\n{FORKS}", timeout=50)
        self.pids: list[int] = nursery.run("children")

    def slots(self) -> dict[int, int]:
        """Where those that take part stand in the table of participants, by their number."""
        slots = {process["pid"]: process["slot"] for process in look()["processes"]}
        return {number: slots[pid] for number, pid in enumerate(self.pids) if pid in slots}

    def kill(self, pid: int) -> None:
        """Kill one of them, and wait until it is no participant any more."""
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.pids.index(pid) not in self.slots())

    def kill_some(self) -> None:
        """The first, the last, and some between them; the mutex of each is abandoned."""
        slots = self.slots()
        by_slot = sorted((one for one in slots if (one - 1) % CROWD in slots), key=slots.__getitem__)
        for number in (by_slot[0], by_slot[-1], *by_slot[20:-20:50]):
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
def crowd_of(start_peer: StartPeer) -> Iterator[Callable[..., Crowd]]:
    """Makes crowds, and sees to it that nobody of them is left."""
    crowds = []

    def make(nursery: Peer, *, cramped: bool = False) -> Crowd:
        crowds.append(Crowd(nursery, cramped=cramped))
        return crowds[-1]

    yield make
    for crowd in crowds:
        crowd.end()


def test_deaths_are_told_wherever_the_dead_stood(peer: Peer, crowd_of: Callable[..., Crowd]) -> None:
    crowd = crowd_of(peer)
    assert look()["participants"] == CROWD + 2
    for _ in range(2):
        crowd.kill_some()
    wait_until(settled)


def test_watchers_that_can_start_no_thread_tell_of_every_death(peer: Peer, crowd_of: Callable[..., Crowd]) -> None:
    crowd = crowd_of(peer, cramped=True)
    crowd.kill_some()
    wait_until(settled)


def test_watchers_are_killed_one_after_the_other(
    session: ntipc.Session, start_peer: StartPeer, crowd_of: Callable[..., Crowd]
) -> None:
    session.close()
    nursery = start_peer()
    crowd = crowd_of(nursery)
    nursery.kill()
    last = max(crowd.slots(), key=crowd.slots().__getitem__)
    for _ in range(4):
        (watcher, *_) = watchers_of(crowd.pids[last])
        crowd.kill(watcher)
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

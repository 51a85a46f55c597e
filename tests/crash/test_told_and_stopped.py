"""Somebody is told of what others wait for, too, and is stopped before it acts: the others get it."""

import os
import signal
from collections.abc import Callable

import pytest
from harness.peers import Call, Peer
from harness.stopping import go_on, stopped
from harness.waiting import is_stopped, wait_for_waiters, wait_until

import ntipc
from ntipc import _kernel

StartPeer = Callable[..., Peer]
needs_fault_points = pytest.mark.skipif(
    not _kernel.FAULT_POINTS, reason="this build has no fault points: make build-faults"
)

READING = ["WaitBeforeSleep", "WaitWoken", "AckBeforeIdle", "AckDone"]
"""Steps of a reader, from the moment it waits."""
WRITING = ["TurnTaken", *READING, "PutCopied"]
"""Steps of a writer that has the turn, or gets it."""


def waiting_readers(
    start_peer: StartPeer, queue: ntipc.Queue, count: int, first: str = "None"
) -> list[tuple[Peer, Call]]:
    """Peers that read one message each, in the order in which they began to wait; what the first one does before."""
    readers = []
    for number in range(count):
        peer = start_peer()
        peer.run("queue = ntipc.Queue('queue')")
        readers.append((peer, peer.begin(f"{first if not number else 'None'}; queue.get(30)", "reader")))
        wait_for_waiters(queue, number + 1)
    return readers


@needs_fault_points
@pytest.mark.parametrize("point", READING)
def test_message_that_a_stopped_reader_was_told_of_goes_to_another(point: str, start_peer: StartPeer) -> None:
    queue = ntipc.Queue("queue")
    (victim, late), (_, call) = waiting_readers(start_peer, queue, 2, f"_kernel.arm_fault({point!r}, 1, 'stop')")
    queue.put(b"one")
    assert call.result(timeout=10) == b"one"
    wait_until(lambda: is_stopped(victim.pid))
    go_on(victim)
    queue.put(b"two")
    assert late.result(timeout=10) == b"two"


def test_messages_go_round_two_stopped_readers(start_peer: StartPeer) -> None:
    queue = ntipc.Queue("queue")
    readers = waiting_readers(start_peer, queue, 4)
    with stopped(readers[0][0]), stopped(readers[1][0]):
        queue.put(b"one")
        queue.put(b"two")
        assert {call.result(timeout=10) for _, call in readers[2:]} == {b"one", b"two"}
    queue.put(b"three")
    queue.put(b"four")
    assert {call.result(timeout=10) for _, call in readers[:2]} == {b"three", b"four"}


def test_request_goes_to_another_server_when_the_one_that_was_told_is_stopped(start_peer: StartPeer) -> None:
    queue = ntipc.Queue("queue")
    servers = []
    for number in range(2):
        server = start_peer()
        server.run("queue = ntipc.Queue('queue')")
        servers.append((server, server.begin("message = queue.receive(30); message.reply(message.data * 2)", "server")))
        wait_for_waiters(queue, number + 1)
    with stopped(servers[0][0]):
        assert queue.writer.call(b"ask", timeout=10).data == b"askask"
        servers[1][1].result(timeout=10)
    assert queue.writer.call(b"again", timeout=10).data == b"againagain"
    servers[0][1].result(timeout=10)


@needs_fault_points
@pytest.mark.parametrize("point", WRITING)
def test_room_that_is_kept_for_a_stopped_writer_goes_to_others(point: str, start_peer: StartPeer) -> None:
    queue = ntipc.Queue("queue", quota=10_000)
    queue.put(b"x" * 9000)
    victim, early, late = start_peer(), start_peer(), start_peer()
    for peer in victim, early, late:
        peer.run("queue = ntipc.Queue('queue')")
    call = victim.begin(f"_kernel.arm_fault({point!r}, 1, 'stop'); queue.put(b'y' * 8000)", "writer")
    wait_until(lambda: is_stopped(victim.pid) or queue.writer.info()["waiters"])
    waited = early.begin("queue.put(b'early' * 600)", "writer")  # too much beside the 9,000 bytes
    wait_until(lambda: queue.writer.info()["waiters"] > (not is_stopped(victim.pid)))
    assert len(queue.get(0)) == 9000
    waited.result(timeout=10)
    wait_until(lambda: is_stopped(victim.pid))
    late.run("queue.put(b'late')", "writer", timeout=10)
    queue.put(b"mine", 10)
    assert [queue.get(0)[:4] for _ in range(3)] == [b"earl", b"late", b"mine"]
    go_on(victim)
    call.result(timeout=10)
    assert queue.get(0) == b"y" * 8000


def test_order_of_a_stopped_writer_is_kept(start_peer: StartPeer) -> None:
    queue = ntipc.Queue("queue", quota=100)
    queue.put(b"x" * 90)
    victim = start_peer()
    victim.run("queue = ntipc.Queue('queue')")
    call = victim.begin("[queue.put(b'%d' % number + b'y' * 79) for number in range(3)]", "writer")
    wait_for_waiters(queue.writer, 1)
    with stopped(victim):
        queue.get(0)
        queue.put(b"z", 10)
    assert queue.get(10) == b"z"
    assert [queue.get(10)[:1] for _ in range(3)] == [b"0", b"1", b"2"]
    call.result(timeout=10)


def test_long_signal_handler_of_a_reader_keeps_nobody_from_its_message(start_peer: StartPeer) -> None:
    queue = ntipc.Queue("queue")
    busy = start_peer()
    busy.run(
        "import signal; queue = ntipc.Queue('queue'); entered = ntipc.Event('entered'); leave = ntipc.Event('leave')"
    )
    busy.run("signal.signal(signal.SIGUSR1, lambda *_: (entered.set(), leave.wait(30)))")
    entered, leave = ntipc.Event("entered"), ntipc.Event("leave")
    late = busy.begin("queue.get(30)")  # in the main thread, where handlers run
    wait_for_waiters(queue, 1)
    other = start_peer()
    other.run("queue = ntipc.Queue('queue')")
    call = other.begin("queue.get(30)", "reader")
    wait_for_waiters(queue, 2)
    os.kill(busy.pid, signal.SIGUSR1)
    assert entered.wait(10)
    queue.put(b"one")
    assert call.result(timeout=10) == b"one"
    leave.set()
    queue.put(b"two")
    assert late.result(timeout=10) == b"two"


def test_waiters_of_what_nobody_gives_do_not_wake_by_time(start_peer: StartPeer) -> None:
    """A mutex is owned, a waiter of it is stopped: nothing is outstanding, and nobody looks at short times."""
    mutex = ntipc.Mutex("mutex")
    mutex.acquire()
    victim, sleeper = start_peer(), start_peer()
    for number, peer in enumerate([victim, sleeper]):
        peer.run("mutex = ntipc.Mutex('mutex')")
        peer.begin("mutex.acquire(timeout=30)", "waiter")
        wait_for_waiters(mutex, number + 1)
    thread = next(
        thread["tid"] for thread in ntipc.inspect()["threads"] if thread["pid"] == sleeper.pid and thread["waiting_on"]
    )
    with stopped(victim):
        before, looked = switches(sleeper.pid, thread), 0
        ntipc.Event().wait(1.5)
        looked = switches(sleeper.pid, thread) - before
    assert looked <= 8  # by then it has looked for the dead some five times
    mutex.release()


def switches(pid: int, tid: int) -> int:
    """How often the thread fell asleep."""
    with open(f"/proc/{pid}/task/{tid}/status") as file:
        return int(next(line for line in file if line.startswith("voluntary_ctxt_switches")).split()[1])

"""Signal handlers that run while their thread waits for a queue: what they do, raise or fork."""

import signal
import sys
import threading
from types import FrameType

import pytest
from harness.peers import Peer
from harness.waiting import asleep, wait_until

import ntipc
from ntipc.objects.arrivals import claim_as

LARGE = b"x" * 9000


def block(peer: Peer, handler: str, call: str) -> tuple[ntipc.Queue, object]:
    """A process that sleeps in that call on a queue of 1,000 bytes, which is full if it is to put something."""
    queue = ntipc.Queue("q", quota=1000)
    if "put" in call:
        queue.put(bytes(1000))
    peer.run("queue, told = ntipc.Queue.open('q'), ntipc.Queue('told')")
    peer.run(f"def handler(*_):\n    {handler}\nsignal.signal(signal.SIGUSR2, handler)")
    begun = peer.begin(call)
    wait_until(lambda: asleep(peer.pid))
    return queue, begun


def test_put_that_a_handler_interrupts_puts_nothing_and_passes_its_turn_on(peer: Peer) -> None:
    queue, call = block(peer, "raise LookupError('enough')", f"queue.put({LARGE!r})")
    with pytest.raises(ntipc.Timeout):
        queue.put(b"small", timeout=0)
    peer.process.send_signal(signal.SIGUSR2)
    with pytest.raises(LookupError, match="enough"):
        call.result()
    assert queue.get() == bytes(1000)
    queue.put(b"small", timeout=0)
    assert queue.get() == b"small" and queue.empty()


def test_handler_may_use_the_queue_that_its_thread_waits_for(peer: Peer) -> None:
    queue, call = block(peer, "told.put(queue.get()); queue.put(b'between')", f"queue.put({LARGE!r})")
    peer.process.send_signal(signal.SIGUSR2)
    assert ntipc.Queue.open("told").get(timeout=20) == bytes(1000)
    assert queue.get(timeout=20) == b"between"
    assert queue.get(timeout=20) == LARGE
    call.result()


def test_handler_may_wait_for_the_queue_that_its_thread_waits_for(peer: Peer) -> None:
    queue, call = block(peer, "told.put(b'here'); told.put(queue.get())", "queue.get()")
    peer.process.send_signal(signal.SIGUSR2)
    told = ntipc.Queue.open("told")
    assert told.get(timeout=20) == b"here"
    queue.put(b"for the handler")
    assert told.get(timeout=20) == b"for the handler"
    assert not call.returned
    queue.put(b"for the call")
    assert call.result() == b"for the call"


@pytest.mark.parametrize("call", ["queue.put(b'y' * 9000)", "queue.get()"])
def test_parent_and_child_of_a_fork_in_a_handler_both_go_on(call: str, peer: Peer) -> None:
    """The child waits in its own name, and what it has in hand is its own."""
    run = f"if (result := {call}, children)[1] == [0]: os._exit(0 if result in (None, b'message') else 1)"
    peer.run("children = []")
    queue, begun = block(peer, "children.append(os.fork()); told.put(b'%d' % children[0])", run)
    peer.process.send_signal(signal.SIGUSR2)
    told = ntipc.Queue.open("told")
    assert sorted([told.get(timeout=20), told.get(timeout=20)])[0] == b"0"
    if "get" in call:
        queue.put(b"message")
        queue.put(b"message")
    else:
        assert queue.get() == bytes(1000)
        assert [queue.get(timeout=20) for _ in range(2)] == [b"y" * 9000] * 2
    begun.result()
    assert peer.run("os.waitpid(children[0], 0)[1]") == 0
    assert queue.empty()


def test_receiver_that_fails_half_way_keeps_none_of_the_handles_that_came() -> None:
    queue, events = ntipc.Queue(), [ntipc.Event(), ntipc.Event()]
    queue.put(b"", handles=[events[0], ntipc.Semaphore(), events[1]])
    frame = queue._take(None, 0)
    assert frame is not None and frame.carried == ["Event", "Semaphore", "Event"]
    with pytest.raises(ntipc.ObjectTypeMismatch):  # whose traceback knows the objects
        claim_as(frame, [ntipc.Event, ntipc.Event, ntipc.Event])
    assert [event.info()["handles"] for event in events] == [2, 1]
    assert frame.carried == ["Event", "Semaphore"]
    del frame
    assert [event.info()["handles"] for event in events] == [1, 1]


def test_handles_that_came_are_claimed_once_and_by_as_many_objects() -> None:
    queue, event = ntipc.Queue(), ntipc.Event()
    queue.put(b"", handles=[event])
    frame = queue._take(None, 0)
    assert frame is not None
    with pytest.raises(ValueError, match="1 handles came along, and the objects are 2"):
        claim_as(frame, [ntipc.Event, ntipc.Event])
    (arrived,) = claim_as(frame, [ntipc.Event])
    assert arrived.identity == event.identity
    assert frame.carried == claim_as(frame, []) == []


def test_thread_that_asks_a_frame_waits_for_no_other_that_claims_its_handles() -> None:
    """The failure of a claim is made by Python, where threads take turns."""
    queue = ntipc.Queue()
    queue.put(b"", handles=[ntipc.Event()])
    frame = queue._take(None, 0)
    assert frame is not None
    failing, asked = threading.Event(), threading.Event()

    def trace(called: FrameType, event: str, _: object) -> None:
        if called.f_code.co_name == "from_status":
            failing.set()
            asked.wait(20)

    def claim() -> None:
        sys.settrace(trace)
        with pytest.raises(ntipc.ObjectTypeMismatch):
            claim_as(frame, [ntipc.Semaphore])

    thread = threading.Thread(target=claim)
    thread.start()
    assert failing.wait(20)
    assert frame.carried in ([], ["Event"])
    asked.set()
    thread.join()
    assert frame.carried == ["Event"]

"""Queues: messages between processes, in order, whole or not at all."""

import os
import pickle
import signal
import sys
import threading
import time
from array import array
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import asleep, facts, look, wait_for_waiters, wait_until

import ntipc
from ntipc import Queue
from ntipc.queues.ends import LONGEST_MESSAGE

SIZES = [0, 1, 7, 8, 2047, 2048, 2049, 4096, 65_536, 65_537, 1_000_000, 9_999_999]


def pattern(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(range(size % 251))


@pytest.mark.parametrize("size", SIZES)
def test_message_arrives_as_it_was_sent(size: int, peer: Peer) -> None:
    queue, back = Queue("there"), Queue("back")
    peer.run("there, back = ntipc.Queue('there'), ntipc.Queue('back')")
    call = peer.begin("back.put(there.get())")
    queue.put(pattern(size))
    assert back.get(20) == pattern(size)
    call.result()
    assert facts(queue)["messages"] == facts(queue)["bytes"] == 0


def test_messages_of_one_writer_stay_in_order(peer: Peer) -> None:
    queue = Queue("q", quota=1000)
    call = peer.begin("w = ntipc.QueueWriter('q')\nfor number in range(5000): w.put(str(number).encode())")
    assert [int(queue.get(20)) for _ in range(5000)] == list(range(5000))
    call.result()


def test_messages_of_many_writers_arrive_once_and_each_in_order(start_peer: Any) -> None:
    queue = Queue("q", quota=3000)
    code = "w = ntipc.QueueWriter('q')\nfor number in range(800): w.put(f'{os.getpid()} {number}'.encode())"
    calls = {peer.pid: peer.begin(code) for peer in [start_peer() for _ in range(3)]}
    next_of = dict.fromkeys(calls, 0)
    for _ in range(3 * 800):
        pid, number = map(int, queue.get(20).split())
        assert number == next_of[pid]
        next_of[pid] += 1
    for call in calls.values():
        call.result()
    assert queue.empty()


def test_readers_share_the_messages(start_peer: Any) -> None:
    reader, writer = Queue("q").split()
    peers = [start_peer() for _ in range(3)]
    calls = [peer.begin("list(ntipc.QueueReader('q'))") for peer in peers]
    wait_until(lambda: facts(reader)["readers"] == 4)
    reader.close()
    for number in range(300):
        writer.put(b"%d" % number)
    writer.close()
    got = [int(message) for call in calls for message in call.result()]
    assert sorted(got) == list(range(300))


def test_pieces_are_one_message() -> None:
    queue = Queue()
    queue.put([b"one", bytearray(b"two"), memoryview(b"three"), array("H", [0x4141]), b""])
    queue.put((b"a", b"b"))
    assert queue.get() == b"onetwothreeAA" and queue.get() == b"ab"


@pytest.mark.parametrize("data", [b"xyz", bytearray(b"xyz"), memoryview(b"xyz"), array("b", b"xyz")])
def test_whatever_has_bytes_can_be_put(data: Any) -> None:
    queue = Queue()
    queue.put(data)
    assert queue.get() == b"xyz"


@pytest.mark.parametrize("data", ["text", None, 5, [b"a", "b"], [[b"a"]], {b"a": 1}])
def test_what_has_no_bytes_is_refused(data: Any) -> None:
    queue = Queue()
    with pytest.raises(TypeError, match="bytes-like"):
        queue.put(data)
    assert queue.empty()


def test_memory_that_is_not_in_one_piece_is_refused() -> None:
    with pytest.raises(BufferError):
        Queue().put(memoryview(b"abcdef")[::2])


def test_tag_and_sender_come_along(peer: Peer) -> None:
    queue = Queue("q")
    peer.run("q = ntipc.Queue('q'); q.put(b'mine', tag=2**32 - 1)")
    message = queue.receive(10)
    assert (message.data, message.tag, message.pid) == (b"mine", 2**32 - 1, peer.pid)
    assert "mine" in repr(message) and str(peer.pid) in repr(message)


def test_sender_that_has_ended_is_nobody(peer: Peer) -> None:
    queue = Queue("q")
    peer.run("ntipc.Queue('q').put(b'last')")
    peer.kill()
    wait_until(lambda: len(look()["processes"]) == 1)
    assert queue.receive(10).pid is None


@pytest.mark.parametrize("tag", [-1, 2**32])
def test_impossible_tag_is_refused(tag: int) -> None:
    with pytest.raises(OverflowError):
        Queue().put(b"", tag=tag)


def test_get_of_an_empty_queue_times_out() -> None:
    queue = Queue("jobs")
    with pytest.raises(ntipc.Timeout) as problem:
        queue.get(0)
    text = str(problem.value)
    assert isinstance(problem.value, TimeoutError) and "Queue.get" in text and "jobs" in text
    for call in queue.get, queue.receive, lambda timeout: queue.get_into(bytearray(5), timeout):
        with pytest.raises(ntipc.Timeout):
            call(0.01)


def test_put_into_a_full_queue_times_out_and_puts_nothing() -> None:
    queue = Queue(quota=10)
    queue.put(b"1234567890")
    for timeout in 0, 0.01:
        with pytest.raises(ntipc.Timeout):
            queue.put(b"x", timeout)
    assert queue.get() == b"1234567890" and queue.empty()
    queue.put(b"x", 0)


def test_empty_messages_are_bounded_too() -> None:
    queue = Queue(quota=1)
    with pytest.raises(ntipc.Timeout):
        for _ in range(10_000):
            queue.put(b"", 0)
    assert queue.get(0) == b"" and queue.qsize() > 0


def test_message_longer_than_the_quota_is_put_when_nothing_else_is_there(peer: Peer) -> None:
    queue = Queue("q", quota=100)
    queue.put(b"first")
    call = peer.begin("ntipc.Queue('q').put(b'x' * 1_000_000)")
    wait_until(lambda: asleep(peer.pid))
    assert queue.get() == b"first"
    assert queue.get(10) == b"x" * 1_000_000
    call.result()


def test_writer_sleeps_until_there_is_room_for_its_message(peer: Peer) -> None:
    queue = Queue("q", quota=100)
    queue.put(b"a" * 50)
    queue.put(b"b" * 50)
    call = peer.begin("ntipc.Queue('q').put(b'c' * 60)")
    wait_for_waiters(queue.writer, 1)
    assert queue.get() == b"a" * 50
    assert not call.returned
    assert queue.get() == b"b" * 50 and queue.get(10) == b"c" * 60
    call.result()


def test_existing_queue_keeps_its_quota() -> None:
    queue = Queue("q", quota=123)
    again = Queue("q", quota=5)
    assert not again.created and facts(again)["quota"] == 123 and facts(queue)["readers"] == 2


@pytest.mark.parametrize("quota", [0, -1, 2**40 + 1, 2**70])
def test_impossible_quota_is_refused(quota: int) -> None:
    with pytest.raises(ntipc.InvalidParameter):
        Queue(quota=quota)


def test_quota_must_be_a_number() -> None:
    with pytest.raises(TypeError):
        Queue(quota="many")  # type: ignore[arg-type]


def test_too_long_a_message_is_refused_in_words() -> None:
    queue = Queue()
    huge = memoryview(bytearray(1 << 20))
    with pytest.raises(ntipc.InvalidParameter) as problem:
        queue.put([huge] * 2048)  # 2 GiB, with 1 MiB of memory
    assert isinstance(problem.value, ValueError) and str(LONGEST_MESSAGE) in str(problem.value).replace(",", "")
    assert queue.empty() and ntipc.examine()["findings"] == []


def test_buffer_too_small_leaves_the_message() -> None:
    queue, buffer = Queue(), bytearray(4)
    queue.put(b"12345")
    with pytest.raises(ntipc.BufferTooSmall) as problem:
        queue.get_into(buffer)
    assert problem.value.winerror == 122 and "5 bytes" in str(problem.value)
    assert buffer == bytes(4) and queue.get() == b"12345"


def test_get_into_needs_writable_memory() -> None:
    queue = Queue()
    queue.put(b"12345")
    with pytest.raises((TypeError, BufferError)):
        queue.get_into(b"12345")  # type: ignore[arg-type]
    assert queue.qsize() == 1


@pytest.mark.parametrize("size", [0, 5, 2048, 2049, 300_000])
def test_get_into_fills_what_is_there(size: int) -> None:
    queue, target = Queue(), bytearray(b"-" * (size + 3))
    queue.put(pattern(size))
    assert queue.get_into(target) == size and target == pattern(size) + b"---"


def test_objects_are_pickled_only_when_asked(peer: Peer) -> None:
    queue = Queue("q")
    event, section = ntipc.Event(), ntipc.Section(size=100)
    queue.put_object({"event": event, "section": section, "text": ["a", 1]}, tag=3)
    peer.run("got = ntipc.Queue('q').get_object(10); got['event'].set(); got['section'].map()[0:1] = b'!'")
    assert event.wait(10) and bytes(section.map()[:1]) == b"!"
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        queue.put_object(lambda: None)
    queue.put(b"no pickle")
    with pytest.raises(pickle.UnpicklingError):
        queue.get_object(0)


def test_queues_can_be_waited_for_beside_anything_else(peer: Peer) -> None:
    queue, event = Queue("q", quota=1), ntipc.Event("e")
    assert ntipc.wait_any([event, queue], 0) is None
    call = peer.begin("ntipc.Queue('q').put(b'x')")
    found = ntipc.wait_any([event, queue], 10)
    assert found is not None and found.object is queue and queue.get() == b"x"
    call.result()
    both = ntipc.wait_any([queue, queue.writer], 0)
    assert both is not None and both.object is queue.writer
    queue.put(b"y")
    assert ntipc.wait_any([queue.writer], 0) is None
    assert ntipc.wait_all([queue, event], 0) is None
    event.set()
    assert ntipc.wait_all([queue, event], 0) is not None and queue.qsize() == 1


def test_a_wait_takes_no_message() -> None:
    queue = Queue()
    queue.put(b"x")
    assert queue.wait(0) and queue.wait(0) and queue.get() == b"x" and not queue.wait(0)


def test_peek_takes_nothing() -> None:
    queue = Queue()
    assert queue.peek() is None
    queue.put(b"first")
    queue.put(b"second")
    assert queue.peek() == b"first" and queue.qsize() == 2


def test_peek_tells_a_message_of_no_bytes_from_none() -> None:
    queue = Queue()
    queue.put(b"")
    assert queue.peek() == b"" and queue.get() == b"" and queue.peek() is None


def test_signal_handler_may_use_the_queue_that_it_interrupts() -> None:
    queue = Queue(quota=10)
    seen: list[bytes] = []

    def handle(*_: object) -> None:
        queue.put(b"handler")
        seen.append(queue.get())
        queue.put(b"done")

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGUSR1))
        timer.start()
        assert queue.get(20) == b"done" and seen == [b"handler"]
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_threads_of_one_process_share_a_queue() -> None:
    queue, got = Queue(quota=500), []
    lock = threading.Lock()

    def read() -> None:
        while (message := queue.get(20)) != b"stop":
            with lock:
                got.append(int(message))

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [
        threading.Thread(target=lambda first=first: [queue.put(b"%d" % (first + each)) for each in range(500)])
        for first in (0, 500, 1000)
    ]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    for _ in readers:
        queue.put(b"stop")
    for thread in readers:
        thread.join()
    assert sorted(got) == list(range(1500))


def test_big_messages_are_copied_without_the_interpreter_lock() -> None:
    queue, data = Queue(quota=1 << 28), bytes(1 << 24)
    counted, stop, switch = 0, False, sys.getswitchinterval()

    def count() -> None:
        nonlocal counted
        while not stop:
            counted += 1
            time.sleep(0)  # it gives way by itself

    def ran_beside_both() -> bool:
        """Whether the other thread, which needs a processor for it, has run during both copies."""
        before = counted
        queue.put(data)
        between = counted
        assert len(queue.get()) == len(data)
        return before < between < counted

    sys.setswitchinterval(100)  # the other thread runs only if it is let
    thread = threading.Thread(target=count)
    try:
        thread.start()
        wait_until(ran_beside_both, patience=20)
    finally:
        stop = True
        sys.setswitchinterval(switch)
        thread.join()

"""Queues: messages between processes, in order, whole or not at all, until the other end is gone."""

import gc
import os
import pickle
import signal
import sys
import threading
from array import array
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import asleep, facts, look, wait_for_waiters, wait_until

import ntipc
from ntipc import Queue, QueueReader, QueueWriter
from ntipc.queue_ends import LONGEST_MESSAGE

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


def test_end_of_stream_is_told_after_what_was_sent(peer: Peer) -> None:
    reader, writer = Queue("q").split()
    peer.run("w = ntipc.QueueWriter('q')")
    writer.close()
    peer.run("w.put(b'one'); w.put(b'two'); w.close()")
    assert reader.wait(0) and reader.get() == b"one" and reader.get() == b"two"
    for call in reader.get, reader.receive, reader.peek, lambda: reader.get_into(bytearray(9)):
        with pytest.raises(EOFError) as problem:
            call()
        assert isinstance(problem.value, ntipc.EndOfStream) and problem.value.winerror == 109
    assert reader.wait(0), "an end of stream is something to be woken for"


def test_killed_writer_is_an_end_of_stream(peer: Peer) -> None:
    reader, writer = Queue("q").split()
    peer.run("w = ntipc.QueueWriter('q'); w.put(b'last')")
    writer.close()
    assert reader.get(10) == b"last"
    waiter = threading.Thread(target=lambda: ended.append(list(reader)))
    ended: list[list[bytes]] = []
    waiter.start()
    wait_for_waiters(reader, 1)
    peer.kill()
    waiter.join(10)
    assert ended == [[]]


def test_killed_reader_is_a_broken_pipe_for_a_sleeping_writer(peer: Peer) -> None:
    peer.run("r, w = ntipc.Queue('q', quota=1).split()")
    writer = QueueWriter("q")
    writer.put(b"1")
    problems: list[Exception] = []

    def put() -> None:
        try:
            writer.put(b"2")
        except Exception as problem:
            problems.append(problem)

    thread = threading.Thread(target=put)
    thread.start()
    wait_for_waiters(writer, 1)
    peer.kill()
    thread.join(10)
    assert [type(problem) for problem in problems] == [ntipc.PeerGone] and isinstance(problems[0], BrokenPipeError)
    with pytest.raises(BrokenPipeError):
        writer.put(b"3", 0)
    assert writer.wait(0), "that nobody reads any more is something to be woken for"


def test_killed_reader_leaves_the_other_readers_at_work(start_peer: Any) -> None:
    queue = Queue("q")
    first, second = start_peer(), start_peer()
    call = first.begin("ntipc.Queue('q').get()")
    wait_for_waiters(queue, 1)
    assert not call.returned
    first.kill()
    second_call = second.begin("ntipc.Queue('q').get()")
    wait_until(lambda: asleep(second.pid))
    queue.put(b"for who is alive")
    assert second_call.result() == b"for who is alive"


def test_writer_killed_while_it_sleeps_leaves_nothing_of_its_message(peer: Peer) -> None:
    queue = Queue("q", quota=10)
    queue.put(b"1234567890")
    peer.begin("ntipc.Queue('q').put(b'x' * 100_000)")
    wait_for_waiters(queue.writer, 1)
    peer.kill()
    wait_until(lambda: facts(queue)["writers"] == 1)
    assert queue.get() == b"1234567890"
    queue.put(b"next")
    assert queue.get() == b"next" and queue.empty()
    assert ntipc.examine()["findings"] == []


def test_name_is_free_when_either_end_is_gone() -> None:
    queue = Queue("q")
    reader, writer = queue.split()
    reader.close()
    with pytest.raises(FileNotFoundError):
        QueueWriter("q")
    again = Queue.create("q")
    again.put(b"new")
    with pytest.raises(BrokenPipeError):
        writer.put(b"old")
    assert again.get() == b"new"


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


@pytest.mark.parametrize("end", [QueueReader, QueueWriter])
def test_end_opens_only_a_queue_that_exists(end: Any) -> None:
    event = ntipc.Event("event")
    for open_it in end, end.open:
        with pytest.raises(FileNotFoundError):
            open_it("missing")
        with pytest.raises(ntipc.ObjectTypeMismatch):
            open_it(event.name)
        with pytest.raises(ntipc.InvalidParameter):
            open_it("")
        with pytest.raises(ntipc.PathNotFound):
            open_it(r"pipe\x")
    with pytest.raises(PermissionError):
        end.open("missing", 0)


def test_rights_of_an_end_are_checked() -> None:
    queue = Queue("q")
    looker = QueueReader.open("q", ntipc.Access.SYNCHRONIZE)
    assert not looker.wait(0)
    for call in looker.get, looker.info, looker.peek:
        with pytest.raises(PermissionError):
            call()
    writer = QueueWriter.open("q", ntipc.Access.QUERY_STATE)
    with pytest.raises(PermissionError):
        writer.put(b"")
    with pytest.raises(PermissionError):
        writer.wait(0)
    assert facts(writer)["messages"] == 0 and queue.empty()
    both = Queue.open("q", ntipc.Access.QUERY_STATE)
    with pytest.raises(PermissionError):
        both.put(b"")
    with pytest.raises(PermissionError):
        both.get(0)


def test_an_end_has_no_way_to_the_other_one() -> None:
    reader, writer = Queue().split()
    assert not hasattr(reader, "put") and not hasattr(writer, "get")
    for kind, handle in (QueueReader, writer.handle), (QueueWriter, reader.handle):
        with pytest.raises(ntipc.ObjectTypeMismatch):
            kind.from_handle(handle)


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
    assert queue.peek().data == b"first" and queue.qsize() == 2  # type: ignore[union-attr]


def test_split_leaves_the_queue_closed_and_its_ends_open() -> None:
    queue = Queue("q")
    identity = queue.identity
    reader, writer = queue.split()
    assert queue.closed and reader.identity == identity and type(reader) is QueueReader and type(writer) is QueueWriter
    assert reader.name == writer.name == "q"
    with pytest.raises(ntipc.HandleClosed):
        queue.split()
    writer.put(b"x")
    assert reader.get() == b"x"


def test_close_closes_both_ends() -> None:
    queue = Queue("q")
    writer = queue.writer
    with queue:
        pass
    assert queue.closed and writer.closed and look()["objects"] == []
    queue.close()


def test_unread_messages_go_with_the_queue() -> None:
    free = {name: ntipc.Session().statistics()[name] for name in ("pages_free", "pages_high")}
    queue = Queue("q", quota=1 << 30)
    for size in SIZES:
        queue.put(pattern(size))
    queue.close()
    after = ntipc.Session().statistics()
    assert after["pages_high"] - after["pages_free"] == free["pages_high"] - free["pages_free"]
    assert ntipc.examine()["findings"] == []


def test_duplicate_of_a_queue_has_both_ends() -> None:
    queue = Queue("q")
    twin = queue.duplicate()
    queue.close()
    twin.put(b"x")
    assert twin.get() == b"x"
    waiting_only = twin.duplicate(access=ntipc.Access.SYNCHRONIZE)
    with pytest.raises(PermissionError):
        waiting_only.put(b"x")
    with pytest.raises(NotImplementedError, match="two handles"):
        twin.duplicate(os.getpid())
    with pytest.raises(NotImplementedError, match="two handles"):
        Queue.from_handle(4)


def test_end_can_be_given_to_a_running_process(peer: Peer) -> None:
    reader, writer = Queue().split()
    peer.run("ntipc.Session()")
    handle = writer.duplicate(peer.pid)
    writer.close()
    peer.run(f"w = ntipc.QueueWriter.from_handle({handle}); w.put(b'from afar')")
    assert reader.get(10) == b"from afar"
    peer.run("w.close()")
    assert list(reader) == []


@pytest.mark.parametrize("index", [0, 1])
def test_end_survives_pickling_alone(index: int, peer: Peer) -> None:
    ends = Queue().split()
    data = pickle.dumps(ends[index])
    ends[index].close()
    peer.run(f"import pickle; end = pickle.loads({data!r})")
    if index:
        peer.run("end.put(b'x'); end.close()")
        assert list(ends[0]) == [b"x"]
    else:
        ends[1].put(b"x")
        assert peer.run("end.get(10)") == b"x"


def test_child_of_a_fork_has_both_ends() -> None:
    queue = Queue()
    child = os.fork()
    if child == 0:
        queue.put(b"from the child")
        os._exit(0)
    assert queue.get(20) == b"from the child"
    os.waitpid(child, 0)
    wait_until(lambda: facts(queue)["writers"] == 1)


def test_dropped_queue_gives_its_handles_back() -> None:
    for _ in range(300):
        Queue().put(b"x" * 5000)
    gc.collect()
    assert look()["objects"] == []


def test_info_of_both_ends_tells_the_same(peer: Peer) -> None:
    queue = Queue("q", quota=1000)
    peer.run("r = ntipc.QueueReader('q')")
    queue.put(b"12345")
    for end in queue, queue.writer:
        info = facts(end)
        assert (info["quota"], info["bytes"], info["messages"], info["readers"], info["writers"]) == (1000, 5, 1, 2, 1)
        assert info["kind"] == type(end).__name__ and info["name"] == "q" and "user" not in info
    assert "messages=1" in repr(queue) and "5/1000" in repr(queue.writer)


def test_close_in_another_thread_ends_no_wait_but_the_next_call_fails() -> None:
    queue = Queue("q")
    other = Queue("q")
    thread = threading.Thread(target=lambda: results.append(queue.get()))
    results: list[bytes] = []
    thread.start()
    wait_for_waiters(other, 1)
    other.put(b"for the waiting one")
    thread.join(10)
    assert results == [b"for the waiting one"]
    queue.close()
    with pytest.raises(ntipc.HandleClosed):
        queue.get(0)


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

    sys.setswitchinterval(0.1)  # longer than a copy takes: the other thread runs only if it is let
    thread = threading.Thread(target=count)
    try:
        thread.start()
        before = counted
        queue.put(data)
        between = counted
        assert len(queue.get()) == len(data)
        after = counted
    finally:
        stop = True
        sys.setswitchinterval(switch)
        thread.join()
    assert before < between < after

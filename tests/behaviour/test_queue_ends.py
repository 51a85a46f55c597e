"""The ends of queues: names, rights, duplicates, closing, and what a death leaves."""

import gc
import os
import pickle
import threading
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import asleep, facts, look, wait_for_waiters, wait_until

import ntipc
from ntipc import Queue, QueueReader, QueueWriter


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
    for size in 0, 1, 2048, 2049, 65_537, 9_999_999:
        queue.put(bytes(size))
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
        twin.duplicate(1)
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


def test_reader_of_a_closed_end_takes_nothing_of_the_queue_that_comes_in_its_place() -> None:
    """The handle's number, the object's place and the queue's body are all used again, while it is about to sleep."""
    stolen: list[bytes] = []

    def read(reader: ntipc.QueueReader, own: bytes, got: threading.Event) -> None:
        try:
            while True:
                if (data := reader.get()) != own:
                    stolen.append(data)
                got.set()
        except ntipc.NtError:
            pass

    threads = []
    for number in range(300):
        reader, writer = ntipc.Queue().split()
        own, got = b"%d" % number, threading.Event()
        threads.append(threading.Thread(target=read, args=(reader, own, got)))
        threads[-1].start()
        writer.put(own)
        assert got.wait(20), "the message was taken by a reader of an earlier queue"
        writer.close()
        reader.close()
    for thread in threads:
        thread.join(20)
    assert stolen == []

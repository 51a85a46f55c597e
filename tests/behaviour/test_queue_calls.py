"""Calls: a request and its reply as one operation, told at once when nobody can answer any more."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import asleep, facts, look, wait_for_waiters, wait_until

import ntipc
from ntipc import Queue, QueueMessage, QueueWriter

SERVE = """
import threading
def serve(queue, count):
    for _ in range(count):
        request = queue.receive()
        request.reply(b're: ' + request.data, tag=request.tag + 1)
"""


def test_call_returns_the_reply(peer: Peer) -> None:
    queue = Queue("q")
    peer.run(SERVE)
    serving = peer.begin("serve(ntipc.QueueReader('q'), 4)")
    for number, size in enumerate((0, 5, 3000, 1_000_000)):
        reply = queue.call(b"x" * size, 20, tag=number)
        assert (reply.data, reply.tag, reply.pid) == (b"re: " + b"x" * size, number + 1, peer.pid)
        assert not reply.is_request
    serving.result()
    assert queue.flush(0)
    assert [entry["kind"] for entry in look()["objects"] if entry["name"] == "q"] == ["ReadEnd", "WriteEnd"]


def test_every_caller_gets_its_own_reply(start_peer: Callable[..., Peer]) -> None:
    queue = Queue("q")
    code = "w = ntipc.QueueWriter('q')\n[w.call(b'%d %d' % (os.getpid(), n), 20).data for n in range(100)]"
    peers = [start_peer() for _ in range(3)]
    calls = {peer.pid: peer.begin(code) for peer in peers}
    answered, held = 0, list[QueueMessage]()
    while answered < 300:
        try:
            held.append(queue.receive(0.05))
        except ntipc.Timeout:
            pass  # the others are done
        else:
            if len(held) < 2:
                continue
        answered += len(held)
        while held:  # in another order than they came
            request = held.pop()
            request.reply(request.data)
    for pid, call in calls.items():
        assert call.result() == [b"%d %d" % (pid, number) for number in range(100)]


def test_threads_of_one_process_call_at_once() -> None:
    queue, answers = Queue(), {}

    def serve() -> None:
        for _ in range(400):
            request = queue.receive(20)
            request.reply(request.data)

    def call(number: int) -> None:
        answers[number] = [queue.writer.call(b"%d %d" % (number, each), 20).data for each in range(100)]

    server = threading.Thread(target=serve)
    server.start()
    callers = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in [*callers, server]:
        caller.join()
    assert answers == {number: [b"%d %d" % (number, each) for each in range(100)] for number in range(4)}


def test_server_killed_before_its_reply_is_told_at_once(peer: Peer) -> None:
    queue = Queue("q")
    taken = peer.begin("request = ntipc.QueueReader('q').receive(); request.is_request")
    problems: list[Exception] = []
    caller = threading.Thread(target=lambda: problems.append(failure(lambda: queue.writer.call(b"who?"))))
    caller.start()
    assert taken.result() is True
    peer.kill()
    caller.join(20)
    assert [type(problem) for problem in problems] == [ntipc.ReplyLost] and isinstance(problems[0], BrokenPipeError)


def failure(call: Callable[[], Any]) -> Exception:
    try:
        return AssertionError(f"it returned {call()!r}")
    except Exception as problem:
        return problem


def test_call_that_nobody_can_take_any_more_is_told(peer: Peer) -> None:
    peer.run("r = ntipc.Queue('q').split()[0]")
    with pytest.raises(FileNotFoundError):
        QueueWriter("q")  # its last writing end was dropped
    peer.run("r, w = ntipc.Queue('p').split()")
    writer = QueueWriter("p")
    problems: list[Exception] = []
    caller = threading.Thread(target=lambda: problems.append(failure(lambda: writer.call(b"who?"))))
    caller.start()
    wait_until(lambda: facts(writer)["messages"] == 1)
    peer.run("r.close()")
    caller.join(20)
    assert [type(problem) for problem in problems] == [ntipc.ReplyLost]
    with pytest.raises(ntipc.PeerGone):
        writer.call(b"anybody?", 10)


def test_call_times_out_and_a_late_reply_is_refused(peer: Peer) -> None:
    queue = Queue("q")
    with pytest.raises(ntipc.Timeout):
        queue.writer.call(b"first", 0.01)
    request = queue.receive(0)
    assert request.is_request
    with pytest.raises(ntipc.ReplyMismatch) as problem:
        request.reply(b"too late")
    assert isinstance(problem.value, ValueError)
    peer.run(SERVE)
    serving = peer.begin("serve(ntipc.QueueReader('q'), 1)")
    assert queue.writer.call(b"second", 20).data == b"re: second"
    serving.result()


def test_reply_is_given_once_and_to_requests_only(peer: Peer) -> None:
    queue = Queue("q")
    call = peer.begin("ntipc.QueueWriter('q').call(b'x', 20).data")
    request = queue.receive(20)
    request.reply(b"once")
    assert call.result() == b"once"
    queue.put(b"no request")
    for message in request, queue.receive(), QueueMessage(b"made by hand"):
        with pytest.raises(ntipc.ReplyMismatch):
            message.reply(b"twice")


def test_full_queue_makes_a_call_wait(peer: Peer) -> None:
    queue = Queue("q", quota=1)
    queue.put(b"1")
    with pytest.raises(ntipc.Timeout):
        queue.writer.call(b"2", 0.01)
    assert queue.qsize() == 1
    call = peer.begin("ntipc.QueueWriter('q').call(b'2', 20).data")
    wait_for_waiters(queue.writer, 1)
    assert queue.get() == b"1"
    queue.receive(20).reply(b"two")
    assert call.result() == b"two"


def test_objects_go_both_ways(peer: Peer) -> None:
    queue, event = Queue("q"), ntipc.Event("there")
    serving = peer.begin(
        "request = ntipc.QueueReader('q').receive(); request.objects[0].set()\n"
        "back = ntipc.Event('back'); request.reply(b'', handles=[back], move=True); back.closed"
    )
    reply = queue.writer.call(b"", 20, handles=[event])
    assert serving.result() is True and event.wait(0)
    assert reply.objects[0].name == "back" and facts(reply.objects[0])["handles"] == 1


def test_object_of_a_refused_reply_is_kept() -> None:
    queue, event = Queue(), ntipc.Event()
    with pytest.raises(ntipc.Timeout):
        queue.writer.call(b"", 0)
    with pytest.raises(ntipc.ReplyMismatch):
        queue.receive().reply(b"", handles=[event], move=True)
    assert not event.closed and not event.set()


def test_calls_can_be_nested(start_peer: Callable[..., Peer]) -> None:
    """A server that asks another one before it answers."""
    front, back = start_peer(), start_peer()
    outer, inner = Queue("outer"), Queue("inner")
    first = front.begin(
        "request = ntipc.QueueReader('outer').receive()\n"
        "request.reply(b'<' + ntipc.QueueWriter('inner').call(request.data, 20).data + b'>')"
    )
    second = back.begin("request = ntipc.QueueReader('inner').receive(); request.reply(request.data * 2)")
    assert outer.writer.call(b"ab", 20).data == b"<abab>"
    first.result()
    second.result()
    assert inner.empty()


def test_calling_thread_leaves_nothing_behind(peer: Peer) -> None:
    queue = Queue("q")
    call = peer.begin("ntipc.QueueWriter('q').call(b'x', 20).data", "caller")
    queue.receive(20).reply(b"y")
    assert call.result() == b"y"
    peer.end_thread("caller")
    wait_until(lambda: len(look()["objects"]) == 2)
    peer.begin("ntipc.QueueWriter('q').call(b'x')")
    wait_until(lambda: asleep(peer.pid))
    peer.kill()
    wait_until(lambda: len(look()["objects"]) == 2)
    request = queue.receive(0)
    with pytest.raises(ntipc.ReplyMismatch):
        request.reply(b"to the dead")
    assert ntipc.examine()["findings"] == []

"""Spinning: two processes on two processors come to answer each other without sleeping."""

import os
from collections.abc import Callable

import pytest
from harness.peers import Peer

PROCESSORS = sorted(os.sched_getaffinity(0))
STRETCHES = 20
ROUNDS = 500

GAMES = {
    "Queue.call": (
        "there = ntipc.Queue('there')",
        "there.call(b'question', 10)",
        "there.receive(10).reply(b'answer')",
    ),
    "Pipe.transact": (
        "server = ntipc.PipeServer('there')",
        "pipe.transact(b'question', 10)",
        "pipe.send(pipe.recv(10))",
    ),
    "Queue.put and get": (
        "there, back = ntipc.Queue('there'), ntipc.Queue('back')",
        "there.put(b'question'); back.get(10)",
        "back.put(there.get(10))",
    ),
    "Event.set and wait": (
        "there, back = ntipc.Event('there'), ntipc.Event('back')",
        "there.set(); assert back.wait(10)",
        "assert there.wait(10); back.set()",
    ),
    "Semaphore.release and acquire": (
        "there, back = ntipc.Semaphore('there', initial=0), ntipc.Semaphore('back', initial=0)",
        "there.release(); assert back.acquire(timeout=10)",
        "assert there.acquire(timeout=10); back.release()",
    ),
}
CONNECT = {"Pipe.transact": ("pipe = ntipc.PipeClient('there')", "pipe = server.accept(10)")}

COUNT = "resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw"
"""How often the thread has given its processor up."""


@pytest.mark.skipif(len(PROCESSORS) < 2, reason="on one processor nobody is to spin")
@pytest.mark.parametrize("name", GAMES)
def test_partners_on_two_processors_come_to_answer_each_other_awake(name: str, start_peer: Callable[..., Peer]) -> None:
    make, ask, answer = GAMES[name]
    asker, answerer = start_peer(), start_peer()
    for peer, processor in ((answerer, PROCESSORS[0]), (asker, PROCESSORS[1])):
        peer.run(f"import os, resource; os.sched_setaffinity(0, {{{processor}}})")
    answerer.run(make)
    connect, accept = CONNECT.get(name, (make, "pass"))
    asker.run(connect)
    answerer.run(accept)
    answering = answerer.begin(f"for _ in range({STRETCHES * ROUNDS}): {answer}")
    play = f"before = {COUNT}\nfor _ in range({ROUNDS}): {ask}\n{COUNT} - before"
    sleeps = [asker.run(play) for _ in range(STRETCHES)]
    answering.result()
    # Others may keep the processors busy for most of the time, but partners that sleep would sleep in every round.
    assert min(sleeps) < ROUNDS / 10, f"of {ROUNDS} rounds slept {sleeps}"

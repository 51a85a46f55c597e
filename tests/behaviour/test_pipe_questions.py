"""Questions and their answers: nobody gets the answer to another question."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.peers import Peer
from test_pipes import connect

import ntipc


def echo(pipe: ntipc.Pipe) -> None:
    for message in pipe:
        pipe.send(message)


@pytest.mark.parametrize("twins", [False, True])
def test_threads_that_ask_at_the_same_time_get_their_own_answers(twins: bool) -> None:
    pipe, client = connect()
    answering = threading.Thread(target=echo, args=(pipe,))
    answering.start()

    def ask(number: int) -> list[bytes]:
        with client.duplicate() if twins else contextlib.nullcontext(client) as end:
            return [end.transact(b"%d %d" % (number, turn), timeout=20) for turn in range(200)]

    with ThreadPoolExecutor(4) as threads:
        for number, answers in enumerate(threads.map(ask, range(4))):
            assert answers == [b"%d %d" % (number, turn) for turn in range(200)]
    client.close()
    answering.join()


def test_late_answer_is_not_taken_for_that_to_the_next_question() -> None:
    pipe, client = connect()
    with pytest.raises(ntipc.Timeout) as late:
        client.transact(b"first", timeout=0.01)
    assert not isinstance(late.value, ntipc.PipeBusy)
    for _ in range(2):
        with pytest.raises(ntipc.PipeBusy, match="recv"):
            client.transact(b"second", timeout=0.01)
    assert pipe.recv(timeout=0) == b"first"
    pipe.send(b"answer to the first")
    with pytest.raises(ntipc.PipeBusy):
        client.transact(b"second", timeout=0.01)
    assert client.recv(timeout=0) == b"answer to the first"
    with pytest.raises(ntipc.Timeout):  # nothing is in the way any more
        client.transact(b"second", timeout=0.01)
    assert pipe.recv(timeout=0) == b"second"


def test_question_of_the_same_end_in_another_process_waits_for_the_answer_too(peer: Peer) -> None:
    pipe, client = connect()
    with pytest.raises(ntipc.Timeout):
        client.transact(b"first", timeout=0)
    queue = ntipc.Queue("way")
    queue.put_object(client)
    peer.run("client = ntipc.Queue.open('way').get_object(timeout=20)")
    with pytest.raises(ntipc.PipeBusy):
        peer.run("client.transact(b'second', timeout=0)")
    pipe.send(b"answer")
    assert peer.run("client.recv(timeout=0)") == b"answer"


def test_thread_that_waits_for_its_turn_to_ask_runs_out_of_time() -> None:
    pipe, client = connect()
    asking = threading.Thread(target=lambda: client.transact(b"first", timeout=20))
    asking.start()
    assert pipe.recv(timeout=20) == b"first"
    with pytest.raises(ntipc.Timeout, match="another thread"):
        client.transact(b"second", timeout=0.01)
    pipe.send(b"answer")
    asking.join()
    assert pipe.peek().messages == 0

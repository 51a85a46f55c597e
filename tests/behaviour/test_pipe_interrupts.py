"""Signal handlers that raise, or fork, while their thread accepts a client or asks a question."""

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from harness.peers import Peer
from harness.waiting import asleep, wait_until

import ntipc

SECONDS = 1.0


class Interrupted(Exception):
    """What the handler raises."""


@pytest.fixture
def interrupts() -> Iterator[Callable[[Callable[[], object]], bool]]:
    """Make a call that is interrupted before long. Whether it was; what else it raises is not of interest."""
    raised = 0

    def handler(*_: object) -> None:
        nonlocal raised
        raised += 1
        raise Interrupted

    def interrupted(call: Callable[[], object]) -> bool:
        before = raised
        caught = False
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-4))
                call()
            except ntipc.NtError:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            caught = True
        assert caught == (raised > before), "the exception of a handler got lost"
        return caught

    before = signal.signal(signal.SIGALRM, handler)
    yield interrupted
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def in_another_thread(call: Callable[[], object]) -> list[object]:
    """What the call returns there, or raises."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(call())
        except ntipc.NtError as problem:
            results.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results


def test_interrupted_accept_leaves_the_turn_and_the_server_to_others(
    interrupts: Callable[[Callable[[], object]], bool],
) -> None:
    server = ntipc.PipeServer("p")
    end, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < end or count < 100:
        client = ntipc.PipeClient("p", timeout=20) if count % 2 else None
        count += interrupts(lambda: server.accept(timeout=0).close())
        if client is not None:
            client.close()
        (free,) = in_another_thread(lambda: server._turns.lock.acquire(timeout=0) and not server._turns.lock.release())
        assert free, f"after {count} interrupts the turn is nobody's"
        with contextlib.suppress(ntipc.Timeout):  # a client that nobody has accepted
            server.accept(timeout=0).close()
    with ntipc.PipeClient("p", timeout=20):
        server.accept(timeout=20).close()


def test_interrupted_question_leaves_the_turn_to_others(interrupts: Callable[[Callable[[], object]], bool]) -> None:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    server.accept(timeout=20)
    questions = client._end.channel._questions
    end, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < end or count < 100:
        count += interrupts(lambda: client.transact(b"?", timeout=0.0001))
        questions.asked_after = None  # no answer comes: ask again all the same
        (free,) = in_another_thread(lambda: questions.lock.acquire(timeout=0) and not questions.lock.release())
        assert free, f"after {count} interrupts the turn is nobody's"


def test_exception_of_a_handler_while_ends_are_made_is_not_lost(
    interrupts: Callable[[Callable[[], object]], bool],
) -> None:
    ntipc.Queue().close()  # imported now
    end, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < end or count < 100:
        count += interrupts(lambda: [ntipc.Queue().close() for _ in range(20)])


@pytest.mark.parametrize(
    ("call", "instances", "closes", "of_child", "of_parent"),
    [
        ("accept", 1, True, "HandleClosed", "PipeBusy"),
        ("wait", 1, True, "HandleClosed", "False"),
        ("accept", 1, False, "PipeBusy", "PipeBusy"),
        ("wait", 1, False, "False", "False"),
        ("accept", 9, False, "Timeout", "Timeout"),
        ("wait", 9, False, "False", "False"),
        ("accept", 9, True, "HandleClosed", "Timeout"),
        ("wait", 9, True, "HandleClosed", "False"),
    ],
)
def test_child_of_a_fork_in_a_handler_goes_on_with_a_server_of_its_own(
    call: str, instances: int, closes: bool, of_child: str, of_parent: str, peer: Peer
) -> None:
    """With one instance, which has a client, the server waits for a vacancy; with more for a client."""
    peer.run(f"""
server, children = ntipc.PipeServer('p', max_instances={instances}), []
client = ntipc.PipeClient('p', timeout=20)
pipe, told = server.accept(timeout=20), ntipc.Queue('told')
def handler(*_):
    children.append(os.fork())
    if children == [0] and {closes}: server.close()
signal.signal(signal.SIGUSR1, handler)
def attempt():
    try:
        result = str(server.{call}(timeout=2))
    except BaseException as problem:
        result = type(problem).__name__
    if children == [0]:
        told.put(result.encode())
        os._exit(0)
    os.waitpid(children[0], 0)
    return result
""")
    begun = peer.begin("attempt()")
    wait_until(lambda: asleep(peer.pid))
    peer.process.send_signal(signal.SIGUSR1)
    assert ntipc.Queue.open("told").get(timeout=20) == of_child.encode()
    assert begun.result() == of_parent

"""Signal handlers that raise while their thread connects, calls, serves or closes: nothing stays, nobody waits."""

import contextlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc

SECONDS = 2.0
SERVE = """
import threading
port, seen = ntipc.Port('p', max_message=1000), [0]
def serve():
    while True:
        found = ntipc.wait_any([port], timeout=60)
        try: port.listen(0).accept(b'welcome')
        except (ntipc.Timeout, ntipc.PeerGone): pass
        try:
            message = port.receive(0)
            seen[0] += 1
            if message.is_request: message.reply(message.data)
        except (ntipc.Timeout, ntipc.ReplyMismatch): pass
threading.Thread(target=serve, daemon=True).start()
"""


class Interrupted(Exception):
    """What the handler raises."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Do something that is interrupted before long."""
    raises = False

    def handler(*_: object) -> None:
        if raises:
            raise Interrupted

    def do(act: Callable[[], object]) -> None:
        nonlocal raises
        try:
            try:
                raises = True
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-3))
                act()
            except ntipc.NtError:
                pass
            finally:
                raises = False
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            pass
        except RuntimeError as problem:  # threading's own, if a handler raises in the wait of Thread.start
            assert isinstance(problem.__context__, Interrupted)

    before = signal.signal(signal.SIGALRM, handler)
    yield do
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


VISIT = """
import gc, os, random, signal, threading, time
import ntipc
from ntipc.ports import hubs
from ntipc.ports.hub import all_hubs
raises = False
class Interrupted(Exception): pass
def handler(*_):
    if raises: raise Interrupted
signal.signal(signal.SIGALRM, handler)
def visit():
    client = ntipc.PortClient('p', timeout=20)
    try:
        assert client.call(b'call', timeout=20) == b'call'
        assert client.begin(b'begun').result(20) == b'begun'
        client.send(b'datagram')
    finally:
        client.close()
def at_rest():
    while any(hub._taker for hub in all_hubs()): time.sleep(0.01)
    hubs._kept.clear()
    gc.collect()
    return next(process['handles'] for process in ntipc.inspect()['processes'] if process['pid'] == os.getpid())
visit()
before, end, interrupts = at_rest(), time.monotonic() + 2, 0
while time.monotonic() < end or interrupts < 50:
    try:
        try:
            raises = True
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 2e-3))
            visit()
        except ntipc.NtError:
            pass
        finally:
            raises = False
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupted:
        interrupts += 1
visit()  # all is as it was
print(at_rest() - before)
"""


def test_interrupted_clients_leave_nothing(peer: Peer) -> None:
    """In a process of its own, where nobody keeps the frames of exceptions."""
    peer.run(SERVE)
    said = subprocess.run([sys.executable, "-c", VISIT], capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout, said.stderr) == (0, "0\n", "")
    wait_until(lambda: peer.run("len(port.connections)") == 0)
    assert not ntipc.examine()["findings"]


def test_interrupted_server_leaves_nobody_waiting(
    start_peer: Callable[..., Peer], interrupt: Callable[[Callable[[], object]], None]
) -> None:
    """Whatever was in its hands is answered, or forgotten and so lost and told."""
    port = ntipc.Port("p", max_message=1000)
    client = start_peer()
    client.run("""
outcomes = []
def visit():
    try:
        with ntipc.PortClient('p', timeout=30) as client:
            for call in (lambda: client.call(b'call', 30), lambda: client.begin(b'begun').result(30)):
                outcomes.append(call())
    except Exception as problem:
        outcomes.append(type(problem).__name__)
def visit_again():
    while not stop.is_set(): visit()
import threading
stop = threading.Event()
threads = [threading.Thread(target=visit_again) for _ in range(2)]
for thread in threads: thread.start()
""")

    def serve() -> None:
        ntipc.wait_any([port], timeout=0.01)
        with contextlib.suppress(ntipc.Timeout, ntipc.PeerGone):
            port.listen(0).accept(b"welcome")
        with contextlib.suppress(ntipc.Timeout, ntipc.ReplyMismatch):
            message = port.receive(0)
            if message.is_request:
                message.reply(message.data)

    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        interrupt(serve)
    stopping = client.begin("stop.set()\nfor thread in threads: thread.join()")
    while not stopping.returned:
        serve()
    stopping.result()
    outcomes = client.run("outcomes")
    assert b"call" in outcomes and b"begun" in outcomes
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} <= {
        "ReplyLost",
        "PeerGone",
        "ConnectionRefused",
    }
    wait_until(lambda: (serve(), len(port.connections))[1] == 0)
    port.close()
    client.end()
    assert not ntipc.examine()["findings"]

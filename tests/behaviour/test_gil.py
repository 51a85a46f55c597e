"""The GIL: free while a call sleeps, kept when there is nothing to wait for."""

import subprocess
import sys

import pytest
from harness.kinds import BLOCKING
from harness.peers import Peer
from harness.waiting import asleep, wait_until

import ntipc


@pytest.mark.parametrize("name", BLOCKING)
def test_other_threads_run_while_a_call_sleeps(name: str, peer: Peer) -> None:
    make, call = BLOCKING[name]
    peer.run(make)
    if "Mutex" in make:
        peer.run("thing.acquire()")
    begun = peer.begin(call, "a")
    wait_until(lambda: asleep(peer.pid))
    assert peer.run("sum(range(100_000))") == sum(range(100_000))
    assert not begun.returned


def test_sleeper_is_woken_by_another_thread_of_the_same_process(peer: Peer) -> None:
    peer.run("there, back = ntipc.Event(), ntipc.Event()")
    call = peer.begin("for _ in range(200):\n there.wait()\n back.set()", "a")
    assert peer.run("for _ in range(200): assert ntipc.signal_and_wait(there, back, 10)") is None
    call.result()


def test_section_of_a_large_size_is_made_without_the_gil(peer: Peer) -> None:
    """Reserving 512 MiB takes a while. With a switch interval of 100 s another thread counts only if it is let."""
    peer.run("import sys; sys.setswitchinterval(100); count = 0; stop = False")
    counter = peer.begin("while not stop:\n count += 1\n time.sleep(0)", "a")
    make = "before = count; section = ntipc.Section(size=512 << 20); after = count; section.close(); after > before"
    wait_until(lambda: peer.run(make), patience=20)  # the other thread needs a processor for it
    peer.run("stop = True; sys.setswitchinterval(0.005)")
    counter.result()


UNCONTENDED = {
    "Event": ("thing = ntipc.Event()", "thing.set(); thing.wait(); thing.clear(); thing.is_set()"),
    "Semaphore": ("thing = ntipc.Semaphore()", "thing.acquire(); thing.release()"),
    "Mutex": ("thing = ntipc.Mutex()", "thing.acquire(); thing.release()"),
    "with mutex": ("thing = ntipc.Mutex()", "\n with thing: pass"),
    "poll": ("thing = ntipc.Event()", "thing.wait(0)"),
    "wait_any": ("thing = ntipc.Event(manual_reset=True, initial=True)", "ntipc.wait_any([thing])"),
}


@pytest.mark.parametrize("name", UNCONTENDED)
def test_gil_is_kept_when_there_is_nothing_to_wait_for(name: str, peer: Peer) -> None:
    """With a switch interval of 100 s a sibling runs only when the GIL is given up."""
    make, calls = UNCONTENDED[name]
    peer.run(make)
    peer.run("import sys; sys.setswitchinterval(100); count = 0; stop = False")
    sibling = peer.begin("while not stop:\n count += 1\n time.sleep(0)", "a")
    peer.run("while not count: time.sleep(0)")
    before, after = peer.run(f"before = count\nfor _ in range(2000): {calls}\nafter = count\nbefore, after")
    assert before == after
    peer.run("stop = True; sys.setswitchinterval(0.005)")
    sibling.result()


def test_closing_and_making_objects_in_many_threads_at_once(peer: Peer) -> None:
    # In a function: what the threads of a peer store by name is theirs together.
    peer.run("def use():\n for n in range(500):\n  with ntipc.Event(f'e{n % 7}') as e: e.set(); e.wait(0)")
    code = "use()"
    for call in [peer.begin(code, f"t{number}") for number in range(8)]:
        call.result()
    assert ntipc.Event("e0").created


def test_one_object_closed_by_one_thread_while_used_by_others(peer: Peer) -> None:
    """Nothing worse than HandleClosed may come of it."""
    peer.run("event = ntipc.Event(); stop = False")
    code = "n = 0\nwhile not stop:\n try: event.set(); event.wait(0); event.info(); event.duplicate().close(); n += 1\n"
    code += " except ntipc.HandleClosed: pass\nn"
    users = [peer.begin(code, f"t{number}") for number in range(3)]
    peer.run("for _ in range(300):\n old, event = event, ntipc.Event()\n old.close()\nstop = True", "closer")
    assert all(isinstance(user.result(), int) for user in users)


def test_interpreter_that_ends_leaves_daemon_threads_behind_in_peace() -> None:
    """They don't get the GIL back: CPython unwinds them, and nothing may take offence at that."""
    program = """
import ntipc, threading, time
event, mutex = ntipc.Event(), ntipc.Mutex()
def use():
    while True:
        event.wait(0.0001), mutex.acquire(timeout=0.0001) and mutex.release(), ntipc.wait_any([event], 0.0001)
for _ in range(8):
    threading.Thread(target=use, daemon=True).start()
time.sleep(0.05)
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")

"""Ctrl-C interrupts every blocking call in the main thread at once and leaves the object as it was."""

import signal

import pytest
from harness.kinds import BLOCKING
from harness.peers import Peer
from harness.waiting import asleep, facts, look, wait_for_waiters, wait_until

import ntipc


def block(peer: Peer, name: str) -> tuple:
    """A process whose main thread sleeps in that call, on an object that this process has open too."""
    make, call = BLOCKING[name]
    peer.run(make)
    kind = make.split("ntipc.")[1].split("(")[0]
    thing = getattr(ntipc, kind if kind != "Mailslot" else "MailslotClient").open("thing")
    if kind == "Mutex":
        assert thing.acquire()
    begun = peer.begin(call)
    wait_until(lambda: asleep(peer.pid))
    return thing, begun


@pytest.mark.parametrize("name", BLOCKING)
def test_ctrl_c_interrupts(name: str, peer: Peer) -> None:
    thing, call = block(peer, name)
    peer.interrupt()
    with pytest.raises(KeyboardInterrupt):
        call.result()
    wait_for_waiters(thing, 0)
    assert not any(thread["state"] in ("waiting", "sleeping") for thread in look()["threads"])


@pytest.mark.parametrize("name", BLOCKING)
def test_after_ctrl_c_the_same_call_works(name: str, peer: Peer) -> None:
    thing, call = block(peer, name)
    peer.interrupt()
    with pytest.raises(KeyboardInterrupt):
        call.result()
    again = peer.begin(BLOCKING[name][1])
    wait_until(lambda: asleep(peer.pid))
    satisfy(thing)
    if name == "wait_all":
        ntipc.Event.open("other").set()
    again.result()


def satisfy(thing: object) -> None:
    """Do what the call waits for."""
    if isinstance(thing, ntipc.Event):
        thing.set()
    elif isinstance(thing, (ntipc.Semaphore, ntipc.Mutex)):
        thing.release()
    elif isinstance(thing, ntipc.Timer):
        thing.set(0)
    elif isinstance(thing, ntipc.EventPair):
        thing.set_high()
        thing.set_low()
    elif isinstance(thing, ntipc.Queue):
        if thing.empty():
            thing.put(b"for you")
            return
        while not thing.empty() and (message := thing.receive()):
            if message.is_request:
                try:
                    message.reply(b"for you")
                except ntipc.ReplyMismatch:
                    pass  # of the call that was interrupted
    elif isinstance(thing, ntipc.MailslotClient):
        thing.write(b"for you")


def test_interrupted_wait_takes_nothing(peer: Peer) -> None:
    thing, call = block(peer, "Semaphore.acquire")
    peer.interrupt()
    with pytest.raises(KeyboardInterrupt):
        call.result()
    thing.release()
    assert facts(thing)["count"] == 1


def test_signal_handler_that_returns_lets_the_wait_go_on_in_its_place(peer: Peer) -> None:
    peer.run("seen = []; signal.signal(signal.SIGUSR2, lambda *_: seen.append(1))")
    thing, call = block(peer, "Event.wait")
    for _ in range(3):
        peer.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: asleep(peer.pid))
    assert facts(thing)["waiters"] == 1 and not call.returned
    thing.set()
    assert call.result() is True
    assert len(peer.run("seen")) >= 1


def test_signal_handler_runs_while_the_main_thread_waits(peer: Peer) -> None:
    """The handler itself ends the wait: it could not if it had to wait for its end."""
    peer.run("thing = ntipc.Event('thing'); signal.signal(signal.SIGUSR2, lambda *_: thing.set())")
    call = peer.begin("thing.wait()")
    wait_until(lambda: asleep(peer.pid))
    peer.process.send_signal(signal.SIGUSR2)
    assert call.result() is True


def test_handler_that_raises_ends_the_wait_with_its_exception(peer: Peer) -> None:
    peer.run("def handler(*_): raise LookupError('from the handler')\nsignal.signal(signal.SIGUSR2, handler)")
    thing, call = block(peer, "wait_any")
    peer.process.send_signal(signal.SIGUSR2)
    with pytest.raises(LookupError, match="from the handler"):
        call.result()
    wait_for_waiters(thing, 0)


def test_ctrl_c_leaves_waits_of_other_threads_alone(peer: Peer) -> None:
    thing, other = ntipc.Event("thing"), ntipc.Event("other")
    peer.run("thing, other = ntipc.Event.open('thing'), ntipc.Event.open('other')")
    waiting = peer.begin("other.wait()", "a")
    wait_for_waiters(other, 1)
    main = peer.begin("thing.wait()")
    wait_for_waiters(thing, 1)
    peer.interrupt()
    with pytest.raises(KeyboardInterrupt):
        main.result()
    assert facts(other)["waiters"] == 1 and not waiting.returned
    other.set()
    assert waiting.result() is True


def test_ctrl_c_during_with_mutex_does_not_leave_it_held(peer: Peer) -> None:
    thing, call = block(peer, "with mutex")
    peer.interrupt()
    with pytest.raises(KeyboardInterrupt):
        call.result()
    thing.release()
    assert facts(thing)["count"] == 1

"""An exception of a signal handler, before each instruction of the library in turn: no handle is left behind."""

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from harness.waiting import look, wait_until

import ntipc
from ntipc._runtime.threads import start
from ntipc.objects.devices import locate_pipe
from ntipc.pipes.offers import open_offers, take_offer

LIBRARY = str(Path(ntipc.__file__).parent)
MOST_INTERRUPTS = 400


class Interrupted(Exception):
    """What the handler raises."""


def own_handles() -> int:
    (mine,) = look()["processes"]
    return int(mine["handles"])


def interrupt_before(step: int, call: str, names: dict[str, Any], *also: CodeType) -> int:
    """Make the call, with an exception before that instruction; how many more it has made, or fewer.

    Instructions of the library count, and those of ``also``.
    """
    left = step

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(LIBRARY) and frame.f_code not in also:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if not left:
                raise Interrupted  # which ends tracing
        return trace

    def attempt() -> Iterator[object]:
        # A generator, which handles exceptions of its own: if tracing raises as a handler begins, one is left behind.
        yield eval(call, names)

    sys.settrace(trace)
    try:
        next(attempt())
    except Interrupted:
        pass
    finally:
        sys.settrace(None)
    return -left


@pytest.fixture
def things() -> dict[str, Any]:
    server = ntipc.PipeServer("p")
    client = ntipc.PipeClient("p")
    return {
        "ntipc": ntipc,
        "event": ntipc.Event("event"),
        "mailslot": ntipc.Mailslot("m"),
        "server": server,
        "client": client,
        "pipe": server.accept(),
    }


@pytest.mark.parametrize(
    "call",
    [
        "event.duplicate()",
        "mailslot.duplicate()",
        "pipe.duplicate()",
        "client.duplicate()",
        "server.duplicate()",
        "ntipc.Event()",
        "ntipc.Event.open('event')",
        "ntipc.Queue('q').split()",
        "ntipc.Mailslot('another')",
        "ntipc.MailslotClient('m').write(b'x')",
        "ntipc.PipeServer('another')",
        "ntipc.create_pipe()",
    ],
)
def test_call_that_is_interrupted_leaves_no_handle(call: str, things: dict[str, Any]) -> None:
    eval(call, things)  # what is made once and kept is made here
    instructions = interrupt_before(0, call, things)
    gc.collect()
    before = own_handles()
    for step in range(1, instructions, instructions // MOST_INTERRUPTS + 1):
        assert interrupt_before(step, call, things) > -instructions // 10  # which differs a little from time to time
        gc.collect()
        assert own_handles() <= before, f"instruction {step} of {instructions} leaves handles"


def test_client_that_is_interrupted_keeps_nothing_of_the_instance_it_was_given(things: dict[str, Any]) -> None:
    server, call = things["server"], "ntipc.PipeClient('p')"
    instructions = interrupt_before(0, call, things)
    server.accept(timeout=0).close()
    for step in range(1, instructions, instructions // MOST_INTERRUPTS + 1):
        assert interrupt_before(step, call, things) > -instructions // 10
        with contextlib.suppress(ntipc.Timeout):  # it was not connected yet
            server.accept(timeout=0).close()
        with ntipc.PipeClient("p", timeout=0):
            server.accept(timeout=0).close()


def test_server_that_is_interrupted_as_it_offers_an_instance_anew_does_so_later(things: dict[str, Any]) -> None:
    server = things["server"]
    for step in count(1, 3):
        offers = open_offers(locate_pipe("p"), server.session._native)
        offer = take_offer(offers, 0)
        assert offer is not None
        for end in (offer.door, offer.writer, offer.seats, offers):  # the client dies half way
            end.close()
        try:
            interrupt_before(step, "server.accept(timeout=0)", things)
        except ntipc.Timeout:  # it was not interrupted any more
            break
        assert not server.wait(0)
        with ntipc.PipeClient("p", timeout=0):
            server.accept(timeout=0).close()
    assert step > 300


def enter(lock: ntipc.Mutex | ntipc.Semaphore, entered: list[bool]) -> None:
    with lock.acquired(timeout=1):
        entered.append(True)


@pytest.mark.parametrize("lock", [ntipc.Mutex, ntipc.Semaphore])
def test_block_that_is_interrupted_as_it_is_entered_leaves_nothing_acquired(lock: Any) -> None:
    entered: list[bool] = []
    names = {"enter": enter, "lock": lock(), "entered": entered}
    for step in count(1):
        interrupt_before(step, "enter(lock, entered)", names, enter.__code__)
        if entered:  # tracing could part the end of the block from `__exit__`, which no signal handler can
            break
        assert names["lock"].info()["count"] == 1, f"interrupted before instruction {step}"
    assert step > 10


def test_thread_that_is_interrupted_as_it_starts_runs_or_is_not_there() -> None:
    before, ran = set(threading.enumerate()), list[int]()
    names = {"start": start, "Thread": threading.Thread, "run": ran.append}
    call, also = "start(Thread(target=run, args=(1,)))", threading.Thread.start.__code__
    instructions = interrupt_before(0, call, names, also)
    for step in range(1, instructions):
        interrupt_before(step, call, names, also)
    wait_until(lambda: set(threading.enumerate()) == before)
    assert 1 < len(ran) < instructions

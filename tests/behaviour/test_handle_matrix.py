"""Every type of object through every way into another process: one table."""

import ast
import multiprocessing
import multiprocessing.forkserver
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from harness.identities import identities, report
from harness.peers import TESTS, Peer

import ntipc

Things = dict[str, Any]
Outcome = tuple[int, int] | str
"""Which object arrived, or which exception refused."""
Way = Callable[[Things, Peer], dict[str, Outcome]]

ONE_HANDLE = ["Event", "Semaphore", "Mutex", "Timer", "EventPair", "Section", "Process", "Thread"]
ENDS = ["QueueReader", "QueueWriter"]
SLOTS = ["Mailslot", "MailslotClient"]
SEVERAL = ["Queue", "PipeServer", "Pipe", "Port"]


@pytest.fixture
def things() -> Iterator[Things]:
    """One of each type."""
    queue, server, port = ntipc.Queue("queue"), ntipc.PipeServer("pipe"), ntipc.Port("port")
    reader, writer = ntipc.Queue("halves").split()
    client = ntipc.PipeClient("pipe")
    accepted = server.accept(5)
    made = {
        **{kind: getattr(ntipc, kind)(kind.lower()) for kind in ("Event", "Semaphore", "Mutex", "Timer", "EventPair")},
        "Section": ntipc.Section("section", 4096),
        "Process": ntipc.Process.current(),
        "Thread": ntipc.Thread.current(),
        "QueueReader": reader,
        "QueueWriter": writer,
        "Queue": queue,
        "PipeServer": server,
        "Pipe": client,
        "Mailslot": ntipc.Mailslot("slot"),
        "MailslotClient": ntipc.MailslotClient("slot"),
        "Port": port,
    }
    yield made
    for thing in (*made.values(), accepted):
        thing.close()


def refused(body: Callable[[], Outcome]) -> Outcome:
    try:
        return body()
    except (ntipc.NtError, TypeError) as problem:
        return type(problem).__name__


def by_start(things: Things, peer: Peer) -> dict[str, Outcome]:
    """Inherited by a program that is started, under the same numbers."""
    outcome: dict[str, Outcome] = {}
    inherited: Things = {}
    for name, thing in things.items():
        alone = refused(lambda thing=thing: _started([thing]))  # type: ignore[misc]
        if alone == "started":
            inherited[name] = thing
        else:
            outcome[name] = alone
    command = [sys.executable, "-m", "harness.identities"]
    command += [text for name, thing in inherited.items() for text in (name, str(thing.handle))]
    child = ntipc.Process.start(command, inherit_handles=inherited.values(), cwd=TESTS, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        outcome |= ast.literal_eval(child.stdout.read().decode())
        assert child.wait(30)
    return outcome


def _started(handles: list[Any]) -> str:
    with ntipc.Process.start(["true"], inherit_handles=handles) as child:
        child.wait(30)
    return "started"


def by_number(things: Things, peer: Peer) -> dict[str, Outcome]:
    """Duplicated into a process that runs, which makes objects of the numbers."""
    peer.run("from harness.identities import report_numbers; session = ntipc.Session()")

    def one(name: str, thing: Any) -> Outcome:
        number = ntipc.duplicate_handle(None, thing.handle, peer)
        return peer.run(f"report_numbers({{{name!r}: {number}}})")[name]  # type: ignore[no-any-return]

    return {name: refused(lambda name=name, thing=thing: one(name, thing)) for name, thing in things.items()}  # type: ignore[misc]


def by_multiprocessing(method: str) -> Way:
    """As an argument of a child."""

    def send(things: Things, peer: Peer) -> dict[str, Outcome]:
        context = multiprocessing.get_context(method)
        reading, writing = context.Pipe(duplex=False)
        child = context.Process(target=report, args=(things, writing))  # type: ignore[attr-defined]
        child.start()
        writing.close()
        arrived: Mapping[str, Outcome] = reading.recv()
        child.join()
        multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]
        return dict(arrived)

    return send


def by_pickle(things: Things, peer: Peer) -> dict[str, Outcome]:
    """By bytes of any origin."""
    return dict(
        peer.run(f"import pickle; from harness.identities import *; identities(pickle.loads({pickle.dumps(things)!r}))")
    )


def by_object(things: Things, peer: Peer) -> dict[str, Outcome]:
    """In an object that a queue carries."""
    with ntipc.Queue("carrier") as carrier:
        carrier.put_object(things)
        return dict(peer.run("from harness.identities import *; identities(ntipc.Queue('carrier').get_object())"))


def by_message(things: Things, peer: Peer) -> dict[str, Outcome]:
    """Beside the bytes of a message."""
    peer.run("from harness.identities import *; carrier = ntipc.Queue('carrier')")

    def one(thing: Any) -> Outcome:
        carrier.put(b"", handles=[thing])
        return peer.run("identity(*carrier.receive().objects)")  # type: ignore[no-any-return]

    with ntipc.Queue("carrier") as carrier:
        return {name: refused(lambda thing=thing: one(thing)) for name, thing in things.items()}  # type: ignore[misc]


SINGLE = [*ONE_HANDLE, *ENDS, *SLOTS]
WHOLE = [*SINGLE, *SEVERAL]
TABLE: dict[str, tuple[Way, list[str]]] = {
    "Process.start": (by_start, SINGLE),
    "duplicate_handle": (by_number, SINGLE),
    "fork": (by_multiprocessing("fork"), [kind for kind in WHOLE if kind != "Port"]),
    "forkserver": (by_multiprocessing("forkserver"), WHOLE),
    "spawn": (by_multiprocessing("spawn"), WHOLE),
    "pickle": (by_pickle, WHOLE),
    "put_object": (by_object, WHOLE),
    "handles=": (by_message, [*SINGLE, "Queue"]),
}
"""For each way the types that arrive as themselves; all others are refused with an exception.

A port stays with the process that made it when that one forks. Of a queue its reading end goes beside a message.
"""


@pytest.mark.parametrize("way", TABLE)
def test_every_object_arrives_as_itself_or_is_refused(way: str, things: Things, peer: Peer) -> None:
    send, whole = TABLE[way]
    outcome, expected = send(things, peer), identities(things)
    assert {name for name, arrived in outcome.items() if arrived == expected[name]} == set(whole)
    others = {name: arrived for name, arrived in outcome.items() if name not in whole}
    assert set(others.values()) <= {"NotSupported", "TypeError", "HandleClosed"}
    assert set(outcome) == set(things)

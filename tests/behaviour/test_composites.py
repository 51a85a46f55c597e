"""What every mechanism made of several objects does in the same way."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from harness.peers import Peer

import ntipc
from ntipc._runtime.deadlines import Deadline
from ntipc.objects.composite import Composite
from ntipc.objects.object import NtObject
from ntipc.objects.waiting import WaitPlan


class Gate(Composite, parts=("left",), holds=("right",)):
    """Set when both of its events have been seen set, one after the other."""

    __slots__ = ("left", "right")

    _kind = "gate"
    _several_handles = "a gate is two handles: send the gate"

    def __init__(self, left: ntipc.Event, right: ntipc.Event) -> None:
        self.left, self.right = left, right

    @property
    def _primary(self) -> NtObject:
        return self.left

    @property
    def name(self) -> str:
        return "x"

    @property
    def created(self) -> bool:
        return True

    @property
    def closed(self) -> bool:
        return self.left.closed

    def info(self) -> dict[str, Any]:
        return {}

    def _wait_plan(self) -> WaitPlan:
        if not self.left.is_set():
            return WaitPlan((self.left,), final=False)
        return WaitPlan((self.right,))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.left, self.right)


@pytest.fixture
def gate() -> Gate:
    return Gate(ntipc.Event(manual_reset=True), ntipc.Event(manual_reset=True))


def test_wait_goes_from_plan_to_plan_until_the_final_one_comes_true(gate: Gate) -> None:
    other = ntipc.Event()
    assert not gate.wait(0) and ntipc.wait_any([other, gate], 0) is None
    gate.left.set()
    assert not gate.wait(0.01) and ntipc.wait_all([other, gate], 0) is None
    gate.right.set()
    found = ntipc.wait_any([other, gate], 10)
    assert gate.wait() and found is not None and (found.index, found.object) == (1, gate)
    other.set()
    assert ntipc.wait_all([gate, other], 10) and not other.is_set()
    signal = ntipc.Event()
    assert ntipc.signal_and_wait(signal, gate, 10) and signal.is_set()


def test_closing_closes_all_parts_once_and_for_all(gate: Gate) -> None:
    with gate as same:
        assert same is gate and not gate.left.closed
    assert gate.closed and gate.left.closed and gate.right.closed and repr(gate) == "<Gate 'x' closed>"
    gate.close()
    for call in (lambda: gate.handle, gate.__enter__, gate.duplicate, lambda: gate.wait(0)):
        with pytest.raises(ntipc.HandleClosed):
            call()


def test_duplicate_has_handles_of_its_own_and_the_rights_asked_for_on_its_parts_alone(gate: Gate) -> None:
    twin = gate.duplicate(access=ntipc.Access.SYNCHRONIZE, inheritable=True)
    assert type(twin) is Gate and twin.left.identity == gate.left.identity and twin.left.handle != gate.left.handle
    assert twin.left.access == ntipc.Access.SYNCHRONIZE and twin.right.access == gate.right.access
    assert twin.inheritable and twin.right.inheritable and not gate.inheritable
    gate.inheritable = True
    assert gate.left.inheritable and gate.right.inheritable
    gate.close()
    assert not twin.right.closed


def test_one_handle_is_not_enough_for_another_process(gate: Gate, peer: Peer) -> None:
    with pytest.raises(ntipc.NotSupported, match=r"Gate\.duplicate failed for gate 'x': .*send the gate"):
        gate.duplicate(peer.run("os.getpid()"))
    with pytest.raises(ntipc.NotSupported, match="send the gate"):
        Gate.from_handle(gate.handle)


def test_it_travels_in_a_message_with_its_parts(gate: Gate) -> None:
    queue = ntipc.Queue()
    queue.put_object(gate)
    arrived = queue.get_object()
    assert isinstance(arrived, Gate) and arrived.right.identity == gate.right.identity


def test_handles_are_closed_with_the_last_reference() -> None:
    gate: Gate | None = Gate(ntipc.Event(), ntipc.Event())
    assert gate is not None
    watchers = gate.left.duplicate(), gate.right.duplicate()
    assert [watcher.info()["handles"] for watcher in watchers] == [2, 2]
    gate = None
    assert [watcher.info()["handles"] for watcher in watchers] == [1, 1]


@pytest.mark.parametrize("leaves", [True, False])
def test_child_of_a_fork_gives_up_what_its_parent_alone_may_use(gate: Gate, leaves: bool) -> None:
    gate._leave_at_fork()
    if not leaves:
        gate._keep_at_fork()
    child = os.fork()
    if not child:
        os._exit(int(gate.left.closed))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == int(leaves) and not gate.left.closed


@pytest.mark.parametrize(
    "call",
    [lambda: ntipc.wait_any([5]), lambda: ntipc.signal_and_wait(ntipc.Event(), 5)],  # type: ignore[list-item, arg-type]
)
def test_what_is_neither_an_object_nor_a_composite_cannot_be_waited_for(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="takes events, .* not int"):
        call()


def test_what_cannot_be_signalled_is_named() -> None:
    with pytest.raises(TypeError, match="signals an Event, a Semaphore or a Mutex, not Gate"):
        ntipc.signal_and_wait(Gate(ntipc.Event(), ntipc.Event()), ntipc.Event(), 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="signals an Event, a Semaphore or a Mutex, not a Timer"):
        ntipc.signal_and_wait(ntipc.Timer(), ntipc.Event(), 0)


def test_true_in_place_of_a_timeout_is_a_second_and_not_for_ever() -> None:
    assert ntipc.Event().wait(True) is False  # as threading has it
    left = Deadline(True).left()
    assert left is not None and left <= 1


def test_handle_with_a_name_in_a_directory_becomes_what_is_registered_for_it(peer: Peer) -> None:
    peer.run("import pickle")
    assert peer.run("'ntipc.mailslots' in __import__('sys').modules") is False
    slot, carrier = ntipc.Mailslot("news"), ntipc.Queue("carrier")
    carrier.put(b"", handles=[ntipc.MailslotClient("news")])
    assert peer.run("type(ntipc.Queue('carrier').receive().objects[0]).__name__") == "MailslotClient"
    slot.close()

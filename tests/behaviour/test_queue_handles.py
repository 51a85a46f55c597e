"""Handles that travel with messages: copied or moved, with their rights, and never lost, whichever process dies."""

import pickle
import subprocess
import sys
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import facts, look, wait_until

import ntipc
from ntipc import Queue


def test_objects_arrive_with_a_message(peer: Peer) -> None:
    queue = Queue("q")
    event, section = ntipc.Event(), ntipc.Section(size=100)
    queue.put(b"use these", handles=[event, section])
    peer.run("m = ntipc.Queue('q').receive(10); event, section = m.objects")
    assert peer.run("m.data, type(event).__name__, type(section).__name__") == (b"use these", "Event", "Section")
    peer.run("event.set(); section.map()[:2] = b'ok'")
    assert event.wait(10) and bytes(section.map()[:2]) == b"ok"


KINDS: dict[str, Any] = {
    "Event": ntipc.Event,
    "Semaphore": ntipc.Semaphore,
    "Mutex": ntipc.Mutex,
    "Timer": ntipc.Timer,
    "EventPair": ntipc.EventPair,
    "Section": lambda: ntipc.Section(size=1),
    "QueueReader": lambda: Queue().split()[0],
    "QueueWriter": lambda: Queue().split()[1],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("move", [False, True])
def test_every_kind_of_object_can_travel(kind: str, move: bool) -> None:
    queue, thing = Queue(), KINDS[kind]()
    identity = thing.identity
    queue.put(b"", handles=(thing,), move=move)
    assert thing.closed is move
    (arrived,) = queue.receive().objects
    assert type(arrived).__name__ == kind and arrived.identity == identity


def test_a_message_carries_eight() -> None:
    queue, events = Queue(), [ntipc.Event(f"e{number}") for number in range(9)]
    with pytest.raises(ntipc.InvalidParameter, match="8"):
        queue.put(b"too many", handles=events)
    assert queue.empty() and not any(event.closed for event in events)
    queue.put(b"x" * 10_000, handles=events[:8])
    assert [event.name for event in queue.receive().objects] == [f"e{number}" for number in range(8)]


def test_rights_travel_along() -> None:
    queue, event = Queue(), ntipc.Event()
    queue.put(b"", handles=[event.duplicate(access=ntipc.Access.SYNCHRONIZE)])
    (arrived,) = queue.receive().objects
    with pytest.raises(PermissionError):
        arrived.set()  # type: ignore[attr-defined]


def test_object_in_a_message_lives_after_its_sender(peer: Peer) -> None:
    queue = Queue("q")
    peer.run("event = ntipc.Event('travels'); ntipc.Queue('q').put(b'', handles=[event]); event.close()")
    peer.kill()
    wait_until(lambda: len(look()["processes"]) == 1)
    (event,) = queue.receive().objects
    assert event.name == "travels" and facts(event)["handles"] == 1


@pytest.mark.parametrize("way", ["message", "handle", "object"])
def test_mailslot_and_its_client_arrive_as_what_they_are(way: str) -> None:
    queue, slot = Queue(), ntipc.Mailslot(r"a\b", max_message=4)
    client = ntipc.MailslotClient(r"A\B")
    if way == "message":
        queue.put(b"", handles=[slot, client])
        theirs, writer = queue.receive().objects
    elif way == "handle":
        theirs = ntipc.Mailslot.from_handle(slot.duplicate_handle())
        writer = ntipc.MailslotClient.from_handle(client.duplicate_handle())
    else:
        queue.put_object((slot, client))
        theirs, writer = queue.get_object()
    slot.close()
    assert isinstance(theirs, ntipc.Mailslot) and isinstance(writer, ntipc.MailslotClient)
    with pytest.raises(ntipc.InvalidParameter):
        writer.write(b"12345")
    writer.write(b"1234")
    client.close()
    writer.close()
    assert theirs.read(0) == b"1234" and theirs.name.lower() == r"a\b" and not theirs.wait(0)


def test_what_is_no_object_or_several_does_not_go_along() -> None:
    queue, server = Queue(), ntipc.PipeServer("p")
    for wrong in server, ntipc.PipeClient("p"), "text", 5:
        with pytest.raises(TypeError, match="put_object"):
            queue.put(b"", handles=[wrong])  # type: ignore[list-item]
    assert queue.empty()


def test_moved_object_is_closed_here_and_comes_back_if_it_could_not_go() -> None:
    queue, event = Queue(quota=1), ntipc.Event("e")
    queue.put(b"1")
    for problem, handles in (ntipc.Timeout, [event]), (ntipc.InvalidParameter, [event, event]):
        with pytest.raises(problem):
            queue.put(b"2", 0, handles=handles, move=True)
        assert not event.closed and not event.set() and event.wait(0)
    queue.get()
    queue.put(b"2", 0, handles=[event], move=True)
    assert event.closed and len(look()["objects"]) == 3
    with pytest.raises(ntipc.HandleClosed):
        event.set()


def test_whoever_takes_only_the_bytes_drops_what_came_along() -> None:
    queue = Queue()
    for take in queue.get, lambda: queue.get_into(bytearray(9)), queue.peek, lambda: queue.receive().data:
        event = ntipc.Event("e")
        queue.put(b"x", handles=[event], move=True)
        take()
        if not queue.empty():
            assert len(look()["objects"]) == 3, "who peeks takes nothing"
            queue.get()
        with pytest.raises(FileNotFoundError):
            ntipc.Event.open("e")


def test_messages_that_nobody_takes_give_up_what_they_carry() -> None:
    queue = Queue()
    queue.put(b"x", handles=[ntipc.Event("e")])
    assert not ntipc.Event.open("e").closed
    queue.close()
    wait_until(lambda: look()["objects"] == [])


def test_what_cannot_travel_is_refused() -> None:
    queue, closed, event = Queue(), ntipc.Event(), ntipc.Event()
    closed.close()
    with pytest.raises(ntipc.HandleClosed):
        queue.put(b"", handles=[event, closed])
    with pytest.raises(TypeError):
        queue.put(b"", handles=[event, "event"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        queue.put(b"", handles=5)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="session"):
        queue.put(b"", handles=[ntipc.Event("Global\\e")])
    with pytest.raises(ntipc.InvalidParameter, match="read end"):
        queue.put(b"", handles=[queue])
    assert queue.empty() and event.set() is False


def test_an_end_can_be_sent_through_another_queue(peer: Peer) -> None:
    """What a server does that gives each client a way back of its own."""
    requests = Queue("requests")
    peer.run(
        "back, there = ntipc.Queue().split()\n"
        "ntipc.QueueWriter('requests').put(b'question', handles=[there], move=True)"
    )
    request = requests.receive(10)
    (there,) = request.objects
    with there:
        there.put(b"answer to " + request.data)  # type: ignore[attr-defined]
    assert peer.run("list(back)") == [b"answer to question"]


def test_message_says_what_came_along() -> None:
    queue = Queue()
    queue.put(b"", handles=[ntipc.Event("e")])
    assert "Event 'e'" in repr(queue.receive())


class Special(ntipc.Event):
    """A class of a program's own."""


def test_pickled_objects_travel_as_handles_and_are_given_up_with_their_message(peer: Peer) -> None:
    queue = Queue("q")
    events = [ntipc.Event() for _ in range(12)]
    queue.put_object({"events": events, "again": events[0], "special": Special(), "other": ntipc.Event("Global\\e")})
    got = queue.get_object()
    assert [event.identity for event in got["events"]] == [event.identity for event in events]
    assert got["again"] is got["events"][0] and type(got["special"]) is Special and got["other"].name == "e"
    del got, events
    queue.put_object([ntipc.Event("lost"), ntipc.Section("lost too", 1)])
    ntipc.Event.open("lost").close()
    assert queue.get()
    for kind, name in (ntipc.Event, "lost"), (ntipc.Section, "lost too"):
        with pytest.raises(FileNotFoundError):
            kind.open(name)


def count(kind: str) -> int:
    """How many objects of a type there are."""
    return sum(thing["kind"] == kind for thing in look()["objects"])


@pytest.mark.parametrize("number", [1, 7, 8, 9, 16, 17, 100])
def test_any_number_of_objects_is_alive_on_the_way_and_given_up_with_the_message(number: int, peer: Peer) -> None:
    queue = Queue("q")
    peer.run(f"ntipc.Queue.open('q').put_object([ntipc.Event(initial=True) for _ in range({number})])")
    peer.kill()
    wait_until(lambda: len(look()["processes"]) == 1)
    events = queue.get_object(10)
    assert len(events) == number and all(event.wait(0) for event in events)
    assert len({event.identity for event in events}) == count("Event") == number
    assert all(facts(event)["handles"] == 1 for event in events)
    queue.put_object(events)
    del events
    assert count("Event") == number
    assert queue.get()
    assert count("Event") == 0 and count("ReadEnd") == count("WriteEnd") == 1


def test_what_has_several_handles_is_alive_on_the_way_and_given_up_with_the_message(peer: Peer) -> None:
    queue = Queue("q")
    things = "[ntipc.Queue(), ntipc.Queue('named'), ntipc.Mailslot('m'), ntipc.MailslotClient('m')]"
    things += " + [end for _ in range(3) for end in ntipc.create_pipe(duplex=True)]"
    peer.run(f"ntipc.Queue.open('q').put_object({things})")
    peer.kill()
    wait_until(lambda: len(look()["processes"]) == 1)
    unnamed, named, slot, client, *pipes = queue.get_object(10)
    for each in unnamed, named:
        assert type(each) is Queue
        each.put(b"works")
        assert each.get(0) == b"works"
    client.write(b"works")
    assert type(slot) is ntipc.Mailslot and slot.read(0) == b"works"
    for one, other in zip(pipes[::2], pipes[1::2], strict=True):
        one.send(b"works")
        assert other.recv(0) == b"works"
    for thing in unnamed, named, slot, client, *pipes:
        thing.close()
    del unnamed, named, slot, client, pipes, thing, each, one, other
    assert count("ReadEnd") == count("WriteEnd") == 1
    for _ in range(3):
        with Queue() as first, ntipc.Mailslot("again") as second:
            queue.put_object({"reply to": first, "slot": second})
        queue.get()
    assert count("ReadEnd") == count("WriteEnd") == 1


class Family(ntipc.Event):
    """What refers to itself, and to others, and wants to know how it comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.me, self.sibling, self.arrivals = self, ntipc.Event(initial=True), 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, arrivals=state["arrivals"] + 1)


def test_pickled_object_that_knows_itself_arrives_as_one() -> None:
    queue, family = Queue(), Family()
    queue.put_object([family, family.sibling, family])
    first, sibling, again = queue.get_object()
    assert type(first) is Family and first is again is first.me and first.sibling is sibling and sibling.wait(0)
    assert first.identity == family.identity and (first.arrivals, family.arrivals) == (1, 0)


def test_end_on_its_way_in_a_message_goes_with_it() -> None:
    jobs, queue = Queue(), Queue()
    queue.put_object({"jobs": jobs})
    queue.close()
    reader, writer = jobs.split()
    reader.close()
    with pytest.raises(ntipc.PeerGone):
        writer.put(b"nobody reads this")


def test_whole_queues_can_be_pickled_into_a_queue(peer: Peer) -> None:
    queue, back = Queue("q"), Queue()
    queue.put_object(back)
    peer.run("back = ntipc.Queue('q').get_object(10); back.put(b'here')")
    assert back.get(10) == b"here"


def test_forged_pickle_names_no_object() -> None:
    queue = Queue()
    forged = pickle.PROTO + b"\x05" + pickle.BININT1 + b"\x00" + pickle.GLOBAL + b"ntipc.sync.events\nEvent\n"
    forged += pickle.EMPTY_DICT + pickle.TUPLE3 + pickle.BINPERSID + pickle.STOP
    queue.put(forged)
    with pytest.raises(pickle.UnpicklingError, match="did not come along"):
        queue.get_object()


def test_ends_arrive_as_ends_of_queues_whatever_was_imported_first() -> None:
    program = """
import ntipc
ntipc.Pipe, ntipc.Mailslot
queue, other = ntipc.Queue(), ntipc.Queue()
queue.put(b"", handles=list(other.split()))
reader, writer = queue.receive().objects
print(type(reader).__name__, type(writer).__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert (done.stdout.split(), done.stderr) == (["QueueReader", "QueueWriter"], "")

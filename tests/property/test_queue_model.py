"""The kernel and the model do the same: queues, their ends, messages with handles, parts and streams."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from profiles import SECONDS, profile
from reference_queues import Message, ModelQueue

import ntipc
from ntipc.objects.arrivals import claim

EVENTS = 3
BROKEN = 0xC00000B0
LENGTHS = st.sampled_from([0, 1, 3, 7, 10, 90, 2040, 2048, 2049, 4096, 9000, 70_000])
QUOTAS = st.sampled_from([1, 10, 100, 4096, 100_000])
CARRIED = st.one_of(st.just([]), st.just([]), st.lists(st.integers(0, EVENTS - 1), max_size=3))
PLACES = st.integers(0, 5)


class Real:
    """A queue's handles, as the model's counts have them."""

    def __init__(self, quota: int) -> None:
        reader, writer = ntipc.Queue(quota=quota).split()
        self.readers, self.writers = [reader], [writer]


class Queues(RuleBasedStateMachine):
    """Calls that return at once, in the model and in the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: list[tuple[ModelQueue, Real]] = []
        self.events = [ntipc.Event() for _ in range(EVENTS)]
        self.serial = 0

    def teardown(self) -> None:
        for _, real in self.queues:
            for end in [*real.readers, *real.writers]:
                end.close()
        for event in self.events:
            event.close()

    def content(self, length: int) -> bytes:
        self.serial += 1
        return bytes((self.serial * 31 + place * 7) % 256 for place in range(min(length, 256))).ljust(length, b".")

    def some(self, place: int) -> tuple[ModelQueue, Real]:
        return self.queues[place % len(self.queues)]

    def attempt(self, call: Any, refusal: str | None) -> Any:
        """Make a call that must be refused so, or succeed; ``None`` if it was refused, or had to wait."""
        try:
            return call()
        except ntipc.Timeout:
            assert refusal is None
        except ntipc.NtError as problem:
            name = "broken" if problem.status == BROKEN else type(problem).__name__
            assert name == refusal, problem
        return None

    @rule(quota=QUOTAS)
    @precondition(lambda self: len(self.queues) < 4)
    def make(self, quota: int) -> None:
        self.queues.append((ModelQueue(quota), Real(quota)))

    @rule(place=PLACES, length=LENGTHS, tag=st.integers(0, 9), carried=CARRIED)
    @precondition(lambda self: self.queues)
    def put_any(self, place: int, length: int, tag: int, carried: list[int]) -> None:
        self.put(place, length, tag, carried)

    def put(self, place: int, length: int, tag: int, carried: list[int]) -> None:
        model, real = self.some(place)
        if not real.writers:
            return
        data, refusal = self.content(length), model.refusal_to_put()
        handles = [self.events[number] for number in carried]
        mark = self.attempt(lambda: real.writers[0]._put_marked(data, 0, tag=tag, handles=handles), refusal)
        assert (mark is not None) == (refusal is None and model.put(data, tag, carried))

    @rule(place=PLACES, beyond=st.integers(0, 1))
    @precondition(lambda self: self.queues)
    def fill(self, place: int, beyond: int) -> None:
        """A message that just fits, or just does not."""
        model, _ = self.some(place)
        self.put(place, max(model.quota - model.size, 0) + beyond, 0, [])

    @rule(place=PLACES, limit=st.sampled_from([None, 1, 50, 5000]))
    @precondition(lambda self: self.queues)
    def take(self, place: int, limit: int | None) -> None:
        model, real = self.some(place)
        if not real.readers:
            return
        if model.messages and model.messages[0].carried:
            limit = None
        refusal = model.refusal_to_take()
        frame = self.attempt(lambda: real.readers[0]._take(limit, 0), refusal)
        expected = None if refusal else model.take(limit)
        assert (frame is None) == (expected is None)
        if expected is None:
            return
        data, left, message = expected
        assert (frame.data, frame.left, frame.tag) == (data, left, message.tag)
        arrived = claim(frame)
        assert [type(thing) for thing in arrived] == [ntipc.Event] * len(message.carried)
        for thing in arrived:
            thing.close()

    @rule(place=PLACES, limit=st.sampled_from([1, 50, 5000, 100_000]))
    @precondition(lambda self: self.queues)
    def take_stream(self, place: int, limit: int) -> None:
        model, real = self.some(place)
        plain = all(message.data and not message.carried for message in model.messages)
        if real.readers and plain and model.messages and not model.broken:
            assert real.readers[0]._take(limit, 0, True).data == model.take_stream(limit)

    @rule(place=PLACES, length=st.sampled_from([10, 3000, 100_000]))
    @precondition(lambda self: self.queues)
    def look(self, place: int, length: int) -> None:
        """Neither a peek nor a buffer that is too small takes anything."""
        model, real = self.some(place)
        if not real.readers or model.broken or not model.messages:
            return
        rest = model.messages[0].rest
        frame = real.readers[0]._peek(length)
        assert frame is not None and (frame.data, frame.left) == (rest[:length], max(0, len(rest) - length))
        if len(rest) > 10:
            frame = real.readers[0]._take_into(bytearray(10), 0, True)
            assert frame is not None and (frame.size, frame.left) == (0, len(rest))

    @rule(place=PLACES, reads=st.booleans())
    @precondition(lambda self: self.queues)
    def duplicate(self, place: int, reads: bool) -> None:
        model, real = self.some(place)
        ends: list[Any] = real.readers if reads else real.writers
        if 0 < len(ends) < 3:
            ends.append(ends[0].duplicate())
            model.readers += reads
            model.writers += not reads

    @rule(place=PLACES, reads=st.booleans())
    @precondition(lambda self: self.queues)
    def close(self, place: int, reads: bool) -> None:
        model, real = self.some(place)
        ends: list[Any] = real.readers if reads else real.writers
        if not ends:
            return
        ends.pop().close()
        model.readers -= reads
        model.writers -= not reads
        if not model.readers:
            model.empty()
        if not model.readers and not model.writers:
            self.queues.remove((model, real))

    @rule(place=PLACES)
    @precondition(lambda self: self.queues)
    def break_one(self, place: int) -> None:
        model, real = self.some(place)
        (real.readers or real.writers)[0]._break_queue(BROKEN)
        model.broken = True
        model.empty()

    @invariant()
    def ends_say_what_the_model_says(self) -> None:
        for model, real in self.queues:
            for end, is_set in [
                *((end, model.can_be_read) for end in real.readers),
                *((end, model.can_be_written) for end in real.writers),
            ]:
                assert end.wait(0) == is_set
                info = end.info()
                assert (info["readers"], info["writers"]) == (model.readers, model.writers)
                assert (info["bytes"], info["messages"]) == (model.size, len(model.messages))

    @invariant()
    def each_handle_is_in_one_place(self) -> None:
        for number, event in enumerate(self.events):
            carried = sum(message.carried.count(number) for model, _ in self.queues for message in model.messages)
            assert event.info()["handles"] == 1 + carried


@pytest.mark.timeout(SECONDS)
def test_queues_agree_with_the_model(session: ntipc.Session) -> None:
    run_state_machine_as_test(Queues, settings=profile(150, 50))
    assert not ntipc.examine(session.path)["findings"]


def too_little_room(model: ModelQueue, length: int) -> bool:
    return not model.size or model.size + length < model.quota


def refuses_nothing(model: ModelQueue) -> None:
    return None


def stays_full(model: ModelQueue) -> None:
    pass


def forgets_what_was_taken(model: ModelQueue, limit: int | None) -> tuple[bytes, int, Message] | None:
    message = model.messages.pop(0) if model.messages else None
    return message and (message.rest[:limit], max(0, len(message.rest) - (limit or len(message.rest))), message)


@pytest.mark.parametrize(
    ("method", "mistake"),
    [
        ("has_room", too_little_room),
        ("refusal_to_put", refuses_nothing),
        ("refusal_to_take", refuses_nothing),
        ("empty", stays_full),
        ("take", forgets_what_was_taken),
    ],
)
def test_a_mistake_in_the_model_is_found(
    method: str, mistake: Any, session: ntipc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelQueue, method, mistake)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Queues, settings=profile(400, 50))

"""What the victims of damaged memory do: every call of the library, with whatever comes of it.

Imported by separate processes. Nothing but an ``NtError`` may come out of a call.
"""

import collections
import pickle
import random
import warnings
from collections.abc import Callable
from typing import Any

import ntipc
from ntipc import _kernel
from ntipc.queues.ends import QueueReader, QueueWriter

warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)

KINDS: tuple[type[ntipc.NtObject], ...] = (ntipc.Event, ntipc.Mutex, ntipc.Semaphore, ntipc.Timer, ntipc.EventPair)


class Badged:
    """A queue with badges: a frame of the first waits, and the notices of the two others."""

    def __init__(self, session: ntipc.Session) -> None:
        self.native = session._native
        self.reader, self.keeper = QueueReader.__new__(QueueReader), QueueWriter.__new__(QueueWriter)
        self.reader._bind(self.native, None, _kernel.CREATE, 0, 1 << 40, (0, 0), self.keeper, 0, None, 10_000)
        self.ends = [self.make(number)[0] for number in range(3)]
        self.ends[0]._put(b"badged", 0)
        for end in self.ends[1:]:
            end.close()

    def make(self, number: int) -> tuple[QueueWriter, tuple[int, int]]:
        end = QueueWriter.__new__(QueueWriter)
        return end, self.reader._make_badge(number, end)

    def use(self) -> None:
        """Put, take, and have a badge come, be revoked, and go."""
        end, token = self.make(7)
        try:
            end._put(b"more", 0)
            for writer in (self.ends[0], end):
                writer._put_beyond(b"", 0)
                writer._request(b"?", 0)
            while self.reader._take(None, 0) is not None:
                pass
            self.reader._revoke_badge(7, token)
        finally:
            end.close()
        self.reader._take(None, 0)


class Victim:
    """One process's (or thread's) use of a session."""

    def __init__(self, session: ntipc.Session | str, seed: int) -> None:
        self.session, self.dice = session, random.Random(seed)
        self.things: list[Any] = []
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.details: set[str] = set()

    def run(self, calls: int) -> dict[str, int]:
        """Make so many calls; how often each kind of failure came out of them."""
        for _ in range(calls):
            self.attempt(self.dice.choice(CALLS))
        return dict(self.outcomes)

    def every_call(self) -> dict[str, int]:
        """Make each kind of call, on each kind of object."""
        for kind in KINDS:
            self.attempt(lambda victim, kind=kind: victim.things.append(make(victim, kind, f"every {kind.__name__}")))
        for call in CALLS * 4:
            self.attempt(call)
        return dict(self.outcomes)

    def attempt(self, call: Callable[["Victim"], Any]) -> None:
        try:
            call(self)
        except ntipc.NtError as problem:
            assert str(problem)
            self.outcomes[type(problem).__name__] += 1
            self.details.add(str(problem))
        else:
            self.outcomes["done"] += 1

    def one(self, *kinds: type[ntipc.NtObject]) -> Any:
        fitting = [thing for thing in self.things if isinstance(thing, kinds or object)]
        if not fitting:
            self.things.append(make(self, self.dice.choice(kinds or KINDS), None))
            fitting = self.things[-1:]
        return self.dice.choice(fitting)

    def some(self) -> list[Any]:
        waitable = [thing for thing in self.things if not isinstance(thing, ntipc.Section | ntipc.EventPair)]
        return self.dice.sample(waitable, min(len(waitable), 1 + self.dice.randrange(4))) or [self.one(ntipc.Event)]

    def patience(self) -> float:
        return self.dice.choice([0, 0, 0.001, 0.003])


def make(victim: Victim, kind: type[ntipc.NtObject], name: str | None) -> Any:
    thing: Any = kind
    if kind is ntipc.Semaphore:
        return thing(name, initial=1, maximum=5, session=victim.session)
    return thing(name, session=victim.session)


def create(victim: Victim) -> None:
    name = victim.dice.choice([None, *(f"name {number}" for number in range(6)), "long " * 40])
    victim.things.append(make(victim, victim.dice.choice(KINDS), name))
    if len(victim.things) > 30:
        for thing in victim.things[:15]:
            thing.close()
        del victim.things[:15]


def close(victim: Victim) -> None:
    if victim.things:
        victim.things.pop(victim.dice.randrange(len(victim.things))).close()


def open_by_name(victim: Victim) -> None:
    kind: Any = victim.dice.choice(KINDS)
    victim.things.append(kind.open(f"name {victim.dice.randrange(6)}", session=victim.session))


def acquire_and_release(victim: Victim) -> None:
    mutex = victim.one(ntipc.Mutex)
    if mutex.acquire(timeout=victim.patience()) and victim.dice.randrange(4):
        mutex.release()


def take_and_give(victim: Victim) -> None:
    semaphore = victim.one(ntipc.Semaphore)
    semaphore.acquire(timeout=victim.patience())
    semaphore.release()


def run_timer(victim: Victim) -> None:
    timer = victim.one(ntipc.Timer)
    timer.set(0.001, victim.dice.choice([0, 0.001]))
    timer.wait(victim.patience())
    timer.cancel()


def use_pair(victim: Victim) -> None:
    pair = victim.one(ntipc.EventPair)
    victim.dice.choice([pair.set_low, pair.set_high])()
    victim.dice.choice([pair.wait_low, pair.wait_high])(victim.patience())


def use_section(victim: Victim) -> None:
    name = victim.dice.choice([None, "memory"])
    with ntipc.Section(name, 70_000, session=victim.session) as section, section.map() as view:
        view[0] = 1
        view[len(view) - 1] = 1
        section.info()


def write_and_read_log(victim: Victim) -> None:
    with ntipc.debuglog.Reader(session=victim.session) as reader:
        for length in 3, 700:
            ntipc.output_debug_string("x" * length, session=victim.session)
        for _ in range(5):
            reader.read(victim.patience())


def send(victim: Victim) -> None:
    victim.things.append(pickle.loads(pickle.dumps(victim.one(*KINDS))))


def signal_then_wait(victim: Victim) -> None:
    signal, wait = victim.one(ntipc.Event, ntipc.Semaphore, ntipc.Mutex), victim.one(ntipc.Event, ntipc.Semaphore)
    if signal is not wait:
        ntipc.signal_and_wait(signal, wait, victim.patience())


def look(victim: Victim) -> None:
    session = victim.session
    ntipc.inspect(session)
    if isinstance(session, ntipc.Session):
        assert len(session.statistics()) > 3


CALLS: list[Callable[[Victim], Any]] = [
    write_and_read_log,
    create,
    create,
    close,
    open_by_name,
    acquire_and_release,
    take_and_give,
    run_timer,
    use_pair,
    use_section,
    send,
    signal_then_wait,
    look,
    lambda victim: victim.one(ntipc.Event).set(),
    lambda victim: victim.one(ntipc.Event).clear(),
    lambda victim: victim.one(ntipc.Event).pulse(),
    lambda victim: victim.one(ntipc.Event).wait(victim.patience()),
    lambda victim: victim.one(ntipc.Mutex).release(),
    lambda victim: victim.one(*KINDS).info(),
    lambda victim: victim.things.append(victim.one(*KINDS).duplicate()),
    lambda victim: ntipc.wait_any(victim.some(), timeout=victim.patience()),
    lambda victim: ntipc.wait_all(list(dict.fromkeys(victim.some())), timeout=victim.patience()),
]

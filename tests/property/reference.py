"""A small model of NT's synchronization objects: no concurrency, no memory, one step after the other.

It says what must come out; how the real kernel gets there is no matter here. Where the rules leave something open (the
order in which the mutexes of a dead process are handed on, the moment at which a time runs out, how far a call has come
when its process is killed), a step has several permitted successors: `Model.after`, `Model.deaths`, `Model.expiries`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from reference_kinds import Event, EventPair, Kind, Mutex, Semaphore, Thread, Timer

QUERY, MODIFY, SYNCHRONIZE = 0x1, 0x2, 0x10_0000
ALL_RIGHTS = {"Event": 0x1F0003, "Semaphore": 0x1F0003, "Mutex": 0x1F0001, "Timer": 0x1F0003, "EventPair": 0x1F0000}
LARGEST = 2**31 - 1
BLOCKED = "blocked"
"""What a call answers that has not returned."""


class Refused(Exception):
    """The call fails with an exception of this name, and nothing has happened."""


@dataclass
class Thing:
    """An object: what it is, its name while it has one, and who waits for it, first come first served."""

    kind: Kind
    name: str | None
    queue: list[Thread] = field(default_factory=list)

    @property
    def type(self) -> str:
        return type(self.kind).__name__


@dataclass
class Handle:
    thing: int
    access: int
    inheritable: bool = False


@dataclass
class Wait:
    """Somebody waits: for which sides of which objects, in which form, and whether time can run out."""

    targets: list[tuple[int, str]]
    form: str
    timed: bool


class Model:
    """Everything that there is, and the calls that change it."""

    def __init__(self) -> None:
        self.things: dict[int, Thing] = {}
        self.made = 0
        self.tables: dict[int, dict[int, Handle]] = {}
        self.threads: set[Thread] = set()
        self.waits: dict[Thread, Wait] = {}
        self.results: dict[Thread, Any] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def idle(self) -> list[Thread]:
        return sorted(self.threads - self.waits.keys())

    # the permitted successors of a step

    def after(self, thread: Thread, operation: str, *arguments: Any) -> Model:
        """What is once the thread has made the call, and the call has returned or blocked."""
        model = copy.deepcopy(self)
        result = model.perform(thread, operation, *arguments)
        if result is not BLOCKED:
            model.results[thread] = result
        return model

    def perform(self, thread: Thread, operation: str, *arguments: Any) -> Any:
        try:
            return getattr(self, operation)(thread, *arguments)
        except Refused as refusal:
            return "refused", str(refusal)

    def expiries(self) -> Iterator[Model]:
        """This model, and those in which the time of some waiters has just run out."""
        yield self
        timed = [thread for thread, wait in self.waits.items() if wait.timed]
        for thread in timed:
            model = copy.deepcopy(self)
            model.results[thread] = model.timed_out(thread)
            yield from model.expiries()

    def deaths(self, dead: set[Thread]) -> Iterator[Model]:
        """The threads end: their waits at once, then their mutexes are handed on, in whatever order."""
        without = copy.deepcopy(self)
        for thread in dead & without.waits.keys():
            without.withdraw(thread)
        for thread in dead:
            without.results.pop(thread, None)
        without.threads -= dead
        owned = [
            number
            for number, thing in without.things.items()
            if isinstance(thing.kind, Mutex) and thing.kind.owner in dead
        ]
        # Order matters only among mutexes that somebody waits for.
        waited_for = [number for number in owned if without.things[number].queue]
        for order in permutations(waited_for):
            model = copy.deepcopy(without)
            for number in [*set(owned).difference(waited_for), *order]:
                if number in model.things:  # its last waiter may have got another one meanwhile
                    model.things[number].kind = Mutex(None, 0, abandoned=True)
                    model.serve(number)
            yield model

    def exits(self, process: int) -> Iterator[Model]:
        """The process ends, by itself or by a kill: its threads end, and its handles are closed."""
        for model in self.deaths({thread for thread in self.threads if thread[0] == process}):
            for handle in list(model.tables[process]):
                model.drop(process, handle)
            del model.tables[process]
            yield model

    def halves(self, thread: Thread, operation: str, *arguments: Any) -> Iterator[Model]:
        """What may be if the thread is killed in the middle of the call."""
        try:
            if operation == "signal_and_wait":
                half = copy.deepcopy(self)
                half.checked(thread, [(arguments[1], "")])
                half.signal_part(thread, arguments[0])
                yield half
            if operation == "pair_set_and_wait":
                half = copy.deepcopy(self)
                half.pair_set(thread, arguments[0], arguments[1])
                yield half
            if operation == "timer_set":
                for cleared in False, True:
                    half = copy.deepcopy(self)
                    timer = half.kind_of(thread, arguments[0], Timer, MODIFY)
                    timer.running, timer.signaled = False, timer.signaled and not cleared
                    yield half
        except Refused:
            return

    def without_waits(self, thread: Thread) -> Model:
        """What another thread of the process gets and cannot take any more, because it is killed with it, goes back."""
        model = copy.deepcopy(self)
        for other in [other for other in model.waits if other[0] == thread[0]]:
            model.withdraw(other)
        return model

    # processes and threads

    def start_process(self, process: int) -> None:
        self.tables[process] = {}

    def fork_process(self, parent: int, child: int) -> None:
        """The child has every handle at the same number, and owns nothing."""
        self.tables[child] = copy.deepcopy(self.tables[parent])

    def start_thread(self, thread: Thread) -> None:
        self.threads.add(thread)

    # names and handles

    def named(self, name: str | None) -> int | None:
        local = plain(name)
        return next((number for number, thing in self.things.items() if local and thing.name == local), None)

    def insert(self, process: int, handle: Handle) -> int:
        """The lowest free number of the process's table."""
        table = self.tables[process]
        number = next(4 * place for place in range(1, len(table) + 2) if 4 * place not in table)
        table[number] = handle
        return number

    def make(self, thread: Thread, kind: Kind, name: str | None, only_new: bool) -> tuple[bool, int]:
        """Open the object of that name, or make it; whether it is new, and the handle."""
        found, wanted = self.named(name), type(kind).__name__
        if found is not None:
            if only_new:
                raise Refused("ObjectExists")
            if self.things[found].type != wanted:
                raise Refused("ObjectTypeMismatch")
        number = found
        if number is None:
            number, self.made = self.made, self.made + 1
            self.things[number] = Thing(kind, plain(name))
        return found is None, self.insert(thread[0], Handle(number, ALL_RIGHTS[wanted]))

    def make_event(self, thread: Thread, name: str | None, only_new: bool, manual: bool, initial: bool) -> Any:
        return self.make(thread, Event(manual, initial), name, only_new)

    def make_semaphore(self, thread: Thread, name: str | None, only_new: bool, initial: int, maximum: int) -> Any:
        if not 0 <= initial <= maximum or not 0 < maximum <= LARGEST:
            raise Refused("InvalidParameter")
        return self.make(thread, Semaphore(initial, maximum), name, only_new)

    def make_mutex(self, thread: Thread, name: str | None, only_new: bool, initial_owner: bool) -> Any:
        return self.make(thread, Mutex(thread, 1) if initial_owner else Mutex(None, 0), name, only_new)

    def make_timer(self, thread: Thread, name: str | None, only_new: bool, manual: bool) -> Any:
        return self.make(thread, Timer(manual), name, only_new)

    def make_event_pair(self, thread: Thread, name: str | None, only_new: bool) -> Any:
        return self.make(thread, EventPair(), name, only_new)

    def make_several(self, thread: Thread, makes: list[tuple[Any, ...]]) -> list[Any]:
        return [self.perform(thread, *make) for make in makes]

    def open(self, thread: Thread, kind: str, name: str | None, access: int | None) -> int:
        if access == 0:
            raise Refused("AccessDenied")
        if plain(name) is None:
            raise Refused("InvalidParameter")
        found = self.named(name)
        if found is None:
            raise Refused("ObjectNotFound")
        if self.things[found].type != kind:
            raise Refused("ObjectTypeMismatch")
        return self.insert(thread[0], Handle(found, self.rights(found, access)))

    def rights(self, number: int, access: int | None) -> int:
        all_rights = ALL_RIGHTS[self.things[number].type]
        return all_rights if access is None else access & all_rights

    def duplicate(self, thread: Thread, source: int, target: int, access: int | None, inheritable: bool) -> int:
        if access == 0:
            raise Refused("AccessDenied")
        handle = self.handle(thread, source)
        rights = handle.access if access is None else self.rights(handle.thing, access)
        return self.insert(target, Handle(handle.thing, rights, inheritable))

    def close(self, thread: Thread, handle: int) -> None:
        self.handle(thread, handle)
        self.drop(thread[0], handle)

    def drop(self, process: int, handle: int) -> None:
        """The name goes with the last handle, the object with the last waiter."""
        number = self.tables[process].pop(handle).thing
        if not self.holders(number):
            self.things[number].name = None
            self.forget(number)

    def forget(self, number: int) -> None:
        if not self.holders(number) and not self.things[number].queue:
            del self.things[number]

    def holders(self, number: int) -> list[tuple[int, int, Handle]]:
        return [
            (process, place, handle)
            for process, table in self.tables.items()
            for place, handle in table.items()
            if handle.thing == number
        ]

    def handle(self, thread: Thread, handle: int, rights: int = 0) -> Handle:
        found = self.tables[thread[0]].get(handle)
        if found is None:
            raise Refused("HandleClosed")
        if found.access & rights != rights:
            raise Refused("AccessDenied")
        return found

    def kind_of(self, thread: Thread, handle: int, wanted: type, rights: int) -> Any:
        kind = self.things[self.handle(thread, handle, rights).thing].kind
        assert isinstance(kind, wanted), f"the test means a {wanted.__name__}, but the handle is of {kind}"
        return kind

    # waiting

    def wait(self, thread: Thread, handles: list[int], form: str, timeout: float | None) -> Any:
        """``form`` is one, any or all."""
        if not handles:
            raise Refused("ValueError")
        targets = self.checked(thread, [(handle, "") for handle in handles])
        if form == "all" and len({number for number, _ in targets}) < len(targets):
            raise Refused("InvalidParameterMix")
        return self.begin(thread, Wait(targets, form, bool(timeout)), timeout)

    def checked(self, thread: Thread, wanted: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Every handle is checked before anything is taken."""
        for rights in 0, SYNCHRONIZE:
            targets = [(self.handle(thread, handle, rights).thing, side) for handle, side in wanted]
        return targets

    def begin(self, thread: Thread, wait: Wait, timeout: float | None) -> Any:
        self.enqueue(thread, wait)
        return self.settle(thread, timeout)

    def enqueue(self, thread: Thread, wait: Wait) -> None:
        self.waits[thread] = wait
        for number, _ in wait.targets:
            self.things[number].queue.append(thread)

    def settle(self, thread: Thread, timeout: float | None) -> Any:
        """The end of a call that waits: it is served already, or now, or at once out of time, or it blocks."""
        if thread in self.waits:
            self.try_serve(thread)
        if thread in self.waits and timeout == 0:
            return self.timed_out(thread)
        return BLOCKED if thread in self.waits else self.results.pop(thread)

    def timed_out(self, thread: Thread) -> Any:
        form = self.waits[thread].form
        self.withdraw(thread)
        return False if form == "one" else None

    def withdraw(self, thread: Thread) -> None:
        wait = self.waits.pop(thread)
        for number, _ in wait.targets:
            self.things[number].queue.remove(thread)
        for number in {number for number, _ in wait.targets}:
            self.forget(number)

    def try_serve(self, thread: Thread) -> None:
        """Take everything that the thread waits for, or nothing."""
        wait = self.waits[thread]
        free = [self.things[number].kind.satisfies(thread, side) for number, side in wait.targets]
        if not (all(free) if wait.form == "all" else any(free)):
            return
        taken = range(len(free)) if wait.form == "all" else [free.index(True)]
        abandoned = []
        for index in taken:
            number, side = wait.targets[index]
            if self.things[number].kind.take(thread, side):
                abandoned.append(index)
        self.withdraw(thread)
        if wait.form == "one":
            self.results[thread] = "abandoned" if abandoned else True
        elif wait.form == "any":
            self.results[thread] = taken[0], bool(abandoned)
        else:
            self.results[thread] = tuple(abandoned)

    def serve(self, number: int) -> None:
        """The object has been signalled: first come, first served, for as long as there is something to take."""
        for thread in list(dict.fromkeys(self.things[number].queue)):
            self.try_serve(thread)

    # signalling

    def event_set(self, thread: Thread, handle: int) -> bool:
        event = self.kind_of(thread, handle, Event, MODIFY)
        before, event.signaled = event.signaled, True
        self.serve(self.handle(thread, handle).thing)
        return bool(before)

    def event_clear(self, thread: Thread, handle: int) -> bool:
        event = self.kind_of(thread, handle, Event, MODIFY)
        before, event.signaled = event.signaled, False
        return bool(before)

    def event_pulse(self, thread: Thread, handle: int) -> bool:
        before = self.event_set(thread, handle)
        self.event_clear(thread, handle)
        return before

    def is_set(self, thread: Thread, handle: int) -> bool:
        """Of an event or a timer; taking nothing."""
        number = self.handle(thread, handle, QUERY).thing
        return bool(self.things[number].kind.state()["signaled"])

    def semaphore_release(self, thread: Thread, handle: int, units: int) -> int:
        if not 0 < units <= LARGEST and handle in self.tables[thread[0]]:
            raise Refused("InvalidParameter")
        semaphore = self.kind_of(thread, handle, Semaphore, MODIFY)
        if semaphore.count + units > semaphore.maximum:
            raise Refused("LimitExceeded")
        before, semaphore.count = semaphore.count, semaphore.count + units
        self.serve(self.handle(thread, handle).thing)
        return int(before)

    def mutex_release(self, thread: Thread, handle: int) -> None:
        mutex = self.kind_of(thread, handle, Mutex, 0)
        if mutex.owner != thread:
            raise Refused("NotOwner")
        mutex.recursion -= 1
        if mutex.recursion == 0:
            mutex.owner = None
            self.serve(self.handle(thread, handle).thing)

    def timer_set(self, thread: Thread, handle: int, due: float, period: float) -> bool:
        timer = self.kind_of(thread, handle, Timer, MODIFY)
        before = timer.signaled
        timer.signaled, timer.running, timer.period = due == 0, due > 0 or period > 0, period
        self.serve(self.handle(thread, handle).thing)
        return bool(before)

    def timer_cancel(self, thread: Thread, handle: int) -> bool:
        timer = self.kind_of(thread, handle, Timer, MODIFY)
        before, timer.running = timer.running, False
        return bool(before)

    def pair_set(self, thread: Thread, handle: int, side: str) -> None:
        setattr(self.kind_of(thread, handle, EventPair, SYNCHRONIZE), side, True)
        self.serve(self.handle(thread, handle).thing)

    def pair_wait(self, thread: Thread, handle: int, side: str, timeout: float | None) -> Any:
        targets = self.checked(thread, [(handle, side)])
        return self.begin(thread, Wait(targets, "one", bool(timeout)), timeout)

    def pair_set_and_wait(self, thread: Thread, handle: int, side: str, timeout: float | None) -> Any:
        """Set this side and wait for the other, as one step."""
        other = {"high": "low", "low": "high"}[side]
        targets = self.checked(thread, [(handle, other)])
        self.enqueue(thread, Wait(targets, "one", bool(timeout)))
        self.pair_set(thread, handle, side)
        return self.settle(thread, timeout)

    def signal_and_wait(self, thread: Thread, signal: int, wait: int, timeout: float | None) -> Any:
        """Queued first, signalled then: whoever the signal wakes finds the caller waiting."""
        self.handle(thread, signal)
        targets = self.checked(thread, [(wait, "")])
        self.enqueue(thread, Wait(targets, "one", bool(timeout)))
        try:
            self.signal_part(thread, signal)
        except Refused:
            self.withdraw(thread)
            raise
        return self.settle(thread, timeout)

    def signal_part(self, thread: Thread, signal: int) -> None:
        kind = self.things[self.handle(thread, signal).thing].kind
        if isinstance(kind, Event):
            self.event_set(thread, signal)
        elif isinstance(kind, Semaphore):
            self.semaphore_release(thread, signal, 1)
        else:
            self.mutex_release(thread, signal)

    # asking

    def query(self, thread: Thread, handle: int) -> dict[str, Any]:
        found = self.handle(thread, handle)
        thing = self.things[found.thing]
        if thing.type != "EventPair":
            self.handle(thread, handle, QUERY)
        facts = {"kind": thing.type, "name": thing.name, "waiters": len(thing.queue), "access": found.access}
        facts |= {"handles": len(self.holders(found.thing)), "inheritable": found.inheritable}
        if isinstance(thing.kind, Mutex):
            mutex = thing.kind
            facts |= {"count": 1 - mutex.recursion, "owned_by_caller": mutex.owner == thread}
            return facts | {"abandoned": mutex.abandoned}
        return facts | thing.kind.state()


def plain(name: str | None) -> str | None:
    """A name without the prefixes that mean the same session; no name and an empty one are the same."""
    return (name or "").removeprefix("Local\\").removeprefix("\\BaseNamedObjects\\") or None

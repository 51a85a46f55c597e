"""A small model of NT's synchronization objects: no concurrency, no memory, one step after the other.

It says what must come out; how the real kernel gets there is no matter here. Where the rules leave something open (the
order in which the mutexes of a dead process are handed on, the moment at which a time runs out, how far a call has come
when its process is killed), a step has several permitted successors: `Model.after`, `Model.deaths`, `Model.expiries`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import permutations
from typing import Any

from reference_kinds import Event, EventPair, Mutex, Semaphore, Thread, Timer
from reference_objects import LARGEST, MODIFY, QUERY, SYNCHRONIZE, Refused
from reference_waits import BLOCKED, Wait, Waits


class Model(Waits):
    """Everything that there is, and the calls that change it."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[Thread] = set()

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
        """Queued first, signalled then: the thread that the signal wakes finds the caller waiting."""
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

"""One process's side of the real thing: the model's operations, done with ntipc's own classes.

An object is known by the number of its handle; 0 stands for a handle that has been closed.
"""

import os
import warnings
from collections.abc import Callable
from typing import Any

import ntipc


class Participant:
    """The handles of one process, and a method for each operation of the model."""

    def __init__(self) -> None:
        self.things: dict[int, Any] = {}
        self.closed = {
            kind: kind() for kind in (ntipc.Event, ntipc.Semaphore, ntipc.Mutex, ntipc.Timer, ntipc.EventPair)
        }
        for thing in self.closed.values():
            thing.close()
        warnings.simplefilter("ignore", ntipc.AbandonedMutexWarning)

    def perform(self, operation: str, *arguments: Any) -> Any:
        """The value of the call, or the name of its exception."""
        try:
            return getattr(self, operation)(*arguments)
        except Exception as problem:
            return "refused", type(problem).__name__

    def at(self, handle: int, kind: type) -> Any:
        return self.things[handle] if handle else self.closed[kind]

    def keep(self, thing: Any) -> int:
        self.things[thing.handle] = thing
        return int(thing.handle)

    # names and handles

    def make(self, kind: Any, name: str | None, only_new: bool, **options: Any) -> tuple[bool, int]:
        thing = (kind.create if only_new else kind)(name, **options)
        return thing.created, self.keep(thing)

    def make_event(self, name: str | None, only_new: bool, manual: bool, initial: bool) -> tuple[bool, int]:
        return self.make(ntipc.Event, name, only_new, manual_reset=manual, initial=initial)

    def make_semaphore(self, name: str | None, only_new: bool, initial: int, maximum: int) -> tuple[bool, int]:
        return self.make(ntipc.Semaphore, name, only_new, initial=initial, maximum=maximum)

    def make_mutex(self, name: str | None, only_new: bool, initial_owner: bool) -> tuple[bool, int]:
        return self.make(ntipc.Mutex, name, only_new, initial_owner=initial_owner)

    def make_timer(self, name: str | None, only_new: bool, manual: bool) -> tuple[bool, int]:
        return self.make(ntipc.Timer, name, only_new, manual_reset=manual)

    def make_event_pair(self, name: str | None, only_new: bool) -> tuple[bool, int]:
        return self.make(ntipc.EventPair, name, only_new)

    def make_several(self, makes: list[tuple[Any, ...]]) -> list[Any]:
        return [self.perform(*make) for make in makes]

    def open(self, kind: str, name: str | None, access: int | None) -> int:
        return self.keep(getattr(ntipc, kind).open(name, access))

    def duplicate(self, source: int, target: int | None, access: int | None, inheritable: bool) -> int:
        """``target`` is a process id, and None for this process; a handle there has to be adopted there."""
        twin = self.at(source, ntipc.Event).duplicate(target, access=access, inheritable=inheritable)
        return twin if target else self.keep(twin)

    def adopt(self, kind: str, handle: int) -> int:
        return self.keep(getattr(ntipc, kind).from_handle(handle))

    def close(self, handle: int) -> None:
        if not handle:
            raise ntipc.HandleClosed  # Python's close() may be repeated
        self.things.pop(handle).close()

    # waiting

    def wait(self, handles: list[int], form: str, timeout: float | None) -> Any:
        things = [self.at(handle, ntipc.Event) for handle in handles]
        if form == "one":
            return one(things[0].wait(timeout), things[0])
        if form == "any":
            first = ntipc.wait_any(things, timeout)
            return None if first is None else (first.index, first.abandoned)
        every = ntipc.wait_all(things, timeout)
        return None if every is None else tuple(things.index(thing) for thing in every.abandoned)

    def signal_and_wait(self, signal: int, wait: int, timeout: float | None) -> Any:
        thing = self.at(wait, ntipc.Event)
        return one(ntipc.signal_and_wait(self.at(signal, ntipc.Event), thing, timeout), thing)

    def pair_wait(self, handle: int, side: str, timeout: float | None) -> Any:
        return getattr(self.at(handle, ntipc.EventPair), f"wait_{side}")(timeout)

    def pair_set_and_wait(self, handle: int, side: str, timeout: float | None) -> Any:
        other = {"high": "low", "low": "high"}[side]
        return getattr(self.at(handle, ntipc.EventPair), f"set_{side}_wait_{other}")(timeout)

    # signalling

    def event_set(self, handle: int) -> bool:
        return bool(self.at(handle, ntipc.Event).set())

    def event_clear(self, handle: int) -> bool:
        return bool(self.at(handle, ntipc.Event).clear())

    def event_pulse(self, handle: int) -> bool:
        return bool(self.at(handle, ntipc.Event).pulse())

    def is_set(self, handle: int) -> bool:
        return bool(self.at(handle, ntipc.Event).is_set())

    def semaphore_release(self, handle: int, units: int) -> int:
        return int(self.at(handle, ntipc.Semaphore).release(units))

    def mutex_release(self, handle: int) -> None:
        self.at(handle, ntipc.Mutex).release()

    def timer_set(self, handle: int, due: float, period: float) -> bool:
        return bool(self.at(handle, ntipc.Timer).set(due, period))

    def timer_cancel(self, handle: int) -> bool:
        return bool(self.at(handle, ntipc.Timer).cancel())

    def pair_set(self, handle: int, side: str) -> None:
        getattr(self.at(handle, ntipc.EventPair), f"set_{side}")()

    # asking

    def query(self, handle: int) -> dict[str, Any]:
        facts = dict(self.at(handle, ntipc.Event).info())
        for key in "index", "serial", "owner_pid", "owner_tid", "recursion":
            facts.pop(key, None)
        if facts["kind"] == "Timer":
            facts["running"] = facts.pop("due_in") is not None
            facts["period"] = facts["period"] if facts["running"] else None
        return facts | {"access": int(facts["access"])}


def one(taken: bool, thing: Any) -> Any:
    """The answer of a wait for one object."""
    return "abandoned" if taken and isinstance(thing, ntipc.Mutex) and thing.abandoned else taken


Make = Callable[[], Participant]


def leave() -> None:
    """End as a program does that has told its sessions."""
    ntipc._kernel.leave_all()
    os._exit(0)

"""The operations of the synchronization families, done with ntipc's own classes.

A slot that holds no handle is played by a closed object of the class that the operation is for.
An operation on an object of another class is the method of the right class called on it, as
``Event.set(mutex)``, which Python refuses with TypeError: that is OBJECT_TYPE_MISMATCH here.
"""

from collections.abc import Callable
from typing import Any

from codes import ALREADY_EXISTS, INVALID_HANDLE, WAIT_ABANDONED, WAIT_TIMEOUT, failed, status, wait_failed
from harness.waiting import facts

import ntipc

Result = dict[str, Any]


class SyncSteps:
    """Slots with handles, and one method for each recorded operation."""

    def __init__(self) -> None:
        self.slots: dict[int, Any] = {}
        self.closed: dict[type, Any] = {}
        for kind in ntipc.Event, ntipc.Mutex, ntipc.Semaphore:
            self.closed[kind] = kind()
            self.closed[kind].close()

    def close_all(self) -> None:
        for thing in self.slots.values():
            thing.close()

    def at(self, slot: int, kind: type = ntipc.Event) -> Any:
        return self.slots.get(slot) or self.closed[kind]

    def store(self, slot: int, make: Callable[[], Any]) -> Result:
        try:
            thing = make()
        except Exception as problem:
            return failed(problem)
        self.slots[slot] = thing
        return {"ok": True, "err": 0 if thing.created else ALREADY_EXISTS}

    def store_opened(self, slot: int, kind: Any, name: str) -> Result:
        try:
            self.slots[slot] = kind.open(name)
        except Exception as problem:
            return failed(problem)
        return {"ok": True, "err": 0}

    # making, opening, closing

    def create_event(self, slot: int, name: str | None, manual: bool, initial: bool) -> Result:
        return self.store(slot, lambda: ntipc.Event(name, manual_reset=manual, initial=initial))

    def create_mutex(self, slot: int, name: str | None, initial_owner: bool) -> Result:
        return self.store(slot, lambda: ntipc.Mutex(name, initial_owner=initial_owner))

    def create_semaphore(self, slot: int, name: str | None, initial: int, max: int) -> Result:
        return self.store(slot, lambda: ntipc.Semaphore(name, initial=initial, maximum=max))

    def open_event(self, slot: int, name: str) -> Result:
        return self.store_opened(slot, ntipc.Event, name)

    def open_mutex(self, slot: int, name: str) -> Result:
        return self.store_opened(slot, ntipc.Mutex, name)

    def open_semaphore(self, slot: int, name: str) -> Result:
        return self.store_opened(slot, ntipc.Semaphore, name)

    def duplicate(self, src: int, dst: int) -> Result:
        try:
            self.slots[dst] = self.at(src).duplicate()
        except Exception as problem:
            return failed(problem)
        return {"ok": True}

    def close(self, slot: int) -> Result:
        if slot not in self.slots:
            return {"ok": False, "err": INVALID_HANDLE}  # Python's close() may be repeated; the recorded one may not
        self.slots.pop(slot).close()
        return {"ok": True}

    # signalling

    def signal(self, call: Callable[[Any], Any], slot: int, kind: type) -> Result:
        try:
            call(self.at(slot, kind))
        except Exception as problem:
            return failed(problem)
        return {"ok": True}

    def set_event(self, slot: int) -> Result:
        return self.signal(ntipc.Event.set, slot, ntipc.Event)

    def reset_event(self, slot: int) -> Result:
        return self.signal(ntipc.Event.clear, slot, ntipc.Event)

    def pulse_event(self, slot: int) -> Result:
        return self.signal(ntipc.Event.pulse, slot, ntipc.Event)

    def release_mutex(self, slot: int) -> Result:
        return self.signal(ntipc.Mutex.release, slot, ntipc.Mutex)

    def release_semaphore(self, slot: int, count: int) -> Result:
        try:
            previous = ntipc.Semaphore.release(self.at(slot, ntipc.Semaphore), count)
        except Exception as problem:
            return failed(problem)
        return {"ok": True, "prev": previous}

    # asking

    def query(self, slot: int, kind: Any, probe: Callable[[Any], Any], keys: dict[str, str]) -> Result:
        thing = self.at(slot, kind)
        try:
            probe(thing)
            known = facts(thing)
        except Exception as problem:
            return {"status": status(problem)}
        return {"status": "0x00000000"} | {recorded: known[ours] for recorded, ours in keys.items()}

    def query_event(self, slot: int) -> Result:
        return self.query(slot, ntipc.Event, ntipc.Event.is_set, {"manual": "manual_reset", "signaled": "signaled"})

    def query_semaphore(self, slot: int) -> Result:
        probe = ntipc.Semaphore.count.__get__
        return self.query(slot, ntipc.Semaphore, probe, {"count": "count", "max": "maximum"})

    def query_mutant(self, slot: int) -> Result:
        keys = {"count": "count", "owned_by_caller": "owned_by_caller", "abandoned": "abandoned"}
        return self.query(slot, ntipc.Mutex, ntipc.Mutex.abandoned.__get__, keys)

    # waiting

    def wait_single(self, slot: int, timeout: float | None) -> Result:
        thing = self.at(slot)
        try:
            taken = thing.wait(timeout)
        except Exception as problem:
            return wait_failed(problem)
        return {"ret": single_result(taken, thing)}

    def wait_any(self, slots: list[int], timeout: float | None) -> Result:
        things = [self.at(slot) for slot in slots]
        try:
            taken = ntipc.wait_any(things, timeout)
        except Exception as problem:
            return wait_failed(problem)
        if taken is None:
            return {"ret": WAIT_TIMEOUT}
        assert taken.object is things[taken.index]
        return {"ret": taken.index + (WAIT_ABANDONED if taken.abandoned else 0)}

    def wait_all(self, slots: list[int], timeout: float | None) -> Result:
        try:
            taken = ntipc.wait_all([self.at(slot) for slot in slots], timeout)
        except Exception as problem:
            return wait_failed(problem)
        if taken is None:
            return {"ret": WAIT_TIMEOUT}
        return {"ret": WAIT_ABANDONED if taken.abandoned else 0}

    def signal_and_wait(self, signal: int, wait: int, timeout: float | None) -> Result:
        thing = self.at(wait)
        try:
            taken = ntipc.signal_and_wait(self.at(signal), thing, timeout)
        except Exception as problem:
            return wait_failed(problem)
        return {"ret": single_result(taken, thing)}

    def wait_single_0(self, slot: int) -> Result:
        return self.wait_single(slot, 0)

    def wait_any_0(self, slots: list[int]) -> Result:
        return self.wait_any(slots, 0)

    def wait_all_0(self, slots: list[int]) -> Result:
        return self.wait_all(slots, 0)

    def signal_and_wait_0(self, signal: int, wait: int) -> Result:
        return self.signal_and_wait(signal, wait, 0)

    def wait_single_infinite(self, slot: int) -> Result:
        return self.wait_single(slot, None)

    def wait_any_infinite(self, slots: list[int]) -> Result:
        return self.wait_any(slots, None)

    def wait_all_infinite(self, slots: list[int]) -> Result:
        return self.wait_all(slots, None)

    def signal_and_wait_infinite(self, signal: int, wait: int) -> Result:
        return self.signal_and_wait(signal, wait, None)


def single_result(taken: bool, thing: Any) -> int:
    if not taken:
        return WAIT_TIMEOUT
    return WAIT_ABANDONED if isinstance(thing, ntipc.Mutex) and thing.abandoned else 0

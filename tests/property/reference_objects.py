"""The model's objects, their names, and the handles to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reference_kinds import Event, EventPair, Kind, Mutex, Semaphore, Thread, Timer

QUERY, MODIFY, SYNCHRONIZE = 0x1, 0x2, 0x10_0000
ALL_RIGHTS = {"Event": 0x1F0003, "Semaphore": 0x1F0003, "Mutex": 0x1F0001, "Timer": 0x1F0003, "EventPair": 0x1F0000}
LARGEST = 2**31 - 1


class Refused(Exception):
    """The call fails with an exception of this name, and nothing has happened."""


@dataclass
class Thing:
    """An object: what it is, its name while it has one, and its waiters, first come first served."""

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


class Objects:
    """What exists by number, and the handle table of each process."""

    def __init__(self) -> None:
        self.things: dict[int, Thing] = {}
        self.made = 0
        self.tables: dict[int, dict[int, Handle]] = {}

    def perform(self, thread: Thread, operation: str, *arguments: Any) -> Any:
        try:
            return getattr(self, operation)(thread, *arguments)
        except Refused as refusal:
            return "refused", str(refusal)

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


def plain(name: str | None) -> str | None:
    """A name without the prefixes that mean the same session; no name and an empty one are the same."""
    return (name or "").removeprefix("Local\\").removeprefix("\\BaseNamedObjects\\") or None

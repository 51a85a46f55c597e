"""The model's waits: queues, and taking everything or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference_kinds import Thread
from reference_objects import SYNCHRONIZE, Objects, Refused

BLOCKED = "blocked"
"""What a call answers that has not returned."""


@dataclass
class Wait:
    """Somebody waits: for which sides of which objects, in which form, and whether time can run out."""

    targets: list[tuple[int, str]]
    form: str
    timed: bool


class Waits(Objects):
    """Which thread waits for what, and the results of waits that others have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: dict[Thread, Wait] = {}
        self.results: dict[Thread, Any] = {}

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

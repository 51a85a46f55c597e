"""What the kinds of object mean: when one satisfies a wait, and what a wait takes. Written from the rules alone.

Each kind has ``satisfies(thread, side)``, ``take(thread, side)`` (true if what was taken is an abandoned mutex) and
``state()``, the facts that must be seen of it. ``side`` matters to event pairs only.
"""

from dataclasses import dataclass
from typing import Any

Thread = tuple[int, int]
"""A process' number and a number within it."""


class Flag:
    """What events and timers have in common: a flag that a wait takes down, or not."""

    manual_reset: bool
    signaled: bool

    def satisfies(self, thread: Thread, side: str) -> bool:
        return self.signaled

    def take(self, thread: Thread, side: str) -> bool:
        if not self.manual_reset:
            self.signaled = False
        return False


@dataclass
class Event(Flag):
    manual_reset: bool
    signaled: bool

    def state(self) -> dict[str, Any]:
        return {"manual_reset": self.manual_reset, "signaled": self.signaled}


@dataclass
class Semaphore:
    count: int
    maximum: int

    def satisfies(self, thread: Thread, side: str) -> bool:
        return self.count > 0

    def take(self, thread: Thread, side: str) -> bool:
        self.count -= 1
        return False

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "maximum": self.maximum}


@dataclass
class Mutex:
    owner: Thread | None
    recursion: int
    abandoned: bool = False

    def satisfies(self, thread: Thread, side: str) -> bool:
        return self.owner is None or self.owner == thread

    def take(self, thread: Thread, side: str) -> bool:
        was_abandoned = self.abandoned
        self.owner, self.recursion, self.abandoned = thread, self.recursion + 1, False
        return was_abandoned

    def state(self) -> dict[str, Any]:
        return {"owner": self.owner, "recursion": self.recursion, "abandoned": self.abandoned}


@dataclass
class Timer(Flag):
    """Its clock knows two moments: at once, and never."""

    manual_reset: bool
    signaled: bool = False
    running: bool = False
    period: float = 0

    def state(self) -> dict[str, Any]:
        # A timer that does not run has no period that anybody could learn of.
        return {
            "manual_reset": self.manual_reset,
            "signaled": self.signaled,
            "running": self.running,
            "period": self.period if self.running else None,
        }


@dataclass
class EventPair:
    high: bool = False
    low: bool = False

    def satisfies(self, thread: Thread, side: str) -> bool:
        return bool(getattr(self, side))

    def take(self, thread: Thread, side: str) -> bool:
        setattr(self, side, False)
        return False

    def state(self) -> dict[str, Any]:
        return {"high": self.high, "low": self.low}


Kind = Event | Semaphore | Mutex | Timer | EventPair

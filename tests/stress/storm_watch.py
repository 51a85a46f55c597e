"""The watcher of a storm: looks into the session from outside and tells what has been wrong for too long."""

import time
from collections.abc import Callable, Hashable

from harness.suspicions import suspicions_in

import ntipc

TOO_LONG = 1.5
"""Seconds that something wrong must last, in every look taken meanwhile, to be a violation."""
LOOKS = 8


class Watcher:
    """Remembers since when each suspicious fact has been seen without a break."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.since: dict[Hashable, tuple[float, int]] = {}
        self.told: set[Hashable] = set()
        self.looks = 0

    def look(self, alive: Callable[[int], bool]) -> list[str]:
        """Take one look; the violations that have now lasted too long."""
        picture = ntipc.inspect(self.session)
        self.looks += 1
        now = time.monotonic()
        suspicions = dict(suspicions_in(picture, alive))
        self.since = {key: self.since.get(key, (now, 0)) for key in suspicions}
        violations = []
        for key, (start, looks) in self.since.items():
            self.since[key] = start, looks + 1
            if now - start > TOO_LONG and looks > LOOKS and key not in self.told:
                self.told.add(key)
                violations.append(f"{suspicions[key]} for {now - start:.1f} s")
        return violations

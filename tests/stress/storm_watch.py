"""The watcher of a storm: looks into the session from outside and tells what has been wrong for too long."""

import time
from collections.abc import Callable, Hashable
from pathlib import Path

from harness.suspicions import suspicions_in

import ntipc

TOO_LONG = 1.0
"""Seconds that a sleeper must have been able to have what it waits for, in every look taken meanwhile."""
LONGER = 1.7
"""The same for anything else: a process may die before its watchers know of it, and is found by the next that comes."""
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
        suspicions = {key: text for key, text in suspicions_in(picture, alive) if not is_about_to_run(key)}
        self.since = {key: self.since.get(key, (now, 0)) for key in suspicions}
        violations = []
        for key, (start, looks) in self.since.items():
            self.since[key] = start, looks + 1
            if now - start > patience(key) and looks > LOOKS and key not in self.told:
                self.told.add(key)
                violations.append(f"{suspicions[key]} for {now - start:.1f} s")
        return violations


def patience(key: Hashable) -> float:
    return TOO_LONG if isinstance(key, tuple) and key[0] in ("asleep", "done") else LONGER


def is_about_to_run(key: Hashable) -> bool:
    """A thread that has been woken and only waits for a processor is not asleep, nor is one that is stopped."""
    if not isinstance(key, tuple) or key[0] not in ("asleep", "done"):
        return False
    try:
        stat = Path(f"/proc/{key[2]}/task/{key[3]}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "RTt"

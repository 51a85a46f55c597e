"""The state machine: what may be done next.

What is drawn are plain numbers that don't depend on what has happened, so that a race in the real thing (a time that
runs out before or after a call) never changes what is drawn next.
"""

from __future__ import annotations

from typing import Any

from agreement import CLOSED, Agreement
from hypothesis import strategies as st
from hypothesis.stateful import rule
from reference_kinds import Thread
from reference_objects import ALL_RIGHTS, LARGEST, MODIFY, QUERY, SYNCHRONIZE

WHO, WHAT = st.integers(0, 11), st.integers(0, CLOSED)
NAMES = st.sampled_from([None, "a", "b", "A", "Local\\a", "\\BaseNamedObjects\\b", "", "auto", "lock"])
ACCESS = st.sampled_from([None, None, SYNCHRONIZE, MODIFY, SYNCHRONIZE | MODIFY, SYNCHRONIZE | QUERY, 0])
TIMEOUTS = st.sampled_from([None, None, 0, 0.03])
SIDES = st.sampled_from(["high", "low"])
SEVERAL = st.lists(WHAT, min_size=2, max_size=4)
SIGNALS = "Event", "Semaphore", "Mutex"
WAITABLE = "Event", "Semaphore", "Mutex", "Timer"
MAKES = [("make_event", manual, initial) for manual in (False, True) for initial in (False, True)]
MAKES += [("make_semaphore", initial, maximum) for initial, maximum in [(0, 1), (2, 2), (3, 2), (0, 0), (-1, 1)]]
MAKES += [
    ("make_mutex", False),
    ("make_mutex", True),
    ("make_timer", False),
    ("make_timer", True),
    ("make_event_pair",),
]
SETS = [("event_set",)] * 4 + [("event_pulse",)] * 3 + [("event_clear",), ("is_set",)]
RELEASES = [("semaphore_release", units) for units in (1, 1, 1, 1, 2, 2, 2, 0, -1, LARGEST)]
TIMES = [("timer_set", 0, 0), ("timer_set", 0, 3600), ("timer_set", 3600, 0), ("timer_cancel",), ("is_set",)]
SIGNALLING: dict[str, list[tuple[Any, ...]]] = {
    "Event": [("event_set",), ("event_set",), ("event_pulse",)],
    "Semaphore": [("semaphore_release", 1), ("semaphore_release", 2)],
    "Mutex": [("mutex_release",)],
    "Timer": [("timer_set", 0, 0)],
    "EventPair": [("pair_set",)],
}
MOST_HANDLES = 14


class Threads(Agreement):
    """Everything that threads can do."""

    # names and handles

    @rule(who=WHO, name=NAMES, only_new=st.booleans(), how=st.sampled_from(MAKES))
    def make(self, who: int, name: str | None, only_new: bool, how: tuple[str, ...]) -> None:
        thread = self.thread(who)
        if thread and len(self.model.tables[thread[0]]) < MOST_HANDLES:
            self.call(thread, how[0], name, only_new, *how[1:])

    @rule(who=WHO, kind=st.sampled_from(sorted(ALL_RIGHTS)), name=NAMES, what=WHAT, access=ACCESS)
    def open(self, who: int, kind: str, name: str | None, what: int, access: int | None) -> None:
        """By a name that there is, as a rule."""
        thread = self.thread(who)
        known = sorted((thing.name, thing.type) for thing in self.model.things.values() if thing.name)
        if what < len(known):
            name, kind = known[what]
        if thread and len(self.model.tables[thread[0]]) < MOST_HANDLES:
            self.call(thread, "open", kind, name, access)

    @rule(who=WHO, what=WHAT, access=ACCESS, inheritable=st.booleans(), whom=WHO)
    def duplicate(self, who: int, what: int, access: int | None, inheritable: bool, whom: int) -> None:
        """Here, or into another process, where somebody makes an object of it."""
        thread = self.thread(who)
        if thread is None:
            return
        targets = sorted({other[0] for other in self.model.threads})
        target, handle = targets[whom % len(targets)], self.handle(thread, what, *ALL_RIGHTS)
        pid = None if target == thread[0] else self.world.peers[target].pid
        real = handle, pid, access, inheritable
        if len(self.model.tables[target]) < MOST_HANDLES:
            there = self.call(thread, "duplicate", handle, target, access, inheritable, real=real)
            if pid and isinstance(there, int):
                kind = self.model.things[self.model.tables[target][there].thing].type
                assert self.world.peers[target].run(f"participant.adopt({kind!r}, {there})") == there

    @rule(who=WHO, what=WHAT)
    def close(self, who: int, what: int) -> None:
        if thread := self.thread(who):
            self.call(thread, "close", self.handle(thread, what, *ALL_RIGHTS))

    @rule(who=WHO, what=WHAT)
    def query(self, who: int, what: int) -> None:
        thread = self.thread(who)
        if thread and (handle := self.handle(thread, what, *ALL_RIGHTS)):
            self.call(thread, "query", handle)

    # signalling

    @rule(who=WHO, what=WHAT, how=st.sampled_from(SETS))
    def signal_event(self, who: int, what: int, how: tuple[str, ...]) -> None:
        if thread := self.thread(who):
            self.call(thread, how[0], self.handle(thread, what, "Event"), *how[1:])

    @rule(who=WHO, what=WHAT, how=st.sampled_from(RELEASES))
    def release_semaphore(self, who: int, what: int, how: tuple[str, ...]) -> None:
        if thread := self.thread(who):
            self.call(thread, how[0], self.handle(thread, what, "Semaphore"), *how[1:])

    def owner(self, who: int) -> tuple[Thread, int] | None:
        """A thread that owns a mutex, and a handle to it."""
        owners = [
            (thread, number)
            for thread in self.model.idle()
            for number, handle in sorted(self.model.tables[thread[0]].items())
            if getattr(self.model.things[handle.thing].kind, "owner", None) == thread
        ]
        return owners[who % len(owners)] if owners else None

    @rule(who=WHO, again=st.booleans())
    def release_or_take_again(self, who: int, again: bool) -> None:
        """By the owner of a mutex, who is hardly met by chance."""
        if found := self.owner(who):
            thread, handle = found
            self.call(thread, *(("wait", [handle], "one", None) if again else ("mutex_release", handle)))

    @rule(who=WHO, what=WHAT)
    def release_mutex(self, who: int, what: int) -> None:
        if thread := self.thread(who):
            self.call(thread, "mutex_release", self.handle(thread, what, "Mutex"))

    @rule(who=WHO, what=WHAT, how=st.sampled_from(TIMES))
    def use_timer(self, who: int, what: int, how: tuple[str, ...]) -> None:
        if thread := self.thread(who):
            self.call(thread, how[0], self.handle(thread, what, "Timer"), *how[1:])

    def wanted_signal(self, who: int, what: int, which: int) -> tuple[Any, ...] | None:
        """A call that signals something that somebody waits for, by a thread that can; chance finds few of them."""
        blocked = sorted(self.model.waits)
        if not blocked:
            return None
        targets = self.model.waits[blocked[what % len(blocked)]].targets
        number, side = targets[which % len(targets)]
        thing = self.model.things[number]
        calls = [
            (thread, SIGNALLING[thing.type][(what + which) % len(SIGNALLING[thing.type])], place)
            for thread in self.model.idle()
            for place, handle in sorted(self.model.tables[thread[0]].items())
            if handle.thing == number and getattr(thing.kind, "owner", None) in (None, thread)
        ]
        if not calls:
            return None
        thread, (operation, *options), place = calls[who % len(calls)]
        return thread, operation, place, *([side] if side else options)

    @rule(who=WHO, what=WHAT, which=WHAT)
    def signal_what_is_waited_for(self, who: int, what: int, which: int) -> None:
        if call := self.wanted_signal(who, what, which):
            self.call(*call)

    @rule(who=WHO, what=WHAT, which=WHAT)
    def signal_again_what_is_waited_for(self, who: int, what: int, which: int) -> None:
        self.signal_what_is_waited_for(who, what, which)

    # waiting

    def begin_wait(self, who: int, what: list[int], kinds: tuple[str, ...], form: str, timeout: float | None) -> None:
        thread = self.thread(who)
        if thread and self.may_block(timeout):
            self.call(thread, "wait", [self.handle(thread, each, *kinds) for each in what], form, timeout)

    @rule(who=WHO, what=WHAT, timeout=TIMEOUTS)
    def wait(self, who: int, what: int, timeout: float | None) -> None:
        self.begin_wait(who, [what], WAITABLE, "one", timeout)

    @rule(who=WHO, what=WHAT, timeout=TIMEOUTS)
    def wait_for_mutex(self, who: int, what: int, timeout: float | None) -> None:
        self.begin_wait(who, [what], ("Mutex",), "one", timeout)

    @rule(who=WHO, what=SEVERAL, timeout=TIMEOUTS)
    def wait_for_any(self, who: int, what: list[int], timeout: float | None) -> None:
        self.begin_wait(who, what, WAITABLE, "any", timeout)

    @rule(who=WHO, what=SEVERAL, timeout=TIMEOUTS)
    def wait_for_all(self, who: int, what: list[int], timeout: float | None) -> None:
        self.begin_wait(who, what, WAITABLE, "all", timeout)

    @rule(who=WHO, what=st.lists(WHAT, max_size=1), form=st.sampled_from(["any", "all"]))
    def wait_for_few(self, who: int, what: list[int], form: str) -> None:
        self.begin_wait(who, what, WAITABLE, form, 0)

    @rule(who=WHO, signal=WHAT, wait=WHAT, timeout=TIMEOUTS)
    def signal_and_wait(self, who: int, signal: int, wait: int, timeout: float | None) -> None:
        thread = self.thread(who)
        if thread and self.may_block(timeout):
            handles = self.handle(thread, signal, *SIGNALS), self.handle(thread, wait, *WAITABLE)
            self.call(thread, "signal_and_wait", *handles, timeout)

    @rule(who=WHO, what=WHAT, side=SIDES, how=st.sampled_from(["set", "wait", "set_and_wait"]), timeout=TIMEOUTS)
    def use_pair(self, who: int, what: int, side: str, how: str, timeout: float | None) -> None:
        thread = self.thread(who)
        if thread and (how == "set" or self.may_block(timeout)):
            options = [] if how == "set" else [timeout]
            self.call(thread, f"pair_{how}", self.handle(thread, what, "EventPair"), side, *options)

    # ends

    @rule(who=WHO)
    def end_thread(self, who: int) -> None:
        """The thread returns, as threads do; another one begins in its place."""
        thread = self.thread(who)
        if thread is None:
            return
        self.steps.append(f"thread {thread} ends")
        self.world.age()
        successor = thread[0], 1 + max(number for process, number in self.model.threads if process == thread[0])
        expired = [expired for model in self.models for expired in model.expiries()]
        self.models = [after for model in expired for after in model.deaths({thread})]
        self.world.end_thread(thread)
        self.agree()
        self.start_thread(successor)

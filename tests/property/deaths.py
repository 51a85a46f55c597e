"""The state machine with several processes, which leave, are killed, and are killed in the middle of a call."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from machine import SIDES, SIGNALS, TIMEOUTS, WAITABLE, WHAT, WHO, Threads
from reference import Model
from reference_kinds import Thread

from ntipc import _kernel

MOST_COPIES = 2
FAULTS = bool(_kernel.FAULT_POINTS)
COUNTDOWN = st.integers(1, 14)
FORMS = st.sampled_from(["any", "all"])
DEADLY: list[tuple[Any, ...]] = [
    ("Event", "event_set"),
    ("Event", "event_pulse"),
    ("Semaphore", "semaphore_release", 1),
    ("Semaphore", "semaphore_release", 2),
    ("Mutex", "mutex_release"),
    ("Timer", "timer_set", 0, 0),
    ("Timer", "timer_set", 3600, 0),
    ("EventPair", "pair_set"),
]


class Deaths(Threads):
    """Three processes; one that ends is replaced by a new one."""

    processes, threads = 3, 2

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.copies: list[int] = []

    @initialize(hurry=st.booleans())
    def begin(self, hurry: bool) -> None:
        self.hurry = hurry
        for _ in range(self.processes):
            self.begin_process(self.next_number())

    def next_number(self) -> int:
        self.begun += 1
        return self.begun - 1

    def choose(self, who: int) -> int:
        processes = sorted(self.world.peers)
        return processes[who % len(processes)]

    def ended(self, process: int, models: list[Model]) -> None:
        """The real process has ended: so it does in the models; then another one begins."""
        self.models = [after for model in models for after in model.exits(process)]
        self.agree()
        self.begin_process(self.next_number())

    @rule(who=WHO, kill=st.booleans())
    def end_process(self, who: int, kill: bool) -> None:
        process = self.choose(who)
        self.steps.append(f"process {process} {'is killed' if kill else 'leaves'}")
        self.world.age()
        models = [expired for model in self.models for expired in model.expiries()]
        self.world.end_process(process, kill=kill)
        self.ended(process, models)

    @rule(who=WHO)
    def fork(self, who: int) -> None:
        """A child with a copy of all handles, which does nothing until it is killed."""
        if len(self.copies) == MOST_COPIES:
            return
        process, number = self.choose(who), self.next_number()
        self.steps.append(f"process {process} forks {number}")
        self.world.fork(process, number)
        self.copies.append(number)
        for model in self.models:
            model.fork_process(process, number)
        self.agree()

    @rule(who=WHO)
    def kill_copy(self, who: int) -> None:
        if not self.copies:
            return
        number = self.copies.pop(who % len(self.copies))
        self.steps.append(f"fork {number} is killed")
        self.world.kill_copy(number)
        self.models = [after for model in self.models for after in model.exits(number)]
        self.agree()

    # killed in the middle of a call

    def die_during(self, thread: Thread, countdown: int, operation: str, *arguments: Any) -> None:
        """Whether the call has had its effect is open, but all of it or nothing, or what `Model.halves` permits."""
        self.steps.append(f"{thread} is killed at step {countdown} of {operation}{arguments}")
        self.world.age()
        models = []
        for before in [expired for model in self.models for expired in model.expiries()]:
            for start in before, before.without_waits(thread):
                outcomes = [start, start.after(thread, operation, *arguments)]
                outcomes += start.halves(thread, operation, *arguments)
                models += [expired for outcome in outcomes for expired in outcome.expiries()]
        if FAULTS:
            self.world.arm(thread[0], countdown)
        self.world.begin(thread, operation, *arguments)
        self.world.wait_for_rest(thread)
        self.world.end_process(thread[0], kill=True)
        self.ended(thread[0], models)

    @rule(who=WHO, countdown=COUNTDOWN, what=WHAT, how=st.sampled_from(DEADLY), side=SIDES)
    def die_in_signal(self, who: int, countdown: int, what: int, how: tuple[str, ...], side: str) -> None:
        kind, operation, *options = how
        if thread := self.thread(who):
            options = [side] if kind == "EventPair" else options
            self.die_during(thread, countdown, operation, self.handle(thread, what, kind), *options)

    @rule(who=WHO, countdown=COUNTDOWN, what=WHAT, which=WHAT)
    def die_in_wanted_signal(self, who: int, countdown: int, what: int, which: int) -> None:
        if call := self.wanted_signal(who, what, which):
            thread, *rest = call
            self.die_during(thread, countdown, *rest)

    @rule(who=WHO, countdown=COUNTDOWN, what=WHAT, which=WHAT)
    def die_again_in_wanted_signal(self, who: int, countdown: int, what: int, which: int) -> None:
        self.die_in_wanted_signal(who, countdown, what, which)

    @rule(who=WHO, countdown=COUNTDOWN, what=st.lists(WHAT, min_size=1, max_size=3), form=FORMS, timeout=TIMEOUTS)
    def die_in_wait(self, who: int, countdown: int, what: list[int], form: str, timeout: float | None) -> None:
        if thread := self.thread(who):
            handles = [self.handle(thread, each, *WAITABLE) for each in what]
            self.die_during(thread, countdown, "wait", handles, form, timeout)

    @rule(who=WHO, countdown=COUNTDOWN, signal=WHAT, wait=WHAT, side=SIDES, pair=st.booleans())
    def die_in_signal_and_wait(self, who: int, countdown: int, signal: int, wait: int, side: str, pair: bool) -> None:
        thread = self.thread(who)
        if thread and pair:
            self.die_during(thread, countdown, "pair_set_and_wait", self.handle(thread, wait, "EventPair"), side, None)
        elif thread:
            handles = self.handle(thread, signal, *SIGNALS), self.handle(thread, wait, *WAITABLE)
            self.die_during(thread, countdown, "signal_and_wait", *handles, None)

    @rule(who=WHO, countdown=COUNTDOWN, what=WHAT, name=st.sampled_from(["auto", "new"]))
    def die_in_close_or_make(self, who: int, countdown: int, what: int, name: str) -> None:
        thread = self.thread(who)
        if thread and what % 2:
            self.die_during(thread, countdown, "close", self.handle(thread, what, "Event", "Mutex"))
        elif thread:
            self.die_during(thread, countdown, "make_event", name, False, False, True)

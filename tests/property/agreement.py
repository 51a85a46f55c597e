"""The same call in the model and in real processes, then a look whether they agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from participant import Participant
from reference import Model
from reference_kinds import Thread
from world import World, differences

CLOSED = 15
USUAL: list[tuple[Any, ...]] = [
    ("make_event", "auto", False, False, False),
    ("make_event", "manual", False, True, True),
    ("make_semaphore", "units", False, 2, 3),
    ("make_mutex", "lock", False, False),
    ("make_mutex", "other", False, False),
    ("make_timer", "timer", False, False),
    ("make_event_pair", "pair", False),
]
MOST_TIMED = 2
PATIENCE = 4.0
"""Seconds after which what does not agree will never."""


class Disagreement(AssertionError):
    """The real thing is not as the model, and does not become so."""


class Agreement(RuleBasedStateMachine):
    """One example: processes with threads, and the models that all that was seen so far permits.

    A waiter competes for a mutex or a semaphore in its first few milliseconds; where nobody competes with
    him the outcome is the same, and with ``hurry`` it is looked for among those that have just begun to wait.
    """

    threads = 5
    participant: Callable[[], Participant] = Participant

    def __init__(self) -> None:
        super().__init__()
        self.world = World(type(self).participant)
        self.models = [Model()]
        self.hurry = False
        self.steps: list[str] = []

    @property
    def model(self) -> Model:
        """Any of the models: they agree on all that can be seen."""
        return self.models[0]

    # carrying out and comparing

    def call(self, thread: Thread, operation: str, *arguments: Any, real: tuple[Any, ...] | None = None) -> Any:
        """One call, in the models and in reality; its result, and None if it blocks."""
        self.steps.append(f"{thread} {operation}{arguments}")
        if not self.hurry or operation == "signal_and_wait":
            self.world.age()
        self.models = [
            expired.after(thread, operation, *arguments) for model in self.models for expired in model.expiries()
        ]
        self.world.begin(thread, operation, *(arguments if real is None else real))
        if all(thread in model.results for model in self.models):
            self.world.wait_for_return(thread, PATIENCE)
        return self.agree().get(thread)

    def agree(self) -> dict[Thread, Any]:
        """Look until what is seen is what some model says, and go on with those that do; what calls have returned."""
        deadline = time.monotonic() + PATIENCE
        candidates = [expired for model in self.models for expired in model.expiries()]
        while True:
            results, picture = self.world.results(), self.world.picture()
            fitting = [model for model in candidates if not any(differences(model, results, picture))]
            if fitting:
                break
            if time.monotonic() > deadline:
                raise Disagreement(self.report(candidates, results, picture))
            time.sleep(0.0002)
        self.world.forget_results(set(results))
        if fitting[0].waits.keys() != self.model.waits.keys() or self.model.waits:
            self.world.settled_at = time.monotonic()
        self.models = []
        for model in fitting:
            model.results = {}
            if model not in self.models:
                self.models.append(model)
        return results

    def report(self, candidates: list[Model], results: dict[Thread, Any], picture: dict[str, Any]) -> str:
        lines = ["", *self.steps]
        for number, model in enumerate(candidates, 1):
            lines.append(f"permitted: {number} of {len(candidates)}")
            lines += [f"    {difference}" for difference in differences(model, results, picture)]
        return "\n".join(lines)

    # choosing

    def thread(self, who: int) -> Thread | None:
        """A thread that is not blocked, if there is one."""
        idle = self.model.idle()
        return idle[who % len(idle)] if idle else None

    def may_block(self, timeout: float | None) -> bool:
        """The last thread that is free stays free, and few waits have a time that can run out."""
        timed = sum(wait.timed for wait in self.model.waits.values())
        return timeout == 0 or (len(self.model.idle()) > 1 and (timeout is None or timed < MOST_TIMED))

    def handle(self, thread: Thread, what: int, *kinds: str) -> int:
        """One of the process's handles to objects of these kinds; 0, a closed one, if it has none, and now and then."""
        table = self.model.tables[thread[0]]
        fitting = sorted(number for number, handle in table.items() if self.model.things[handle.thing].type in kinds)
        return 0 if what == CLOSED or not fitting else fitting[what % len(fitting)]

    # the beginning and the end

    @initialize(hurry=st.booleans())
    def begin(self, hurry: bool) -> None:
        self.hurry = hurry
        self.begin_process(0)

    def begin_process(self, process: int) -> None:
        """A process with a few threads and a handle to one object of each kind."""
        self.start_process(process)
        self.call((process, 0), "make_several", USUAL)

    def start_process(self, process: int) -> None:
        self.steps.append(f"process {process} starts")
        self.world.start_process(process)
        for model in self.models:
            model.start_process(process)
        for number in range(self.threads):
            self.start_thread((process, number))
        self.agree()

    def start_thread(self, thread: Thread) -> None:
        self.world.start_thread(thread)
        for model in self.models:
            model.start_thread(thread)

    def teardown(self) -> None:
        self.world.close()
        empty = Model()
        deadline = time.monotonic() + PATIENCE
        while any(differences(empty, {}, self.world.picture() | {"processes": [-1]})):
            if time.monotonic() > deadline:
                raise Disagreement(
                    "something is left when all processes are gone: " + self.report([empty], {}, self.world.picture())
                )
            time.sleep(0.0005)

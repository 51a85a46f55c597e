"""Waits in which composites take part: each is replaced by what its plan names, until the plan comes true.

A wait for objects of the kernel alone is one native call. That call answers ``NotImplemented`` when something else is
among the objects, and only then the functions here are called.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias, cast

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import HandleClosed


class WaitPlan(NamedTuple):
    """What to wait for in place of a composite.

    Attributes:
        waitables: The composite may be set when one of these is.
        final: Whether the composite is set then, as ``_is_set`` confirms. If not, ask for another plan then.
    """

    waitables: tuple[_kernel.Waitable, ...]
    final: bool = True


class WaitedForByPlan(ABC):
    """Something that can be waited for though it is no object of the kernel: it names those to wait for."""

    __slots__ = ()

    @abstractmethod
    def _wait_plan(self) -> WaitPlan:
        """Say what to wait for now.

        Raises:
            HandleClosed: It is closed.
        """

    def _is_set(self) -> bool:
        """Say whether this is set, now that something was set that its final plan named. If not, it has another plan.

        Raises:
            HandleClosed: It was closed meanwhile.
        """
        return True


CanBeWaitedFor: TypeAlias = _kernel.Waitable | WaitedForByPlan
Outcome: TypeAlias = tuple[int, list[int]]
"""The index of the object (0 if all were waited for), and the indices of mutexes that were found abandoned."""

_Plans: TypeAlias = dict[int, WaitPlan]
_CHANGED: Final = (-1, list[int]())
"""The outcome of an attempt after which some composite has another plan."""


def wait_by_plans(targets: tuple[CanBeWaitedFor, ...], wait_all: bool, timeout: float | None) -> Outcome | None:
    """Wait for one of the objects, or for all of them at one instant.

    Returns:
        ``None`` if the time ran out.

    Raises:
        TypeError: One of them cannot be waited for, or ``timeout`` is no number.
    """
    _check_waitable(targets, "wait_all" if wait_all else "wait_any")
    deadline = Deadline(timeout)
    attempt = _attempt_all if wait_all else _attempt_any
    late = False
    while True:
        plans = {
            place: target._wait_plan() for place, target in enumerate(targets) if isinstance(target, WaitedForByPlan)
        }
        try:
            outcome = attempt(targets, plans, deadline)
        except HandleClosed:
            if not any(_is_stale(plan) for plan in plans.values()):
                raise
            if late:
                return None
        else:
            if outcome is not _CHANGED:
                return outcome
        late = deadline.left() == 0


def signal_and_wait_by_plan(signal: _kernel.Waitable, wait: CanBeWaitedFor, timeout: float | None) -> bool:
    """Signal an object and wait for a composite, in one step.

    Raises:
        TypeError: ``signal`` cannot be signalled, or ``wait`` cannot be waited for.
    """
    if not isinstance(cast("object", signal), _kernel.Object):
        kind = type(signal).__name__
        raise TypeError(f"signal_and_wait signals an Event, a Semaphore or a Mutex, not {kind}")
    _check_waitable((wait,), "signal_and_wait")
    assert isinstance(wait, WaitedForByPlan)
    deadline = Deadline(timeout)
    while True:
        plan = wait._wait_plan()
        try:
            # Where the plan is not final, nobody can tell that the signal and the wait for the composite are two steps.
            is_set = _kernel.signal_and_wait(signal, plan.waitables[0], deadline.left() if plan.final else 0)
            break
        except HandleClosed:
            if not _is_stale(plan):
                raise
    if plan.final and not is_set:
        return False
    return (plan.final and wait._is_set()) or wait_by_plans((wait,), False, deadline.left()) is not None


def _check_waitable(targets: Iterable[object], call: str) -> None:
    for target in targets:
        if not isinstance(target, (_kernel.Waitable, WaitedForByPlan)):
            what = "events, semaphores, mutexes, timers, queues, pipes and their servers, and mailslots"
            raise TypeError(f"{call} takes {what}, not {type(target).__name__}")


def _is_stale(plan: WaitPlan) -> bool:
    """Say whether something in a plan was closed since the composite named it. Then the composite has another plan."""
    return any(waitable.closed for waitable in plan.waitables)


def _attempt_any(targets: tuple[Any, ...], plans: _Plans, deadline: Deadline) -> Outcome | None:
    everything: list[_kernel.Waitable] = []
    sources: list[int] = []
    for place, target in enumerate(targets):
        waitables = plans[place].waitables if place in plans else (target,)
        everything += waitables
        sources += [place] * len(waitables)
    outcome = _kernel.wait_multiple(tuple(everything), False, deadline.left())
    if outcome is None:
        return None
    place = sources[outcome[0]]
    if place in plans and not (plans[place].final and targets[place]._is_set()):
        return _CHANGED
    return place, outcome[1]


def _attempt_all(targets: tuple[Any, ...], plans: _Plans, deadline: Deadline) -> Outcome | None:
    unready = next((plan.waitables for plan in plans.values() if not plan.final), None)
    if unready is not None:
        return _CHANGED if _kernel.wait_multiple(unready, False, deadline.left()) else None
    everything = tuple(plans[place].waitables[0] if place in plans else target for place, target in enumerate(targets))
    outcome = _kernel.wait_multiple(everything, True, deadline.left())
    if outcome is not None:  # everything is taken by now: that a composite is not set could only be told, not undone
        for place in plans:
            targets[place]._is_set()
    return cast("Outcome | None", outcome)

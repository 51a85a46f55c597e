"""The state machine finds what is wrong: a model held against a broken kernel disagrees with it."""

from typing import Any

import pytest
from agreement import Disagreement
from hypothesis.stateful import run_state_machine_as_test
from machine import Threads
from participant import Participant
from profiles import profile

import ntipc


class Found(BaseException):
    """A disagreement that ends the search at once: nobody needs a smaller one."""


class GenerousSemaphore(Participant):
    def semaphore_release(self, handle: int, units: int) -> int:
        before = super().semaphore_release(handle, units)
        try:
            super().semaphore_release(handle, units)
        except ntipc.LimitExceeded:
            pass
        return before


class PulseThatSets(Participant):
    event_pulse = Participant.event_set


class PulseThatWakesNobody(Participant):
    event_pulse = Participant.event_clear


class WaitAllThatTakesOneByOne(Participant):
    def wait(self, handles: list[int], form: str, timeout: float | None) -> Any:
        if form == "all" and timeout == 0 and len(set(handles)) == len(handles) > 1:
            taken = [super(WaitAllThatTakesOneByOne, self).wait([handle], "one", 0) for handle in handles]
            return () if all(taken) else None
        return super().wait(handles, form, timeout)


class WaitAnyThatPrefersTheLast(Participant):
    def wait(self, handles: list[int], form: str, timeout: float | None) -> Any:
        result = super().wait(handles[::-1] if form == "any" else handles, form, timeout)
        return (len(handles) - 1 - result[0], result[1]) if form == "any" and result else result


class SignalThenWait(Participant):
    """Two steps instead of one: a waiter before us is served by the signal, and we go on even if it failed."""

    def signal_and_wait(self, signal: int, wait: int, timeout: float | None) -> Any:
        thing = self.at(signal, ntipc.Event)
        try:
            thing.release() if hasattr(thing, "release") else thing.set()
        except (ntipc.LimitExceeded, ntipc.NotOwner):
            pass
        return self.wait([wait], "one", timeout)


class RecursionForgotten(Participant):
    def mutex_release(self, handle: int) -> None:
        super().mutex_release(handle)
        try:
            super().mutex_release(handle)
        except ntipc.NotOwner:
            pass


class HandleThatLeaks(Participant):
    def close(self, handle: int) -> None:
        if handle:
            self.things[handle] = self.things[handle].duplicate()
        super().close(handle)


class NameThatLosesItsCase(Participant):
    def make(self, kind: Any, name: str | None, only_new: bool, **options: Any) -> tuple[bool, int]:
        return super().make(kind, name.lower().replace("local", "Local") if name else name, only_new, **options)


class RightsForgotten(Participant):
    def duplicate(self, source: int, target: int | None, access: int | None, inheritable: bool) -> int:
        return super().duplicate(source, target, access or None, inheritable)


@pytest.mark.parametrize(
    "broken",
    [
        GenerousSemaphore,
        PulseThatSets,
        PulseThatWakesNobody,
        WaitAllThatTakesOneByOne,
        WaitAnyThatPrefersTheLast,
        SignalThenWait,
        RecursionForgotten,
        HandleThatLeaks,
        NameThatLosesItsCase,
        RightsForgotten,
    ],
)
def test_a_broken_kernel_is_found(broken: type[Participant], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agreement.PATIENCE", 0.5)

    class Broken(Threads):
        participant = broken

        def agree(self) -> Any:
            try:
                return super().agree()
            except Disagreement as disagreement:
                raise Found from disagreement

    with pytest.raises(Found):
        run_state_machine_as_test(Broken, settings=profile(100, 50))

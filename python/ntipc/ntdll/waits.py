"""Waits: for one object, for any or all of several, signal and wait, delay; alertable or not.

>>> from ntipc.ntdll.events import EVENT_ALL_ACCESS, NtCreateEvent, SynchronizationEvent
>>> status, one = NtCreateEvent(EVENT_ALL_ACCESS, None, SynchronizationEvent, False)
>>> status, two = NtCreateEvent(EVENT_ALL_ACCESS, None, SynchronizationEvent, True)
>>> NtWaitForSingleObject(one, False, 0)
STATUS_TIMEOUT
>>> NtWaitForMultipleObjects(2, [one, two], WaitAny, False, None) == STATUS_WAIT_0 + 1
True
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from ntipc import Event, EventPair, Mutex, NotSupported, Section, Semaphore, Timer, signal_and_wait, wait_all, wait_any
from ntipc._runtime.deadlines import Deadline
from ntipc.errors.abandonment import silence
from ntipc.ntdll.apcs import Inbox, own_inbox
from ntipc.ntdll.handles import Pseudo, find
from ntipc.ntdll.handles import things as handle_table
from ntipc.ntdll.results import fail, returns_status
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_ABANDONED_WAIT_0,
    STATUS_ACCESS_DENIED,
    STATUS_INVALID_HANDLE,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PARAMETER_1,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
    STATUS_TIMEOUT,
)
from ntipc.ntdll.statuses import STATUS_WAIT_0 as STATUS_WAIT_0
from ntipc.ntdll.times import seconds_until

WaitAll: Final = 0
WaitAny: Final = 1
MAXIMUM_WAIT_OBJECTS: Final = 64

_QUICK: Final = frozenset({Event, Semaphore, Timer})
"""Classes of which a wait tells no more than whether it was in time."""
_FIRST_SLICE, _LONGEST_SLICE = 0.001, 0.02
"""Seconds after which an alertable wait for all looks at the thread's inbox."""


@returns_status
def NtWaitForSingleObject(Handle: int, Alertable: bool, Timeout: int | None) -> NTSTATUS:
    """Wait for an object.

    Args:
        Handle: The object.
        Alertable: Whether an alert or a queued call ends the wait.
        Timeout: A LARGE_INTEGER time; ``None`` for ever.

    Returns:
        STATUS_WAIT_0, STATUS_ABANDONED_WAIT_0, STATUS_TIMEOUT, STATUS_ALERTED, STATUS_USER_APC, or an error.
    """
    seconds = seconds_until(Timeout)
    thing = handle_table.get(Handle)
    if thing is not None and not Alertable:
        if type(thing) in _QUICK:
            return STATUS_SUCCESS if thing.wait(seconds) else STATUS_TIMEOUT
        if type(thing) is Mutex:
            return _own(thing, seconds)
    return _wait([_waitable(find(Handle), alone=True)], False, Alertable, seconds)


@returns_status
def NtWaitForMultipleObjects(
    ObjectCount: int, ObjectsArray: Sequence[int], WaitType: int, Alertable: bool, TimeOut: int | None
) -> NTSTATUS:
    """Wait for one of several objects, or for all of them at one instant.

    Args:
        ObjectCount: How many of the array, 1 to 64.
        ObjectsArray: The handles.
        WaitType: ``WaitAny`` or ``WaitAll``.
        Alertable: Whether an alert or a queued call ends the wait.
        TimeOut: A LARGE_INTEGER time; ``None`` for ever.

    Returns:
        STATUS_WAIT_0 + index of the lowest one that was taken, STATUS_ABANDONED_WAIT_0 + index of a mutant whose owner
        died, either without an index for all; STATUS_TIMEOUT, STATUS_ALERTED, STATUS_USER_APC, or an error.
    """
    if not 0 < ObjectCount <= MAXIMUM_WAIT_OBJECTS or ObjectCount > len(ObjectsArray):
        raise fail(STATUS_INVALID_PARAMETER_1)
    if WaitType not in (WaitAll, WaitAny):
        raise fail(STATUS_INVALID_PARAMETER)
    seconds = seconds_until(TimeOut)
    waited = [_waitable(find(handle), alone=False) for handle in ObjectsArray[:ObjectCount]]
    return _wait(waited, WaitType == WaitAll, Alertable, seconds)


@returns_status
def NtSignalAndWaitForSingleObject(
    ObjectToSignal: int, WaitableObject: int, Alertable: bool, Time: int | None
) -> NTSTATUS:
    """Set an event, release a semaphore by one or a mutant once, and wait for another object, in one step.

    Differs:
        If it is alertable and has to wait, others can act between the two.
    """
    seconds = seconds_until(Time)
    signal, waited = find(ObjectToSignal), find(WaitableObject)
    if not isinstance(signal, (Event, Semaphore, Mutex)):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    waited = _waitable(waited, alone=True)
    if waited is None or waited is Pseudo.PROCESS:
        _signal(signal)
        return _wait([waited], False, Alertable, seconds)
    silence.kept = True
    try:
        done = signal_and_wait(signal, waited, 0 if Alertable else seconds)
    finally:
        silence.kept = False
    if done:
        return STATUS_ABANDONED_WAIT_0 if isinstance(waited, Mutex) and waited.abandoned else STATUS_SUCCESS
    return _wait([waited], False, True, seconds) if Alertable else STATUS_TIMEOUT


@returns_status
def NtDelayExecution(Alertable: bool, DelayInterval: int | None) -> NTSTATUS:
    """Let time pass: STATUS_SUCCESS then, or STATUS_ALERTED or STATUS_USER_APC before."""
    seconds = seconds_until(DelayInterval)
    status = _wait([Pseudo.PROCESS], False, Alertable, seconds)
    return STATUS_SUCCESS if status == STATUS_TIMEOUT else status


def NtYieldExecution() -> NTSTATUS:
    """Let another thread run."""
    time.sleep(0)
    return STATUS_SUCCESS


def alertable_wait(event: Event) -> NTSTATUS:
    """Wait for an event: STATUS_SUCCESS, or STATUS_ALERTED or STATUS_USER_APC if that was first."""
    return _wait([event], False, True, None)


def _own(mutex: Mutex, seconds: float | None) -> NTSTATUS:
    silence.kept = True
    try:
        if not mutex.wait(seconds):
            return STATUS_TIMEOUT
    finally:
        silence.kept = False
    return STATUS_ABANDONED_WAIT_0 if mutex.abandoned else STATUS_SUCCESS


def _waitable(thing: Any, *, alone: bool) -> Any:
    """Return what the library waits for in an object's place; ``None`` for what is set at any time."""
    if isinstance(thing, Pseudo):
        if alone:
            return Pseudo.PROCESS  # neither ends while its own wait lasts
        raise fail(STATUS_INVALID_HANDLE)
    if isinstance(thing, EventPair):
        return None
    if isinstance(thing, Section):
        raise fail(STATUS_ACCESS_DENIED)  # there is no right SYNCHRONIZE to a section
    thing = getattr(thing, "waited_for", thing)
    if not hasattr(thing, "wait"):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    return thing


def _signal(thing: Event | Semaphore | Mutex) -> None:
    thing.set() if isinstance(thing, Event) else thing.release()


def _wait(waited: list[Any], everything: bool, alertable: bool, seconds: float | None) -> NTSTATUS:
    if None in waited:
        if not everything:
            return _wait_with_default_object(waited, alertable, seconds)
        waited = [thing for thing in waited if thing is not None]
        if not waited:
            return STATUS_SUCCESS
    if Pseudo.PROCESS in waited:
        waited = []
    silence.kept = True
    try:
        if alertable:
            return _wait_alertably(waited, everything, Deadline(seconds))
        if not waited:
            return _sleep(seconds)
        status = _taken(waited, everything, seconds)
        return STATUS_TIMEOUT if status is None else status
    finally:
        silence.kept = False


def _wait_with_default_object(waited: list[Any], alertable: bool, seconds: float | None) -> NTSTATUS:
    first = waited.index(None)
    if first:
        status = _wait(waited[:first], False, alertable, 0)
        if status != STATUS_TIMEOUT:
            return status
    return NTSTATUS(first)


def _sleep(seconds: float | None) -> NTSTATUS:
    while True:
        time.sleep(86_400 if seconds is None else min(seconds, 86_400))
        if seconds is not None:
            seconds -= 86_400
            if seconds <= 0:
                return STATUS_TIMEOUT


def _taken(waited: list[Any], everything: bool, seconds: float | None) -> NTSTATUS | None:
    """Wait; ``None`` if the time ran out."""
    if everything:
        all_done = wait_all(waited, seconds)
        if all_done is None:
            return None
        return STATUS_ABANDONED_WAIT_0 if all_done.abandoned else STATUS_SUCCESS
    done = wait_any(waited, seconds)
    if done is None:
        return None
    return NTSTATUS((STATUS_ABANDONED_WAIT_0 if done.abandoned else 0) + done.index)


def _wait_alertably(waited: list[Any], everything: bool, deadline: Deadline) -> NTSTATUS:
    """Wait for objects and for what is queued for the thread; the objects come first."""
    inbox = own_inbox()
    inbox.event.clear()  # looked at below, after this
    pause, by_slices = _FIRST_SLICE, everything
    while True:
        if waited and (status := _taken(waited, everything, 0)) is not None:
            return status
        if (status := _delivered(inbox)) is not None:
            return status
        left = deadline.left()
        if left == 0:
            return STATUS_TIMEOUT
        others = [inbox.event, *(timer for timer, _ in inbox.timers.values())]
        if waited and by_slices:
            status = _taken(waited, everything, pause if left is None else min(pause, left))
            pause = min(2 * pause, _LONGEST_SLICE)
        else:
            try:
                status = _first(waited, others, inbox, left)
            except NotSupported:  # the objects are of another session than the inbox
                by_slices = True
        if status is not None:
            return status


def _first(waited: list[Any], others: list[Any], inbox: Inbox, left: float | None) -> NTSTATUS | None:
    done = wait_any([*waited, *others], left)
    if done is None or done.index == len(waited):
        return None
    if done.index < len(waited):
        return NTSTATUS((STATUS_ABANDONED_WAIT_0 if done.abandoned else 0) + done.index)
    inbox.calls.extend(call for timer, call in inbox.timers.values() if timer is done.object)
    return None


def _delivered(inbox: Inbox) -> NTSTATUS | None:
    silence.kept = False  # the calls are the program's
    try:
        return inbox.deliver()
    finally:
        silence.kept = True

"""Timers: NtCreateTimer, NtOpenTimer, NtSetTimer, NtCancelTimer, NtQueryTimer.

>>> from ntipc.ntdll.waits import NtWaitForSingleObject
>>> status, handle = NtCreateTimer(TIMER_ALL_ACCESS, None, SynchronizationTimer)
>>> NtSetTimer(handle, -10_000)
PreviousState(status=STATUS_SUCCESS, previous=0)
>>> NtWaitForSingleObject(handle, False, None)
STATUS_SUCCESS
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from ntipc import Timer
from ntipc.ntdll.apcs import forget_timer, own_inbox
from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find_of
from ntipc.ntdll.making import create, open_existing
from ntipc.ntdll.querying import check_class
from ntipc.ntdll.results import (
    HandleResult,
    Information,
    PreviousState,
    fail,
    no_handle,
    returns,
    returns_information,
    unchanged,
)
from ntipc.ntdll.rights import TIMER_ALL_ACCESS as TIMER_ALL_ACCESS
from ntipc.ntdll.statuses import STATUS_INVALID_PARAMETER, STATUS_SUCCESS
from ntipc.ntdll.times import UNITS, absolute, seconds_until

NotificationTimer: Final = 0
SynchronizationTimer: Final = 1

TimerRoutine = Callable[[object, int], object]
"""What a timer's thread calls: its context, and the time at which it is called."""


class TimerBasicInformation(NamedTuple):
    """TIMER_BASIC_INFORMATION: the time that is left in units of 100 ns, 0 if it does not run; whether it is set."""

    RemainingTime: int
    TimerState: bool


@returns(no_handle)
def NtCreateTimer(
    DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None, TimerType: int = NotificationTimer
) -> HandleResult:
    """Make a timer, or with OBJ_OPENIF open one.

    Args:
        DesiredAccess: Rights of the handle.
        ObjectAttributes: Its name, if it is to have one.
        TimerType: ``NotificationTimer``, which stays set, or ``SynchronizationTimer``, which lets one through.
    """
    if TimerType not in (NotificationTimer, SynchronizationTimer):
        raise fail(STATUS_INVALID_PARAMETER)
    return create(Timer, "Timer", DesiredAccess, ObjectAttributes, TimerType == NotificationTimer)


@returns(no_handle)
def NtOpenTimer(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open the timer that has a name."""
    return open_existing(Timer, "Timer", DesiredAccess, ObjectAttributes)


@returns(unchanged)
def NtSetTimer(
    TimerHandle: int,
    DueTime: int,
    TimerApcRoutine: TimerRoutine | None = None,
    TimerContext: object = None,
    ResumeTimer: bool = False,
    Period: int = 0,
) -> PreviousState:
    """Start a timer, which clears it, and tell whether it was set.

    Args:
        TimerHandle: The timer.
        DueTime: A LARGE_INTEGER time; 0 for at once.
        TimerApcRoutine: What the calling thread calls, in an alertable wait, when the timer was due.
        TimerContext: Its first argument; the second is the time, since 1601.
        ResumeTimer: Of no effect.
        Period: Milliseconds after which it becomes set again, each time; 0 for once only.
    """
    if Period < 0:
        raise fail(STATUS_INVALID_PARAMETER)
    due = seconds_until(DueTime)
    if due is None:
        raise TypeError("DueTime must be an integer, not None")
    timer, inbox = find_of(TimerHandle, Timer), own_inbox()
    previous = timer.set(due, Period / 1000)
    forget_timer(timer.identity)
    if TimerApcRoutine is not None:
        due_here = Timer()
        due_here.set(due, Period / 1000)
        inbox.timers[timer.identity] = due_here, partial(_call, TimerApcRoutine, TimerContext)
    return PreviousState(STATUS_SUCCESS, int(previous))


@returns(unchanged)
def NtCancelTimer(TimerHandle: int) -> PreviousState:
    """Stop a timer, whose state stays as it is, and tell whether it is set."""
    timer = find_of(TimerHandle, Timer)
    state = timer.is_set()
    timer.cancel()
    forget_timer(timer.identity)
    return PreviousState(STATUS_SUCCESS, int(state))


@returns_information
def NtQueryTimer(
    TimerHandle: int, TimerInformationClass: int = 0, TimerInformationLength: int = 16
) -> Information[TimerBasicInformation]:
    """Tell how long it is until a timer is due, and whether it is set."""
    check_class(TimerInformationClass, TimerInformationLength, 16)
    info = find_of(TimerHandle, Timer).info()
    left = round((info["due_in"] or 0) * UNITS)
    return Information(STATUS_SUCCESS, TimerBasicInformation(left, info["signaled"]))


def _call(routine: TimerRoutine, context: object) -> None:
    routine(context, absolute(time.time()))

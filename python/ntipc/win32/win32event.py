"""Events, mutexes, semaphores, waitable timers and waits, as pywin32's ``win32event`` has them.

>>> from ntipc.win32 import win32event
>>> event = win32event.CreateEvent(None, False, False, "ready")
>>> win32event.SetEvent(event)
>>> win32event.WaitForSingleObject(event, 1000) == win32event.WAIT_OBJECT_0
True
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Final

from ntipc.errors import NtError, Status, from_status
from ntipc.sync import Event, Mutex, Semaphore, Timer
from ntipc.win32.binding import tables
from ntipc.win32.binding.arguments import flag, optional_text, seconds_of
from ntipc.win32.binding.creation import created, opened
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, object_of, object_of_kind
from ntipc.win32.binding.waiting import signal_and_wait, wait_for_messages, wait_for_one, wait_for_several

if TYPE_CHECKING:
    from ntipc.win32.binding.security import SecurityAttributes

__getattr__ = tables.lookup(__name__)

_FILETIME_OF_1970: Final = 116_444_736_000_000_000
"""1970 in units of 100 ns since 1601."""
_MANUAL_RESET: Final = 1
_INPUT_AVAILABLE: Final = 4
_WAIT_ALL: Final = 1


def CreateEvent(
    EventAttributes: SecurityAttributes | None, bManualReset: int, bInitialState: int, Name: str | None, /
) -> PyHANDLE:
    """Create an event, or open the one of that name: ``GetLastError()`` is 183 then.

    Source:
        CreateEvent (Win32).
    """
    try:
        event = Event(optional_text(Name), manual_reset=flag(bManualReset), initial=flag(bInitialState))
    except NtError as problem:
        raise failed(problem, "CreateEvent") from None
    return created(event, EventAttributes, Name)


def OpenEvent(desiredAccess: int, bInheritHandle: int, name: str, /) -> PyHANDLE:
    """Open an existing event.

    Source:
        OpenEvent (Win32).
    """
    try:
        return opened(Event, desiredAccess, bInheritHandle, name)
    except NtError as problem:
        raise failed(problem, "OpenEvent") from None


def SetEvent(hEvent: HandleLike, /) -> None:
    """Set an event: one waiter takes it, or of a manual-reset event all of them.

    Source:
        SetEvent (Win32).
    """
    try:
        object_of_kind(hEvent, Event).set()
    except NtError as problem:
        raise failed(problem, "SetEvent") from None


def ResetEvent(hEvent: HandleLike, /) -> None:
    """Clear an event.

    Source:
        ResetEvent (Win32).
    """
    try:
        object_of_kind(hEvent, Event).clear()
    except NtError as problem:
        raise failed(problem, "ResetEvent") from None


def PulseEvent(hEvent: HandleLike, /) -> None:
    """Let those pass who wait for an event now, and leave it clear.

    Source:
        PulseEvent (Win32).
    """
    try:
        object_of_kind(hEvent, Event).pulse()
    except NtError as problem:
        raise failed(problem, "PulseEvent") from None


def CreateMutex(MutexAttributes: SecurityAttributes | None, InitialOwner: int, Name: str | None, /) -> PyHANDLE:
    """Create a mutex, or open the one of that name: ``GetLastError()`` is 183 then, and the caller does not own it.

    Source:
        CreateMutex (Win32).
    """
    try:
        mutex = Mutex(optional_text(Name), initial_owner=flag(InitialOwner))
    except NtError as problem:
        raise failed(problem, "CreateMutex") from None
    return created(mutex, MutexAttributes, Name)


def OpenMutex(desiredAccess: int, bInheritHandle: int, name: str, /) -> PyHANDLE:
    """Open an existing mutex.

    Source:
        OpenMutex (Win32).
    """
    try:
        return opened(Mutex, desiredAccess, bInheritHandle, name)
    except NtError as problem:
        raise failed(problem, "OpenMutex") from None


def ReleaseMutex(hEvent: HandleLike, /) -> None:
    """Release a mutex that the calling thread owns.

    Source:
        ReleaseMutex (Win32).
    """
    try:
        object_of_kind(hEvent, Mutex).release()
    except NtError as problem:
        raise failed(problem, "ReleaseMutex") from None


def CreateSemaphore(
    SemaphoreAttributes: SecurityAttributes | None,
    InitialCount: int,
    MaximumCount: int,
    SemaphoreName: str | None,
    /,
) -> PyHANDLE:
    """Create a semaphore, or open the one of that name: ``GetLastError()`` is 183 then.

    Source:
        CreateSemaphore (Win32).
    """
    try:
        name = optional_text(SemaphoreName)
        semaphore = Semaphore(name, initial=index(InitialCount), maximum=index(MaximumCount))
    except NtError as problem:
        raise failed(problem, "CreateSemaphore") from None
    return created(semaphore, SemaphoreAttributes, SemaphoreName)


def OpenSemaphore(desiredAccess: int, bInheritHandle: int, name: str, /) -> PyHANDLE:
    """Open an existing semaphore.

    Source:
        OpenSemaphore (Win32).
    """
    try:
        return opened(Semaphore, desiredAccess, bInheritHandle, name)
    except NtError as problem:
        raise failed(problem, "OpenSemaphore") from None


def ReleaseSemaphore(hEvent: HandleLike, lReleaseCount: int, /) -> int:
    """Add units to a semaphore; return the count before.

    Source:
        ReleaseSemaphore (Win32).
    """
    count = index(lReleaseCount)
    try:
        if count <= 0:  # which NT says before it looks at the handle
            raise from_status(Status.INVALID_PARAMETER, "ReleaseSemaphore")
        return object_of_kind(hEvent, Semaphore).release(min(count, 2**31 - 1))
    except NtError as problem:
        raise failed(problem, "ReleaseSemaphore") from None


def CreateWaitableTimer(
    TimerAttributes: SecurityAttributes | None, bManualReset: int, TimerName: str | None, /
) -> PyHANDLE:
    """Create a timer, or open the one of that name: ``GetLastError()`` is 183 then.

    Source:
        CreateWaitableTimer (Win32).
    """
    try:
        timer = Timer(optional_text(TimerName), manual_reset=flag(bManualReset))
    except NtError as problem:
        raise failed(problem, "CreateWaitableTimer") from None
    return created(timer, TimerAttributes, TimerName)


def CreateWaitableTimerEx(
    TimerAttributes: SecurityAttributes | None, TimerName: str | None, Flags: int, DesiredAccess: int, /
) -> PyHANDLE:
    """Create a timer, with flags; high resolution is what every timer here has.

    Source:
        CreateWaitableTimerEx (Win32).
    """
    index(DesiredAccess)  # a new object's handle has all rights
    try:
        if Flags & ~3:
            raise from_status(Status.INVALID_PARAMETER, "CreateWaitableTimerEx")
        timer = Timer(optional_text(TimerName), manual_reset=bool(Flags & _MANUAL_RESET))
    except NtError as problem:
        raise failed(problem, "CreateWaitableTimerEx") from None
    return created(timer, TimerAttributes, TimerName)


def OpenWaitableTimer(desiredAccess: int, bInheritHandle: int, timerName: str, /) -> PyHANDLE:
    """Open an existing timer.

    Source:
        OpenWaitableTimer (Win32).
    """
    try:
        return opened(Timer, desiredAccess, bInheritHandle, timerName)
    except NtError as problem:
        raise failed(problem, "OpenWaitableTimer") from None


def SetWaitableTimer(
    handle: HandleLike, dueTime: int, period: int, func: object, param: object, resume_state: int, /
) -> None:
    """Start a timer.

    Args:
        handle: The timer.
        dueTime: Units of 100 ns: negative from now, 0 at once, positive since 1601.
        period: Milliseconds after which it is set again, each time; 0 for once only.
        func: ``None``: pywin32 has no completion routines.
        param: ``None``.
        resume_state: Whether to wake the machine; it is not woken here.

    Source:
        SetWaitableTimer (Win32).
    """
    if func is not None or param is not None:
        raise TypeError("This param must be None")
    due, period = index(dueTime), index(period)
    flag(resume_state)
    try:
        if period < 0:
            raise from_status(Status.INVALID_PARAMETER, "SetWaitableTimer")
        seconds = -due / 1e7 if due <= 0 else (due - _FILETIME_OF_1970) / 1e7 - time.time()
        object_of_kind(handle, Timer).set(max(seconds, 0.0), period / 1000)
    except NtError as problem:
        raise failed(problem, "SetWaitableTimer") from None


def CancelWaitableTimer(handle: HandleLike, /) -> None:
    """Stop a timer; whether it is set does not change.

    Source:
        CancelWaitableTimer (Win32).
    """
    try:
        object_of_kind(handle, Timer).cancel()
    except NtError as problem:
        raise failed(problem, "CancelWaitableTimer") from None


def WaitForSingleObject(hHandle: HandleLike, milliseconds: int, /) -> int:
    """Wait for an object, and take it.

    Returns:
        WAIT_OBJECT_0, WAIT_TIMEOUT, or WAIT_ABANDONED for a mutex whose owner ended without releasing it.

    Source:
        WaitForSingleObject (Win32).
    """
    try:
        return wait_for_one(hHandle, milliseconds)
    except NtError as problem:
        raise failed(problem, "WaitForSingleObject") from None


def WaitForSingleObjectEx(hHandle: HandleLike, milliseconds: int, bAlertable: int, /) -> int:
    """Wait for an object; an alertable wait also ends for the completion of an asynchronous procedure call.

    Source:
        WaitForSingleObjectEx (Win32).
    """
    flag(bAlertable)
    try:
        return wait_for_one(hHandle, milliseconds)
    except NtError as problem:
        raise failed(problem, "WaitForSingleObjectEx") from None


def WaitForMultipleObjects(handlelist: Sequence[HandleLike], bWaitAll: int, milliseconds: int, /) -> int:
    """Wait for one of several objects, or for all of them at one instant.

    Returns:
        WAIT_OBJECT_0 plus the index, WAIT_ABANDONED_0 plus the index, or WAIT_TIMEOUT.

    Source:
        WaitForMultipleObjects (Win32).

    Differs:
        There may be 4,096 handles, not only 64.
    """
    try:
        return wait_for_several(handlelist, flag(bWaitAll), seconds_of(milliseconds))
    except NtError as problem:
        raise failed(problem, "WaitForMultipleObjects") from None


def WaitForMultipleObjectsEx(
    handlelist: Sequence[HandleLike], bWaitAll: int, milliseconds: int, bAlertable: int, /
) -> int:
    """Wait for one or for all of several objects.

    Source:
        WaitForMultipleObjectsEx (Win32).
    """
    flag(bAlertable)
    try:
        return wait_for_several(handlelist, flag(bWaitAll), seconds_of(milliseconds))
    except NtError as problem:
        raise failed(problem, "WaitForMultipleObjectsEx") from None


def MsgWaitForMultipleObjects(
    handlelist: Sequence[HandleLike], bWaitAll: int, milliseconds: int, wakeMask: int, /
) -> int:
    """Wait for objects, or for a message to the calling thread.

    Returns:
        The index; as many as there are handles, for a message; or WAIT_TIMEOUT.

    Source:
        MsgWaitForMultipleObjects (Win32).
    """
    try:
        return wait_for_messages(handlelist, flag(bWaitAll), seconds_of(milliseconds), index(wakeMask), False)
    except NtError as problem:
        raise failed(problem, "MsgWaitForMultipleObjects") from None


def MsgWaitForMultipleObjectsEx(
    handlelist: Sequence[HandleLike], milliseconds: int, wakeMask: int, waitFlags: int, /
) -> int:
    """Wait for objects, or for a message to the calling thread; MWMO_WAITALL and MWMO_INPUTAVAILABLE are heeded.

    Source:
        MsgWaitForMultipleObjectsEx (Win32).
    """
    all_of_them, available = bool(waitFlags & _WAIT_ALL), bool(waitFlags & _INPUT_AVAILABLE)
    try:
        return wait_for_messages(handlelist, all_of_them, seconds_of(milliseconds), index(wakeMask), available)
    except NtError as problem:
        raise failed(problem, "MsgWaitForMultipleObjectsEx") from None


def SignalObjectAndWait(
    hObjectToSignal: HandleLike, hObjectToWaitOn: HandleLike, milliseconds: int, bAlertable: int, /
) -> int:
    """Signal one object and wait for another in one step.

    Source:
        SignalObjectAndWait (Win32).

    Differs:
        pywin32 takes WAIT_OBJECT_0, which is 0, for a failure, and raises. This returns it.
    """
    flag(bAlertable)
    try:
        return signal_and_wait(hObjectToSignal, hObjectToWaitOn, seconds_of(milliseconds))
    except NtError as problem:
        raise failed(problem, "SignalObjectAndWait") from None


def WaitForInputIdle(hProcess: HandleLike, milliseconds: int, /) -> int:
    """Return at once: a process without windows of its own to draw is ready for input when it runs.

    Source:
        WaitForInputIdle (Win32).
    """
    seconds_of(milliseconds)
    try:
        object_of(hProcess)
    except NtError as problem:
        raise failed(problem, "WaitForInputIdle") from None
    return 0

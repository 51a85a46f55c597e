"""Waits, events, mutexes and handles of ``_winapi``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ntipc.errors import NtError
from ntipc.sync.waits import wait_any
from ntipc.win32 import win32event
from ntipc.win32.binding import duplication, pyhandle, waiting
from ntipc.win32.binding.arguments import seconds_of
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.winapi.calls import index, security, windows_call, windows_error

_INFINITE: Final = 0xFFFF_FFFF
_THIS_PROCESS: Final = 2**64 - 1


@windows_call
def CloseHandle(handle: int, /) -> None:
    """Close a handle.

    Raises:
        OSError: It is no handle of this process (6).

    Source:
        CloseHandle (Win32).
    """
    number = index(handle)
    if not number:
        raise windows_error(6)
    pyhandle.close_number(number)


@windows_call
def DuplicateHandle(
    source_process_handle: int,
    source_handle: int,
    target_process_handle: int,
    desired_access: int,
    inherit_handle: bool,
    options: int = 0,
    /,
) -> int:
    """Make another handle to an object, in this process or in another one. Returns its number there.

    Source:
        DuplicateHandle (Win32).
    """
    source, target = index(source_process_handle), index(target_process_handle)
    inherit = int(bool(inherit_handle))
    made = duplication.DuplicateHandle(source, index(source_handle), target, desired_access, inherit, index(options))
    return made.Detach()


def GetCurrentProcess() -> int:
    """Return the pseudo handle of this process.

    Source:
        GetCurrentProcess (Win32).
    """
    return _THIS_PROCESS


def GetLastError() -> int:
    """Return the last error code of the calling thread.

    Source:
        GetLastError (Win32).
    """
    return last.code


@windows_call
def WaitForSingleObject(handle: int, milliseconds: int, /) -> int:
    """Wait for one object. Returns WAIT_OBJECT_0, WAIT_ABANDONED_0 or WAIT_TIMEOUT.

    Source:
        WaitForSingleObject (Win32).
    """
    return win32event.WaitForSingleObject(index(handle), index(milliseconds))


@windows_call
def WaitForMultipleObjects(handle_seq: Sequence[int], wait_flag: bool, milliseconds: int = _INFINITE, /) -> int:
    """Wait for one of several objects, or for all of them. Returns WAIT_OBJECT_0 and the index, or WAIT_TIMEOUT.

    Source:
        WaitForMultipleObjects (Win32).

    Differs:
        There may be more than 63 handles.
    """
    return _wait(_numbers(handle_seq), bool(wait_flag), milliseconds)


def _numbers(handles: Sequence[int]) -> list[int]:
    if not hasattr(handles, "__getitem__"):
        raise TypeError(f"sequence type expected, got '{type(handles).__name__}'")
    return [index(handle) for handle in handles]


def _wait(numbers: Sequence[int], all_of_them: bool, milliseconds: int) -> int:
    try:
        return waiting.wait_for_several(numbers, all_of_them, seconds_of(index(milliseconds)))
    except NtError as problem:
        raise failed(problem, "WaitForMultipleObjects") from None


@windows_call
def BatchedWaitForMultipleObjects(
    handle_seq: Sequence[int], wait_all: bool, milliseconds: int = _INFINITE
) -> list[int] | None:
    """Wait for one of any number of objects, or for all of them.

    Args:
        handle_seq: The handles.
        wait_all: Whether to wait for all.
        milliseconds: The time limit.

    Returns:
        The indices of those that were set; ``None`` after a wait for all.

    Raises:
        TimeoutError: The time ran out; ``winerror`` is 258.

    Source:
        WaitForMultipleObjects (Win32), in groups.
    """
    numbers = _numbers(handle_seq)
    if wait_all or not numbers:
        if _wait(numbers, True, milliseconds) == waiting.WAIT_TIMEOUT:
            raise windows_error(waiting.WAIT_TIMEOUT)
        return None
    try:
        things = waiting.objects_of(numbers)
        one = wait_any(things, seconds_of(index(milliseconds)))
        if one is None:
            raise windows_error(waiting.WAIT_TIMEOUT)
        later = range(one.index + 1, len(things))
        return [one.index, *(place for place in later if things[place].wait(0))]
    except NtError as problem:
        raise failed(problem, "WaitForMultipleObjects") from None


@windows_call
def CreateEventW(security_attributes: int | None, manual_reset: bool, initial_state: bool, name: str | None) -> int:
    """Create an event, or open the one of that name: ``GetLastError()`` is 183 then.

    Source:
        CreateEvent (Win32).
    """
    attributes = security(security_attributes)
    return win32event.CreateEvent(attributes, bool(manual_reset), bool(initial_state), name).Detach()


@windows_call
def CreateMutexW(security_attributes: int | None, initial_owner: bool, name: str | None) -> int:
    """Create a mutex, or open the one of that name: ``GetLastError()`` is 183 then.

    Source:
        CreateMutex (Win32).
    """
    return win32event.CreateMutex(security(security_attributes), bool(initial_owner), name).Detach()


@windows_call
def OpenEventW(desired_access: int, inherit_handle: bool, name: str) -> int:
    """Open an existing event.

    Source:
        OpenEvent (Win32).
    """
    return win32event.OpenEvent(desired_access, bool(inherit_handle), name).Detach()


@windows_call
def OpenMutexW(desired_access: int, inherit_handle: bool, name: str) -> int:
    """Open an existing mutex.

    Source:
        OpenMutex (Win32).
    """
    return win32event.OpenMutex(desired_access, bool(inherit_handle), name).Detach()


@windows_call
def ReleaseMutex(mutex: int) -> None:
    """Release a mutex.

    Source:
        ReleaseMutex (Win32).
    """
    win32event.ReleaseMutex(index(mutex))


@windows_call
def ResetEvent(event: int) -> None:
    """Clear an event.

    Source:
        ResetEvent (Win32).
    """
    win32event.ResetEvent(index(event))


@windows_call
def SetEvent(event: int) -> None:
    """Set an event.

    Source:
        SetEvent (Win32).
    """
    win32event.SetEvent(index(event))

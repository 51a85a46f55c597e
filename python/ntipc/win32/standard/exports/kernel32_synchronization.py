"""Events, mutexes, semaphores, timers, and waits that are not alertable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc.ntdll import handles as table
from ntipc.win32 import win32event
from ntipc.win32.binding.failures import error
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.tables import WAIT_FAILED, from_table, own
from ntipc.win32.standard.exports.words import (
    Export,
    ansi,
    attributes,
    boolean,
    handle,
    handles_at,
    put_dword,
    signed,
    text,
    unsigned,
)

_INVALID_HANDLE: Final = 6
_ALL: Final = 0x1F_0003
_READ_CONTROL: Final = 0x2_0000
_MAXIMUM_ALLOWED: Final = 0x1200_0000
"""MAXIMUM_ALLOWED and GENERIC_ALL."""
_MANUAL_RESET: Final = 1
_INITIAL_SET: Final = 2
_INITIAL_OWNER: Final = 1
_MOST_HANDLES: Final = 64


def _create(make: Callable[[], Any], access: int) -> int:
    """Make an object, and give it a handle with the rights that are asked for; the number, 0 on failure."""
    try:
        made = make()
    except error:
        return 0
    code = last.code
    number = _with_rights(made.Detach(), unsigned(access))
    last.code = code
    return number


def _with_rights(number: int, access: int) -> int:
    """Return a handle with fewer rights instead of one with all."""
    thing = table.find(number)
    if access & _MAXIMUM_ALLOWED or access & _ALL == _ALL:
        return number
    fewer = table.insert(thing.duplicate(access=access or _READ_CONTROL))  # no rights: none that any call wants
    table.close(number)
    return fewer


def _create_event_ex(name: Callable[[int], str | None]) -> Export:
    def create(security: int, words: int, flags: int, access: int) -> int:
        manual, initial = flags & _MANUAL_RESET, flags & _INITIAL_SET
        return _create(lambda: win32event.CreateEvent(attributes(security), manual, initial, name(words)), access)

    return own(create, 4)


def _create_mutex_ex(name: Callable[[int], str | None]) -> Export:
    def create(security: int, words: int, flags: int, access: int) -> int:
        owner = flags & _INITIAL_OWNER
        return _create(lambda: win32event.CreateMutex(attributes(security), owner, name(words)), access)

    return own(create, 4)


def _create_semaphore_ex(name: Callable[[int], str | None]) -> Export:
    def create(security: int, initial: int, maximum: int, words: int, flags: int, access: int) -> int:
        counts = signed(initial), signed(maximum)
        return _create(lambda: win32event.CreateSemaphore(attributes(security), *counts, name(words)), access)

    return own(create, 6)


def _release_semaphore(semaphore: int, count: int, previous: int) -> int:
    try:
        before = win32event.ReleaseSemaphore(handle(semaphore), signed(count))
    except error:
        return 0
    put_dword(previous, before)
    return 1


def _wait_for_several(count: int, address: int, everything: int, milliseconds: int) -> int:
    number = unsigned(count)
    if not 0 < number <= _MOST_HANDLES or not address:
        last.code = 87
        return WAIT_FAILED
    return win32event.WaitForMultipleObjects(handles_at(number, address), boolean(everything), unsigned(milliseconds))


def _close_handle(word: int) -> int:
    from ntipc.win32 import win32api

    if not handle(word):
        last.code = _INVALID_HANDLE
        return 0
    try:
        win32api.CloseHandle(handle(word))
    except error:
        return 0
    return 1


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_table("""
        CreateEvent*          sbbw  handle  win32event.CreateEvent
        OpenEvent*            dbw   handle  win32event.OpenEvent
        SetEvent              h     bool    win32event.SetEvent
        ResetEvent            h     bool    win32event.ResetEvent
        PulseEvent            h     bool    win32event.PulseEvent
        CreateMutex*          sbw   handle  win32event.CreateMutex
        OpenMutex*            dbw   handle  win32event.OpenMutex
        ReleaseMutex          h     bool    win32event.ReleaseMutex
        CreateSemaphore*      sllw  handle  win32event.CreateSemaphore
        OpenSemaphore*        dbw   handle  win32event.OpenSemaphore
        CreateWaitableTimer*  sbw   handle  win32event.CreateWaitableTimer
        CreateWaitableTimerEx* swdd handle  win32event.CreateWaitableTimerEx
        OpenWaitableTimer*    dbw   handle  win32event.OpenWaitableTimer
        CancelWaitableTimer   h     bool    win32event.CancelWaitableTimer
        WaitForSingleObject   hd    wait    win32event.WaitForSingleObject
        """)
    ),
    "CloseHandle": own(_close_handle, 1),
    "CreateEventExW": _create_event_ex(text),
    "CreateEventExA": _create_event_ex(ansi),
    "CreateMutexExW": _create_mutex_ex(text),
    "CreateMutexExA": _create_mutex_ex(ansi),
    "CreateSemaphoreExW": _create_semaphore_ex(text),
    "CreateSemaphoreExA": _create_semaphore_ex(ansi),
    "WaitForMultipleObjects": own(_wait_for_several, 4, WAIT_FAILED),
    "ReleaseSemaphore": own(_release_semaphore, 3),
}

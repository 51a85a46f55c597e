"""Asynchronous procedure calls: alertable waits, and what completes in them: ReadFileEx, WriteFileEx, QueueUserAPC."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from ntipc import ntdll
from ntipc.ntdll.apcs import Inbox, own_inbox
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import PENDING, Operation, Read, Write
from ntipc.win32 import win32event, win32file
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.transfers import object_or_failure
from ntipc.win32.standard.exports import overlapped_memory
from ntipc.win32.standard.exports.tables import WAIT_FAILED, own
from ntipc.win32.standard.exports.words import (
    Export,
    boolean,
    data_at,
    handle,
    handles_at,
    memory_at,
    signed,
    there,
    unsigned,
)

_Apc: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64)
_Completion: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint64)
_TimerRoutine: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32)
_INFINITE: Final = 0xFFFF_FFFF
_INVALID_PARAMETER: Final = 87
_MOST_HANDLES: Final = 64
_HANDLE_EOF: Final = 38


def timeout_of(milliseconds: int) -> int | None:
    """Return the LARGE_INTEGER for a DWORD of milliseconds; ``None`` for ever."""
    milliseconds = unsigned(milliseconds)
    return None if milliseconds == _INFINITE else -10_000 * milliseconds


def result_of(status: int) -> int:
    """Return what a wait returns for a status: the status itself, or WAIT_FAILED and the last error."""
    if status < 0x8000_0000:
        return WAIT_IO_COMPLETION if status == ntdll.STATUS_ALERTED else int(status)
    last.code = ntdll.RtlNtStatusToDosError(status)
    return WAIT_FAILED


WAIT_IO_COMPLETION: Final = 0xC0


def _wait_for_one(thing: int, milliseconds: int, alertable: int) -> int:
    if not boolean(alertable):
        return win32event.WaitForSingleObject(handle(thing), unsigned(milliseconds))
    return result_of(ntdll.NtWaitForSingleObject(handle(thing), True, timeout_of(milliseconds)))


def _wait_for_several(count: int, address: int, everything: int, milliseconds: int, alertable: int) -> int:
    number = unsigned(count)
    if not 0 < number <= _MOST_HANDLES or not address:
        last.code = _INVALID_PARAMETER
        return WAIT_FAILED
    handles = handles_at(number, address)
    if not boolean(alertable):
        return win32event.WaitForMultipleObjects(handles, boolean(everything), unsigned(milliseconds))
    kind = ntdll.WaitAll if boolean(everything) else ntdll.WaitAny
    return result_of(ntdll.NtWaitForMultipleObjects(number, handles, kind, True, timeout_of(milliseconds)))


def _signal_and_wait(signal: int, wait: int, milliseconds: int, alertable: int) -> int:
    if not boolean(alertable):
        return win32event.SignalObjectAndWait(handle(signal), handle(wait), unsigned(milliseconds), False)
    timeout = timeout_of(milliseconds)
    return result_of(ntdll.NtSignalAndWaitForSingleObject(handle(signal), handle(wait), True, timeout))


def _sleep(milliseconds: int, alertable: int) -> int:
    status = ntdll.NtDelayExecution(boolean(alertable), timeout_of(milliseconds))
    return WAIT_IO_COMPLETION if status in (ntdll.STATUS_USER_APC, ntdll.STATUS_ALERTED) else 0


def _queue(routine: int, thread: int, data: int) -> int:
    status = ntdll.NtQueueApcThread(handle(thread), _Apc(there(routine)), data)
    if not status:
        last.code = ntdll.RtlNtStatusToDosError(status)
    return int(bool(status))


def _set_timer(timer: int, due: int, period: int, routine: int, argument: int, resume: int) -> int:
    moment = ctypes.c_int64.from_address(there(due)).value if due else None
    if moment is None or signed(period) < 0:
        last.code = _INVALID_PARAMETER
        return 0
    if not routine:
        win32event.SetWaitableTimer(handle(timer), moment, signed(period), None, None, boolean(resume))
        return 1
    function = _TimerRoutine(routine)

    def call(given: object, now: int) -> None:
        function(argument, now & 0xFFFF_FFFF, now >> 32)

    status, _ = ntdll.NtSetTimer(handle(timer), moment, call, None, False, signed(period))
    if not status:
        last.code = ntdll.RtlNtStatusToDosError(status)
    return int(bool(status))


def _begun_with_routine(file: int, overlapped: int, routine: int, call: str, memory: memoryview) -> int:
    """Read or write with a routine that the calling thread runs at the end, in an alertable wait."""
    inbox, function = own_inbox(), _Completion(there(routine))
    thing: Any = object_or_failure(handle(file), call)
    state = overlapped_memory.begin(there(overlapped))
    assert state is not None
    state.hEvent = 0  # the event is the program's own
    if not isinstance(thing, PipeFile):
        _at_once(file, state, call, memory)
        inbox.post(partial(function, 0, state.InternalHigh, overlapped))
        return 1
    operation: Operation = Read(thing.end, memory) if call == "ReadFileEx" else Write(thing.end, memory)
    state.Internal, state.InternalHigh, state._operation = PENDING, 0, operation
    operation.when_done = partial(_tell, state, inbox, function)
    done = thing.start(operation)
    if not done and not thing.overlapped:
        operation.wait()
    if operation.problem is not None and not operation.went_on:
        raise operation.problem
    last.code = 0
    return 1


def _at_once(file: int, state: overlapped_memory.MemoryOverlapped, call: str, memory: memoryview) -> None:
    if call == "ReadFileEx":
        win32file.ReadFile(handle(file), memory, state)
    else:
        win32file.WriteFile(handle(file), memory, state)


def _tell(state: Any, inbox: Inbox, function: Callable[..., Any], operation: Operation) -> None:
    if operation.problem is not None and not operation.went_on:
        return  # the call itself says so
    state.Internal, state.InternalHigh = operation.status, operation.size
    inbox.post(partial(function, operation.winerror, operation.size, state.address))


def _read(file: int, buffer: int, size: int, overlapped: int, routine: int) -> int:
    return _begun_with_routine(file, overlapped, routine, "ReadFileEx", memory_at(buffer, unsigned(size)))


def _write(file: int, buffer: int, size: int, overlapped: int, routine: int) -> int:
    return _begun_with_routine(file, overlapped, routine, "WriteFileEx", memoryview(data_at(buffer, unsigned(size))))


def _overlapped_result_ex(file: int, overlapped: int, size: int, milliseconds: int, alertable: int) -> int:
    """GetOverlappedResultEx: waits for the operation's event, or without one for the operation."""
    from ntipc.win32.standard.exports.kernel32_files import overlapped_result

    state = overlapped_memory.find(there(overlapped))
    wait = unsigned(milliseconds)
    if state is not None and state._operation is not None and wait and not state._operation.is_done:
        status = _wait_for_operation(state, wait, boolean(alertable))
        if status == WAIT_IO_COMPLETION or status == ntdll.STATUS_TIMEOUT:
            last.code = status
            return 0
    return overlapped_result(file, overlapped, size, 0)


def _wait_for_operation(state: Any, milliseconds: int, alertable: bool) -> int:
    event = state.hEvent
    if event:
        return result_of(ntdll.NtWaitForSingleObject(event, alertable, timeout_of(milliseconds)))
    if not alertable:
        seconds = None if milliseconds == _INFINITE else milliseconds / 1000
        return 0 if state._operation.wait(seconds) else int(ntdll.STATUS_TIMEOUT)
    raise failure(50, "GetOverlappedResultEx")  # an alertable wait needs an event


EXPORTS: Final[Mapping[str, Export]] = {
    "WaitForSingleObjectEx": own(_wait_for_one, 3, WAIT_FAILED),
    "WaitForMultipleObjectsEx": own(_wait_for_several, 5, WAIT_FAILED),
    "SignalObjectAndWait": own(_signal_and_wait, 4, WAIT_FAILED),
    "SleepEx": own(_sleep, 2),
    "QueueUserAPC": own(_queue, 3),
    "SetWaitableTimer": own(_set_timer, 6),
    "ReadFileEx": own(_read, 5),
    "WriteFileEx": own(_write, 5),
    "GetOverlappedResultEx": own(_overlapped_result_ex, 5),
}

"""The Native API's objects: making, opening, changing and waiting for them, questions, directories and sections."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ntipc import ntdll
from ntipc.ntdll.apcs import inbox_of
from ntipc.ntdll.statuses import (
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_PARAMETER_1,
    STATUS_SUCCESS,
)
from ntipc.win32.standard.exports.ntdll_words import UnicodeString, from_lines, large_at, native
from ntipc.win32.standard.exports.words import (
    Export,
    dword_at,
    handle,
    handles_at,
    long_signed,
    memory_at,
    put_dword,
    put_word,
    signed,
    terminated_at,
    there,
    unsigned,
)

_Apc: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)
_TimerApc: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_int32)
_NAME, _TYPE, _FLAGS = 1, 2, 4
_MOST: Final = 64


def _question(name: str, layouts: Mapping[int, struct.Struct]) -> Export:
    """A call (handle, class, buffer, size, size told) whose answer is a structure of numbers."""

    def ask(thing: int, kind: int, buffer: int, size: int, told: int) -> int:
        layout = layouts.get(unsigned(kind))
        if layout is None:
            return ntdll.STATUS_INVALID_INFO_CLASS
        if unsigned(size) < layout.size:
            return STATUS_INFO_LENGTH_MISMATCH
        there(buffer)
        status, information = getattr(ntdll, name)(handle(thing), unsigned(kind), layout.size)
        if information is not None:
            numbers = information if isinstance(information, tuple) else (information,)
            layout.pack_into(memory_at(buffer, layout.size), 0, *_flat(numbers))
            put_dword(told, layout.size)
        return int(status)

    return native(ask, 5)


def _flat(numbers: tuple[Any, ...]) -> list[int]:
    """Spread structures in a structure; unknown numbers are 0."""
    found: list[int] = []
    for number in numbers:
        found.extend(_flat(number)) if isinstance(number, tuple) else found.append(number or 0)
    return found


def _query_object(thing: int, kind: int, buffer: int, size: int, told: int) -> int:
    number, room = unsigned(kind), unsigned(size)
    if number in (_NAME, _TYPE):
        status, text = ntdll.NtQueryObject(handle(thing), number)
        if text is None:
            return int(status)
        units = str(text).encode("utf-16-le", "surrogatepass")
        head = ctypes.sizeof(UnicodeString) if number == _NAME else 0x68
        needed = head + len(units) + (2 if units else 0)
        put_dword(told, needed)
        if room < needed:
            return STATUS_INFO_LENGTH_MISMATCH
        memory = memory_at(buffer, needed)
        memory[:head] = bytes(head)
        if units:
            memory[head:] = units + b"\0\0"
            string = UnicodeString.from_address(buffer)
            string.length, string.room, string.buffer = len(units), len(units) + 2, buffer + head
        return STATUS_SUCCESS
    status, information = ntdll.NtQueryObject(handle(thing), number, room)
    if information is None:
        return int(status)
    answer = _BASIC.pack(*information) if number == 0 else bytes(map(bool, information))
    memory_at(buffer, len(answer))[:] = answer
    put_dword(told, len(answer))
    return int(status)


_BASIC: Final = struct.Struct("<IIII40x")


def _set_object(thing: int, kind: int, buffer: int, size: int) -> int:
    if unsigned(size) < 2:
        return STATUS_INFO_LENGTH_MISMATCH
    inherit, protect = memory_at(buffer, 2)
    return ntdll.NtSetInformationObject(handle(thing), unsigned(kind), (bool(inherit), bool(protect)))


def _wait_for_several(count: int, address: int, kind: int, alertable: int, timeout: int) -> int:
    number = unsigned(count)
    if not 0 < number <= _MOST:
        return STATUS_INVALID_PARAMETER_1
    handles = handles_at(number, address)
    return ntdll.NtWaitForMultipleObjects(number, handles, kind & 0xFF, alertable & 0xFF != 0, large_at(timeout))


def _queue_apc(thread: int, routine: int, first: int, second: int, third: int) -> int:
    if not routine:  # nothing to call, but the thread has to be there
        inbox_of(handle(thread))
        return STATUS_SUCCESS
    return ntdll.NtQueueApcThread(handle(thread), _Apc(there(routine)), first, second, third)


def _set_timer(timer: int, due: int, routine: int, context: int, resume: int, period: int, previous: int) -> int:
    call: Callable[[Any, int], None] | None = None
    if routine:
        function = _TimerApc(routine)

        def call(given: Any, moment: int) -> None:
            function(context, moment & 0xFFFF_FFFF, moment >> 32)

    moment = ctypes.c_int64.from_address(there(due)).value
    status, before = ntdll.NtSetTimer(handle(timer), moment, call, None, False, signed(period))
    if status and previous:
        ctypes.c_uint8.from_address(previous).value = before or 0
    return status


def _map_view(
    section: int,
    process: int,
    base: int,
    zero_bits: int,
    commit: int,
    offset: int,
    size: int,
    inherit: int,
    kind: int,
    protection: int,
) -> int:
    place = ctypes.c_uint64.from_address(there(base))
    room = ctypes.c_uint64.from_address(there(size))
    start = large_at(offset) or 0
    found = ntdll.NtMapViewOfSection(
        handle(section), handle(process), place.value or None, zero_bits, commit, start, room.value,
        unsigned(inherit), unsigned(kind), unsigned(protection),
    )  # fmt: skip
    if found.view is not None:
        place.value, room.value = found.view.address, len(found.view)
    return int(found.status)


def _query_link(link: int, target: int, told: int) -> int:
    status, path = ntdll.NtQuerySymbolicLinkObject(handle(link))
    if path is None:
        return int(status)
    units = path.encode("utf-16-le", "surrogatepass")
    string = UnicodeString.from_address(there(target))
    put_dword(told, len(units) + 2)
    copied = units + b"\0\0" if told else units  # who asks how long it is gets the terminator
    if string.room < len(copied):
        return STATUS_BUFFER_TOO_SMALL
    memory_at(string.buffer, len(copied))[:] = copied
    string.length = len(units)
    return int(status)


def _query_directory(directory: int, buffer: int, size: int, single: int, restart: int, context: int, told: int) -> int:
    """List entries: pairs of UNICODE_STRINGs, an empty pair at the end, and the texts behind them."""
    begin = 0 if restart & 0xFF else dword_at(context)
    there(context)
    status, entries, _ = ntdll.NtQueryDirectoryObject(handle(directory), False, False, begin)
    room, pair = unsigned(size), 2 * ctypes.sizeof(UnicodeString)
    if status == ntdll.STATUS_NO_MORE_ENTRIES:
        if room >= pair:
            memory_at(buffer, pair)[:] = bytes(pair)
        put_dword(told, pair)
    if not status or not entries:
        return int(status)
    chosen, used = _entries_that_fit(entries[: 1 if single & 0xFF else None], room, pair)
    if not chosen and (single & 0xFF):
        put_dword(told, used)
        return STATUS_BUFFER_TOO_SMALL
    place = pair * (len(chosen) + 1)
    if room >= place:
        memory = memory_at(buffer, room)
        memory[:place] = bytes(place)
        for index, texts in enumerate(chosen):
            for column, text in enumerate(texts):
                string = UnicodeString.from_address(buffer + index * pair + column * pair // 2)
                string.length, string.room, string.buffer = len(text) - 2, len(text), buffer + place
                memory[place : place + len(text)] = text
                place += len(text)
    put_dword(context, begin + len(chosen))
    put_dword(told, place)
    more = len(chosen) < len(entries) and not single & 0xFF
    return int(ntdll.STATUS_MORE_ENTRIES if more else STATUS_SUCCESS)


def _entries_that_fit(entries: Sequence[Any], room: int, pair: int) -> tuple[list[list[bytes]], int]:
    """Return the texts of the first entries, and the bytes that these and the one that did not fit take."""
    chosen: list[list[bytes]] = []
    used = pair
    for entry in entries:
        texts = [text.encode("utf-16-le", "surrogatepass") + b"\0\0" for text in entry]
        used += pair + sum(map(len, texts))
        if used > room:
            break
        chosen.append(texts)
    return chosen, used


def _query_memory(process: int, address: int, kind: int, buffer: int, size: int, told: int) -> int:
    if size < _MEMORY.size:
        return STATUS_INFO_LENGTH_MISMATCH
    status, found = ntdll.NtQueryVirtualMemory(handle(process), address, unsigned(kind))
    if found is not None:
        base, allocation, length, state, protect, type_ = found
        _MEMORY.pack_into(memory_at(buffer, _MEMORY.size), 0, base, allocation, protect, length, state, protect, type_)
        put_word(told, _MEMORY.size)
    return int(status)


_MEMORY: Final = struct.Struct("<QQIxxxxQIIIxxxx")


def _extend(section: int, size: int) -> int:
    wanted = large_at(there(size)) or 0
    status, now = ntdll.NtExtendSection(handle(section), wanted)
    if now is not None:
        ctypes.c_int64.from_address(size).value = now
    return int(status)


def _flush(process: int, base: int, size: int, block: int) -> int:
    place = ctypes.c_uint64.from_address(there(base)).value
    length = ctypes.c_uint64.from_address(there(size)).value
    return int(ntdll.NtFlushVirtualMemory(handle(process), place, length))


def _system_time(address: int) -> int:
    put_word(there(address), ntdll.NtQuerySystemTime())
    return STATUS_SUCCESS


def _init_string(string: int, source: int) -> int:
    """RtlInitUnicodeString: the source may be NULL, and is cut at what a UNICODE_STRING can hold."""
    made = UnicodeString.from_address(there(string))
    size = min(len(terminated_at(source)), 65_532) if source else 0
    made.length, made.room, made.buffer = size, size + 2 if source else 0, source
    return 0


def _terminate(process: int, code: int) -> int:
    return ntdll.NtTerminateProcess(long_signed(process) if process else -1, signed(code))


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_lines("""
        NtClose               h
        NtDuplicateObject     hhhHddd
        NtCompareObjects      hh
        NtMakePermanentObject h
        NtMakeTemporaryObject h
        NtCreateEvent         Hdodb
        NtOpenEvent           Hdo
        NtSetEvent            hP
        NtResetEvent          hP
        NtPulseEvent          hP
        NtClearEvent          h
        NtCreateMutant        Hdob
        NtOpenMutant          Hdo
        NtReleaseMutant       hP
        NtCreateSemaphore     Hdoll
        NtOpenSemaphore       Hdo
        NtReleaseSemaphore    hdP
        NtCreateTimer         Hdod
        NtOpenTimer           Hdo
        NtCancelTimer         hB
        NtCreateEventPair     Hdo
        NtOpenEventPair       Hdo
        NtSetHighEventPair    h
        NtSetLowEventPair     h
        NtWaitHighEventPair   h
        NtWaitLowEventPair    h
        NtSetHighWaitLowEventPair h
        NtSetLowWaitHighEventPair h
        NtWaitForSingleObject hbt
        NtSignalAndWaitForSingleObject hhbt
        NtDelayExecution      bt
        NtYieldExecution      -
        NtTestAlert           -
        NtAlertThread         h
        NtOpenThread          Hdoc
        NtOpenProcess         Hdoc
        NtCreateDirectoryObject Hdo
        NtOpenDirectoryObject Hdo
        NtCreateSymbolicLinkObject Hdou
        NtOpenSymbolicLinkObject Hdo
        NtCreateSection       Hdotddh
        NtOpenSection         Hdo
        NtUnmapViewOfSection  hp
        """)
    ),
    "NtWaitForMultipleObjects": native(_wait_for_several, 5),
    "NtQueueApcThread": native(_queue_apc, 5),
    "NtSetTimer": native(_set_timer, 7),
    "NtQueryEvent": _question("NtQueryEvent", {0: struct.Struct("<Ii")}),
    "NtQueryMutant": _question("NtQueryMutant", {0: struct.Struct("<i??xx"), 1: struct.Struct("<QQ")}),
    "NtQuerySemaphore": _question("NtQuerySemaphore", {0: struct.Struct("<ii")}),
    "NtQueryTimer": _question("NtQueryTimer", {0: struct.Struct("<q?7x")}),
    "NtQuerySection": _question("NtQuerySection", {0: struct.Struct("<QIxxxxq")}),
    "NtQueryObject": native(_query_object, 5),
    "NtSetInformationObject": native(_set_object, 4),
    "NtQuerySymbolicLinkObject": native(_query_link, 3),
    "NtQueryDirectoryObject": native(_query_directory, 7),
    "NtMapViewOfSection": native(_map_view, 10),
    "NtExtendSection": native(_extend, 2),
    "NtFlushVirtualMemory": native(_flush, 4),
    "NtQueryVirtualMemory": native(_query_memory, 6),
    "NtTerminateProcess": native(_terminate, 2),
    "NtQuerySystemTime": native(_system_time, 1),
    "RtlInitUnicodeString": native(_init_string, 2),
    "RtlNtStatusToDosError": native(lambda status: ntdll.RtlNtStatusToDosError(unsigned(status)), 1),
}

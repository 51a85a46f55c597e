"""What a program asks of the system: its command line, its environment, names, folders, and the time."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ntipc import ntdll
from ntipc.win32.binding import system
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.processes import process_of
from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import (
    Export,
    ansi,
    dword_at,
    handle,
    put_dword,
    put_text,
    put_word,
    text,
    there,
    unsigned,
)

_NOT_FOUND: Final = 203
_THIS_PROCESS: Final = -1
_MORE_ROOM: Final = 111
_INSUFFICIENT: Final = 122
_INVALID_PARAMETER: Final = 87
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_kept: dict[str, Any] = {}
"""Texts whose addresses C code has: they stay for as long as the process."""


def _returned(find: Callable[[], str], *, wide: bool) -> Export:
    """A call that returns the address of a text."""

    def call() -> int:
        key = f"{find.__name__} {wide}"
        if key not in _kept:
            found = find()
            units = found.encode("utf-16-le", "surrogatepass") if wide else found.encode("utf-8", "surrogateescape")
            _kept[key] = ctypes.create_string_buffer(units + b"\0\0")
        return ctypes.addressof(_kept[key])

    return own(call, 0)


def _units(found: str, *, wide: bool) -> int:
    return len(found.encode("utf-16-le", "surrogatepass")) // 2 if wide else len(os.fsencode(found))


def _stored(found: str | None, address: int, room: int, *, wide: bool) -> int:
    """Store a text, and return its units; or, if the room is too small, the room that it takes."""
    if found is None:
        last.code = _NOT_FOUND
        return 0
    needed = _units(found, wide=wide)
    if room <= needed:
        return needed + 1
    put_text(there(address), room, found, wide=wide)
    return needed


def _variable(wide: bool) -> Export:
    read = text if wide else ansi

    def get(name: int, buffer: int, room: int) -> int:
        return _stored(system.GetEnvironmentVariable(read(name) or ""), buffer, unsigned(room), wide=wide)

    return own(get, 3)


def _set_variable(wide: bool) -> Export:
    read = text if wide else ansi

    def put(name: int, value: int) -> int:
        key = read(name)
        if not key or "=" in key:
            last.code = _INVALID_PARAMETER
            return 0
        system.SetEnvironmentVariable(key, read(value))
        return 1

    return own(put, 2)


def _folder(find: Callable[[], str], *, wide: bool) -> Export:
    return own(lambda room, buffer: _stored(find(), buffer, unsigned(room), wide=wide), 2)


def _module_path(wide: bool) -> Export:
    def get(module: int, buffer: int, room: int) -> int:
        found = system.GetModuleFileName(module)
        put_text(there(buffer), unsigned(room), found, wide=wide)
        return min(_units(found, wide=wide), unsigned(room))

    return own(get, 3)


def _name(find: Callable[[], str], *, wide: bool, counts_end: bool) -> Export:
    """A name, and in a DWORD the room and then the units: with the zero at the end, for GetUserName."""

    def get(buffer: int, size: int) -> int:
        found = find()
        needed = _units(found, wide=wide) + 1
        if dword_at(size) < needed:
            put_dword(size, needed)
            last.code = _INSUFFICIENT if counts_end else _MORE_ROOM
            return 0
        put_text(there(buffer), needed, found, wide=wide)
        put_dword(size, needed if counts_end else needed - 1)
        return 1

    return own(get, 2)


def _set_folder(wide: bool) -> Export:
    read = text if wide else ansi

    def change(path: int) -> int:
        system.SetCurrentDirectory(read(path) or "")
        return 1

    return own(change, 1)


def _startup(address: int) -> int:
    """GetStartupInfo: nothing is known of how this process was started."""
    ctypes.memset(there(address), 0, 104)
    put_dword(address, 104)
    return 0


class _SystemTime(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint16)
        for name in ("year", "month", "day_of_week", "day", "hour", "minute", "second", "milliseconds")
    ]


def _put_time(address: int, moment: datetime) -> None:
    made = _SystemTime.from_address(there(address))
    made.year, made.month, made.day = moment.year, moment.month, moment.day
    made.day_of_week = moment.isoweekday() % 7
    made.hour, made.minute, made.second = moment.hour, moment.minute, moment.second
    made.milliseconds = moment.microsecond // 1000


def _system_time(address: int) -> int:
    _put_time(address, datetime.now(UTC))
    return 0


def _local_time(address: int) -> int:
    _put_time(address, datetime.now())
    return 0


def _file_time(address: int) -> int:
    put_word(there(address), ntdll.NtQuerySystemTime())
    return 0


def _to_system_time(source: int, to: int) -> int:
    units = ctypes.c_uint64.from_address(there(source)).value
    if units >= 2**63:
        last.code = _INVALID_PARAMETER
        return 0
    try:
        _put_time(to, _EPOCH + timedelta(microseconds=units // 10))
    except OverflowError:
        last.code = _INVALID_PARAMETER
        return 0
    return 1


def _to_file_time(source: int, to: int) -> int:
    given = _SystemTime.from_address(there(source))
    try:
        moment = datetime(
            given.year, given.month, given.day, given.hour, given.minute, given.second, given.milliseconds * 1000, UTC
        )
    except ValueError:
        last.code = _INVALID_PARAMETER
        return 0
    put_word(there(to), (moment - _EPOCH) // timedelta(microseconds=1) * 10)
    return 1


class _SystemInfo(ctypes.Structure):
    """SYSTEM_INFO."""

    _fields_ = [
        ("architecture", ctypes.c_uint32),
        ("page_size", ctypes.c_uint32),
        ("lowest", ctypes.c_uint64),
        ("highest", ctypes.c_uint64),
        ("mask", ctypes.c_uint64),
        ("processors", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("granularity", ctypes.c_uint32),
        ("level", ctypes.c_uint16),
        ("revision", ctypes.c_uint16),
    ]


def _system_info(address: int) -> int:
    made = _SystemInfo.from_address(there(address))
    *numbers, (made.level, made.revision) = system.GetSystemInfo()
    made.architecture, made.page_size, made.lowest, made.highest, made.mask = numbers[:5]
    made.processors, made.kind, made.granularity = numbers[5:]
    return 0


def _is_wow64(process: int, told: int) -> int:
    """IsWow64Process: every process has 64 bits, or is no process of Windows at all."""
    if handle(process) != _THIS_PROCESS:
        process_of(handle(process), "IsWow64Process")
    put_dword(there(told), 0)
    return 1


def _both(name: str, make: Callable[[bool], Export]) -> dict[str, Export]:
    return {f"{name}W": make(True), f"{name}A": make(False)}


EXPORTS: Final[Mapping[str, Export]] = {
    **_both("GetCommandLine", lambda wide: _returned(system.GetCommandLine, wide=wide)),
    **_both("GetEnvironmentVariable", _variable),
    **_both("SetEnvironmentVariable", _set_variable),
    **_both("GetModuleFileName", _module_path),
    **_both("GetCurrentDirectory", lambda wide: _folder(system.GetCurrentDirectory, wide=wide)),
    **_both("SetCurrentDirectory", _set_folder),
    **_both("GetTempPath", lambda wide: _folder(system.GetTempPath, wide=wide)),
    **_both("GetComputerName", lambda wide: _name(system.GetComputerName, wide=wide, counts_end=False)),
    "GetStartupInfoW": own(_startup, 1),
    "GetStartupInfoA": own(_startup, 1),
    "GetSystemInfo": own(_system_info, 1),
    "IsWow64Process": own(_is_wow64, 2),
    "GetVersion": own(system.GetVersion, 0),
    "GetSystemTime": own(_system_time, 1),
    "GetLocalTime": own(_local_time, 1),
    "GetSystemTimeAsFileTime": own(_file_time, 1),
    "FileTimeToSystemTime": own(_to_system_time, 2),
    "SystemTimeToFileTime": own(_to_file_time, 2),
}
USER_NAME: Final = {
    f"GetUserName{letter}": _name(system.GetUserName, wide=letter == "W", counts_end=True) for letter in "WA"
}
"""What of these advapi32 has."""

"""Jobs, lists of processes, the console's events, and completion packets by the dozen."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Mapping
from typing import Any, Final

from ntipc.ntdll import handles as table
from ntipc.overlapped.files import FileObject
from ntipc.win32 import win32api, win32job, win32process
from ntipc.win32.binding.completion import GetQueuedCompletionStatus
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import (
    Export,
    attributes,
    data_at,
    dword_at,
    handle,
    memory_at,
    number,
    put_dword,
    put_text,
    put_word,
    text,
    there,
    unsigned,
)

_BASIC, _EXTENDED, _ACCOUNTING = 2, 9, 1
_LIMITS: Final = struct.Struct("<qqIxxxxQQIxxxxQII")
_EXTENDED_SIZE: Final = _LIMITS.size + 48 + 32
_ACCOUNTS: Final = struct.Struct("<qqqqIIII")
_SNAPSHOT_PROCESS: Final = 2
_NO_MORE_FILES: Final = 18
_BAD_LENGTH: Final = 24
_INVALID_PARAMETER: Final = 87
_ENTRY: Final = struct.Struct("<IIIxxxxQIIIiI")
"""PROCESSENTRY32 up to the path."""
_PATH_ROOM: Final = 260


def _create_job(wide: bool) -> Export:
    def create(security: int, name: int) -> int:
        given = text(name) if wide else None
        return number(win32job.CreateJobObject(attributes(security), given))

    return own(create, 2)


def _in_job(process: int, job: int, told: int) -> int:
    found = win32job.IsProcessInJob(handle(process), handle(job) if job else None)
    put_dword(there(told), int(found))
    return 1


def _set_job(job: int, kind: int, buffer: int, size: int) -> int:
    number_ = unsigned(kind)
    needed = {_BASIC: _LIMITS.size, _EXTENDED: _EXTENDED_SIZE}.get(number_)
    if needed is None or unsigned(size) != needed:
        last.code = _INVALID_PARAMETER if needed is None else _BAD_LENGTH
        return 0
    known: dict[str, Any] = win32job.QueryInformationJobObject(handle(job), _EXTENDED)
    basic = known["BasicLimitInformation"]
    order = (
        "PerProcessUserTimeLimit", "PerJobUserTimeLimit", "LimitFlags", "MinimumWorkingSetSize",
        "MaximumWorkingSetSize", "ActiveProcessLimit", "Affinity", "PriorityClass", "SchedulingClass",
    )  # fmt: skip
    basic.update(zip(order, _LIMITS.unpack(data_at(buffer, _LIMITS.size)), strict=True))
    win32job.SetInformationJobObject(handle(job), _EXTENDED, known)
    return 1


def _query_job(job: int, kind: int, buffer: int, size: int, told: int) -> int:
    number_ = unsigned(kind)
    needed = {_BASIC: _LIMITS.size, _EXTENDED: _EXTENDED_SIZE, _ACCOUNTING: _ACCOUNTS.size}.get(number_)
    if needed is None or unsigned(size) < needed:
        last.code = _INVALID_PARAMETER if needed is None else _BAD_LENGTH
        return 0
    known: dict[str, Any] = win32job.QueryInformationJobObject(handle(job), number_)
    memory = memory_at(buffer, needed)
    memory[:] = bytes(needed)
    if number_ == _ACCOUNTING:
        _ACCOUNTS.pack_into(memory, 0, *known.values())
    else:
        basic = known["BasicLimitInformation"] if number_ == _EXTENDED else known
        _LIMITS.pack_into(memory, 0, *basic.values())
    put_dword(told, needed)
    return 1


class _Snapshot:
    """What a handle of CreateToolhelp32Snapshot leads to: the processes there were, and which one comes next."""

    _kind = "snapshot"
    nt_type = "Section"
    inheritable = False

    def __init__(self) -> None:
        self.closed = False
        self.found = [entry for pid in win32process.EnumProcesses() if (entry := _process(pid)) is not None]
        self.next = 0

    def close(self) -> None:
        """Close it."""
        self.closed = True


def _process(pid: int) -> tuple[int, int, int, str] | None:
    """Return the id of a process, how many threads it has, its parent and its name; ``None`` if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            head, _, rest = file.read().rpartition(b") ")
    except OSError:
        return None
    fields = rest.split()
    try:
        name = os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
    except OSError:
        name = os.fsdecode(head.partition(b"(")[2])
    return pid, int(fields[17]), int(fields[1]), name


def _snapshot(flags: int, pid: int) -> int:
    if not unsigned(flags) & _SNAPSHOT_PROCESS:
        raise failure(_INVALID_PARAMETER, "CreateToolhelp32Snapshot")  # of modules and heaps nothing is known
    return table.insert(_Snapshot())


def _tell_process(snapshot: int, address: int, *, first: bool, wide: bool) -> int:
    room = _ENTRY.size + _PATH_ROOM * (2 if wide else 1)
    taken = table.find_of(handle(snapshot), _Snapshot)
    if dword_at(address) < room:
        last.code = _BAD_LENGTH
        return 0
    if first:
        taken.next = 0
    if taken.next >= len(taken.found):
        last.code = _NO_MORE_FILES
        return 0
    pid, threads, parent, name = taken.found[taken.next]
    taken.next += 1
    _ENTRY.pack_into(memory_at(address, _ENTRY.size), 0, dword_at(address), 0, pid, 0, 0, threads, parent, 8, 0)
    put_text(address + _ENTRY.size, _PATH_ROOM, name, wide=wide)
    return 1


def _tell(*, first: bool, wide: bool) -> Export:
    return own(lambda snapshot, address: _tell_process(snapshot, address, first=first, wide=wide), 2)


def _image_name(wide: bool) -> Export:
    def get(process: int, flags: int, buffer: int, size: int) -> int:
        found = win32process.GetModuleFileNameEx(handle(process), 0)
        if dword_at(size) <= len(found):
            last.code = 122
            return 0
        put_text(there(buffer), dword_at(size), found, wide=wide)
        put_dword(size, len(found))
        return 1

    return own(get, 4)


class _Packet(ctypes.Structure):
    """OVERLAPPED_ENTRY."""

    _fields_ = [
        ("key", ctypes.c_uint64),
        ("overlapped", ctypes.c_uint64),
        ("internal", ctypes.c_uint64),
        ("size", ctypes.c_uint32),
    ]


def _take_packets(port: int, entries: int, count: int, taken: int, milliseconds: int, alertable: int) -> int:
    wanted, found = unsigned(count), 0
    if not wanted:
        last.code = _INVALID_PARAMETER
        return 0
    array = (_Packet * wanted).from_address(there(entries))
    for packet in array:
        code, size, key, state = GetQueuedCompletionStatus(handle(port), unsigned(milliseconds) if not found else 0)
        if state is None and code and not size and not key:
            break  # the time is over, or the port is closed; a packet of an operation that failed has its overlapped
        packet.key, packet.size = key & 2**64 - 1, size
        packet.overlapped = getattr(state, "address", 0)
        packet.internal = getattr(state, "Internal", 0)
        found += 1
    put_dword(taken, found)
    if found:
        last.code = 0
    return int(found > 0)


def _notification_modes(file: int, flags: int) -> int:
    """SetFileCompletionNotificationModes: FILE_SKIP_SET_EVENT_ON_HANDLE alone, as packets are not left out here."""
    thing: Any = table.find(handle(file))
    if not isinstance(thing, FileObject) or flags & 0xFF & ~2:
        raise failure(_INVALID_PARAMETER if isinstance(thing, FileObject) else 6, "SetFileCompletionNotificationModes")
    return 1


def _event(event: int, group: int) -> int:
    win32api.GenerateConsoleCtrlEvent(unsigned(event), unsigned(group))
    return 1


def _process_times(process: int, created: int, ended: int, kernel: int, user: int) -> int:
    known = win32process.GetProcessTimes(handle(process))
    for address, name in ((kernel, "KernelTime"), (user, "UserTime")):
        put_word(address, known[name])
    for address, name in ((created, "CreationTime"), (ended, "ExitTime")):
        moment = known[name].timestamp()
        put_word(address, round((moment + 11_644_473_600) * 10_000_000) if moment > 0 else 0)
    return 1


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_table("""
        AssignProcessToJobObject hh bool win32job.AssignProcessToJobObject
        TerminateJobObject       hd bool win32job.TerminateJobObject
        """)
    ),
    "CreateJobObjectW": _create_job(True),
    "CreateJobObjectA": _create_job(False),
    "IsProcessInJob": own(_in_job, 3),
    "SetInformationJobObject": own(_set_job, 4),
    "QueryInformationJobObject": own(_query_job, 5),
    "CreateToolhelp32Snapshot": own(_snapshot, 2, -1),
    "Process32FirstW": _tell(first=True, wide=True),
    "Process32NextW": _tell(first=False, wide=True),
    "Process32First": _tell(first=True, wide=False),
    "Process32Next": _tell(first=False, wide=False),
    "QueryFullProcessImageNameW": _image_name(True),
    "QueryFullProcessImageNameA": _image_name(False),
    "GetProcessTimes": own(_process_times, 5),
    "GetQueuedCompletionStatusEx": own(_take_packets, 6),
    "SetFileCompletionNotificationModes": own(_notification_modes, 2),
    "GenerateConsoleCtrlEvent": own(_event, 2),
}

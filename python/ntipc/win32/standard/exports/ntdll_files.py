"""The Native API's files: operations with an IO_STATUS_BLOCK, questions, and control codes of pipes."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc import ntdll
from ntipc.errors import Status, from_status
from ntipc.mailslots import Mailslot, MailslotClient
from ntipc.ntdll import file_information
from ntipc.ntdll import handles as table
from ntipc.ntdll.statuses import STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_INFO_CLASS
from ntipc.overlapped.files import PipeFile
from ntipc.win32.standard.exports.ntdll_words import MemoryIoStatusBlock, from_lines, large_at, native
from ntipc.win32.standard.exports.words import Export, data_at, handle, memory_at, there, unsigned

_Routine: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint32)
_INFORMATION: Final = {
    file_information.FileStandardInformation: struct.Struct("<qqI??xx"),
    file_information.FileAccessInformation: struct.Struct("<I"),
    file_information.FilePipeInformation: struct.Struct("<II"),
    file_information.FilePipeLocalInformation: struct.Struct("<10I"),
    file_information.FileMailslotQueryInformation: struct.Struct("<IIIIq"),
}
_PIPE_MODES: Final = struct.Struct("<II")
_TIME: Final = struct.Struct("<q")


def _routine(address: int) -> Callable[[int, MemoryIoStatusBlock], None] | None:
    """Return what calls a PIO_APC_ROUTINE; ``None`` for NULL."""
    if not address:
        return None
    function = _Routine(address)
    return lambda context, block: function(context, block.address, 0)


def _read(
    file: int, event: int, routine: int, context: int, block: int, buffer: int, size: int, offset: int, key: int
) -> int:
    memory = memory_at(buffer, unsigned(size))
    told = MemoryIoStatusBlock(block)
    return ntdll.NtReadFile(handle(file), handle(event), _routine(routine), context, told, memory, large_at(offset))


def _write(
    file: int, event: int, routine: int, context: int, block: int, buffer: int, size: int, offset: int, key: int
) -> int:
    data = data_at(buffer, unsigned(size))
    told = MemoryIoStatusBlock(block)
    return ntdll.NtWriteFile(handle(file), handle(event), _routine(routine), context, told, data, large_at(offset))


def _control(
    file: int,
    event: int,
    routine: int,
    context: int,
    block: int,
    code: int,
    given: int,
    given_size: int,
    buffer: int,
    size: int,
) -> int:
    data = data_at(given, unsigned(given_size)) if given else b""
    memory = memory_at(buffer, unsigned(size)) if buffer else None
    told = MemoryIoStatusBlock(block)
    return ntdll.NtFsControlFile(
        handle(file), handle(event), _routine(routine), context, told, unsigned(code), data, memory
    )


def _query_name(file: int, block: int, buffer: int, size: int) -> int:
    """FileNameInformation: the length of the name in bytes, and as much of it as there is room for."""
    room = unsigned(size)
    if room < _NAME_HEAD:
        return STATUS_INFO_LENGTH_MISMATCH
    status, name = ntdll.NtQueryInformationFile(handle(file), file_information.FileNameInformation)
    if not isinstance(name, file_information.FileName):
        return status
    units = name.FileName.encode("utf-16-le", "surrogatepass")
    answer = (len(units).to_bytes(4, "little") + units)[:room]
    memory_at(buffer, len(answer))[:] = answer
    told = MemoryIoStatusBlock(block)
    whole = len(answer) == 4 + len(units)
    told.Status = ntdll.STATUS_SUCCESS if whole else ntdll.STATUS_BUFFER_OVERFLOW
    told.Information = len(answer)
    return int(told.Status)


_NAME_HEAD: Final = 8
"""Bytes of the structure with one character, and what the next ULONG begins at."""


def _query(file: int, block: int, buffer: int, size: int, kind: int) -> int:
    if unsigned(kind) == file_information.FileNameInformation:
        return _query_name(file, block, buffer, size)
    layout = _INFORMATION.get(unsigned(kind))
    if layout is None:
        return STATUS_INVALID_INFO_CLASS
    if unsigned(size) < layout.size:
        return STATUS_INFO_LENGTH_MISMATCH
    status, information = ntdll.NtQueryInformationFile(handle(file), unsigned(kind))
    if information is not None:
        layout.pack_into(memory_at(buffer, layout.size), 0, *information)
        told = MemoryIoStatusBlock(block)
        told.Status, told.Information = status, layout.size
    return status


_DEVICE: Final = struct.Struct("<II")
_FILE_FS_DEVICE_INFORMATION: Final = 4
_DEVICES: Final[tuple[tuple[type[Any], int], ...]] = ((PipeFile, 0x11), (Mailslot, 0x0C), (MailslotClient, 0x0C))
_DISK: Final = 7


def _query_volume(file: int, block: int, buffer: int, size: int, kind: int) -> int:
    """NtQueryVolumeInformationFile: what kind of device a file is on."""
    if unsigned(kind) != _FILE_FS_DEVICE_INFORMATION:
        return STATUS_INVALID_INFO_CLASS
    if unsigned(size) < _DEVICE.size:
        return STATUS_INFO_LENGTH_MISMATCH
    thing: Any = table.find(handle(file))
    number = next((number for type_, number in _DEVICES if isinstance(thing, type_)), _DISK)
    _DEVICE.pack_into(memory_at(buffer, _DEVICE.size), 0, number, 0)
    told = MemoryIoStatusBlock(block)
    told.Status, told.Information = ntdll.STATUS_SUCCESS, _DEVICE.size
    return ntdll.STATUS_SUCCESS


def _set(file: int, block: int, buffer: int, size: int, kind: int) -> int:
    number = unsigned(kind)
    layout = _PIPE_MODES if number == file_information.FilePipeInformation else _TIME
    if number not in (file_information.FilePipeInformation, file_information.FileMailslotSetInformation):
        return STATUS_INVALID_INFO_CLASS
    if unsigned(size) < layout.size:
        return STATUS_INFO_LENGTH_MISMATCH
    given = layout.unpack(data_at(buffer, layout.size))
    status = ntdll.NtSetInformationFile(handle(file), number, given if len(given) == 2 else given[0])
    if status:
        told = MemoryIoStatusBlock(block)
        told.Status, told.Information = status, 0
    return status


def _cancel_one(file: int, wanted: int, block: int) -> int:
    """NtCancelIoFileEx: the operation of one IO_STATUS_BLOCK, or all of a file, whichever thread has begun them."""
    thing: Any = table.find(handle(file))
    told = MemoryIoStatusBlock(block)
    found: list[Any] = []

    def chosen(operation: Any) -> bool:
        ending = operation.when_done.args[0] if hasattr(operation.when_done, "args") else None
        take = not wanted or getattr(getattr(ending, "block", None), "address", 0) == wanted
        if take and not operation.is_done:
            found.append(operation)
        return take

    if not isinstance(thing, PipeFile):
        raise from_status(Status.OBJECT_TYPE_MISMATCH, "NtCancelIoFileEx")
    thing.cancel(chosen)
    status = ntdll.STATUS_SUCCESS if found else _STATUS_NOT_FOUND
    told.Status, told.Information = status, 0
    return status


_STATUS_NOT_FOUND: Final = 0xC000_0225


class _Request:
    """Means the call that was given the IO_STATUS_BLOCK at an address."""

    def __init__(self, address: int) -> None:
        self._address = address

    def __eq__(self, other: object) -> bool:
        return getattr(other, "address", None) == self._address

    def __hash__(self) -> int:
        return hash(self._address)


def _cancel_synchronous(thread: int, wanted: int, block: int) -> int:
    told: Any = MemoryIoStatusBlock(block)
    request: Any = _Request(wanted) if wanted else None
    return ntdll.NtCancelSynchronousIoFile(handle(thread), request, told)


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_lines("""
        NtCreateNamedPipeFile HdoIdddddddddt
        NtCreateMailslotFile  HdoIdddt
        NtCreateFile          HdoItddddxx
        NtOpenFile            HdoIdd
        """)
    ),
    "NtReadFile": native(_read, 9),
    "NtWriteFile": native(_write, 9),
    "NtFsControlFile": native(_control, 10),
    "NtFlushBuffersFile": native(
        lambda file, block: ntdll.NtFlushBuffersFile(handle(file), MemoryIoStatusBlock(there(block))), 2
    ),
    "NtCancelIoFile": native(lambda file, block: ntdll.NtCancelIoFile(handle(file), MemoryIoStatusBlock(block)), 2),
    "NtCancelSynchronousIoFile": native(_cancel_synchronous, 3),
    "NtCancelIoFileEx": native(_cancel_one, 3),
    "NtQueryInformationFile": native(_query, 5),
    "NtSetInformationFile": native(_set, 5),
    "NtQueryVolumeInformationFile": native(_query_volume, 5),
}

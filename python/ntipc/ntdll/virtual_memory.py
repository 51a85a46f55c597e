r"""Memory of processes by address: NtAllocateVirtualMemory, NtReadVirtualMemory, NtQueryVirtualMemory and others.

Another process is read and written as Linux allows; it allocates, protects and frees memory if it has called
``ntipc.allow_remote(memory=True)``.

>>> status, address, size = NtAllocateVirtualMemory(-1, None, 0, 100, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE)
>>> NtWriteVirtualMemory(-1, address, b"hello")
Transferred(status=STATUS_SUCCESS, size=5)
>>> buffer = bytearray(5)
>>> NtReadVirtualMemory(-1, address, buffer), bytes(buffer)
(Transferred(status=STATUS_SUCCESS, size=5), b'hello')
>>> NtFreeVirtualMemory(-1, address, 0, MEM_RELEASE)
STATUS_SUCCESS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ntipc import Access, Process
from ntipc.ntdll import memory
from ntipc.ntdll.images import PAGE
from ntipc.ntdll.querying import check_class
from ntipc.ntdll.results import Information, fail, returns, returns_information, returns_status
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_ACCESS_DENIED,
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_INVALID_PAGE_PROTECTION,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PARAMETER_3,
    STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PARAMETER_5,
    STATUS_NOT_MAPPED_VIEW,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    STATUS_UNABLE_TO_DELETE_SECTION,
)
from ntipc.other_memory.blocks import Blocks

if TYPE_CHECKING:
    from typing_extensions import Buffer

PAGE_NOACCESS: Final = 0x01
PAGE_READONLY: Final = 0x02
PAGE_READWRITE: Final = 0x04
PAGE_WRITECOPY: Final = 0x08
PAGE_EXECUTE: Final = 0x10
PAGE_EXECUTE_READ: Final = 0x20
PAGE_EXECUTE_READWRITE: Final = 0x40
PAGE_EXECUTE_WRITECOPY: Final = 0x80
MEM_COMMIT: Final = 0x1000
MEM_RESERVE: Final = 0x2000
MEM_DECOMMIT: Final = 0x4000
MEM_RELEASE: Final = 0x8000
MEM_FREE: Final = 0x1_0000
MEM_PRIVATE: Final = 0x2_0000
MEM_MAPPED: Final = 0x4_0000
MEM_TOP_DOWN: Final = 0x10_0000
MEM_IMAGE: Final = 0x100_0000
MemoryBasicInformationClass: Final = 0

_LARGEST: Final = 2**63 - 1
_ACCESSES: Final = {PAGE_NOACCESS: "", PAGE_READONLY: "r", PAGE_READWRITE: "rw"}
_EXECUTES: Final = (PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE)
_PROTECTIONS_OF_LINUX: Final = {
    "r--": PAGE_READONLY,
    "rw-": PAGE_READWRITE,
    "r-x": PAGE_EXECUTE_READ,
    "rwx": PAGE_EXECUTE_READWRITE,
}


class MemoryBasicInformation(NamedTuple):
    """MEMORY_BASIC_INFORMATION."""

    BaseAddress: int
    AllocationBase: int
    RegionSize: int
    State: int
    Protect: int
    Type: int


class Allocated(NamedTuple):
    """Of NtAllocateVirtualMemory: where the memory begins, and its size in whole pages."""

    status: NTSTATUS
    address: int
    size: int

    def __bool__(self) -> bool:
        return bool(self.status)


class Protected(NamedTuple):
    """Of NtProtectVirtualMemory: the protection before; ``None`` if nothing was changed."""

    status: NTSTATUS
    previous: int | None

    def __bool__(self) -> bool:
        return bool(self.status)


class Transferred(NamedTuple):
    """Of NtReadVirtualMemory and NtWriteVirtualMemory: how many bytes."""

    status: NTSTATUS
    size: int

    def __bool__(self) -> bool:
        return bool(self.status)


@returns(lambda status: Allocated(status, 0, 0))
def NtAllocateVirtualMemory(
    ProcessHandle: int,
    BaseAddress: int | None,
    ZeroBits: int,
    RegionSize: int,
    AllocationType: int,
    Protect: int,
) -> Allocated:
    """Allocate memory, which is zero; or commit a part of what was reserved.

    Args:
        ProcessHandle: -1; or a participant that has called ``ntipc.allow_remote(memory=True)``.
        BaseAddress: ``None`` or 0: it goes where there is room. With ``MEM_COMMIT`` alone: where to commit.
        ZeroBits: 0.
        RegionSize: Bytes; whole pages are allocated.
        AllocationType: ``MEM_COMMIT``, ``MEM_RESERVE``, or both.
        Protect: ``PAGE_READWRITE``, ``PAGE_READONLY`` or ``PAGE_NOACCESS``.

    Differs:
        Memory cannot be had at an address of one's choice, nor be executed. What is only reserved is what
        ``PAGE_NOACCESS`` is: it can be protected otherwise, too.
    """
    access = _access(Protect)
    kinds = AllocationType & ~MEM_TOP_DOWN
    if not kinds or kinds & ~(MEM_COMMIT | MEM_RESERVE):
        raise fail(STATUS_INVALID_PARAMETER_5)
    if not 0 < RegionSize <= _LARGEST:
        raise fail(STATUS_INVALID_PARAMETER_4)
    if not 0 <= ZeroBits <= 21:
        raise fail(STATUS_INVALID_PARAMETER_3)
    owner = _owner(ProcessHandle)
    size = -(-RegionSize // PAGE) * PAGE
    if not BaseAddress:
        return Allocated(STATUS_SUCCESS, owner.allocate(size, access=access if kinds & MEM_COMMIT else ""), size)
    if kinds & MEM_RESERVE:
        raise fail(STATUS_CONFLICTING_ADDRESSES)
    first = BaseAddress // PAGE * PAGE
    size = -(-(BaseAddress + RegionSize) // PAGE) * PAGE - first
    owner.protect(first, size, access)
    return Allocated(STATUS_SUCCESS, first, size)


@returns_status
def NtFreeVirtualMemory(ProcessHandle: int, BaseAddress: int, RegionSize: int, FreeType: int) -> NTSTATUS:
    """Free memory that was allocated; views are unmapped instead.

    Args:
        ProcessHandle: Whose memory.
        BaseAddress: What NtAllocateVirtualMemory has told.
        RegionSize: 0: all of it.
        FreeType: ``MEM_RELEASE``.

    Differs:
        ``MEM_DECOMMIT`` is not supported.
    """
    if FreeType == MEM_DECOMMIT:
        raise fail(STATUS_NOT_SUPPORTED)
    if FreeType != MEM_RELEASE:
        raise fail(STATUS_INVALID_PARAMETER_4)
    owner = _owner(ProcessHandle)
    if owner is memory.blocks and memory.view_at(BaseAddress) is not None:
        raise fail(STATUS_UNABLE_TO_DELETE_SECTION)
    if RegionSize:
        raise fail(STATUS_INVALID_PARAMETER_3)
    owner.free(BaseAddress)
    return STATUS_SUCCESS


@returns(lambda status: Protected(status, None))
def NtProtectVirtualMemory(ProcessHandle: int, BaseAddress: int, RegionSize: int, NewProtect: int) -> Protected:
    """Change the protection of all pages of allocated memory that a range touches."""
    access, owner = _access(NewProtect), _owner(ProcessHandle)
    region = memory.region_at(BaseAddress, owner if isinstance(owner, Process) else None)
    owner.protect(BaseAddress, RegionSize, access)
    marks = "" if region is None else region.marks[:3]
    return Protected(STATUS_SUCCESS, _PROTECTIONS_OF_LINUX.get(marks, PAGE_NOACCESS))


@returns(lambda status: Transferred(status, 0))
def NtReadVirtualMemory(
    ProcessHandle: int, BaseAddress: int, Buffer: Buffer, BufferSize: int | None = None
) -> Transferred:
    """Read memory of a process into a buffer: as many bytes as it has, or as ``BufferSize`` says. All, or nothing."""
    target = memoryview(Buffer).cast("B")[:BufferSize]
    with _opened(ProcessHandle) as process:
        process.read_memory_into(BaseAddress, target)
    return Transferred(STATUS_SUCCESS, len(target))


@returns(lambda status: Transferred(status, 0))
def NtWriteVirtualMemory(
    ProcessHandle: int, BaseAddress: int, Buffer: Buffer, BufferSize: int | None = None
) -> Transferred:
    """Write a buffer, or so many bytes of it, to memory of a process. All, or nothing."""
    data = memoryview(Buffer).cast("B")[:BufferSize]
    with _opened(ProcessHandle) as process:
        process.write_memory(BaseAddress, data)
    return Transferred(STATUS_SUCCESS, len(data))


@returns_status
def NtFlushVirtualMemory(ProcessHandle: int, BaseAddress: int, RegionSize: int = 0) -> NTSTATUS:
    """Write what was changed in a view of a file to the disk: so many bytes from an address, 0 for all from there.

    Differs:
        Only in this process: what another one has changed in a view of the same file is flushed by it.
    """
    if memory.process(ProcessHandle) is not None:
        raise fail(STATUS_NOT_SUPPORTED)
    found = memory.view_at(BaseAddress)
    if found is None:
        raise fail(STATUS_NOT_MAPPED_VIEW)
    offset = BaseAddress - found.view.address
    if RegionSize < 0 or offset + RegionSize > found.size:
        raise fail(STATUS_INVALID_PARAMETER)
    if not found.is_image and offset < len(found.view):
        found.view.flush(offset, min(RegionSize, len(found.view) - offset) or None)
    return STATUS_SUCCESS


@returns_information
def NtQueryVirtualMemory(
    ProcessHandle: int, BaseAddress: int, MemoryInformationClass: int = 0
) -> Information[MemoryBasicInformation]:
    """Tell what lies at an address: where it begins and ends, and its protection.

    Differs:
        Of another process it begins where the mapping does that Linux tells of.
    """
    other = memory.process(ProcessHandle)
    check_class(MemoryInformationClass, 48, 48)
    if other is not None and not other.access & Access.PROCESS_QUERY_INFORMATION:
        raise fail(STATUS_ACCESS_DENIED)
    region = memory.region_at(BaseAddress, other)
    page = BaseAddress // PAGE * PAGE
    if region is None:
        return Information(STATUS_SUCCESS, MemoryBasicInformation(page, 0, PAGE, MEM_FREE, PAGE_NOACCESS, 0))
    found = memory.view_at(BaseAddress) if other is None else None
    marks = region.marks
    kind = MEM_MAPPED if marks.endswith("s") else MEM_PRIVATE
    if found is not None:
        kind = MEM_IMAGE if found.is_image else MEM_MAPPED
    protect = _PROTECTIONS_OF_LINUX.get(marks[:3], PAGE_NOACCESS)
    if marks.startswith("rw-"):
        protect = PAGE_WRITECOPY if marks[3] == "p" and found is not None else PAGE_READWRITE
    base = region.start if found is None else found.view.address
    told = MemoryBasicInformation(page, base, region.start + region.size - page, MEM_COMMIT, protect, kind)
    return Information(STATUS_SUCCESS, told)


def _access(protection: int) -> str:
    if protection in _EXECUTES:
        raise fail(STATUS_NOT_SUPPORTED)
    if protection not in _ACCESSES:
        raise fail(STATUS_INVALID_PAGE_PROTECTION)
    return _ACCESSES[protection]


def _owner(handle: int) -> Blocks | Process:
    """Return the allocator: this process's own blocks, or another process."""
    other = memory.process(handle)
    return memory.blocks if other is None else other


def _opened(handle: int) -> Process:
    """Return an object of a process that is to be closed."""
    other = memory.process(handle)
    return Process.current() if other is None else other.duplicate()

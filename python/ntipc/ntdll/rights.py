"""Rights that a call asks for, and what the generic ones mean for each type."""

from __future__ import annotations

from typing import Final

from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import STATUS_ACCESS_DENIED

DELETE: Final = 0x1_0000
READ_CONTROL: Final = 0x2_0000
WRITE_DAC: Final = 0x4_0000
WRITE_OWNER: Final = 0x8_0000
SYNCHRONIZE: Final = 0x10_0000
STANDARD_RIGHTS_REQUIRED: Final = 0xF_0000
MAXIMUM_ALLOWED: Final = 0x200_0000
GENERIC_ALL: Final = 0x1000_0000
GENERIC_EXECUTE: Final = 0x2000_0000
GENERIC_WRITE: Final = 0x4000_0000
GENERIC_READ: Final = 0x8000_0000

EVENT_QUERY_STATE: Final = 0x1
EVENT_MODIFY_STATE: Final = 0x2
EVENT_ALL_ACCESS: Final = 0x1F_0003
SEMAPHORE_QUERY_STATE: Final = 0x1
SEMAPHORE_MODIFY_STATE: Final = 0x2
SEMAPHORE_ALL_ACCESS: Final = 0x1F_0003
MUTANT_QUERY_STATE: Final = 0x1
MUTANT_ALL_ACCESS: Final = 0x1F_0001
TIMER_QUERY_STATE: Final = 0x1
TIMER_MODIFY_STATE: Final = 0x2
TIMER_ALL_ACCESS: Final = 0x1F_0003
EVENT_PAIR_ALL_ACCESS: Final = 0x1F_0000
SECTION_QUERY: Final = 0x1
SECTION_MAP_WRITE: Final = 0x2
SECTION_MAP_READ: Final = 0x4
SECTION_MAP_EXECUTE: Final = 0x8
SECTION_EXTEND_SIZE: Final = 0x10
SECTION_ALL_ACCESS: Final = 0xF_001F
DIRECTORY_QUERY: Final = 0x1
DIRECTORY_TRAVERSE: Final = 0x2
DIRECTORY_CREATE_OBJECT: Final = 0x4
DIRECTORY_CREATE_SUBDIRECTORY: Final = 0x8
DIRECTORY_ALL_ACCESS: Final = 0xF_000F
SYMBOLIC_LINK_QUERY: Final = 0x1
SYMBOLIC_LINK_ALL_ACCESS: Final = 0xF_0001

_READ: Final = {"Section": READ_CONTROL | SECTION_QUERY | SECTION_MAP_READ, "EventPair": READ_CONTROL}
_WRITE: Final = {"Section": READ_CONTROL | SECTION_MAP_WRITE, "Mutex": READ_CONTROL, "EventPair": READ_CONTROL}
_EXECUTE: Final = {"Section": READ_CONTROL | SECTION_MAP_EXECUTE}


def mapped(desired: int, kind: str) -> int:
    """Return what the kernel takes for a DesiredAccess: 0 for all rights of the type, else the rights.

    Args:
        desired: The caller's mask, of which the generic rights are replaced.
        kind: Name of the native type.

    Raises:
        NtError: No right is left to ask for; the status is ACCESS_DENIED.
    """
    desired &= 0xFFFF_FFFF
    if desired & (MAXIMUM_ALLOWED | GENERIC_ALL):
        return 0
    rights = desired & 0x0FFF_FFFF
    if desired & GENERIC_READ:
        rights |= _READ.get(kind, READ_CONTROL | EVENT_QUERY_STATE)
    if desired & GENERIC_WRITE:
        rights |= _WRITE.get(kind, READ_CONTROL | EVENT_MODIFY_STATE)
    if desired & GENERIC_EXECUTE:
        rights |= _EXECUTE.get(kind, READ_CONTROL | SYNCHRONIZE)
    if not rights:
        raise fail(STATUS_ACCESS_DENIED)
    return rights

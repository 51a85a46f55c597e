"""Access rights: what a handle may be used for.

Each handle carries its own rights, fixed when it is opened or duplicated and checked by every call. Two handles to
one object may differ: a program can keep the right to set an event and hand out one that can only be waited for.

    >>> import ntipc
    >>> event = ntipc.Event()
    >>> only_wait = event.duplicate(access=ntipc.Access.SYNCHRONIZE)
    >>> only_wait.wait(0)
    False
    >>> only_wait.set()
    Traceback (most recent call last):
    ntipc.errors.AccessDenied: ...
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag

from ntipc.errors import Status, describe, from_status


class Access(IntFlag):
    """Rights of a handle, with NT's numbers.

    The rights of the different types share numbers, as on NT: ``EVENT_MODIFY_STATE`` is another name of
    ``MODIFY_STATE``.

    Source:
        Synchronization Object Security and Access Rights; File-Mapping Security and Access Rights; Process, and Thread
        Security and Access Rights (Win32).
    """

    QUERY_STATE = 0x1
    MODIFY_STATE = 0x2
    SECTION_MAP_READ = 0x4
    DELETE = 0x1_0000
    READ_CONTROL = 0x2_0000
    WRITE_DAC = 0x4_0000
    WRITE_OWNER = 0x8_0000
    SYNCHRONIZE = 0x10_0000

    EVENT_QUERY_STATE = QUERY_STATE
    EVENT_MODIFY_STATE = MODIFY_STATE
    EVENT_ALL_ACCESS = 0x1F_0003
    SEMAPHORE_QUERY_STATE = QUERY_STATE
    SEMAPHORE_MODIFY_STATE = MODIFY_STATE
    SEMAPHORE_ALL_ACCESS = 0x1F_0003
    MUTANT_QUERY_STATE = QUERY_STATE
    MUTANT_ALL_ACCESS = 0x1F_0001
    TIMER_QUERY_STATE = QUERY_STATE
    TIMER_MODIFY_STATE = MODIFY_STATE
    TIMER_ALL_ACCESS = 0x1F_0003
    EVENT_PAIR_ALL_ACCESS = 0x1F_0000
    SECTION_QUERY = QUERY_STATE
    SECTION_MAP_WRITE = MODIFY_STATE
    SECTION_ALL_ACCESS = 0xF_001F
    PROCESS_TERMINATE = 0x1
    PROCESS_CREATE_THREAD = 0x2
    PROCESS_VM_OPERATION = 0x8
    PROCESS_VM_READ = 0x10
    PROCESS_VM_WRITE = 0x20
    PROCESS_DUP_HANDLE = 0x40
    PROCESS_CREATE_PROCESS = 0x80
    PROCESS_QUERY_INFORMATION = 0x400
    PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
    PROCESS_ALL_ACCESS = 0x1F_1FFF
    THREAD_TERMINATE = 0x1
    THREAD_QUERY_INFORMATION = 0x40
    THREAD_ALL_ACCESS = 0x1F_03FF


SECTION_ACCESS = {
    "r": Access.SECTION_QUERY | Access.SECTION_MAP_READ,
    "rw": Access.SECTION_QUERY | Access.SECTION_MAP_READ | Access.SECTION_MAP_WRITE,
    "copy": Access.SECTION_QUERY | Access.SECTION_MAP_READ,
}
"""The rights that a section's handle gets for each spelling of ``access``."""

NO_SPELLINGS: Mapping[str, Access] = {}


def rights(
    access: int | str | None, call: str, kind: str, name: str | None, spellings: Mapping[str, Access] = NO_SPELLINGS
) -> int:
    """Turn an ``access`` argument into the number that the kernel takes, where 0 means all rights of the type.

    Args:
        access: Rights, ``None`` for all of them, or one of ``spellings``.
        call: The call, for the message of an error.
        kind: What the object is, for the message of an error.
        name: Its name, for the message of an error.
        spellings: Texts that stand for rights: :data:`SECTION_ACCESS` for a section.

    Raises:
        AccessDenied: ``access`` is 0: a handle without any right is refused.
        InvalidParameter: ``access`` has bits that no right has, or is another text.
        TypeError: ``access`` is neither a number nor a text.

    Source:
        OpenMutex with access 0 fails with ERROR_ACCESS_DENIED (Win32).
    """
    if access is None:
        return 0
    if isinstance(access, str):
        if access in spellings:
            return spellings[access]
        known = " or ".join(["an ntipc.Access", *map(repr, spellings)])
        raise from_status(
            Status.INVALID_PARAMETER, call, describe(kind, name), f"the access must be {known}, not {access!r}"
        )
    if isinstance(access, bool) or not isinstance(access, int):
        raise TypeError(f"access must be an ntipc.Access or None, not {type(access).__name__}")
    if access == 0:
        raise from_status(Status.ACCESS_DENIED, call, describe(kind, name), advice="Ask for a right; 0 asks for none")
    if not 0 < access <= 0xFFFF_FFFF:
        raise from_status(
            Status.INVALID_PARAMETER, call, describe(kind, name), f"the access must be of 32 bits, not {access:#x}"
        )
    return int(access)

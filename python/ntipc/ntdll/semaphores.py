"""Semaphores: NtCreateSemaphore, NtOpenSemaphore, NtReleaseSemaphore, NtQuerySemaphore.

>>> status, handle = NtCreateSemaphore(SEMAPHORE_ALL_ACCESS, None, 1, 3)
>>> NtReleaseSemaphore(handle, 2), NtReleaseSemaphore(handle, 1)
(PreviousState(status=STATUS_SUCCESS, previous=1), PreviousState(status=STATUS_SEMAPHORE_LIMIT_EXCEEDED, previous=None))
"""

from __future__ import annotations

from typing import NamedTuple

from ntipc import Semaphore
from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find_of
from ntipc.ntdll.making import create, open_existing
from ntipc.ntdll.querying import check_class
from ntipc.ntdll.results import (
    HandleResult,
    Information,
    PreviousState,
    fail,
    no_handle,
    returns,
    returns_information,
    unchanged,
)
from ntipc.ntdll.rights import SEMAPHORE_ALL_ACCESS as SEMAPHORE_ALL_ACCESS
from ntipc.ntdll.statuses import STATUS_INVALID_PARAMETER, STATUS_SEMAPHORE_LIMIT_EXCEEDED, STATUS_SUCCESS

LARGEST = 2**31 - 1


class SemaphoreBasicInformation(NamedTuple):
    """SEMAPHORE_BASIC_INFORMATION."""

    CurrentCount: int
    MaximumCount: int


@returns(no_handle)
def NtCreateSemaphore(
    DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None, InitialCount: int, MaximumCount: int
) -> HandleResult:
    """Make a semaphore, or with OBJ_OPENIF open one. Impossible counts are refused before the name is looked at."""
    if not (0 <= InitialCount <= MaximumCount and 0 < MaximumCount <= LARGEST):
        raise fail(STATUS_INVALID_PARAMETER)
    return create(Semaphore, "Semaphore", DesiredAccess, ObjectAttributes, InitialCount, MaximumCount)


@returns(no_handle)
def NtOpenSemaphore(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open the semaphore that has a name."""
    return open_existing(Semaphore, "Semaphore", DesiredAccess, ObjectAttributes)


@returns(unchanged)
def NtReleaseSemaphore(SemaphoreHandle: int, ReleaseCount: int) -> PreviousState:
    """Add units, and tell the count before. What would pass the maximum adds nothing."""
    if ReleaseCount <= 0:
        raise fail(STATUS_INVALID_PARAMETER)
    semaphore = find_of(SemaphoreHandle, Semaphore)
    if ReleaseCount > LARGEST:
        raise fail(STATUS_SEMAPHORE_LIMIT_EXCEEDED)
    return PreviousState(STATUS_SUCCESS, semaphore.release(ReleaseCount))


@returns_information
def NtQuerySemaphore(
    SemaphoreHandle: int, SemaphoreInformationClass: int = 0, SemaphoreInformationLength: int = 8
) -> Information[SemaphoreBasicInformation]:
    """Tell the count and the maximum."""
    check_class(SemaphoreInformationClass, SemaphoreInformationLength, 8)
    info = find_of(SemaphoreHandle, Semaphore).info()
    return Information(STATUS_SUCCESS, SemaphoreBasicInformation(info["count"], info["maximum"]))

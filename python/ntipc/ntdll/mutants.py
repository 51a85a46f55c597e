"""Mutants: NtCreateMutant, NtOpenMutant, NtReleaseMutant, NtQueryMutant.

>>> status, handle = NtCreateMutant(MUTANT_ALL_ACCESS, None, True)
>>> NtQueryMutant(handle).information
MutantBasicInformation(CurrentCount=0, OwnedByCaller=True, AbandonedState=False)
>>> NtReleaseMutant(handle), NtReleaseMutant(handle).status
(PreviousState(status=STATUS_SUCCESS, previous=0), STATUS_MUTANT_NOT_OWNED)
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ntipc import AccessDenied, Mutex
from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find_of
from ntipc.ntdll.making import create, open_existing
from ntipc.ntdll.querying import check_class
from ntipc.ntdll.results import (
    HandleResult,
    Information,
    PreviousState,
    no_handle,
    returns,
    returns_information,
    unchanged,
)
from ntipc.ntdll.rights import MUTANT_ALL_ACCESS as MUTANT_ALL_ACCESS
from ntipc.ntdll.rights import MUTANT_QUERY_STATE
from ntipc.ntdll.statuses import STATUS_SUCCESS

MutantBasicInformationClass: Final = 0
MutantOwnerInformationClass: Final = 1


class MutantBasicInformation(NamedTuple):
    """MUTANT_BASIC_INFORMATION: the count is 1 for a free mutant, and one less for each time that it is owned."""

    CurrentCount: int
    OwnedByCaller: bool
    AbandonedState: bool


class MutantOwnerInformation(NamedTuple):
    """MUTANT_OWNER_INFORMATION: process and thread of the owner; ``None`` if there is none, or it cannot be named."""

    UniqueProcess: int | None
    UniqueThread: int | None


@returns(no_handle)
def NtCreateMutant(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None, InitialOwner: bool) -> HandleResult:
    """Make a mutant, which the calling thread owns if it says so, or with OBJ_OPENIF open one, which it does not."""
    return create(Mutex, "Mutex", DesiredAccess, ObjectAttributes, bool(InitialOwner))


@returns(no_handle)
def NtOpenMutant(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open the mutant that has a name."""
    return open_existing(Mutex, "Mutex", DesiredAccess, ObjectAttributes)


@returns(unchanged)
def NtReleaseMutant(MutantHandle: int) -> PreviousState:
    """Release a mutant once, through whichever handle, and tell its count before: 0 if this frees it."""
    mutex = find_of(MutantHandle, Mutex)
    recursion = _recursion(mutex)  # nobody but the owner changes it, and for others the release fails
    mutex.release()
    return PreviousState(STATUS_SUCCESS, 1 - recursion)


@returns_information
def NtQueryMutant(
    MutantHandle: int, MutantInformationClass: int = 0, MutantInformationLength: int | None = None
) -> Information[MutantBasicInformation | MutantOwnerInformation]:
    """Tell a mutant's count and whether its owner died, or, of class 1, who owns it."""
    owner = MutantInformationClass == MutantOwnerInformationClass
    size = 16 if owner else 8
    length = size if MutantInformationLength is None else MutantInformationLength
    check_class(MutantInformationClass, length, size, known=1 if owner else 0)
    info = find_of(MutantHandle, Mutex).info()
    if owner:
        return Information(STATUS_SUCCESS, MutantOwnerInformation(info["owner_pid"], info["owner_tid"]))
    told = MutantBasicInformation(info["count"], info["owned_by_caller"], info["abandoned"])
    return Information(STATUS_SUCCESS, told)


def _recursion(mutex: Mutex) -> int:
    try:
        return mutex.info()["recursion"]
    except AccessDenied:  # releasing needs no right, so telling what was before needs none either
        asked = mutex.duplicate(access=MUTANT_QUERY_STATE)
        try:
            return asked.info()["recursion"]
        finally:
            asked.close()

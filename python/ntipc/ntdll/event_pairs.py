"""Event pairs: two sides that take turns, NtSetHighWaitLowEventPair and its relatives.

>>> status, handle = NtCreateEventPair(EVENT_PAIR_ALL_ACCESS, None)
>>> NtSetLowEventPair(handle), NtSetHighWaitLowEventPair(handle), NtWaitHighEventPair(handle)
(STATUS_SUCCESS, STATUS_SUCCESS, STATUS_SUCCESS)
"""

from __future__ import annotations

from ntipc import EventPair
from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find_of
from ntipc.ntdll.making import create, open_existing
from ntipc.ntdll.results import HandleResult, no_handle, returns, returns_status
from ntipc.ntdll.rights import EVENT_PAIR_ALL_ACCESS as EVENT_PAIR_ALL_ACCESS
from ntipc.ntdll.statuses import NTSTATUS, STATUS_SUCCESS


@returns(no_handle)
def NtCreateEventPair(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Make an event pair, neither side of which is set, or with OBJ_OPENIF open one."""
    return create(EventPair, "EventPair", DesiredAccess, ObjectAttributes)


@returns(no_handle)
def NtOpenEventPair(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open the event pair that has a name."""
    return open_existing(EventPair, "EventPair", DesiredAccess, ObjectAttributes)


@returns_status
def NtSetHighEventPair(EventPairHandle: int) -> NTSTATUS:
    """Set the high side."""
    find_of(EventPairHandle, EventPair).set_high()
    return STATUS_SUCCESS


@returns_status
def NtSetLowEventPair(EventPairHandle: int) -> NTSTATUS:
    """Set the low side."""
    find_of(EventPairHandle, EventPair).set_low()
    return STATUS_SUCCESS


@returns_status
def NtWaitHighEventPair(EventPairHandle: int) -> NTSTATUS:
    """Wait for the high side, which is clear then. There is no time limit."""
    find_of(EventPairHandle, EventPair).wait_high()
    return STATUS_SUCCESS


@returns_status
def NtWaitLowEventPair(EventPairHandle: int) -> NTSTATUS:
    """Wait for the low side, which is clear then. There is no time limit."""
    find_of(EventPairHandle, EventPair).wait_low()
    return STATUS_SUCCESS


@returns_status
def NtSetHighWaitLowEventPair(EventPairHandle: int) -> NTSTATUS:
    """Set the high side and wait for the low one, in one step: what a client does."""
    find_of(EventPairHandle, EventPair).set_high_wait_low()
    return STATUS_SUCCESS


@returns_status
def NtSetLowWaitHighEventPair(EventPairHandle: int) -> NTSTATUS:
    """Set the low side and wait for the high one, in one step: what a server does."""
    find_of(EventPairHandle, EventPair).set_low_wait_high()
    return STATUS_SUCCESS

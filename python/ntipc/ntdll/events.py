r"""Events: NtCreateEvent, NtOpenEvent, NtSetEvent, NtResetEvent, NtClearEvent, NtPulseEvent, NtQueryEvent.

>>> status, handle = NtCreateEvent(EVENT_ALL_ACCESS, None, NotificationEvent, False)
>>> NtSetEvent(handle).previous, NtSetEvent(handle).previous, NtPulseEvent(handle).previous
(0, 1, 1)
>>> NtQueryEvent(handle).information
EventBasicInformation(EventType=0, EventState=0)
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ntipc import Event
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
    returns_status,
    unchanged,
)
from ntipc.ntdll.rights import EVENT_ALL_ACCESS as EVENT_ALL_ACCESS
from ntipc.ntdll.statuses import NTSTATUS, STATUS_INVALID_PARAMETER, STATUS_SUCCESS

NotificationEvent: Final = 0
SynchronizationEvent: Final = 1
EventBasicInformationClass: Final = 0


class EventBasicInformation(NamedTuple):
    """EVENT_BASIC_INFORMATION: the kind, and 1 for an event that is set."""

    EventType: int
    EventState: int


@returns(no_handle)
def NtCreateEvent(
    DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None, EventType: int, InitialState: bool
) -> HandleResult:
    """Make an event, or with OBJ_OPENIF open one.

    Args:
        DesiredAccess: Rights of the handle.
        ObjectAttributes: Its name, if it is to have one.
        EventType: ``NotificationEvent``, which lets all through until it is reset, or ``SynchronizationEvent``, which
            lets one through.
        InitialState: Whether a new one is set.
    """
    if EventType not in (NotificationEvent, SynchronizationEvent):
        raise fail(STATUS_INVALID_PARAMETER)
    manual = EventType == NotificationEvent
    return create(Event, "Event", DesiredAccess, ObjectAttributes, manual, bool(InitialState))


@returns(no_handle)
def NtOpenEvent(DesiredAccess: int, ObjectAttributes: OBJECT_ATTRIBUTES | None) -> HandleResult:
    """Open the event that has a name."""
    return open_existing(Event, "Event", DesiredAccess, ObjectAttributes)


@returns(unchanged)
def NtSetEvent(EventHandle: int) -> PreviousState:
    """Set an event, and tell whether it was set before."""
    return PreviousState(STATUS_SUCCESS, int(find_of(EventHandle, Event).set()))


@returns(unchanged)
def NtResetEvent(EventHandle: int) -> PreviousState:
    """Clear an event, and tell whether it was set before."""
    return PreviousState(STATUS_SUCCESS, int(find_of(EventHandle, Event).clear()))


@returns_status
def NtClearEvent(EventHandle: int) -> NTSTATUS:
    """Clear an event."""
    find_of(EventHandle, Event).clear()
    return STATUS_SUCCESS


@returns(unchanged)
def NtPulseEvent(EventHandle: int) -> PreviousState:
    """Let through the threads that wait now, leave the event clear, and tell whether it was set before."""
    return PreviousState(STATUS_SUCCESS, int(find_of(EventHandle, Event).pulse()))


@returns_information
def NtQueryEvent(
    EventHandle: int, EventInformationClass: int = 0, EventInformationLength: int = 8
) -> Information[EventBasicInformation]:
    """Tell the kind and the state of an event. Nothing is consumed."""
    check_class(EventInformationClass, EventInformationLength, 8)
    info = find_of(EventHandle, Event).info()
    return Information(STATUS_SUCCESS, EventBasicInformation(int(not info["manual_reset"]), int(info["signaled"])))

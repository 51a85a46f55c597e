"""What calls return: a status alone, or a named tuple of the status and what C's out parameters receive.

    >>> from ntipc.ntdll import EVENT_ALL_ACCESS, NtClose, NtCreateEvent, NtSetEvent, SynchronizationEvent
    >>> status, handle = NtCreateEvent(EVENT_ALL_ACCESS, None, SynchronizationEvent, False)
    >>> NtSetEvent(handle)
    PreviousState(status=STATUS_SUCCESS, previous=0)
    >>> NtClose(handle)
    STATUS_SUCCESS

A result is true where its status is: where ``NT_SUCCESS`` is. What a call that failed would have put out is ``None``,
of a handle 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Generic, NamedTuple, ParamSpec, TypeVar

from ntipc.errors import NtError
from ntipc.ntdll.statuses import NTSTATUS, STATUS_ACCESS_DENIED, STATUS_INVALID_PARAMETER, STATUS_NO_MEMORY

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class HandleResult(NamedTuple):
    """Of calls that make or open something: the handle, 0 if there is none."""

    status: NTSTATUS
    handle: int

    def __bool__(self) -> bool:
        return bool(self.status)


class PreviousState(NamedTuple):
    """Of calls that change a state: what it was before, ``None`` if nothing was changed."""

    status: NTSTATUS
    previous: int | None

    def __bool__(self) -> bool:
        return bool(self.status)


class Information(NamedTuple, Generic[T]):
    """Of calls that ask: the structure of the information class, ``None`` if the question was refused."""

    status: NTSTATUS
    information: T | None

    def __bool__(self) -> bool:
        return bool(self.status)


def status_of(error: Exception) -> NTSTATUS:
    """Return the status of an exception of the library."""
    if isinstance(error, NtError):
        return NTSTATUS(error.status)
    if isinstance(error, MemoryError):
        return STATUS_NO_MEMORY
    return STATUS_ACCESS_DENIED if isinstance(error, PermissionError) else STATUS_INVALID_PARAMETER


def returns_status(call: Callable[P, NTSTATUS]) -> Callable[P, NTSTATUS]:
    """Have a call return the status of what the library raises."""

    @wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> NTSTATUS:
        try:
            return call(*args, **kwargs)
        except NtError as error:
            return NTSTATUS(error.status)

    return guarded


def returns(failure: Callable[[NTSTATUS], R]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a call return what ``failure`` makes of the status of what the library raises."""

    def deciding(call: Callable[P, R]) -> Callable[P, R]:
        @wraps(call)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return call(*args, **kwargs)
            except NtError as error:
                return failure(NTSTATUS(error.status))

        return guarded

    return deciding


def returns_information(call: Callable[P, Information[T]]) -> Callable[P, Information[T]]:
    """Have a question return the status of what the library raises."""

    @wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Information[T]:
        try:
            return call(*args, **kwargs)
        except NtError as error:
            return Information(NTSTATUS(error.status), None)

    return guarded


def no_handle(status: NTSTATUS) -> HandleResult:
    """Make the result of a call that gives no handle."""
    return HandleResult(status, 0)


def unchanged(status: NTSTATUS) -> PreviousState:
    """Make the result of a call that changed nothing."""
    return PreviousState(status, None)


def fail(status: int) -> NtError:
    """Make the exception that leads to a status; the caller raises it."""
    return NtError(f"status {status:#010x}", status=status)

"""The Native API of NT by its own names: ``NtCreateEvent``, ``NtWaitForSingleObject`` and the others.

Each call returns an :class:`~ntipc.ntdll.statuses.NTSTATUS`, or a named tuple that begins with one and goes on with
what the call gives back. Names, argument orders, codes and structures are here; the behaviour is that of the library,
so an event made by one call is the ``ntipc.Event`` of that name.

* ``handles``: numbers and objects, one table for the process
* ``statuses``: ``NTSTATUS``, and the Win32 error of each
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ntipc.ntdll.statuses import NT_SUCCESS, NTSTATUS, RtlNtStatusToDosError

__all__ = ["NTSTATUS", "NT_SUCCESS", "RtlNtStatusToDosError"]

_PART_OF: dict[str, str] = {
    "NTSTATUS": "statuses",
    "NT_SUCCESS": "statuses",
    "RtlNtStatusToDosError": "statuses",
}
"""Names that are imported when they are first asked for, as statuses are too."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _PART_OF:
        value = getattr(import_module(f"ntipc.ntdll.{_PART_OF[name]}"), name)
    elif name.startswith("STATUS_"):
        value = getattr(import_module("ntipc.ntdll.statuses"), name, None)
    else:
        value = None
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PART_OF})

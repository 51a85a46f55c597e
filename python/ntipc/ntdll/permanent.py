"""OBJ_PERMANENT: objects that stay when their last handle is closed, until NtMakeTemporaryObject.

Here they stay as long as the process that made them permanent: a session goes with its last process, and no process may
keep it for others.
"""

from __future__ import annotations

from typing import Any, Final

from ntipc.ntdll.handles import find
from ntipc.ntdll.results import fail, returns_status
from ntipc.ntdll.statuses import NTSTATUS, STATUS_OBJECT_TYPE_MISMATCH, STATUS_SUCCESS

_kept: Final[dict[object, Any]] = {}


def keep(thing: Any) -> None:
    """Keep an object until this process ends, or :func:`NtMakeTemporaryObject`."""
    if not getattr(thing, "name", None) and not hasattr(thing, "spot"):
        return  # an unnamed object cannot be found again
    for other, twin in list(_kept.items()):
        if twin.closed:
            _kept.pop(other)
    if thing.identity not in _kept:
        _kept[thing.identity] = thing.duplicate()


@returns_status
def NtMakePermanentObject(Handle: int) -> NTSTATUS:
    """Have an object stay when its last handle is closed.

    Differs:
        It goes with this process.
    """
    thing = find(Handle)
    if not hasattr(thing, "identity"):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    keep(thing)
    return STATUS_SUCCESS


@returns_status
def NtMakeTemporaryObject(Handle: int) -> NTSTATUS:
    """Have an object go with its last handle.

    Differs:
        What another process made permanent stays as long as that process does.
    """
    thing = find(Handle)
    if not hasattr(thing, "identity"):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    kept = _kept.pop(thing.identity, None)
    if kept is not None:
        kept.close()
    return STATUS_SUCCESS

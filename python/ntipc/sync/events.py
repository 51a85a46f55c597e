"""Events: one thread or process tells others that something has happened.

>>> import ntipc
>>> ready = ntipc.Event("ready", manual_reset=True)
>>> ready.wait(timeout=0)
False
>>> ready.set()
False
>>> ready.wait(), ready.wait()
(True, True)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

from ntipc import _kernel
from ntipc.objects.named import NamedObject
from ntipc.objects.object import ClosingObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.session.session import Session, place


class EventInfo(ObjectInfo):
    """What :meth:`Event.info` tells."""

    manual_reset: bool
    signaled: bool


@register(_kernel.Event)
class Event(_kernel.Event, ClosingObject, NamedObject):
    """A flag to wait for, of auto-reset or manual-reset kind.

    Setting an auto-reset event lets exactly one wait through, which clears it again. A manual-reset event stays
    set, and lets every wait through, until it is cleared. Waiters are served in the order in which they came.
    ``set``, ``clear`` and ``pulse`` return whether the event was set before.

    Args:
        name: Name to create or, if it exists, to open; ``None`` for an unnamed event.
        manual_reset: Whether a new event is of the manual-reset kind. An existing one keeps its kind.
        initial: Whether a new event is set. An existing one keeps its state.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        PathNotFound: ``name`` has an unknown prefix.
        AccessDenied: The session does not let this process in.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateEvent, SetEvent, ResetEvent, PulseEvent (Win32); KEVENT (NT).

    >>> event = Event()
    >>> event.set(), event.set(), event.wait(0), event.wait(0)
    (False, True, True, False)
    """

    _kind = "event"

    def __init__(
        self,
        name: str | None = None,
        *,
        manual_reset: bool = False,
        initial: bool = False,
        session: Session | str | None = None,
    ) -> None:
        attachment, local = place(name, session)
        self._bind(attachment, local, _kernel.OPEN_OR_CREATE, 0, manual_reset, initial)

    @classmethod
    def create(
        cls,
        name: str | None = None,
        *,
        manual_reset: bool = False,
        initial: bool = False,
        session: Session | str | None = None,
    ) -> Self:
        """Make a new event; the arguments are those of the constructor.

        Raises:
            ObjectExists: An object, of whatever type, has this name.

        Source:
            NtCreateEvent without OBJ_OPENIF (NT).

        >>> event = Event.create("started", initial=True)
        >>> event.created, event.is_set()
        (True, True)
        """
        return cls._created(name, session, manual_reset, initial)

    def info(self) -> EventInfo:
        """Tell the event's kind and state, its handles and who waits.

        Raises:
            AccessDenied: The handle lacks the right ``EVENT_QUERY_STATE``.
            HandleClosed: The event is closed.

        Source:
            NtQueryEvent (NT).

        >>> info = Event(manual_reset=True, initial=True).info()
        >>> info["manual_reset"], info["signaled"]
        (True, True)
        """
        return cast("EventInfo", super().info())

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return ["manual-reset" if info["manual_reset"] else "auto-reset", "set" if info["signaled"] else "clear"]

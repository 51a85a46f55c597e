"""Event pairs: two sides that take turns, each step one call.

The client sets *high* and waits for *low*; the server does the opposite. Each ``..._wait_...`` call is one
step, so neither side can miss the other.

    >>> import ntipc, threading
    >>> turns = ntipc.EventPair("turns")
    >>> def server():
    ...     with ntipc.EventPair.open("turns") as mine:
    ...         mine.wait_high()
    ...         mine.set_low()
    >>> thread = threading.Thread(target=server)
    >>> thread.start()
    >>> turns.set_high_wait_low(timeout=60)
    True
    >>> thread.join()
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

from ntipc import _kernel
from ntipc.objects.named import NamedObject
from ntipc.objects.object import ClosingObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.session.session import Session, place


class EventPairInfo(ObjectInfo):
    """What :meth:`EventPair.info` tells: whether each side is set."""

    high: bool
    low: bool


@register(_kernel.EventPair)
class EventPair(_kernel.EventPair, ClosingObject, NamedObject):
    """Two auto-reset events in one object, *high* and *low*, for two sides that take turns.

    It cannot be given to ``wait_any`` and the like: as an object it is never set.

    Args:
        name: Name to create or, if it exists, to open; ``None`` for an unnamed pair.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        PathNotFound: ``name`` has an unknown prefix.
        AccessDenied: The session does not let this process in.
        OutOfResources: The session is full and cannot grow.

    Source:
        NtCreateEventPair, NtSetHighWaitLowEventPair and the others of that name (NT).

    Differs:
        NT's waits have no timeout.

    >>> pair = EventPair()
    >>> pair.set_low()
    >>> pair.wait_low(timeout=0), pair.wait_low(timeout=0)
    (True, False)
    """

    _kind = "event pair"

    def __init__(self, name: str | None = None, *, session: Session | str | None = None) -> None:
        attachment, local = place(name, session)
        self._bind(attachment, local, _kernel.OPEN_OR_CREATE, 0)

    @classmethod
    def create(cls, name: str | None = None, *, session: Session | str | None = None) -> Self:
        """Make a new event pair, of which neither side is set; the arguments are those of the constructor.

        Raises:
            ObjectExists: An object, of whatever type, has this name.

        Source:
            NtCreateEventPair without OBJ_OPENIF (NT).

        >>> pair = EventPair.create("turns")
        >>> pair.created
        True
        """
        return cls._created(name, session)

    def info(self) -> EventPairInfo:
        """Tell which sides are set, the handles and who waits.

        Raises:
            HandleClosed: The pair is closed.

        >>> pair = EventPair()
        >>> pair.set_high()
        >>> pair.info()["high"], pair.info()["low"]
        (True, False)
        """
        return cast("EventPairInfo", super().info())

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"{side}={'set' if info[side] else 'clear'}" for side in ("high", "low")]

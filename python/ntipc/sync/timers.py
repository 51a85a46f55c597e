"""Timers: objects that become set at a moment, once or again and again.

>>> import ntipc
>>> timer = ntipc.Timer()
>>> timer.set(0.001)
False
>>> timer.wait(timeout=60), timer.wait(timeout=0)
(True, False)
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

from ntipc import _kernel
from ntipc.objects.named import NamedObject
from ntipc.objects.object import ClosingObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.session.session import Session, place

if TYPE_CHECKING:
    from datetime import datetime


class TimerInfo(ObjectInfo):
    """What :meth:`Timer.info` tells, with times in seconds; ``due_in`` is ``None`` for a timer that is not running."""

    manual_reset: bool
    signaled: bool
    due_in: float | None
    period: float


@register(_kernel.Timer)
class Timer(_kernel.Timer, ClosingObject, NamedObject):
    """An object that becomes set when it is due, of auto-reset or manual-reset kind like an event.

    It needs no thread: a waiter sleeps no longer than until it is due. A periodic timer that was due
    several times before anyone looked lets one wait through.

    Args:
        name: Name to create or, if it exists, to open; ``None`` for an unnamed timer.
        manual_reset: Whether a new timer stays set until it is set again. An existing one keeps its kind.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        PathNotFound: ``name`` has an unknown prefix.
        AccessDenied: The session does not let this process in.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateWaitableTimer, SetWaitableTimer, CancelWaitableTimer (Win32); KTIMER (NT).

    >>> timer = Timer("tick", manual_reset=True)
    >>> timer.set(due=0)
    False
    >>> timer.wait(), timer.wait(), timer.is_set()
    (True, True, True)
    """

    _kind = "timer"

    def __init__(
        self, name: str | None = None, *, manual_reset: bool = False, session: Session | str | None = None
    ) -> None:
        attachment, local = place(name, session)
        self._bind(attachment, local, _kernel.OPEN_OR_CREATE, 0, manual_reset)

    @classmethod
    def create(
        cls, name: str | None = None, *, manual_reset: bool = False, session: Session | str | None = None
    ) -> Self:
        """Make a new timer, which is neither set nor running; the arguments are those of the constructor.

        Raises:
            ObjectExists: An object, of whatever type, has this name.

        Source:
            NtCreateTimer without OBJ_OPENIF (NT).

        >>> Timer.create("nightly").is_set()
        False
        """
        return cls._created(name, session, manual_reset)

    def set(self, due: float | datetime, period: float = 0) -> bool:
        """Start the timer, which clears it; it becomes set when it is due.

        Args:
            due: Seconds from now, 0 or less for at once; or a moment, where a ``datetime`` without a time zone is in
                local time.
            period: Seconds after which it becomes set again, each time; 0 for once only.

        Returns:
            Whether the timer was set before.

        Raises:
            AccessDenied: The handle lacks the right ``TIMER_MODIFY_STATE``.
            HandleClosed: The timer is closed.
            ValueError: ``due`` is NaN, or ``period`` is NaN or negative.

        Source:
            SetWaitableTimer (Win32), NtSetTimer (NT).

        Differs:
            A moment is turned into a time from now when this is called: setting the clock later does not move it.

        >>> from datetime import datetime, timedelta
        >>> timer = Timer()
        >>> timer.set(datetime.now() - timedelta(seconds=1))
        False
        >>> timer.is_set()
        True
        """
        if not isinstance(due, (float, int)) and hasattr(due, "timestamp"):
            due = _seconds_until(due)
        elif isinstance(due, (float, int)) and due < 0:
            due = 0
        return super().set(cast("float", due), period)

    def info(self) -> TimerInfo:
        """Tell the timer's kind, state and next moment, its handles and who waits.

        Raises:
            AccessDenied: The handle lacks the right ``TIMER_QUERY_STATE``.
            HandleClosed: The timer is closed.

        Source:
            NtQueryTimer (NT).

        >>> timer = Timer()
        >>> timer.info()["due_in"] is None
        True
        """
        return cast("TimerInfo", super().info())

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        state = ["manual-reset" if info["manual_reset"] else "auto-reset", "set" if info["signaled"] else "clear"]
        if info["due_in"] is not None:
            state.append(f"due_in={info['due_in']:.3f}")
        if info["period"]:
            state.append(f"period={info['period']:g}")
        return state


def _seconds_until(moment: datetime) -> float:
    """How long it is until the moment, 0 if it has passed."""
    try:
        return max(moment.timestamp() - time.time(), 0.0)
    except (OverflowError, ValueError):
        # The C library cannot convert the first and last days of the calendar. Time zones do not matter there.
        now = type(moment).now()
        return max((moment.replace(tzinfo=None) - now).total_seconds(), 0.0)

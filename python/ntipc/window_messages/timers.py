"""Timers of windows and threads: a WM_TIMER now and then, when there is nothing else to do.

A timer is a function of the clock: nothing runs for it. It is due at its start and then at each multiple of its period.
A retrieval that finds nothing else makes a WM_TIMER of the timer that has been due the longest; what it missed is not
made up for. So several periods give one message.

A peek that leaves its WM_TIMER in the queue makes a posted message of it, which comes before those posted later; the
timer goes on when that message is taken.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from operator import index
from time import monotonic
from typing import TYPE_CHECKING

from ntipc.errors import Status, from_status
from ntipc.session.session import Session
from ntipc.window_messages.constants import QS_TIMER, WM_TIMER
from ntipc.window_messages.desktop import no_window
from ntipc.window_messages.message import Message, checked

if TYPE_CHECKING:
    from ntipc.window_messages.thread_queue import ThreadQueue

SHORTEST, LONGEST = 0.01, 0x7FFF_FFFF / 1000
"""Periods in seconds: shorter and longer ones become these."""
_FIRST_ID, _LAST_ID = 0x7FFF, 0x100
"""Ids that are made up for timers without a window, counting down."""

TimerCallback = Callable[[int, int, int, float], object]


class WindowTimer:
    """One timer of a thread."""

    __slots__ = ("callback", "due", "is_told", "key", "period", "posted", "token")

    def __init__(self, key: tuple[int, int], period: float, callback: TimerCallback | None, token: int) -> None:
        self.key = key
        self.period = period
        self.callback = callback
        self.token = token if callback is not None else 0
        self.due = monotonic() + period
        self.posted: Message | None = None
        self.is_told = False

    def message(self, now: float) -> Message:
        """Make its message."""
        hwnd, timer_id = self.key
        return Message(hwnd, WM_TIMER, timer_id, self.token, now)

    def go_on(self, now: float) -> None:
        """Be due at the next multiple of the period."""
        self.posted, self.is_told = None, False
        missed = math.floor((now - self.due) / self.period)
        self.due += (max(missed, 0) + 1) * self.period


class WindowTimers:
    """The timers of one thread."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], WindowTimer] = {}
        self._tokens = itertools.count(1)
        self._next_id = _FIRST_ID

    def set(self, hwnd: int, timer_id: int, period: float, callback: TimerCallback | None) -> int:
        """Set a timer, in place of the one with the same window and id; return its id."""
        if not hwnd and (0, timer_id) not in self.known:
            timer_id = self._free_id()
        key = hwnd, timer_id
        self.known[key] = WindowTimer(key, period, callback, next(self._tokens))
        return timer_id or 1

    def kill(self, hwnd: int, timer_id: int) -> bool:
        """End a timer; whether there was one."""
        return self.known.pop((hwnd, timer_id), None) is not None

    def window_has_gone(self, hwnd: int) -> None:
        """End the timers of a window."""
        for key in [key for key in self.known if key[0] == hwnd]:
            self.known.pop(key, None)

    def expired(self, matches: Callable[[Message], bool] | None) -> WindowTimer | None:
        """Return the timer that has been due the longest, of those that a filter lets through."""
        now = monotonic()
        due = [timer for timer in self.known.values() if timer.due <= now and timer.posted is None]
        due.sort(key=lambda timer: timer.due)
        for timer in due:
            if matches is None or matches(timer.message(now)):
                return timer
        return None

    def next_due(self, matches: Callable[[Message], bool] | None) -> float:
        """Return the moment when the next of those is due; infinity if there are none."""
        now = monotonic()
        moments = [
            timer.due
            for timer in self.known.values()
            if timer.posted is None and (matches is None or matches(timer.message(now)))
        ]
        return min(moments, default=math.inf)

    def news(self) -> int:
        """Return ``QS_TIMER`` if a timer has become due since this was asked; else 0."""
        now, news = monotonic(), 0
        for timer in self.known.values():
            if timer.due <= now and not timer.is_told:
                timer.is_told, news = True, QS_TIMER
        return news

    def taken(self, message: Message) -> None:
        """Go on with the timer whose posted message was taken."""
        timer = self.known.get((message.hwnd, message.wparam))
        if timer is not None and timer.posted is message:
            timer.go_on(monotonic())

    def callback_of(self, message: Message) -> TimerCallback | None:
        """Return what a WM_TIMER's ``lparam`` stands for, if that timer is there."""
        timer = self.known.get((message.hwnd, message.wparam))
        return timer.callback if timer is not None and timer.token == message.lparam else None

    def _free_id(self) -> int:
        for _ in range(_FIRST_ID - _LAST_ID + 1):
            timer_id = self._next_id
            self._next_id = timer_id - 1 if timer_id > _LAST_ID else _FIRST_ID
            if (0, timer_id) not in self.known:
                return timer_id
        raise from_status(Status.NO_MORE_USER_HANDLES, "set_timer", "", "the thread has too many timers")


def timer_message(queue: ThreadQueue, matches: Callable[[Message], bool] | None, remove: bool) -> Message | None:
    """Make the message of a timer that is due, if a filter lets it through."""
    timer = queue.timers.expired(matches)
    if timer is None:
        return None
    now = monotonic()
    message = timer.message(now)
    if remove:
        timer.go_on(now)
    else:
        timer.posted = message
        queue.inbox.leave(message)
    return message


def set_timer(
    hwnd: int | None,
    timer_id: int,
    period: float,
    callback: TimerCallback | None = None,
    *,
    session: Session | str | None = None,
) -> int:
    """Have a ``WM_TIMER`` come again and again, whenever there is no other message.

    Args:
        hwnd: A window of this thread; ``None`` for the thread itself.
        timer_id: A number for the timer, the message's ``wparam``. One that the window has is set again. For a thread's
            own timer that it does not have yet, a number is made up.
        period: Seconds, at least 0.01.
        callback: Is called by :func:`dispatch_message` with the window, ``WM_TIMER``, the id and the message's time, in
            place of the window's handler.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        The id; 1 for a window's timer 0.

    Raises:
        InvalidWindow: There is no such window.
        AccessDenied: It is another thread's.
        ValueError: ``period`` is negative or NaN.
        TypeError: ``callback`` cannot be called.
        OutOfResources: The thread has too many timers; ``winerror`` is 1158.

    Source:
        SetTimer (Win32).

    >>> import ntipc
    >>> tick = ntipc.set_timer(None, 0, 0.01)
    >>> ntipc.get_message(timeout=10).wparam == tick, ntipc.kill_timer(None, tick), ntipc.kill_timer(None, tick)
    (True, True, False)
    """
    queue, hwnd = _own(hwnd, "set_timer", session)
    timer_id = checked("timer_id", timer_id)
    if not isinstance(period, (int, float)):
        raise TypeError(f"period must be a number of seconds, not {type(period).__name__}")
    if not period >= 0:
        raise from_status(Status.INVALID_PARAMETER, "set_timer", "", f"a period of {period} seconds")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, not {type(callback).__name__}")
    return queue.timers.set(hwnd, timer_id, min(max(float(min(period, LONGEST)), SHORTEST), LONGEST), callback)


def kill_timer(hwnd: int | None, timer_id: int, *, session: Session | str | None = None) -> bool:
    """End a timer. Its message goes with it, unless a peek has left that in the queue.

    Args:
        hwnd: The timer's window; ``None`` for one of the thread itself.
        timer_id: Its id.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        Whether there was one.

    Raises:
        InvalidWindow: There is no such window.
        AccessDenied: It is another thread's.

    Source:
        KillTimer (Win32).
    """
    queue, hwnd = _own(hwnd, "kill_timer", session)
    return queue.timers.kill(hwnd, index(timer_id))


def _own(hwnd: int | None, call: str, session: Session | str | None) -> tuple[ThreadQueue, int]:
    from ntipc.window_messages.thread_queue import own_queue

    queue = own_queue(session)
    if not hwnd:
        return queue, 0
    hwnd = index(hwnd)
    if hwnd not in queue.windows:
        if queue.desktop.owner(hwnd) is None:
            raise no_window(call, hwnd)
        detail = "timers of a window belong to its own thread"
        raise from_status(Status.ACCESS_DENIED, call, f"window {hwnd:#x}", detail)
    return queue, hwnd

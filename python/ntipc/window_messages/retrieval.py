"""Taking messages out of the thread's queue, and handing them to windows.

A retrieval looks in NT's order: messages that were sent are dealt with inside the call, all of them, whatever the
filter is; then come posted messages that the filter lets through, then the quit, then timers. The quit belongs to no
window: it comes whatever the filter is, once no posted message that matches is there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from operator import index
from time import monotonic

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import Status, from_status
from ntipc.session.session import Session
from ntipc.window_messages.constants import (
    HWND_BOTTOM,
    HWND_BROADCAST,
    HWND_MESSAGE,
    HWND_NOTOPMOST,
    HWND_TOPMOST,
    POINTER_MESSAGES,
    QS_ALLPOSTMESSAGE,
    QS_HOTKEY,
    QS_POSTMESSAGE,
    QS_TIMER,
    WM_QUIT,
    WM_TIMER,
)
from ntipc.window_messages.desktop import no_window
from ntipc.window_messages.message import Message
from ntipc.window_messages.receiving import deal_with_sent
from ntipc.window_messages.thread_queue import ThreadQueue, own_queue
from ntipc.window_messages.timers import timer_message
from ntipc.window_messages.windows import own_window

_OF_THE_THREAD = frozenset({HWND_TOPMOST, HWND_BOTTOM, HWND_BROADCAST})
_OF_NOBODY = frozenset({HWND_NOTOPMOST, HWND_MESSAGE})
_OLD = ~(QS_POSTMESSAGE | QS_HOTKEY | QS_TIMER | QS_ALLPOSTMESSAGE)
_OLD_OF_A_RANGE = ~(QS_POSTMESSAGE | QS_HOTKEY | QS_TIMER)
"""What a retrieval leaves of the news: messages that it has looked past are old."""
LARGEST_FILTER = 0xFFFF


def get_message(
    timeout: float | None = None,
    *,
    hwnd: int | None = None,
    first: int = 0,
    last: int = 0,
    session: Session | str | None = None,
) -> Message | None:
    """Take the next message for the calling thread; wait if there is none.

    Meanwhile, messages that others send to windows of this thread are dealt with.

    Args:
        timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.
        hwnd: A window of this thread, to take only its messages; -1 for messages to the thread itself; ``None`` for
            all.
        first: The lowest number of a message to take.
        last: The highest; both 0 for all.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        The message; ``None`` for ``WM_QUIT``: :func:`quit_code` has its code.

    Raises:
        Timeout: None came in time.
        InvalidWindow: ``hwnd`` is no window.
        InvalidParameter: ``first`` to ``last`` is no range of numbers below 0x10000.

    Source:
        GetMessage (Win32).

    >>> import ntipc, threading
    >>> ntipc.post_thread_message(threading.get_native_id(), ntipc.WM_USER, 7)
    >>> ntipc.get_message(timeout=10).wparam
    7
    """
    queue = own_queue(session)
    matches, anything = _filter("get_message", queue, hwnd, first, last), not first and not last
    message = look(queue, matches, anything, True)
    if message is None:
        deadline = Deadline(timeout) if timeout is not None else None
        while message is None:
            left = deadline.left() if deadline is not None else None
            if left == 0:
                raise from_status(Status.TIMEOUT, "get_message", "", "no message has come")
            if queue.timers.known:
                due = max(queue.timers.next_due(matches) - monotonic(), 0.0)
                left = left if due == inf else due if left is None else min(left, due)
            queue.wait(left)
            message = look(queue, matches, anything, True)
    if message.msg == WM_QUIT:
        queue.quit_code = message.wparam
        return None
    return message


def peek_message(
    hwnd: int | None = None,
    first: int = 0,
    last: int = 0,
    *,
    remove: bool = True,
    session: Session | str | None = None,
) -> Message | None:
    """Look for a message for the calling thread, without waiting.

    Args:
        hwnd: As for :func:`get_message`.
        first: The lowest number of a message to take.
        last: The highest; both 0 for all.
        remove: Whether to take it, or leave it in the queue.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        The message, which may be a ``WM_QUIT``; ``None`` if there is none.

    Raises:
        InvalidWindow: ``hwnd`` is no window.
        InvalidParameter: ``first`` to ``last`` is no range of numbers below 0x10000.

    Source:
        PeekMessage (Win32).
    """
    queue = own_queue(session)
    message = look(queue, _filter("peek_message", queue, hwnd, first, last), not first and not last, remove)
    if message is not None and remove and message.msg == WM_QUIT:
        queue.quit_code = message.wparam
    return message


def dispatch_message(message: Message, *, session: Session | str | None = None) -> int:
    """Hand a message to the handler of its window.

    A message to the thread itself has no window: nothing is done with it. For a timer with a callback, that is called,
    if the timer is still there.

    Returns:
        What the handler returned; 0 for ``None``.

    Raises:
        InvalidWindow: The window has been destroyed, or is not this thread's.
        MessageSyncOnly: The message is one whose parameters are addresses.
        OverflowError: The handler returned what 64 bits do not hold.

    Source:
        DispatchMessage (Win32).
    """
    hwnd, msg, wparam, lparam = message[:4]
    if msg == WM_TIMER and lparam:
        queue = own_queue(session)
        callback = queue.timers.callback_of(Message(hwnd, msg, wparam, lparam))
        if callback is not None:
            callback(hwnd, msg, wparam, message[4])
        return 0
    if not hwnd:
        return 0
    if msg in POINTER_MESSAGES:
        raise from_status(Status.MESSAGE_SYNC_ONLY, "dispatch_message", f"message {msg:#x}")
    return own_window("dispatch_message", own_queue(session), hwnd)._call(msg, wparam, lparam)


def look(
    queue: ThreadQueue, matches: Callable[[Message], bool] | None, any_number: bool, remove: bool
) -> Message | None:
    """Look for a message in NT's order."""
    queue.drain()
    queue.inbox.note_look()
    if queue.sent:
        deal_with_sent(queue)
    if queue.timers.known:
        queue.timers.news()  # they are no news after this look
    queue.changed &= _OLD if any_number else _OLD_OF_A_RANGE
    if queue.inbox:
        message = queue.inbox.first() if matches is None and remove else None
        if message is None:
            message = _posted(queue, matches, remove)
        if message is not None:
            return message
    if queue.quit is not None:
        message = Message(0, WM_QUIT, queue.quit, 0, monotonic())
        if remove:
            queue.quit = None
        return message
    if not queue.inbox:
        queue.mend_room()
    return timer_message(queue, matches, remove) if queue.timers.known else None


def _posted(queue: ThreadQueue, matches: Callable[[Message], bool] | None, remove: bool) -> Message | None:
    place = 0
    while place < len(queue.inbox):
        message: Message = queue.inbox[place]
        if message.hwnd and message.hwnd not in queue.windows:  # it was destroyed while this was on its way
            queue.drop_posted(place)
        elif matches is None or matches(message):
            if remove:
                queue.drop_posted(place)
            return message
        else:
            place += 1
    return None


def _filter(call: str, queue: ThreadQueue, hwnd: int | None, first: int, last: int) -> Callable[[Message], bool] | None:
    """Make the predicate of a filter; ``None`` for one that lets all through."""
    first, last = index(first), index(last)
    if not 0 <= first <= last <= LARGEST_FILTER and (first or last):
        detail = f"{first:#x} to {last:#x} is no range of numbers below 0x10000"
        raise from_status(Status.INVALID_PARAMETER, call, "", detail)
    if not hwnd:
        if not last:
            return None
        return lambda message: first <= message.msg <= last
    hwnd = index(hwnd)
    if hwnd in _OF_NOBODY:
        return lambda message: False
    if hwnd in _OF_THE_THREAD:
        hwnd = 0
    elif hwnd not in queue.windows and queue.desktop.owner(hwnd) is None:
        raise no_window(call, hwnd)
    if not last:
        return lambda message: message.hwnd == hwnd
    return lambda message: message.hwnd == hwnd and first <= message.msg <= last


def quit_code(*, session: Session | str | None = None) -> int | None:
    """Return the code of the ``WM_QUIT`` that the calling thread has taken last; ``None`` if there was none."""
    return own_queue(session).quit_code

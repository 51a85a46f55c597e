"""What is in the thread's queue now, and what has come since somebody asked."""

from __future__ import annotations

from operator import index

from ntipc.session.session import Session
from ntipc.window_messages.constants import QS_ALLINPUT, QS_ALLPOSTMESSAGE, QS_POSTMESSAGE, QS_SENDMESSAGE, QS_TIMER
from ntipc.window_messages.thread_queue import ThreadQueue, own_queue


def queue_status(mask: int = QS_ALLINPUT, *, session: Session | str | None = None) -> tuple[int, int]:
    """Tell what kinds of messages the calling thread's queue holds.

    Args:
        mask: The kinds to tell about: ``QS_POSTMESSAGE``, ``QS_SENDMESSAGE``, ``QS_TIMER``, ``QS_ALLPOSTMESSAGE``.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        The kinds that are there now, and those that have come since this was last asked or messages were retrieved.

    Source:
        GetQueueStatus (Win32).
    """
    queue, mask = own_queue(session), index(mask)
    queue.drain()
    queue.inbox.note_look()
    if queue.timers.known:
        queue.changed |= queue.timers.news()
    changed = queue.changed & mask
    queue.changed &= ~mask
    return current(queue) & mask, changed


def current(queue: ThreadQueue) -> int:
    """Return the kinds of messages that are there now, once everything was taken in."""
    kinds = 0
    if queue.inbox or queue.quit is not None:
        kinds |= QS_POSTMESSAGE | QS_ALLPOSTMESSAGE
    if queue.sent:
        kinds |= QS_SENDMESSAGE
    if queue.timers.known and queue.timers.expired(None) is not None:
        kinds |= QS_TIMER
    return kinds

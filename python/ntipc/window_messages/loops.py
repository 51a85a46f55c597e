"""The message loop as an iterator, for threads and for event loops.

A descriptor tells an event loop that something has come (``loop_watch``). What has come is taken, and handlers of
sent messages run, in the loop's own thread.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from ntipc.session.session import Session
from ntipc.window_messages.constants import WM_QUIT
from ntipc.window_messages.loop_watch import watch_of
from ntipc.window_messages.message import Message
from ntipc.window_messages.retrieval import look
from ntipc.window_messages.short_ways import get_message
from ntipc.window_messages.thread_queue import own_queue


class Messages:
    """The messages of the calling thread, up to ``WM_QUIT``: what :func:`messages` returns.

    >>> import ntipc
    >>> ntipc.post_message(None, ntipc.WM_USER, 1)
    >>> ntipc.post_quit_message(5)
    >>> [message.wparam for message in ntipc.messages()], ntipc.quit_code()
    ([1], 5)
    """

    def __init__(self, session: Session | str | None = None) -> None:
        self._session = session

    def __iter__(self) -> Iterator[Message]:
        while (message := get_message(session=self._session)) is not None:
            yield message

    async def __aiter__(self) -> AsyncIterator[Message]:
        queue = own_queue(self._session)
        watch = watch_of(queue)
        while True:
            message = look(queue, None, True, True)
            if message is None:
                await watch.wait(queue.timers.next_due(None))
                continue
            if message.msg == WM_QUIT:
                queue.quit_code = message.wparam
                return
            yield message


def messages(*, session: Session | str | None = None) -> Messages:
    """Take messages of the calling thread until ``WM_QUIT``: with ``for``, or with ``async for`` in an event loop.

    In an event loop, messages that others send are dealt with whenever this one is asked for the next, so keep asking.

    Args:
        session: The session, or its name; ``None`` for the default one.
    """
    return Messages(session)

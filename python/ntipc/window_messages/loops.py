"""The message loop as an iterator, for threads and for event loops.

In an event loop nobody may sleep, so another thread does: the relay waits until something has come for the queue, tells
the loop, and waits to be asked again. It takes nothing. What has come is taken, and handlers of sent messages run, in
the loop's own thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from math import inf
from time import monotonic

from ntipc import _kernel
from ntipc.errors import NtError
from ntipc.session.session import Session
from ntipc.sync.events import Event
from ntipc.window_messages.constants import WM_QUIT
from ntipc.window_messages.message import Message
from ntipc.window_messages.retrieval import get_message, look
from ntipc.window_messages.thread_queue import ThreadQueue, own_queue


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
        relay = _Relay(queue, asyncio.get_running_loop())
        try:
            while True:
                message = look(queue, None, True, True)
                if message is None:
                    await relay.wait(queue.timers.next_due(None))
                    continue
                if message.msg == WM_QUIT:
                    queue.quit_code = message.wparam
                    return
                yield message
        finally:
            relay.end()


def messages(*, session: Session | str | None = None) -> Messages:
    """Take messages of the calling thread until ``WM_QUIT``: with ``for``, or with ``async for`` in an event loop.

    In an event loop, messages that others send are dealt with whenever this one is asked for the next, so keep asking.

    Args:
        session: The session, or its name; ``None`` for the default one.
    """
    return Messages(session)


class _Relay:
    """A thread that tells an event loop when something has come for a queue."""

    def __init__(self, queue: ThreadQueue, loop: asyncio.AbstractEventLoop) -> None:
        self._queue = queue
        self._loop = loop
        self._news = asyncio.Event()
        self._asked, self._over = _unnamed(queue), _unnamed(queue)
        self._thread = threading.Thread(target=self._run, name="ntipc-messages", daemon=True)
        self._thread.start()

    async def wait(self, moment: float) -> None:
        """Wait until something has come, or until a moment."""
        queue = self._queue
        self._news.clear()
        queue.note_wait()
        self._asked.set()
        try:
            await asyncio.wait_for(self._news.wait(), None if moment == inf else max(moment - monotonic(), 0.0))
        except TimeoutError:
            pass
        finally:
            self._asked.clear()
            queue.note_look()

    def end(self) -> None:
        """End the thread."""
        try:
            self._over.set()
        except NtError:  # the session was left, and the thread has ended with it
            pass
        self._thread.join()
        self._asked.close()
        self._over.close()

    def _run(self) -> None:
        reader = self._queue.reader
        try:
            while True:
                if _kernel.wait_multiple((self._over, self._asked), False, None)[0] == 0:
                    return
                if _kernel.wait_multiple((self._over, reader), False, None)[0] == 0:
                    return
                self._asked.clear()
                self._loop.call_soon_threadsafe(self._news.set)
        except (NtError, RuntimeError):  # the session was left, or the loop is closed
            return


def _unnamed(queue: ThreadQueue) -> Event:
    event = Event.__new__(Event)
    event._bind(queue.native, None, _kernel.CREATE, 0, True, False)
    return event

"""How an event loop learns that something has come for the queue of its thread, without another thread of Python's.

The kernel's relay, one thread a process that never has the GIL, makes a descriptor readable once the queue has
something. The loop wakes all tasks that wait. Each looks at the queue in the loop's own thread, where handlers run as
well, and what it finds for another task it leaves where that one finds it.

Invariant: as long as a task waits, the watch is armed, or the loop has still to call `_ready`, or the task was woken. A
task that begins to wait arms the watch after its look, and an armed watch fires for what came before, too. Whoever
takes something out of the queue wakes all tasks, because a watch does not fire for what is no longer there.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from ntipc import _kernel

if TYPE_CHECKING:
    import asyncio

    from ntipc.window_messages.thread_queue import ThreadQueue

IDLE_SECONDS = 0.5
"""How long the descriptor is kept after the last task has waited."""


class LoopWatch:
    """What the tasks of one event loop wait by for the queue of its thread."""

    def __init__(self, queue: ThreadQueue, loop: asyncio.AbstractEventLoop) -> None:
        self._queue = queue
        self._loop = weakref.ref(loop, self._loop_has_gone)
        self._thread, self._pid = threading.get_ident(), os.getpid()
        self._port: _kernel.CompletionPort | None = None
        self._descriptor = -1
        self._waiting: set[asyncio.Future[None]] = set()
        self._will_rest = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop; ``None`` once it is gone."""
        return self._loop()

    def _loop_has_gone(self, _: object) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close()

    async def wait(self, moment: float) -> None:
        """Wait until something may have come, until a moment of ``time.monotonic``, or until the queue is closed."""
        queue, loop = self._queue, self.loop
        assert loop is not None, "it runs this task"
        if queue.is_closed:
            queue.reader._take(None, 0)  # says why
        self._begin(loop)
        news: asyncio.Future[None] = loop.create_future()
        self._waiting.add(news)
        queue.inbox.watch(True)
        timer = None if moment == inf else loop.call_later(max(moment - monotonic(), 0.0), _set, news)
        queue.inbox.note_wait()
        try:
            await news
        finally:
            self._waiting.discard(news)
            queue.inbox.watch(bool(self._waiting))
            if timer is not None:
                timer.cancel()
            if not queue.is_closed:
                # The loop sleeps for others still, or its thread is about to look.
                queue.inbox.note_wait() if self._waiting else queue.inbox.note_look()
            if not self._waiting and not self._will_rest and not loop.is_closed():
                self._will_rest = True
                loop.call_later(IDLE_SECONDS, self._rest)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        port = self._port
        if port is not None and port.fileno() == self._descriptor:
            port.arm()
            return
        self._shut()  # the program has closed the descriptor
        port = _kernel.CompletionPort()
        try:
            descriptor = port.fileno()
            assert descriptor is not None
            loop.add_reader(descriptor, self._ready)
            self._port, self._descriptor = port, descriptor
            port.watch(self._queue.reader)
        except BaseException:
            self._port = port
            self._shut()
            raise

    def _ready(self) -> None:
        if self._port is not None:
            self._port.lower()
        self.wake()

    def wake(self) -> None:
        """Have all tasks that wait look. Called by the loop's thread."""
        for news in self._waiting:
            _set(news)

    def _rest(self) -> None:
        self._will_rest = False
        if not self._waiting:
            self._shut()

    def _shut(self) -> None:
        """Give the descriptor up. The loop has to forget it before another file gets its number."""
        port, self._port = self._port, None
        if port is None:
            return
        port.unwatch()
        loop = self._loop()
        if loop is not None and not loop.is_closed() and port.fileno() == self._descriptor:
            loop.remove_reader(self._descriptor)
        port.close()
        self._descriptor = -1

    def close(self) -> None:
        """The queue is about to be closed: tasks that wait find that out."""
        port, loop = self._port, self._loop()
        if os.getpid() != self._pid or loop is None:  # of a parent's loop the selector is the parent's, too
            self._loop_has_gone(None)
        elif threading.get_ident() == self._thread or not loop.is_running():
            self._shut()
            if not loop.is_closed():
                self.wake()
        elif port is not None:
            port.unwatch()
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._shut)
                loop.call_soon_threadsafe(self.wake)


def watch_of(queue: ThreadQueue) -> LoopWatch:
    """Return what tasks of the running event loop wait by.

    Raises:
        RuntimeError: No event loop runs in this thread.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    watch = queue.loop_watch
    if watch is None or watch.loop is not loop:
        if watch is not None:
            watch.close()
        watch = queue.loop_watch = LoopWatch(queue, loop)
    return watch


def _set(news: asyncio.Future[None]) -> None:
    if not news.done():
        news.set_result(None)

"""The hub of the calls of an event loop: the loop itself takes their answers, told by a descriptor.

The descriptor is that of a completion port of the kernel. One thread of the process, which never has the GIL, makes it
readable when the queue for answers has something. The loop looks at the queue in a step of its own, so an answer is
there when its task goes on, and no other thread of Python's takes part.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ntipc import _kernel
from ntipc.errors import NtError
from ntipc.ports.calls import PortCall
from ntipc.ports.hub import Hub, report
from ntipc.ports.thread_hub import ThreadHub

if TYPE_CHECKING:
    import asyncio

IDLE_SECONDS = 0.5
"""How long the descriptor is kept after the last call."""
AT_A_TIME = 100
"""Answers that are taken in one step of the loop."""
LOOKS = 64
"""Looks for an answer before the loop sleeps, at most: some 30 microseconds."""
_LONGEST_WAIT = 0.5


class LoopHub(Hub):
    """The calls of one event loop in one session. Used by the loop's thread, but for what ends it."""

    def __init__(self, native: _kernel.Session, loop: asyncio.AbstractEventLoop, threads: ThreadHub) -> None:
        self._loop = weakref.ref(loop)
        self._thread = threading.get_ident()
        self._threads = threads
        """Hears of the connections that have ended."""
        self._port: _kernel.CompletionPort | None = None
        self._descriptor = -1
        self._will_look = False
        self._patience = LOOKS
        self._moments = 0
        self._will_rest = False  # no handle of the timer: it would keep the loop
        super().__init__(native)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop whose calls they are; ``None`` once it is gone."""
        return self._loop()

    @property
    def is_here(self) -> bool:
        """Whether this thread is that of the loop."""
        return self._thread == threading.get_ident()

    def _start(self) -> None:
        self._thread = threading.get_ident()  # a loop may go on in another thread
        port = self._port
        if port is None or port.fileno() != self._descriptor:
            self._port = None
            if port is not None:  # the program has closed the descriptor
                port.close()
            self._open()
        if not self._will_look:
            loop = self._loop()
            assert loop is not None
            loop.call_soon(self._look)
            self._will_look = True

    def _open(self) -> None:
        loop = self._loop()
        assert loop is not None
        port = _kernel.CompletionPort()
        try:
            descriptor = port.fileno()
            assert descriptor is not None
            if descriptor == self._descriptor:
                loop.remove_reader(descriptor)  # it still knows the number, from before the program closed it
            loop.add_reader(descriptor, self._ready)
            self._port, self._descriptor = port, descriptor
            port.watch(self._reader)
            port.watch(self._threads._reader)
        except BaseException:
            self._port = port
            self._shut()
            raise

    def _shut(self) -> None:
        """Give the descriptor up. The loop has to forget it before another file gets its number."""
        port, self._port = self._port, None
        loop = self._loop()
        if port is None:
            return
        port.unwatch()
        if loop is not None and not loop.is_closed() and port.fileno() == self._descriptor:
            loop.remove_reader(self._descriptor)
        port.close()
        self._descriptor = -1

    def _look(self) -> None:
        """Look for answers when the tasks that were ready have had their turn, for a moment if that was of use before.

        An answer that comes within a few microseconds takes no other thread, and no sleep of the loop's.
        """
        self._will_look = False
        if self._port is None:
            return
        self._moments += 1
        for _ in range(LOOKS if self._moments % LOOKS == 0 else self._patience):
            try:
                frame = self._reader._take(None, 0)
            except NtError:
                break  # what follows finds out why
            if frame is not None:
                self._patience = min(self._patience * 2, LOOKS)
                self._take_in(frame)
                break
        else:
            self._patience = max(self._patience // 2, 1)
        self._go_on()

    def _ready(self) -> None:
        """Take what has come: the descriptor says that something has."""
        if self._port is not None:
            self._port.lower()
            self._go_on()

    def _go_on(self) -> None:
        """Take what there is, and be told of more as long as calls are under way."""
        port, loop = self._port, self._loop()
        if port is None or loop is None:
            return
        if self._take_some():
            loop.call_soon(self._go_on)  # others are to have their turn
        elif self._calls:
            port.arm()
        elif not self._will_rest:
            self._will_rest = True
            loop.call_later(IDLE_SECONDS, self._rest)

    def _take_some(self) -> bool:
        """Take answers, up to a number; whether there may be more."""
        try:
            self._threads.take_what_is_there()
        except NtError:
            pass  # closed: as its own queue is
        except Exception:
            report()
        for _ in range(AT_A_TIME):
            try:
                frame = self._reader._take(None, 0)
            except NtError:  # the session is left, or damaged
                self.lose(lambda client: True)
                return False
            if frame is None:
                return False
            self._take_in(frame)
        return True

    def _take_in(self, frame: _kernel.Frame) -> None:
        try:
            self._deal_with(frame)
        except Exception:  # it has ended its call, and no other
            report()

    def _rest(self) -> None:
        self._will_rest = False
        if not self._calls:
            self._shut()

    def help(self, call: PortCall, timeout: float | None) -> None:
        """Take answers where the loop cannot: in its own thread, which waits here, or while it does not run."""
        end = None if timeout is None else time.monotonic() + timeout
        while not call.done():
            left = _LONGEST_WAIT if end is None else max(min(end - time.monotonic(), _LONGEST_WAIT), 0)
            loop = self._loop()
            if not self.is_here and loop is not None and loop.is_running():
                call._wait(left)
            else:
                try:
                    _kernel.wait_multiple((self._reader, self._threads._reader), False, left)
                except NtError:
                    self.lose(lambda client: True)
                self._take_some()
            if end is not None and time.monotonic() >= end:
                return

    def run_callbacks(self, call: PortCall, callbacks: Iterable[Callable[[PortCall], object]]) -> None:
        """Run them in the loop's thread."""
        loop = self._loop()
        if self.is_here or loop is None:
            super().run_callbacks(call, callbacks)
            return
        with suppress(RuntimeError):  # it is closed, and nobody awaits any more
            loop.call_soon_threadsafe(super().run_callbacks, call, callbacks)

    def close(self) -> None:
        """Take no more answers; calls that are under way are lost."""
        loop = self._loop()
        if self.is_here or loop is None or not loop.is_running():
            self._shut()
        elif self._port is not None:
            self._port.unwatch()
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._shut)
        self._reader.close()
        self._keeper.close()
        self.lose(lambda client: True)

    def forget(self) -> None:
        """In a forked child: the loop is the parent's, and nothing may be said to the selector that both share."""
        port, self._port = self._port, None
        if port is not None:
            port.close()
        super().forget()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of asyncio's that runs in this thread, without importing asyncio for it."""
    events = sys.modules.get("asyncio.events")
    find = getattr(events, "_get_running_loop", None)  # it may be half imported, by another thread
    return find() if find is not None else None

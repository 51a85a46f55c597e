"""Calls that belong to no thread: begun, waited for by any thread or task, withdrawn. Answers are taken by a hub."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ntipc.errors import Status, from_status
from ntipc.objects.object import NtObject

if TYPE_CHECKING:
    import asyncio

    from ntipc.ports.client import PortClient
    from ntipc.ports.hub import Hub


def closed_lock() -> threading.Lock:
    """Return a lock that a waiter gets when something has happened."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class Reply:
    """The answer to a call that came with objects.

    Attributes:
        data: The bytes.
        handles: New handles to the objects that the server gave.
    """

    __slots__ = ("data", "handles")

    def __init__(self, data: bytes, handles: Sequence[NtObject]) -> None:
        self.data = data
        self.handles = tuple(handles)

    def __repr__(self) -> str:
        return f"Reply({self.data!r}, {self.handles!r})"


class PortCall:
    """A call that was begun: :meth:`PortClient.begin`. A coroutine may await it: ``await call`` is its result.

    >>> import ntipc
    >>> port = ntipc.Port("asked")
    >>> with ntipc.PortClient._pair(port) as client:
    ...     call = client.begin(b"2 + 2")
    ...     port.receive().reply(b"4")
    ...     call.result(timeout=10)
    b'4'
    >>> port.close()
    """

    __slots__ = (
        "__weakref__",
        "_badge",
        "_callbacks",
        "_client",
        "_error",
        "_hub",
        "_is_done",
        "_lock",
        "_news",
        "_number",
        "_result",
        "_tag",
    )

    def __init__(self, client: PortClient, hub: Hub, number: int, tag: int) -> None:
        self._client = client
        self._hub = hub
        self._number = number
        self._tag = tag
        self._badge = (0, 0)
        self._lock = threading.RLock()  # a signal handler may come in between
        self._is_done = False
        self._news = closed_lock()
        self._result: bytes | Reply | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[PortCall], object]] = []

    def done(self) -> bool:
        """Say whether the answer is here, or it is certain that none will come."""
        return self._is_done

    def result(self, timeout: float | None = None) -> bytes | Reply:
        """Wait for the answer.

        Args:
            timeout: Seconds to wait; 0 to only look, ``None`` for ever. The call goes on after a timeout.

        Raises:
            Timeout: It did not come in time.
            ReplyLost: The server ended, or ended the connection, without an answer.
            NtError: The call was withdrawn.
        """
        if not self._is_done:
            self._hub.help(self, timeout)
        if not self._wait(timeout):
            raise self._late("result")
        return self._outcome()

    async def result_async(self, timeout: float | None = None) -> bytes | Reply:
        """As :meth:`result`, for a coroutine. The call goes on after a timeout, and if the coroutine is cancelled.

        Raises:
            Timeout: It did not come in time.
            ReplyLost: The server ended, or ended the connection, without an answer.
            NtError: The call was withdrawn.
        """
        if not self._is_done and not await self._told(timeout):
            raise self._late("result_async")
        return self._outcome()

    def __await__(self) -> Generator[Any, Any, bytes | Reply]:
        return self.result_async().__await__()

    def _outcome(self) -> bytes | Reply:
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _late(self, call: str) -> Exception:
        return from_status(Status.TIMEOUT, f"PortCall.{call}", self._client._subject, "no answer has come")

    def _wait(self, timeout: float | None) -> bool:
        """Wait until it is done. ``threading.Event`` does not survive a signal handler that raises in its wait."""
        if not self._is_done:
            try:
                self._news.acquire(True, -1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX))
            finally:
                if self.done():
                    with suppress(RuntimeError):  # somebody else did
                        self._news.release()  # for the next that waits
        return self.done()

    async def _told(self, timeout: float | None) -> bool:
        """Wait until it is done, without blocking the event loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        tell = partial(_tell, loop, future)
        self.add_done_callback(tell)
        try:
            if timeout is None:
                await future
            else:
                await asyncio.wait((future,), timeout=max(timeout, 0))
        finally:
            if not self._is_done:
                with self._lock, suppress(ValueError):  # it is being told
                    self._callbacks.remove(tell)
        return self._is_done

    def exception(self) -> BaseException | None:
        """Return what :meth:`result` would raise; ``None`` for an answer, or while nothing is known."""
        return self._error

    def withdraw(self) -> None:
        """Give the call up. The server learns it: ``message.is_withdrawn``. Does nothing if the call is done."""
        if not self.done():
            self._hub.withdraw(self)

    def add_done_callback(self, function: Callable[[PortCall], object]) -> None:
        """Call ``function(call)`` when the call is done, at once if it is. It must not block.

        A call that was begun in a coroutine calls it in the thread of its event loop, another one in a thread of the
        library's. What it raises there goes to :func:`threading.excepthook`.
        """
        with self._lock:
            if not self._is_done:
                self._callbacks.append(function)
                return
        function(self)

    def _finish(self, result: bytes | Reply | None, error: BaseException | None) -> None:
        with self._lock:
            if self._is_done:
                return
            self._result, self._error = result, error
            self._is_done = True
            with suppress(RuntimeError):
                self._news.release()
            callbacks, self._callbacks = self._callbacks, []
        if callbacks:
            self._hub.run_callbacks(self, callbacks)


def _tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None], call: PortCall) -> None:
    """Have a coroutine go on: in the thread of its own loop, which need not be the one where the call was begun."""
    if loop is call._hub.loop and call._hub.is_here:
        _set(future)
        return
    with suppress(RuntimeError):  # the loop is closed, and nobody awaits any more
        loop.call_soon_threadsafe(_set, future)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

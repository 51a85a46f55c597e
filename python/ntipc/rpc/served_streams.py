"""Streams where they are produced: a generator that is at most so many items ahead of its consumer.

An item stays here until the consumer says that it has passed it, so that an answer that nobody took (its caller timed
out or was cancelled) loses none. Invariant: ``len(_items) <= ahead``; ``_passed`` counts the items that are gone; one
thread or task at a time produces, and says so in ``_producing``, under the lock.

No thread waits for a slow consumer: production stops when there is no room, and the request that makes room goes on
with it.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import msgpack

from ntipc.rpc.buffers import Packer
from ntipc.rpc.current import CurrentCall, within
from ntipc.rpc.problems import ValidationError

if TYPE_CHECKING:
    from ntipc.ports import PortMessage
    from ntipc.rpc.handlers import Handler

Send = Callable[["PortMessage", bytes, "Packer | None"], bool]
Tell = Callable[[BaseException, str], bytes]


class ServedStream(ABC):
    """One stream of one client; a subclass says how items are produced.

    Args:
        iterator: What the method returned.
        handler: The method.
        call: What ``current()`` is for the generator.
        send: Answers a request; whether anybody waited for the answer.
        tell: Logs a failure, and writes it as a reply.
        gone: Called when nothing more will be asked of the stream.
        session: The session of what goes along with items.
    """

    def __init__(
        self,
        iterator: Any,
        handler: Handler,
        call: CurrentCall,
        send: Send,
        tell: Tell,
        gone: Callable[[], object],
        session: Any,
    ) -> None:
        self._iterator = iterator
        self._codec = handler.codec
        self._ahead = handler.method.marks.ahead
        self._call = call
        self._send = send
        self._tell = tell
        self._gone = gone
        self._session = session
        self._lock = threading.Lock()
        self._items: deque[tuple[bytes, Packer | None]] = deque()
        self._passed = 0
        self._end: bytes | None = None
        self._asked: PortMessage | None = None
        self._closing: list[PortMessage] = []
        self._producing = False
        self._closed = False

    def take(self, message: PortMessage | None, passed: int) -> bool:
        """Forget what is passed, and answer with what is there or comes next; whether production has to go on."""
        with self._lock:
            if not self._passed <= passed <= self._passed + len(self._items):
                raise ValidationError("a stream was asked for items that it does not have")
            while self._passed < passed:
                _, packer = self._items.popleft()
                self._passed += 1
                if packer is not None:
                    packer.release()
            if message is not None:
                self._asked = message
            self._answer()
            return self._has_to_go_on()

    def close(self, message: PortMessage | None) -> bool:
        """End the stream, and answer when its ``finally`` has run; whether the caller has to run that, by `produce`."""
        self._call._close()
        with self._lock:
            self._closed = True
            if message is not None:
                self._closing.append(message)
            if self._producing:
                self._interrupt()
                return False
            self._producing = True
            return True

    @abstractmethod
    def produce(self) -> None:
        """Go on until there is no room."""

    def _has_to_go_on(self) -> bool:
        wanted = not self._producing and not self._closed and self._end is None and len(self._items) < self._ahead
        self._producing |= wanted
        return wanted

    @abstractmethod
    def _interrupt(self) -> None:
        """Tell what produces just now that it is no longer wanted."""

    def _answer(self) -> None:
        """Answer the request that waits, if there is something to say. Under the lock."""
        if self._asked is None or not (self._items or self._end is not None):
            return
        message, self._asked = self._asked, None
        items = list(self._items)
        packer = None
        if self._codec.result_carries and items:
            items = items[:1]
            packer = items[0][1]
        end = self._end if len(items) == len(self._items) else None
        data = msgpack.encode(([msgspec.Raw(each) for each, _ in items], end))
        if self._send(message, data, packer) and end is not None:
            self._gone()

    def _produced(self, data: bytes, packer: Packer | None) -> bool:
        """Keep an item; whether to go on."""
        with self._lock:
            self._items.append((data, packer))
            self._answer()
            self._producing = not self._closed and len(self._items) < self._ahead
            if self._closed:
                self._producing = True  # still ours: the generator is to be closed
            return self._producing

    def _ended(self, end: bytes) -> None:
        with self._lock:
            self._producing = False
            if self._end is None:
                self._end = end
            self._answer()
            if self._closed:
                self._finish()

    def _finish(self) -> None:
        """Answer those who closed the stream. Under the lock."""
        for _, packer in self._items:
            if packer is not None:
                packer.release()
        self._items.clear()
        closing, self._closing = self._closing, []
        failed = self._end if self._end else msgpack.encode(None)
        for message in closing:
            self._send(message, failed, None)
        self._gone()


class SyncStream(ServedStream):
    """A stream that an ordinary generator, or any iterator, produces."""

    def produce(self) -> None:
        """Go on until there is no room."""
        within(self._call, self._produce)

    def _interrupt(self) -> None:
        pass  # nothing can interrupt a generator that runs; it is closed behind its next item

    def _produce(self) -> None:
        end = b""
        try:
            while not self._closed:
                item = next(self._iterator)
                if not self._produced(*self._codec.encode_result(item, self._session)):
                    return
            close = getattr(self._iterator, "close", None)
            if close is not None:
                close()
        except StopIteration:
            pass
        except BaseException as error:
            end = self._tell(error, self._codec.where)
            close = getattr(self._iterator, "close", None)
            if close is not None:
                try:
                    close()
                except Exception as another:
                    self._tell(another, self._codec.where)
        self._ended(end)


class AsyncStream(ServedStream):
    """A stream that an asynchronous generator produces, in tasks of its loop."""

    def __init__(self, *arguments: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(*arguments)
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._inside = False

    def produce(self) -> None:
        """Go on until there is no room, in the loop."""
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._task = self._loop.create_task(within(self._call, self._produce))

    def _interrupt(self) -> None:
        def cancel() -> None:
            if self._task is not None and self._inside:  # before its first step it sees for itself that it is closed
                self._task.cancel()

        self._loop.call_soon_threadsafe(cancel)

    async def _produce(self) -> None:
        end = b""
        try:
            self._inside = True
            while not self._closed:
                item = await anext(self._iterator)
                if not self._produced(*self._codec.encode_result(item, self._session)):
                    self._inside = False
                    return
            await self._close()
        except StopAsyncIteration:
            pass
        except asyncio.CancelledError as error:
            if not self._closed:
                end = self._tell(error, self._codec.where)
            await self._close()
        except BaseException as error:
            end = self._tell(error, self._codec.where)
            await self._close()
        self._inside = False
        self._ended(end)

    async def _close(self) -> None:
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            try:
                await close()
            except Exception as error:
                self._tell(error, self._codec.where)

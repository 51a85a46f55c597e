"""Streams where they are consumed: iterators that ask for items in batches, and tell what they have passed.

Half way through a batch the consumer tells the producer to go on, so that it works while the consumer does. The death
of the server raises in the consumer, after the items that had come.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from ntipc._runtime.threads import Farewell
from ntipc.errors import HandleClosed, NtError
from ntipc.rpc import protocol
from ntipc.rpc.buffers import Luggage
from ntipc.rpc.failures import exception_of
from ntipc.rpc.problems import ValidationError

if TYPE_CHECKING:
    from ntipc.ports import PortClient
    from ntipc.rpc.handlers import MethodCodec


class _Consumer:
    """What both kinds of streams have."""

    def __init__(self, link: Any, codec: MethodCodec, timeout: float | None) -> None:
        self._link = link
        self._codec = codec
        self._timeout = timeout
        self._client: PortClient | None = None
        self._number = 0
        self._items: deque[Any] = deque()
        self._received = 0
        self._tell_at = -1
        self._end: BaseException | None = None
        self._is_over = False
        self._farewell: Farewell | None = None

    def _opened(self, client: PortClient, data: bytes | memoryview) -> None:
        self._client = client
        try:
            self._number = msgspec.msgpack.decode(data, type=int)
        except msgspec.DecodeError as error:
            raise ValidationError(f"{self._link.where} did not answer with a stream: {error}") from None
        self._farewell = Farewell(self, partial(_forgotten, self._link, self._codec.where, client, self._number))

    def _ended(self) -> None:
        """Its producer need not be told any more."""
        self._is_over = True
        if self._farewell is not None:
            self._farewell.cancel()

    def _next_here(self) -> Any:
        """Return the next item that is here."""
        item = self._items.popleft()
        if len(self._items) == self._tell_at and not self._is_over:
            assert self._client is not None
            try:
                self._link.check(self._client, self._codec.where)
                passed = protocol.PASSED.write(self._number, self._received - len(self._items))
                self._link.tell(self._client, passed, surely=False)  # the next request says so, too
            except (NtError, ValueError):
                pass  # the next request says that the server has gone
        return item

    def _keep(self, data: bytes | memoryview, handles: Any) -> None:
        """Take in a batch."""
        try:
            items, end = protocol.read_batch(data)
        except msgspec.DecodeError as error:
            raise ValidationError(f"{self._link.where} did not answer with items: {error}") from None
        luggage = Luggage(handles) if handles else None
        try:
            decoded = [self._codec.decode_result(bytes(item), luggage) for item in items]
        finally:
            if luggage is not None:
                luggage.close()
        self._items.extend(decoded)
        self._received += len(decoded)
        self._tell_at = len(self._items) // 2 if len(decoded) > 1 else -1
        if end is not None:
            self._ended()
            self._end = exception_of(end, self._link.declared, self._link.where) if end else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._codec.where}{' ended' if self._is_over else ''}>"


def _forgotten(link: Any, where: str, client: PortClient, number: int) -> None:
    """Tell the producer of a stream that nobody has any more, without waiting for it."""
    with suppress(NtError, ValueError):
        link.check(client, where)
        link.tell(client, protocol.CLOSE.write(number), surely=True)


class Stream(_Consumer):
    """An iterator over what a generator of the service yields.

    ``close()``, or leaving ``with``, ends it: the generator's ``finally`` has run when that returns.
    """

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if self._items:
            return self._next_here()
        while not self._is_over:
            if self._client is None:
                raise StopIteration
            self._link.check(self._client, self._codec.where)
            asked = protocol.TAKE.write(self._number, self._received)
            data, handles = self._link.call(self._codec, self._client, asked, self._timeout, None)
            self._keep(self._link.answer(data), handles)
            if self._items:
                return self._next_here()
        end, self._end = self._end, None
        if end is not None:
            raise end
        raise StopIteration

    def close(self) -> None:
        """End the stream, and wait until the generator has ended.

        Raises:
            Exception: What the generator's ``finally`` raised.
        """
        client, self._client = self._client, None
        self._items.clear()
        if client is None or self._is_over:
            self._ended()
            return
        self._ended()
        try:
            self._link.check(client, self._codec.where)
            reply = self._link.call(self._codec, client, protocol.CLOSE.write(self._number), self._timeout, None)
        except (ConnectionError, HandleClosed):
            return  # the server has gone, and the generator with it
        self._link.answer(reply[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(_Consumer):
    """An asynchronous iterator over what a generator of the service yields.

    ``aclose()``, or leaving ``async with``, ends it: the generator's ``finally`` has run when that returns.
    """

    def __init__(self, link: Any, codec: MethodCodec, timeout: float | None, open_stream: Any) -> None:
        super().__init__(link, codec, timeout)
        self._open: Any = open_stream

    async def _begin(self) -> None:
        if self._open is not None:
            begin, self._open = self._open, None
            await begin(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        await self._begin()
        if self._items:
            return self._next_here()
        while not self._is_over:
            if self._client is None:
                raise StopAsyncIteration
            self._link.check(self._client, self._codec.where)
            asked = protocol.TAKE.write(self._number, self._received)
            data, handles = await self._link.call_async(self._codec, self._client, asked, self._timeout, None)
            self._keep(self._link.answer(data), handles)
            if self._items:
                return self._next_here()
        end, self._end = self._end, None
        if end is not None:
            raise end
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the stream, and await the end of the generator.

        Raises:
            Exception: What the generator's ``finally`` raised.
        """
        self._open = None
        client, self._client = self._client, None
        self._items.clear()
        if client is None or self._is_over:
            self._ended()
            return
        self._ended()
        asked = protocol.CLOSE.write(self._number)
        try:
            self._link.check(client, self._codec.where)
            reply = await self._link.call_async(self._codec, client, asked, self._timeout, None)
        except (ConnectionError, HandleClosed):
            return
        self._link.answer(reply[0])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

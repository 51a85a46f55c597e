"""Objects of clients, as a service's methods see them: their methods run in the client's process.

A client that has let objects travel keeps one request, ``$next``, waiting. The service answers it with what it wants
called; the client asks again at once, runs the method, and sends the result by ``$answer``. So a method may call while
its caller waits, later, from any thread, and any number at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import msgpack

from ntipc._runtime.threads import Farewell
from ntipc.errors import NtError, Status, from_status
from ntipc.objects.object import NtObject
from ntipc.rpc.buffers import Packer
from ntipc.rpc.handlers import MethodCodec, close_all
from ntipc.rpc.interface import EXACT, Fit, Interface

if TYPE_CHECKING:
    from ntipc.ports import PortMessage

Answer = tuple[bytes, Sequence[NtObject]]
_NOTHING = msgpack.encode((0, 0, b""))
"""The answer to a client that offers to run callbacks when none will be wanted any more."""
MOST_WANTED = 10_000
"""Calls that wait for one client to ask for them, and objects that it does not let go of; it may be stopped."""


class CallbackChannel:
    """What the service wants of one client's objects.

    ``_lock`` guards everything below it. A reference may go at any step of the thread that has it, and is let go then.
    """

    def __init__(self, send: Callable[[PortMessage, bytes, Packer | None], bool], client: str, session: Any) -> None:
        self._send = send
        self.client = client
        self.session = session
        self._lock = threading.RLock()
        self._asked: PortMessage | None = None
        self._wanted: deque[tuple[bytes, Packer | None]] = deque()
        self._waiting: dict[int, Future[Answer]] = {}
        self._count = 0
        self._gone = False

    def begin(self, number: int, data: bytes, packer: Packer | None, *, one_way: bool = False) -> Future[Answer]:
        """Want a method of an object called."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._gone:
                raise self.lost("it is gone")
            self.check_room()
            self._count += 1
            self._waiting[self._count] = answer
            answer_number = self._count
            self._wanted.append((msgpack.encode((self._count, number, data)), packer))
            self._pass_on()
        if one_way:
            with self._lock:
                self._waiting.pop(answer_number, None)
            answer.set_result((msgpack.encode(None), ()))
        else:
            answer.add_done_callback(lambda _: self._forget(answer_number))
        return answer

    def check_room(self) -> None:
        """Let nothing more travel to a client that does not take what waits for it.

        Raises:
            OutOfResources: So much waits already.
        """
        if len(self._wanted) >= MOST_WANTED:
            detail = f"it has left {MOST_WANTED:,} calls and notices of the service's waiting"
            raise from_status(Status.QUOTA_EXCEEDED, "Calling back", self.client, detail)

    def let_go(self, number: int) -> None:
        """Nothing here refers to an object any more."""
        with self._lock:
            if not self._gone:
                self._wanted.append((msgpack.encode((0, number, b"")), None))
                self._pass_on()

    def next(self, message: PortMessage) -> None:
        """The client asks what is wanted of it."""
        with self._lock:
            if not self._gone:
                self._asked = message
                self._pass_on()
                return
        self._send(message, _NOTHING, None)  # its end was heard of by another thread meanwhile

    def answer(self, number: int, data: bytes, handles: Sequence[NtObject]) -> None:
        """The client has called a method."""
        with self._lock:
            waiting = self._waiting.pop(number, None)
        if waiting is None or not waiting.set_running_or_notify_cancel():
            close_all(handles)
        else:
            waiting.set_result((data, handles))

    def fail(self) -> None:
        """The client is gone."""
        with self._lock:
            self._gone = True
            waiting, self._waiting = self._waiting, {}
            self._wanted.clear()
            asked, self._asked = self._asked, None
        if asked is not None:  # a thread of a client that has closed its side still waits
            self._send(asked, _NOTHING, None)
        for each in waiting.values():
            if each.set_running_or_notify_cancel():
                each.set_exception(self.lost("it ended before it answered"))

    def lost(self, detail: str) -> NtError:
        """Make the error of a call into a client that is gone."""
        return from_status(Status.LPC_REPLY_LOST, "Calling back", self.client, detail)

    def _forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)

    def _pass_on(self) -> None:
        """Answer the client's request, if it waits and something is wanted. Under the lock."""
        while self._asked is not None and self._wanted:
            message, self._asked = self._asked, None  # from here on, what comes in between only adds to what is wanted
            if self._send(message, *self._wanted[0]):
                self._wanted.popleft()


class CallbackLink:
    """What a proxy for a client's object calls through."""

    def __init__(self, channel: CallbackChannel, number: int, interface: Interface) -> None:
        self._channel = channel
        self._number = number
        self.interface = interface
        self.session = channel.session
        self.references = None
        self.plain_client = None
        self.declared = interface.exceptions
        self.where = f"{interface.title} of {channel.client}"

    def ready(self, name: str) -> tuple[CallbackLink, Fit]:
        """Return what calls are made on."""
        return self, EXACT

    async def ready_async(self, name: str) -> tuple[CallbackLink, Fit]:
        """Return what calls are made on."""
        return self, EXACT

    def call(
        self, codec: MethodCodec, target: Any, data: bytes, timeout: float | None, packer: Packer | None
    ) -> Answer:
        """Call, and wait for the answer."""
        answer = self._channel.begin(self._number, data, packer)
        try:
            return answer.result(timeout)
        except TimeoutError as error:
            if isinstance(error, NtError):
                raise
            answer.cancel()
            raise from_status(Status.TIMEOUT, codec.where, self._channel.client) from None

    async def call_async(
        self, codec: MethodCodec, target: Any, data: bytes, timeout: float | None, packer: Packer | None
    ) -> Answer:
        """Call, and await the answer."""
        answer = self._channel.begin(self._number, data, packer)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.wrap_future(answer)
        except TimeoutError as error:
            if isinstance(error, NtError):
                raise
            raise from_status(Status.TIMEOUT, codec.where, self._channel.client) from None

    def send(self, codec: MethodCodec, target: Any, data: bytes, timeout: float | None, packer: Packer | None) -> None:
        """Call, and wait for nothing."""
        self._channel.begin(self._number, data, packer, one_way=True)

    async def send_async(
        self, codec: MethodCodec, target: Any, data: bytes, timeout: float | None, packer: Packer | None
    ) -> None:
        """Call, and await nothing."""
        self.send(codec, target, data, timeout, packer)


class ServedReferences:
    """What stands for the objects of one client."""

    def __init__(self, channel: CallbackChannel) -> None:
        self._channel = channel

    def export(self, thing: object, interface: Interface) -> int:
        """Refuse: a service's own objects do not travel by reference."""
        raise TypeError("objects of a service do not travel by reference, only arguments of its clients")

    def arrived(self, number: int, interface: Interface) -> object:
        """Make a proxy for a client's object, which the client keeps until the proxy goes."""
        from ntipc.rpc.proxy import make_proxy

        self._channel.check_room()
        proxy = make_proxy(CallbackLink(self._channel, number, interface), None)
        Farewell(proxy, partial(self._channel.let_go, number))
        return proxy

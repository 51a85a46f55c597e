"""The client's side of a connection: connect, check the interface, call, and connect again after the server's death."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import msgpack

from ntipc._runtime.deadlines import Deadline
from ntipc._runtime.forks import PartedAtFork
from ntipc._runtime.turns import Turns
from ntipc.errors import (
    ConnectionRefused,
    HandleClosed,
    NtError,
    ObjectNotFound,
    PeerGone,
    ReplyLost,
    Status,
    Timeout,
    describe,
    from_status,
)
from ntipc.objects.object import NtObject
from ntipc.ports import PortClient, wire
from ntipc.rpc import protocol
from ntipc.rpc.buffers import Packer, session_of
from ntipc.rpc.callbacks import ExportedObjects
from ntipc.rpc.failures import FAILURE, exception_of
from ntipc.rpc.handlers import MethodCodec
from ntipc.rpc.interface import EXACT, Fit, Interface, fit
from ntipc.rpc.problems import ValidationError, mismatch
from ntipc.rpc.protocol import PROTOCOL, Hello, Welcome, read_welcome
from ntipc.session.session import Session

if TYPE_CHECKING:
    pass

PATIENCE = 1.0
"""Seconds after which a client that connects again looks whether the name is still there."""
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05
"""Seconds between two looks of a coroutine for room at the service's."""

Answer = tuple["bytes | memoryview", Sequence[NtObject]]


class Link:
    """What a proxy calls through: a connection that is made again when the server has gone and another one has come.

    Free for all threads, tasks, and after a fork. A call is never repeated here unless its method is idempotent.

    Attributes:
        plain_client: The connection, if calls of it need no more thought.
    """

    def __init__(
        self, name: str, interface: Interface, version: Any, timeout: float | None, session: Session | str | None
    ) -> None:
        self.name = name
        self.interface = interface
        self.version = version
        self.session = session_of(name, session)
        self._given_session = session
        self.declared = interface.exceptions
        self.where = describe("service", name)
        self.pid = 0
        self._hello = msgpack.encode(Hello(PROTOCOL, version, interface.title))
        self._turns = Turns()
        self._closed = False
        self._client: PortClient | None = None
        self.plain_client: PortClient | None = None
        self._fits: Mapping[str, Fit] = {}
        self.references = ExportedObjects(self)
        _LINKS.add(self)
        with self._turns.lock:
            self._connect(Deadline(timeout))

    # Connecting

    def ready(self, name: str) -> tuple[PortClient, Fit]:
        """Return the connection, made again if need be, and how a method is to be called.

        Raises:
            PeerGone: The server has gone, and no other has come.
            InterfaceMismatch: Another one has come, and does not fit.
            HandleClosed: The proxy is closed.
        """
        client = self._client
        if client is None or not client.is_connected:
            client = self._connect_again()
        return client, self._fits.get(name, EXACT)

    async def ready_async(self, name: str) -> tuple[PortClient, Fit]:
        """As :meth:`ready`, without blocking the loop."""
        client = self._client
        if client is None or not client.is_connected:
            client = await asyncio.to_thread(self._connect_again)
        return client, self._fits.get(name, EXACT)

    def check(self, client: PortClient, where: str) -> None:
        """Refuse what belongs to a connection of before: a server that has ended, or the parent of a forked child.

        Raises:
            PeerGone: It does.
        """
        if client is not self._client:
            if self._closed:
                raise from_status(Status.INVALID_HANDLE, where, self.where, "its proxy is closed")
            raise from_status(Status.PORT_DISCONNECTED, where, self.where, "it belongs to a connection of before")

    def leave_to_parent(self) -> None:
        """In a forked child: the connection is the parent's, and this process connects for itself when it calls."""
        self._client = self.plain_client = None
        self.references.leave_to_parent()

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        self.plain_client = None
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connect_again(self) -> PortClient:
        with self._turns.lock:
            if self._closed:
                raise from_status(Status.INVALID_HANDLE, "The call", self.where, "its proxy is closed")
            client = self._client
            if client is not None and client.is_connected:
                return client  # another thread has done it
            if client is not None:
                client.close()
                self._client = self.plain_client = None
            before = self.pid
            while True:
                try:
                    return self._connect(Deadline(0))
                except ObjectNotFound:
                    detail = f"process {before}, which had it, is gone, and no other process has it"
                    raise from_status(Status.PORT_DISCONNECTED, "The call", self.where, detail) from None
                except Timeout:
                    pass  # there is one, and it is busy or stopped: wait, but look whether it stays
                try:
                    return self._connect(Deadline(PATIENCE))
                except (Timeout, ObjectNotFound):
                    continue

    def _connect(self, deadline: Deadline) -> PortClient:
        try:
            client = PortClient(self.name, data=self._hello, timeout=deadline.left(), session=self._given_session)
        except ConnectionRefused as error:
            words = bytes(getattr(error, "data", b"")).decode(errors="replace")
            raise from_status(
                Status.PORT_CONNECTION_REFUSED, "rpc.connect", self.where, words or "it is ending"
            ) from None
        try:
            self._check(client, deadline)
        except BaseException:
            client.close()
            raise
        self._client = client
        self.plain_client = None if self._fits else client
        return client

    def _check(self, client: PortClient, deadline: Deadline) -> None:
        try:
            welcome: Welcome = read_welcome(client.data)
        except msgspec.DecodeError:
            raise mismatch(self.name, "the port of this name is no ntipc.rpc service") from None
        if welcome.ntipc_rpc != PROTOCOL:
            raise mismatch(self.name, f"it speaks version {welcome.ntipc_rpc} of the protocol, this side {PROTOCOL}")
        if self.version is not None and self.version != welcome.version:
            detail = f"version {self.version!r} is wanted, the service is of version {welcome.version!r}"
            raise mismatch(self.name, detail)
        self._fits = {}
        if welcome.digest != self.interface.digest:
            data = self.ask(client, protocol.DESCRIBE.write(), "rpc.connect", deadline.left() or None)
            try:
                theirs = msgpack.decode(data)[0]
                self._fits = {n: f for n, f in fit(self.interface, theirs, self.name).items() if f != EXACT}
            except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
                if isinstance(error, NtError):
                    raise
                raise mismatch(self.name, f"what it says of itself makes no sense: {error}") from None
        self.pid = welcome.pid

    # Calling

    def call(
        self, codec: MethodCodec, client: PortClient, data: bytes, timeout: float | None, packer: Packer | None
    ) -> Answer:
        """Call, and wait for the answer."""
        while True:
            try:
                handles = () if packer is None else packer.handles
                reply = client.call(data, timeout, handles)
                return (reply, ()) if type(reply) is bytes else parts_of(reply)
            except Timeout:
                raise self._late(codec, timeout) from None
            except (PeerGone, ConnectionError) as error:
                lost = self.lost(codec, error)
            if not codec.method.marks.idempotent:
                raise lost
            codec, client = self._another(codec, lost)

    def after_plain_call(self, codec: MethodCodec, data: bytes, timeout: float | None, error: BaseException) -> Any:
        """Go on where a call failed that did not look first whether the connection is there.

        Returns:
            The answer, of a call that could be repeated; ``None`` if nothing was sent.
        """
        if isinstance(error, Timeout):
            raise self._late(codec, timeout) from None
        if isinstance(error, HandleClosed) or type(error) is PeerGone:
            return None
        lost = self.lost(codec, error)
        if not codec.method.marks.idempotent:
            raise lost from None
        return self.call(*self._another(codec, lost), data, timeout, None)[0]

    async def call_async(
        self, codec: MethodCodec, client: PortClient, data: bytes, timeout: float | None, packer: Packer | None
    ) -> Answer:
        """Call, and await the answer."""
        while True:
            try:
                reply = await client.call_async(data, timeout, () if packer is None else packer.handles)
                return (reply, ()) if type(reply) is bytes else parts_of(reply)
            except Timeout:
                raise self._late(codec, timeout) from None
            except (PeerGone, ConnectionError) as error:
                lost = self.lost(codec, error)
            if not codec.method.marks.idempotent:
                raise lost
            codec, client = await asyncio.to_thread(self._another, codec, lost)

    def send(
        self, codec: MethodCodec, client: PortClient, data: bytes, timeout: float | None, packer: Packer | None
    ) -> None:
        """Call, and wait for nothing but room."""
        try:
            client.send(data, () if packer is None else packer.handles, timeout)
        except Timeout:
            raise self._late(codec, timeout, "the service has left as much unread as it may, for") from None
        except (PeerGone, ConnectionError) as error:
            raise self.lost(codec, error) from None

    async def send_async(
        self, codec: MethodCodec, client: PortClient, data: bytes, timeout: float | None, packer: Packer | None
    ) -> None:
        """Call, and await nothing but room."""
        deadline, pause = Deadline(timeout), FIRST_PAUSE
        while True:
            try:
                self.send(codec, client, data, 0, packer)
                return
            except Timeout:
                left = deadline.left()
                if left == 0:
                    raise
            await asyncio.sleep(pause if left is None else min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)

    def tell(self, client: PortClient, data: bytes, *, surely: bool) -> None:
        """Send a few bytes that nobody answers, without waiting; if surely, also if there is no room for more calls."""
        try:
            client.send(data, timeout=0)
        except Timeout:
            if surely:
                client._writer._put_beyond(data, 0, None, wire.tagged(wire.DATAGRAM))

    def ask(self, client: PortClient, data: bytes, where: str, timeout: float | None = None) -> bytes | memoryview:
        """Ask for something that is no method's result."""
        try:
            reply = client.call(data, timeout)
        except Timeout:
            raise from_status(Status.TIMEOUT, where, self.where, f"no answer came within {timeout} s") from None
        except (PeerGone, ConnectionError) as error:
            raise self._gone(where, error) from None
        return self.answer(reply if type(reply) is bytes else parts_of(reply)[0])

    def answer(self, data: bytes | memoryview) -> bytes | memoryview:
        """Return an answer that is none of a failure."""
        if not len(data):
            raise ValidationError(f"{self.where} gave an empty answer")
        if data[0] == FAILURE:
            raise exception_of(data, self.declared, self.where)
        return data

    def lost(self, codec: MethodCodec, error: BaseException) -> NtError:
        """Make the error of a call whose answer cannot come."""
        return self._gone(codec.where, error)

    def _gone(self, where: str, error: BaseException) -> NtError:
        if isinstance(error, HandleClosed):
            return error
        may_have_run = isinstance(error, ReplyLost)
        status = Status.LPC_REPLY_LOST if may_have_run else Status.PORT_DISCONNECTED
        detail = f"process {self.pid}, which had it, has closed it or is dead"
        if may_have_run:
            detail += "; the call may have run"
        advice = "Call again: the same proxy connects to the server that has the name then"
        return from_status(status, where, self.where, detail, advice=advice)

    def _late(self, codec: MethodCodec, timeout: float | None, what: str = "no answer came within") -> NtError:
        detail = f"{what} {timeout} s"
        return from_status(
            Status.TIMEOUT,
            codec.where,
            self.where,
            detail,
            advice="Give a longer call_timeout, or None to wait for ever",
        )

    def _another(self, codec: MethodCodec, lost: NtError) -> tuple[MethodCodec, PortClient]:
        """Return a copy of a codec whose calls are not repeated again, and another connection."""
        try:
            client, how = self.ready(codec.method.name)
        except (ConnectionError, ObjectNotFound):
            raise lost from None
        if how is not EXACT and how.by_name:
            raise lost
        once = MethodCodec.__new__(MethodCodec)
        once.__dict__.update(codec.__dict__)
        once.method = codec.method._replace(marks=codec.method.marks._replace(idempotent=False))
        return once, client


_LINKS: PartedAtFork[Link] = PartedAtFork(Link.leave_to_parent)


def parts_of(reply: Any) -> Answer:
    """Return the data and the handles of an answer."""
    if isinstance(reply, (bytes, bytearray, memoryview)):
        return bytes(reply) if isinstance(reply, bytearray) else reply, ()
    return reply.data, tuple(reply.handles)

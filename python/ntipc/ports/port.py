r"""Ports: a server with many connected clients, requests and replies, datagrams, objects that travel along.

>>> import ntipc, threading
>>> def serve(port):
...     port.listen().accept(b"welcome")
...     while not (message := port.receive()).is_closed:
...         message.reply(message.data.upper())
>>> port = ntipc.Port("echo")
>>> server = threading.Thread(target=serve, args=(port,))
>>> server.start()
>>> with ntipc.PortClient("echo") as client:
...     client.data, client.call(b"hello")
(b'welcome', b'HELLO')
>>> server.join()
>>> port.close()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from operator import index
from typing import TYPE_CHECKING, Any, Self

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import NtError, ObjectExists, PeerGone, ReplyMismatch, Status, describe, from_status
from ntipc.objects.arrivals import claim_as
from ntipc.objects.composite import Composite
from ntipc.objects.object import NtObject
from ntipc.objects.process_ids import HasPid
from ntipc.objects.waiting import WaitPlan
from ntipc.ports import wire
from ntipc.ports.connection import Connection, ConnectionRequest
from ntipc.ports.known import KnownConnections
from ntipc.ports.message import PortMessage
from ntipc.ports.names import PREFIX, locate
from ntipc.queues.ends import LONGEST_MESSAGE, QueueReader, QueueWriter
from ntipc.sections import Section
from ntipc.session.peers import Sender
from ntipc.session.session import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer

DEFAULT_MAX_MESSAGE = 65_536
DEFAULT_MAX_LARGE = 1 << 28
DEFAULT_CLIENT_QUOTA = 1 << 20
DOOR_QUOTA = 1 << 20
NO_QUOTA = 1 << 40
_ENDS = (QueueWriter, QueueWriter)
_OFFERED: dict[tuple[str, ...], tuple[type[NtObject], ...]] = {
    ("WriteEnd", "WriteEnd"): _ENDS,
    ("WriteEnd", "WriteEnd", "Section"): (*_ENDS, Section),
}
"""What may come with a connection request: the client's inbox, its lifeline, a section."""
_REPLY_AND_RECEIVE = "Port.reply_and_receive"
_KIND, _CALL, _LAST_KIND = wire.KIND, wire.CALL, wire.WITHDRAWN


class Port(Composite, parts=("_door", "_door_keeper", "_messages", "_keeper")):
    """The server's side of a port: it listens for clients, and receives the messages of all that it has accepted.

    Any number of threads may listen and receive; each message goes to one of them. A ``Port`` can be waited for: it is
    set while a client waits to be accepted, or a message waits. Pickled, or sent in a message, it serves in other
    processes as well; each connection belongs to the process that accepted it. A forked child does not serve, unless
    ``forks`` says so.

    Clients cannot harm each other: each has room of its own for what is not received yet, and one that dies, stops or
    floods delays nobody else.

    Args:
        name: Its name. A port can only be made, not opened: clients connect to it.
        max_message: Bytes that a message ordinarily has: what clients learn as the port's maximum, 1 or more. Longer
            data travel all the same, through memory that both share.
        max_large: Bytes that a message may have at most, up to 1 GiB - 1; longer ones are refused.
        client_quota: Bytes of one client that may wait to be received before it has to wait.
        admit: A predicate that is asked before :meth:`listen` returns a request; a client that it is not true of is
            refused. ``request.peer`` has the client's uid and program as Linux knows them.
        forks: Whether forked children serve as well.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectExists: The name is taken.
        ValueError: ``max_message``, ``max_large`` or ``client_quota`` is out of range.
        InvalidName: ``name`` cannot be a name.

    Source:
        NtCreateWaitablePort, NtListenPort, NtReplyWaitReceivePort (NT).

    Differs:
        ``listen`` leaves messages to ``receive``, where NT throws them away; a sender waits for room, where NT fails.
    """

    _kind = "port"
    _several_handles = "a port is several handles: pickle it, or send it in a message"

    _door: QueueReader
    """Connection requests: what the name leads to."""
    _door_keeper: QueueWriter
    _messages: QueueReader
    _keeper: QueueWriter
    """Writing ends of its own: without clients the streams have not ended."""

    def __init__(
        self,
        name: str,
        *,
        max_message: int = DEFAULT_MAX_MESSAGE,
        max_large: int = DEFAULT_MAX_LARGE,
        client_quota: int = DEFAULT_CLIENT_QUOTA,
        admit: Callable[[ConnectionRequest], object] | None = None,
        forks: bool = False,
        session: Session | str | None = None,
    ) -> None:
        self.max_message = _checked("max_message", max_message, LONGEST_MESSAGE)
        self.max_large = _checked("max_large", max(max_large, max_message), LONGEST_MESSAGE)
        quota = _checked("client_quota", client_quota, 1 << 30)
        self.admit = admit
        self._native, self._name = locate("Port", name, session)
        self._subject = describe("port", self._name)
        self._door, self._door_keeper = QueueReader.__new__(QueueReader), QueueWriter.__new__(QueueWriter)
        self._messages, self._keeper = QueueReader.__new__(QueueReader), QueueWriter.__new__(QueueWriter)
        self._connections = KnownConnections(self._messages)
        for part in (self._door, self._door_keeper, self._messages, self._keeper):
            part._describe(self._subject)
        limits = self.max_message, self.max_large
        try:
            self._door._bind(
                self._native, PREFIX + self._name, _kernel.CREATE, 0, DOOR_QUOTA, limits, self._door_keeper, 0, "Port"
            )
        except ObjectExists:
            advice = "A port can only be made: choose another name, or connect to the one that exists"
            raise from_status(Status.OBJECT_NAME_COLLISION, "Port", self._subject, advice=advice) from None
        try:
            known_by = self._door.identity[1], 0  # so that `ntipc ls` knows whose messages these are
            self._messages._bind(
                self._native, None, _kernel.CREATE, 0, NO_QUOTA, known_by, self._keeper, 0, "Port", quota
            )
        except BaseException:
            self.close()
            raise
        self._forks = forks
        if not forks:
            self._leave_at_fork()

    @classmethod
    def create(cls, name: str, **options: Any) -> Self:
        """Make a new port, as the constructor does: neither opens an existing one."""
        return cls(name, **options)

    def duplicate(
        self, process: int | HasPid | None = None, *, access: int | str | None = None, inheritable: bool = False
    ) -> Self:
        """Make another object for the same port, as :meth:`Composite.duplicate` does.

        It serves as another process would: each connection belongs to the object that accepted it.
        """
        twin = super().duplicate(process, access=access, inheritable=inheritable)
        twin._connections = KnownConnections(twin._messages)
        if not self._forks:
            twin._leave_at_fork()
        return twin

    @property
    def name(self) -> str:
        """The name as it was given."""
        return self._name

    @property
    def created(self) -> bool:
        """Whether it was made here, and did not come from another process."""
        return self._door.created

    @property
    def closed(self) -> bool:
        """Whether it is closed here."""
        return self._messages.closed

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections that this process knows of."""
        with suppress(NtError):  # closed meanwhile
            self._connections.forget_ended()  # an interrupt may have cut off what follows from a closing message
        return tuple(self._connections.values())

    def listen(self, timeout: float | None = None) -> ConnectionRequest:
        """Take the next connection request. Messages stay for :meth:`receive`.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: Nobody has asked in time.
            HandleClosed: The port is closed.

        Source:
            NtListenPort (NT).
        """
        deadline = Deadline(timeout)
        while True:
            frame = self._door._take(None, deadline.left(), operation="Port.listen")
            if frame is None:
                raise self._failure(Status.TIMEOUT, "listen", "nobody has asked to connect")
            request = self._request(frame)
            if request is None:
                continue
            try:
                if self.admit is None or self.admit(request):
                    return request
            except BaseException:
                with suppress(NtError):
                    request.refuse()  # the client need not wait until the server has dealt with it
                raise
            request.refuse()

    def _request(self, frame: _kernel.Frame) -> ConnectionRequest | None:
        """Make a request of a frame, unless it is none, or not of this protocol: its sender is not answered."""
        data = frame.data
        if not frame.awaited or frame.tag & wire.KIND != wire.CONNECT or len(data) < wire.HELLO.size:
            return None
        magic, version, _, _ = wire.HELLO.unpack_from(data)
        if magic != wire.MAGIC or version != wire.VERSION:
            return None
        kinds = _OFFERED.get(tuple(frame.carried))
        if kinds is None:
            return None
        arrived = claim_as(frame, kinds)
        return ConnectionRequest(self, frame, arrived, self._native)

    def receive(self, timeout: float | None = None) -> PortMessage:
        """Take the next message, of whichever client.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: None came in time.
            HandleClosed: The port is closed.

        Source:
            NtReplyWaitReceivePort (NT).
        """
        deadline = timeout if timeout is None or timeout == 0 else Deadline(timeout)
        while True:
            left = deadline.left() if isinstance(deadline, Deadline) else deadline
            frame = self._messages._take(None, left, operation="Port.receive")
            if frame is None:
                raise self._failure(Status.TIMEOUT, "receive", "no message has come")
            message = self._message(frame)
            if message is not None:
                return message

    def reply_and_receive(
        self,
        message: PortMessage,
        data: Buffer | Sequence[Buffer],
        handles: Iterable[NtObject] = (),
        timeout: float | None = None,
    ) -> PortMessage:
        """Answer a request and take the next message, as one operation.

        It receives also if the caller has given up or died meanwhile, or the request was answered before: then nobody
        misses the answer. What is wrong with the answer itself is raised, and nothing is received.

        Args:
            message: The request, of this port.
            data: The answer: bytes, or a list or tuple of pieces.
            handles: Up to 8 objects that go along with the answer.
            timeout: Seconds to wait for a message, from the answer on; 0 to only look, ``None`` for ever.

        Raises:
            Timeout: No message came in time. The answer has been given.
            InvalidParameter: The answer is longer than the port's ``max_large``, or there are more than 8 handles.
            HandleClosed: The port is closed.

        Source:
            NtReplyWaitReceivePort (NT), where a reply that fails keeps it from receiving.
        """
        deadline = timeout if timeout is None or timeout == 0 else Deadline(timeout)
        request = message._take_request(self, data)
        if request is None:  # begun, or answered before
            with suppress(ReplyMismatch, PeerGone):
                message.reply(data, handles)
            return self.receive(timeout)
        try:
            _, frame = self._messages._answer_and_take(
                request, data, tag=wire.ANSWER, handles=handles, timeout=timeout, operation=_REPLY_AND_RECEIVE
            )
        except BaseException:
            message._keep(request)  # unless it was answered, it may be tried again
            raise
        if frame is None:
            raise self._failure(Status.TIMEOUT, "reply_and_receive", "no message has come")
        received = self._message(frame)
        if received is not None:
            return received
        return self.receive(deadline.left() if isinstance(deadline, Deadline) else deadline)

    def _message(self, frame: _kernel.Frame) -> PortMessage | None:
        """Make a message of a frame. What no client of this library sends ends its connection."""
        number = frame.badge
        if number is None:
            return None  # by the port's own writing end
        connection = self._connections.get(number)
        if connection is None:
            if frame.closed:
                return None  # accepted by another process, or never
            connection = self._heard_of(number, frame)
        tag = frame.tag
        if frame.closed:
            self._connections.end(number, connection)
            connection._release()
            return PortMessage(self, connection, frame, tag, -1)
        if connection._revoked:
            return None  # put before it was ended
        kind = tag & _KIND
        if frame.size > self.max_large or kind > _LAST_KIND or (kind == _CALL) != bool(frame.correlation):
            connection.close()
            return None
        return PortMessage(self, connection, frame, tag, kind)

    def _heard_of(self, number: int, frame: _kernel.Frame) -> Connection:
        """Make a connection that another process accepted, or whose closing message another thread has just taken."""
        if (ended := self._connections.ended(number)) is not None:
            return ended
        connection = Connection(self, number, frame.badge_token, Sender(self._native, frame.sender))
        self._connections.add(number, connection)
        # The thread that takes the closing message forgets the connection after its badge went: one of the two does.
        if not self._messages._has_badge(number, frame.badge_token):
            self._connections.pop(number, None)
        return connection

    def _revoke(self, number: int, token: tuple[int, int]) -> None:
        self._messages._revoke_badge(number, token)

    def close(self) -> None:
        """Close the port here. In the last process that has it, all connections end at once, and the name is free.

        Clients that wait to be accepted get :exc:`~ntipc.ConnectionRefused`, calls under way
        :exc:`~ntipc.ReplyLost`. Closing again does nothing.
        """
        if not self.closed and self._is_last():
            self._door.close()  # nobody is accepted any more
            for connection in self.connections:
                connection.close()
        self._close_here()

    def _is_last(self) -> bool:
        try:
            return self._messages.info()["readers"] == 1
        except NtError:
            return False

    def _close_here(self) -> None:
        self._close_parts()
        for connection in self.connections:
            connection._release()
        self._connections.clear()

    def _left_by_child(self) -> None:
        self._close_here()

    def info(self) -> Mapping[str, Any]:
        """Tell the limits, what waits, and how many connections this process knows.

        Raises:
            HandleClosed: The port is closed.
        """
        messages, door = self._messages.info(), self._door.info()
        return {
            "kind": "Port",
            "name": self.name,
            "max_message": self.max_message,
            "max_large": self.max_large,
            "connections": len(self._connections),
            "requests": door["messages"],
            "messages": messages["messages"],
            "bytes": messages["bytes"],
        }

    def _wait_plan(self) -> WaitPlan:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, "wait")
        return WaitPlan((self._messages, self._door))

    @property
    def _primary(self) -> NtObject:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, "handle")
        return self._messages

    def _state(self) -> list[str]:
        return [f"connections={len(self._connections)}"]

    def __reduce__(self) -> tuple[Any, ...]:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, "__reduce__")
        parts = self._door, self._door_keeper, self._messages, self._keeper
        return _arrived, (type(self), self._name, self.max_message, self.max_large, self.admit, *parts)


def _arrived(
    kind: type[Port],
    name: str,
    max_message: int,
    max_large: int,
    admit: Callable[[ConnectionRequest], object] | None,
    door: QueueReader,
    door_keeper: QueueWriter,
    messages: QueueReader,
    keeper: QueueWriter,
) -> Port:
    port = kind.__new__(kind)
    port._name, port.max_message, port.max_large, port.admit = name, max_message, max_large, admit
    port._subject = describe("port", name)
    port._native = messages.session._native
    port._connections = KnownConnections(messages)
    port._forks = False
    port._door, port._door_keeper, port._messages, port._keeper = door, door_keeper, messages, keeper
    port._leave_at_fork()
    return port


def _checked(name: str, value: int, largest: int) -> int:
    value = index(value)
    if not 0 < value <= largest:
        raise ValueError(f"{name} must be 1 to {largest:,}, not {value:,}")
    return value

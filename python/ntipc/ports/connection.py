"""Connections of a port: asked for, accepted or refused, and ended."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ntipc import _kernel
from ntipc.errors import HandleClosed, NtError, PeerGone, ReplyMismatch, Status, from_status
from ntipc.objects.object import NtObject
from ntipc.ports import wire
from ntipc.ports.names import parents_only
from ntipc.queues.ends import QueueWriter
from ntipc.sections import Section, View
from ntipc.session.peers import Peer, Sender

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc.ports.message import PortMessage
    from ntipc.ports.port import Port


class Connection:
    """A client of a port, as its server sees it.

    Every message of the client leads here: ``message.connection``. It ends when the client closes its side or dies, and
    when the server closes it; the other clients notice nothing.

    Attributes:
        context: Any object of the server's; ``None`` at first.
        view: Memory of the client's, if it offered a section: mapped when it was accepted.
    """

    __slots__ = (
        "__weakref__",
        "_inbox",
        "_line",
        "_number",
        "_open",
        "_port",
        "_revoked",
        "_sender",
        "_token",
        "_under_way",
        "context",
        "view",
    )

    def __init__(self, port: Port, number: int, token: tuple[int, int], sender: Sender) -> None:
        self.context: Any = None
        self._sender = sender
        self.view: View | None = None
        self._port = port
        self._number = number
        self._token = token
        self._inbox: QueueWriter | None = None
        self._line: NtObject | None = None
        self._open = True
        self._revoked = False
        self._under_way: set[weakref.ref[PortMessage]] = set()  # begun calls, to be answered

    @property
    def peer(self) -> Peer:
        """The process that connected: pid, uid and program, as Linux knows them while it lives."""
        return self._sender.peer

    @property
    def is_connected(self) -> bool:
        """Whether neither side has ended it yet, as far as the server has heard."""
        return self._open and not (self._inbox is not None and not self._inbox._leads_on)

    def send(self, data: Buffer | Sequence[Buffer], handles: Iterable[NtObject] = ()) -> None:
        """Send the client a datagram, which it takes by :meth:`PortClient.receive`. Never waits for the client.

        Args:
            data: Bytes, or a list or tuple of pieces.
            handles: Up to 8 objects that go along.

        Raises:
            PeerGone: The connection has ended.
            Timeout: The client has left as much unread as it may.
            NotSupported: Another process of the server's accepted this connection.

        Source:
            NtRequestPort on a communication port (NT).
        """
        if not self._open:
            raise self._failure("send", Status.PORT_DISCONNECTED)
        if self._inbox is None:
            detail = "the process that accepted the connection sends to its client"
            raise self._failure("send", Status.NOT_SUPPORTED, detail)
        try:
            self._inbox._put(data, 0, tag=wire.DATAGRAM, handles=handles)
        except HandleClosed:
            raise self._failure("send", Status.PORT_DISCONNECTED) from None

    def close(self) -> None:
        """End the connection. Calls of the client that are under way fail at once; later ones are refused.

        A last message of it, whose ``is_closed`` is true, comes when the client has closed its side. Closing again does
        nothing.

        Source:
            NtClose of a communication port (NT): LPC_REPLY_LOST, then PORT_DISCONNECTED for the client.
        """
        if self._open:
            self._revoked = True
            try:
                self._port._revoke(self._number, self._token)
            except HandleClosed:  # the port went before, and its connections with it
                pass
            self._release()

    def _release(self) -> None:
        """Give up what belongs to it here. A thread that then sees its end cannot answer calls of it any more."""
        self._give_up_calls()
        self._open = False
        for end in (self._inbox, self._line):
            if end is not None:
                end.close()
        self._give_up_calls()  # that another thread has taken meanwhile

    def _give_up_calls(self) -> None:
        for reference in list(self._under_way):
            if (message := reference()) is not None:
                message._give_up()

    def _remember(self, message: PortMessage) -> None:
        """Give the message up when the connection ends. No code of Python's runs when it goes before."""
        self._under_way.add(weakref.ref(message, self._under_way.discard))

    def _failure(self, call: str, status: Status, detail: str = "") -> NtError:
        return from_status(status, f"Connection.{call}", self._port._subject, detail)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a connection belongs to the process that accepted it: send the port")

    def __repr__(self) -> str:
        return f"<Connection of process {self.peer.pid}{'' if self._open else ' closed'}>"


def offered(call: str, view: object) -> None:
    """Refuse what is no section."""
    if view is not None and not isinstance(view, Section):
        raise TypeError(f"{call}: view must be a Section, not {type(view).__name__}")


class ConnectionRequest:
    """A client that wants to connect. It waits until the server accepts or refuses.

    A request that the program forgets is refused: the client gets :exc:`~ntipc.ConnectionRefused`.

    Attributes:
        data: What the client sent along.
        view_size: Bytes of memory that the client offers, which :meth:`accept` maps; 0 if it offers none.
    """

    __slots__ = ("_answered", "_frame", "_inbox", "_line", "_port", "_section", "_sender", "data", "view_size")

    def __init__(self, port: Port, frame: _kernel.Frame, arrived: list[Any], native: _kernel.Session) -> None:
        _, _, offers, size = wire.HELLO.unpack_from(frame.data)
        self.data = frame.data[wire.HELLO.size :]
        self._sender = Sender(native, frame.sender)
        self._port = port
        self._frame = frame
        self._inbox, self._line = arrived[0], arrived[1]
        for end in () if port._forks else arrived[:2]:
            parents_only.add(end)
        self._section = arrived[2] if offers and len(arrived) > 2 and isinstance(arrived[2], Section) else None
        self.view_size: int = size if self._section is not None else 0
        self._answered = False

    @property
    def peer(self) -> Peer:
        """The process that asks: pid, uid and program, as Linux knows them."""
        return self._sender.peer

    def accept(self, data: Buffer = b"", *, context: object = None, view: Section | None = None) -> Connection:
        """Accept the client.

        Args:
            data: Up to 65,536 bytes for the client: its ``data``.
            context: What ``connection.context`` is to be.
            view: A section whose memory both sides are to have; the client maps it.

        Returns:
            The connection; ``connection.view`` is memory of the client's, if it offered any.

        Raises:
            PeerGone: The client has given up or died. The server goes on.
            ReplyMismatch: It was accepted or refused before.
            InvalidParameter: ``data`` is too long.
            TypeError: ``view`` is no section.
            OutOfResources: The session cannot hold one more.

        Source:
            NtAcceptConnectPort, NtCompleteConnectPort (NT).
        """
        self._check("accept", data)
        offered("ConnectionRequest.accept", view)
        port = self._port
        number = int.from_bytes(os.urandom(8), "little")
        writer = QueueWriter.__new__(QueueWriter)
        parents_only.add(writer)
        token = port._messages._make_badge(number, writer, operation="ConnectionRequest.accept")
        connection = Connection(port, number, token, self._sender)
        connection.context, connection._inbox, connection._line = context, self._inbox, self._line
        port._connections.add(number, connection)
        try:
            connection.view = self._map()
            size = view.size if view is not None else 0
            welcome = wire.WELCOME.pack(port.max_message, port.max_large, view is not None, size)
            handles = [writer] if view is None else [writer, view]
            self._reply("accept", [welcome, data], wire.ACCEPTED, handles)
        except BaseException:
            port._connections.pop(number, None)
            if self._answered:
                connection.close()
            else:
                port._revoke(number, token)  # the client still waits: it can be accepted or refused
            raise
        finally:
            writer.close()
        self._close_section()
        return connection

    def _map(self) -> View | None:
        if self._section is None:
            return None
        try:
            return self._section.map(0, self.view_size or None)
        except (NtError, ValueError) as problem:
            self.refuse(b"the section that it offers cannot be mapped")
            operation, subject = "ConnectionRequest.accept", self._port._subject
            detail = f"the client's section cannot be mapped: {problem}"
            raise from_status(Status.PORT_DISCONNECTED, operation, subject, detail) from None

    def _close_section(self) -> None:
        if self._section is not None:
            self._section.close()

    def refuse(self, data: Buffer = b"") -> None:
        """Refuse the client, whose ``PortClient(...)`` raises :exc:`~ntipc.ConnectionRefused`.

        Args:
            data: Up to 65,536 bytes that say why: the exception's ``data``.

        Raises:
            ReplyMismatch: It was accepted or refused before.
            InvalidParameter: ``data`` is too long.

        Source:
            NtAcceptConnectPort with AcceptConnection FALSE (NT).
        """
        self._check("refuse", data)
        try:
            self._reply("refuse", data, wire.REFUSED, ())
        except PeerGone:
            pass  # it has given up itself
        self._inbox.close()
        self._line.close()
        self._close_section()

    def _check(self, call: str, data: Buffer) -> None:
        operation, subject = f"ConnectionRequest.{call}", self._port._subject
        if self._answered:
            detail = "the client was accepted or refused before"
            raise from_status(Status.REPLY_MESSAGE_MISMATCH, operation, subject, detail)
        if (length := wire.length_of(data)) > wire.LARGEST_CONNECTION_DATA:
            raise wire.too_long(operation, subject, length, wire.LARGEST_CONNECTION_DATA, "a connection")

    def _reply(self, call: str, data: Buffer | Sequence[Buffer], kind: int, handles: Iterable[NtObject]) -> None:
        self._answered = True
        try:
            self._frame.reply(data, tag=kind, handles=handles, operation=f"ConnectionRequest.{call}")
        except (PeerGone, ReplyMismatch):
            detail = "the client has given up, or ended"
            operation = f"ConnectionRequest.{call}"
            raise from_status(Status.PORT_DISCONNECTED, operation, self._port._subject, detail) from None
        except NtError:
            self._answered = False  # nothing went: it may be tried again
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a connection request is answered by the process that has taken it")

    def __repr__(self) -> str:
        return f"<ConnectionRequest of process {self.peer.pid}, {len(self.data)} bytes>"

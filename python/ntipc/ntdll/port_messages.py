"""PORT_MESSAGE and what goes with it: the messages of ports, and views that a connection brings.

>>> PORT_MESSAGE(b"hello").DataLength, PORT_MESSAGE(b"hello").TotalLength
(5, 45)
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ntipc import View
from ntipc.ntdll.statuses import NTSTATUS

LPC_REQUEST: Final = 1
LPC_REPLY: Final = 2
LPC_DATAGRAM: Final = 3
LPC_LOST_REPLY: Final = 4
LPC_PORT_CLOSED: Final = 5
LPC_CLIENT_DIED: Final = 6
LPC_EXCEPTION: Final = 7
LPC_DEBUG_EVENT: Final = 8
LPC_ERROR_EVENT: Final = 9
LPC_CONNECTION_REQUEST: Final = 10
HEADER: Final = 40
"""Bytes of the header on 64-bit Windows."""
LARGEST_MESSAGE: Final = 648
LARGEST_CONNECTION_INFORMATION: Final = 520


class CLIENT_ID(NamedTuple):
    """Who sent a message: process id and thread id; the thread is 0 where only the process is known."""

    UniqueProcess: int
    UniqueThread: int


class PORT_MESSAGE:
    """A message of a port.

    Attributes:
        Data: What follows the header.
        Type: 0 for a message of one's own, else an ``LPC_`` number.
        ClientId: Who sent it.
        MessageId: What its answer is known by.
        ClientViewSize: Bytes that a connection request offers.
    """

    __slots__ = ("ClientId", "ClientViewSize", "Data", "MessageId", "Type", "_received")

    def __init__(self, Data: bytes = b"", Type: int = 0) -> None:
        self.Data = bytes(memoryview(Data))
        self.Type = Type
        self.ClientId = CLIENT_ID(0, 0)
        self.MessageId = 0
        self.ClientViewSize = 0
        self._received: Any = None

    @property
    def DataLength(self) -> int:
        """Bytes of the data."""
        return len(self.Data)

    @property
    def TotalLength(self) -> int:
        """Bytes of header and data."""
        return HEADER + len(self.Data)

    def __repr__(self) -> str:
        return f"PORT_MESSAGE(Type={self.Type}, MessageId={self.MessageId:#x}, Data={self.Data[:40]!r})"


class MessageResult(NamedTuple):
    """Of calls that wait for a message: the message, and the context of its connection; ``None`` after a failure."""

    status: NTSTATUS
    message: PORT_MESSAGE | None
    context: Any

    def __bool__(self) -> bool:
        return bool(self.status)


class ConnectResult(NamedTuple):
    """Of NtConnectPort: handle, maximum, the server's data, views of the client's and of the server's section."""

    status: NTSTATUS
    handle: int
    max_message_length: int
    connection_information: bytes
    client_view: View | None
    server_view: View | None

    def __bool__(self) -> bool:
        return bool(self.status)


def no_message(status: NTSTATUS) -> MessageResult:
    """Make the result of a call that got no message."""
    return MessageResult(status, None, None)

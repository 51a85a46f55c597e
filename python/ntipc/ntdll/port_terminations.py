"""NtRegisterThreadTerminatePort: a server learns when a thread of its client ends, not only when the process does.

The thread says so itself when it ends. Where its process was killed it cannot; the server, which knows of the
registration, then tells of the thread before it tells that the connection has ended.
"""

from __future__ import annotations

import struct
import threading
from typing import Final

from ntipc import Connection, NtError, PortClient
from ntipc.ntdll.handles import find
from ntipc.ntdll.port_handles import ClientPort, CommunicationPort, ServerPort
from ntipc.ntdll.port_messages import LPC_CLIENT_DIED, PORT_MESSAGE, MessageResult
from ntipc.ntdll.results import fail, returns_status
from ntipc.ntdll.statuses import NTSTATUS, STATUS_INVALID_PORT_HANDLE, STATUS_OBJECT_TYPE_MISMATCH, STATUS_SUCCESS
from ntipc.ntdll.times import NtQuerySystemTime

_MARK: Final = b"\xff\xfe\0ntipc.ntdll thread\0"
_REGISTERED: Final = _MARK + b"+"
_ENDED: Final = _MARK + b"-"
_TIME: Final = struct.Struct("<q")


class _Ends:
    """What a thread has registered; when the thread ends its locals go, and this with them."""

    def __init__(self) -> None:
        self.clients: list[tuple[PortClient, int]] = []

    def __del__(self) -> None:
        for client, began in reversed(self.clients):  # the newest learns it first
            try:
                client.send(_ENDED + _TIME.pack(began))
                client.close()
            except NtError:
                pass  # the server has gone


_own = threading.local()


@returns_status
def NtRegisterThreadTerminatePort(PortHandle: int) -> NTSTATUS:
    """Have the port's server told, by an ``LPC_CLIENT_DIED``, when the calling thread ends. Twice is two messages.

    The connection lasts as long as the thread, even when its handle is closed.
    """
    port = find(PortHandle)
    if not isinstance(port, ClientPort):
        known = isinstance(port, (ServerPort, CommunicationPort))
        raise fail(STATUS_INVALID_PORT_HANDLE if known else STATUS_OBJECT_TYPE_MISMATCH)
    port.client.send(_REGISTERED)
    if not hasattr(_own, "ends"):
        _own.ends = _Ends()
    _own.ends.clients.append((port.client.duplicate(), NtQuerySystemTime()))
    return STATUS_SUCCESS


def is_about_a_thread(data: bytes) -> bool:
    """Say whether a datagram is one of these, and no message for the program."""
    return data.startswith(_MARK)


def note(registered: dict[Connection, int], connection: Connection, data: bytes) -> MessageResult | None:
    """Take note of such a datagram; the message for the program, if a thread has ended."""
    count = registered.get(connection, 0)
    if data == _REGISTERED:
        registered[connection] = count + 1
        return None
    if not data.startswith(_ENDED) or not count:
        return None  # nobody has registered
    registered[connection] = count - 1
    return _died(connection, data[len(_ENDED) :])


def left_at_the_end(registered: dict[Connection, int], connection: Connection) -> list[MessageResult]:
    """Return the messages for threads that could not say themselves that they ended."""
    count = registered.pop(connection, 0)
    return [_died(connection, _TIME.pack(0)) for _ in range(count)]


def _died(connection: Connection, data: bytes) -> MessageResult:
    message = PORT_MESSAGE(data[:8], LPC_CLIENT_DIED)
    message.ClientId = message.ClientId._replace(UniqueProcess=connection.peer.pid or 0)
    return MessageResult(STATUS_SUCCESS, message, connection.context)

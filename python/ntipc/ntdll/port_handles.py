"""What handles of ports lead to: the server's port, its side of a connection, and the client's."""

from __future__ import annotations

from collections import deque
from typing import Any

from ntipc import Connection, ConnectionRequest, Port, PortClient, Section
from ntipc.ntdll import handles
from ntipc.ntdll.handles import find
from ntipc.ntdll.port_messages import MessageResult
from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import STATUS_INVALID_PORT_HANDLE, STATUS_OBJECT_TYPE_MISMATCH, STATUS_PORT_DISCONNECTED


class ServerPort:
    """A handle to a connection port."""

    nt_type = "Port"

    def __init__(self, port: Port, maximum: int) -> None:
        self.port, self.maximum = port, maximum
        self.put_back: deque[MessageResult] = deque()
        self.registered: dict[Connection, int] = {}

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.port.closed

    @property
    def waited_for(self) -> Port:
        """What waits for it wait for: it is set while a message or a connection request waits."""
        return self.port

    def close(self) -> None:
        """Close it: the name is free, and clients learn it."""
        self.port.close()


class CommunicationPort:
    """A server's handle to one connection: accepted, and from NtCompleteConnectPort on connected."""

    nt_type = "Port"

    def __init__(self, request: ConnectionRequest, data: bytes, context: Any, view: Section | None) -> None:
        self.request: ConnectionRequest | None = request
        self.data, self.context, self.view = data, context, view
        self.connection: Connection | None = None
        self.closed = False

    def close(self) -> None:
        """Close it: the client learns it; one that was not completed is refused."""
        self.closed = True
        request, self.request = self.request, None
        if request is not None:
            request.refuse()
        elif self.connection is not None:
            self.connection.close()


class ClientPort:
    """A client's handle to its connection."""

    nt_type = "Port"

    def __init__(self, client: PortClient) -> None:
        self.client = client

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.client.closed

    @property
    def waited_for(self) -> PortClient:
        """What waits for it wait for: it is set while something of the server's waits."""
        return self.client

    def close(self) -> None:
        """Close it: the server learns it."""
        self.client.close()


def server_of(handle: int) -> ServerPort:
    """Return the connection port of a handle: of a communication port, that of its server in this process."""
    port = find(handle)
    if isinstance(port, CommunicationPort):
        for thing in handles.things.values():
            if isinstance(thing, ServerPort) and port.connection in thing.port.connections:
                return thing
        raise fail(STATUS_PORT_DISCONNECTED)
    if not isinstance(port, ServerPort):
        raise fail(STATUS_INVALID_PORT_HANDLE if isinstance(port, ClientPort) else STATUS_OBJECT_TYPE_MISMATCH)
    return port


def check_server_side(handle: int) -> None:
    """Refuse a handle that is not a server's."""
    port = find(handle)
    if not isinstance(port, (ServerPort, CommunicationPort)):
        raise fail(STATUS_INVALID_PORT_HANDLE if isinstance(port, ClientPort) else STATUS_OBJECT_TYPE_MISMATCH)


def check_any(handle: int) -> None:
    """Refuse a handle that is not one of a port."""
    if not isinstance(find(handle), (ServerPort, CommunicationPort, ClientPort)):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)


def connection_of(port: CommunicationPort) -> Connection:
    """Return the connection of a communication port that was completed."""
    if port.connection is None:
        raise fail(STATUS_PORT_DISCONNECTED)
    return port.connection

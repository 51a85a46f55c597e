"""Ports: servers with connected clients, calls and datagrams. See :mod:`ntipc.ports.port`."""

from ntipc.ports.calls import PortCall, Reply
from ntipc.ports.client import PortClient
from ntipc.ports.connection import Connection, ConnectionRequest
from ntipc.ports.message import PortMessage
from ntipc.ports.port import Port

__all__ = ["Connection", "ConnectionRequest", "Port", "PortCall", "PortClient", "PortMessage", "Reply"]

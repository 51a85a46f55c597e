"""Typed procedure calls between processes: a class with annotations is a service, and its interface.

>>> from ntipc import rpc
>>> class Greeter:
...     def greet(self, name: str) -> str:
...         return f"hello {name}"
>>> with rpc.Server("greeter", Greeter()), rpc.connected("greeter", Greeter) as greeter:
...     greeter.greet("world")
'hello world'
"""

from ntipc.rpc.current import CurrentCall, current
from ntipc.rpc.marks import ahead, idempotent, one_way, raises
from ntipc.rpc.problems import InterfaceMismatch, RemoteError, ValidationError
from ntipc.rpc.proxy import close, connect, connected, with_timeout
from ntipc.rpc.registry import Service, services
from ntipc.rpc.server import Server, serve
from ntipc.rpc.streams import AsyncStream, Stream
from ntipc.rpc.travellers import register

__all__ = [
    "AsyncStream",
    "CurrentCall",
    "InterfaceMismatch",
    "RemoteError",
    "Server",
    "Service",
    "Stream",
    "ValidationError",
    "ahead",
    "close",
    "connect",
    "connected",
    "current",
    "idempotent",
    "one_way",
    "raises",
    "register",
    "serve",
    "services",
    "with_timeout",
]

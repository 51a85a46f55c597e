"""What both sides of a connection say beside calls of methods: greetings, and requests whose names begin with ``$``.

A client greets with :class:`Hello`, the service accepts with :class:`Welcome`. After that the client may ask

======================== ==========================================================
``$describe()``          the interface, with its texts (:meth:`Interface.description`)
``$json(name, text)``    a call with arguments and result as JSON, for the shell
``$take(stream, n)``     the items of a stream after the first ``n``
``$passed(stream, n)``   nothing: a datagram that says that ``n`` items are consumed
``$close(stream)``       that a stream ends
``$next()``              what the service wants of the client's objects, once it wants something
``$answer(number, data)``  nothing: a datagram with the answer to that
======================== ==========================================================
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import msgpack

from ntipc.rpc.handlers import prefix_of

PROTOCOL = 1


class Hello(msgspec.Struct):
    """What a client says when it connects."""

    ntipc_rpc: int
    version: str | int | float | None = None
    interface: str = ""


class Welcome(msgspec.Struct):
    """What a service says when it accepts."""

    ntipc_rpc: int
    pid: int
    interface: str
    digest: str
    version: str | int | float | None = None
    max_argument: int = 1 << 28


read_hello = msgpack.Decoder(Hello).decode
read_welcome = msgpack.Decoder(Welcome).decode


class Asked:
    """One of the requests whose names begin with ``$``."""

    def __init__(self, name: str, arguments: Any) -> None:
        self.prefix = prefix_of(name)
        self._decode = msgpack.Decoder(arguments).decode

    def write(self, *arguments: Any) -> bytes:
        """Write the request."""
        return self.prefix + msgpack.encode(arguments)

    def read(self, data: bytes) -> Any:
        """Read its arguments.

        Raises:
            msgspec.DecodeError: They are not those of this request.
        """
        return self._decode(memoryview(data)[len(self.prefix) :])


DESCRIBE = Asked("$describe", tuple[()])
JSON = Asked("$json", tuple[str, bytes])
TAKE = Asked("$take", tuple[int, int])
PASSED = Asked("$passed", tuple[int, int])
CLOSE = Asked("$close", tuple[int])
NEXT = Asked("$next", tuple[()])
ANSWER = Asked("$answer", tuple[int, bytes])

Wanted = tuple[int, int, bytes]
"""What ``$next`` is answered with: the number of the call, that of the object, and the request; or 0 to let one go."""
read_wanted = msgpack.Decoder(Wanted).decode
Batch = tuple[list[msgspec.Raw], bytes | None]
"""What ``$take`` is answered with: items, and ``None`` if more come, nothing at the end, or a failure."""
read_batch = msgpack.Decoder(Batch).decode

"""A client that has no interface: it asks the service for one, and calls with JSON. For the command line."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import msgpack

from ntipc._runtime.deadlines import Deadline
from ntipc.rpc import protocol
from ntipc.rpc.client import Link
from ntipc.rpc.interface import Interface
from ntipc.rpc.problems import ValidationError, mismatch
from ntipc.session.session import Session


class UnknownMethod(ValidationError):
    """The service has no such method."""


class ShellClient:
    """A connection to a service of any interface.

    Args:
        name: The service.
        timeout: Seconds to wait for it; 0 to only look, ``None`` to wait for ever.
        session: The session, or its name.

    Raises:
        ObjectNotFound: There is no such service.
        Timeout: It did not accept in time.
        ConnectionRefused: It refused.
        InterfaceMismatch: The port of this name is no service.
    """

    def __init__(self, name: str, timeout: float | None, session: Session | str | None) -> None:
        if timeout == 0:
            timeout = None if _exists(name, session) else 0
        self._name = name
        self._link = _AnyLink(name, _NO_INTERFACE, None, timeout, session)

    def describe(self, timeout: float | None = None) -> dict[str, Any]:
        """Say what the service offers."""
        link = self._link
        client, _ = link.ready("")
        data = link.ask(client, protocol.DESCRIBE.write(), "rpc.describe", timeout)
        methods, doc, docs = msgpack.decode(data, type=tuple[dict[str, Any], str, dict[str, str]])
        return {
            "name": self._name,
            "interface": link.welcome.interface,
            "version": link.welcome.version,
            "pid": link.pid,
            "doc": doc,
            "methods": [
                {
                    "name": name,
                    "signature": method["signature"],
                    "streams": method["streams"],
                    "one_way": method["one_way"],
                    "doc": docs.get(name, ""),
                }
                for name, method in methods.items()
            ],
        }

    def call(self, method: str, arguments: str, timeout: float | None = None) -> str:
        """Call a method with arguments as JSON; its result as JSON.

        Raises:
            ValidationError: The arguments do not fit, or there is no such method.
            Exception: What the method raised.
        """
        Deadline(timeout)
        link = self._link
        client, _ = link.ready("")
        where = f"{self._name}.{method}"
        try:
            data = link.ask(client, protocol.JSON.write(method, arguments.encode()), where, timeout)
        except AttributeError as error:
            if "has no method" in str(error) or "underscore" in str(error):
                raise UnknownMethod(f"{error}; `ntipc rpc describe {self._name}` shows those there are") from None
            raise
        return msgpack.decode(data, type=bytes).decode()

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _AnyLink(Link):
    """A link that takes whatever the service offers."""

    def _check(self, client: Any, deadline: Deadline) -> None:
        try:
            self.welcome = protocol.read_welcome(client.data)
        except msgspec.DecodeError:
            raise mismatch(self.name, "the port of this name is no ntipc.rpc service") from None
        self.pid = self.welcome.pid


def _exists(name: str, session: Session | str | None) -> bool:
    from ntipc.rpc.registry import services

    return any(service.name == name for service in services(session))


_NO_INTERFACE = Interface(object, "", "")

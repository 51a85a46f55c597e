"""The call that a method is running for: who calls, and whether anybody still waits for the answer."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ntipc.ports import PortMessage
    from ntipc.rpc.interface import Method
    from ntipc.session.peers import Peer


class CurrentCall:
    """What a method may ask about the call it runs for. Made by :func:`current`.

    Attributes:
        method: The method's name.
    """

    __slots__ = ("_closed", "_message", "_streams", "method")

    def __init__(self, message: PortMessage, method: Method) -> None:
        self._message = message
        self._closed = False
        self._streams = False
        self.method = method.name

    @property
    def peer(self) -> Peer:
        """The calling process: ``pid``, ``uid`` and ``exe``, as Linux knows it."""
        peer: Peer = self._message.connection.peer
        return peer

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more: the caller timed out, cancelled, closed the stream, or died.

        It costs a look into memory: long loops may ask in each round.
        """
        if self._closed:
            return True
        message = self._message
        if message.is_datagram:  # nobody ever waited
            return False
        return (not self._streams and message.is_withdrawn) or not message.connection.is_connected

    def _opened_a_stream(self) -> None:
        """The call is answered, and the stream goes on."""
        self._streams = True

    def _close(self) -> None:
        """Of a stream: its consumer has closed it."""
        self._closed = True


CURRENT: ContextVar[CurrentCall | tuple[PortMessage, Method] | None] = ContextVar("ntipc.rpc.current", default=None)
"""The call that runs, or what it is made of: few methods ask."""


def current() -> CurrentCall:
    """Return the call that the calling method runs for.

    Raises:
        RuntimeError: The caller is no method that a client called.
    """
    call = CURRENT.get()
    if call is None:
        raise RuntimeError("ntipc.rpc.current() is for methods while a client's call runs")
    return call if isinstance(call, CurrentCall) else CurrentCall(*call)


def within(call: CurrentCall, function: Any, *arguments: Any) -> Any:
    """Call a function with this as its current call."""
    token = CURRENT.set(call)
    try:
        return function(*arguments)
    finally:
        CURRENT.reset(token)

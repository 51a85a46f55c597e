"""The connections that a port knows in this process: those that it accepted here, and those that it has heard of."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntipc.ports.connection import Connection
    from ntipc.queues.ends import QueueReader

FIRST_LOOK_AT = 64
"""With so many connections, look for those that have ended elsewhere."""


class KnownConnections(dict[int, "Connection"]):
    """Connections by the numbers of their badges.

    Args:
        messages: The port's queue, whose badges those are.
    """

    __slots__ = ("_ended", "_look_at", "_messages")

    def __init__(self, messages: QueueReader) -> None:
        self._messages = messages
        self._look_at = FIRST_LOOK_AT
        self._ended: dict[int, weakref.ref[Connection]] = {}  # no code runs when one goes

    def add(self, number: int, connection: Connection) -> None:
        """Know one more."""
        if len(self) >= self._look_at:
            self.forget_ended()
        self[number] = connection

    def forget_ended(self) -> None:
        """Forget connections whose closing message was taken, by another process or in vain."""
        for number, connection in list(self.items()):
            if not self._messages._has_badge(number, connection._token):
                self.pop(number, None)
                connection._release()
        self._look_at = FIRST_LOOK_AT + 2 * len(self)

    def end(self, number: int, connection: Connection) -> None:
        """Forget one whose closing message was taken; but another thread may still have a message of it in hand."""
        if len(self._ended) >= FIRST_LOOK_AT:
            for other, known in list(self._ended.items()):
                if known() is None:
                    self._ended.pop(other, None)
            while len(self._ended) >= FIRST_LOOK_AT:  # those that the program keeps
                self._ended.pop(next(iter(self._ended)), None)
        self._ended[number] = weakref.ref(connection)
        self.pop(number, None)

    def ended(self, number: int) -> Connection | None:
        """Return one that has ended a moment ago, if a thread still has it."""
        known = self._ended.get(number)
        return known() if known is not None else None

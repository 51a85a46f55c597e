"""Lines: what tells a sender that the thread it waits for has gone.

A thread that sends for the first time to another one makes a writing end of its own queue, with a badge, and gives it
away with the message. The receiver answers through it, as long as both live. When the receiver's thread or process
ends, or the queue goes in which the message waits, nobody has that end any more, and the kernel puts a notice with the
number of the badge into the sender's queue, behind all answers. So each send is answered, or its sender told.

A child of a fork gives up its copies: with them, the notices would not come.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ntipc import _kernel
from ntipc._runtime.forks import PartedAtFork
from ntipc.errors import NtError
from ntipc.objects.arrivals import claim
from ntipc.objects.object import NtObject
from ntipc.queues.ends import QueueReader, QueueWriter

_LOOK_FOR_DEAD_AT = 64

parents_only: PartedAtFork[_kernel.Object] = PartedAtFork(lambda thing: thing.close())
"""Ends, and other handles, that a child of a fork gives up."""


class LinesOut:
    """Lines that this thread has given to receivers, by the serial numbers of their queues."""

    def __init__(self, reader: QueueReader) -> None:
        self._reader = reader
        self._numbers = itertools.count(1)
        self._of: dict[int, int] = {}
        self._to: dict[int, int] = {}
        self.known: Callable[[int], int | None] = self._of.get
        """The number of the line that a receiver has; ``None`` if it has none."""

    def make(self) -> tuple[int, QueueWriter]:
        """Make a line for a receiver: its number, and what goes along with the first message."""
        number = next(self._numbers)
        line = QueueWriter.__new__(QueueWriter)
        parents_only.add(line)
        self._reader._make_badge(number, line, operation="send_message")
        return number, line

    def given(self, serial: int, number: int) -> None:
        """Remember that the receiver has it."""
        self._of[serial] = number
        self._to[number] = serial

    def gone(self, number: int) -> None:
        """Forget a line whose receiver has gone."""
        serial = self._to.pop(number, None)
        if serial is not None and self._of.get(serial) == number:
            del self._of[serial]


class LinesIn:
    """Lines that senders have given to this thread, by the serial numbers of their queues."""

    def __init__(self) -> None:
        self._to: dict[int, QueueWriter] = {}
        self._look_at = _LOOK_FOR_DEAD_AT

    def adopt(self, frame: _kernel.Frame, sender: int) -> list[NtObject]:
        """Take the line that came with a message; return what else came."""
        arrived = claim(frame)
        if not arrived or not isinstance(arrived[0], QueueWriter):
            return arrived
        line = arrived[0]
        parents_only.add(line)
        known, self._to[sender] = self._to.get(sender), line
        if known is not None:
            known.close()
        if len(self._to) >= self._look_at:
            self._forget_dead()
        return arrived[1:]

    def answer(self, sender: int, data: bytes) -> None:
        """Tell a sender. One that has gone is not told."""
        line = self._to.get(sender)
        if line is None:
            return
        try:
            line._put_now(data, "reply_message")
        except NtError:
            self._to.pop(sender, None)
            line.close()

    def close(self) -> None:
        """Have all senders that wait be told that this thread has gone."""
        lines = list(self._to.values())
        self._to.clear()
        for line in lines:
            line.close()

    def _forget_dead(self) -> None:
        for sender, line in list(self._to.items()):
            if not line._leads_on:
                self._to.pop(sender, None)
                line.close()
        self._look_at = _LOOK_FOR_DEAD_AT + 2 * len(self._to)

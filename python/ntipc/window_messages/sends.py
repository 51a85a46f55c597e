"""A send under way: the message there, the wait for its result, and what becomes of it otherwise.

While it waits, the sender deals with what is sent to it, from whatever thread: so two threads that send to each other
do not block each other. A result is known by the number of its send; a send that was begun later inside of it returns
first, for it is the inner call.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import PeerGone, Status, from_status
from ntipc.objects.object import NtObject
from ntipc.window_messages import receiving
from ntipc.window_messages.copy_data import LONGEST_IN_LINE, Block
from ntipc.window_messages.desktop import Route, no_window
from ntipc.window_messages.loop_watch import watch_of
from ntipc.window_messages.message import (
    DATA,
    IN_SECTION,
    NOTIFY,
    SEND,
    TELL,
    WITH_LINE,
    Outcome,
    pack_send,
    pack_withdrawal,
)
from ntipc.window_messages.thread_queue import LOST, ThreadQueue

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Send:
    """One message on its way to another thread."""

    __slots__ = ("_content", "_message", "_queue", "_route", "call", "number")

    def __init__(
        self,
        queue: ThreadQueue,
        call: str,
        hwnd: int,
        msg: int,
        wparam: int,
        lparam: int,
        content: memoryview | None = None,
    ) -> None:
        self.call = call
        self._message = hwnd, msg, wparam, lparam
        self._content = content
        self._queue = queue
        self._route: Route = queue.desktop.route_of_window(call, hwnd)
        self.number = next(queue.numbers)

    def put(self, kind: int, expires: float = inf) -> None:
        """Put it into the receiver's queue."""
        queue, route = self._queue, self._route
        through = queue.lines_out.known(route.serial)
        if through is None or self._content is not None or kind in (NOTIFY, TELL):
            self._put_with_luggage(kind, expires, through)
            return
        queue.awaited[self.number] = through
        try:
            if not route.put(pack_send(self.call, kind, self._message, self.number, queue.serial, expires), self.call):
                raise self._no_memory()
        except PeerGone:
            raise self._has_ended() from None

    def _put_with_luggage(self, kind: int, expires: float, through: int | None) -> None:
        """The same, with bytes, or with the first line to this receiver."""
        queue, route, line = self._queue, self._route, None
        if kind not in (NOTIFY, TELL):
            if through is None:
                through, line = queue.lines_out.make()
                kind |= WITH_LINE
            queue.awaited[self.number] = through
        luggage: list[NtObject] = [] if line is None else [line]
        block: Block | None = None
        if self._content is not None and len(self._content) > LONGEST_IN_LINE:
            kind |= IN_SECTION
            block = queue.blocks.filled(self._content)
            luggage.append(block.section)
        data = pack_send(self.call, kind, self._message, self.number, queue.serial, expires)
        pieces: Buffer | Sequence[Buffer] = data
        if self._content is not None and not kind & IN_SECTION:
            pieces = [data, self._content]
        try:
            if luggage:
                route.writer.put(pieces, 0, handles=luggage)
            elif not route.put(pieces, self.call):
                raise self._no_memory()
        except PeerGone:
            raise self._has_ended() from None
        finally:
            if line is not None:
                line.close()
            if block is not None:
                queue.blocks.sent(block)
        if line is not None:
            queue.lines_out.given(route.serial, queue.awaited[self.number])

    def result(self, timeout: float | None, abort_if_hung: bool = False, block: bool = False) -> int:
        """Send it, and wait for the result, which is a number."""
        kind = SEND if self._content is None else DATA
        outcome = self.outcome(kind, timeout, abort_if_hung, block)
        return outcome if isinstance(outcome, int) else 0

    def outcome(self, kind: int, timeout: float | None, abort_if_hung: bool, block: bool) -> int | bytes:
        """Send it, and wait for the result."""
        queue, number = self._queue, self.number
        deadline = self._deadline(timeout, abort_if_hung)
        left = None if deadline is None else deadline.left()
        results = queue.results
        try:
            self.put(kind, inf if left is None else monotonic() + left)
            while True:
                if queue.sent and not block:
                    receiving.deal_with_sent(queue)
                else:
                    if deadline is not None:
                        left = deadline.left()
                        if left == 0:
                            queue.drain()
                            if number not in results:
                                raise self._late("no result has come")
                    if number not in results:
                        queue.wait(left)
                    queue.drain()
                outcome = results.pop(number, None)
                if outcome is not None:
                    break
        except BaseException:
            if number not in results:
                self._withdraw()
            raise
        finally:
            queue.awaited.pop(number, None)
            results.pop(number, None)
        return self._told(outcome)

    async def outcome_async(self, kind: int, timeout: float | None, abort_if_hung: bool = False) -> int | bytes:
        """Send it, and wait for the result in an event loop, which deals with what is sent to its thread meanwhile."""
        queue, number = self._queue, self.number
        watch, results = watch_of(queue), queue.results
        deadline = self._deadline(timeout, abort_if_hung)
        left = None if deadline is None else deadline.left()
        until = inf if left is None else monotonic() + left
        try:
            self.put(kind, until)
            while True:
                queue.drain()
                if queue.sent:
                    receiving.deal_with_sent(queue)
                outcome = results.pop(number, None)
                if outcome is not None:
                    break
                if monotonic() >= until:
                    raise self._late("no result has come")
                await watch.wait(until)
        except BaseException:  # a cancelled task, too
            if number not in results:
                self._withdraw()
            raise
        finally:
            queue.awaited.pop(number, None)
            results.pop(number, None)
        return self._told(outcome)

    def _deadline(self, timeout: float | None, abort_if_hung: bool) -> Deadline | None:
        """Refuse what cannot be sent now; when the result is to be there."""
        queue = self._queue
        if queue.receiving:
            receiving.forget_interrupted(queue)
            if len(queue.receiving) >= receiving.DEEPEST:
                raise from_status(Status.STACK_OVERFLOW, self.call, self._subject)
        if abort_if_hung and queue.desktop.is_hung(self._route):
            raise self._late("its thread is hung: it has not looked at its queue for 5 seconds")
        if timeout is None:
            return None
        deadline = Deadline(timeout)
        if deadline.left() == 0:
            raise self._late("there was no time to begin with")
        return deadline

    def _told(self, outcome: Outcome) -> int | bytes:
        if isinstance(outcome, (int, bytes)):
            return outcome
        raise self._failure(outcome)

    @property
    def _subject(self) -> str:
        return f"window {self._message[0]:#x}"

    def _withdraw(self) -> None:
        """Have the receiver not begin any more."""
        try:
            self._route.put(pack_withdrawal(self.number, self._queue.serial), self.call)
        except Exception:  # the receiver has gone
            pass

    def _failure(self, outcome: tuple[int, str]) -> Exception:
        if outcome is LOST:
            return from_status(Status.LPC_REPLY_LOST, self.call, self._subject, "the window's thread has ended")
        status, reason = outcome
        advice = "" if reason else None
        return from_status(status, self.call, self._subject, problem=reason or None, advice=advice)

    def _no_memory(self) -> Exception:
        return from_status(Status.INSUFFICIENT_RESOURCES, self.call, "", "the session has no memory left")

    def _has_ended(self) -> Exception:
        self._queue.desktop.forget(self._route)
        return no_window(self.call, self._message[0], "its thread has ended")

    def _late(self, detail: str) -> Exception:
        return from_status(Status.TIMEOUT, self.call, self._subject, detail)

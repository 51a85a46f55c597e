"""Messages that were sent to this thread: dealt with inside its calls, and answered.

What is being dealt with lies on a stack: the innermost is the one that ``reply_message`` answers and that
``in_send_message`` tells about. Whatever ends the handler, its sender is answered once: with the result, or with why
there is none.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

from ntipc import _kernel
from ntipc.errors import Status
from ntipc.objects.object import NtObject
from ntipc.window_messages import copy_data
from ntipc.window_messages.constants import (
    ISMEX_CALLBACK,
    ISMEX_NOTIFY,
    ISMEX_REPLIED,
    ISMEX_SEND,
    QS_SENDMESSAGE,
    WM_COPYDATA,
)
from ntipc.window_messages.message import (
    ASK,
    CALLBACK,
    DATA,
    IN_SECTION,
    KIND,
    NOTIFY,
    SEND,
    TELL,
    checked,
    pack_failure,
    pack_result,
    pack_value,
    unpack_send,
)

if TYPE_CHECKING:
    from ntipc.window_messages.thread_queue import ThreadQueue

DEEPEST = 64
"""Messages from other threads that one thread deals with at once, each inside a send of the one before."""
LONGEST_REASON = 2000

_FLAGS = {
    **dict.fromkeys((SEND, DATA, ASK), ISMEX_SEND),
    **dict.fromkeys((NOTIFY, TELL), ISMEX_NOTIFY),
    CALLBACK: ISMEX_CALLBACK,
}
_logger = logging.getLogger("ntipc.window_messages")


class Received:
    """A message that another thread has sent."""

    __slots__ = (
        *("data", "frame", "hwnd", "is_answered", "kind", "lparam", "luggage", "msg", "runner", "wparam"),
        *("expires", "send_id", "sender"),
    )

    def __init__(self, frame: bytes | _kernel.Frame, data: bytes) -> None:
        self.frame = frame
        self.data = data
        self.luggage: Sequence[NtObject] = ()
        self.is_answered = False
        self.runner: FrameType | None = None
        kind, self.hwnd, self.msg, self.wparam, self.lparam, self.send_id, self.sender, self.expires = unpack_send(data)
        self.kind = kind & KIND

    @property
    def flags(self) -> int:
        """What ``in_send_message`` tells while this is being dealt with."""
        return _FLAGS.get(self.kind, 0) | (ISMEX_REPLIED if self.is_answered else 0)

    def run(self, queue: ThreadQueue) -> None:
        """Have the window deal with it."""
        if self.expires != inf and monotonic() >= self.expires:
            self.is_answered = True  # its sender has gone on
            return
        window = queue.windows.get(self.hwnd)
        if window is None:
            self.fail(queue, Status.INVALID_WINDOW_HANDLE)
            return
        try:
            if self.kind == DATA:
                in_line = not self.data[0] & IN_SECTION
                data = copy_data.arrived(self.lparam, self.data, self.luggage, in_line)
                try:
                    result = window._call(WM_COPYDATA, self.wparam, data)
                finally:
                    data._release()
            elif self.kind in (TELL, ASK):
                data_there = copy_data.arrived(0, self.data, self.luggage, not self.data[0] & IN_SECTION)
                try:
                    value = window._deal_with(data_there.data, self.kind == ASK)
                finally:
                    data_there._release()
                self._answer_with(queue, value)
                return
            else:
                result = window._call(self.msg, self.wparam, self.lparam)
        except Exception as problem:
            self.fail(queue, Status.UNSUCCESSFUL, f"the handler raised {type(problem).__name__}: {problem}")
            _report(problem, f"window {self.hwnd:#x}, message {self.msg:#x}")
        else:
            self.answer(queue, result)

    def answer(self, queue: ThreadQueue, result: int) -> bool:
        """Give the sender its result, unless it was answered before; whether it was now."""
        if self.is_answered:
            return False
        if self.kind not in (NOTIFY, TELL):
            queue.lines_in.answer(self.sender, pack_result(self.send_id, result))
        self.is_answered = True
        return True

    def _answer_with(self, queue: ThreadQueue, value: bytes) -> None:
        if not self.is_answered and self.kind == ASK:
            queue.lines_in.answer(self.sender, pack_value(self.send_id, value))
        self.is_answered = True

    def fail(self, queue: ThreadQueue, status: Status, reason: str = "") -> None:
        """Tell the sender that there is no result, unless it was answered before."""
        if self.is_answered:
            return
        if self.kind not in (NOTIFY, TELL):
            data = pack_failure(self.send_id, status, reason[:LONGEST_REASON])
            queue.lines_in.answer(self.sender, data)
        self.is_answered = True


class CallbackDue:
    """The result of a ``send_message_callback``, which waits until the sender looks at its queue."""

    __slots__ = ("_arguments", "_callback", "frame", "hwnd", "runner")

    def __init__(self, callback: Callable[[int, int, int], object], hwnd: int, msg: int, result: int) -> None:
        self.frame = None
        self.hwnd = 0
        self.runner: FrameType | None = None
        self._callback = callback
        self._arguments = hwnd, msg, result

    def run(self, queue: ThreadQueue) -> None:
        """Call it."""
        self._callback(*self._arguments)


def deal_with_sent(queue: ThreadQueue) -> None:
    """Deal with all messages that were sent to this thread, in the order in which they came."""
    if queue.receiving:
        forget_interrupted(queue)
    sent, here = queue.sent, sys._getframe()
    while sent:
        entry = sent[0]
        level = len(queue.receiving)
        try:
            entry.runner = here
            queue.receiving.append(entry)
            if sent and sent[0] is entry:
                sent.popleft()
            entry.run(queue)
        finally:
            settle(queue, level)
        queue.drain()
    queue.changed &= ~QS_SENDMESSAGE


def run_callbacks(queue: ThreadQueue) -> None:
    """Call the callbacks whose results have come, and leave what others have sent."""
    for entry in [entry for entry in queue.sent if isinstance(entry, CallbackDue)]:
        queue.sent.remove(entry)
        entry.run(queue)


def settle(queue: ThreadQueue, level: int) -> None:
    """Take off the stack what lies above a level; answer each sender that has no answer yet."""
    while len(queue.receiving) > level:
        entry = queue.receiving[-1]
        if isinstance(entry, Received) and not entry.is_answered:
            entry.fail(queue, Status.UNSUCCESSFUL, "its handler was interrupted")
        entry.runner = None
        queue.receiving.pop()


def forget_interrupted(queue: ThreadQueue) -> None:
    """Take off the stack what an interrupt has left there: entries of calls that are no longer under way."""
    if not queue.receiving:
        return
    under_way = set()
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        under_way.add(frame)
        frame = frame.f_back
    level = len(queue.receiving)
    while level and queue.receiving[level - 1].runner not in under_way:
        level -= 1
    settle(queue, level)


def reply(queue: ThreadQueue, result: int) -> bool:
    """Answer the innermost message that is being dealt with."""
    result = checked("the result", result)
    entry = _innermost(queue)
    return entry is not None and entry.answer(queue, result)


def flags(queue: ThreadQueue) -> int:
    """Tell about the innermost message that is being dealt with; 0 if there is none."""
    entry = _innermost(queue)
    return entry.flags if entry is not None else 0


def _innermost(queue: ThreadQueue) -> Received | None:
    forget_interrupted(queue)
    entry = queue.receiving[-1] if queue.receiving else None
    return entry if isinstance(entry, Received) else None


def _report(problem: Exception, where: str) -> None:
    """Tell the watcher of this process, or else the log, what a handler has raised. Its sender learns it anyway."""
    watching: Any = sys.modules.get("ntipc.watching.watched")
    watched = watching._watched if watching is not None else None
    if watched is not None:
        name = threading.current_thread().name
        if watched._ask(type(problem), problem, problem.__traceback__, name):
            return
    _logger.error("a handler has raised: %s", where, exc_info=problem)

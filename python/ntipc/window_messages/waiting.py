"""Waiting for messages and objects together; a thread's queue as an object like others."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from operator import index
from threading import get_native_id
from time import monotonic

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import Status, from_status
from ntipc.objects.waiting import CanBeWaitedFor, WaitedForByPlan, WaitPlan, wait_by_plans
from ntipc.session.session import Session
from ntipc.sync.timers import Timer
from ntipc.sync.waits import Signaled
from ntipc.window_messages.constants import QS_ALLINPUT, QS_TIMER
from ntipc.window_messages.receiving import run_callbacks
from ntipc.window_messages.status import current
from ntipc.window_messages.thread_queue import ThreadQueue, own_queue


class MessageQueue(WaitedForByPlan):
    """The queue of the calling thread, for :func:`~ntipc.wait_any` and :func:`~ntipc.wait_all`.

    It is set while messages of the kinds in ``mask`` have come since the thread last retrieved messages or asked for
    its status; with ``input_available``, also while older ones are there. Only its own thread can wait for it. A wait
    takes no message and runs no handler: retrieve messages afterwards.

    Args:
        mask: Kinds of messages: ``QS_POSTMESSAGE``, ``QS_SENDMESSAGE``, ``QS_TIMER``, ``QS_ALLPOSTMESSAGE``.
        input_available: Whether messages count that the thread has seen and left there.
        session: The session, or its name; ``None`` for the default one.

    Source:
        MsgWaitForMultipleObjectsEx (Win32).

    >>> import ntipc
    >>> stop, queue = ntipc.Event("stop"), ntipc.MessageQueue()
    >>> ntipc.post_message(None, ntipc.WM_USER)
    >>> ntipc.wait_any([stop, queue]).index
    1
    """

    __slots__ = ("_input_available", "_mask", "_queue", "_timer")

    def __init__(
        self, mask: int = QS_ALLINPUT, *, input_available: bool = False, session: Session | str | None = None
    ) -> None:
        self._mask = index(mask)
        self._input_available = input_available
        self._queue = own_queue(session)
        self._timer: Timer | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set; whether it was in time.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            AccessDenied: Another thread waits.
        """
        return wait_by_plans((self,), False, timeout) is not None

    def _wait_plan(self) -> WaitPlan:
        queue = self._queue
        if queue.thread_id != get_native_id():
            detail = "a thread can wait for its own queue only"
            raise from_status(Status.ACCESS_DENIED, "MessageQueue.wait", "", detail)
        if self._is_set():
            return WaitPlan((queue.keeper,))  # which is always set
        moment = queue.timers.next_due(None) if self._mask & QS_TIMER else inf
        if moment == inf:
            return WaitPlan((queue.reader,), final=False)
        if self._timer is None:
            self._timer = Timer.__new__(Timer)
            self._timer._bind(queue.native, None, _kernel.CREATE, 0, True)
        self._timer.set(max(moment - monotonic(), 0.0))
        return WaitPlan((queue.reader, self._timer), final=False)

    def _is_set(self) -> bool:
        return is_set(self._queue, self._mask, self._input_available)

    def __repr__(self) -> str:
        return f"<MessageQueue of thread {self._queue.thread_id} mask={self._mask:#x}>"


def is_set(queue: ThreadQueue, mask: int, input_available: bool) -> bool:
    """Say whether messages of these kinds have come, or are there."""
    queue.drain()
    if queue.sent:
        run_callbacks(queue)
    if queue.timers.known:
        queue.changed |= queue.timers.news()
    return bool(queue.changed & mask or (input_available and current(queue) & mask))


def wait_messages(
    objects: Iterable[CanBeWaitedFor] = (),
    timeout: float | None = None,
    *,
    mask: int = QS_ALLINPUT,
    input_available: bool = False,
    session: Session | str | None = None,
) -> Signaled | None:
    """Wait until one of the objects is set, or a message comes for the calling thread.

    Of several that are set the first in the list is taken, and messages come last. Messages stay where they are, and no
    handler runs: retrieve them afterwards. Callbacks of :func:`send_message_callback` are called. Messages that the
    thread has looked at before and left there do not count.

    Args:
        objects: What :func:`~ntipc.wait_any` takes; none to wait for messages alone.
        timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.
        mask: Kinds of messages: ``QS_POSTMESSAGE``, ``QS_SENDMESSAGE``, ``QS_TIMER``, ``QS_ALLPOSTMESSAGE``.
        input_available: Whether older messages count as well.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        Which object it was: ``.index`` is ``len(objects)`` for a message. ``None`` if the time ran out.

    Raises:
        HandleClosed: An object is closed.
        AccessDenied: A handle lacks the right ``SYNCHRONIZE``.
        TypeError: Something in the list cannot be waited for.

    Source:
        MsgWaitForMultipleObjectsEx, WaitMessage (Win32).

    >>> import ntipc
    >>> done = ntipc.Event("done")
    >>> ntipc.post_message(None, ntipc.WM_USER)
    >>> ntipc.wait_messages([done], timeout=10).index, ntipc.get_message().msg == ntipc.WM_USER
    (1, True)
    """
    queue, targets, mask = own_queue(session), tuple(objects), index(mask)
    everything = *targets, queue.reader
    deadline = Deadline(timeout)
    while True:
        ready = is_set(queue, mask, input_available)
        if ready and not targets:
            break
        left = 0 if ready else deadline.left()
        outcome = queue.wait_among(targets if ready else everything, _no_longer_than(queue, mask, left))
        if outcome is NotImplemented:
            return _by_plan(targets, deadline.left(), mask, input_available, session)
        if outcome is not None and outcome[0] < len(targets):
            return Signaled(outcome[0], targets[outcome[0]], bool(outcome[1]))
        if ready:
            break
        if outcome is None and deadline.left() == 0 and not is_set(queue, mask, input_available):
            return None
    return Signaled(len(targets), MessageQueue(mask, input_available=input_available, session=session), False)


def _no_longer_than(queue: ThreadQueue, mask: int, left: float | None) -> float | None:
    """Shorten a wait so that it ends when the next timer is due."""
    if not queue.timers.known or not mask & QS_TIMER:
        return left
    due = max(queue.timers.next_due(None) - monotonic(), 0.0)
    if due == inf:
        return left
    return due if left is None else min(due, left)


def _by_plan(
    targets: tuple[CanBeWaitedFor, ...],
    left: float | None,
    mask: int,
    input_available: bool,
    session: Session | str | None,
) -> Signaled | None:
    """Wait where objects are among them that are made of several."""
    queue = MessageQueue(mask, input_available=input_available, session=session)
    everything = *targets, queue
    outcome = wait_by_plans(everything, False, left)
    return None if outcome is None else Signaled(outcome[0], everything[outcome[0]], bool(outcome[1]))

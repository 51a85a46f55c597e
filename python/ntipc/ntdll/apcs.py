"""Alerts and asynchronous procedure calls: what a thread does between two of its steps, because it was asked to.

A call that is queued for a thread runs there in its next alertable wait or NtTestAlert.

>>> from ntipc.ntdll.waits import NtDelayExecution
>>> seen = []
>>> NtQueueApcThread(NtCurrentThread(), seen.append, 1), NtQueueApcThread(NtCurrentThread(), seen.append, 2)
(STATUS_SUCCESS, STATUS_SUCCESS)
>>> NtDelayExecution(True, -10_000_000), seen
(STATUS_USER_APC, [1, 2])
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from ntipc import Event, Thread, Timer
from ntipc.ntdll.handles import Pseudo, find, insert
from ntipc.ntdll.results import HandleResult, fail, no_handle, returns, returns_status
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_ALERTED,
    STATUS_INVALID_CID,
    STATUS_NOT_SUPPORTED,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    STATUS_USER_APC,
)


class Inbox:
    """What is queued for one thread of this process."""

    def __init__(self) -> None:
        self.calls: deque[Callable[[], object]] = deque()
        self.alerted = False
        self.timers: dict[object, tuple[Timer, Callable[[], object]]] = {}
        self._event: Event | None = None

    @property
    def event(self) -> Event:
        """The event that is set when something comes. The thread itself asks for it before it looks and waits."""
        if self._event is None or self._event.closed:
            self._event = Event()
        return self._event

    def post(self, call: Callable[[], object] | None) -> None:
        """Queue a call, or with ``None`` an alert."""
        if call is None:
            self.alerted = True
        else:
            self.calls.append(call)
        if self._event is not None and not self._event.closed:
            self._event.set()

    def take_due(self) -> None:
        """Queue the calls of the timers that were due."""
        for timer, call in list(self.timers.values()):
            if not timer.closed and timer.wait(0):
                self.calls.append(call)

    def deliver(self) -> NTSTATUS | None:
        """Take the alert, or else run all calls that are queued. ``None``: there was nothing."""
        if self.alerted:
            self.alerted = False
            return STATUS_ALERTED
        self.take_due()
        if not self.calls:
            return None
        while self.calls:
            self.calls.popleft()()
        return STATUS_USER_APC


Life = tuple[int, int]
"""A thread id and when that thread began, in clock ticks: ids come again."""

_inboxes: dict[Life, Inbox] = {}
os.register_at_fork(after_in_child=_inboxes.clear)


class _Own(threading.local):
    """The inbox of the calling thread, and of which process."""

    pid = 0
    inbox: Inbox


_own = _Own()


def own_inbox() -> Inbox:
    """Return the inbox of the calling thread."""
    if _own.pid != os.getpid():
        _forget_ended()
        life = life_of(threading.get_native_id())
        _own.inbox = _inboxes.setdefault(life, Inbox()) if life else Inbox()
        _own.pid = os.getpid()
    return _own.inbox


def forget_timer(identity: object) -> None:
    """Drop what threads of this process were to call for a timer."""
    for inbox in list(_inboxes.values()):
        known = inbox.timers.pop(identity, None)
        if known is not None:
            known[0].close()


def life_of(thread_id: int) -> Life | None:
    """Say when a thread of this process began, if there is one."""
    try:
        with open(f"/proc/self/task/{thread_id}/stat", "rb") as file:
            return thread_id, int(file.read().rpartition(b")")[2].split()[19])
    except OSError:
        return None


def _forget_ended() -> None:
    for life in list(_inboxes):
        if life_of(life[0]) != life:
            _inboxes.pop(life, None)


class ThreadObject:
    """A handle to a thread of this process."""

    nt_type = "Thread"

    def __init__(self, life: Life) -> None:
        self.life = life
        self.closed = False

    def close(self) -> None:
        """Close it; the thread goes on."""
        self.closed = True


@returns(no_handle)
def NtOpenThread(DesiredAccess: int, ObjectAttributes: object, ClientId: tuple[int, int]) -> HandleResult:
    """Open a thread of this process by its process id (0: this one) and thread id, as ``threading.get_native_id``."""
    process, thread = ClientId
    life = life_of(thread) if process in (0, os.getpid()) and thread > 0 else None
    if life is None:
        raise fail(STATUS_INVALID_CID)
    return HandleResult(STATUS_SUCCESS, insert(ThreadObject(life)))


def NtCurrentThread() -> int:
    """Return the handle that means the calling thread: -2."""
    return int(Pseudo.THREAD)


def NtCurrentProcess() -> int:
    """Return the handle that means the calling process: -1."""
    return int(Pseudo.PROCESS)


@returns_status
def NtQueueApcThread(
    ThreadHandle: int,
    ApcRoutine: Callable[..., object],
    ApcArgument1: Any = None,
    ApcArgument2: Any = None,
    ApcArgument3: Any = None,
) -> NTSTATUS:
    """Have a thread of this process call a function in its next alertable wait.

    Args:
        ThreadHandle: The thread, opened by this call's own NtOpenThread or as an ``ntipc.Thread``.
        ApcRoutine: What it calls, with the arguments up to the last one that is not ``None``. What it raises comes out
            of the wait.
        ApcArgument1: Its first argument.
        ApcArgument2: Its second argument.
        ApcArgument3: Its third argument.
    """
    if not callable(ApcRoutine):
        raise TypeError(f"ApcRoutine must be callable, not {type(ApcRoutine).__name__}")
    arguments = [ApcArgument1, ApcArgument2, ApcArgument3]
    while arguments and arguments[-1] is None:
        arguments.pop()
    inbox_of(ThreadHandle).post(partial(ApcRoutine, *arguments))
    return STATUS_SUCCESS


@returns_status
def NtAlertThread(ThreadHandle: int) -> NTSTATUS:
    """End a thread's alertable wait, this one or the next, with STATUS_ALERTED. Two alerts are one."""
    inbox_of(ThreadHandle).post(None)
    return STATUS_SUCCESS


def NtTestAlert() -> NTSTATUS:
    """Take the calling thread's alert, or run what is queued for it.

    Returns:
        STATUS_ALERTED if there was an alert, else STATUS_SUCCESS, calls or not.
    """
    return STATUS_ALERTED if own_inbox().deliver() == STATUS_ALERTED else STATUS_SUCCESS


def inbox_of(handle: int) -> Inbox:
    """Return the inbox of a thread of this process.

    Raises:
        NtError: The handle is that of no thread, of one that has ended, or of one of another process.
    """
    thing = find(handle)
    if thing is Pseudo.THREAD:
        return own_inbox()
    if isinstance(thing, Thread):
        life = _life_of_own(thing)
    elif isinstance(thing, ThreadObject):
        life = thing.life
    else:
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    if life_of(life[0]) != life:
        _inboxes.pop(life, None)
        raise fail(STATUS_UNSUCCESSFUL)
    return _inboxes.setdefault(life, Inbox())


def thread_id_of(handle: int) -> int:
    """Return the id of a thread of this process.

    Raises:
        NtError: The handle is that of no thread, of one that has ended, or of one of another process.
    """
    thing = find(handle)
    if thing is Pseudo.THREAD:
        return threading.get_native_id()
    if isinstance(thing, Thread):
        return _life_of_own(thing)[0]
    if isinstance(thing, ThreadObject):
        return thing.life[0]
    raise fail(STATUS_OBJECT_TYPE_MISMATCH)


def _life_of_own(thread: Thread) -> Life:
    """Return the life of a thread of this process that the object stands for."""
    if thread.pid != os.getpid():
        raise fail(STATUS_NOT_SUPPORTED)
    life = None if thread.wait(0) else life_of(thread.id)
    if life is None:
        raise fail(STATUS_UNSUCCESSFUL)
    return life

"""The queue of a thread: what has come for it, and what it knows of itself.

One queue of the kernel holds all that other threads have for this one: posted messages, sent ones, results of its own
sends, and notices that a receiver has gone. Whenever the thread looks, it first takes everything there is into its
inbox, which keeps posted messages until they are retrieved; the rest is sorted in here. The semaphore `room` counts
what more may be posted.

The thread's windows and timers, its quit and the bits of its status are known to no other thread.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from ntipc import _kernel
from ntipc.errors import NtError, ObjectExists, Status
from ntipc.objects.arrivals import claim
from ntipc.queues.ends import QueueReader, QueueWriter
from ntipc.session import session as sessions
from ntipc.session.session import Session, before_leaving, within
from ntipc.sync.semaphores import Semaphore
from ntipc.window_messages.constants import MOST_POSTED, QS_SENDMESSAGE, WM_QUIT
from ntipc.window_messages.copy_data import Blocks
from ntipc.window_messages.desktop import Desktop, default_messages, desktop_of, leave, queue_name, room_name
from ntipc.window_messages.lines import LinesIn, LinesOut, parents_only
from ntipc.window_messages.message import (
    FAILED,
    KIND,
    PLAIN_RESULT,
    RESULT,
    RESULT_SIZE,
    SEND_SIZE,
    SENT,
    VALUE,
    WITH_LINE,
    WITHDRAW,
    WITHDRAW_SIZE,
    Message,
    Outcome,
    unpack_result,
    unpack_withdrawal,
)
from ntipc.window_messages.receiving import CallbackDue, Received
from ntipc.window_messages.table import LOOK, THREAD
from ntipc.window_messages.timers import WindowTimers

if TYPE_CHECKING:
    from ntipc.window_messages.loop_watch import LoopWatch
    from ntipc.window_messages.windows import Window

LOST: Final = 0, "lost"
"""The outcome of a send whose receiver has gone."""

_NO_QUOTA = 1 << 40
_UNNOTED = 1.0
"""Seconds that a wait may last without a note, much less than the time after which a thread counts as hung."""
_ROOM_LOOKS_APART = 1.0
_PATIENCE = 2.0
"""Seconds that a thread waits until the queue of an ended thread of the same id has gone."""


class ThreadQueue:
    """The queue of one thread in one session. Only that thread uses it, but for :meth:`close`."""

    def __init__(self, native: _kernel.Session) -> None:
        self.native = native
        self.desktop: Desktop = desktop_of(native)
        self.thread_id = threading.get_native_id()
        self.pid = os.getpid()
        self.is_closed = False
        self.loop_watch: LoopWatch | None = None
        self.windows: dict[int, Window] = {}
        self.quit: int | None = None
        self.quit_code: int | None = None
        self.sent: deque[Received | CallbackDue] = deque()
        self.receiving: list[Received | CallbackDue] = []
        self.numbers = itertools.count(1)
        self.awaited: dict[int, int] = {}
        self.results: dict[int, Outcome] = {}
        self.callbacks: dict[int, tuple[Callable[[int, int, int], object], int, int]] = {}
        self.timers = WindowTimers()
        self._room_looked_at, self._room_missing = monotonic(), 0
        self.reader, self.keeper = QueueReader.__new__(QueueReader), QueueWriter.__new__(QueueWriter)
        self.room = Semaphore.__new__(Semaphore)
        for part in (self.reader, self.keeper, self.room):
            part._describe(f"the message queue of thread {self.thread_id}")
            parents_only.add(part)
        table = self.desktop.table
        try:
            with table.mutex:
                self.number = table.add(self._bind, THREAD, "", "")
        except BaseException:
            self._close_parts()
            raise
        self.lines_out, self.lines_in, self.blocks = LinesOut(self.reader), LinesIn(), Blocks(native)
        segment, at = table.place_of_look(self.number)
        look = segment[at : at + LOOK.size]
        self.inbox = _kernel.Inbox(self.reader, self.room, look, Message, self.sent, self.timers.known)
        self.inbox.note_look()
        _all.add(weakref.ref(self, _all.discard))

    def _bind(self, number: int) -> tuple[int, int, int, int, int]:
        """Make the kernel's queue, known by its thread's id and the number of its slot."""
        name = queue_name(self.desktop.namespace, self.thread_id)
        deadline = monotonic() + _PATIENCE
        while True:
            try:
                self.reader._bind(
                    self.native,
                    name,
                    _kernel.CREATE,
                    0,
                    _NO_QUOTA,
                    (number, 0),
                    self.keeper,
                    0,
                    "get_message",
                    _NO_QUOTA,
                )
                break
            except ObjectExists:
                if monotonic() > deadline:
                    raise
                sleep(0.001)
        self.serial = self.keeper.identity[1]
        self.room._bind(self.native, room_name(self.serial), _kernel.CREATE, 0, MOST_POSTED, MOST_POSTED)
        return self.serial, self.desktop.namespace, self.thread_id, self.pid, 0

    def close(self) -> None:
        """End with the thread: its windows go, and those who wait for it learn it."""
        if self.is_closed:
            return
        self.is_closed = True
        self.desktop.forget_own(self.serial)
        default_messages.disown(self.inbox)
        if self.loop_watch is not None:
            self.loop_watch.close()
        windows, self.windows = self.windows, {}
        self._close_parts()
        if self.native.closed:
            return
        with self.desktop.table.mutex:
            for hwnd in [*windows, self.number]:
                self.desktop.table.remove(hwnd, self.serial)
        for window in windows.values():
            window._forget()

    def _close_parts(self) -> None:
        for part in (self.reader, self.keeper, self.room):
            part.close()
        if hasattr(self, "lines_in"):
            self.lines_in.close()
            self.blocks.close()

    @property
    def changed(self) -> int:
        """Kinds of messages that have come since the thread retrieved some, or asked."""
        return self.inbox.changed

    @changed.setter
    def changed(self, kinds: int) -> None:
        self.inbox.changed = kinds

    def drain(self) -> None:
        """Take all that has come, and put each thing where it belongs."""
        inbox = self.inbox
        if inbox.take() and self.loop_watch is not None:
            self.loop_watch.wake()  # it may be for a task that waits, whom the kernel will not tell of it any more
            inbox.told()
        while (frame := inbox.unsorted()) is not None:
            data = frame if isinstance(frame, bytes) else frame.data
            if len(data) == RESULT_SIZE and data[0] == RESULT and not self.callbacks:
                number, result = PLAIN_RESULT.unpack(data)
                if number in self.awaited:
                    self.results[number] = result
                    self.awaited.pop(number, None)
            else:
                self._sort_in(frame, data)
            inbox.sorted(frame)

    def _sort_in(self, frame: bytes | _kernel.Frame, data: bytes) -> None:
        """Put what was not posted where it belongs."""
        luggage = None if isinstance(frame, bytes) else frame
        if luggage is not None and luggage.closed:
            self._line_has_gone(luggage.badge or 0)
            return
        kind = data[0] & KIND if data else 0
        if kind in (RESULT, FAILED, VALUE) and len(data) >= RESULT_SIZE:
            self._result_has_come(*unpack_result(data))
        elif kind == WITHDRAW and len(data) >= WITHDRAW_SIZE:
            send_id, sender = unpack_withdrawal(data)
            for entry in [entry for entry in self.sent if isinstance(entry, Received)]:
                if entry.send_id == send_id and entry.sender == sender:
                    self.sent.remove(entry)
        elif kind in SENT and len(data) >= SEND_SIZE:
            if self.sent and self.sent[-1].frame is frame:  # an interrupt came before it left the inbox
                return
            entry = Received(frame, data)
            if luggage is not None:
                entry.luggage = self.lines_in.adopt(luggage, entry.sender) if data[0] & WITH_LINE else claim(luggage)
            self.sent.append(entry)
            self.changed |= QS_SENDMESSAGE

    def _result_has_come(self, send_id: int, outcome: Outcome) -> None:
        if self.awaited.pop(send_id, None) is None:
            return  # its sender has given up
        callback = self.callbacks.pop(send_id, None)
        if callback is None:
            self.results[send_id] = outcome
            return
        self.sent.append(CallbackDue(*callback, outcome if isinstance(outcome, int) else 0))
        self.changed |= QS_SENDMESSAGE

    def _line_has_gone(self, line: int) -> None:
        self.lines_out.gone(line)
        for send_id in [send_id for send_id, through in self.awaited.items() if through == line]:
            self._result_has_come(send_id, LOST)

    def wait(self, timeout: float | None) -> bool:
        """Wait until something comes, and take it in, without a step in between; whether it did."""
        inbox = self.inbox
        inbox.give_room()
        if inbox.unsorted() is not None:
            return True
        # A wait is noted once it has lasted for a while: most are over before.
        if inbox.has_looked:
            is_short = timeout is not None and timeout <= _UNNOTED
            if (has_come := inbox.wait(timeout if is_short else _UNNOTED)) or is_short:
                return has_come
            if timeout is not None:
                timeout -= _UNNOTED
        inbox.note_wait()
        try:
            return inbox.wait(timeout)
        finally:
            inbox.note_look()

    def wait_among(self, objects: tuple[object, ...], timeout: float | None) -> Any:
        """Wait until one of several is set, of which the queue may be one."""
        self.inbox.give_room()
        self.inbox.note_wait()
        try:
            return _kernel.wait_multiple(objects, False, timeout)
        finally:
            self.inbox.note_look()

    def mend_room(self) -> None:
        """Give back the room of posters that were killed before they had put their message.

        Only where nothing waits to be retrieved. What is missing for longer than a second is nobody's that lives; one
        that was stopped for so long puts a message more than the queue should hold.
        """
        self.inbox.give_room()
        now = monotonic()
        if now < self._room_looked_at + _ROOM_LOOKS_APART:
            return
        missing = MOST_POSTED - self.room.count
        if missing and missing == self._room_missing:
            self.room.release(missing)
            missing = 0
        self._room_looked_at, self._room_missing = now, missing

    def window_has_gone(self, hwnd: int) -> None:
        """Throw away what has come for a window that was destroyed. A quit that was posted to it is the thread's."""
        self.drain()
        self.timers.window_has_gone(hwnd)
        for entry in [entry for entry in self.sent if isinstance(entry, Received) and entry.hwnd == hwnd]:
            self.sent.remove(entry)
            entry.fail(self, Status.INVALID_WINDOW_HANDLE)
        for place in range(len(self.inbox) - 1, -1, -1):
            message = self.inbox[place]
            if message.hwnd == hwnd:
                if message.msg == WM_QUIT and self.quit is None:
                    self.quit = message.wparam
                self.drop_posted(place)

    def drop_posted(self, place: int) -> None:
        """Take one out of the list of posted messages, and give its room back."""
        left = self.inbox.discard(place)
        if left is not None:
            self.timers.taken(left)


_environment = sessions._environment
_all: set[weakref.ref[ThreadQueue]] = set()


class _Local(threading.local):
    """The queues of a thread, by the session's directory. They end with the thread."""

    def __init__(self) -> None:
        self.queues: dict[str, ThreadQueue] = {}
        self.last: tuple[object, bytes | None, bytes | None, ThreadQueue] | None = None
        """That of the default session, and what the session and the environment were then."""
        self.guard = _Guard(self.queues)


class _Guard:
    """Closes the queues of a thread that ends."""

    def __init__(self, queues: dict[str, ThreadQueue]) -> None:
        self._queues = queues
        self._pid = os.getpid()

    def __del__(self) -> None:
        if os.getpid() != self._pid:
            return
        for queue in list(self._queues.values()):
            try:
                queue.close()
            except NtError:  # the session was left, or the process is about to
                pass


_local = _Local()


def own_queue(session: Session | str | None = None) -> ThreadQueue:
    """Return the calling thread's queue, made at the first call."""
    if session is None and (last := _local.last) is not None:
        # The default session is what it was: asked without a call, for this is asked for each message.
        default, name, directory, queue = last
        if (
            default is sessions._default
            and name is _environment.get(b"NTIPC_SESSION")
            and directory is _environment.get(b"NTIPC_DIR")
            and not queue.is_closed
        ):
            return queue
    where = within(session)
    path = where.path
    found = _local.queues.get(path)
    if found is None or found.is_closed:
        for known in [known for known, other in _local.queues.items() if other.is_closed]:
            del _local.queues[known]  # that session was left
        found = _local.queues[path] = ThreadQueue(where._native)
    if session is None:
        name, directory = _environment.get(b"NTIPC_SESSION"), _environment.get(b"NTIPC_DIR")
        _local.last = sessions._default, name, directory, found
        default_messages.own(found.inbox)
    return found


def known_queue(session: Session | str | None = None) -> ThreadQueue | None:
    """Return the calling thread's queue, if it has one."""
    queue = _local.queues.get(within(session).path)
    return None if queue is None or queue.is_closed else queue


def _leave(path: str) -> None:
    for reference in list(_all):
        queue = reference()
        if queue is not None and queue.native.path == path:
            queue.close()
    leave(path)


def _forget_parents() -> None:
    """In a forked child: all queues are the parent's."""
    for reference in list(_all):
        queue = reference()
        if queue is not None:
            queue.is_closed = True
            queue.blocks.close()
            if queue.loop_watch is not None:
                queue.loop_watch.close()
    _all.clear()
    _local.queues.clear()
    _local.last = None
    _local.guard = _Guard(_local.queues)


before_leaving(_leave)
os.register_at_fork(after_in_child=_forget_parents)

"""What this process knows of the windows and queues of one session, and its ways to them.

A :class:`Route` leads to the queue of one thread. It is made of the queue's writing end and of the semaphore that
counts how many more posted messages the queue may hold; both are found by the names that the thread gave them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from time import monotonic
from typing import Final

from ntipc import _kernel
from ntipc.errors import NtError, ObjectNotFound, PeerGone, Status, from_status
from ntipc.queues.ends import QueueWriter
from ntipc.session import session as sessions
from ntipc.session.session import Session, within
from ntipc.sync.semaphores import Semaphore
from ntipc.window_messages.constants import MOST_POSTED
from ntipc.window_messages.message import POST, POST_FORMAT, pack_post
from ntipc.window_messages.table import MESSAGE_ONLY, PREFIX, THREAD, WORD, Slot, WindowTable

HUNG_AFTER = 5.0
"""Seconds without a look at its queue after which a thread that does not wait there counts as hung."""


def queue_name(namespace: int, thread_id: int) -> str:
    """Return the name of a thread's queue."""
    return f"{PREFIX}queue {namespace}.{thread_id}"


def room_name(serial: int) -> str:
    """Return the name of the semaphore that counts the room in a queue."""
    return f"{PREFIX}room {serial}"


def no_window(call: str, hwnd: object, detail: str = "") -> NtError:
    """Make the error about a window that is not."""
    shown = f"{hwnd:#x}" if isinstance(hwnd, int) else repr(hwnd)
    return from_status(Status.INVALID_WINDOW_HANDLE, call, f"window {shown}", detail)


class Route:
    """The way to the queue of one thread."""

    __slots__ = ("_acquire", "number", "put", "room", "serial", "thread_id", "writer")

    def __init__(self, native: _kernel.Session, namespace: int, thread_id: int) -> None:
        self.thread_id = thread_id
        self.writer = QueueWriter.__new__(QueueWriter)
        self.writer._describe(f"the queue of thread {thread_id}")
        self.writer._open_end(native, queue_name(namespace, thread_id), 0, "post_message")
        self.serial = self.writer.identity[1]
        self.number = self.writer._limits()[0]
        self.room = Semaphore.__new__(Semaphore)
        try:
            self.room._bind(native, room_name(self.serial), _kernel.OPEN, 0)
        except BaseException:
            self.writer.close()
            raise
        self._acquire, self.put = self.room.acquire, self.writer._put_now

    @property
    def leads_on(self) -> bool:
        """Whether the thread is there."""
        return not self.writer.closed and self.writer._leads_on

    def post(self, call: str, hwnd: int, msg: int, wparam: int, lparam: int) -> None:
        """Put one posted message into the queue.

        Raises:
            OutOfResources: It holds 10,000 posted messages, or the session is full.
            PeerGone: The thread has ended.
        """
        try:
            data = POST_FORMAT.pack(POST, hwnd, msg, wparam, lparam, monotonic())
        except struct.error:
            data = pack_post(call, hwnd, msg, wparam, lparam)
        if not self._acquire(False):
            raise self._full(call)
        try:
            if self.put(data, call):
                return
        except BaseException:
            self.room.release()
            raise
        self.room.release()
        raise from_status(Status.INSUFFICIENT_RESOURCES, call, "", "the session has no memory left for messages")

    def _full(self, call: str) -> Exception:
        if not self.leads_on:
            return PeerGone()
        detail = f"thread {self.thread_id} has {MOST_POSTED:,} posted messages that it has not retrieved"
        return from_status(Status.QUOTA_EXCEEDED, call, "", detail, problem="the queue is full", advice=_REPOST)

    def close(self) -> None:
        """Give it up."""
        self.writer.close()
        self.room.close()


_REPOST = "Post it again once the thread has retrieved some"


class Desktop:
    """The windows and queues of one session, as this process sees them."""

    def __init__(self, native: _kernel.Session) -> None:
        self.native = native
        self.namespace = _kernel.pid_namespace()
        self.table = WindowTable(native)
        self.registered: dict[str, int] = {}
        self.is_closed = False
        self._routes: dict[int, Route] = {}
        self._of_window: dict[int, tuple[Route, memoryview, int]] = {}
        self._of_thread: dict[int, Route] = {}
        self.ways = _kernel.Ways()

    def close(self) -> None:
        """Give up everything, for this process leaves the session."""
        self.is_closed = True
        for route in list(self._routes.values()):
            route.close()
        self._routes.clear()
        self._of_window.clear()
        self._of_thread.clear()
        self.ways.clear()
        self.table.close()

    def route_of_window(self, call: str, hwnd: int) -> Route:
        """Return the way to the thread of a window.

        Raises:
            InvalidWindow: There is no such window.
        """
        known = self._of_window.get(hwnd)
        if known is not None and WORD.unpack_from(known[1], known[2])[0] == hwnd:
            return known[0]
        slot = self._window(hwnd)
        if slot is None:
            if known is not None:
                self._of_window.pop(hwnd, None)
                self.ways.forget(hwnd)
            raise no_window(call, hwnd)
        route = self._route_of(slot)
        if route is None:
            raise no_window(call, hwnd, "its thread has ended")
        segment, at = self.table.place_of(hwnd)
        self._of_window[hwnd] = route, segment, at
        self.ways.learn(hwnd, segment[at : at + WORD.size], route.writer, route.room)
        return route

    def route_of_thread(self, call: str, thread_id: int) -> Route:
        """Return the way to the queue of a thread that is known by its id.

        Raises:
            InvalidThread: There is no such thread in this session, or it has no queue.
        """
        route = self._of_thread.get(thread_id)
        if route is not None and route.leads_on:
            return route
        if route is not None:
            self.forget(route)
        try:
            route = self._open(self.namespace, thread_id)
        except ObjectNotFound:
            detail = "it has none before its first call about messages, and none in another session"
            raise from_status(Status.INVALID_THREAD_ID, call, f"thread {thread_id}", detail) from None
        self._of_thread[thread_id] = route
        return route

    def forget(self, route: Route) -> None:
        """Forget a way to a thread that has ended, and take its windows from the table."""
        self._routes.pop(route.serial, None)
        self._forget_ways(route)
        self._sweep([slot for slot in self.table.slots() if slot.serial == route.serial])

    def forget_own(self, serial: int) -> None:
        """Forget the way to the queue of a thread of this process that ends."""
        route = self._routes.pop(serial, None)
        if route is None:
            return
        self._forget_ways(route)

    def _forget_ways(self, route: Route) -> None:
        for hwnd in [hwnd for hwnd, known in list(self._of_window.items()) if known[0] is route]:
            self._of_window.pop(hwnd, None)
            self.ways.forget(hwnd)
        for thread_id in [thread_id for thread_id, known in list(self._of_thread.items()) if known is route]:
            self._of_thread.pop(thread_id, None)
        route.close()

    def owner(self, hwnd: int) -> Slot | None:
        """Tell about a window whose thread lives; ``None`` if there is no such window."""
        slot = self._window(hwnd)
        return slot if slot is not None and self._route_of(slot) is not None else None

    def windows(self, message_only: bool | None = False) -> list[Slot]:
        """List the windows whose threads live, the newest first.

        Args:
            message_only: Whether those that are message-only; ``None`` for all.
        """
        slots = self.table.slots()
        dead: list[Slot] = []
        lives: dict[int, bool] = {}
        found = []
        for slot in sorted(slots, key=lambda slot: slot.order, reverse=True):
            if slot.serial not in lives:
                lives[slot.serial] = self._route_of(slot, sweep=False) is not None
            if not lives[slot.serial]:
                dead.append(slot)
            elif not slot.flags & THREAD and message_only in (None, bool(slot.flags & MESSAGE_ONLY)):
                found.append(slot)
        self._sweep(dead)
        return found

    def is_hung(self, route: Route) -> bool:
        """Say whether a thread has not looked at its queue for five seconds, and does not wait there."""
        return monotonic() - self.table.last_look(route.number) > HUNG_AFTER

    def _window(self, hwnd: int) -> Slot | None:
        slot = self.table.read(hwnd)
        return slot if slot is not None and not slot.flags & THREAD else None

    def _route_of(self, slot: Slot, *, sweep: bool = True) -> Route | None:
        """Return the way to the thread of a slot; ``None`` if the thread has ended."""
        route = self._routes.get(slot.serial)
        if route is None:
            try:
                route = self._open(slot.namespace, slot.thread_id)
            except ObjectNotFound:
                route = None
        elif not route.leads_on:
            self.forget(route)
            return None
        if route is not None and route.serial == slot.serial:
            return route
        if sweep:
            self._sweep([slot])
        return None

    def _open(self, namespace: int, thread_id: int) -> Route:
        route = Route(self.native, namespace, thread_id)
        known = self._routes.setdefault(route.serial, route)
        if known is not route:
            route.close()
        return known

    def _sweep(self, dead: Iterable[Slot]) -> None:
        """Take the slots of a thread that has ended from the table."""
        slots = list(dead)
        if not slots:
            return
        with self.table.mutex:
            for slot in slots:
                self.table.remove(slot.number, slot.serial)


_desktops: dict[str, Desktop] = {}
_of_default: tuple[object, bytes | None, bytes | None, Desktop] | None = None
"""That of the default session, and what the session and the environment were then."""
_environment = sessions._environment
default_messages: Final = _kernel.DefaultMessages(_environment, b"NTIPC_SESSION", b"NTIPC_DIR")
"""The short way of posts and retrievals in the default session."""


def desktop_of(native: _kernel.Session) -> Desktop:
    """Return this process's view of a session."""
    path = native.path
    desktop = _desktops.get(path)
    if desktop is None or desktop.native.closed:
        desktop = _desktops[path] = Desktop(native)
    return desktop


def desktop(session: Session | str | None = None) -> Desktop:
    """Return this process's view of the session that a ``session`` argument means."""
    global _of_default
    if session is None and (known := _of_default) is not None:
        # The default session is what it was: asked without a call, for this is asked for each message.
        default, name, directory, found = known
        if (
            default is sessions._default
            and name is _environment.get(b"NTIPC_SESSION")
            and directory is _environment.get(b"NTIPC_DIR")
            and not found.is_closed
        ):
            return found
    here = desktop_of(within(session)._native)
    if session is None:
        name, directory = _environment.get(b"NTIPC_SESSION"), _environment.get(b"NTIPC_DIR")
        _of_default = sessions._default, name, directory, here
        default_messages.know(here.ways)
    return here


def leave(path: str) -> None:
    """Give up this process's view of a session that it is about to leave."""
    found = _desktops.pop(path, None)
    if found is not None:
        found.close()

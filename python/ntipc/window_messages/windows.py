"""Windows: places that messages are sent to. Each belongs to the thread that made it, and goes with it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, Self

from ntipc.errors import Status, from_status
from ntipc.sections.section import Section
from ntipc.session.session import Session
from ntipc.window_messages.classes import Handler, checked_name, checked_text, class_for
from ntipc.window_messages.constants import WM_CLOSE, WM_DESTROY, WM_NCDESTROY
from ntipc.window_messages.desktop import desktop, no_window
from ntipc.window_messages.message import checked_result
from ntipc.window_messages.table import MESSAGE_ONLY, ROOM_FOR_TEXT
from ntipc.window_messages.thread_queue import ThreadQueue, known_queue, own_queue

LONGEST_TITLE = 1 << 20


class Window:
    """A window without a screen: messages are posted and sent to it, and its handler deals with them.

    It belongs to the thread that made it: there its handler runs, when that thread retrieves and dispatches messages.
    It lives until it is destroyed or its thread ends, whether or not the program keeps this object. ``with`` destroys
    it.

    Args:
        title: Its title, up to 1,048,576 characters.
        class_name: Name of its class. Where it is registered, its handler is the default; else ``handler`` is needed.
        handler: A callable ``(hwnd, msg, wparam, lparam) -> int | None``, a mapping from numbers of messages to such
            callables, or an object with ``on_...`` methods. Without one, ``WM_CLOSE`` destroys the window.
        message_only: Whether broadcasts and :func:`enum_windows` leave it out.
        session: The session, or its name; ``None`` for the default one.

    Attributes:
        hwnd: Its number, by which every process of the session knows it.
        class_name: Name of its class.
        thread_id: Linux's id of its thread.
        pid: Its process.
        user_data: Whatever the program keeps there; ``None`` at first.

    Raises:
        ObjectNotFound: The class is not registered, and there is no ``handler``; ``winerror`` is 1407.
        OutOfResources: There are 65,280 windows and threads already, or the session is full.
        InvalidParameter: ``title`` or ``class_name`` is too long.

    Source:
        CreateWindowEx with HWND_MESSAGE, DestroyWindow (Win32).

    Differs:
        No ``WM_CREATE`` is sent: what it would do, a program does after the constructor.

    >>> import ntipc
    >>> with Window("adder", handler=lambda hwnd, msg, wparam, lparam: wparam + lparam) as window:
    ...     ntipc.post_message(window.hwnd, ntipc.WM_USER, 2, 3)
    ...     ntipc.dispatch_message(ntipc.get_message())
    5
    """

    user_data: Any = None

    def __init__(
        self,
        title: str | None = None,
        *,
        class_name: str | None = None,
        handler: Handler | None = None,
        message_only: bool = False,
        session: Session | str | None = None,
    ) -> None:
        title = _checked_title(title)
        self._class, self._procedure = class_for(class_name, handler)
        self._title = title
        self._queue = queue = own_queue(session)
        self._long_text: Section | None = None
        self.class_name = self._class.name
        self.thread_id, self.pid = queue.thread_id, queue.pid
        self._is_destroyed = False
        self._values: Callable[[memoryview, bool], bytes] | None = None
        table = queue.desktop.table
        owner = queue.serial, queue.desktop.namespace, queue.thread_id, queue.pid, queue.number
        with table.mutex:
            self.hwnd = table.add(lambda number: owner, MESSAGE_ONLY * message_only, self.class_name, title)
            queue.windows[self.hwnd] = self
            queue.inbox.window_made(self.hwnd)
            self._class.windows += 1
            if len(title) + len(self.class_name) > ROOM_FOR_TEXT // 4:
                self._long_text = table.set_text(self.hwnd, self.class_name, title)

    @property
    def title(self) -> str:
        """The title, by which :func:`find_window` finds it. It can be set as long as the window lives.

        Raises:
            InvalidWindow: It is set, and the window has been destroyed.
        """
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        title = _checked_title(title)
        if self._is_destroyed or os.getpid() != self.pid:
            raise no_window("Window.title", self.hwnd)
        table = self._queue.desktop.table
        with table.mutex:
            kept, self._long_text = self._long_text, table.set_text(self.hwnd, self.class_name, title)
            self._title = title
        if kept is not None:
            kept.close()

    @property
    def is_destroyed(self) -> bool:
        """Whether it was destroyed, or its thread has ended."""
        return self._is_destroyed

    def destroy(self) -> None:
        """Destroy the window: its handler gets ``WM_DESTROY`` and ``WM_NCDESTROY``, its messages and timers go.

        A sender that waits for the result of a message to it gets the error that there is no such window.

        Raises:
            AccessDenied: Another thread made it, or it is destroyed already; ``winerror`` is 5.

        Source:
            DestroyWindow (Win32).
        """
        if not self._is_own():
            detail = "it is destroyed already" if self._is_destroyed else "only the thread that made it may destroy it"
            raise from_status(Status.ACCESS_DENIED, "Window.destroy", f"window {self.hwnd:#x}", detail)
        try:
            self._call(WM_DESTROY, 0, 0)
        finally:
            try:
                if self.hwnd in self._queue.windows:
                    self._call(WM_NCDESTROY, 0, 0)
            finally:
                self._end()

    def _is_own(self) -> bool:
        queue = self._queue
        return (
            not self._is_destroyed
            and not queue.is_closed
            and queue.thread_id == threading.get_native_id()
            and queue.windows.get(self.hwnd) is self
        )

    def _end(self) -> None:
        queue = self._queue
        queue.inbox.window_goes(self.hwnd)
        if queue.windows.pop(self.hwnd, None) is None:
            return  # its handler has destroyed it
        table = queue.desktop.table
        with table.mutex:
            table.remove(self.hwnd, queue.serial)
        self._forget()
        queue.window_has_gone(self.hwnd)

    def _forget(self) -> None:
        """Give up what it holds, now that it is no more."""
        if self._is_destroyed:
            return
        self._is_destroyed = True
        self._class.windows -= 1
        if self._long_text is not None:
            self._long_text.close()

    def _call(self, msg: int, wparam: int, lparam: Any) -> int:
        """Have the handler deal with a message."""
        if self._procedure is not None:
            result = self._procedure(self.hwnd, msg, wparam, lparam)
            return 0 if result is None else checked_result(result)
        if msg == WM_CLOSE:
            self.destroy()
        return 0

    def _deal_with(self, data: memoryview, is_asked: bool) -> bytes:
        """Have what takes typed messages deal with one."""
        if self._values is None:
            raise TypeError("the window takes no typed messages")
        return self._values(data, is_asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_destroyed and (value is None or self._is_own()):
            self.destroy()

    def __repr__(self) -> str:
        state = " destroyed" if self._is_destroyed else ""
        return f"<Window {self.hwnd:#x} {self.class_name!r} {self._title[:40]!r}{state}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a window belongs to its thread and cannot be pickled: send its hwnd")


def _checked_title(title: str | None) -> str:
    if title is None:
        return ""
    if not isinstance(title, str):
        raise TypeError(f"a title must be a str or None, not {type(title).__name__}")
    if len(title) > LONGEST_TITLE:
        detail = f"a title has up to {LONGEST_TITLE:,} characters, not {len(title):,}"
        raise from_status(Status.INVALID_PARAMETER, "Window", "", detail)
    return checked_text("Window", title)


def is_window(hwnd: int, *, session: Session | str | None = None) -> bool:
    """Say whether there is a window of that number, in whatever process of the session.

    Source:
        IsWindow (Win32).
    """
    queue = known_queue(session)
    if queue is not None and hwnd in queue.windows:
        return True
    return desktop(session).owner(hwnd) is not None


def window_thread(hwnd: int, *, session: Session | str | None = None) -> tuple[int, int]:
    """Tell whose a window is: the ids of its thread and its process.

    Raises:
        InvalidWindow: There is no such window.

    Source:
        GetWindowThreadProcessId (Win32).
    """
    slot = desktop(session).owner(hwnd)
    if slot is None:
        raise no_window("window_thread", hwnd)
    return slot.thread_id, slot.pid


def window_text(hwnd: int, *, session: Session | str | None = None) -> tuple[str, str]:
    """Tell the class and the title of a window of any process.

    Raises:
        InvalidWindow: There is no such window.

    Source:
        GetClassName, InternalGetWindowText (Win32).
    """
    here = desktop(session)
    slot = here.owner(hwnd)
    if slot is None:
        raise no_window("window_text", hwnd)
    with here.table.mutex:
        return here.table.text(slot)


def enum_windows(*, session: Session | str | None = None) -> list[int]:
    """List the windows of all processes of the session, the newest first, without those that are message-only.

    Source:
        EnumWindows (Win32).
    """
    return [slot.number for slot in desktop(session).windows()]


def find_window(
    class_name: str | None = None,
    title: str | None = None,
    after: int | None = None,
    *,
    session: Session | str | None = None,
) -> int | None:
    """Find a window by the name of its class and its title; the newest of several.

    Args:
        class_name: Name of the class, whatever its case; ``None`` for any.
        title: The whole title, whatever its case; ``None`` for any.
        after: A window that was found before: the search goes on behind it.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        Its ``hwnd``; ``None`` if there is none. Message-only windows are found as well.

    Raises:
        InvalidWindow: ``after`` is no window.

    Source:
        FindWindowEx (Win32).
    """
    wanted = (
        None if class_name is None else checked_name("find_window", class_name).casefold(),
        None if title is None else _checked_title(title).casefold(),
    )
    here = desktop(session)
    slots = here.windows(None)
    if after is not None:
        places = [place for place, slot in enumerate(slots) if slot.number == after]
        if not places:
            raise no_window("find_window", after)
        slots = slots[places[0] + 1 :]
    with here.table.mutex:
        for slot in slots:
            texts = here.table.text(slot)
            if all(want is None or want == text.casefold() for want, text in zip(wanted, texts, strict=True)):
                return slot.number
    return None


def own_window(call: str, queue: ThreadQueue, hwnd: int) -> Window:
    """Return a window of the calling thread.

    Raises:
        InvalidWindow: There is none of that number in this thread.
    """
    window = queue.windows.get(hwnd)
    if window is None:
        raise no_window(call, hwnd, "this thread has none of that number")
    return window

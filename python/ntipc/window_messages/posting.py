"""Posting: a message is put into a thread's queue, and nobody waits for what becomes of it."""

from __future__ import annotations

from operator import index
from threading import get_native_id

from ntipc.errors import NtError, PeerGone, Status, from_status
from ntipc.session.session import Session, within
from ntipc.window_messages.broadcast import to_all
from ntipc.window_messages.constants import HWND_BROADCAST, POINTER_MESSAGES, QS_ALLPOSTMESSAGE, QS_POSTMESSAGE
from ntipc.window_messages.desktop import desktop, desktop_of, no_window
from ntipc.window_messages.message import checked, pack_post
from ntipc.window_messages.thread_queue import own_queue


def post_message(
    hwnd: int | None, msg: int, wparam: int = 0, lparam: int = 0, *, session: Session | str | None = None
) -> None:
    """Put a message into the queue of a window's thread, and do not wait.

    Messages of one thread to another stay in order.

    Args:
        hwnd: A window of any process of the session; ``None`` or 0 for the calling thread itself; ``HWND_BROADCAST``
            for all windows that are not message-only: messages below ``WM_USER`` and registered ones go to those.
        msg: Number of the message: ``WM_USER`` and up for those of a program's own.
        wparam: A number of up to 64 bits; it arrives as it was given.
        lparam: Another one.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidWindow: There is no such window, or its thread has ended.
        MessageSyncOnly: The message is one whose parameters are addresses, such as ``WM_COPYDATA``.
        OutOfResources: The queue holds 10,000 posted messages (``winerror`` 1816), or the session is full.
        OverflowError: A parameter needs more than 64 bits.
        InvalidParameter: ``msg`` is negative, or needs more than 32 bits.

    Source:
        PostMessage (Win32).
    """
    if msg in POINTER_MESSAGES:
        raise sync_only("post_message", msg)
    if not hwnd:
        queue = own_queue(session)
        here, hwnd = queue.desktop, 0
        route = here.route_of_thread("post_message", queue.thread_id)
    elif hwnd == HWND_BROADCAST:
        where = within(session)
        pack_post("post_message", hwnd, msg, wparam, lparam)
        to_all(desktop_of(where._native), msg, lambda each: post_message(each, msg, wparam, lparam, session=where))
        return
    else:
        here = desktop(session)
        route = here.route_of_window("post_message", hwnd)
    try:
        route.post("post_message", hwnd, msg, wparam, lparam)
    except PeerGone:
        here.forget(route)
        raise no_window("post_message", hwnd, "its thread has ended") from None


def post_thread_message(
    thread_id: int, msg: int, wparam: int = 0, lparam: int = 0, *, session: Session | str | None = None
) -> None:
    """Put a message into the queue of a thread, for no window.

    A thread has a queue from its first call about messages on; :func:`peek_message` is enough. Ids of threads count in
    the pid namespace of the caller.

    Args:
        thread_id: Linux's id of the thread: :func:`threading.get_native_id`.
        msg: Number of the message.
        wparam: A number of up to 64 bits.
        lparam: Another one.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidThread: There is no such thread in the session, or it has no queue; ``winerror`` is 1444.
        MessageSyncOnly: The message is one whose parameters are addresses.
        OutOfResources: The queue holds 10,000 posted messages, or the session is full.

    Source:
        PostThreadMessage (Win32).
    """
    if msg in POINTER_MESSAGES:
        raise sync_only("post_thread_message", msg)
    if thread_id == get_native_id():
        own_queue(session)
    here = desktop(session)
    route = here.route_of_thread("post_thread_message", index(thread_id))
    try:
        route.post("post_thread_message", 0, msg, wparam, lparam)
    except PeerGone:
        here.forget(route)
        raise from_status(Status.INVALID_THREAD_ID, "post_thread_message", f"thread {thread_id}") from None


def post_quit_message(code: int = 0, *, session: Session | str | None = None) -> None:
    """Have the calling thread's message loop end: it gets ``WM_QUIT`` once no posted message is left.

    Asked for twice, it comes once, with the later code.

    Args:
        code: A number for the loop: :func:`quit_code`.
        session: The session, or its name; ``None`` for the default one.

    Source:
        PostQuitMessage (Win32).
    """
    queue = own_queue(session)
    queue.quit = checked("the code", code)
    queue.changed |= QS_POSTMESSAGE | QS_ALLPOSTMESSAGE


def sync_only(call: str, msg: int) -> NtError:
    """Make the error about a message that can be sent, and not posted."""
    return from_status(Status.MESSAGE_SYNC_ONLY, call, f"message {msg:#x}")

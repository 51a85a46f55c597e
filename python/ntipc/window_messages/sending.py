"""Sending: the receiver's thread deals with the message, and the sender waits for the result, or is told it later.

How a message gets there and its result back is in ``sends``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ntipc.errors import Status, from_status
from ntipc.session.session import Session
from ntipc.window_messages import receiving
from ntipc.window_messages.broadcast import send_to_all, to_all
from ntipc.window_messages.constants import HWND_BROADCAST, POINTER_MESSAGES, WM_COPYDATA
from ntipc.window_messages.copy_data import CopyData, bytes_of
from ntipc.window_messages.message import CALLBACK, NOTIFY, check_number, checked
from ntipc.window_messages.posting import sync_only
from ntipc.window_messages.sends import Send
from ntipc.window_messages.thread_queue import own_queue

if TYPE_CHECKING:
    from typing_extensions import Buffer


def send_message(
    hwnd: int,
    msg: int,
    wparam: int = 0,
    lparam: int = 0,
    *,
    timeout: float | None = None,
    abort_if_hung: bool = False,
    block: bool = False,
    session: Session | str | None = None,
) -> int:
    """Have a window deal with a message, and return the result.

    The handler runs in the window's thread: at once if that is the calling one; else when it gets or peeks messages,
    waits for them or waits in a send of its own. While this call waits, it deals with messages that are sent to this
    thread, and leaves posted ones for later.

    Args:
        hwnd: A window of any process of the session; ``HWND_BROADCAST`` for all that are not message-only, one after
            the other, each with ``timeout`` of its own: the result is 1 if all have answered in time, and else 0.
        msg: Number of the message.
        wparam: A number of up to 64 bits; it arrives as it was given.
        lparam: Another one.
        timeout: Seconds to wait for the result; ``None`` for as long as the receiver lives. If the receiver has not
            begun then, it never does. A window of the calling thread is not timed.
        abort_if_hung: Whether to fail at once if the receiver is hung: see :func:`is_hung`.
        block: Whether to deal with nothing while this waits.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        What the handler returned; 0 for ``None``.

    Raises:
        InvalidWindow: There is no such window, or it was destroyed before it dealt with the message.
        Timeout: There was no result in time, or the receiver is hung; ``winerror`` is 1460.
        ReplyLost: The receiver ended before it answered.
        NtError: The handler raised an exception in another thread; the message says which.
        NestedTooDeep: This thread deals with 64 messages of others already, each inside of a send.
        InvalidParameter: The message is ``WM_COPYDATA``: use :func:`send_data`.

    Source:
        SendMessage, SendMessageTimeout (Win32).

    >>> import ntipc
    >>> with ntipc.Window(handler=lambda hwnd, msg, wparam, lparam: wparam * lparam) as window:
    ...     ntipc.send_message(window.hwnd, ntipc.WM_USER, 6, 7)
    42
    """
    if msg == WM_COPYDATA:
        raise from_status(Status.INVALID_PARAMETER, "send_message", "", "WM_COPYDATA carries bytes: use send_data")
    queue = own_queue(session)
    window = queue.windows.get(hwnd)
    if window is not None:
        check("send_message", msg, wparam, lparam)
        return window._call(msg, wparam, lparam)
    if hwnd == HWND_BROADCAST:
        check("send_message", msg, wparam, lparam)

        def send(each: int) -> int:
            limits = {"timeout": timeout, "abort_if_hung": abort_if_hung, "block": block}
            return send_message(each, msg, wparam, lparam, **limits, session=session)  # type: ignore[arg-type]

        return send_to_all(queue.desktop, msg, send)
    return Send(queue, "send_message", hwnd, msg, wparam, lparam).result(timeout, abort_if_hung, block)


def send_data(
    hwnd: int,
    data: Buffer,
    kind: int = 0,
    *,
    timeout: float | None = None,
    sender: int = 0,
    session: Session | str | None = None,
) -> int:
    """Send bytes to a window, as ``WM_COPYDATA``, and return the handler's result.

    The receiver gets a copy. Its handler's ``lparam`` has ``.kind`` and ``.data``: a read-only ``memoryview`` that is
    valid while the handler runs. What it wants to keep it copies.

    Args:
        hwnd: A window of any process of the session.
        data: Bytes of any length.
        kind: A number for the receiver.
        timeout: Seconds to wait for the result.
        sender: A window of the sender, which the handler gets as ``wparam``.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        NtError: As :func:`send_message`.

    Source:
        WM_COPYDATA (Win32).

    >>> import ntipc
    >>> def handler(hwnd, msg, wparam, lparam):
    ...     return len(lparam.data) if msg == ntipc.WM_COPYDATA else None
    >>> with ntipc.Window(handler=handler) as window:
    ...     ntipc.send_data(window.hwnd, b"some bytes", kind=1)
    10
    """
    content = bytes_of(data)
    checked("kind", kind)
    queue = own_queue(session)
    window = queue.windows.get(hwnd)
    if window is not None:
        copy = CopyData(kind, content)
        try:
            return window._call(WM_COPYDATA, checked("sender", sender), copy)
        finally:
            copy._release()
    if hwnd == HWND_BROADCAST:

        def send(each: int) -> int:
            return send_data(each, content, kind, timeout=timeout, sender=sender, session=session)

        return send_to_all(queue.desktop, WM_COPYDATA, send)
    return Send(queue, "send_data", hwnd, WM_COPYDATA, sender, kind, content).result(timeout)


def send_notify_message(
    hwnd: int, msg: int, wparam: int = 0, lparam: int = 0, *, session: Session | str | None = None
) -> None:
    """Send a message and do not wait: it comes before all posted ones, and has no result.

    A window of the calling thread deals with it at once.

    Raises:
        InvalidWindow: There is no such window.
        MessageSyncOnly: The message is one whose parameters are addresses.

    Source:
        SendNotifyMessage (Win32).
    """
    if msg in POINTER_MESSAGES:
        raise sync_only("send_notify_message", msg)
    queue = own_queue(session)
    window = queue.windows.get(hwnd)
    if window is not None:
        check("send_notify_message", msg, wparam, lparam)
        window._call(msg, wparam, lparam)
        return
    if hwnd == HWND_BROADCAST:
        check("send_notify_message", msg, wparam, lparam)
        to_all(queue.desktop, msg, lambda each: send_notify_message(each, msg, wparam, lparam, session=session))
        return
    Send(queue, "send_notify_message", hwnd, msg, wparam, lparam).put(NOTIFY)


def send_message_callback(
    hwnd: int,
    msg: int,
    wparam: int = 0,
    lparam: int = 0,
    callback: Callable[[int, int, int], object] | None = None,
    *,
    session: Session | str | None = None,
) -> None:
    """Send a message and do not wait; have the result told later.

    A window of the calling thread deals with it at once, and ``callback`` is called before this returns.

    Args:
        hwnd: A window of any process of the session.
        msg: Number of the message.
        wparam: A number of up to 64 bits.
        lparam: Another one.
        callback: Is called with ``hwnd``, ``msg`` and the result when this thread next gets or peeks messages, or waits
            for messages or in a send. The result is 0 if the handler raised or the receiver ended.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidWindow: There is no such window.
        MessageSyncOnly: The message is one whose parameters are addresses.
        TypeError: ``callback`` cannot be called.

    Source:
        SendMessageCallback (Win32).
    """
    if not callable(callback):
        raise TypeError(f"callback must be callable, not {type(callback).__name__}")
    if msg in POINTER_MESSAGES:
        raise sync_only("send_message_callback", msg)
    queue = own_queue(session)
    window = queue.windows.get(hwnd)
    if window is not None:
        check("send_message_callback", msg, wparam, lparam)
        callback(hwnd, msg, window._call(msg, wparam, lparam))
        return
    if hwnd == HWND_BROADCAST:
        check("send_message_callback", msg, wparam, lparam)

        def send_to(each: int) -> None:
            send_message_callback(each, msg, wparam, lparam, callback, session=session)

        to_all(queue.desktop, msg, send_to)
        return
    send = Send(queue, "send_message_callback", hwnd, msg, wparam, lparam)
    queue.callbacks[send.number] = callback, hwnd, msg
    try:
        send.put(CALLBACK)
    except BaseException:
        queue.callbacks.pop(send.number, None)
        queue.awaited.pop(send.number, None)
        raise


def reply_message(result: int, *, session: Session | str | None = None) -> bool:
    """Answer the message of another thread that this one deals with, before its handler returns.

    The sender goes on at once; what the handler returns later counts no more.

    Returns:
        Whether that was the answer: ``False`` if no message of another thread is being dealt with, or it was answered.

    Source:
        ReplyMessage (Win32).
    """
    return receiving.reply(own_queue(session), result)


def in_send_message(*, session: Session | str | None = None) -> int:
    """Tell how the message came that this thread deals with.

    Returns:
        0: not from another thread, or posted. 1: sent, 2: by :func:`send_notify_message`, 4: by
        :func:`send_message_callback`; 8 more if it was answered. The sender waits if ``flags & 9 == 1``.

    Source:
        InSendMessageEx (Win32).
    """
    return receiving.flags(own_queue(session))


def is_hung(hwnd: int, *, session: Session | str | None = None) -> bool:
    """Say whether a window's thread does not deal with its messages.

    That is so if it has neither looked at its queue for 5 seconds nor waits there now. Each look is noted, to within
    a quarter of a second, where others can see it.

    Raises:
        InvalidWindow: There is no such window.

    Source:
        IsHungAppWindow (Win32).
    """
    desktop = own_queue(session).desktop
    return desktop.is_hung(desktop.route_of_window("is_hung", hwnd))


def check(call: str, msg: int, wparam: int, lparam: int) -> None:
    """Refuse what a message to another thread could not carry either."""
    check_number(call, msg)
    checked("wparam", wparam)
    checked("lparam", lparam)

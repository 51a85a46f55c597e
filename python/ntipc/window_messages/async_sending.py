"""Sending in an event loop: the result is awaited, and no thread waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntipc.session.session import Session
from ntipc.window_messages.broadcast import send_to_all_async
from ntipc.window_messages.constants import HWND_BROADCAST, WM_COPYDATA
from ntipc.window_messages.copy_data import bytes_of
from ntipc.window_messages.message import ASK, DATA, SEND, checked
from ntipc.window_messages.sending import check, send_data, send_message
from ntipc.window_messages.sends import Send
from ntipc.window_messages.thread_queue import own_queue

if TYPE_CHECKING:
    from typing_extensions import Buffer


async def send_message_async(
    hwnd: int,
    msg: int,
    wparam: int = 0,
    lparam: int = 0,
    *,
    timeout: float | None = None,
    abort_if_hung: bool = False,
    session: Session | str | None = None,
) -> int:
    """Have a window deal with a message, and await the result: :func:`send_message` for event loops.

    Other tasks go on meanwhile. What is sent to windows of the loop's thread is dealt with in the loop, between their
    steps. A task that is cancelled takes the message back, if the receiver has not begun with it.

    Args:
        hwnd: A window of any process of the session. One of the loop's own thread deals with it at once.
            ``HWND_BROADCAST`` for all that are not message-only, up to 64 at the same time, each with ``timeout`` of
            its own: the result is 1 if all have answered in time, and else 0.
        msg: Number of the message.
        wparam: A number of up to 64 bits.
        lparam: Another one.
        timeout: Seconds to wait for the result; ``None`` for as long as the receiver lives.
        abort_if_hung: Whether to fail at once if the receiver is hung.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        NtError: As :func:`send_message`.
        RuntimeError: No event loop runs in this thread.

    Source:
        SendMessage, SendMessageTimeout (Win32).

    >>> import asyncio, ntipc
    >>> async def main():
    ...     with ntipc.Window(handler=lambda hwnd, msg, wparam, lparam: wparam * lparam) as window:
    ...         return await ntipc.send_message_async(window.hwnd, ntipc.WM_USER, 6, 7)
    >>> asyncio.run(main())
    42
    """
    queue = own_queue(session)
    if msg == WM_COPYDATA or hwnd in queue.windows:
        return send_message(hwnd, msg, wparam, lparam, session=session)
    if hwnd == HWND_BROADCAST:
        check("send_message_async", msg, wparam, lparam)

        async def send_to(each: int) -> int:
            limits = {"timeout": timeout, "abort_if_hung": abort_if_hung}
            return await send_message_async(each, msg, wparam, lparam, **limits, session=session)  # type: ignore[arg-type]

        return await send_to_all_async(queue.desktop, msg, send_to)
    send = Send(queue, "send_message_async", hwnd, msg, wparam, lparam)
    outcome = await send.outcome_async(SEND, timeout, abort_if_hung)
    return outcome if isinstance(outcome, int) else 0


async def send_data_async(
    hwnd: int,
    data: Buffer,
    kind: int = 0,
    *,
    timeout: float | None = None,
    sender: int = 0,
    session: Session | str | None = None,
) -> int:
    """Send bytes to a window, as ``WM_COPYDATA``, and await the handler's result: :func:`send_data` for event loops.

    The bytes are copied before this is suspended for the first time; of a broadcast, which copies them for each window,
    leave them as they are until it is over. Arguments are those of :func:`send_data`, and all else is as for
    :func:`send_message_async`.

    Raises:
        NtError: As :func:`send_message_async`.

    Source:
        WM_COPYDATA (Win32).
    """
    queue = own_queue(session)
    if hwnd in queue.windows:
        return send_data(hwnd, data, kind, sender=sender, session=session)
    content = bytes_of(data)
    checked("kind", kind)
    if hwnd == HWND_BROADCAST:

        async def send_to(each: int) -> int:
            return await send_data_async(each, content, kind, timeout=timeout, sender=sender, session=session)

        return await send_to_all_async(queue.desktop, WM_COPYDATA, send_to)
    send = Send(queue, "send_data_async", hwnd, WM_COPYDATA, sender, kind, content)
    outcome = await send.outcome_async(DATA, timeout)
    return outcome if isinstance(outcome, int) else 0


async def ask_window_async(
    hwnd: int, data: bytes, timeout: float | None, *, session: Session | str | None = None
) -> bytes:
    """Have a window deal with bytes, and await those that it answers with.

    Raises:
        NtError: As :func:`send_message_async`.
    """
    queue = own_queue(session)
    window = queue.windows.get(hwnd)
    if window is not None:
        return window._deal_with(memoryview(data), True)
    outcome = await Send(queue, "ask_async", hwnd, 0, 0, 0, memoryview(data)).outcome_async(ASK, timeout)
    return outcome if isinstance(outcome, bytes) else b""

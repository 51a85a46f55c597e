"""Messages with bytes both ways: what typed messages are made of. Sent like others, and answered with bytes."""

from __future__ import annotations

from ntipc.session.session import Session
from ntipc.window_messages.message import ASK, TELL
from ntipc.window_messages.sends import Send
from ntipc.window_messages.thread_queue import own_queue


def tell_window(hwnd: int, data: bytes, *, session: Session | str | None = None) -> None:
    """Have a window deal with bytes, and do not wait; also in the calling thread it does so later.

    Raises:
        InvalidWindow: There is no such window.
    """
    Send(own_queue(session), "tell", hwnd, 0, 0, 0, memoryview(data)).put(TELL)


def ask_window(
    hwnd: int, data: bytes, timeout: float | None, *, block: bool = False, session: Session | str | None = None
) -> bytes:
    """Have a window deal with bytes, and return those that it answers with.

    Raises:
        NtError: As :func:`~ntipc.send_message`.
    """
    queue = own_queue(session)
    window = queue.windows.get(hwnd)
    if window is not None:
        return window._deal_with(memoryview(data), True)
    outcome = Send(queue, "ask", hwnd, 0, 0, 0, memoryview(data)).outcome(ASK, timeout, False, block)
    return outcome if isinstance(outcome, bytes) else b""

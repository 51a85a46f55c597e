"""Broadcasts: one message to every window that is not message-only, of every process of the session.

The list of windows is taken once, at the start. A window that goes meanwhile, or whose queue is full, is passed over.
Messages of programs' own, from ``WM_USER`` up to 0xBFFF, mean something else in every program: they go to nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from ntipc.errors import InvalidWindow, NtError, OutOfResources, Timeout
from ntipc.window_messages.constants import FIRST_REGISTERED, WM_USER
from ntipc.window_messages.desktop import Desktop


def to_all(desktop: Desktop, msg: int, post: Callable[[int], object]) -> None:
    """Do what posts or sends without waiting, for each window."""
    for hwnd in _targets(desktop, msg):
        try:
            post(hwnd)
        except (InvalidWindow, OutOfResources):
            pass


def send_to_all(desktop: Desktop, msg: int, send: Callable[[int], object]) -> int:
    """Send to one window after another: 1 if all have answered, 0 if one has not in time."""
    all_answered = 1
    for hwnd in _targets(desktop, msg):
        try:
            send(hwnd)
        except InvalidWindow:
            pass
        except Timeout:
            all_answered = 0
        except NtError as problem:  # it has ended, or its handler has raised
            if problem.winerror not in (31, 1359):
                raise
    return all_answered


def _targets(desktop: Desktop, msg: int) -> list[int]:
    if WM_USER <= msg < FIRST_REGISTERED:
        return []
    return [slot.number for slot in desktop.windows()]

"""Broadcasts: one message to every window that is not message-only, of every process of the session.

The list of windows is taken once, at the start. A window that goes meanwhile, or whose queue is full, is passed over.
Messages of programs' own, from ``WM_USER`` up to 0xBFFF, mean something else in every program: they go to nobody.

A send that blocks goes from one window to the next. One that is awaited goes to many at the same time: a window that
does not answer keeps no other one waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ntipc.errors import InvalidWindow, NtError, OutOfResources, Timeout
from ntipc.window_messages.constants import FIRST_REGISTERED, WM_USER
from ntipc.window_messages.desktop import Desktop

AT_ONCE = 64
"""Windows that an awaited broadcast waits for at the same time."""
_HANDLER_RAISED, _RECEIVER_ENDED = 31, 1359


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
        except NtError as problem:
            all_answered &= _is_no_matter(problem)
    return all_answered


async def send_to_all_async(desktop: Desktop, msg: int, send: Callable[[int], Awaitable[object]]) -> int:
    """Send to all windows, to :data:`AT_ONCE` at the same time: 1 if all have answered, 0 if one has not in time."""
    import asyncio

    turns = asyncio.Semaphore(AT_ONCE)

    async def send_in_turn(hwnd: int) -> bool:
        async with turns:
            try:
                await send(hwnd)
            except NtError as problem:
                return _is_no_matter(problem)
            return True

    tasks = [asyncio.ensure_future(send_in_turn(hwnd)) for hwnd in _targets(desktop, msg)]
    try:
        return int(all(await asyncio.gather(*tasks)))
    except BaseException:  # cancelled, too: none goes on that nobody waits for
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _is_no_matter(problem: NtError) -> bool:
    """Say whether a window that did not answer does not count: it has gone, or its handler has raised; or is late.

    Raises:
        NtError: It is something else.
    """
    if isinstance(problem, Timeout):
        return False
    if not isinstance(problem, InvalidWindow) and problem.winerror not in (_HANDLER_RAISED, _RECEIVER_ENDED):
        raise problem
    return True


def _targets(desktop: Desktop, msg: int) -> list[int]:
    if WM_USER <= msg < FIRST_REGISTERED:
        return []
    return [slot.number for slot in desktop.windows()]

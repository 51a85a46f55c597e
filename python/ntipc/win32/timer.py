"""Functions that are called again and again while the thread deals with messages, as pywin32's ``timer`` has them.

>>> from ntipc.win32 import timer, win32gui
>>> number = timer.set_timer(10, lambda id, time: win32gui.PostQuitMessage(0))
>>> win32gui.PumpMessages()
0
>>> timer.kill_timer(number), timer.kill_timer(number)
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.failures import failed
from ntipc.window_messages import kill_timer as end_timer
from ntipc.window_messages import set_timer as begin_timer

__all__ = ["error", "kill_timer", "set_timer"]

__version__: Final = b"0.2"


def set_timer(Elapse: int, TimerFunc: Callable[[int, int], Any], /) -> int:
    """Have a function called again and again, whenever the thread has no other message.

    Args:
        Elapse: Milliseconds between calls.
        TimerFunc: Called with the timer's number and the time of the message, in milliseconds.

    Returns:
        The number.

    Raises:
        error: The thread has too many timers.

    Source:
        SetTimer (Win32).
    """
    if not callable(TimerFunc):
        raise TypeError("TimerFunc must be callable")

    def call(hwnd: int, message: int, number: int, time: float) -> None:
        TimerFunc(number, int(time * 1000) & 0xFFFF_FFFF)

    try:
        return begin_timer(None, 0, index(Elapse) / 1000, call)
    except NtError as problem:
        raise failed(problem, "SetTimer") from None


def kill_timer(timer_id: int, /) -> bool:
    """End a timer; whether there was one.

    Source:
        KillTimer (Win32).
    """
    return end_timer(None, index(timer_id))

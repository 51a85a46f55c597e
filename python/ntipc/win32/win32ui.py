"""``win32ui``, as far as programs use it to find windows of other programs and to send them messages.

>>> from ntipc.win32 import win32ui
>>> try:
...     win32ui.FindWindow("no such class", None)
... except win32ui.error as problem:
...     print(problem)
No window can be found.
"""

from __future__ import annotations

from typing import Any

from ntipc.win32.binding import messages
from ntipc.win32.binding.failures import error as _windows_error
from ntipc.win32.binding.hidden import MessageBox as _message_box
from ntipc.win32.binding.tables import out_of_scope
from ntipc.win32.win32gui import FindWindow as _find
from ntipc.win32.win32gui import FindWindowEx as _find_below
from ntipc.win32.win32gui import GetWindowText, IsWindow


class error(Exception):  # noqa: N818, RUF100 - pywin32's name
    """A call of this module failed. It is another class than that of the other modules."""


error.__module__, error.__qualname__ = "win32ui", "error"


class PyCWnd:
    """A window.

    Args:
        hwnd: Its handle.

    Source:
        PyCWnd objects (pywin32).
    """

    def __init__(self, hwnd: int) -> None:
        self._hwnd = hwnd

    def GetSafeHwnd(self) -> int:
        """Return the handle."""
        return self._hwnd

    def GetWindowText(self) -> str:
        """Return the title."""
        return GetWindowText(self._hwnd)

    def IsWindow(self) -> bool:
        """Say whether the window exists."""
        return bool(IsWindow(self._hwnd))

    def SendMessage(self, idMessage: int, wParam: Any = 0, lParam: Any = 0) -> int:
        """Have the window deal with a message; the result.

        Raises:
            error: There is no such window.
        """
        try:
            return messages.SendMessage(self._hwnd, idMessage, wParam, lParam)
        except _windows_error as problem:
            raise error(problem.strerror) from None

    def PostMessage(self, idMessage: int, wParam: int = 0, lParam: int = 0) -> None:
        """Put a message into the queue of the window's thread.

        Raises:
            error: There is no such window.
        """
        try:
            messages.PostMessage(self._hwnd, idMessage, wParam, lParam)
        except _windows_error as problem:
            raise error(problem.strerror) from None


def FindWindow(className: str | None, windowName: str | None) -> PyCWnd:
    """Find a window by its class, its title, or both.

    Raises:
        error: There is none.

    Source:
        FindWindow (Win32).
    """
    return _found(_find(className, windowName))


def FindWindowEx(parent: PyCWnd | None, childAfter: PyCWnd | None, className: str | None, windowName: str) -> PyCWnd:
    """Find a window below another one.

    Raises:
        error: There is none.

    Source:
        FindWindowEx (Win32).
    """
    above, after = [0 if window is None else window.GetSafeHwnd() for window in (parent, childAfter)]
    return _found(_find_below(above, after, className, windowName))


def _found(hwnd: int) -> PyCWnd:
    if not hwnd:
        raise error("No window can be found.")
    return PyCWnd(hwnd)


def CreateWindowFromHandle(hwnd: int) -> PyCWnd:
    """Return the object for a window.

    Raises:
        error: There is no such window.
    """
    if not IsWindow(hwnd):
        raise error("The handle is not that of a window.")
    return PyCWnd(hwnd)


def MessageBox(message: str, title: str | None = None, style: int = 0) -> int:
    """Write a text to standard error; 1, as for OK."""
    return _message_box(0, message, title, style)


__all__ = ["CreateWindowFromHandle", "FindWindow", "FindWindowEx", "MessageBox", "PyCWnd", "error"]


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():
        raise AttributeError(f"module 'win32ui' has no attribute {name!r}")
    return out_of_scope(f"win32ui.{name}")

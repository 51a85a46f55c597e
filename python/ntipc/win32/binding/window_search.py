"""Finding windows, of this process and of others, and what they tell of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.windows import class_name, kept_with, windows
from ntipc.window_messages import enum_windows, find_window, is_window, window_text, window_thread

_PARENT: Final = -8


def FindWindow(className: int | str | None, windowName: str | None, /) -> int:
    """Find a window by class and title; 0 if there is none.

    Source:
        FindWindow (Win32).
    """
    return FindWindowEx(0, 0, className, windowName)


def FindWindowEx(
    parent: int | None, childAfter: int | None, className: int | str | None, windowName: str | None, /
) -> int:
    """Find a window by class and title, behind another one; 0 if there is none.

    Source:
        FindWindowEx (Win32).
    """
    last.code = 0
    try:
        return find_window(class_name(className), windowName, childAfter or None) or 0
    except NtError as problem:
        raise failed(problem, "FindWindowEx") from None


def EnumWindows(callback: Callable[[int, Any], Any], extra: Any, /) -> None:
    """Call a function for each window of all processes, until it returns 0.

    Raises:
        error: It has returned 0, and has set the last error.
        TypeError: It has returned neither a number nor ``None``, which stands for 1.

    Source:
        EnumWindows (Win32).
    """
    _each(enum_windows(), callback, extra, "EnumWindows")


def EnumDesktopWindows(desktop: Any, callback: Callable[[int, Any], Any], extra: Any, /) -> None:
    """Call a function for each window of all processes, as :func:`EnumWindows` does.

    Source:
        EnumDesktopWindows (Win32).
    """
    _each(enum_windows(), callback, extra, "EnumDesktopWindows")


def EnumThreadWindows(dwThreadId: int, callback: Callable[[int, Any], Any], extra: Any, /) -> None:
    """Call a function for each window of a thread, until it returns 0.

    Source:
        EnumThreadWindows (Win32).
    """
    _each([hwnd for hwnd in enum_windows() if _thread_of(hwnd) == dwThreadId], callback, extra, None)


def EnumChildWindows(hwnd: int | None, callback: Callable[[int, Any], Any], extra: Any, /) -> None:
    """Call a function for each window of this process whose parent a window is; for ``None`` for all windows.

    Source:
        EnumChildWindows (Win32).
    """
    children = [child for child in windows if kept_with(child).get(_PARENT) == hwnd] if hwnd else enum_windows()
    _each(children, callback, extra, None)


def _each(hwnds: list[int], callback: Callable[[int, Any], Any], extra: Any, call: str | None) -> None:
    for hwnd in hwnds:
        result = callback(hwnd, extra)
        if result is not None and not isinstance(result, int):
            raise TypeError(f"the callback must return an int or None, not {type(result).__name__}")
        if result is not None and not result:
            if call is not None and last.code:
                raise failure(last.code, call)
            return


def _thread_of(hwnd: int) -> int:
    try:
        return window_thread(hwnd)[0]
    except NtError:
        return 0


def IsWindow(hwnd: int | None, /) -> bool:
    """Say whether there is a window of that number.

    Source:
        IsWindow (Win32).
    """
    return bool(hwnd) and is_window(hwnd or 0)


def GetWindowText(hwnd: int, /) -> str:
    """Return the title of a window of any process.

    Source:
        GetWindowText (Win32).
    """
    try:
        return window_text(hwnd)[1]
    except NtError as problem:
        raise failed(problem, "GetWindowText") from None


def GetWindowTextLength(hwnd: int, /) -> int:
    """Return how many characters the title of a window has."""
    return len(GetWindowText(hwnd))


def SetWindowText(hwnd: int, text: str, /) -> None:
    """Set the title of a window of this process.

    Source:
        SetWindowText (Win32).
    """
    if hwnd not in windows:
        raise failure(5 if is_window(hwnd) else 1400, "SetWindowText")
    try:
        windows[hwnd].title = text
    except NtError as problem:
        raise failed(problem, "SetWindowText") from None


def GetClassName(hwnd: int, /) -> str:
    """Return the name of the class of a window of any process.

    Source:
        GetClassName (Win32).
    """
    try:
        return window_text(hwnd)[0]
    except NtError as problem:
        raise failed(problem, "GetClassName") from None


RealGetWindowClass = GetClassName


def GetWindowThreadProcessId(hwnd: int, /) -> list[int]:
    """Return the ids of the thread and the process of a window.

    Source:
        GetWindowThreadProcessId (Win32).
    """
    try:
        return list(window_thread(hwnd))
    except NtError as problem:
        raise failed(problem, "GetWindowThreadProcessId") from None

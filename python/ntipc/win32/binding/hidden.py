"""What programs do with windows on a screen, answered as for windows that are hidden: there is no screen.

Icons and cursors are numbers. A tray icon is accepted and shown nowhere.
"""

from __future__ import annotations

import itertools
from typing import Any

from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.windows import kept_with, windows
from ntipc.window_messages import is_window

_PARENT = -8
_images = itertools.count(0x1_0001, 2)


def _known(hwnd: int, call: str) -> None:
    if not is_window(hwnd):
        raise failure(1400, call)


def ShowWindow(hwnd: int, cmdShow: int, /) -> int:
    """Return 0: the window was not visible, and is not.

    Source:
        ShowWindow (Win32).
    """
    _known(hwnd, "ShowWindow")
    return 0


def UpdateWindow(hwnd: int, /) -> None:
    """Return at once: nothing is drawn."""
    _known(hwnd, "UpdateWindow")


def InvalidateRect(hWnd: int, Rect: Any, Erase: int, /) -> None:
    """Return at once: nothing is drawn."""


def RedrawWindow(hWnd: int, UpdateRect: Any, UpdateRgn: Any, Flags: int, /) -> None:
    """Return at once: nothing is drawn."""


def SetForegroundWindow(hwnd: int, /) -> None:
    """Return at once: no window is in front.

    Source:
        SetForegroundWindow (Win32).
    """
    _known(hwnd, "SetForegroundWindow")


def BringWindowToTop(hwnd: int, /) -> None:
    """Return at once: no window is in front."""
    _known(hwnd, "BringWindowToTop")


def GetForegroundWindow() -> int:
    """Return 0: no window is in front."""
    return 0


def GetActiveWindow() -> int:
    """Return 0: no window is active."""
    return 0


def SetActiveWindow(hwnd: int, /) -> int:
    """Return 0: no window was active."""
    _known(hwnd, "SetActiveWindow")
    return 0


def GetFocus() -> int:
    """Return 0: no window has the focus."""
    return 0


def SetFocus(hwnd: int, /) -> int:
    """Return 0: no window had the focus."""
    return 0


def GetDesktopWindow() -> int:
    """Return a number that is no window: there is no desktop."""
    return 0x1_0010


def IsWindowVisible(hwnd: int | None, /) -> int:
    """Return 0: no window is visible."""
    return 0


def IsWindowEnabled(hwnd: int | None, /) -> int:
    """Say whether there is such a window: all are enabled."""
    return int(is_window(hwnd or 0))


def EnableWindow(hWnd: int, bEnable: int, /) -> int:
    """Return 0: the window was enabled, and is."""
    return 0


def IsIconic(hWnd: int | None, /) -> int:
    """Return 0: no window is an icon."""
    return 0


def GetParent(child: int, /) -> int:
    """Return the parent that a window of this process was made with."""
    _known(child, "GetParent")
    return int(kept_with(child).get(_PARENT, 0))


def SetParent(child: int, parent: int, /) -> int:
    """Set the parent of a window of this process; the one before."""
    if child not in windows:
        raise failure(1400, "SetParent")
    before = GetParent(child)
    kept_with(child)[_PARENT] = parent
    return before


def GetWindowRect(hwnd: int, /) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom, as the window was made or moved."""
    _known(hwnd, "GetWindowRect")
    x, y, width, height = kept_with(hwnd).get("place", (0, 0, 0, 0))
    return x, y, x + width, y + height


def GetClientRect(hwnd: int, /) -> tuple[int, int, int, int]:
    """Return 0, 0, width, height."""
    left, top, right, bottom = GetWindowRect(hwnd)
    return 0, 0, right - left, bottom - top


def MoveWindow(hwnd: int, x: int, y: int, width: int, height: int, bRepaint: int, /) -> None:
    """Keep a place and size.

    Source:
        MoveWindow (Win32).
    """
    _known(hwnd, "MoveWindow")
    kept_with(hwnd)["place"] = x, y, width, height


def SetWindowPos(hWnd: int, InsertAfter: int, X: int, Y: int, cx: int, cy: int, Flags: int, /) -> None:
    """Keep a place, unless SWP_NOMOVE, and a size, unless SWP_NOSIZE."""
    _known(hWnd, "SetWindowPos")
    x, y, width, height = kept_with(hWnd).get("place", (0, 0, 0, 0))
    size = (width, height) if Flags & 1 else (cx, cy)
    kept_with(hWnd)["place"] = (*((x, y) if Flags & 2 else (X, Y)), *size)


def LoadIcon(hinst: int | None, resource_id: int | str, /) -> int:
    """Return a number."""
    return next(_images)


LoadCursor = LoadIcon


def LoadImage(hinst: int | None, name: int | str, type: int, cxDesired: int, cyDesired: int, fuLoad: int, /) -> int:
    """Return a number."""
    return next(_images)


def DestroyIcon(hicon: int, /) -> None:
    """Return at once: an icon is only a number."""


def CreatePopupMenu() -> int:
    """Return a number."""
    return next(_images)


CreateMenu = CreatePopupMenu


def DestroyMenu(hmenu: int, /) -> None:
    """Return at once: a menu is only a number."""


def AppendMenu(hMenu: int, uFlags: int, uIDNewItem: int, lpNewItem: str | None, /) -> None:
    """Return at once: no menu is shown."""


def GetStockObject(Object: int, /) -> int:
    """Return a number."""
    return 0x0190_0010 + Object


def GetSysColor(index: int, /) -> int:
    """Return black."""
    return 0


def Shell_NotifyIcon(Message: int, nid: tuple[Any, ...], /) -> None:
    """Return at once: there is no tray.

    Source:
        Shell_NotifyIcon (Win32).
    """


def MessageBox(parent: int | None, text: str, caption: str | None = None, flags: int = 0, language: int = 0, /) -> int:
    """Write a text to standard error, and answer as somebody does who agrees to nothing.

    Returns:
        1 for OK where there is nothing else to choose; else what stands for no, for cancelling or for ending.

    Source:
        MessageBox (Win32).
    """
    import sys

    print(f"{caption or 'Error'}: {text}", file=sys.stderr)
    return _ANSWERS.get(flags & 0xF, 1)


_ANSWERS = {1: 2, 2: 3, 3: 2, 4: 7, 5: 2, 6: 2}
"""By the buttons of a box: the one that agrees to nothing."""

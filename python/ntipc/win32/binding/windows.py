"""Windows by their numbers: classes with handlers for messages, and windows of these, without a screen.

>>> from ntipc.win32.binding.messages import SendMessage
>>> window_class = WNDCLASS()
>>> window_class.lpszClassName = "Adder"
>>> window_class.lpfnWndProc = {0x400: lambda hwnd, msg, wparam, lparam: wparam + lparam}
>>> atom = RegisterClass(window_class)
>>> hwnd = CreateWindow(atom, "sums", 0, 0, 0, 0, 0, 0, 0, 0, None)
>>> SendMessage(hwnd, 0x400, 40, 2)
42
>>> DestroyWindow(hwnd)
>>> UnregisterClass(atom, 0)
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Mapping
from operator import index
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.win32.binding.arguments import text
from ntipc.win32.binding.copy_data import Received
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.last_error import last
from ntipc.window_messages import CopyData, Window, is_window, register_class, unregister_class
from ntipc.window_messages.constants import HWND_MESSAGE

WM_CREATE, WM_CLOSE = 0x0001, 0x0010
GWL_WNDPROC: Final = -4
_GWL_USERDATA: Final = -21

_FIRST_ATOM = 0xC000
_INVALID_WINDOW, _NO_SUCH_CLASS, _CANNOT_FIND_CLASS = 1400, 1411, 1407

windows: dict[int, Window] = {}
"""The windows that threads of this process have made by their calls."""
_values: dict[int, dict[Any, Any]] = {}
_classes: dict[str, WNDCLASS] = {}
_atoms: dict[int, str] = {}
_next_atom = itertools.count(_FIRST_ATOM)
_procedures: dict[int, Callable[..., Any]] = {}


class WNDCLASS:
    """A class of windows.

    Attributes:
        lpszClassName: Its name.
        lpfnWndProc: A callable of ``(hwnd, msg, wparam, lparam)``, or a mapping from numbers of messages to such.
        style: Kept, and without effect, as are the others.

    Source:
        PyWNDCLASS objects (pywin32).
    """

    def __init__(self) -> None:
        self.style = self.cbClsExtra = self.cbWndExtra = 0
        self.hInstance = self.hIcon = self.hCursor = self.hbrBackground = 0
        self.lpszMenuName: str | None = None
        self.lpszClassName: str | None = None
        self.lpfnWndProc: Any = None

    def SetDialogProc(self) -> None:
        """Return at once: dialogs are not drawn."""


def RegisterClass(wndClass: WNDCLASS, /) -> int:
    """Register a class of windows in this process; its atom.

    Source:
        RegisterClass (Win32).
    """
    if not isinstance(wndClass, WNDCLASS):
        raise TypeError("The object must be a WNDCLASS object")
    name = wndClass.lpszClassName
    if not name:
        raise failure(87, "RegisterClass")
    kept = WNDCLASS()
    vars(kept).update(vars(wndClass))
    try:
        register_class(name, lambda hwnd, msg, wparam, lparam: _called(kept, hwnd, msg, wparam, lparam))
    except NtError as problem:
        raise failed(problem, "RegisterClass") from None
    atom = next(_next_atom)
    _classes[name.casefold()] = kept
    _atoms[atom] = name
    return atom


def UnregisterClass(classAtom: int | str, hinst: int | None = 0, /) -> None:
    """Take a class out of the list of this process.

    Source:
        UnregisterClass (Win32).
    """
    name = class_name(classAtom)
    if name is None:
        raise failure(_NO_SUCH_CLASS, "UnregisterClass")
    try:
        unregister_class(name)
    except NtError as problem:
        raise failed(problem, "UnregisterClass") from None
    _classes.pop(name.casefold(), None)
    for atom in [atom for atom, known in _atoms.items() if known.casefold() == name.casefold()]:
        del _atoms[atom]


def class_name(atom_or_name: int | str | None) -> str | None:
    """Return the name of a class that is given by name or by atom."""
    if atom_or_name is None or isinstance(atom_or_name, str):
        return atom_or_name
    return _atoms.get(index(atom_or_name))


def CreateWindow(
    className: int | str,
    windowTitle: str | None,
    style: int,
    x: int,
    y: int,
    width: int,
    height: int,
    parent: int | None,
    menu: int | None,
    hinstance: int | None,
    reserved: object = None,
    /,
) -> int:
    """Create a window of the calling thread.

    Args:
        className: Name or atom of a class.
        windowTitle: The title, by which others find it.
        style: Kept, and without effect, as are place and size.
        x: Kept.
        y: Kept.
        width: Kept.
        height: Kept.
        parent: HWND_MESSAGE for a window that no enumeration and no broadcast meets.
        menu: Kept.
        hinstance: Without effect.
        reserved: ``None``.

    Source:
        CreateWindow (Win32).
    """
    return CreateWindowEx(0, className, windowTitle, style, x, y, width, height, parent, menu, hinstance, reserved)


def CreateWindowEx(
    dwExStyle: int,
    className: int | str,
    windowTitle: str | None,
    style: int,
    x: int,
    y: int,
    width: int,
    height: int,
    parent: int | None,
    menu: int | None,
    hinstance: int | None,
    reserved: object = None,
    /,
) -> int:
    """Create a window of the calling thread, with an extended style.

    Source:
        CreateWindowEx (Win32).
    """
    if reserved is not None:
        raise TypeError("The parameter must be None")
    name = class_name(className)
    if name is None:
        raise failure(_CANNOT_FIND_CLASS, "CreateWindowEx")
    title = None if windowTitle is None else text(windowTitle)
    last.code = 0
    options: dict[str, Any] = {"class_name": name, "message_only": parent == HWND_MESSAGE}
    if name.casefold() in _SYSTEM_CLASSES and name.casefold() not in _classes:
        options["handler"] = DefWindowProc
    try:
        window = Window(title, **options)
    except NtError as problem:
        raise failed(problem, "CreateWindowEx") from None
    windows[window.hwnd] = window
    _values[window.hwnd] = {-16: style, -20: dwExStyle, -8: parent or 0, -12: menu or 0, -6: hinstance or 0}
    _values[window.hwnd]["place"] = x, y, width, height
    if window._call(WM_CREATE, 0, 0) == -1:
        DestroyWindow(window.hwnd)
        raise failure(0, "CreateWindowEx")
    return window.hwnd


_SYSTEM_CLASSES: Final = frozenset({"button", "combobox", "edit", "listbox", "static", "#32770", "message"})


def DestroyWindow(hwnd: int, /) -> None:
    """Destroy a window of the calling thread.

    Source:
        DestroyWindow (Win32).
    """
    window = windows.get(hwnd)
    if window is None or window.is_destroyed:
        raise failure(_INVALID_WINDOW if not is_window(hwnd) else 5, "DestroyWindow")
    try:
        window.destroy()
    except NtError as problem:
        raise failed(problem, "DestroyWindow") from None
    windows.pop(hwnd, None)
    _values.pop(hwnd, None)


def DefWindowProc(hwnd: int, message: int, wparam: int, lparam: int, /) -> int:
    """Do with a message what a window without a handler for it does: WM_CLOSE destroys it.

    Source:
        DefWindowProc (Win32).
    """
    if message == WM_CLOSE and hwnd in windows:
        DestroyWindow(hwnd)
    return 0


def CallWindowProc(wndproc: Any, hwnd: int, msg: int, wparam: int, lparam: int, /) -> int:
    """Call what was the handler of a window, as :func:`SetWindowLong` has returned it.

    Source:
        CallWindowProc (Win32).
    """
    procedure = _procedures.get(wndproc) if isinstance(wndproc, int) else wndproc
    if procedure is None:
        return DefWindowProc(hwnd, msg, wparam, lparam)
    return _result_of(procedure, hwnd, msg, wparam, lparam)


def SetWindowLong(hwnd: int, index: int, value: Any, /) -> int:
    """Keep a value with a window of this process, or for GWL_WNDPROC set its handler; what was there before.

    Source:
        SetWindowLong (Win32).
    """
    kept = _of_this_process(hwnd, "SetWindowLong")
    if index != GWL_WNDPROC:
        before, kept[index] = kept.get(index, 0), value
        return before if isinstance(before, int) else 0
    window_class = _classes.get(windows[hwnd].class_name.casefold())
    current = kept.get(GWL_WNDPROC, window_class.lpfnWndProc if window_class is not None else DefWindowProc)
    number = id(current)
    _procedures[number] = current if not isinstance(current, int) else _procedures[current]
    kept[GWL_WNDPROC] = _procedures.get(value, DefWindowProc) if isinstance(value, int) else value
    return number


def GetWindowLong(hwnd: int, index: int, /) -> int:
    """Return a value that is kept with a window of this process.

    Source:
        GetWindowLong (Win32).
    """
    value = _of_this_process(hwnd, "GetWindowLong").get(index, 0)
    return value if isinstance(value, int) else id(value)


def kept_with(hwnd: int) -> dict[Any, Any]:
    """Return what is kept with a window of this process; nothing for others'."""
    return _values.get(hwnd, {})


def _of_this_process(hwnd: int, call: str) -> dict[Any, Any]:
    if hwnd not in windows or windows[hwnd].is_destroyed:
        raise failure(_INVALID_WINDOW if not is_window(hwnd) else 5, call)
    return _values[hwnd]


def _called(window_class: WNDCLASS, hwnd: int, msg: int, wparam: int, lparam: Any) -> int:
    """Have the handler of a window deal with a message; an exception there is printed, and the result is 0."""
    procedure = _values.get(hwnd, {}).get(GWL_WNDPROC, window_class.lpfnWndProc)
    if not isinstance(lparam, CopyData):
        return _result_of(procedure, hwnd, msg, wparam, lparam)
    received = Received(lparam.kind, bytes(lparam.data))
    return _result_of(procedure, hwnd, msg, wparam, received.address)


def _result_of(procedure: Any, hwnd: int, msg: int, wparam: int, lparam: int) -> int:
    handler = procedure.get(msg) if isinstance(procedure, Mapping) else procedure
    if handler is None:
        return DefWindowProc(hwnd, msg, wparam, lparam)
    try:
        result = handler(hwnd, msg, wparam, lparam)
        return 0 if result is None else index(result)
    except Exception:
        traceback.print_exc()
        return 0

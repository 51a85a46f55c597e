"""Classes of windows: a handler for all windows of one name in this process; and what may be a handler.

A handler is a callable of ``(hwnd, msg, wparam, lparam)``, a mapping from numbers of messages to such callables, or an
object with methods ``on_close``, ``on_timer``, ``on_user_1`` (``WM_USER + 1``), ``on_app_1`` (``WM_APP + 1``) and so
on; ``on_message`` gets what has no method of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ntipc.errors import Status, from_status
from ntipc.window_messages import constants

Procedure: TypeAlias = Callable[[int, int, int, Any], "int | None"]
Handler: TypeAlias = Procedure | Mapping[int, Procedure] | object
LONGEST_NAME = 255
ORDINARY_CLASS = "Message"
"""The class of windows that name none."""

_BY_NAME = {
    name[3:].lower(): number
    for name, number in vars(constants).items()
    if name.startswith("WM_") and name not in ("WM_USER", "WM_APP")
}
_classes: dict[str, WindowClass]


class WindowClass:
    """A registered class, or one that a window has by itself."""

    __slots__ = ("name", "procedure", "windows")

    def __init__(self, name: str, procedure: Procedure | None) -> None:
        self.name = name
        self.procedure = procedure
        self.windows = 0


_classes = {}


def register_class(name: str, handler: Handler) -> None:
    """Register a class of windows in this process: windows of that class have its handler.

    Args:
        name: Up to 255 characters; case does not matter. Other processes may use it differently.
        handler: A callable ``(hwnd, msg, wparam, lparam) -> int | None``, a mapping from numbers of messages to such
            callables, or an object (or a class, of which each window gets an instance) with ``on_...`` methods.

    Raises:
        ObjectExists: This process has such a class; ``winerror`` is 1410.
        InvalidParameter: ``name`` is empty or too long.
        TypeError: ``handler`` is none of these.

    Source:
        RegisterClassEx (Win32).
    """
    key = checked_name("register_class", name).casefold()
    made = WindowClass(name, procedure_of(handler))
    if _classes.setdefault(key, made) is not made:
        raise from_status(Status.CLASS_ALREADY_EXISTS, "register_class", f"class {name!r}")


def unregister_class(name: str) -> None:
    """Take a class out of the list of this process.

    Raises:
        ObjectNotFound: There is no such class; ``winerror`` is 1411.
        StillInUse: There is a window of it; ``winerror`` is 1412.

    Source:
        UnregisterClass (Win32).
    """
    key = checked_name("unregister_class", name).casefold()
    found = _classes.get(key)
    if found is None:
        raise from_status(Status.CLASS_DOES_NOT_EXIST, "unregister_class", f"class {name!r}")
    if found.windows:
        detail = f"there are {found.windows}" if found.windows > 1 else ""
        raise from_status(Status.CLASS_HAS_WINDOWS, "unregister_class", f"class {name!r}", detail)
    _classes.pop(key, None)


def class_for(name: str | None, handler: Handler | None) -> tuple[WindowClass, Procedure | None]:
    """Return the class of a new window, and the window's procedure.

    Raises:
        ObjectNotFound: The class is not registered, and there is no handler either.
    """
    own = None if handler is None else procedure_of(handler)
    if name is None:
        return WindowClass(ORDINARY_CLASS, None), own
    found = _classes.get(checked_name("Window", name).casefold())
    if found is not None:
        return found, own or found.procedure
    if own is None:
        raise from_status(Status.CANNOT_FIND_WND_CLASS, "Window", f"class {name!r}")
    return WindowClass(name, None), own


def checked_name(call: str, name: str) -> str:
    """Return the name of a class, or refuse it."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a class must be a str, not {type(name).__name__}")
    if not 0 < len(name) <= LONGEST_NAME:
        detail = f"the name of a class has 1 to {LONGEST_NAME} characters, not {len(name)}"
        raise from_status(Status.INVALID_PARAMETER, call, "", detail)
    return checked_text(call, name)


def checked_text(call: str, text: str) -> str:
    """Return a text that can be encoded, or refuse it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise from_status(Status.INVALID_PARAMETER, call, "", "a text contains half of a surrogate pair") from None
    return text


def procedure_of(handler: Handler) -> Procedure:
    """Make one callable of what may be a handler.

    Raises:
        TypeError: It is none.
    """
    if isinstance(handler, Mapping):
        return _of_table(handler)
    if isinstance(handler, type):
        return _of_class(handler)
    methods = _methods_of(handler)
    if methods:
        return _of_methods(handler, methods)
    if callable(handler):
        return handler
    raise TypeError(f"a handler is a callable, a mapping or an object with on_ methods, not {type(handler).__name__}")


def _of_table(table: Mapping[int, Procedure]) -> Procedure:
    def procedure(hwnd: int, msg: int, wparam: int, lparam: Any) -> int | None:
        chosen = table.get(msg)
        return chosen(hwnd, msg, wparam, lparam) if chosen is not None else None

    return procedure


def _of_methods(handler: object, methods: Mapping[int, str]) -> Procedure:
    def procedure(hwnd: int, msg: int, wparam: int, lparam: Any) -> int | None:
        chosen = getattr(handler, methods.get(msg, "on_message"), None)
        result: int | None = chosen(hwnd, msg, wparam, lparam) if chosen is not None else None
        return result

    return procedure


def _of_class(kind: type) -> Procedure:
    """Make an instance for each window, at its first message."""
    methods = _methods_of(kind)
    if not methods and not hasattr(kind, "on_message"):
        raise TypeError(f"{kind.__name__} has no on_ method that handles a message")
    instances: dict[tuple[int, int], Procedure] = {}

    def procedure(hwnd: int, msg: int, wparam: int, lparam: Any) -> int | None:
        key = os.getpid(), hwnd
        chosen = instances.get(key)
        if chosen is None:
            chosen = instances[key] = _of_methods(kind(), methods)
        try:
            return chosen(hwnd, msg, wparam, lparam)
        finally:
            if msg == constants.WM_NCDESTROY:
                instances.pop(key, None)

    return procedure


def _methods_of(handler: object) -> dict[int, str]:
    """Return the numbers of messages that an object has methods for, and the methods' names."""
    found = {}
    for name in dir(handler):
        if name.startswith("on_") and (number := _number_of(name[3:])) is not None:
            found[number] = name
    if not found and hasattr(handler, "on_message"):
        found[-1] = "on_message"
    return found


def _number_of(word: str) -> int | None:
    for prefix, first in ("user_", constants.WM_USER), ("app_", constants.WM_APP):
        if word.startswith(prefix) and word[len(prefix) :].isdecimal():
            return first + int(word[len(prefix) :])
    return _BY_NAME.get(word)

"""``user32``: windows, their classes and messages.

A window's number has 32 bits, of which a program without prototypes may make a negative C int. A window procedure of C
code is called by its address. What it gets for WM_COPYDATA is the address of a structure in this process; a message
structure has the layout of 64-bit Windows.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.win32 import win32gui
from ntipc.win32.binding.failures import error, failed
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.tables import WAIT_FAILED, from_table, own
from ntipc.win32.standard.exports.words import (
    Export,
    ansi,
    boolean,
    handles_at,
    long_signed,
    put_dword,
    put_text,
    put_word,
    signed,
    text,
    there,
    unsigned,
)

_ATOMS: Final = 0x1_0000
"""Below, what stands for a text is an atom."""
_PROCEDURE: Final = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int64)
_ENUMERATOR: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint64, ctypes.c_int64)
_TIMER: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_uint32)
_SENT: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int64)


class _Message(ctypes.Structure):
    """MSG."""

    _fields_ = [
        ("hwnd", ctypes.c_uint64),
        ("message", ctypes.c_uint32),
        ("wparam", ctypes.c_uint64),
        ("lparam", ctypes.c_int64),
        ("time", ctypes.c_uint32),
        ("x", ctypes.c_int32),
        ("y", ctypes.c_int32),
    ]


class _Class(ctypes.Structure):
    """WNDCLASS, and WNDCLASSEX from its second field on."""

    _fields_ = [
        ("style", ctypes.c_uint32),
        ("procedure", ctypes.c_uint64),
        ("class_bytes", ctypes.c_int32),
        ("window_bytes", ctypes.c_int32),
        ("instance", ctypes.c_uint64),
        ("icon", ctypes.c_uint64),
        ("cursor", ctypes.c_uint64),
        ("brush", ctypes.c_uint64),
        ("menu", ctypes.c_uint64),
        ("name", ctypes.c_uint64),
    ]


class _ExtendedClass(ctypes.Structure):
    """WNDCLASSEX."""

    _fields_ = [("size", ctypes.c_uint32), *_Class._fields_, ("small_icon", ctypes.c_uint64)]


Reader = Callable[[int], "str | None"]


def _class_of(word: int, read: Reader) -> int | str | None:
    """The class that a word means: an atom, a name, or any."""
    return word if 0 < word < _ATOMS else read(word)


def _register(layout: type[ctypes.Structure], read: Reader) -> Export:
    def register(address: int) -> int:
        given: Any = layout.from_address(there(address))
        wanted = win32gui.WNDCLASS()
        wanted.style, wanted.lpszClassName = given.style, read(given.name)
        wanted.lpfnWndProc = _PROCEDURE(given.procedure) if given.procedure else win32gui.DefWindowProc
        try:
            return win32gui.RegisterClass(wanted)
        except error:
            return 0

    return own(register, 1)


def _unregister(read: Reader) -> Export:
    def unregister(name: int, instance: int) -> int:
        try:
            win32gui.UnregisterClass(_class_of(name, read) or 0)
        except error:
            return 0
        return 1

    return own(unregister, 2)


def _create(read: Reader) -> Export:
    def create(style_ex: int, name: int, title: int, style: int, *rest: int) -> int:
        x, y, width, height = (signed(word) for word in rest[:4])
        parent, menu, instance = long_signed(rest[4]), rest[5], rest[6]
        known = _class_of(name, read)
        if known is None:
            last.code = 87
            return 0
        try:
            return win32gui.CreateWindowEx(
                unsigned(style_ex), known, read(title), unsigned(style), x, y, width, height,
                signed(parent), menu, instance, None,
            )  # fmt: skip
        except error:
            return 0

    return own(create, 12)


def _put_message(address: int, found: tuple[Any, ...]) -> None:
    if address:
        message = _Message.from_address(address)
        message.hwnd, message.message, message.wparam, message.lparam, message.time = found[:5]
        message.x, message.y = found[5]


def _get(address: int, hwnd: int, first: int, last_message: int) -> int:
    try:
        code, found = win32gui.GetMessage(unsigned(hwnd) or None, unsigned(first), unsigned(last_message))
    except error:
        return -1
    _put_message(address, found)
    return int(code)


def _peek(address: int, hwnd: int, first: int, last_message: int, remove: int) -> int:
    try:
        code, found = win32gui.PeekMessage(
            unsigned(hwnd) or None, unsigned(first), unsigned(last_message), unsigned(remove)
        )
    except error:
        return 0
    if code:
        _put_message(address, found)
    return int(code)


def _dispatch(address: int) -> int:
    message = _Message.from_address(there(address))
    place = message.x, message.y
    try:
        return win32gui.DispatchMessage(
            (message.hwnd, message.message, message.wparam, message.lparam, message.time, place)
        )
    except error:
        return 0


def _send_timeout(hwnd: int, message: int, wparam: int, lparam: int, flags: int, wait: int, result: int) -> int:
    try:
        code, value = win32gui.SendMessageTimeout(
            unsigned(hwnd), unsigned(message), wparam, long_signed(lparam), unsigned(flags), unsigned(wait)
        )
    except error as problem:
        if problem.winerror == 0:
            last.code = 1460
        return 0
    put_word(result, value)
    return code


def _send_notify(hwnd: int, message: int, wparam: int, lparam: int) -> int:
    from ntipc.window_messages import send_notify_message

    try:
        send_notify_message(unsigned(hwnd), unsigned(message), wparam, long_signed(lparam))
    except NtError as problem:
        failed(problem, "SendNotifyMessage")
        return 0
    return 1


def _send_callback(hwnd: int, message: int, wparam: int, lparam: int, routine: int, data: int) -> int:
    from ntipc.window_messages import send_message_callback

    function = _SENT(routine)
    try:
        send_message_callback(
            unsigned(hwnd),
            unsigned(message),
            wparam,
            long_signed(lparam),
            callback=lambda window, number, result: function(window, number, data, result),
        )
    except NtError as problem:
        failed(problem, "SendMessageCallback")
        return 0
    return 1


def _enumerate(routine: int, extra: int) -> int:
    function, going_on = _ENUMERATOR(routine), True

    def call(hwnd: int, kept: Any) -> bool:
        nonlocal going_on
        going_on = bool(function(hwnd, long_signed(extra)))
        return going_on

    win32gui.EnumWindows(call, None)
    return int(going_on)


def _put(found: Callable[[int], str], *, wide: bool) -> Export:
    """A function that stores a text of a window: how many units."""

    def put(hwnd: int, address: int, room: int) -> int:
        try:
            value = found(unsigned(hwnd))
        except error:
            return 0
        put_text(address, signed(room), value, wide=wide)
        return max(min(len(value), signed(room) - 1), 0)

    return own(put, 3)


def _thread_of(hwnd: int, process: int) -> int:
    try:
        thread, pid = win32gui.GetWindowThreadProcessId(unsigned(hwnd))
    except error:
        return 0
    put_dword(process, pid)
    return thread


def _set_timer(hwnd: int, number: int, milliseconds: int, routine: int) -> int:
    from ntipc.window_messages import set_timer

    callback = _TIMER(routine) if routine else None
    try:
        return int(set_timer(unsigned(hwnd) or None, number, max(unsigned(milliseconds), 1) / 1000, callback))
    except NtError as problem:
        failed(problem, "SetTimer")
        return 0


def _kill_timer(hwnd: int, number: int) -> int:
    from ntipc.window_messages import kill_timer

    try:
        return int(kill_timer(unsigned(hwnd) or None, number))
    except NtError as problem:
        failed(problem, "KillTimer")
        return 0


def _wait(count: int, address: int, everything: int, milliseconds: int, mask: int) -> int:
    from ntipc.win32 import win32event

    try:
        return win32event.MsgWaitForMultipleObjects(
            handles_at(unsigned(count), address), boolean(everything), unsigned(milliseconds), unsigned(mask)
        )
    except error:
        return WAIT_FAILED


def _wait_ex(count: int, address: int, milliseconds: int, mask: int, flags: int) -> int:
    from ntipc.win32 import win32event

    try:
        return win32event.MsgWaitForMultipleObjectsEx(
            handles_at(unsigned(count), address), unsigned(milliseconds), unsigned(mask), unsigned(flags)
        )
    except error:
        return WAIT_FAILED


def _find(read: Reader) -> Export:
    def find(name: int, title: int) -> int:
        try:
            return win32gui.FindWindow(_class_of(name, read), read(title))
        except error:
            return 0

    return own(find, 2)


def _find_ex(read: Reader) -> Export:
    def find(parent: int, after: int, name: int, title: int) -> int:
        try:
            return win32gui.FindWindowEx(unsigned(parent), unsigned(after), _class_of(name, read), read(title))
        except error:
            return 0

    return own(find, 4)


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_table("""
        DestroyWindow           d     bool    win32gui.DestroyWindow
        IsWindow                d     number  win32gui.IsWindow
        SendMessage*            ddpq  number  win32gui.SendMessage
        PostMessage*            ddpq  bool    win32gui.PostMessage
        PostThreadMessage*      ddpq  bool    win32gui.PostThreadMessage
        PostQuitMessage         l     none    win32gui.PostQuitMessage
        DefWindowProc*          ddpq  number  win32gui.DefWindowProc
        ReplyMessage            q     number  win32gui.ReplyMessage
        InSendMessage           -     number  win32gui.InSendMessage
        RegisterWindowMessage*  w     number  win32gui.RegisterWindowMessage
        SetWindowText*          dw    bool    win32gui.SetWindowText
        GetWindowTextLength*    d     number  win32gui.GetWindowTextLength
        """)
    ),
    "RegisterClassW": _register(_Class, text),
    "RegisterClassA": _register(_Class, ansi),
    "RegisterClassExW": _register(_ExtendedClass, text),
    "RegisterClassExA": _register(_ExtendedClass, ansi),
    "UnregisterClassW": _unregister(text),
    "UnregisterClassA": _unregister(ansi),
    "CreateWindowExW": _create(text),
    "CreateWindowExA": _create(ansi),
    "FindWindowW": _find(text),
    "FindWindowA": _find(ansi),
    "FindWindowExW": _find_ex(text),
    "FindWindowExA": _find_ex(ansi),
    "GetMessageW": own(_get, 4),
    "GetMessageA": own(_get, 4),
    "PeekMessageW": own(_peek, 5),
    "PeekMessageA": own(_peek, 5),
    "TranslateMessage": own(lambda message: 0, 1),
    "DispatchMessageW": own(_dispatch, 1),
    "DispatchMessageA": own(_dispatch, 1),
    "SendMessageTimeoutW": own(_send_timeout, 7),
    "SendMessageTimeoutA": own(_send_timeout, 7),
    "SendNotifyMessageW": own(_send_notify, 4),
    "SendNotifyMessageA": own(_send_notify, 4),
    "SendMessageCallbackW": own(_send_callback, 6),
    "SendMessageCallbackA": own(_send_callback, 6),
    "EnumWindows": own(_enumerate, 2),
    "GetWindowTextW": _put(win32gui.GetWindowText, wide=True),
    "GetWindowTextA": _put(win32gui.GetWindowText, wide=False),
    "GetClassNameW": _put(win32gui.GetClassName, wide=True),
    "GetClassNameA": _put(win32gui.GetClassName, wide=False),
    "GetWindowThreadProcessId": own(_thread_of, 2),
    "SetTimer": own(_set_timer, 4),
    "KillTimer": own(_kill_timer, 2),
    "MsgWaitForMultipleObjects": own(_wait, 5),
    "MsgWaitForMultipleObjectsEx": own(_wait_ex, 5),
}

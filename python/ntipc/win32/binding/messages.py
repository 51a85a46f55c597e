"""Messages to windows and threads: sending, posting, retrieving, and finding windows."""

from __future__ import annotations

import threading
import time
from typing import Any, Final, TypeAlias

import ntipc
from ntipc.errors import NtError, Timeout
from ntipc.win32.binding.arguments import text
from ntipc.win32.binding.copy_data import given, number_of
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.windows import windows
from ntipc.window_messages import (
    Message,
    dispatch_message,
    get_message,
    in_send_message,
    peek_message,
    post_message,
    post_quit_message,
    post_thread_message,
    quit_code,
    reply_message,
    send_data,
    send_message,
)
from ntipc.window_messages.constants import WM_COPYDATA, WM_QUIT
from ntipc.window_messages.desktop import default_messages

MessageTuple: TypeAlias = tuple[int, int, int, int, int, tuple[int, int]]

_BLOCK, _ABORT_IF_HUNG = 1, 2
_REMOVE: Final = 1
_NOWHERE: Final = 0, 0
_post_at_once: Final = default_messages.post
_WM_GETTEXT, _WM_SETTEXT = 0x000D, 0x000C


def SendMessage(hwnd: int, message: int, wparam: Any = None, lparam: Any = None, /) -> int:
    """Have a window deal with a message; the result.

    Args:
        hwnd: The window, in whatever process.
        message: The message.
        wparam: A number, or an object whose address is meant.
        lparam: The same; for WM_COPYDATA a structure with the address of data, which is copied to the receiver.

    Source:
        SendMessage (Win32).
    """
    try:
        return _sent("SendMessage", hwnd, message, wparam, lparam)
    except NtError as problem:
        raise failed(problem, "SendMessage") from None


def SendMessageTimeout(
    hwnd: int, message: int, wparam: Any, lparam: Any, flags: int, timeout: int, /
) -> tuple[int, int]:
    """Have a window deal with a message within some milliseconds; 1 and the result.

    Raises:
        error: There is no such window, or the time ran out; the code is 0 then.

    Source:
        SendMessageTimeout (Win32).
    """
    options = {"timeout": max(timeout, 0) / 1000}
    if message != WM_COPYDATA:
        options |= {"abort_if_hung": bool(flags & _ABORT_IF_HUNG), "block": bool(flags & _BLOCK)}
    try:
        return 1, _sent("SendMessageTimeout", hwnd, message, wparam, lparam, **options)
    except Timeout:
        raise failure(0, "SendMessageTimeout") from None
    except NtError as problem:
        raise failed(problem, "SendMessageTimeout") from None


def _sent(call: str, hwnd: int, message: int, wparam: Any, lparam: Any, **options: Any) -> int:
    if type(wparam) is int and type(lparam) is int and message != WM_COPYDATA:
        return send_message(hwnd, message, wparam, lparam, **options)
    keep: list[Any] = []
    if message == WM_COPYDATA:
        kind, data = given(lparam, call)
        return send_data(hwnd, data, kind, sender=number_of(wparam, keep), **options)
    if message == _WM_SETTEXT and isinstance(lparam, str) and hwnd in windows:
        windows[hwnd].title = lparam
        return 1
    return send_message(hwnd, message, number_of(wparam, keep), number_of(lparam, keep), **options)


def PostMessage(hwnd: int | None, message: int, wparam: int | None = 0, lparam: int | None = 0, /) -> None:
    """Put a message into the queue of a window's thread, or for 0 of the calling thread.

    Source:
        PostMessage (Win32).
    """
    if _post_at_once(hwnd, message, wparam, lparam):
        return
    try:
        if not hwnd:
            post_thread_message(threading.get_native_id(), message, wparam or 0, lparam or 0)
        else:
            post_message(hwnd, message, wparam or 0, lparam or 0)
    except NtError as problem:
        raise failed(problem, "PostMessage") from None


def PostThreadMessage(tid: int, message: int, wparam: int | None = 0, lparam: int | None = 0, /) -> None:
    """Put a message into the queue of a thread.

    Source:
        PostThreadMessage (Win32).
    """
    try:
        post_thread_message(tid, message, wparam or 0, lparam or 0)
    except NtError as problem:
        raise failed(problem, "PostThreadMessage") from None


def PostQuitMessage(exitCode: int = 0, /) -> None:
    """Have the calling thread's loop end once its queue is empty.

    Source:
        PostQuitMessage (Win32).
    """
    post_quit_message(exitCode)


def ReplyMessage(result: int, /) -> bool:
    """Answer the message that is dealt with, before its handler returns.

    Source:
        ReplyMessage (Win32).
    """
    return reply_message(result)


def InSendMessage() -> bool:
    """Say whether a message of another thread is dealt with.

    Source:
        InSendMessage (Win32).
    """
    return in_send_message() != 0


def RegisterWindowMessage(name: str, /) -> int:
    """Return the number of a message by its name, the same in all processes.

    Source:
        RegisterWindowMessage (Win32).
    """
    try:
        return int(ntipc.register_window_message(text(name)))
    except NtError as problem:
        raise failed(problem, "RegisterWindowMessage") from None


def GetMessage(hwnd: int | None, min: int, max: int, /) -> list[Any]:
    """Wait for a message to the calling thread: a list of 1, or 0 for WM_QUIT, and the message.

    Source:
        GetMessage (Win32).
    """
    try:
        message = get_message(hwnd=hwnd or None, first=min, last=max) if hwnd or min or max else get_message()
    except NtError as problem:
        raise failed(problem, "GetMessage") from None
    if message is None:
        return [0, _tuple_of(Message(0, WM_QUIT, quit_code() or 0, 0, time.monotonic()))]
    return [1, _tuple_of(message)]


def PeekMessage(hwnd: int | None, filterMin: int, filterMax: int, removalOptions: int, /) -> list[Any]:
    """Look for a message to the calling thread: a list of 1, or 0 if there is none, and the message.

    Source:
        PeekMessage (Win32).
    """
    try:
        message = peek_message(hwnd or None, filterMin, filterMax, remove=bool(removalOptions & _REMOVE))
    except NtError as problem:
        raise failed(problem, "PeekMessage") from None
    return [0, (0, 0, 0, 0, 0, (0, 0))] if message is None else [1, _tuple_of(message)]


def TranslateMessage(msg: MessageTuple, /) -> int:
    """Return 0: there are no keys to make characters of.

    Source:
        TranslateMessage (Win32).
    """
    _message_of(msg)
    return 0


def DispatchMessage(msg: MessageTuple, /) -> int:
    """Hand a message to the handler of its window; the result.

    Source:
        DispatchMessage (Win32).
    """
    try:
        return dispatch_message(_message_of(msg))
    except NtError as problem:
        raise failed(problem, "DispatchMessage") from None


def PumpMessages() -> int:
    """Deal with messages until WM_QUIT; its code.

    Source:
        PumpMessages (pywin32).
    """
    while True:
        try:
            message = get_message()
        except NtError as problem:
            raise failed(problem, "PumpMessages") from None
        if message is None:
            return quit_code() or 0
        _dispatch(message)


def PumpWaitingMessages(firstMessage: int = 0, lastMessage: int = 0, /) -> int:
    """Deal with the messages that are there: 0, or if WM_QUIT is among them its code, or 1 if that is 0.

    Source:
        PumpWaitingMessages (pywin32).
    """
    while True:
        try:
            message = peek_message(None, firstMessage, lastMessage)
        except NtError as problem:
            raise failed(problem, "PumpWaitingMessages") from None
        if message is None:
            return 0
        if message.msg == WM_QUIT:
            return message.wparam or 1
        _dispatch(message)


def _dispatch(message: Message) -> None:
    try:
        dispatch_message(message)
    except NtError:
        pass  # its window has gone meanwhile


def _tuple_of(message: Message) -> MessageTuple:
    hwnd, msg, wparam, lparam, moment = message
    return hwnd, msg, wparam, lparam, int(moment * 1000) & 0xFFFF_FFFF, _NOWHERE


def _message_of(message: MessageTuple) -> Message:
    hwnd, msg, wparam, lparam, moment, _place = message
    return Message(hwnd, msg, wparam, lparam, moment / 1000)

"""Handlers of Ctrl-C and of the ends that Windows announces, as ``SetConsoleCtrlHandler`` registers them.

SIGINT is CTRL_C_EVENT, SIGQUIT is CTRL_BREAK_EVENT, SIGHUP and SIGTERM are CTRL_CLOSE_EVENT. As on Windows the handlers
run in a thread of their own, the last one first, until one returns a true result. If none does, what Python does with
the signal is done.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from ntipc.win32.binding.failures import failure, linux_failure

CTRL_C_EVENT, CTRL_BREAK_EVENT, CTRL_CLOSE_EVENT = 0, 1, 2
EVENTS: Final = {
    signal.SIGINT: CTRL_C_EVENT,
    signal.SIGQUIT: CTRL_BREAK_EVENT,
    signal.SIGHUP: CTRL_CLOSE_EVENT,
    signal.SIGTERM: CTRL_CLOSE_EVENT,
}

_handlers: list[Callable[[int], Any]] = []
_before: dict[int, Any] = {}
_passed_on: set[int] = set()


def SetConsoleCtrlHandler(CtrlHandler: Callable[[int], Any] | None, Add: int = True, /) -> None:
    """Register a handler of console events, or take one away.

    Args:
        CtrlHandler: Called with the number of the event, in a thread of its own; a true result ends the search for
            a handler. ``None``: Ctrl-C is ignored, or with ``Add`` false no longer.
        Add: Whether to register it.

    Raises:
        ValueError: It is to be taken away and is not there.

    Source:
        SetConsoleCtrlHandler (Win32).
    """
    if CtrlHandler is None:
        action = signal.SIG_IGN if Add else _before.get(signal.SIGINT, signal.default_int_handler)
        _in_main_thread(lambda: _set(signal.SIGINT, action))
        return
    if not callable(CtrlHandler):
        raise TypeError("First argument must be callable")
    if Add:
        _handlers.append(CtrlHandler)
        if not _before:
            _in_main_thread(_watch_signals)
        return
    try:
        _handlers.remove(CtrlHandler)
    except ValueError:
        raise ValueError("The object has not been registered") from None
    if not _handlers and threading.current_thread() is threading.main_thread():
        for event_signal, before in _before.items():
            _set(event_signal, before)
        _before.clear()


def _watch_signals() -> None:
    if _handlers and not _before:
        for number in EVENTS:
            _before[number] = signal.getsignal(number)
            _set(number, _on_signal)


def _set(number: int, action: Any) -> None:
    signal.signal(number, signal.SIG_DFL if action is None else action)


def _in_main_thread(action: Callable[[], None]) -> None:
    """Have it done by the main thread, the only one in which Python sets signals: soon, if this is another thread."""
    if threading.current_thread() is threading.main_thread():
        action()
        return

    def call(_: object) -> int:
        _to_be_done.remove(pointer)
        action()
        return 0

    pointer = _PENDING_CALL(call)
    _to_be_done.append(pointer)
    ctypes.pythonapi.Py_AddPendingCall(pointer, None)


_PENDING_CALL: Final = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_to_be_done: list[Any] = []


def _on_signal(number: int, frame: FrameType | None) -> None:
    if number in _passed_on:
        _passed_on.discard(number)
        _do_what_python_does(number, frame)
    else:
        threading.Thread(target=_tell, args=(number,), name="ntipc-console", daemon=True).start()


def _tell(number: int) -> None:
    for handler in reversed(_handlers[:]):
        try:
            if handler(EVENTS[signal.Signals(number)]):
                return
        except Exception:
            import sys

            sys.excepthook(*sys.exc_info())
    _passed_on.add(number)
    signal.pthread_kill(threading.main_thread().ident or 0, number)


def _do_what_python_does(number: int, frame: FrameType | None) -> None:
    before = _before.get(number)
    if callable(before):
        before(number, frame)
    elif before != signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def GenerateConsoleCtrlEvent(dwCtrlEvent: int, dwProcessGroupId: int = 0, /) -> None:
    """Send CTRL_C_EVENT or CTRL_BREAK_EVENT to a process, or for 0 to this one.

    Source:
        GenerateConsoleCtrlEvent (Win32).
    """
    numbers = {CTRL_C_EVENT: signal.SIGINT, CTRL_BREAK_EVENT: signal.SIGQUIT}
    if dwCtrlEvent not in numbers:
        raise failure(87, "GenerateConsoleCtrlEvent")
    try:
        os.kill(dwProcessGroupId or os.getpid(), numbers[dwCtrlEvent])
    except OSError as problem:
        raise linux_failure(problem, "GenerateConsoleCtrlEvent") from None

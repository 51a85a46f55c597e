"""Handles between processes, the console's control handlers, and standard handles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ntipc.win32.binding.failures import error
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import Export, boolean, handle, put_dword, put_word, unsigned

_handlers: dict[int, Any] = {}
"""Control handlers of C code, by address; they are kept, because an address may be registered more than once."""


def _duplicate(
    source_process: int, source: int, target_process: int, target: int, access: int, inherit: int, options: int
) -> int:
    from ntipc.win32 import win32api

    try:
        made = win32api.DuplicateHandle(
            handle(source_process),
            handle(source),
            handle(target_process),
            unsigned(access),
            boolean(inherit),
            unsigned(options),
        )
    except error:
        return 0
    number = made.Detach()
    put_word(target, number)
    return 1


def _handle_information(thing: int, flags: int) -> int:
    from ntipc.win32 import win32api

    try:
        put_dword(flags, win32api.GetHandleInformation(handle(thing)))
    except error:
        return 0
    return 1


def _set_control_handler(routine: int, add: int) -> int:
    import ctypes

    from ntipc.win32 import win32api

    if routine == 0:
        win32api.SetConsoleCtrlHandler(None, boolean(add))
        return 1
    if routine not in _handlers:
        _handlers[routine] = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32)(routine)
    try:
        win32api.SetConsoleCtrlHandler(_handlers[routine], boolean(add))
    except ValueError:
        last.code = 87
        return 0
    return 1


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_table("""
        GetCurrentProcess    -    number  win32api.GetCurrentProcess
        GetCurrentThread     -    number  win32api.GetCurrentThread
        SetHandleInformation hdd  bool    win32api.SetHandleInformation
        """)
    ),
    "DuplicateHandle": own(_duplicate, 7),
    "GetHandleInformation": own(_handle_information, 2),
    "SetConsoleCtrlHandler": own(_set_control_handler, 2),
}

"""What runs in the interpreter of a C program: it gives out the addresses of calls, and leaves sessions at the end."""

from __future__ import annotations

import atexit
import ctypes
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports import find_export, find_library_exports
from ntipc.win32.standard.exports.words import Export, is_failure, loaded

LIBRARIES: Final = ("kernel32", "advapi32", "ntdll", "user32", "shell32", "msvcrt")
"""The libraries whose exports libntipc.so has."""

_GENERAL_FAILURE: Final = 31
_WORD: Final = 2**64 - 1
_Resolve: Final = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)
_Leave: Final = ctypes.CFUNCTYPE(None)
_kept: list[Any] = []
"""Callbacks whose addresses C code has."""


class _Bridge(ctypes.Structure):
    """The structure ``bridge`` of ``runtime.c``."""

    _fields_ = [("resolve", ctypes.c_void_p), ("leave", ctypes.c_void_p)]


def connect(address: int, is_guest: int) -> None:
    """Fill in the addresses that libntipc.so calls.

    Args:
        address: Where its structure lies.
        is_guest: Whether the program is a Python of its own, so that nothing of the interpreter is set here.
    """
    bridge = _Bridge.from_address(address)
    resolve, leave = _Resolve(_resolve), _Leave(_leave)
    _kept.extend((resolve, leave))
    bridge.resolve = ctypes.cast(resolve, ctypes.c_void_p).value
    bridge.leave = ctypes.cast(leave, ctypes.c_void_p).value
    if not is_guest and not hasattr(sys, "argv"):
        sys.argv = [""]


def exports() -> Mapping[str, Export]:
    """Return the exports of all libraries in one: no name is in two of them."""
    found: dict[str, Export] = {}
    for library in LIBRARIES:
        named = find_library_exports(library)
        if named is not None:
            found.update(named[1])
    return found


def _resolve(name: bytes) -> int:
    if name.startswith(b"ntipc_"):
        from ntipc.clib.own_calls import OWN_CALLS

        export = OWN_CALLS.get(name.decode())
    else:
        export = find_export(name.decode())
    return 0 if export is None else _c_function(name.decode(), export)


def _c_function(name: str, export: Export) -> int:
    """Make a C function that never raises: what no Windows call would do is shown, and is a failure."""
    function, failure = loaded(name, export), export.failure & _WORD

    def call(*words: int) -> int:
        try:
            result = function(*words)
        except BaseException as problem:
            if not is_failure(problem, name):
                traceback.print_exc()
                last.code = _GENERAL_FAILURE
            return failure
        return 0 if result is None else int(result) & _WORD

    prototype = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * export.arguments)
    pointer = prototype(call)
    _kept.append(pointer)
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def _leave() -> None:
    """Do what a Python process does at its end, without finalising the interpreter: other threads may be in calls."""
    run: Callable[[], None] = atexit._run_exitfuncs
    run()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()

"""Settings of the process and of the system that programs change or ask for on their way: all are as they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final, NoReturn

from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import Export, ansi, signed, terminated_at, unsigned

_ENGLISH: Final = 0x409
_CONTINUOUS: Final = 0x8000_0000
_FAILED: Final = 0xFFFF_FFFF


def _exit(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(unsigned(code) & 0xFF)


def _multiplied(number: int, by: int, divided: int) -> int:
    divisor = signed(divided)
    if divisor == 0:
        return _FAILED
    product = signed(number) * signed(by)
    size = (2 * abs(product) + abs(divisor)) // (2 * abs(divisor))
    return size if (product < 0) == (divisor < 0) else -size


def _length(word: int) -> int:
    return len(terminated_at(word)) // 2 if word else 0


def _length_of_bytes(word: int) -> int:
    return len(os.fsencode(ansi(word) or ""))


def _execution_state(flags: int) -> int:
    last.code = 0
    return _CONTINUOUS


_TABLE: Final = """
GetPriorityClass h number win32process.GetPriorityClass
SetPriorityClass hd bool win32process.SetPriorityClass
Beep dd bool win32api.Beep
"""
EXPORTS: Final[Mapping[str, Export]] = {
    **dict(from_table(_TABLE)),
    "ExitProcess": own(_exit, 1),
    "GetLogicalDrives": own(lambda: 0, 0),
    "GetSystemDefaultLCID": own(lambda: _ENGLISH, 0),
    "GetSystemDefaultUILanguage": own(lambda: _ENGLISH, 0),
    "GetUserDefaultLCID": own(lambda: _ENGLISH, 0),
    "GetUserDefaultUILanguage": own(lambda: _ENGLISH, 0),
    "IsDebuggerPresent": own(lambda: 0, 0),
    "MulDiv": own(_multiplied, 3),
    "SetErrorMode": own(lambda mode: 0, 1),
    "SetThreadExecutionState": own(_execution_state, 1),
    "lstrlenA": own(_length_of_bytes, 1),
    "lstrlenW": own(_length, 1),
}

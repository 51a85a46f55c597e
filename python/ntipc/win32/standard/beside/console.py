"""The console, which is a terminal of Linux: modes are accepted, titles and colours are its sequences."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any, Final

from ntipc.overlapped.disk import DiskFile
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.pyhandle import object_of
from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import Export, ansi, handle, put_dword, text, there, unsigned

_UTF_8: Final = 65001
_INPUT_MODE, _OUTPUT_MODE = 0x1F7, 7
_INTENSE: Final = 8
_PLAIN: Final = 7


def _terminal(word: int, call: str) -> int:
    """Return the descriptor of a terminal.

    Raises:
        error: It is no handle of one (6).
    """
    thing: Any = object_of(handle(word))
    if not isinstance(thing, DiskFile) or not os.isatty(thing.fd):
        raise failure(6, call)
    return thing.fd


def _get_mode(word: int, mode: int) -> int:
    fd = _terminal(word, "GetConsoleMode")
    put_dword(there(mode), _INPUT_MODE if fd == 0 else _OUTPUT_MODE)
    return 1


def _set_mode(word: int, mode: int) -> int:
    _terminal(word, "SetConsoleMode")
    return 1


def _write_to_terminal(sequence: str) -> None:
    try:
        fd = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, sequence.encode())
    finally:
        os.close(fd)


def _set_title(title: str | None) -> int:
    shown = "".join(character for character in title or "" if character.isprintable())
    _write_to_terminal(f"\33]0;{shown}\a")
    return 1


def colours(attributes: int) -> str:
    r"""Return the sequence for colours of Windows.

    >>> colours(12), colours(7), colours(0x1E)
    ('\x1b[0;91;40m', '\x1b[0m', '\x1b[0;93;44m')
    """
    if attributes == _PLAIN:
        return "\33[0m"
    parts = []
    for nibble, plain, bright in (attributes & 15, 30, 90), (attributes >> 4 & 15, 40, 100):
        colour = (nibble & 1) << 2 | nibble & 2 | nibble >> 2 & 1  # blue, green, red from the lowest bit on
        parts.append(str((bright if nibble & _INTENSE else plain) + colour))
    return f"\33[0;{';'.join(parts)}m"


def _set_colours(word: int, attributes: int) -> int:
    os.write(_terminal(word, "SetConsoleTextAttribute"), colours(unsigned(attributes) & 0xFF).encode())
    return 1


def _set_position(word: int, position: int) -> int:
    column, row = position & 0xFFFF, position >> 16 & 0xFFFF
    os.write(_terminal(word, "SetConsoleCursorPosition"), f"\33[{row + 1};{column + 1}H".encode())
    return 1


class _ScreenBufferInfo(ctypes.Structure):
    """CONSOLE_SCREEN_BUFFER_INFO."""

    _fields_ = [
        ("size", ctypes.c_int16 * 2),
        ("position", ctypes.c_int16 * 2),
        ("attributes", ctypes.c_uint16),
        ("window", ctypes.c_int16 * 4),
        ("largest", ctypes.c_int16 * 2),
    ]


def _get_screen(word: int, address: int) -> int:
    columns, rows = os.get_terminal_size(_terminal(word, "GetConsoleScreenBufferInfo"))
    told = _ScreenBufferInfo.from_address(there(address))
    told.size[:] = told.largest[:] = (columns, rows)
    told.position[:], told.attributes = (0, 0), _PLAIN
    told.window[:] = (0, 0, columns - 1, rows - 1)
    return 1


def _accepted(*words: int) -> int:
    return 1


def _code_page() -> int:
    return _UTF_8


EXPORTS: Final[Mapping[str, Export]] = {
    "GetConsoleMode": own(_get_mode, 2),
    "SetConsoleMode": own(_set_mode, 2),
    "SetConsoleTitleW": own(lambda word: _set_title(text(word)), 1),
    "SetConsoleTitleA": own(lambda word: _set_title(ansi(word)), 1),
    "SetConsoleTextAttribute": own(_set_colours, 2),
    "SetConsoleCursorPosition": own(_set_position, 2),
    "GetConsoleScreenBufferInfo": own(_get_screen, 2),
    "GetConsoleWindow": own(lambda: 0, 0),
    "SetConsoleCP": own(_accepted, 1),
    "SetConsoleOutputCP": own(_accepted, 1),
    "GetConsoleCP": own(_code_page, 0),
    "GetConsoleOutputCP": own(_code_page, 0),
    "GetACP": own(_code_page, 0),
    "GetOEMCP": own(_code_page, 0),
}

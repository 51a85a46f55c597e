"""Calls that only ``libntipc.so`` makes: what its parts in C leave to Python."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.processes.process import Process
from ntipc.processes.threads import Thread
from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import Export, ansi, boolean, handle, put_text, signed, unsigned

_PROGRAM: Final = 0x40_0000


def _open_thread(thread_id: int, inherit: int) -> int:
    """Return a handle with all rights to a thread of this process."""
    thread = Thread.open(unsigned(thread_id))
    thread.inheritable = boolean(inherit)
    return table.insert(thread)


def _note_thread_code(thread: int, code: int) -> int:
    """Note what a thread is about to end with."""
    with suppress(NtError):  # without a session there is nobody to tell
        table.find_of(handle(thread), Thread)._note_exit_code(signed(code))
    return 0


def _note_process_code(code: int) -> int:
    """Note what this process is about to end with: Linux itself keeps eight bits of it.

    -1 to -64 would be taken for signals, so of those the eight bits have to do.
    """
    if -64 <= signed(code) < 0:
        return 0
    with suppress(NtError):
        process: Any = Process.current()
        process._note_exit_code(signed(code))
    return 0


def _is_library(module: int) -> int:
    """Say whether a module handle is that of the program or of a library that is here."""
    from ntipc.win32.standard.ctypes.libraries import library_number
    from ntipc.win32.standard.exports import LIBRARIES

    return int(module == _PROGRAM or any(library_number(key) == module for key in LIBRARIES))


def _decode(path: int, buffer: int, room: int) -> int:
    """Store a path of Linux as UTF-16 units, and return how many it has."""
    found = ansi(path) or ""
    put_text(buffer, unsigned(room), found, wide=True)
    return len(found.encode("utf-16-le", "surrogatepass")) // 2


OWN_CALLS: Final[Mapping[str, Export]] = {
    "ntipc_open_thread": own(_open_thread, 2),
    "ntipc_note_thread_code": own(_note_thread_code, 2),
    "ntipc_note_process_code": own(_note_process_code, 1),
    "ntipc_decode": own(_decode, 3),
    "ntipc_is_library": own(_is_library, 1),
}

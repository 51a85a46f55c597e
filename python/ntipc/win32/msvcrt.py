"""What programs ask Windows' ``msvcrt`` for: handles of descriptors, locks on bytes of files, single keys.

Only a program's own modules get this module as ``msvcrt``: the interpreter's library would take itself to be on
Windows.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from typing import Final

from ntipc.win32.binding.disk_calls import _get_osfhandle, _open_osfhandle
from ntipc.win32.binding.failures import error as _error
from ntipc.win32.binding.pyhandle import HandleLike, object_of

LK_UNLCK, LK_LOCK, LK_NBLCK, LK_RLCK, LK_NBRLCK = 0, 1, 2, 3, 4
SEM_FAILCRITICALERRORS, SEM_NOALIGNMENTFAULTEXCEPT, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX = 1, 4, 2, 0x8000
_TEXT: Final = 0x4000
_BINARY: Final = 0x8000
_ATTEMPTS: Final = 10


def get_osfhandle(fd: int, /) -> int:
    """Return a handle for a descriptor.

    Raises:
        OSError: There is no such descriptor.
    """
    return _get_osfhandle(fd)


def open_osfhandle(handle: HandleLike, flags: int, /) -> int:
    """Return a descriptor for the handle of a file, which belongs to the descriptor from then on.

    Raises:
        OSError: It is no such handle.
    """
    try:
        return _open_osfhandle(handle, flags)
    except _error as problem:
        raise OSError(9, problem.strerror) from None


def setmode(fd: int, flags: int, /) -> int:
    """Return the mode of a descriptor, which is binary: Linux has no other."""
    os.fstat(fd)
    if flags not in (_TEXT, _BINARY, 0):
        raise OSError(22, "Invalid argument")
    return _BINARY


def locking(fd: int, mode: int, nbytes: int, /) -> None:
    """Lock or unlock bytes of a file from its position on.

    Raises:
        OSError: They are locked elsewhere: 13 at once, 36 after ten attempts in as many seconds.
    """
    file = object_of(_get_osfhandle(fd))
    offset = os.lseek(fd, 0, os.SEEK_CUR)
    if mode == LK_UNLCK:
        file.unlock(offset, nbytes)
        return
    if mode not in (LK_LOCK, LK_RLCK, LK_NBLCK, LK_NBRLCK):
        raise OSError(22, "Invalid argument")
    for attempt in range(_ATTEMPTS):
        try:
            file.lock(offset, nbytes, exclusive=True, wait=False)
            return
        except (BlockingIOError, PermissionError):
            if mode in (LK_NBLCK, LK_NBRLCK):
                raise OSError(13, "Permission denied") from None
            if attempt + 1 < _ATTEMPTS:
                time.sleep(1)
    raise OSError(36, "Resource deadlock avoided")


def kbhit() -> bool:
    """Say whether a key was pressed that waits to be read."""
    with _single_keys():
        return bool(select.select([sys.stdin], [], [], 0)[0])


def getch() -> bytes:
    """Read one key, which is not shown."""
    with _single_keys():
        return os.read(sys.stdin.fileno(), 1)


def getche() -> bytes:
    """Read one key, and show it."""
    key = getch()
    putch(key)
    return key


def getwch() -> str:
    """Read one character, which is not shown."""
    with _single_keys():
        return sys.stdin.read(1)


def getwche() -> str:
    """Read one character, and show it."""
    character = getwch()
    putwch(character)
    return character


def putch(char: bytes, /) -> None:
    """Show one byte."""
    sys.stdout.buffer.write(char)
    sys.stdout.flush()


def putwch(unicode_char: str, /) -> None:
    """Show one character."""
    sys.stdout.write(unicode_char)
    sys.stdout.flush()


def heapmin() -> None:
    """Return at once: the memory is Linux's."""


def SetErrorMode(mode: int, /) -> int:
    """Return 0: no box is shown for an error."""
    return 0


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Have a terminal give keys one by one, as long as somebody looks for them."""
    if not sys.stdin.isatty():
        yield
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)

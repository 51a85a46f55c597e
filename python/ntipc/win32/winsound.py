"""``winsound``: the bell of the terminal. Only a program's own modules get this module.

>>> from ntipc.win32 import winsound
>>> winsound.PlaySound(None, winsound.SND_PURGE)
>>> winsound.Beep(5, 100)
Traceback (most recent call last):
ValueError: frequency must be in 37 thru 32767
"""

from __future__ import annotations

import os
import time
from operator import index
from typing import Final

SND_SYNC, SND_ASYNC, SND_NODEFAULT, SND_MEMORY, SND_LOOP, SND_NOSTOP = 0, 1, 2, 4, 8, 0x10
SND_PURGE, SND_APPLICATION, SND_NOWAIT, SND_ALIAS, SND_FILENAME = 0x40, 0x80, 0x2000, 0x1_0000, 0x2_0000
MB_OK, MB_ICONHAND, MB_ICONQUESTION, MB_ICONEXCLAMATION, MB_ICONASTERISK = 0, 0x10, 0x20, 0x30, 0x40
MB_ICONERROR = MB_ICONSTOP = MB_ICONHAND
MB_ICONWARNING, MB_ICONINFORMATION = MB_ICONEXCLAMATION, MB_ICONASTERISK
_LOWEST, _HIGHEST = 37, 32767
_MILLISECONDS: Final = 1000


def MessageBeep(type: int = MB_OK) -> None:
    """Ring the bell of the terminal, if there is one.

    Source:
        MessageBeep (Win32).
    """
    index(type)
    try:
        terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(terminal, b"\a")
    finally:
        os.close(terminal)


def Beep(frequency: int, duration: int) -> None:
    """Ring the bell of the terminal, and wait.

    Args:
        frequency: Without effect, from 37 to 32767.
        duration: Milliseconds to wait.

    Raises:
        ValueError: The frequency is out of range.

    Source:
        Beep (Win32).
    """
    if not _LOWEST <= index(frequency) <= _HIGHEST:
        raise ValueError(f"frequency must be in {_LOWEST} thru {_HIGHEST}")
    MessageBeep()
    time.sleep(max(0, index(duration)) / _MILLISECONDS)


def PlaySound(sound: object, flags: int) -> None:
    """Play no sound, which is what ``None`` asks for.

    Raises:
        NotImplementedError: It is a sound.

    Source:
        PlaySound (Win32).
    """
    index(flags)
    if sound is not None:
        raise NotImplementedError(
            "winsound.PlaySound is not part of ntipc.win32: play the file by subprocess, with paplay or aplay"
        )

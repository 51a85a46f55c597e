"""Printing for a reader in another process, as pywin32's ``win32trace`` has it.

>>> from ntipc.win32 import win32trace
>>> win32trace.InitRead(); win32trace.InitWrite()
>>> win32trace.write("seen elsewhere")
>>> win32trace.read()
'seen elsewhere'
>>> win32trace.TermRead(); win32trace.TermWrite()
"""

from __future__ import annotations

import sys

from ntipc.win32.binding.arguments import INFINITE, seconds_of
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.pyhandle import new_handle
from ntipc.win32.binding.trace import Channel

_channel = Channel()


def InitRead() -> None:
    """Get ready to read.

    Raises:
        error: It is already.
    """
    _channel.open(read=True)


def InitWrite() -> None:
    """Get ready to write.

    Raises:
        error: It is already.
    """
    _channel.open(write=True)


def TermRead() -> None:
    """Read no more.

    Raises:
        error: It was not ready to.
    """
    _channel.close(read=True)


def TermWrite() -> None:
    """Write no more.

    Raises:
        error: It was not ready to.
    """
    _channel.close(write=True)


def read() -> str:
    """Take what was written; an empty text if there is nothing."""
    return _channel.read()


def blockingread(milliSeconds: int = INFINITE, /) -> str:
    """Wait for something that is written, and take it; an empty text if nothing comes in time."""
    return _channel.read_in(seconds_of(milliSeconds))


def write(output: str, /) -> None:
    """Write a text, of which the reader gets the characters of Latin-1."""
    _channel.write(output)


def flush() -> None:
    """Return at once: what was written can be read."""


def setprint() -> None:
    """Have the program's standard output and errors written to the reader."""
    if not _channel.may_write:
        InitWrite()
    sys.stdout = sys.stderr = GetTracer()


def GetHandle() -> int:
    """Return the handle of the event that is set when something was written.

    Raises:
        error: It is not ready to read.
    """
    if not _channel.may_read:
        raise error(0, None, "The module has not been setup for reading")
    return new_handle(_channel.event.duplicate()).Detach()


class _Tracer:
    softspace = 0

    def read(self) -> str:
        """Take what was written."""
        return read()

    def blockingread(self, milliSeconds: int = INFINITE, /) -> str:
        """Wait for something that is written, and take it."""
        return blockingread(milliSeconds)

    def write(self, output: str, /) -> int:
        """Write a text."""
        write(output)
        return len(output)

    def flush(self) -> None:
        """Return at once."""

    def isatty(self) -> int:
        """Return 0: it is no terminal."""
        return 0


def GetTracer() -> _Tracer:
    """Return a file whose text the reader gets."""
    return _Tracer()

"""The last error, and the ``OSError`` with ``winerror`` that ``WinError`` makes of it."""

from __future__ import annotations

from ntipc.win32.binding.last_error import GetLastError as GetLastError
from ntipc.win32.binding.texts import text_of
from ntipc.win32.standard.os_errors import os_error

from .functions import pending


def get_last_error() -> int:
    """Return the copy of the last error that functions of a library made with ``use_last_error=True`` leave."""
    return pending.copy


def set_last_error(value: int) -> int:
    """Set that copy. Returns what it was."""
    before, pending.copy = pending.copy, value & 0xFFFF_FFFF
    return before


def FormatError(code: int | None = None) -> str:
    """Return what Windows says for an error code, or for the last error."""
    code = GetLastError() if code is None else code
    if code == 0:
        return "The operation completed successfully."
    text = text_of(code)
    return "<no description>" if text.startswith("No error message") and code else text.rstrip()


def WinError(code: int | None = None, descr: str | None = None) -> OSError:
    """Make the exception for an error code, or for the last error; the caller raises it."""
    if code is None:
        code = GetLastError()
    return os_error(None, FormatError(code).strip() if descr is None else descr, None, code)

"""``Overlapped``: what ``_winapi`` returns for an operation that may go on."""

from __future__ import annotations

from typing import Any, Final

from ntipc.win32 import win32event
from ntipc.win32.binding import transfers
from ntipc.win32.binding.failures import error
from ntipc.win32.binding.overlapped import OVERLAPPED
from ntipc.win32.binding.pyhandle import close_number, object_of
from ntipc.win32.standard.winapi.calls import windows_error

_MORE_DATA: Final = 234
_COMPLETED: Final = (_MORE_DATA, transfers.ABORTED)
"""Codes of an operation that is done, and are told without an exception."""


class Overlapped:
    """An operation that has been begun with a handle.

    Attributes:
        event: The handle of an event that is set when the operation is done. It is closed with this object.

    Source:
        ``_winapi.Overlapped`` (the standard library on Windows).
    """

    def __init__(self, handle: int, memory: memoryview | None = None) -> None:
        self._handle = handle
        self._memory = memory
        self._data: bytes | None = None
        self._completed = self._pending = False
        self.event = win32event.CreateEvent(None, True, False, None).Detach()
        self._overlapped = OVERLAPPED()
        self._overlapped.hEvent = self.event

    def _begun(self, code: int) -> int:
        self._pending = code == transfers.IO_PENDING
        return code

    def GetOverlappedResult(self, wait: bool, /) -> tuple[int, int]:
        """Tell how many bytes the operation has moved, and its code: 0, 234, 995, or 996 if it goes on.

        Args:
            wait: Whether to wait until it is done.

        Raises:
            OSError: It has failed.
        """
        code = 0
        try:
            transfers.GetOverlappedResult(self._handle, self._overlapped, wait)
        except error as problem:
            code = problem.winerror or 0
        if code == transfers.INCOMPLETE:
            return 0, code
        self._completed, self._pending = True, False
        if code and code not in _COMPLETED:
            raise windows_error(code)
        size = self._overlapped.InternalHigh
        if self._memory is not None and self._data is None:
            self._data = bytes(self._memory[:size])
        return size, code

    def getbuffer(self) -> bytes | None:
        """Return what was read; ``None`` if the operation was not a read.

        Raises:
            ValueError: `GetOverlappedResult` has not told yet that the operation is done.
        """
        if not self._completed:
            raise ValueError("can't get read buffer before GetOverlappedResult() signals the operation completed")
        return self._data

    def cancel(self) -> None:
        """Cancel the operation if it goes on. No data is lost."""
        if not self._pending or self._completed:
            return
        operation = self._overlapped._operation
        try:
            object_of(self._handle).cancel(lambda other: other is operation)
        except Exception:  # the handle was closed, and the operation has ended with it
            pass
        self._pending = False

    def __del__(self) -> None:
        try:
            self.cancel()
            close_number(self.event)
        except Exception:  # its event was not made, or the interpreter ends
            pass

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle '_winapi.Overlapped' object")


Overlapped.__module__ = "_winapi"

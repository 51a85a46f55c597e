"""OVERLAPPED structures of C code, by their addresses: each has an overlapped of pywin32 that writes into it.

Layout on 64 bits: Internal and InternalHigh, two words; Offset and OffsetHigh, 32 bits each; the event, a word.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Final

from ntipc.win32.binding.overlapped import OVERLAPPED
from ntipc.win32.standard.exports.words import there

_OPERATION_GOES_ON: Final = 259


class _Layout(ctypes.Structure):
    _fields_ = [
        ("internal", ctypes.c_uint64),
        ("internal_high", ctypes.c_uint64),
        ("offset", ctypes.c_uint32),
        ("offset_high", ctypes.c_uint32),
        ("event", ctypes.c_uint64),
    ]


class MemoryOverlapped(OVERLAPPED):
    """The overlapped for the structure at an address.

    Args:
        address: Where the structure lies; it must stay there until the operation is done, as on Windows.
    """

    __slots__ = ("_layout", "address")

    def __init__(self, address: int) -> None:
        self.address = address
        self._layout = _Layout.from_address(there(address))
        # Not by the class's own __init__, which would set the status and the size in memory.
        self.Offset, self.OffsetHigh, self.dword = self._layout.offset, self._layout.offset_high, 0
        self.object = self._operation = None
        self._event = self._layout.event & 0x7FFF_FFFF

    @property
    def Internal(self) -> int:
        """The NT status, as it stands in memory."""
        return int(self._layout.internal)

    @Internal.setter
    def Internal(self, status: int) -> None:
        self._layout.internal = status

    @property
    def InternalHigh(self) -> int:
        """How many bytes have been moved, as it stands in memory."""
        return int(self._layout.internal_high)

    @InternalHigh.setter
    def InternalHigh(self, size: int) -> None:
        self._layout.internal_high = size


_begun: dict[int, MemoryOverlapped] = {}
_lock = threading.Lock()
_MOST_KEPT: Final = 1024


def begin(address: int) -> MemoryOverlapped | None:
    """Return a new overlapped for the structure at an address; ``None`` for NULL."""
    if not address:
        return None
    overlapped = MemoryOverlapped(address)
    with _lock:
        if len(_begun) >= _MOST_KEPT:
            _forget_what_is_done()
        _begun[address] = overlapped
    return overlapped


def find(address: int) -> MemoryOverlapped | None:
    """Return the overlapped of the operation that was begun last with the structure at an address."""
    with _lock:
        return _begun.get(address)


def _forget_what_is_done() -> None:
    done = [where for where, overlapped in _begun.items() if getattr(overlapped._operation, "is_done", True)]
    for where in done:
        del _begun[where]

"""Memory that other processes have allocated in this one, and views that they have mapped."""

from __future__ import annotations

import ctypes
import mmap
import threading
from typing import NamedTuple

from ntipc.errors import NtError, Status, from_status
from ntipc.sections import Section, View

PAGE = mmap.PAGESIZE
GRANULARITY = 1 << 16
LARGEST = 1 << 46
_FAILED = ctypes.c_void_p(-1).value
_RIGHTS = {"": 0, "r": mmap.PROT_READ, "rw": mmap.PROT_READ | mmap.PROT_WRITE}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class _Mapped(NamedTuple):
    size: int
    view: View | None


class Blocks:
    """The blocks and views of a process that others made there, by their addresses."""

    def __init__(self) -> None:
        self._mapped: dict[int, _Mapped] = {}
        self._lock = threading.Lock()

    def allocate(self, size: int, access: str) -> int:
        """Allocate memory of this process, in whole pages, zero at first.

        Returns:
            Its address, a multiple of 65,536.
        """
        if size <= 0:
            raise _failure(Status.INVALID_PARAMETER, "allocate", f"the size must be at least 1 byte, not {size}")
        if size > LARGEST:
            raise _failure(Status.NO_MEMORY, "allocate", f"{size:,} bytes")
        rights = _rights("allocate", access)
        size = -(-size // PAGE) * PAGE
        whole = size + GRANULARITY
        start: int = _libc.mmap(None, whole, rights, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        if start == _FAILED:
            raise _failure(Status.NO_MEMORY, "allocate", f"{size:,} bytes")
        address = -(-start // GRANULARITY) * GRANULARITY
        for first, end in (start, address), (address + size, start + whole):
            if end > first:
                _libc.munmap(first, end - first)
        with self._lock:
            self._mapped[address] = _Mapped(size, None)
        return address

    def protect(self, address: int, size: int, access: str) -> None:
        """Change what may be done with pages of a block: all that the range touches."""
        rights = _rights("protect", access)
        if size <= 0:
            raise _failure(Status.INVALID_PARAMETER, "protect", f"the size must be at least 1 byte, not {size}")
        first, end = address // PAGE * PAGE, -(-(address + size) // PAGE) * PAGE
        with self._lock:
            base = self._base(first)
            if base is None or self._mapped[base].view is not None or end > base + self._mapped[base].size:
                raise _failure(Status.NOT_COMMITTED, "protect", f"{size:,} bytes at {address:#x} are not in one block")
            if _libc.mprotect(first, end - first, rights):
                raise _failure(Status.NO_MEMORY, "protect", f"errno {ctypes.get_errno()}")

    def free(self, address: int) -> None:
        """Give a block back; the address is that which ``allocate`` returned."""
        with self._lock:
            found = self._mapped.get(address)
            if found is None or found.view is not None:
                raise _failure(Status.NOT_COMMITTED, "free", f"no block begins at {address:#x}")
            del self._mapped[address]
            _libc.munmap(address, found.size)

    def map(self, section: Section, offset: int, size: int | None, access: str | None) -> int:
        """Map a section, and keep the view. Returns its address."""
        view = section.map(offset, size, access=access)
        with self._lock:
            self._mapped[view.address] = _Mapped(-(-len(view) // PAGE) * PAGE, view)
        return view.address

    def unmap(self, address: int) -> None:
        """Unmap the view that an address lies in."""
        with self._lock:
            base = self._base(address)
            view = None if base is None else self._mapped[base].view
            if base is None or view is None:
                raise _failure(Status.NOT_COMMITTED, "unmap", f"{address:#x} is not in a view")
            view.unmap()
            del self._mapped[base]

    def _base(self, address: int) -> int | None:
        """Where the block or view begins in which an address lies."""
        inside = (base for base, found in self._mapped.items() if base <= address < base + found.size)
        return next(inside, None)


def _rights(call: str, access: str) -> int:
    if access not in _RIGHTS:
        raise _failure(Status.INVALID_PARAMETER, call, f"the access must be 'rw', 'r' or '', not {access!r}")
    return _RIGHTS[access]


def _failure(status: Status, call: str, detail: str) -> NtError:
    return from_status(status, f"Process.{call}", "memory of the process", detail)

"""How C code passes what the Native API takes, and a table of calls whose arguments are of a few kinds.

A line of a table has the name and the kinds of C's arguments; the call of that name in `ntipc.ntdll` takes those that
go in, in the same order, and its result says what is stored where the others point:

* in: ``d`` ULONG, ``l`` LONG, ``b`` BOOLEAN, ``h`` HANDLE, ``p`` an address, ``o`` OBJECT_ATTRIBUTES,
  ``t`` LARGE_INTEGER or NULL, ``u`` UNICODE_STRING, ``c`` CLIENT_ID, ``x`` nothing that the call heeds
* out: ``H`` a handle, ``P`` the previous state as 32 bits, ``B`` as 8, ``I`` an IO_STATUS_BLOCK
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES
from ntipc.ntdll.results import fail
from ntipc.ntdll.statuses import STATUS_DATATYPE_MISALIGNMENT, STATUS_INVALID_PARAMETER
from ntipc.ntdll.transfers import IO_STATUS_BLOCK
from ntipc.win32.binding.failures import error
from ntipc.win32.standard.exports.words import (
    Export,
    data_at,
    handle,
    long_signed,
    put_dword,
    put_word,
    signed,
    there,
    unsigned,
)

ACCESS_VIOLATION: Final = 0xC000_0005
_FIRST_ERROR: Final = 0xC000_0000


class _ObjectAttributes(ctypes.Structure):
    _fields_ = [
        ("length", ctypes.c_uint32),
        ("root", ctypes.c_uint64),
        ("name", ctypes.c_uint64),
        ("attributes", ctypes.c_uint32),
        ("descriptor", ctypes.c_uint64),
        ("quality", ctypes.c_uint64),
    ]


class UnicodeString(ctypes.Structure):
    """UNICODE_STRING: sizes in bytes."""

    _fields_ = [("length", ctypes.c_uint16), ("room", ctypes.c_uint16), ("buffer", ctypes.c_uint64)]


def probed(address: int) -> int:
    """Return an address at which memory is, as NT looks at what a program passes.

    Raises:
        error: There is none (998, ERROR_NOACCESS).
    """
    there(address)
    if not _memory.is_mapped(address):
        there(0)
    return address


class _OwnMemory:
    """Reads this process's memory through a descriptor, which after a fork still reads the parent's."""

    def __init__(self) -> None:
        self._descriptor, self._process = -1, 0
        self._lock = threading.Lock()

    def is_mapped(self, address: int) -> bool:
        """Say whether a byte can be read at an address."""
        if self._process != os.getpid():
            self._open()
        try:
            return len(os.pread(self._descriptor, 1, address)) == 1
        except (OSError, OverflowError):
            return False

    def _open(self) -> None:
        with self._lock:
            if self._process != os.getpid():
                if self._descriptor >= 0:
                    os.close(self._descriptor)
                self._descriptor = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
                self._process = os.getpid()

    def forget(self) -> None:
        """A child of a fork has a lock of its own, and opens its own memory."""
        self._lock = threading.Lock()


_memory: Final = _OwnMemory()
os.register_at_fork(after_in_child=_memory.forget)


class MemoryIoStatusBlock(IO_STATUS_BLOCK):
    """The IO_STATUS_BLOCK at an address, which must stay there until the operation is done.

    It is written when an operation is done, not when it begins, nor when it fails in the call.
    """

    __slots__ = ("address",)

    def __init__(self, address: int) -> None:
        self.address = probed(address)
        self._operation = None

    def begun(self) -> None:
        """Leave it as it is."""

    def refused(self, status: int) -> None:
        """Leave it as it is, unless the status is a warning."""
        if status < _FIRST_ERROR:
            self.Information, self.Status = 0, status

    @property
    def Status(self) -> Any:
        """The status, as it stands in memory."""
        return ctypes.c_uint32.from_address(self.address).value

    @Status.setter
    def Status(self, status: int) -> None:
        ctypes.c_uint32.from_address(self.address).value = int(status) & 0xFFFF_FFFF

    @property
    def Information(self) -> int:
        """The number beside it, as it stands in memory."""
        return ctypes.c_uint64.from_address(self.address + 8).value

    @Information.setter
    def Information(self, information: int) -> None:
        ctypes.c_uint64.from_address(self.address + 8).value = information


def unicode_at(address: int) -> bytes:
    """Load the UTF-16 units of a UNICODE_STRING."""
    found = UnicodeString.from_address(probed(address))
    if found.buffer % 2:
        raise fail(STATUS_DATATYPE_MISALIGNMENT)
    return data_at(probed(found.buffer), found.length) if found.length else b""


def _target_at(address: int) -> str:
    """Load the text of a UNICODE_STRING that has room for what it says it has."""
    found = UnicodeString.from_address(probed(address))
    if found.room < found.length:
        raise fail(STATUS_INVALID_PARAMETER)
    return unicode_at(address).decode("utf-16-le", "surrogatepass")


def attributes_at(address: int) -> OBJECT_ATTRIBUTES | None:
    """Load OBJECT_ATTRIBUTES; ``None`` for NULL."""
    if not address:
        return None
    found = _ObjectAttributes.from_address(probed(address))
    name = unicode_at(found.name) if found.name else None
    return OBJECT_ATTRIBUTES(name, found.attributes, handle(found.root), found.length)


def large_at(address: int) -> int | None:
    """Load a LARGE_INTEGER; ``None`` for NULL."""
    return ctypes.c_int64.from_address(probed(address)).value if address else None


def _client_id(address: int) -> tuple[int, int]:
    process, thread = (ctypes.c_uint64 * 2).from_address(probed(address))
    return unsigned(process), unsigned(thread)


_IN: Final[dict[str, Callable[[int], Any]]] = {
    "d": unsigned,
    "l": signed,
    "b": lambda word: word & 0xFF != 0,
    "h": handle,
    "p": long_signed,
    "o": attributes_at,
    "t": large_at,
    "u": _target_at,
    "c": _client_id,
}
_OUT: Final = frozenset("HPBI")


def from_lines(lines: str) -> Iterator[tuple[str, Export]]:
    """Return the exports that a table describes."""
    for line in lines.split("\n"):
        if line.strip():
            name, kinds = line.split()
            yield name, _export(name, "" if kinds == "-" else kinds)


def _export(name: str, kinds: str) -> Export:
    def load() -> Callable[..., Any]:
        from ntipc import ntdll

        function = getattr(ntdll, name)

        def call(*words: int) -> int:
            for kind, word in zip(kinds, words, strict=True):
                if kind in "HI":
                    probed(word)
                if kind == "H":
                    put_word(word, 0)  # which it stays if anything is refused
            given = [_IN[kind](word) for kind, word in zip(kinds, words, strict=True) if kind in _IN]
            result = function(*given)
            status = result[0] if isinstance(result, tuple) else result
            for kind, word in zip(kinds, words, strict=True):
                if kind in _OUT:
                    _store(kind, word, result)
            return int(status)

        return with_status(call)

    return Export(load, len(kinds), ACCESS_VIOLATION)


def _store(kind: str, address: int, result: Any) -> None:
    succeeded = bool(result)
    if kind == "H":
        put_word(address, result.handle)
    elif kind == "I" and succeeded:
        block = MemoryIoStatusBlock(address)
        block.Information, block.Status = result.information, result.status
    elif kind == "P" and succeeded:
        put_dword(address, result.previous)
    elif kind == "B" and succeeded and address:
        ctypes.c_uint8.from_address(address).value = result.previous


def with_status(function: Callable[..., int]) -> Callable[..., int]:
    """Return a call that returns the status of what it raises: a pointer to nowhere is STATUS_ACCESS_VIOLATION."""

    def call(*words: int) -> int:
        try:
            return function(*words)
        except NtError as problem:
            return problem.status
        except error:
            return ACCESS_VIOLATION

    return call


def native(function: Callable[..., int], arguments: int) -> Export:
    """Return the export for a function that takes words itself and returns a status."""
    return Export(lambda: with_status(function), arguments, ACCESS_VIOLATION)

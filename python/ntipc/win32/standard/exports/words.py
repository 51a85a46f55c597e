"""Words: how C code passes arguments, and what they mean in Python."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ntipc.errors import NtError
from ntipc.win32.binding.errnos import winerror_of
from ntipc.win32.binding.failures import error, failed, failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.wide import decode, terminated

Word = int
_FIRST_ADDRESS = 0x1_0000
_NO_ACCESS = 998
_NOT_ENOUGH_MEMORY = 8


class Export(NamedTuple):
    """A function of a library."""

    load: Callable[[], Callable[..., Any]]
    """Returns the function, which takes so many words."""
    arguments: int
    failure: int = 0
    """What it returns to C code where it cannot do what it should."""


def boolean(word: Word) -> bool:
    """A BOOL."""
    return word & 0xFFFF_FFFF != 0


def unsigned(word: Word) -> int:
    """A DWORD."""
    return word & 0xFFFF_FFFF


def signed(word: Word) -> int:
    """A LONG."""
    word &= 0xFFFF_FFFF
    return word - (1 << 32) if word & 0x8000_0000 else word


def long_signed(word: Word) -> int:
    """A LONGLONG or an LPARAM."""
    return word - (1 << 64) if word & 1 << 63 else word


def handle(word: Word) -> int:
    """A HANDLE. A program without prototypes passes it as a C int, so the upper half says nothing."""
    return signed(word)


def text(word: Word) -> str | None:
    """An LPCWSTR, or NULL."""
    return decode(terminated(word)) if word else None


def ansi(word: Word) -> str | None:
    """An LPCSTR, or NULL."""
    return ctypes.string_at(word).decode("utf-8", "surrogateescape") if word else None


def terminated_at(word: Word) -> bytes:
    """The UTF-16 units at an address up to the first that is zero."""
    return terminated(there(word))


def pointer(word: Word) -> int:
    """An address."""
    return word


def put_dword(address: int, value: int) -> None:
    """Store a DWORD, unless the pointer is NULL."""
    if address:
        ctypes.c_uint32.from_address(address).value = value & 0xFFFF_FFFF


def put_word(address: int, value: int) -> None:
    """Store a HANDLE, a pointer or a size, unless the pointer is NULL."""
    if address:
        ctypes.c_uint64.from_address(address).value = value & 2**64 - 1


def there(address: int) -> int:
    """Return an address at which something has to be.

    Raises:
        error: It is NULL, or in the first 64 KiB, where nothing is (998, ERROR_NOACCESS).
    """
    if address < _FIRST_ADDRESS:
        raise failure(_NO_ACCESS, "")
    return address


def dword_at(address: int) -> int:
    """Load a DWORD."""
    return ctypes.c_uint32.from_address(there(address)).value


def data_at(address: int, size: int) -> bytes:
    """Load so many bytes."""
    return ctypes.string_at(there(address), size) if size else b""


def handles_at(count: int, address: int) -> list[int]:
    """Load an array of HANDLEs."""
    return [handle(word) for word in (ctypes.c_uint64 * count).from_address(there(address))] if count else []


def memory_at(address: int, size: int) -> memoryview:
    """Return the bytes at an address, to be read and written."""
    if size == 0:
        return memoryview(bytearray())
    return memoryview((ctypes.c_ubyte * size).from_address(there(address))).cast("B")


def put_bytes(address: int, size: int, data: bytes) -> None:
    """Store bytes, and how many, unless a pointer is NULL."""
    if address:
        ctypes.memmove(address, data, len(data))
    put_dword(size, len(data))


def put_text(address: int, room: int, value: str, *, wide: bool) -> None:
    """Store a text with its terminator, cut to the room, which counts units."""
    if not address or room <= 0:
        return
    units = value.encode("utf-16-le", "surrogatepass") if wide else value.encode("utf-8", "surrogateescape")
    width = 2 if wide else 1
    ctypes.memmove(address, (units[: (room - 1) * width]) + b"\0" * width, min(len(units), (room - 1) * width) + width)


class _SecurityAttributes(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("descriptor", ctypes.c_void_p), ("inherit", ctypes.c_uint32)]


def attributes(word: Word) -> Any:
    """SECURITY_ATTRIBUTES of whatever class, by their layout; ``None`` for NULL."""
    if not word:
        return None
    from ntipc.win32.pywintypes import SECURITY_ATTRIBUTES

    given = SECURITY_ATTRIBUTES()
    given.bInheritHandle = int(_SecurityAttributes.from_address(word).inherit != 0)
    return given


_KINDS: dict[str, Callable[[int], Any]] = {
    "b": boolean,
    "d": unsigned,
    "l": signed,
    "q": long_signed,
    "h": handle,
    "w": text,
    "a": ansi,
    "p": pointer,
    "s": attributes,
}


def _kinds(kinds: str) -> Iterator[Callable[[int], Any]]:
    return (_KINDS[kind] for kind in kinds)


_MOVES = frozenset({
    "CallNamedPipeA", "CallNamedPipeW", "CloseHandle", "ConnectNamedPipe", "CreateFileA", "CreateFileW",
    "DisconnectNamedPipe", "NtClose", "NtFsControlFile", "NtOpenFile", "NtReadFile", "NtWriteFile", "ReadFile",
    "ReadFileEx", "TransactNamedPipe", "WriteFile", "WriteFileEx",
})  # fmt: skip
"""Calls after which an operation that goes on at the other end of a pipe may be done."""


def _then_settled(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*words: int) -> Any:
        result = function(*words)
        engine = sys.modules.get("ntipc.overlapped.engine")  # without it nothing goes on
        if engine is not None:
            code = last.code
            engine.settle()
            last.code = code
        return result

    return called


def loaded(name: str, export: Export) -> Callable[..., Any]:
    """Return the function of an export, with what has to be done after each call of it."""
    function = export.load()
    return _then_settled(function) if name in _MOVES else function


def is_failure(problem: BaseException, name: str) -> bool:
    """Set the last error for what an export has raised; say whether that is how a call of Windows fails."""
    if isinstance(problem, error):
        return True
    if isinstance(problem, NtError):
        failed(problem, name)
    elif isinstance(problem, OSError):
        last.code = winerror_of(problem)
    elif isinstance(problem, MemoryError):
        last.code = _NOT_ENOUGH_MEMORY
    else:
        return False
    return True


def as_c_call(name: str, export: Export) -> Callable[..., Any]:
    """Return the function of an export as C code may call it: for an error of Windows it gives the export's failure."""
    function, result = loaded(name, export), export.failure

    def called(*words: int) -> Any:
        try:
            return function(*words)
        except Exception as problem:
            if not is_failure(problem, name):
                raise
            return result

    return called


def adapted(
    function: Callable[..., Any], kinds: str, failure: int, result: Callable[[Any], int] | None
) -> Callable[..., Any]:
    """Return the C function for a call of pywin32.

    Args:
        function: The call.
        kinds: The kinds of its arguments.
        failure: What the C function returns where the call raises.
        result: Makes the result of what the call returns; ``None`` for 1.
    """
    converters = tuple(_kinds(kinds))

    def called(*words: int) -> int:
        try:
            value = function(*[convert(word) for convert, word in zip(converters, words, strict=True)])
        except error:
            return failure
        except TypeError:
            last.code = 87
            return failure
        return 1 if result is None else result(value)

    return called


def number(value: Any) -> int:
    """The result of a call that returns a number, or a handle: which stays open."""
    return int(value.Detach()) if hasattr(value, "Detach") else int(value)

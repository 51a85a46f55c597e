"""Memory by its address, as messages with pointers and ``PyGetMemory`` need it.

What is at an address is read by way of Linux, which fails where a read by the processor would end the program.

    >>> address, size = PyGetBufferAddressAndLen(bytearray(b"hello"))
    >>> size
    5
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from ntipc.win32.binding.failures import error, failure

if TYPE_CHECKING:
    from typing_extensions import Buffer

_NO_ACCESS = 998
_UNIT = 2


def read_memory(address: int, size: int, call: str) -> bytes:
    """Read bytes of this process.

    Raises:
        error: They cannot be read (998).
    """
    if size == 0:
        return b""
    if not 0 < address < 2**63 or not 0 < size < 2**40:
        raise failure(_NO_ACCESS, call)
    fd = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(fd, size, address)
    except (OSError, OverflowError):
        data = b""
    finally:
        os.close(fd)
    if len(data) != size:
        raise failure(_NO_ACCESS, call)
    return data


def PyGetMemory(address: int, size: int, /) -> memoryview:
    """Return the memory at an address, which is not to be written to. It shows what is there later, too.

    Raises:
        ValueError: It cannot be read.
    """
    _check_readable(address, size)
    array: Any = (ctypes.c_ubyte * size).from_address(address) if size else bytearray()
    return memoryview(array).cast("B").toreadonly()


def _check_readable(address: int, size: int) -> bytes:
    try:
        return read_memory(address, size, "PyGetMemory")
    except error:
        raise ValueError("The value is not a valid address for reading") from None


def PyMakeBuffer(size: int, address: int = 0, /) -> memoryview:
    """Make memory of a size, or return the bytes at an address."""
    return PyGetMemory(address, size) if address else memoryview(bytearray(size))


def PyGetString(address: int, size: int = -1, /) -> str:
    """Return the text at an address: of so many characters of UTF-16, or up to a NUL.

    Raises:
        ValueError: It cannot be read.
    """
    if size >= 0:
        return _check_readable(address, size * _UNIT).decode("utf-16-le", "surrogatepass")
    units = bytearray()
    while True:
        unit = _check_readable(address + len(units), _UNIT)
        if unit == b"\0\0":
            return units.decode("utf-16-le", "surrogatepass")
        units += unit


def PySetMemory(address: int, data: Buffer, /) -> int:
    """Write bytes to an address; how many.

    Raises:
        error: There is nothing that can be written to (998).
    """
    content = bytes(data)
    fd = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        done = os.pwrite(fd, content, address)
    except (OSError, OverflowError):
        done = -1
    finally:
        os.close(fd)
    if done != len(content):
        raise failure(_NO_ACCESS, "PySetMemory")
    return done


def PySetString(address: int, text: str, maximum: int = 0, /) -> int:
    """Write a text and a NUL to an address, as UTF-16; how many characters."""
    if maximum and len(text) >= maximum:
        raise ValueError("The string is longer than the buffer")
    PySetMemory(address, text.encode("utf-16-le", "surrogatepass") + b"\0\0")
    return len(text)


def PyGetBufferAddressAndLen(data: Buffer, /) -> tuple[int, int]:
    """Return where the bytes of an object are, and how many."""
    return address_of(data), memoryview(data).nbytes


def address_of(data: Any) -> int:
    """Return the address of the bytes of an object, which must be kept alive.

    Raises:
        TypeError: It has none, or is neither ``bytes`` nor memory that can be written to.
    """
    if isinstance(data, bytes):
        return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
    view = memoryview(data).cast("B")
    if not len(view):
        return 0
    return ctypes.addressof(ctypes.c_char.from_buffer(view))

"""``WM_COPYDATA`` as Windows has it: a structure with the address of the data, in memory of sender and receiver.

The sender's structure is read and its bytes are sent. The receiver's handler gets the address of a structure of its
own, whose data lies in its own memory as long as the handler runs.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any, Final

from ntipc.win32.binding.memory import address_of, read_memory

_STRUCTURE: Final = struct.Struct("<QI4xQ")
"""COPYDATASTRUCT of 64-bit Windows: dwData, cbData, lpData."""


class Received:
    """A structure and its data, in memory of this process.

    Attributes:
        address: Where the structure is.
    """

    def __init__(self, kind: int, data: bytes) -> None:
        self._data = ctypes.create_string_buffer(data, max(len(data), 1))
        at = ctypes.addressof(self._data) if data else 0
        self._structure = ctypes.create_string_buffer(_STRUCTURE.pack(kind & (2**64 - 1), len(data), at))
        self.address = ctypes.addressof(self._structure)


def given(lparam: Any, call: str) -> tuple[int, bytes]:
    """Read the structure that a program gave for ``lparam``: an address, or an object that holds it. Kind and data.

    Raises:
        error: It, or its data, cannot be read (998).
        TypeError: It is neither an address nor an object with bytes.
    """
    if isinstance(lparam, int):
        raw = read_memory(lparam, _STRUCTURE.size, call)
    else:
        raw = bytes(memoryview(lparam).cast("B")[: _STRUCTURE.size])
        if len(raw) < _STRUCTURE.size:
            raise TypeError(f"a COPYDATASTRUCT has {_STRUCTURE.size} bytes, not {len(raw)}")
    kind, size, at = _STRUCTURE.unpack(raw)
    return kind, read_memory(at, size, call)


def number_of(parameter: Any, keep: list[Any]) -> int:
    """Return the number that a parameter of a message stands for; of an object with bytes, or a text, its address.

    Args:
        parameter: What the program gave.
        keep: Where what must stay alive is put.

    Raises:
        TypeError: It is none of these.
    """
    if parameter is None:
        return 0
    if isinstance(parameter, int):
        return parameter
    if isinstance(parameter, str):
        parameter = bytearray(parameter.encode("utf-16-le", "surrogatepass") + b"\0\0")
    if not isinstance(parameter, bytes) and memoryview(parameter).readonly:
        parameter = bytes(parameter)
    keep.append(parameter)
    return address_of(parameter)

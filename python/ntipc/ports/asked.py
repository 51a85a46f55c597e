"""What a server asks of a caller that waits: to answer a callback, or to copy from or into memory that it described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ntipc.ports import wire

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc.objects.object import NtObject
    from ntipc.ports.client import OnCallback


def perform(
    kind: int, data: bytes, handles: Sequence[NtObject], on_callback: OnCallback | None, buffers: Sequence[Buffer]
) -> tuple[int, bytes]:
    """Do what a server asks of a waiting caller: the tag and the data of the result."""
    try:
        if kind == wire.ASK:
            if on_callback is None:
                return wire.tagged(wire.FAILED, 1), b"the caller takes no callbacks"
            return wire.RESULT, bytes(memoryview(on_callback(data, tuple(handles))))
        return wire.RESULT, _copy(kind, data, buffers)
    except (IndexError, TypeError, ValueError) as problem:
        refused = 2 if kind in (wire.READ, wire.WRITE) else 0
        return wire.tagged(wire.FAILED, refused), f"{type(problem).__name__}: {problem}".encode()
    except Exception as problem:
        return wire.tagged(wire.FAILED), f"{type(problem).__name__}: {problem}".encode()


def _copy(kind: int, data: bytes, buffers: Sequence[Buffer]) -> bytes:
    """Read from one of the caller's buffers, or write into it."""
    number, offset, size = wire.PLACE.unpack_from(data)
    if number >= len(buffers):
        raise IndexError(f"the caller described {len(buffers)} buffers, and this is number {number}")
    with memoryview(buffers[number]) as view, view.cast("B") as memory:
        whole = len(memory)
        size = max(whole - offset, 0) if size == (1 << 64) - 1 else size
        if offset > whole or size > whole - offset:
            raise ValueError(f"buffer {number} has {whole} bytes; {size} from {offset} on do not lie in it")
        if kind == wire.READ:
            return bytes(memory[offset : offset + size])
        memory[offset : offset + size] = data[wire.PLACE.size :]
        return b""

"""Reading and writing the memory of another process: all of a range, or nothing of it and an error that says why.

Linux stops at the first page that it may not touch. So what was read up to there is thrown away; and before more than
one page is written, /proc is asked whether all of it may be. The target can change its mappings in between: then a part
may have been written, and the error says how much.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ntipc import _kernel
from ntipc.errors import NtError, Status, from_status
from ntipc.other_memory.maps import is_allowed
from ntipc.other_memory.refusals import reason

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PAGE = 4096
_LARGEST_ADDRESS = 2**64 - 1
_ASKED_BEFORE = 1 << 24
"""Bytes beyond which /proc is asked before memory is taken to read into."""


class Target(NamedTuple):
    """The process whose memory is meant.

    Attributes:
        pid: Its process id.
        call: The program's call, for messages.
        is_there: Says whether the process that is meant still has that id. Asked after something was read: then all of
            it was that process's.
    """

    pid: int
    call: str
    is_there: Callable[[], bool]

    def failure(self, status: Status, detail: str = "", *, advice: str | None = None) -> NtError:
        """Make the error."""
        return from_status(status, self.call, f"process {self.pid}", detail, advice=advice)

    def gone(self) -> NtError:
        """Make the error for a process that has ended."""
        return from_status(
            Status.PROCESS_IS_TERMINATING,
            self.call,
            f"process {self.pid}",
            problem="the process has ended",
            advice="Nothing of its memory is left",
            exception=NtError,
        )


def read(target: Target, pieces: Sequence[tuple[int, int]]) -> bytes:
    """Read addresses and sizes, one behind the other.

    Raises:
        NtError: Some of it cannot be read (299), or the process has ended.
        AccessDenied: Linux refuses.
        InvalidParameter: An address or a size is none.
    """
    total = 0
    for address, size in pieces:
        _check(target, address, size)
        total += size
    if total > _ASKED_BEFORE:
        for address, size in pieces:
            if is_allowed(target.pid, address, size, "r") is False:
                raise _unreadable(target, address, size)
    if not total:
        if not target.is_there():
            raise target.gone()
        return b""
    data, problem = _kernel.read_foreign(target.pid, pieces)
    if len(data) == total:
        if not target.is_there():
            raise target.gone()
        return data
    if problem not in (0, errno.EFAULT):
        raise _refused(target, problem)
    raise _unreadable(target, *_piece_at(pieces, len(data)))


def write(target: Target, pieces: Sequence[tuple[int, memoryview]]) -> None:
    """Write data to addresses, after a look whether all of it can be written.

    Raises:
        NtError: Some of it cannot be written (998), or the process has ended.
        AccessDenied: Linux refuses.
        InvalidParameter: An address is none.
    """
    sizes = [(address, data.nbytes) for address, data in pieces]
    for address, size in sizes:
        _check(target, address, size)
    pages = sum((address + size - 1) // _PAGE - address // _PAGE + 1 for address, size in sizes if size)
    if pages > 1:
        for address, size in sizes:
            if size and is_allowed(target.pid, address, size, "w") is False:
                raise _unwritable(target, address, size)
    if not target.is_there():
        raise target.gone()
    if not pages:
        return
    written, problem = _kernel.write_foreign(
        target.pid, [address for address, _ in pieces], tuple(data for _, data in pieces)
    )
    if written == sum(size for _, size in sizes):
        return
    if problem not in (0, errno.EFAULT):
        raise _refused(target, problem)
    if not written:
        raise _unwritable(target, *next(piece for piece in sizes if piece[1]))
    detail = f"{written:,} bytes were written before its memory changed"
    raise target.failure(Status.PARTIAL_COPY, detail)


def as_bytes(data: Buffer) -> memoryview:
    """Return what is to be written as bytes.

    Raises:
        TypeError: It is no buffer in one piece.
    """
    try:
        return memoryview(data).cast("B")
    except TypeError:
        raise TypeError(f"data must be bytes-like and in one piece, not {type(data).__name__}") from None


def _check(target: Target, address: int, size: int) -> None:
    if not 0 <= address <= _LARGEST_ADDRESS:
        raise target.failure(Status.INVALID_PARAMETER, f"an address is from 0 to 2**64 - 1, not {address}")
    if size < 0:
        raise target.failure(Status.INVALID_PARAMETER, f"a size is 0 or more, not {size}")
    if address + size > _LARGEST_ADDRESS:
        raise _unreadable(target, address, size)


def _piece_at(pieces: Sequence[tuple[int, int]], done: int) -> tuple[int, int]:
    """Return the piece in which the byte lies that could not be copied."""
    for address, size in pieces:
        if done < size:
            return address, size
        done -= size
    return pieces[-1]


def _unreadable(target: Target, address: int, size: int) -> NtError:
    return target.failure(Status.PARTIAL_COPY, f"not all of the {size:,} bytes at {address:#x} can be read; none was")


def _unwritable(target: Target, address: int, size: int) -> NtError:
    detail = f"not all of the {size:,} bytes at {address:#x} can be written; none was"
    return target.failure(Status.ACCESS_VIOLATION, detail)


def _refused(target: Target, problem: int) -> NtError:
    if problem == errno.ESRCH:
        return target.gone()
    if problem == errno.EPERM:
        advice = "See docs/other-memory.md for who may; a descendant, or root with CAP_SYS_PTRACE, as a rule may"
        return target.failure(Status.ACCESS_DENIED, f"Linux refuses: {reason(target.pid)}", advice=advice)
    if problem == errno.ENOSYS:
        return target.failure(Status.NOT_SUPPORTED, "this Linux has no process_vm_readv")
    return target.failure(Status.INSUFFICIENT_RESOURCES, errno.errorcode.get(problem, str(problem)))

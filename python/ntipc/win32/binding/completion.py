"""Completion ports by handles.

>>> port = CreateIoCompletionPort(-1, None, 0, 0)
>>> PostQueuedCompletionStatus(port, 5, 99)
>>> GetQueuedCompletionStatus(port, 0)
(0, 5, 99, None)
>>> GetQueuedCompletionStatus(port, 0)
(258, 0, 0, None)
"""

from __future__ import annotations

import os
from operator import index
from typing import Any, Final

from ntipc.errors import NtError, Status, from_status
from ntipc.overlapped.files import FileObject
from ntipc.overlapped.ports import CompletionPort, Packet
from ntipc.win32.binding.arguments import DWORD, seconds_of
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.overlapped import OVERLAPPED, overlapped_or_none
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle, number_of, object_of, object_of_kind
from ntipc.win32.binding.transfers import Lost

_INVALID: Final = (-1, 0xFFFF_FFFF, 2**64 - 1)
_WAIT_TIMEOUT: Final = 258
_ABANDONED: Final = 735


def CreateIoCompletionPort(
    handle: HandleLike, existing: HandleLike, completionKey: int, numThreads: int, /
) -> HandleLike:
    """Make a completion port, or have the operations of a handle told of at one.

    Args:
        handle: INVALID_HANDLE_VALUE, or the handle.
        existing: The port, or ``None`` for a new one.
        completionKey: The number that the port reports with each operation of the handle.
        numThreads: Without effect: all threads may run.

    Returns:
        A new handle, or what was given for ``existing``.

    Source:
        CreateIoCompletionPort (Win32).
    """
    key = index(completionKey)
    index(numThreads)
    try:
        if number_of(handle) in _INVALID:
            if number_of(existing):
                raise from_status(Status.INVALID_PARAMETER, "CreateIoCompletionPort")
            return new_handle(CompletionPort())
        made = None if number_of(existing) else new_handle(CompletionPort())
        port = object_of_kind(made if made is not None else existing, CompletionPort)
        _associate(handle, port, key)
    except NtError as problem:
        raise failed(problem, "CreateIoCompletionPort") from None
    return existing if made is None else made


def _associate(handle: HandleLike, port: CompletionPort, key: int) -> None:
    try:
        file = object_of(handle)
    except NtError:
        os_handle = number_of(handle)  # of a socket, whose number is that of its descriptor
        try:
            os.fstat(os_handle)
        except (OSError, OverflowError):
            raise from_status(Status.INVALID_HANDLE, "CreateIoCompletionPort") from None
        return
    if isinstance(file, FileObject):
        if file.port is not None:
            raise from_status(Status.INVALID_PARAMETER, "CreateIoCompletionPort", "", "the file has a port")
        file.port, file.key = port, key


def GetQueuedCompletionStatus(hPort: HandleLike, timeOut: int, /) -> tuple[int, int, int, Any]:
    """Take the report of the next operation that is done.

    Returns:
        A code, the bytes, the key of the handle, and the overlapped; 258, 0, 0 and ``None`` if the time runs out.

    Raises:
        RuntimeError: The program has let the overlapped go.

    Source:
        GetQueuedCompletionStatus (Win32).
    """
    seconds = seconds_of(timeOut)
    try:
        packet = object_of_kind(hPort, CompletionPort).get(seconds)
    except NtError as problem:
        code = problem.winerror
        last.code = code
        return code, 0, 0, None
    if packet is None:
        last.code = _WAIT_TIMEOUT
        return _WAIT_TIMEOUT, 0, 0, None
    if packet.overlapped is Lost:
        raise RuntimeError("This overlapped object has lost all its references so was destroyed")
    if packet.winerror:
        last.code = packet.winerror
    return packet.winerror, packet.size, packet.key, packet.overlapped


def PostQueuedCompletionStatus(
    handle: HandleLike, numberOfbytes: int = 0, completionKey: int = 0, overlapped: OVERLAPPED | None = None, /
) -> None:
    """Tell of an operation at a port, as if it were done.

    Source:
        PostQueuedCompletionStatus (Win32).
    """
    packet = Packet(index(numberOfbytes) & DWORD, index(completionKey), overlapped_or_none(overlapped))
    try:
        object_of_kind(handle, CompletionPort).post(packet)
    except NtError as problem:
        raise failed(problem, "PostQueuedCompletionStatus") from None


__all__ = ["CreateIoCompletionPort", "GetQueuedCompletionStatus", "PostQueuedCompletionStatus", "PyHANDLE", "failure"]

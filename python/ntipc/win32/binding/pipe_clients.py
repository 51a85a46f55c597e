"""The client's side of named pipes: waiting for an instance, and all of one call at once."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Final

from ntipc.errors import NtError, ObjectNotFound, PipeBusy
from ntipc.objects.devices import Location
from ntipc.pipes.client_end import ClientEnd, default_wait, wait_for_instance
from ntipc.pipes.settings import PipeAccess
from ntipc.win32.binding.arguments import DWORD, text
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.pipe_servers import LONGEST_WAIT, located

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MORE_DATA: Final = 234
_SEM_TIMEOUT: Final = 121


def WaitNamedPipe(pipeName: str, timeout: int, /) -> None:
    """Wait until an instance of a pipe is free.

    Args:
        pipeName: The name.
        timeout: Milliseconds; NMPWAIT_USE_DEFAULT_WAIT for what the pipe's maker has said, NMPWAIT_WAIT_FOREVER.

    Raises:
        error: There is no such pipe (2), or no instance was free in time (121).

    Source:
        WaitNamedPipe (Win32).
    """
    name, milliseconds = text(pipeName), index(timeout) & DWORD
    try:
        if not _free_instance(located(name, "WaitNamedPipe"), milliseconds, "WaitNamedPipe"):
            raise failure(_SEM_TIMEOUT, "WaitNamedPipe")
    except NtError as problem:
        raise failed(problem, "WaitNamedPipe") from None


def _free_instance(location: Location, milliseconds: int, call: str) -> bool:
    attachment = location.attachment()._native
    seconds: float | None = milliseconds / 1000
    if milliseconds == 0:
        seconds = default_wait(location, attachment, operation=call)
    if milliseconds == DWORD or (seconds is not None and seconds >= LONGEST_WAIT):
        seconds = None
    return wait_for_instance(location, attachment, seconds, operation=call)


def CallNamedPipe(pipeName: str, data: Buffer, bufSize: int, timeOut: int, /) -> bytes:
    """Connect to a pipe, write a message, read the one that answers it, and close the pipe.

    Args:
        pipeName: The name of a pipe of message type.
        data: The message.
        bufSize: How many bytes of the answer at most.
        timeOut: Milliseconds to wait for a free instance, as for :func:`WaitNamedPipe`.

    Raises:
        error: There is no such pipe (2), no instance was free in time (121), or the answer is longer (234).

    Source:
        CallNamedPipe (Win32).
    """
    name, size, milliseconds = text(pipeName), index(bufSize), index(timeOut) & DWORD
    message = memoryview(data).cast("B") if not isinstance(data, (bytes, bytearray)) else data
    try:
        location = located(name, "CallNamedPipe")
        end = _connected(location, milliseconds)
        try:
            answer, left = end.transact(message, size, None, operation="CallNamedPipe")
        finally:
            end.close()
    except NtError as problem:
        raise failed(problem, "CallNamedPipe") from None
    if left:
        raise failure(_MORE_DATA, "CallNamedPipe")
    return answer


def _connected(location: Location, milliseconds: int) -> ClientEnd:
    call = "CallNamedPipe"
    both = PipeAccess.READ | PipeAccess.WRITE
    while True:
        try:
            return ClientEnd.open(location, location.attachment()._native, both, 0, message_reads=True, operation=call)
        except PipeBusy:
            try:
                if not _free_instance(location, milliseconds, call):
                    raise failure(_SEM_TIMEOUT, call) from None
            except ObjectNotFound as gone:
                raise failed(gone, call) from None

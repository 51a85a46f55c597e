"""The server's side of named pipes: instances, clients that come and go."""

from __future__ import annotations

from operator import index
from typing import Final

from ntipc import _kernel
from ntipc.errors import InvalidPipeState, NtError, Status, from_status
from ntipc.objects.devices import Location, locate_pipe
from ntipc.overlapped import blocking
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Connect
from ntipc.pipes.offers import PipeName
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import DIRECTIONS, PipeAccess, Settings
from ntipc.win32.binding.arguments import DWORD, text
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.overlapped import OVERLAPPED, overlapped_or_none
from ntipc.win32.binding.paths import classify
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle
from ntipc.win32.binding.security import SecurityAttributes, inherits
from ntipc.win32.binding.transfers import begin, pipe_or_failure

PATIENCE = 0.05
"""Seconds in which an instance of a server that was killed a moment ago counts no more."""
LONGEST_WAIT: Final = (DWORD - 1) / 1000
"""Seconds of the longest wait that is not one for ever."""
_NOWAIT, _READMODE_MESSAGE, _TYPE_MESSAGE, _REJECT_REMOTE = 1, 2, 4, 8
_OVERLAPPED, _FIRST_INSTANCE, _WRITE_THROUGH = 0x4000_0000, 0x0008_0000, 0x8000_0000
_RIGHTS_IN_OPEN_MODE: Final = 0x0004_0000 | 0x0008_0000 | 0x0100_0000
_DIRECTION_OF: Final = {int(access): direction for direction, access in DIRECTIONS.items()}
_UNLIMITED: Final = 255
_PIPE_CONNECTED: Final = 535


def located(name: str, call: str) -> Location:
    """Return which pipe a path of Windows means.

    Raises:
        NtError: It is not the path of a pipe.
    """
    kind, path = classify(name)
    if kind != "pipe":
        raise from_status(Status.OBJECT_NAME_INVALID, call, "", r"the name of a pipe begins with \\.\pipe" "\\")
    return locate_pipe(path)


def CreateNamedPipe(
    pipeName: str,
    openMode: int,
    pipeMode: int,
    nMaxInstances: int,
    nOutBufferSize: int,
    nInBufferSize: int,
    nDefaultTimeOut: int,
    sa: SecurityAttributes | None,
    /,
) -> PyHANDLE:
    """Create an instance of a pipe, which listens at once.

    Args:
        pipeName: The name.
        openMode: PIPE_ACCESS_DUPLEX, PIPE_ACCESS_INBOUND or PIPE_ACCESS_OUTBOUND, and FILE_FLAG_OVERLAPPED,
            FILE_FLAG_FIRST_PIPE_INSTANCE.
        pipeMode: PIPE_TYPE_MESSAGE, PIPE_READMODE_MESSAGE, PIPE_NOWAIT.
        nMaxInstances: How many instances there may be at a time, PIPE_UNLIMITED_INSTANCES for any number.
        nOutBufferSize: Bytes that may be written before a write waits.
        nInBufferSize: The same for clients.
        nDefaultTimeOut: Milliseconds that clients wait for an instance if they do not say.
        sa: Whether the handle is inherited.

    Source:
        CreateNamedPipe (Win32).
    """
    name, open_mode, mode = text(pipeName), index(openMode) & DWORD, index(pipeMode) & DWORD
    quotas = index(nInBufferSize) & DWORD, index(nOutBufferSize) & DWORD
    wait = min((index(nDefaultTimeOut) & DWORD) / 1000, LONGEST_WAIT)
    last.code = 0
    try:
        file = _instance(located(name, "CreateNamedPipe"), open_mode, mode, index(nMaxInstances), quotas, wait)
    except NtError as problem:
        raise failed(problem, "CreateNamedPipe") from None
    if sa is not None:
        file.inheritable = inherits(sa)
    return new_handle(file)


def _instance(
    location: Location, open_mode: int, mode: int, instances: int, quotas: tuple[int, int], wait: float
) -> PipeFile:
    call = "CreateNamedPipe"
    known = 3 | _OVERLAPPED | _FIRST_INSTANCE | _WRITE_THROUGH | _RIGHTS_IN_OPEN_MODE
    message, reads = bool(mode & _TYPE_MESSAGE), bool(mode & _READMODE_MESSAGE)
    bad_mode = mode & ~(_NOWAIT | _READMODE_MESSAGE | _TYPE_MESSAGE | _REJECT_REMOTE) or (reads and not message)
    if bad_mode or open_mode & ~known or not open_mode & 3 or not 0 < instances <= _UNLIMITED:
        raise from_status(Status.INVALID_PARAMETER, call)
    direction = _DIRECTION_OF[open_mode & 3]
    settings = Settings.checked(location.name, direction, "message" if message else "byte", instances, wait)
    hold = PipeName(location, location.attachment()._native, settings, _kernel.OPEN_OR_CREATE)
    try:
        end = ServerEnd(hold, settings, *quotas, message_reads=reads, patience=PATIENCE)
        if open_mode & _FIRST_INSTANCE and not hold.created:
            end.close()
            raise from_status(Status.ACCESS_DENIED, call, "", "the pipe has an instance already")
        if mode & _NOWAIT:
            end.set_state(nowait=True)
    except BaseException:
        hold.close()
        raise
    end.may_ask, end.may_change = PipeAccess.READ in DIRECTIONS[direction], PipeAccess.WRITE in DIRECTIONS[direction]
    return PipeFile(end, overlapped=bool(open_mode & _OVERLAPPED), name=hold)


def ConnectNamedPipe(hPipe: HandleLike, overlapped: OVERLAPPED | None = None, /) -> int:
    """Wait until a client is connected to an instance.

    Returns:
        0; 535 if a client was connected already; 997 if the wait goes on.

    Source:
        ConnectNamedPipe (Win32).
    """
    file, kept = pipe_or_failure(hPipe, "ConnectNamedPipe"), overlapped_or_none(overlapped)
    end = file.end
    try:
        if not isinstance(end, ServerEnd):
            raise from_status(Status.ILLEGAL_FUNCTION, "ConnectNamedPipe")
        if kept is None or not file.overlapped or end.nowait:
            blocking.connect(file, end, "ConnectNamedPipe")
            return 0
        try:
            end.connect(0, operation="ConnectNamedPipe")  # which has it listen, if it does not
        except InvalidPipeState:
            raise
        except NtError as problem:
            if problem.status != Status.TIMEOUT:
                raise
        return begin(file, Connect(end), kept, "ConnectNamedPipe")
    except NtError as problem:
        if problem.winerror == _PIPE_CONNECTED:
            last.code = _PIPE_CONNECTED
            return _PIPE_CONNECTED
        raise failed(problem, "ConnectNamedPipe") from None


def DisconnectNamedPipe(hFile: HandleLike, /) -> None:
    """Part from the client of an instance; what has not been read is thrown away.

    Source:
        DisconnectNamedPipe (Win32).
    """
    end = pipe_or_failure(hFile, "DisconnectNamedPipe").end
    try:
        if not isinstance(end, ServerEnd):
            raise from_status(Status.ILLEGAL_FUNCTION, "DisconnectNamedPipe")
        end.disconnect(operation="DisconnectNamedPipe")
    except NtError as problem:
        raise failed(problem, "DisconnectNamedPipe") from None

r"""Named and anonymous pipes, as pywin32's ``win32pipe`` has them.

>>> from ntipc.win32 import win32file, win32pipe
>>> mode = win32pipe.PIPE_TYPE_MESSAGE | win32pipe.PIPE_READMODE_MESSAGE | win32pipe.PIPE_WAIT
>>> server = win32pipe.CreateNamedPipe(
...     r"\\.\pipe\docs", win32pipe.PIPE_ACCESS_DUPLEX, mode, 1, 65536, 65536, 0, None)
>>> access = win32file.GENERIC_READ | win32file.GENERIC_WRITE
>>> client = win32file.CreateFile(r"\\.\pipe\docs", access, 0, None, win32file.OPEN_EXISTING, 0, None)
>>> win32pipe.ConnectNamedPipe(server, None)
535
>>> win32file.WriteFile(client, b"hello"), win32file.ReadFile(server, 4096)
((0, 5), (0, b'hello'))
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ntipc import _kernel
from ntipc.errors import InvalidPipeState, NtError, ObjectNotFound, PipeBusy, Status, from_status
from ntipc.objects.devices import Location, locate_pipe
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Connect
from ntipc.pipes.anonymous import DEFAULT_QUOTA, create_pipe
from ntipc.pipes.client_end import ClientEnd, default_wait, wait_for_instance
from ntipc.pipes.offers import PipeName
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import DIRECTIONS, PipeAccess, Settings
from ntipc.win32.binding import tables
from ntipc.win32.binding.arguments import DWORD, text
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.failures import failed, failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.overlapped import OVERLAPPED, overlapped_or_none
from ntipc.win32.binding.paths import classify
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle
from ntipc.win32.binding.security import SecurityAttributes, inherits
from ntipc.win32.binding.transfers import GetOverlappedResult as GetOverlappedResult
from ntipc.win32.binding.transfers import TransactNamedPipe as TransactNamedPipe
from ntipc.win32.binding.transfers import begin, pipe_or_failure

if TYPE_CHECKING:
    from typing_extensions import Buffer

__getattr__ = tables.lookup(__name__)

PATIENCE = 0.05
"""Seconds in which an instance of a server that was killed a moment ago counts no more."""
_NOWAIT, _READMODE_MESSAGE, _TYPE_MESSAGE, _REJECT_REMOTE = 1, 2, 4, 8
_SERVER_END: Final = 1
_OVERLAPPED, _FIRST_INSTANCE, _WRITE_THROUGH = 0x4000_0000, 0x0008_0000, 0x8000_0000
_RIGHTS_IN_OPEN_MODE: Final = 0x0004_0000 | 0x0008_0000 | 0x0100_0000
_DIRECTION_OF: Final = {int(access): direction for direction, access in DIRECTIONS.items()}
_UNLIMITED: Final = 255
_PIPE_CONNECTED: Final = 535
_MORE_DATA: Final = 234
_SEM_TIMEOUT: Final = 121
_LONGEST_WAIT: Final = (DWORD - 1) / 1000


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
    wait = min((index(nDefaultTimeOut) & DWORD) / 1000, _LONGEST_WAIT)
    last.code = 0
    try:
        file = _instance(_located(name, "CreateNamedPipe"), open_mode, mode, index(nMaxInstances), quotas, wait)
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


def _located(name: str, call: str) -> Location:
    kind, path = classify(name)
    if kind != "pipe":
        raise from_status(Status.OBJECT_NAME_INVALID, call, "", r"the name of a pipe begins with \\.\pipe" "\\")
    return locate_pipe(path)


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
            end.connect(operation="ConnectNamedPipe")
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
        if not _free_instance(_located(name, "WaitNamedPipe"), milliseconds, "WaitNamedPipe"):
            raise failure(_SEM_TIMEOUT, "WaitNamedPipe")
    except NtError as problem:
        raise failed(problem, "WaitNamedPipe") from None


def _free_instance(location: Location, milliseconds: int, call: str) -> bool:
    attachment = location.attachment()._native
    seconds: float | None = milliseconds / 1000
    if milliseconds == 0:
        seconds = default_wait(location, attachment, operation=call)
    if milliseconds == DWORD or (seconds is not None and seconds >= _LONGEST_WAIT):
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
        location = _located(name, "CallNamedPipe")
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


def PeekNamedPipe(hPipe: HandleLike, bufSize: int, /) -> tuple[bytes, int, int]:
    """Look at what waits in a pipe, and leave it there.

    Returns:
        Data of up to ``bufSize`` bytes, how many bytes wait in all, and how many are left of the first message.

    Source:
        PeekNamedPipe (Win32).
    """
    file, size = pipe_or_failure(hPipe, "PeekNamedPipe"), index(bufSize)
    try:
        seen = file.end.peek(size, operation="PeekNamedPipe")
    except NtError as problem:
        raise failed(problem, "PeekNamedPipe") from None
    # Of a pipe of byte type NT tells what is left of no message: minus the bytes that were copied.
    return seen.data, seen.available, seen.left if file.end.settings.is_message else -len(seen.data)


def SetNamedPipeHandleState(
    hPipe: HandleLike, Mode: int | None, MaxCollectionCount: int | None, CollectDataTimeout: int | None, /
) -> None:
    """Change how an end reads and waits.

    Args:
        hPipe: The end.
        Mode: PIPE_READMODE_MESSAGE, PIPE_NOWAIT; ``None`` to leave it.
        MaxCollectionCount: Without effect on one machine.
        CollectDataTimeout: Without effect on one machine.

    Source:
        SetNamedPipeHandleState (Win32).
    """
    for value in (Mode, MaxCollectionCount, CollectDataTimeout):
        if value is not None:
            index(value)
    end = pipe_or_failure(hPipe, "SetNamedPipeHandleState").end
    try:
        if Mode is None:
            end.set_state(operation="SetNamedPipeHandleState")
            return
        mode = Mode & DWORD
        if mode & ~(_NOWAIT | _READMODE_MESSAGE):
            raise from_status(Status.INVALID_PARAMETER, "SetNamedPipeHandleState")
        reads = bool(mode & _READMODE_MESSAGE)
        end.set_state(message_reads=reads, nowait=bool(mode & _NOWAIT), operation="SetNamedPipeHandleState")
    except NtError as problem:
        raise failed(problem, "SetNamedPipeHandleState") from None


def GetNamedPipeHandleState(
    hPipe: HandleLike, bGetCollectionData: int = 0, bGetUserName: int = 0, /
) -> tuple[int, int, int | None, int | None, str]:
    """Tell how an end reads and waits, and how many instances the pipe has.

    Returns:
        The mode, the instances, twice ``None`` or 0, and the name of the client's user if it is asked for.

    Source:
        GetNamedPipeHandleState (Win32).
    """
    end = pipe_or_failure(hPipe, "GetNamedPipeHandleState").end
    try:
        mode = (_NOWAIT if end.nowait else 0) | (_READMODE_MESSAGE if end.message_reads else 0)
        instances = end.instances()
        collection = 0 if bGetCollectionData else None
        return mode, instances, collection, collection, _user_of(end.peer.uid) if bGetUserName else ""
    except NtError as problem:
        raise failed(problem, "GetNamedPipeHandleState") from None


def _user_of(uid: int | None) -> str:
    import pwd

    try:
        return "" if uid is None else pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def GetNamedPipeInfo(hNamedPipe: HandleLike, /) -> list[int]:
    """Tell what a pipe is: flags, bytes of the two buffers, out and in, and how many instances there may be.

    Source:
        GetNamedPipeInfo (Win32).
    """
    end = pipe_or_failure(hNamedPipe, "GetNamedPipeInfo").end
    try:
        known = end.info()
    except NtError as problem:
        raise failed(problem, "GetNamedPipeInfo") from None
    flags = (_SERVER_END if known.server else 0) | (_TYPE_MESSAGE if known.mode == "message" else 0)
    quotas = [known.out_quota, known.in_quota] if known.server else [known.in_quota, known.out_quota]
    return [flags, *quotas, known.max_instances or _UNLIMITED]


def GetNamedPipeClientProcessId(hPipe: HandleLike, /) -> int:
    """Return the process id of the client.

    Source:
        GetNamedPipeClientProcessId (Win32).
    """
    return _pid(hPipe, "GetNamedPipeClientProcessId", of_server=False)


def GetNamedPipeServerProcessId(hPipe: HandleLike, /) -> int:
    """Return the process id of the server.

    Source:
        GetNamedPipeServerProcessId (Win32).
    """
    return _pid(hPipe, "GetNamedPipeServerProcessId", of_server=True)


def _pid(handle: HandleLike, call: str, *, of_server: bool) -> int:
    import os

    end = pipe_or_failure(handle, call).end
    if end.is_server == of_server:
        return os.getpid()
    try:
        end.state  # noqa: B018 - notices a client that has come
        pid = end.peer.pid
    except NtError as problem:
        raise failed(problem, call) from None
    if not pid:
        raise failure(233 if end.is_server else 232, call)
    return pid


def GetNamedPipeClientSessionId(hPipe: HandleLike, /) -> int:
    """Return the number of the client's session, which is 1: that of the user.

    Source:
        GetNamedPipeClientSessionId (Win32).
    """
    _pid(hPipe, "GetNamedPipeClientSessionId", of_server=False)
    return 1


def GetNamedPipeServerSessionId(hPipe: HandleLike, /) -> int:
    """Return the number of the server's session, which is 1: that of the user.

    Source:
        GetNamedPipeServerSessionId (Win32).
    """
    _pid(hPipe, "GetNamedPipeServerSessionId", of_server=True)
    return 1


def CreatePipe(sa: SecurityAttributes | None, nSize: int, /) -> tuple[PyHANDLE, PyHANDLE]:
    """Create a pipe without a name; the end that reads and the one that writes.

    Source:
        CreatePipe (Win32).
    """
    size = index(nSize) & DWORD
    last.code = 0
    try:
        reader, writer = create_pipe(size or DEFAULT_QUOTA)
    except NtError as problem:
        raise failed(problem, "CreatePipe") from None
    files = PipeFile(reader._end), PipeFile(writer._end)
    if sa is not None:
        for file in files:
            file.inheritable = inherits(sa)
    return new_handle(files[0]), new_handle(files[1])


def ImpersonateNamedPipeClient(handle: HandleLike, /) -> None:
    """Return at once: Linux has no impersonation, and the client's user is told by GetNamedPipeHandleState.

    Source:
        ImpersonateNamedPipeClient (Win32).

    Differs:
        The thread goes on as the user of its process.
    """
    pipe_or_failure(handle, "ImpersonateNamedPipeClient")


def _not_available(*arguments: Any) -> NoReturn:
    raise NotImplementedError("not available in py3k")


popen = popen2 = popen3 = popen4 = _not_available

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

import os
from operator import index
from typing import Any, Final, NoReturn

from ntipc.errors import NtError, Status, from_status
from ntipc.overlapped.disk import FILE_TYPE_PIPE, DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.pipes.anonymous import DEFAULT_QUOTA, create_pipe
from ntipc.pipes.settings import PipeState
from ntipc.session.names import SESSION_NUMBER
from ntipc.win32.binding import tables
from ntipc.win32.binding.arguments import DWORD
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.pipe_clients import CallNamedPipe as CallNamedPipe
from ntipc.win32.binding.pipe_clients import WaitNamedPipe as WaitNamedPipe
from ntipc.win32.binding.pipe_servers import ConnectNamedPipe as ConnectNamedPipe
from ntipc.win32.binding.pipe_servers import CreateNamedPipe as CreateNamedPipe
from ntipc.win32.binding.pipe_servers import DisconnectNamedPipe as DisconnectNamedPipe
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle
from ntipc.win32.binding.security import SecurityAttributes, inherits
from ntipc.win32.binding.transfers import GetOverlappedResult as GetOverlappedResult
from ntipc.win32.binding.transfers import TransactNamedPipe as TransactNamedPipe
from ntipc.win32.binding.transfers import object_or_failure, pipe_or_failure

__getattr__ = tables.lookup(__name__)

_NOWAIT, _READMODE_MESSAGE, _TYPE_MESSAGE = 1, 2, 4
_SERVER_END: Final = 1
_UNLIMITED: Final = 255


def PeekNamedPipe(hPipe: HandleLike, bufSize: int, /) -> tuple[bytes, int, int]:
    """Look at what waits in a pipe, and leave it there.

    Returns:
        Data of up to ``bufSize`` bytes, how many bytes wait in all, and how many are left of the first message.

    Source:
        PeekNamedPipe (Win32).
    """
    size = index(bufSize)
    thing = object_or_failure(hPipe, "PeekNamedPipe")
    if isinstance(thing, DiskFile) and thing.type == FILE_TYPE_PIPE:  # a standard stream, or one of a child
        return _peek_at_descriptor(thing, size)
    file = pipe_or_failure(hPipe, "PeekNamedPipe")
    try:
        seen = file.end.peek(size, operation="PeekNamedPipe")
    except NtError as problem:
        raise failed(problem, "PeekNamedPipe") from None
    # Of a pipe of byte type NT tells what is left of no message: minus the bytes that were copied.
    return seen.data, seen.available, seen.left if file.end.settings.is_message else -len(seen.data)


def _peek_at_descriptor(file: DiskFile, size: int) -> tuple[bytes, int, int]:
    try:
        data = file.peek(size)
        return data, file.waiting(), -len(data)
    except OSError as problem:
        raise linux_failure(problem, "PeekNamedPipe") from None


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
    end = pipe_or_failure(handle, call).end
    try:
        state = end.state  # which notices a client that has come
        if state == PipeState.DISCONNECTED and not end.is_server:
            raise failure(233, call)
        pid = os.getpid() if end.is_server == of_server else end.peer.pid
    except NtError as problem:
        raise failed(problem, call) from None
    if not pid or (state == PipeState.DISCONNECTED and not of_server):
        raise failure(1168, call)
    return pid


def GetNamedPipeClientSessionId(hPipe: HandleLike, /) -> int:
    """Return the number of the client's session, which is 1: that of the user.

    Source:
        GetNamedPipeClientSessionId (Win32).
    """
    _pid(hPipe, "GetNamedPipeClientSessionId", of_server=False)
    return SESSION_NUMBER


def GetNamedPipeServerSessionId(hPipe: HandleLike, /) -> int:
    """Return the number of the server's session, which is 1: that of the user.

    Source:
        GetNamedPipeServerSessionId (Win32).
    """
    _pid(hPipe, "GetNamedPipeServerSessionId", of_server=True)
    return SESSION_NUMBER


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


def FdCreatePipe(sa: SecurityAttributes | None, nSize: int, mode: int, /) -> tuple[int, int]:
    """Create a pipe of Linux; the descriptor that reads and the one that writes.

    Source:
        FdCreatePipe (pywin32).
    """
    reader, writer = os.pipe()
    if sa is not None and inherits(sa):
        os.set_inheritable(reader, True)
        os.set_inheritable(writer, True)
    return reader, writer


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

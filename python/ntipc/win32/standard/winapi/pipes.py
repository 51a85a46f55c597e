"""Pipes and files of ``_winapi``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ntipc.win32 import win32pipe
from ntipc.win32.binding import disk_calls, opening, pipe_clients, pipe_servers, streams, transfers
from ntipc.win32.standard.winapi.calls import index, security, windows_call, windows_error
from ntipc.win32.standard.winapi.overlapped import Overlapped

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PIPE_CONNECTED: Final = 535


@windows_call
def CreateFile(
    file_name: str,
    desired_access: int,
    share_mode: int,
    security_attributes: int | None,
    creation_disposition: int,
    flags_and_attributes: int,
    template_file: int,
    /,
) -> int:
    """Open a pipe, a mailslot or a file. Returns a handle.

    Source:
        CreateFile (Win32).
    """
    index(template_file)
    return opening.opened_file(
        "CreateFile",
        file_name,
        desired_access,
        share_mode,
        security(security_attributes),
        creation_disposition,
        flags_and_attributes,
    ).Detach()


@windows_call
def CreateNamedPipe(
    name: str,
    open_mode: int,
    pipe_mode: int,
    max_instances: int,
    out_buffer_size: int,
    in_buffer_size: int,
    default_timeout: int,
    security_attributes: int | None,
    /,
) -> int:
    """Create an instance of a pipe, which listens at once. Returns a handle.

    Source:
        CreateNamedPipe (Win32).
    """
    return pipe_servers.CreateNamedPipe(
        name,
        open_mode,
        pipe_mode,
        max_instances,
        out_buffer_size,
        in_buffer_size,
        default_timeout,
        security(security_attributes),
    ).Detach()


@windows_call
def ConnectNamedPipe(handle: int, overlapped: bool = False) -> Overlapped | None:
    """Wait until a client is connected to an instance, or begin to.

    Args:
        handle: The instance.
        overlapped: Whether to return at once with an object for the wait.

    Raises:
        OSError: It has failed; without ``overlapped`` also if a client was connected already (535).

    Source:
        ConnectNamedPipe (Win32).
    """
    number = index(handle)
    if not overlapped:
        if pipe_servers.ConnectNamedPipe(number) == _PIPE_CONNECTED:
            raise windows_error(_PIPE_CONNECTED)
        return None
    connecting = Overlapped(number)
    code = connecting._begun(pipe_servers.ConnectNamedPipe(number, connecting._overlapped))
    if code != transfers.IO_PENDING:
        from ntipc.win32 import win32event

        win32event.SetEvent(connecting.event)
    return connecting


@windows_call
def CreatePipe(pipe_attrs: object, size: int, /) -> tuple[int, int]:
    """Create a pipe without a name. Returns the handles of the end that reads and of the one that writes.

    Source:
        CreatePipe (Win32).
    """
    reader, writer = win32pipe.CreatePipe(None, size)
    return reader.Detach(), writer.Detach()


@windows_call
def ReadFile(handle: int, size: int, overlapped: bool = False) -> tuple[bytes | Overlapped, int]:
    """Read from a pipe, a mailslot or a file.

    Args:
        handle: The handle.
        size: How many bytes at most.
        overlapped: Whether to return at once with an object for the operation.

    Returns:
        The data, or the object for the operation; and the code: 0, 234 if a part of the message is left, 997 if the
        operation goes on.

    Source:
        ReadFile (Win32).
    """
    number, most = index(handle), index(size)
    if most < 0:
        raise ValueError("negative size")
    if not overlapped:
        code, data = transfers.ReadFile(number, most)
        return bytes(data), code
    memory = memoryview(bytearray(most))
    reading = Overlapped(number, memory)
    return reading, reading._begun(transfers.ReadFile(number, memory, reading._overlapped)[0])


@windows_call
def WriteFile(handle: int, buffer: Buffer, overlapped: bool = False) -> tuple[int | Overlapped, int]:
    """Write to a pipe, a mailslot or a file.

    Args:
        handle: The handle.
        buffer: The bytes.
        overlapped: Whether to return at once with an object for the operation.

    Returns:
        How many bytes were written, or the object for the operation; and the code: 0, or 997 if it goes on.

    Source:
        WriteFile (Win32).
    """
    number = index(handle)
    with memoryview(buffer) as view:
        if not overlapped:
            code, written = transfers.WriteFile(number, view)
            return written, code
        writing = Overlapped(number)
        data = bytes(view)  # which the program may change while the operation goes on
        return writing, writing._begun(transfers.WriteFile(number, data, writing._overlapped)[0])


@windows_call
def PeekNamedPipe(handle: int, size: int = 0, /) -> tuple[int, int] | tuple[bytes, int, int]:
    """Look at what waits in a pipe, and leave it there.

    Returns:
        How many bytes wait in all, and how many are left of the first message; before these, with a size, the data.

    Source:
        PeekNamedPipe (Win32).
    """
    number, most = index(handle), index(size)
    if most < 0:
        raise ValueError("negative size")
    data, available, left = win32pipe.PeekNamedPipe(number, most)
    return (data, available, max(left, 0)) if most else (available, max(left, 0))


@windows_call
def SetNamedPipeHandleState(
    named_pipe: int, mode: int | None, max_collection_count: int | None, collect_data_timeout: int | None, /
) -> None:
    """Change how an end reads and waits.

    Source:
        SetNamedPipeHandleState (Win32).
    """
    win32pipe.SetNamedPipeHandleState(index(named_pipe), mode, max_collection_count, collect_data_timeout)


@windows_call
def WaitNamedPipe(name: str, timeout: int, /) -> None:
    """Wait until an instance of a pipe is free.

    Raises:
        OSError: There is no such pipe (2), or no instance was free in time (121).

    Source:
        WaitNamedPipe (Win32).
    """
    pipe_clients.WaitNamedPipe(name, timeout)


@windows_call
def GetFileType(handle: int) -> int:
    """Say whether a handle leads to a file (1), a terminal or device (2), or a pipe (3).

    Source:
        GetFileType (Win32).
    """
    return disk_calls.GetFileType(index(handle))


@windows_call
def GetStdHandle(std_handle: int, /) -> int | None:
    """Return a handle for a standard stream; ``None`` if there is none.

    Source:
        GetStdHandle (Win32).
    """
    number = index(std_handle) & 0xFFFF_FFFF
    try:
        return streams.GetStdHandle(number - 2**32).Detach()
    except OSError:
        return None  # the descriptor is closed


__all__ = [
    "ConnectNamedPipe",
    "CreateFile",
    "CreateNamedPipe",
    "CreatePipe",
    "GetFileType",
    "GetStdHandle",
    "Overlapped",
    "PeekNamedPipe",
    "ReadFile",
    "SetNamedPipeHandleState",
    "WaitNamedPipe",
    "WriteFile",
]

r"""Named pipes: NtCreateNamedPipeFile, and NtFsControlFile to listen, peek, transceive, wait and disconnect.

>>> from ntipc.ntdll.attributes import OBJECT_ATTRIBUTES
>>> name = OBJECT_ATTRIBUTES(r"\??\pipe\docs")
>>> made = NtCreateNamedPipeFile(
...     GENERIC_READ | GENERIC_WRITE, name, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE,
...     FILE_SYNCHRONOUS_IO_NONALERT, FILE_PIPE_MESSAGE_TYPE, FILE_PIPE_MESSAGE_MODE, 0, 1, 4096, 4096, -500_000)
>>> client = NtOpenFile(GENERIC_READ | GENERIC_WRITE, name, 0, FILE_SYNCHRONOUS_IO_NONALERT).handle
>>> block, buffer = IO_STATUS_BLOCK(), bytearray(100)
>>> NtFsControlFile(made.handle, 0, None, None, block, FSCTL_PIPE_LISTEN)
STATUS_PIPE_CONNECTED
>>> NtWriteFile(client, 0, None, None, block, b"hello"), NtReadFile(made.handle, 0, None, None, block, buffer)
(STATUS_SUCCESS, STATUS_SUCCESS)
>>> bytes(buffer[:block.Information])
b'hello'
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ntipc.errors import InvalidPipeState, NtError, Status
from ntipc.ntdll.attributes import OBJ_INHERIT, OBJECT_ATTRIBUTES
from ntipc.ntdll.files import (
    FILE_CREATE,
    FILE_OPEN,
    FILE_OPEN_IF,
    FILE_READ_ATTRIBUTES,
    FILE_SHARE_READ,
    FILE_SHARE_WRITE,
    FILE_WRITE_ATTRIBUTES,
    PipeDevice,
    alertable,
    device_of,
    synchronous,
)
from ntipc.ntdll.files import FILE_SYNCHRONOUS_IO_NONALERT as FILE_SYNCHRONOUS_IO_NONALERT
from ntipc.ntdll.files import NtOpenFile as NtOpenFile
from ntipc.ntdll.files import NtReadFile as NtReadFile
from ntipc.ntdll.files import NtWriteFile as NtWriteFile
from ntipc.ntdll.handles import find, insert
from ntipc.ntdll.results import fail, returns, returns_status
from ntipc.ntdll.rights import GENERIC_ALL, MAXIMUM_ALLOWED
from ntipc.ntdll.rights import GENERIC_READ as GENERIC_READ
from ntipc.ntdll.rights import GENERIC_WRITE as GENERIC_WRITE
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_ACCESS_DENIED,
    STATUS_BUFFER_OVERFLOW,
    STATUS_ILLEGAL_FUNCTION,
    STATUS_INVALID_PARAMETER,
    STATUS_IO_TIMEOUT,
    STATUS_NOT_SUPPORTED,
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from ntipc.ntdll.times import seconds_until
from ntipc.ntdll.transfers import FILE_CREATED, FILE_OPENED, IO_STATUS_BLOCK, Ending, FileResult, Routine, no_file, run
from ntipc.objects.devices import locate_pipe
from ntipc.objects.named import OPEN_OR_CREATE
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Connect, Transact
from ntipc.pipes.client_end import default_wait, wait_for_instance
from ntipc.pipes.offers import PipeName
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import DIRECTIONS, PipeState, Settings

if TYPE_CHECKING:
    from typing_extensions import Buffer

FILE_PIPE_BYTE_STREAM_TYPE: Final = 0
FILE_PIPE_MESSAGE_TYPE: Final = 1
FILE_PIPE_BYTE_STREAM_MODE: Final = 0
FILE_PIPE_MESSAGE_MODE: Final = 1
FILE_PIPE_QUEUE_OPERATION: Final = 0
FILE_PIPE_COMPLETE_OPERATION: Final = 1
FILE_PIPE_UNLIMITED_INSTANCES: Final = 0xFFFF_FFFF
FILE_PIPE_DISCONNECTED_STATE: Final = 1
FILE_PIPE_LISTENING_STATE: Final = 2
FILE_PIPE_CONNECTED_STATE: Final = 3
FILE_PIPE_CLOSING_STATE: Final = 4
FSCTL_PIPE_DISCONNECT: Final = 0x11_0004
FSCTL_PIPE_LISTEN: Final = 0x11_0008
FSCTL_PIPE_PEEK: Final = 0x11_400C
FSCTL_PIPE_TRANSCEIVE: Final = 0x11_C017
FSCTL_PIPE_WAIT: Final = 0x11_0018
FSCTL_PIPE_IMPERSONATE: Final = 0x11_001C

_ASKS: Final = GENERIC_READ | GENERIC_ALL | MAXIMUM_ALLOWED | FILE_READ_ATTRIBUTES
_CHANGES: Final = GENERIC_WRITE | GENERIC_ALL | MAXIMUM_ALLOWED | FILE_WRITE_ATTRIBUTES
_DIRECTION_OF: Final = {int(access): direction for direction, access in DIRECTIONS.items()}
_PEEK: Final = struct.Struct("<IIII")
_WAIT: Final = struct.Struct("<qIBx")
STATES: Final = {
    PipeState.DISCONNECTED: FILE_PIPE_DISCONNECTED_STATE,
    PipeState.LISTENING: FILE_PIPE_LISTENING_STATE,
    PipeState.CONNECTED: FILE_PIPE_CONNECTED_STATE,
    PipeState.CLOSING: FILE_PIPE_CLOSING_STATE,
}
"""NT's numbers of the states of an instance."""


class FILE_PIPE_WAIT_FOR_BUFFER(NamedTuple):
    """What FSCTL_PIPE_WAIT takes: a pipe's name without a path, and a LARGE_INTEGER time, ``None`` for the default."""

    Name: str
    Timeout: int | None = None

    @classmethod
    def of(cls, given: FILE_PIPE_WAIT_FOR_BUFFER | Buffer | None) -> FILE_PIPE_WAIT_FOR_BUFFER:
        """Take one, or the bytes of the structure.

        Raises:
            NtError: They are not such a structure.
        """
        if isinstance(given, FILE_PIPE_WAIT_FOR_BUFFER):
            return given
        memory = b"" if given is None else bytes(memoryview(given))
        if len(memory) < _WAIT.size:
            raise fail(STATUS_INVALID_PARAMETER)
        timeout, length, specified = _WAIT.unpack_from(memory)
        name = memory[_WAIT.size : _WAIT.size + length]
        if len(name) != length or length % 2:
            raise fail(STATUS_OBJECT_NAME_INVALID)
        return cls(name.decode("utf-16-le", "surrogatepass"), timeout if specified else None)


@returns(no_file)
def NtCreateNamedPipeFile(
    DesiredAccess: int,
    ObjectAttributes: OBJECT_ATTRIBUTES | None,
    ShareAccess: int,
    CreateDisposition: int,
    CreateOptions: int,
    NamedPipeType: int,
    ReadMode: int,
    CompletionMode: int,
    MaximumInstances: int,
    InboundQuota: int,
    OutboundQuota: int,
    DefaultTimeout: int | None,
) -> FileResult:
    r"""Make an instance of a pipe, which listens at once.

    Args:
        DesiredAccess: Whether this end may be asked and changed; what it may do the direction decides.
        ObjectAttributes: ``\??\pipe\name`` or ``\Device\NamedPipe\name``.
        ShareAccess: What clients may do: ``FILE_SHARE_READ``, ``FILE_SHARE_WRITE``, or both.
        CreateDisposition: ``FILE_CREATE`` for the first instance, ``FILE_OPEN`` for another, ``FILE_OPEN_IF``.
        CreateOptions: ``FILE_SYNCHRONOUS_IO_NONALERT``, or operations may go on after their calls.
        NamedPipeType: ``FILE_PIPE_BYTE_STREAM_TYPE`` or ``FILE_PIPE_MESSAGE_TYPE``.
        ReadMode: ``FILE_PIPE_BYTE_STREAM_MODE`` or ``FILE_PIPE_MESSAGE_MODE``.
        CompletionMode: ``FILE_PIPE_QUEUE_OPERATION``, or ``FILE_PIPE_COMPLETE_OPERATION`` for a pipe that never waits.
        MaximumInstances: Of the pipe; -1 for any number.
        InboundQuota: Bytes that clients may write before a write waits.
        OutboundQuota: The same for this end.
        DefaultTimeout: A relative time that clients wait for an instance if they do not say.
    """
    device, name = device_of(ObjectAttributes)
    if ObjectAttributes is None or device != "pipe" or not name:
        raise fail(STATUS_OBJECT_NAME_INVALID)
    message, reads = NamedPipeType == FILE_PIPE_MESSAGE_TYPE, ReadMode == FILE_PIPE_MESSAGE_MODE
    unlimited = MaximumInstances & 0xFFFF_FFFF == FILE_PIPE_UNLIMITED_INSTANCES
    if (
        {NamedPipeType, ReadMode, CompletionMode} - {0, 1}
        or (reads and not message)
        or CreateDisposition not in (FILE_OPEN, FILE_CREATE, FILE_OPEN_IF)
        or not ShareAccess & 3
        or ShareAccess & ~3
        or not (unlimited or 0 < MaximumInstances < FILE_PIPE_UNLIMITED_INSTANCES)
        or min(InboundQuota, OutboundQuota) < 0
        or (DefaultTimeout is not None and DefaultTimeout >= 0)
    ):
        raise fail(STATUS_INVALID_PARAMETER)
    # Clients that may write are FILE_SHARE_WRITE: to the server that is inbound.
    access = (1 if ShareAccess & FILE_SHARE_WRITE else 0) | (2 if ShareAccess & FILE_SHARE_READ else 0)
    direction = _DIRECTION_OF[access]
    wait = 0.05 if DefaultTimeout is None else -DefaultTimeout / 10_000_000
    location = locate_pipe(f"\\??\\pipe\\{name}")
    most = None if unlimited else min(MaximumInstances, 0xFFFF)
    settings = Settings.checked(location.name, direction, "message" if message else "byte", most, wait)
    hold = PipeName(location, location.attachment()._native, settings, OPEN_OR_CREATE)
    try:
        if CreateDisposition == FILE_OPEN and hold.created:
            raise fail(STATUS_OBJECT_NAME_NOT_FOUND)
        end = ServerEnd(hold, settings, InboundQuota, OutboundQuota, message_reads=reads)
        if CreateDisposition == FILE_CREATE and not hold.created:
            end.close()
            raise fail(STATUS_ACCESS_DENIED)
        end.set_state(nowait=CompletionMode == FILE_PIPE_COMPLETE_OPERATION)
    except BaseException:
        hold.close()
        raise
    end.may_ask, end.may_change = bool(DesiredAccess & _ASKS), bool(DesiredAccess & _CHANGES)
    file = PipeFile(end, overlapped=not synchronous(CreateOptions), name=hold)
    file.alertable = alertable(CreateOptions)
    file.inheritable = bool(ObjectAttributes.Attributes & OBJ_INHERIT)
    return FileResult(STATUS_SUCCESS, insert(file), FILE_CREATED if hold.created else FILE_OPENED)


@returns_status
def NtFsControlFile(
    FileHandle: int,
    Event: int | None,
    ApcRoutine: Routine | None,
    ApcContext: Any,
    IoStatusBlock: IO_STATUS_BLOCK | None,
    FsControlCode: int,
    InputBuffer: Buffer | FILE_PIPE_WAIT_FOR_BUFFER | None = None,
    OutputBuffer: Buffer | None = None,
) -> NTSTATUS:
    r"""Do with a pipe what its code says.

    Args:
        FileHandle: An end of a pipe; for FSCTL_PIPE_WAIT ``\Device\NamedPipe`` itself.
        Event: An event that is cleared now and set at the end, or 0.
        ApcRoutine: What the calling thread calls at the end, in an alertable wait: with the context and the block.
        ApcContext: Its first argument.
        IoStatusBlock: What tells how it went, and how many bytes were put into the output.
        FsControlCode: FSCTL_PIPE_LISTEN, FSCTL_PIPE_DISCONNECT; FSCTL_PIPE_TRANSCEIVE, which writes the input and reads
            the answer; FSCTL_PIPE_PEEK, which puts four numbers (state, bytes that wait, messages, bytes of the first
            one) and the data into the output; FSCTL_PIPE_WAIT with a FILE_PIPE_WAIT_FOR_BUFFER.
        InputBuffer: What the code takes.
        OutputBuffer: Memory for what it gives.
    """
    thing, ending = find(FileHandle), Ending.of(Event, ApcRoutine, ApcContext, IoStatusBlock)
    if FsControlCode == FSCTL_PIPE_WAIT:
        if not isinstance(thing, PipeDevice):
            raise fail(STATUS_ILLEGAL_FUNCTION if isinstance(thing, PipeFile) else STATUS_OBJECT_TYPE_MISMATCH)
        return _wait(FILE_PIPE_WAIT_FOR_BUFFER.of(InputBuffer), ending)
    if not isinstance(thing, PipeFile):
        raise fail(STATUS_ILLEGAL_FUNCTION if isinstance(thing, PipeDevice) else STATUS_OBJECT_TYPE_MISMATCH)
    if isinstance(InputBuffer, FILE_PIPE_WAIT_FOR_BUFFER):
        raise fail(STATUS_INVALID_PARAMETER)
    if FsControlCode == FSCTL_PIPE_LISTEN:
        return _listen(thing, ending)
    if FsControlCode == FSCTL_PIPE_DISCONNECT:
        _server(thing).disconnect(operation="NtFsControlFile")
        return ending.tell(STATUS_SUCCESS, 0)
    if FsControlCode == FSCTL_PIPE_PEEK:
        return _peek(thing, OutputBuffer, ending)
    if FsControlCode == FSCTL_PIPE_TRANSCEIVE:
        target = memoryview(bytearray() if OutputBuffer is None else OutputBuffer).cast("B")
        return run(thing, Transact(thing.end, b"" if InputBuffer is None else InputBuffer, target), ending)
    raise fail(STATUS_NOT_SUPPORTED)


def _server(file: PipeFile) -> ServerEnd:
    if not isinstance(file.end, ServerEnd):
        raise fail(STATUS_ILLEGAL_FUNCTION)
    return file.end


def _listen(file: PipeFile, ending: Ending) -> NTSTATUS:
    end = _server(file)
    if end.nowait:
        end.connect(operation="NtFsControlFile")
        return ending.tell(STATUS_SUCCESS, 0)
    try:
        end.connect(0, operation="NtFsControlFile")  # which has it listen, if it does not
    except InvalidPipeState:
        raise
    except NtError as problem:
        if problem.status != Status.TIMEOUT:
            raise
    return run(file, Connect(end), ending)


def _peek(file: PipeFile, output: Buffer | None, ending: Ending) -> NTSTATUS:
    memory = memoryview(bytearray() if output is None else output).cast("B")
    if len(memory) < _PEEK.size or memory.readonly:
        raise fail(STATUS_INVALID_PARAMETER)
    seen = file.end.peek(len(memory) - _PEEK.size, operation="NtFsControlFile")
    is_message = file.end.settings.is_message
    first = len(seen.data) + seen.left if is_message else 0
    messages = (1 if seen.available or first else 0) if is_message else 0
    _PEEK.pack_into(memory, 0, STATES[file.end.state], seen.available, messages, first)
    memory[_PEEK.size : _PEEK.size + len(seen.data)] = seen.data
    more = seen.left if is_message else seen.available - len(seen.data)
    return ending.tell(STATUS_BUFFER_OVERFLOW if more else STATUS_SUCCESS, _PEEK.size + len(seen.data))


def _wait(wanted: FILE_PIPE_WAIT_FOR_BUFFER, ending: Ending) -> NTSTATUS:
    location = locate_pipe(f"\\??\\pipe\\{wanted.Name}")
    native = location.attachment()._native
    if wanted.Timeout is None:
        seconds = default_wait(location, native, operation="NtFsControlFile")
    elif wanted.Timeout <= -(2**62):
        seconds = None
    else:
        seconds = seconds_until(wanted.Timeout)
    if not wait_for_instance(location, native, seconds, operation="NtFsControlFile"):
        return ending.refuse(STATUS_IO_TIMEOUT)
    return ending.tell(STATUS_SUCCESS, 0)

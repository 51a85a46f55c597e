"""Reading and writing by handles, at once or overlapped."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from ntipc.errors import NtError, Status, Timeout, from_status
from ntipc.mailslots import Mailslot, MailslotClient
from ntipc.overlapped import blocking
from ntipc.overlapped.disk import FILE_TYPE_PIPE, DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import PENDING, Operation, Read, Transact, Write
from ntipc.overlapped.ports import Packet
from ntipc.sync import Event
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.overlapped import OVERLAPPED, overlapped_or_none
from ntipc.win32.binding.pyhandle import HandleLike, number_of, object_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

BROKEN_PIPE: Final = 109
NO_DATA: Final = 232
MORE_DATA: Final = 234
IO_PENDING: Final = 997
HANDLE_EOF: Final = 38
ABORTED: Final = 995
INCOMPLETE: Final = 996
_BROKEN: Final = 0xC000_014B


class Lost:
    """What a completion port tells of an overlapped that the program has let go."""


def AllocateReadBuffer(bufSize: int, /) -> memoryview:
    r"""Make memory to read into, which is 0.

    >>> buffer = AllocateReadBuffer(3)
    >>> len(buffer), bytes(buffer[:2])
    (3, b'\x00\x00')
    """
    return memoryview(bytearray(bufSize))


def ReadFile(hFile: HandleLike, bufSize: int | Buffer, ol: OVERLAPPED | None = None, /) -> tuple[int, bytes | Buffer]:
    """Read from a pipe, a mailslot or a file.

    Args:
        hFile: The handle.
        bufSize: How many bytes at most, or memory to read into.
        ol: The overlapped that stands for the operation, which may go on.

    Returns:
        A code, and the data: 0, 234 if a part of the message is left, or 997 if the operation goes on. The data is
        ``bytes`` without an overlapped; with one it is the memory that was given, or new memory of the size asked for.

    Raises:
        error: It has failed: 109 when the other side has closed its end and all is read.
        TypeError: An argument is of another type.

    Source:
        ReadFile (Win32).
    """
    thing = object_or_failure(hFile, "ReadFile")
    if ol is None:
        if type(bufSize) is int:
            try:
                if type(thing) is PipeFile:
                    data, left = blocking.read(thing, bufSize, "ReadFile")
                    return (MORE_DATA if left else 0), data
            except NtError as problem:
                raise failed(problem, "ReadFile") from None
        target = memory_of(bufSize)
        code, size = _read_at_once(thing, target)
        return code, bytes(target[:size])
    overlapped = overlapped_or_none(ol)
    assert overlapped is not None
    target = memory_of(bufSize)
    if isinstance(thing, PipeFile):
        code = begin(thing, Read(thing.end, target), overlapped, "ReadFile")
    else:
        code = _done_at_once(thing, overlapped, "ReadFile", target)
    return code, (target if isinstance(bufSize, int) else bufSize)


def WriteFile(hFile: HandleLike, data: Buffer, ol: OVERLAPPED | None = None, /) -> tuple[int, int]:
    """Write to a pipe, a mailslot or a file.

    Args:
        hFile: The handle.
        data: Bytes; of no length, to a pipe of message type they are a message.
        ol: The overlapped that stands for the operation, which may go on.

    Returns:
        A code, 0 or 997 if the operation goes on, and how many bytes were written, 0 if it goes on.

    Raises:
        error: It has failed: 232 when nobody can read it any more.
        TypeError: An argument is of another type.

    Source:
        WriteFile (Win32).
    """
    thing = object_or_failure(hFile, "WriteFile")
    if ol is None and type(thing) is PipeFile:
        try:
            return 0, blocking.write(thing, _readable(data), "WriteFile")
        except NtError as problem:
            raise failed(problem, "WriteFile") from None
    source = memoryview(_readable(data)).cast("B")
    if ol is None:
        return 0, _write_at_once(thing, source)
    overlapped = overlapped_or_none(ol)
    assert overlapped is not None
    if isinstance(thing, PipeFile):
        code = begin(thing, Write(thing.end, source), overlapped, "WriteFile")
    else:
        code = _done_at_once(thing, overlapped, "WriteFile", source)
    return code, (0 if code == IO_PENDING else overlapped.InternalHigh)


def TransactNamedPipe(
    hPipe: HandleLike, writeData: Buffer, buffer_bufSize: int | Buffer, ol: OVERLAPPED | None = None, /
) -> tuple[int, bytes | Buffer]:
    """Write a message to a pipe and read the one that answers it.

    Args:
        hPipe: The end of a pipe, which must read messages.
        writeData: The message.
        buffer_bufSize: How many bytes of the answer at most, or memory for it.
        ol: The overlapped that stands for the operation, which may go on.

    Returns:
        As :func:`ReadFile`.

    Source:
        TransactNamedPipe (Win32).
    """
    thing = pipe_or_failure(hPipe, "TransactNamedPipe")
    overlapped = overlapped_or_none(ol)
    data = _readable(writeData)
    target = memory_of(buffer_bufSize)
    if overlapped is None:
        try:
            answer, left = thing.end.transact(data, len(target), None, operation="TransactNamedPipe")
        except NtError as problem:
            raise failed(problem, "TransactNamedPipe") from None
        target[: len(answer)] = answer
        return (MORE_DATA if left else 0), answer
    code = begin(thing, Transact(thing.end, data, target), overlapped, "TransactNamedPipe")
    return code, (target if isinstance(buffer_bufSize, int) else buffer_bufSize)


def begin(file: PipeFile | DiskFile, operation: Operation, overlapped: OVERLAPPED, call: str) -> int:
    """Begin an operation for an overlapped; the code that the call returns.

    Raises:
        error: It has failed at once.
    """
    event = _event_of(overlapped, call)
    if event is not None:
        event.clear()
    overlapped.Internal = PENDING  # how much is moved is known only at the end
    overlapped._operation = operation
    operation.when_done = _teller(file, overlapped, event)
    try:
        done = file.start(operation)
    except NtError as problem:
        raise failed(problem, call) from None
    if not done:
        if file.overlapped:
            last.code = IO_PENDING
            return IO_PENDING
        operation.wait()
    if operation.problem is not None:
        raise failed(operation.problem, call)
    return operation.winerror


def GetOverlappedResult(hFile: HandleLike, overlapped: OVERLAPPED, bWait: int, /) -> int:
    """Return how many bytes an operation has moved.

    Args:
        hFile: The handle that it was begun with.
        overlapped: What stands for it.
        bWait: Whether to wait until it is done.

    Raises:
        error: It goes on (996), or it has failed.

    Source:
        GetOverlappedResult (Win32).
    """
    number_of(hFile)
    checked = overlapped_or_none(overlapped)
    if checked is None:
        raise TypeError("The object is not a PyOVERLAPPED object")
    operation = checked._operation
    if operation is not None:
        if not operation.is_done or (bWait and not operation.wait(0)):
            if not bWait:
                raise failure(INCOMPLETE, "GetOverlappedResult")
            _wait_for(operation, _event_of(checked, "GetOverlappedResult"))
        if operation.winerror:
            raise failure(operation.winerror, "GetOverlappedResult")
    last.code = 0
    return checked.InternalHigh


def CancelIo(handle: HandleLike, /) -> None:
    """Cancel the operations that the calling thread has begun with a handle. No data is lost.

    Source:
        CancelIo (Win32).
    """
    import threading

    thread = threading.get_ident()
    thing = object_or_failure(handle, "CancelIo")
    if not hasattr(thing, "cancel"):
        raise failure(6, "CancelIo")
    thing.cancel(lambda operation: operation.thread == thread)


def _wait_for(operation: Operation, event: Event | None) -> None:
    """Wait as Windows does: for the event, which is taken, or without one for the operation itself."""
    while not operation.is_done:
        if event is None:
            operation.wait()
        else:
            event.wait()
    operation.wait()


def _teller(file: PipeFile | DiskFile, overlapped: OVERLAPPED, event: Event | None) -> Any:
    """Make what tells that an operation is done: in the overlapped, by its event, and at the port of the file."""
    reference = weakref.ref(overlapped)

    def tell(operation: Operation) -> None:
        kept = reference()
        failed_at_once = operation.problem is not None and not operation.went_on
        if kept is not None and kept._operation is operation and not failed_at_once:
            kept.Internal, kept.InternalHigh = operation.status, operation.size
        if event is not None:
            try:
                event.set()
            except NtError:
                pass  # closed meanwhile
        if file.port is not None and not failed_at_once:
            try:
                file.port.post(Packet(operation.size, file.key, kept or Lost, operation.winerror))
            except NtError:
                pass  # the port was closed meanwhile

    return tell


def _event_of(overlapped: OVERLAPPED, call: str) -> Event | None:
    number = number_of(overlapped.hEvent)
    if not number:
        return None
    try:
        event = object_of(number & ~1)  # with the lowest bit set no port is told; here it is all the same
        if isinstance(event, Event):
            return event
        raise from_status(Status.OBJECT_TYPE_MISMATCH, call)
    except NtError as problem:
        raise failed(problem, call) from None


def _read_at_once(thing: Any, target: memoryview) -> tuple[int, int]:
    """Read from whatever can be read from; the code, and how many bytes."""
    try:
        if isinstance(thing, PipeFile):
            size, left = blocking.read_into(thing, target, "ReadFile")
            return (MORE_DATA if left else 0), size
        if isinstance(thing, DiskFile):
            size = thing.read_into(target)
            if not size and len(target) and thing.type == FILE_TYPE_PIPE:
                raise failure(BROKEN_PIPE, "ReadFile")
            return 0, size
        if isinstance(thing, Mailslot):
            return 0, thing.read_into(target)
    except NtError as problem:
        raise failed(problem, "ReadFile") from None
    except OSError as problem:
        raise linux_failure(problem, "ReadFile") from None
    raise failure(5 if isinstance(thing, MailslotClient) else 6, "ReadFile")


def _write_at_once(thing: Any, source: memoryview) -> int:
    try:
        if isinstance(thing, DiskFile):
            return thing.write(source)
        if isinstance(thing, MailslotClient):
            thing.write(source)
            return len(source)
    except NtError as problem:
        raise failed(problem, "WriteFile") from None
    except BrokenPipeError:
        raise failure(NO_DATA, "WriteFile") from None
    except OSError as problem:
        raise linux_failure(problem, "WriteFile") from None
    raise failure(5 if isinstance(thing, Mailslot) else 6, "WriteFile")


def _done_at_once(thing: Any, overlapped: OVERLAPPED, call: str, memory: memoryview) -> int:
    """Read or write something that never goes on, for an overlapped."""
    event = _event_of(overlapped, call)
    if event is not None:
        event.clear()
    overlapped._operation = None
    try:
        if isinstance(thing, DiskFile):
            at = overlapped.offset if thing.type == 1 else None
            size = thing.read_into(memory, at) if call == "ReadFile" else thing.write(memory, at)
            if call == "ReadFile" and not size and len(memory):
                overlapped.Internal, overlapped.InternalHigh = 0xC000_0011, 0  # STATUS_END_OF_FILE
                raise failure(HANDLE_EOF, call)
        else:
            size = _read_at_once(thing, memory)[1] if call == "ReadFile" else _write_at_once(thing, memory)
    except Timeout as problem:
        raise failed(problem, call) from None
    except OSError as problem:
        raise linux_failure(problem, call) from None
    overlapped.Internal, overlapped.InternalHigh = 0, size
    if event is not None:
        event.set()
    port = getattr(thing, "port", None)
    if port is not None:
        port.post(Packet(size, thing.key, overlapped))
    return 0


def object_or_failure(handle: HandleLike, call: str) -> Any:
    """Return the object that a handle leads to.

    Raises:
        error: There is none.
    """
    try:
        return object_of(handle)
    except NtError as problem:
        raise failed(problem, call) from None


def pipe_or_failure(handle: HandleLike, call: str) -> PipeFile:
    """Return the end of a pipe that a handle leads to.

    Raises:
        error: There is none.
    """
    thing = object_or_failure(handle, call)
    if not isinstance(thing, PipeFile):
        raise failure(6 if not isinstance(thing, DiskFile) else 1, call)
    return thing


def memory_of(size_or_buffer: object) -> memoryview:
    """Return new memory of a size, or the memory of what a program gave.

    Raises:
        TypeError: It is neither a number nor writable memory.
    """
    if isinstance(size_or_buffer, int):
        return memoryview(bytearray(size_or_buffer & 0x7FFF_FFFF))
    try:
        memory: memoryview | None = memoryview(size_or_buffer).cast("B")  # type: ignore[arg-type]
    except TypeError:
        memory = None
    if memory is None or memory.readonly:
        raise TypeError("Second param must be an integer or writeable buffer object")
    return memory


def _readable(data: Buffer) -> Buffer:
    if data is None:
        raise TypeError("Buffer cannot be None")
    if isinstance(data, (bytes, bytearray, memoryview)):
        return data
    if isinstance(data, str):
        raise TypeError("a bytes-like object is required, not 'str'")
    return memoryview(data)

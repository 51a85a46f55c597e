"""Pipes, mailslots, files, overlapped operations and completion ports."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc.win32 import win32file, win32pipe
from ntipc.win32.binding.failures import error
from ntipc.win32.binding.last_error import last
from ntipc.win32.standard.exports import overlapped_memory
from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import (
    Export,
    ansi,
    attributes,
    boolean,
    data_at,
    dword_at,
    handle,
    long_signed,
    memory_at,
    number,
    put_bytes,
    put_dword,
    put_text,
    put_word,
    signed,
    text,
    there,
    unsigned,
)

_MORE_DATA: Final = 234
_IO_PENDING: Final = 997
_INVALID_PARAMETER: Final = 87
_NOT_FOUND: Final = 1168
_PATH_NOT_FOUND: Final = 3
_INSUFFICIENT_BUFFER: Final = 122


def _outcome(code: int) -> int:
    """The result of a call that may go on: 1 when it is done, else 0 and why."""
    if code:
        last.code = code
        return 0
    return 1


def _read(file: int, buffer: int, size: int, read: int, overlapped: int) -> int:
    size = unsigned(size)
    put_dword(read, 0)
    state = overlapped_memory.begin(overlapped)
    try:
        if state is None:
            code, data = win32file.ReadFile(handle(file), size)
            put_bytes(buffer, read, bytes(data))
        else:
            code, _ = win32file.ReadFile(handle(file), memory_at(buffer, size), state)
            if code == 0:
                put_dword(read, state.InternalHigh)
    except error:
        return 0
    return _outcome(code)


def _write(file: int, buffer: int, size: int, written: int, overlapped: int) -> int:
    put_dword(written, 0)
    state = overlapped_memory.begin(overlapped)
    data = data_at(buffer, unsigned(size))
    try:
        code, count = win32file.WriteFile(handle(file), data, state)
    except error:
        return 0
    if code != _IO_PENDING:
        put_dword(written, count)
    return _outcome(code)


def _connect(pipe: int, overlapped: int) -> int:
    try:
        return _outcome(win32pipe.ConnectNamedPipe(handle(pipe), overlapped_memory.begin(overlapped)))
    except error:
        return 0


def _peek(pipe: int, buffer: int, size: int, read: int, available: int, left: int) -> int:
    try:
        data, waiting, rest = win32pipe.PeekNamedPipe(handle(pipe), unsigned(size))
    except error:
        return 0
    if buffer and data:
        ctypes.memmove(there(buffer), data, len(data))
    put_dword(read, len(data))
    put_dword(available, waiting)
    put_dword(left, rest)
    return 1


def _set_state(pipe: int, mode: int, count: int, timeout: int) -> int:
    try:
        win32pipe.SetNamedPipeHandleState(
            handle(pipe),
            dword_at(mode) if mode else None,
            dword_at(count) if count else None,
            dword_at(timeout) if timeout else None,
        )
    except error:
        return 0
    return 1


def _get_state(wide: bool) -> Export:
    def get(pipe: int, mode: int, instances: int, count: int, timeout: int, user: int, room: int) -> int:
        try:
            found = win32pipe.GetNamedPipeHandleState(handle(pipe), bool(count), bool(user))
        except error:
            return 0
        put_dword(mode, found[0])
        put_dword(instances, found[1])
        put_dword(count, found[2] or 0)
        put_dword(timeout, found[3] or 0)
        put_text(user, signed(room), found[4] or "", wide=wide)
        return 1

    return own(get, 7)


def _pipe_info(pipe: int, flags: int, out_size: int, in_size: int, most: int) -> int:
    try:
        found = win32pipe.GetNamedPipeInfo(handle(pipe))
    except error:
        return 0
    for address, value in zip((flags, out_size, in_size, most), found, strict=True):
        put_dword(address, value)
    return 1


def _peer_id(function: Callable[[int], int]) -> Export:
    def told(pipe: int, pid: int) -> int:
        try:
            found = function(handle(pipe))
        except error:
            return 0
        if not pid:
            last.code = _INSUFFICIENT_BUFFER
            return 0
        put_dword(pid, found)
        return 1

    return own(told, 2)


def _transact(pipe: int, data: int, size: int, buffer: int, room: int, read: int, overlapped: int) -> int:
    state = overlapped_memory.begin(overlapped)
    question = data_at(data, unsigned(size))
    try:
        if state is None:
            code, answer = win32pipe.TransactNamedPipe(handle(pipe), question, unsigned(room))
            put_bytes(buffer, read, bytes(answer))
        else:
            code, _ = win32pipe.TransactNamedPipe(handle(pipe), question, memory_at(buffer, unsigned(room)), state)
    except error:
        return 0
    return _outcome(code)


def _call(name: Callable[[int], str | None]) -> Export:
    def call(words: int, data: int, size: int, buffer: int, room: int, read: int, milliseconds: int) -> int:
        question = data_at(data, unsigned(size))
        try:
            answer = win32pipe.CallNamedPipe(name(words) or "", question, unsigned(room), unsigned(milliseconds))
        except error:
            return 0
        put_bytes(buffer, read, answer)
        return 1

    return own(call, 7)


def _create_pipe(reading: int, writing: int, security: int, size: int) -> int:
    there(reading), there(writing)
    try:
        reader, writer = win32pipe.CreatePipe(attributes(security), unsigned(size))
    except error:
        return 0
    put_word(reading, reader.Detach())
    put_word(writing, writer.Detach())
    return 1


def overlapped_result(file: int, overlapped: int, size: int, wait: int) -> int:
    """GetOverlappedResult."""
    state = overlapped_memory.find(overlapped)
    if state is None:
        last.code = _INVALID_PARAMETER
        return 0
    try:
        put_dword(size, win32file.GetOverlappedResult(handle(file), state, boolean(wait)))
    except error:
        return 0
    return 1


def _cancel_ex(file: int, overlapped: int) -> int:
    """CancelIoEx: the operation of one structure, or all of a handle, whichever thread has begun them."""
    from ntipc.win32.binding.transfers import object_or_failure

    try:
        thing: Any = object_or_failure(handle(file), "CancelIoEx")
    except error:
        return 0
    state = overlapped_memory.find(overlapped) if overlapped else None
    wanted = None if state is None else state._operation
    found: list[Any] = []

    def chosen(operation: Any) -> bool:
        take = not overlapped or operation is wanted
        if take and not operation.is_done:
            found.append(operation)
        return take

    if hasattr(thing, "cancel"):
        thing.cancel(chosen)
    if not found:
        last.code = _NOT_FOUND
        return 0
    return 1


def _file_pointer(file: int, distance: int, high: int, how: int) -> int:
    moved = signed(distance)
    if high:
        moved = long_signed(dword_at(high) << 32 | unsigned(distance))
    try:
        position = win32file.SetFilePointer(handle(file), moved, unsigned(how))
    except error:
        return -1
    last.code = 0
    put_dword(high, position >> 32)
    return position & 0xFFFF_FFFF


def _file_size(file: int, high: int) -> int:
    try:
        size = win32file.GetFileSize(handle(file))
    except error:
        return -1
    put_dword(high, size >> 32)
    return size & 0xFFFF_FFFF


def _file_size_ex(file: int, size: int) -> int:
    try:
        put_word(size, win32file.GetFileSize(handle(file)))
    except error:
        return 0
    return 1


def _mailslot_info(slot: int, largest: int, next_size: int, count: int, timeout: int) -> int:
    try:
        found = win32file.GetMailslotInfo(handle(slot))
    except error:
        return 0
    for address, value in zip((largest, next_size, count, timeout), found, strict=True):
        put_dword(address, value)
    return 1


def _create_port(file: int, port: int, key: int, threads: int) -> int:
    try:
        made = win32file.CreateIoCompletionPort(handle(file), handle(port) or None, long_signed(key), unsigned(threads))
    except error:
        return 0
    return number(made)


def _queued_status(port: int, size: int, key: int, overlapped: int, milliseconds: int) -> int:
    try:
        code, moved, found, state = win32file.GetQueuedCompletionStatus(handle(port), unsigned(milliseconds))
    except error:
        put_word(overlapped, 0)
        return 0
    put_dword(size, moved)
    put_word(key, found)
    put_word(overlapped, getattr(state, "address", 0) if state is not None else 0)
    return _outcome(code)


def _post_status(port: int, size: int, key: int, overlapped: int) -> int:
    state = (overlapped_memory.find(overlapped) or overlapped_memory.begin(overlapped)) if overlapped else None
    try:
        win32file.PostQueuedCompletionStatus(handle(port), unsigned(size), long_signed(key), state)
    except error:
        return 0
    return 1


def _lock_file(file: int, flags: int, reserved: int, low: int, high: int, overlapped: int) -> int:
    state = overlapped_memory.begin(overlapped)
    if state is None:
        last.code = _INVALID_PARAMETER
        return 0
    try:
        win32file.LockFileEx(handle(file), unsigned(flags), unsigned(low), unsigned(high), state)
    except error:
        return 0
    return 1


def _unlock_file(file: int, reserved: int, low: int, high: int, overlapped: int) -> int:
    state = overlapped_memory.begin(overlapped)
    if state is None:
        last.code = _INVALID_PARAMETER
        return 0
    try:
        win32file.UnlockFileEx(handle(file), unsigned(low), unsigned(high), state)
    except error:
        return 0
    return 1


def _named(export: Export) -> Export:
    """An export whose first argument is a path, which NULL is not."""

    def load() -> Callable[..., Any]:
        function = export.load()

        def call(path: int, *words: int) -> Any:
            if not path:
                last.code = _PATH_NOT_FOUND
                return -1
            return function(path, *words)

        return call

    return Export(load, export.arguments, export.failure)


_NAMED: Final = dict(
    from_table("""
        CreateFile*          wddsddh   file    win32file.CreateFile
        CreateNamedPipe*     wddddlds  file    win32pipe.CreateNamedPipe
        CreateMailslot*      wdds      file    win32file.CreateMailslot
    """)
)

EXPORTS: Final[Mapping[str, Export]] = {
    **{name: _named(export) for name, export in _NAMED.items()},
    **dict(
        from_table("""
        DisconnectNamedPipe  h         bool    win32pipe.DisconnectNamedPipe
        WaitNamedPipe*       wd        bool    win32pipe.WaitNamedPipe
        FlushFileBuffers     h         bool    win32file.FlushFileBuffers
        CancelIo             h         bool    win32file.CancelIo
        GetFileType          h         number  win32file.GetFileType
        SetEndOfFile         h         bool    win32file.SetEndOfFile
        SetMailslotInfo      hd        bool    win32file.SetMailslotInfo
        DeleteFile*          w         bool    win32file.DeleteFile
        """)
    ),
    "ReadFile": own(_read, 5),
    "WriteFile": own(_write, 5),
    "ConnectNamedPipe": own(_connect, 2),
    "PeekNamedPipe": own(_peek, 6),
    "SetNamedPipeHandleState": own(_set_state, 4),
    "GetNamedPipeHandleStateW": _get_state(True),
    "GetNamedPipeHandleStateA": _get_state(False),
    "GetNamedPipeInfo": own(_pipe_info, 5),
    "GetNamedPipeClientProcessId": _peer_id(win32pipe.GetNamedPipeClientProcessId),
    "GetNamedPipeServerProcessId": _peer_id(win32pipe.GetNamedPipeServerProcessId),
    "GetNamedPipeClientSessionId": _peer_id(win32pipe.GetNamedPipeClientSessionId),
    "GetNamedPipeServerSessionId": _peer_id(win32pipe.GetNamedPipeServerSessionId),
    "TransactNamedPipe": own(_transact, 7),
    "CallNamedPipeW": _call(text),
    "CallNamedPipeA": _call(ansi),
    "CreatePipe": own(_create_pipe, 4),
    "GetOverlappedResult": own(overlapped_result, 4),
    "CancelIoEx": own(_cancel_ex, 2),
    "SetFilePointer": own(_file_pointer, 4),
    "GetFileSize": own(_file_size, 2),
    "GetFileSizeEx": own(_file_size_ex, 2),
    "GetMailslotInfo": own(_mailslot_info, 5),
    "CreateIoCompletionPort": own(_create_port, 4),
    "GetQueuedCompletionStatus": own(_queued_status, 5),
    "PostQueuedCompletionStatus": own(_post_status, 4),
    "LockFileEx": own(_lock_file, 6),
    "UnlockFileEx": own(_unlock_file, 5),
}

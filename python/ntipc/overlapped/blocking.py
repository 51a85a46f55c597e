"""Operations on pipes that keep their thread until they are done, and how another thread ends them.

The first moment of each is a wait in the pipe itself, which is all that most need. What goes on after it also waits for
an event that another thread can set.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from ntipc import _kernel
from ntipc.errors import HandleClosed, PipeEmpty, Timeout
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Connect, Operation, Read, Write
from ntipc.pipes.channel import size_of
from ntipc.sync import Event

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc.pipes.server_end import ServerEnd

_MOMENT: Final = 0.05
"""Seconds after which an operation can be ended by another thread."""


_blocked: Final[dict[int, tuple[Callable[[], object], object]]] = {}
"""By the id of a thread: what ends the operation that goes on in it, and what its caller knows it by.

What ends it says whether it did: it may be too early, or too late.
"""
os.register_at_fork(after_in_child=_blocked.clear)


@contextmanager
def ended_by(end: Callable[[], object], request: object = None) -> Iterator[None]:
    """Let other threads end, by that call, what the calling one does meanwhile, and knows by that request."""
    thread_id = threading.get_native_id()
    around = _blocked.get(thread_id)  # what a signal handler of the program has interrupted
    _blocked[thread_id] = end, request
    try:
        yield
    finally:
        if around is None:
            del _blocked[thread_id]
        else:
            _blocked[thread_id] = around


def read(file: PipeFile, size: int, call: str) -> tuple[bytes, int]:
    """Read from a pipe as soon as there is something: the bytes, and how many of the message are left."""
    try:
        return file.end.read(size, _MOMENT, operation=call)
    except PipeEmpty:
        raise
    except Timeout:
        buffer = bytearray(size)
        moved, left = _read_on(file, buffer)
        return bytes(buffer[:moved]), left


def read_into(file: PipeFile, buffer: Buffer, call: str) -> tuple[int, int]:
    """Read from a pipe into memory as soon as there is something: how many bytes, and how many are left."""
    try:
        return file.end.read_into(buffer, _MOMENT, operation=call)
    except PipeEmpty:
        raise
    except Timeout:
        return _read_on(file, buffer)


def connect(file: PipeFile, end: ServerEnd, call: str) -> None:
    """Wait until a client is connected to an instance."""
    try:
        end.connect(_MOMENT, operation=call)
    except Timeout:
        operation = Connect(end)
        _go_on(file, operation, lambda bell: _wait(operation, bell))


def write(file: PipeFile, data: Buffer, call: str) -> int:
    """Write to a pipe, all of it; how many bytes. What the reader sees before it has all of it is not ended."""
    end = file.end
    channel = end.channel
    size = len(data) if type(data) is bytes else size_of(data)
    if (size > channel.out_quota and (channel.is_message or not channel.out_quota)) or channel.nowait:
        return end.write(data, None, operation=call)
    try:
        done = end.write(data, 0, operation=call)
    except Timeout:
        done = 0
    if done < size:
        operation = Write(file.end, data)
        operation.size = done
        _go_on(file, operation, lambda _: operation.write_for(_MOMENT))
    return size


def cancel(thread_id: int, request: object = None) -> bool:
    """End what goes on in a thread of this process, or only what that request means; whether it did."""
    end = time.monotonic() + 2 * _MOMENT
    while thread_id != threading.get_native_id():
        end_it, known_by = _blocked.get(thread_id, (None, None))
        if end_it is not None:
            if request is not None and request != known_by:
                return False
            if end_it():
                return True
        elif not _any_begins():
            return False
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return False


def _any_begins() -> bool:
    """Say whether any thread is in an operation, which may be in its first moment."""
    for frame in sys._current_frames().values():
        at: Any = frame
        while at is not None:
            if at.f_code in _ENTRANCES:
                return True
            at = at.f_back
    return False


def _read_on(file: PipeFile, buffer: Buffer) -> tuple[int, int]:
    operation = Read(file.end, buffer)
    _go_on(file, operation, lambda bell: _wait(operation, bell))
    return operation.size, operation.left


def _wait(operation: Operation, bell: Event) -> bool:
    """Do an operation if it can be done; else wait until another attempt is due."""
    if operation.attempt():
        return True
    if waitables := operation.waits_for():
        with suppress(HandleClosed):  # which the next attempt tells, if it is the end that was closed
            _kernel.wait_multiple((*waitables, bell), False, None)
    return False


def _go_on(file: PipeFile, operation: Operation, step: Callable[[Event], bool]) -> None:
    """Take steps until one says that the operation is done, or another thread ends it.

    Raises:
        NtError: It has failed, or was ended.
    """
    bell = Event(manual_reset=True, session=file.session)
    file.begun()
    try:
        with ended_by(lambda: bell.set() is not None):
            while not bell.wait(0):
                if step(bell):
                    return
        operation.cancel()
        assert operation.problem is not None
        raise operation.problem
    finally:
        file.completed()
        bell.close()


_ENTRANCES: Final[frozenset[CodeType]] = frozenset(each.__code__ for each in (read, read_into, connect, write))

"""Descriptors for handles, such as standard streams of a child: files as they are, pipes by way of a thread."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import select
import socket
import stat
import termios
import threading
import time
from collections.abc import Callable
from functools import partial
from operator import is_
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Read
from ntipc.win32.binding.disk_calls import _get_osfhandle
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, number_of, object_of

_PIECE: Final = 65_536
_PATIENCE: Final = 5.0
"""How many seconds a process waits at its end for what is between."""
_taking: Final[dict[int, bool]] = {}
"""By descriptor that is read for a pipe: whether something is on the way just now."""
_STANDARD = {-10: 0, -11: 1, -12: 2}


def GetStdHandle(handle: int, /) -> PyHANDLE:
    """Return a handle for a standard stream: STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE.

    Source:
        GetStdHandle (Win32).
    """
    if handle not in _STANDARD:
        raise failure(6, "GetStdHandle")
    return PyHANDLE(_get_osfhandle(_STANDARD[handle]))


class Streams:
    """Descriptors for a child's standard streams, which are closed here once the child has them."""

    def __init__(self) -> None:
        self._opened: list[int] = []

    def descriptor(self, handle: HandleLike, call: str, *, to_child: bool) -> int | None:
        """Return a descriptor for a handle; ``None`` for no handle.

        Raises:
            error: It is the handle of something that is neither a file nor a pipe.
        """
        if not number_of(handle):
            return None
        try:
            thing: Any = object_of(handle)
        except NtError:
            raise failure(6, call) from None
        if isinstance(thing, DiskFile):
            return thing.fd
        if not isinstance(thing, PipeFile):
            raise failure(6, call)
        there = _piped(thing.duplicate(), for_reading=to_child)
        self._opened.append(there)
        return there

    def close(self) -> None:
        """Close here what only the child needs."""
        for fd in self._opened:
            os.close(fd)
        self._opened.clear()


def descriptor_of(file: PipeFile, number: int) -> int:
    """Return a descriptor that stands for an end of a pipe, which is closed when that is, and the handle with it.

    What was written there is in the pipe before this process ends, unless the pipe has no room for it for seconds.
    """

    def close() -> None:
        if table.things.get(number) is file:
            table.close(number)

    if not (file.end.may_read and file.end.may_write):
        return _piped(file.duplicate(), for_reading=file.end.may_read, when_closed=close)
    ours, theirs = socket.socketpair()
    closed = threading.Event()
    _start(_give, file.duplicate(), os.dup(ours.fileno()), closed, None)
    _start(_take, file.duplicate(), ours.detach(), closed, close)
    return theirs.detach()


def _piped(file: PipeFile, *, for_reading: bool, when_closed: Callable[[], None] | None = None) -> int:
    """Return a descriptor to read what a pipe has, or to write to it."""
    reading, writing = os.pipe()
    here, there = (writing, reading) if for_reading else (reading, writing)
    _start(_give if for_reading else _take, file, here, threading.Event(), when_closed)
    return there


def _start(
    work: Callable[[PipeFile, int, threading.Event], None],
    file: PipeFile,
    fd: int,
    closed: threading.Event,
    when_closed: Callable[[], None] | None,
) -> None:
    if work is _take:
        _taking[fd] = False

    def run() -> None:
        work(file, fd, closed)
        file.close()
        if when_closed is not None:
            when_closed()

    threading.Thread(target=run, name="ntipc-stream", daemon=True).start()


def _take(file: PipeFile, fd: int, closed: threading.Event) -> None:
    """Write to a pipe what comes from a descriptor, until its other side is closed."""
    try:
        while True:
            select.select([fd], [], [])
            _taking[fd] = True
            if not (data := os.read(fd, _PIECE)):
                break
            file.end.write(data)
            _taking[fd] = False
    except (NtError, OSError):
        pass  # nobody reads it
    finally:
        del _taking[fd]
        os.close(fd)
        closed.set()
        file.cancel()


def _give(file: PipeFile, fd: int, closed: threading.Event) -> None:
    """Write to a descriptor what a pipe has, until either's other side is closed.

    The thread that takes sets ``closed`` and then cancels; this one begins to read and then looks: so whichever comes
    last ends the read.
    """
    memory = memoryview(bytearray(_PIECE))
    bell = os.eventfd(0, os.EFD_CLOEXEC)
    try:
        while _is_read(fd):
            operation = Read(file.end, memory, lambda _: os.eventfd_write(bell, 1))
            if not file.start(operation):
                if closed.is_set() or not _wait_while_read(fd, bell):
                    file.cancel(partial(is_, operation))
                operation.wait()
            os.eventfd_read(bell)
            if operation.problem is not None:
                break
            data = memory[: operation.size]
            while data:
                data = data[os.write(fd, data) :]
    except (NtError, OSError):
        pass  # nobody reads it
    finally:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            with socket.socket(fileno=os.dup(fd)) as connection, contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        os.close(fd)
        os.close(bell)


def _is_read(fd: int) -> bool:
    """Say whether somebody has the other side of a descriptor that is written to."""
    poll = select.poll()
    poll.register(fd, 0)
    return not poll.poll(0)


def _wait_while_read(fd: int, bell: int) -> bool:
    """Wait until a bell rings; ``False`` as soon as nobody has the other side of a descriptor any more.

    Linux tells of that without being asked for anything, so a reader that dies is noticed before there is data for it.
    """
    poll = select.poll()
    poll.register(fd, 0)
    poll.register(bell, select.POLLIN)
    return all(ready != fd for ready, _ in poll.poll())


def _see_off() -> None:
    """Let what was written to descriptors arrive in their pipes, as the process ends."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        fds = [fd for fd, busy in list(_taking.items()) if busy or _has_something(fd)]
        if not fds:
            return
        time.sleep(0.001)


def _has_something(fd: int) -> bool:
    try:
        return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), "little") > 0
    except OSError:
        return False


atexit.register(_see_off)

"""Standard streams of a child that are handles of its parent: files as they are, pipes by way of a thread."""

from __future__ import annotations

import os
import threading
from typing import Any

from ntipc.errors import NtError
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.win32.binding.disk_calls import _get_osfhandle
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, number_of, object_of

_PIECE = 65_536
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
        reading, writing = os.pipe()
        here, there = (writing, reading) if to_child else (reading, writing)
        self._opened.append(there)
        work = _to_child if to_child else _from_child
        threading.Thread(target=work, args=(thing.duplicate(), here), name="ntipc-stream", daemon=True).start()
        return there

    def close(self) -> None:
        """Close here what only the child needs."""
        for fd in self._opened:
            os.close(fd)
        self._opened.clear()


def _from_child(file: PipeFile, fd: int) -> None:
    """Write to a pipe what a child prints, until it has closed its end."""
    try:
        while data := os.read(fd, _PIECE):
            file.end.write(data)
    except (NtError, OSError):
        pass  # nobody reads it
    finally:
        os.close(fd)
        file.close()


def _to_child(file: PipeFile, fd: int) -> None:
    """Give a child what is written to a pipe, until the other side has closed its end."""
    try:
        while True:
            data = file.end.read(_PIECE)[0]
            while data:
                data = data[os.write(fd, data) :]
    except (NtError, OSError):
        pass  # the end of it, or the child has ended
    finally:
        os.close(fd)
        file.close()

"""Transports over ends of named pipes: operations of NT, whose results the event loop hears of."""

from __future__ import annotations

import asyncio
import warnings
from asyncio import transports
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Operation, Read, Write
from ntipc.win32 import _winapi
from ntipc.win32.binding.pyhandle import object_of_kind
from ntipc.win32.standard.winapi.calls import windows_error

_MOST: Final = 65_536
"""How many bytes one read takes at most."""
_ENDED: Final = (109, 232, 233)
"""Codes of a read that say that the other side is gone."""
_ABORTED: Final = 995
_Transport: Any = transports._FlowControlMixin


def tell(loop: asyncio.AbstractEventLoop, callback: Callable[[Any], None]) -> Callable[[Operation], None]:
    """Return what has a loop call a function when an operation is done, whichever thread completes it."""

    def done(operation: Operation) -> None:
        try:
            loop.call_soon_threadsafe(callback, operation)
        except RuntimeError:
            pass  # the loop is closed

    return done


class PipeHandle:
    """What ``get_extra_info("pipe")`` returns: the handle of the end."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @property
    def handle(self) -> int:
        """The number."""
        return self._handle

    def fileno(self) -> int:
        """Return the number.

        Raises:
            ValueError: It is closed.
        """
        if not self._handle:
            raise ValueError("I/O operation on closed pipe")
        return self._handle

    def close(self) -> None:
        """Close the end. May be repeated."""
        handle, self._handle = self._handle, 0
        if handle:
            _winapi.CloseHandle(handle)

    def __repr__(self) -> str:
        return f"<PipeHandle {f'handle={self._handle!r}' if self._handle else 'closed'}>"


class PipeTransport(_Transport):  # type: ignore[misc]
    """A transport over an end of a pipe, both ways.

    At most one read goes on, into memory that the transport owns. Writes go to the pipe in their order, each as one
    message of a pipe of that type.

    Args:
        loop: The event loop, whose thread alone calls the methods.
        handle: The handle of the end, which the transport owns.
        protocol: The protocol.
        extra: What ``get_extra_info`` knows besides.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, handle: int, protocol: asyncio.BaseProtocol, extra: dict[str, Any]
    ) -> None:
        self._pipe = PipeHandle(handle)
        super().__init__({"pipe": self._pipe, **extra}, loop)
        self._file = object_of_kind(handle, PipeFile)
        self._protocol: Any = protocol
        self._reading: Read | None = None
        self._received: bytes | None = None
        self._waiting: deque[bytes] = deque()
        self._writing: Write | None = None
        self._paused = self._closing = self._lost = False
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._read)

    def __repr__(self) -> str:
        state = "closed" if self._lost else "closing" if self._closing else "open"
        return f"<PipeTransport {state} pipe={self._pipe!r}>"

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if not getattr(self, "_lost", True):
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._pipe.close()

    # the protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have another protocol told of what happens from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        return self._protocol  # type: ignore[no-any-return]

    # reading

    def is_reading(self) -> bool:
        """Say whether the protocol is given what comes."""
        return not self._paused and not self._closing

    def pause_reading(self) -> None:
        """Give the protocol nothing until :meth:`resume_reading`. At most one read is kept back here."""
        if not self._closing:
            self._paused = True

    def resume_reading(self) -> None:
        """Give the protocol what comes, again."""
        if self._closing or not self._paused:
            return
        self._paused = False
        if self._received is not None:
            data, self._received = self._received, None
            self._loop.call_soon(self._give, data)
        else:
            self._loop.call_soon(self._read)

    def _read(self) -> None:
        if self._reading is not None or self._received is not None or self._paused or self._closing:
            return
        self._reading = Read(self._file.end, bytearray(_MOST), tell(self._loop, self._read_done))
        self._begin(self._reading)

    def _begin(self, operation: Operation) -> None:
        try:
            self._file.start(operation)
        except NtError as problem:
            operation.fail(problem)
            operation.conclude()

    def _read_done(self, operation: Read) -> None:
        if operation is not self._reading:
            return
        self._reading = None
        if self._closing:
            return
        if operation.problem is not None:
            code = operation.problem.winerror
            self._give(b"") if code in _ENDED else self._fail(windows_error(code), "read from")
            return
        data = bytes(operation.buffer[: operation.size])
        if self._paused:
            self._received = data
        elif data:
            self._give(data)
        else:
            self._read()  # a message of no length is no end

    def _give(self, data: bytes) -> None:
        if self._closing:
            return
        if self._paused:
            self._received = data
            return
        try:
            if not data:
                if not self._protocol.eof_received():
                    self.close()
                return
            if isinstance(self._protocol, asyncio.BufferedProtocol):
                self._fill(self._protocol, data)
            else:
                self._protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as problem:
            self._fail(problem, "give data to the protocol of")
            return
        self._read()

    @staticmethod
    def _fill(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
        while data:
            memory = memoryview(protocol.get_buffer(len(data)))
            size = min(len(memory), len(data))
            if not size:
                raise RuntimeError("get_buffer() returned an empty buffer")
            memory[:size] = data[:size]
            protocol.buffer_updated(size)
            data = data[size:]

    # writing

    def get_write_buffer_size(self) -> int:
        """Return how many bytes have been written here and not to the pipe."""
        own = len(self._writing.data) - self._writing.size if self._writing is not None else 0
        return own + sum(map(len, self._waiting))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write data, without waiting: it goes to the pipe as it has room.

        Raises:
            TypeError: It is no bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._closing or not len(data):
            return
        self._waiting.append(bytes(data))
        if self._writing is None:
            self._write_next()
        self._maybe_pause_protocol()

    def can_write_eof(self) -> bool:
        """Say no: an end of a pipe is closed as a whole."""
        return False

    def write_eof(self) -> None:
        """Refuse.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("an end of a pipe is closed as a whole")

    def _write_next(self) -> None:
        self._writing = Write(self._file.end, self._waiting.popleft(), tell(self._loop, self._written))
        self._begin(self._writing)

    def _written(self, operation: Write) -> None:
        if operation is not self._writing:
            return
        self._writing = None
        if operation.problem is not None:
            if not self._lost and operation.problem.winerror != _ABORTED:
                self._fail(windows_error(operation.problem.winerror), "write to")
            return
        if self._waiting:
            self._write_next()
        elif self._closing:
            self._call_connection_lost(None)
            return
        self._maybe_resume_protocol()

    # the end

    def is_closing(self) -> bool:
        """Say whether it is closed, or will be once all is written."""
        return self._closing

    def close(self) -> None:
        """Close it once all is written; nothing is read any more."""
        if self._closing:
            return
        self._closing = True
        self._file.cancel(lambda operation: operation is self._reading)
        if self._writing is None:
            self._loop.call_soon(self._call_connection_lost, None)

    def abort(self) -> None:
        """Close it at once; what is not written is lost."""
        self._force(None)

    def _fail(self, problem: BaseException, doing: str) -> None:
        if not isinstance(problem, OSError):
            context = {"message": f"Cannot {doing} a pipe", "exception": problem, "transport": self}
            self._loop.call_exception_handler({**context, "protocol": self._protocol})
        self._force(problem)

    def _force(self, problem: BaseException | None) -> None:
        if self._lost:
            return
        self._closing = True
        self._waiting.clear()
        self._reading = self._writing = None
        self._file.cancel()
        self._loop.call_soon(self._call_connection_lost, problem)

    def _call_connection_lost(self, problem: BaseException | None) -> None:
        if self._lost:
            return
        self._lost = True
        try:
            self._protocol.connection_lost(problem)
        finally:
            self._pipe.close()

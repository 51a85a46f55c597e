"""Servers of named pipes in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import Connect, Operation
from ntipc.win32 import _winapi
from ntipc.win32.binding.pyhandle import object_of_kind
from ntipc.win32.standard.asyncio.pipe_transports import PipeTransport, tell

_BUFSIZE: Final = 32 * 1024
_MODE: Final = _winapi.PIPE_TYPE_MESSAGE | _winapi.PIPE_READMODE_MESSAGE | _winapi.PIPE_WAIT


class PipeServer:
    """Serves a named pipe until it is closed. One instance always listens.

    Args:
        loop: The event loop.
        protocol_factory: Makes a protocol for each client.
        address: The path of the pipe.

    Raises:
        PermissionError: The pipe exists.

    Source:
        ``asyncio.windows_events.PipeServer`` (the standard library on Windows).
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str
    ) -> None:
        self._loop = loop
        self._factory = protocol_factory
        self._address = address
        self._handle = 0
        self._closed = False
        self._listen(first=True)

    def closed(self) -> bool:
        """Say whether it is closed."""
        return self._closed

    def close(self) -> None:
        """Take no further clients. Those that are connected stay."""
        if not self._closed:
            self._closed = True
            _winapi.CloseHandle(self._handle)

    def _listen(self, *, first: bool = False) -> None:
        access = _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED
        if first:
            access |= _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE
        self._handle = _winapi.CreateNamedPipe(
            self._address,
            access,
            _MODE,
            _winapi.PIPE_UNLIMITED_INSTANCES,
            _BUFSIZE,
            _BUFSIZE,
            _winapi.NMPWAIT_WAIT_FOREVER,
            _winapi.NULL,
        )
        file = object_of_kind(self._handle, PipeFile)
        file.start(Connect(file.end, tell(self._loop, self._connected)))  # type: ignore[arg-type]

    def _connected(self, operation: Operation) -> None:
        if self._closed:
            return
        handle = self._handle
        try:
            self._listen()
        except OSError as problem:
            self._complain("Cannot make another instance of a pipe", problem)
            self._closed = True
        if operation.problem is not None:  # the client has gone again
            _winapi.CloseHandle(handle)
            return
        try:
            PipeTransport(self._loop, handle, self._factory(), {"addr": self._address})
        except Exception as problem:
            _winapi.CloseHandle(handle)
            self._complain("A protocol of a pipe cannot be made", problem)

    def _complain(self, message: str, problem: BaseException) -> None:
        self._loop.call_exception_handler({"message": message, "exception": problem, "server": self})

r"""Event loops that have named pipes: ``asyncio.windows_events``.

>>> import asyncio
>>> class Echo(asyncio.Protocol):
...     def connection_made(self, transport):
...         self.transport = transport
...     def data_received(self, data):
...         self.transport.write(data.upper())
...         self.transport.close()
>>> async def main():
...     loop = asyncio.get_running_loop()
...     [server] = await loop.start_serving_pipe(Echo, r"\\.\pipe\echo")
...     reader = asyncio.StreamReader()
...     protocol = asyncio.StreamReaderProtocol(reader)
...     transport, _ = await loop.create_pipe_connection(lambda: protocol, r"\\.\pipe\echo")
...     transport.write(b"hello")
...     answer = await reader.read()
...     transport.close()
...     server.close()
...     await asyncio.sleep(0)
...     return answer
>>> loop = ProactorEventLoop()
>>> loop.run_until_complete(main()), loop.close()
(b'HELLO', None)
"""

from __future__ import annotations

import asyncio
from asyncio import unix_events
from collections.abc import Callable
from typing import Any, Final

from ntipc.win32 import _winapi
from ntipc.win32.standard.asyncio.pipe_servers import PipeServer
from ntipc.win32.standard.asyncio.pipe_transports import PipeTransport

_FIRST_DELAY, _LONGEST_DELAY = 0.001, 0.1
"""Seconds between two attempts to connect to a pipe that is busy."""
_PIPE_BUSY: Final = 231

SelectorEventLoop = asyncio.SelectorEventLoop
_Policy: Any = getattr(unix_events, "_DefaultEventLoopPolicy", None) or unix_events.DefaultEventLoopPolicy


class IocpProactor:
    """What waits for the handles of a loop.

    Args:
        concurrency: Without effect.
    """

    def __init__(self, concurrency: int = 0xFFFF_FFFF) -> None:
        self._loop: ProactorEventLoop | None = None

    async def wait_for_handle(self, handle: int, timeout: float | None = None) -> bool:
        """Wait for an object, in a thread; whether it was set in time.

        Raises:
            OSError: It is no handle, or leads to nothing that can be waited for.
        """
        milliseconds = _winapi.INFINITE if timeout is None else max(0, round(timeout * 1000))
        loop = asyncio.get_running_loop()
        code = await loop.run_in_executor(None, _winapi.WaitForSingleObject, handle, milliseconds)
        return bool(code != _winapi.WAIT_TIMEOUT)


class ProactorEventLoop(asyncio.SelectorEventLoop):
    """An event loop of Linux that has named pipes, too.

    Args:
        proactor: Without effect.
    """

    def __init__(self, proactor: IocpProactor | None = None) -> None:
        super().__init__()
        self._proactor = proactor or IocpProactor()

    async def create_pipe_connection(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str
    ) -> tuple[PipeTransport, asyncio.BaseProtocol]:
        """Connect to a named pipe; while all of its instances are busy, wait.

        Args:
            protocol_factory: Makes the protocol.
            address: The path of the pipe.

        Raises:
            FileNotFoundError: There is no such pipe.
            OSError: It cannot be opened.

        Source:
            ``ProactorEventLoop.create_pipe_connection`` (the standard library on Windows).
        """
        rights = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE
        flags, delay = _winapi.FILE_FLAG_OVERLAPPED, _FIRST_DELAY
        while True:
            try:
                handle = _winapi.CreateFile(address, rights, 0, _winapi.NULL, _winapi.OPEN_EXISTING, flags, 0)
                break
            except OSError as problem:
                if getattr(problem, "winerror", None) != _PIPE_BUSY:
                    raise
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
        try:
            protocol = protocol_factory()
        except BaseException:
            _winapi.CloseHandle(handle)
            raise
        return PipeTransport(self, handle, protocol, {"addr": address}), protocol

    async def start_serving_pipe(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], address: str
    ) -> list[PipeServer]:
        """Serve a named pipe: each client gets a protocol of its own.

        Args:
            protocol_factory: Makes the protocols.
            address: The path of the pipe.

        Returns:
            A list of one server, which is closed to end it.

        Raises:
            PermissionError: The pipe exists.

        Source:
            ``ProactorEventLoop.start_serving_pipe`` (the standard library on Windows).
        """
        return [PipeServer(self, protocol_factory, address)]


class WindowsProactorEventLoopPolicy(_Policy):  # type: ignore[misc]
    """The policy of Windows: loops that have pipes."""

    _loop_factory = ProactorEventLoop


class WindowsSelectorEventLoopPolicy(_Policy):  # type: ignore[misc]
    """The other policy of Windows: loops that have sockets alone; here they have what loops of Linux have."""

    _loop_factory = asyncio.SelectorEventLoop


DefaultEventLoopPolicy = WindowsProactorEventLoopPolicy

r"""``multiprocessing.connection`` as Windows has it: with the family ``AF_PIPE``, over named pipes.

One message of a pipe is one object sent, and the handshake with a key is the interpreter's own, so both sides of a
connection may be any of: this module, ``_winapi``, pywin32's modules, and `ntipc.PipeClient`.

>>> import threading
>>> with Listener(r"\\.\pipe\greetings", authkey=b"secret") as listener:
...     thread = threading.Thread(target=lambda: listener.accept().send(["hello", 42]))
...     thread.start()
...     with Client(r"\\.\pipe\greetings", authkey=b"secret") as connection:
...         connection.recv()
...     thread.join()
['hello', 42]
"""

from __future__ import annotations

import itertools
import multiprocessing.connection as _connection
import os
import pickle
import time
from collections import deque
from multiprocessing import AuthenticationError as AuthenticationError
from multiprocessing import BufferTooShort as BufferTooShort
from multiprocessing import reduction
from multiprocessing.connection import Connection as Connection
from multiprocessing.connection import SocketClient as SocketClient  # type: ignore[attr-defined]
from multiprocessing.connection import SocketListener as SocketListener  # type: ignore[attr-defined]
from multiprocessing.connection import answer_challenge as answer_challenge
from multiprocessing.connection import deliver_challenge as deliver_challenge
from typing import Any, Final

from ntipc.overlapped.files import PipeFile
from ntipc.win32 import _winapi
from ntipc.win32.binding.pyhandle import new_handle, object_of_kind
from ntipc.win32.standard.multiprocessing.waits import wait as wait

BUFSIZE: Final = 8192
CONNECTION_TIMEOUT: Final = 20.0
"""How many seconds a client waits for an instance of a pipe that is busy."""
default_family: Final = "AF_PIPE"
families: Final = ["AF_INET", "AF_PIPE"]

_PIPE: Final = "AF_PIPE"
_FIRST_READ: Final = 128
"""How many bytes a receive reads before it knows how long the message is."""
_BUSY: Final = (_winapi.ERROR_SEM_TIMEOUT, _winapi.ERROR_PIPE_BUSY)
_BOTH: Final = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE
_MESSAGES: Final = _winapi.PIPE_TYPE_MESSAGE | _winapi.PIPE_READMODE_MESSAGE | _winapi.PIPE_WAIT
_count = itertools.count()
_Base: Any = _connection._ConnectionBase


def arbitrary_address(family: str) -> Any:
    """Return an address that is free, of a family."""
    if family == _PIPE:
        return rf"\\.\pipe\pyc-{os.getpid()}-{next(_count)}-{os.urandom(4).hex()}"
    return _connection.arbitrary_address(family)  # type: ignore[attr-defined]


def address_type(address: Any) -> str:
    r"""Return the family of an address: that of a path that begins with ``\\`` is ``AF_PIPE``."""
    if isinstance(address, str) and address.startswith(("\\\\", "//./", "//?/")):
        return _PIPE
    return str(_connection.address_type(address))  # type: ignore[attr-defined]


class PipeConnection(_Base):  # type: ignore[misc]
    """A connection over an end of a pipe.

    Args:
        handle: The handle, which the connection owns.
        readable: Whether it may receive.
        writable: Whether it may send.

    Raises:
        ValueError: The handle is no number of one, or it is for nothing.

    Source:
        ``multiprocessing.connection.PipeConnection`` (the standard library on Windows).
    """

    def _close(self) -> None:
        _winapi.CloseHandle(self._handle)

    def _send_bytes(self, buf: Any) -> None:
        _winapi.WriteFile(self._handle, buf)

    def _recv_bytes(self, maxsize: int | None = None) -> Any:
        import io

        received = io.BytesIO()
        most = _FIRST_READ if maxsize is None else min(maxsize, _FIRST_READ)
        try:
            data, code = _winapi.ReadFile(self._handle, most)
            received.write(data)  # type: ignore[arg-type]
            if code == _winapi.ERROR_MORE_DATA:
                left = _winapi.PeekNamedPipe(self._handle)[1]
                if maxsize is not None and most + left > maxsize:
                    self._bad_message_length()
                received.write(_winapi.ReadFile(self._handle, left)[0])  # type: ignore[arg-type]
        except OSError as problem:
            if getattr(problem, "winerror", None) == _winapi.ERROR_BROKEN_PIPE:
                raise EOFError from None
            raise
        return received

    def _poll(self, timeout: float | None) -> bool:
        return bool(wait([self], timeout))


PipeConnection.__module__ = "multiprocessing.connection"


def _reduce(connection: PipeConnection) -> tuple[Any, ...]:
    """Let a connection be sent to another process, such as a child that is being started."""
    end = object_of_kind(connection.fileno(), PipeFile).end
    return _rebuilt, (pickle.dumps(end), connection.readable, connection.writable)


def _rebuilt(reference: bytes, readable: bool, writable: bool) -> PipeConnection:
    handle = new_handle(PipeFile(pickle.loads(reference))).Detach()
    return PipeConnection(handle, readable=readable, writable=writable)


reduction.register(PipeConnection, _reduce)


class PipeListener:
    """Instances of a pipe, of which one always listens.

    Args:
        address: The name.
        backlog: Without effect.

    Raises:
        OSError: It exists already (5), or cannot be made.
    """

    def __init__(self, address: str, backlog: int | None = None) -> None:
        self._address = address
        self._waiting = deque([self._instance(first=True)])
        self._last_accepted = None

    def _instance(self, *, first: bool = False) -> int:
        access = _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED
        if first:
            access |= _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE
        return _winapi.CreateNamedPipe(
            self._address,
            access,
            _MESSAGES,
            _winapi.PIPE_UNLIMITED_INSTANCES,
            BUFSIZE,
            BUFSIZE,
            _winapi.NMPWAIT_WAIT_FOREVER,
            _winapi.NULL,
        )

    def accept(self) -> PipeConnection:
        """Wait for a client; the connection to it."""
        self._waiting.append(self._instance())
        handle = self._waiting.popleft()
        try:
            connecting = _winapi.ConnectNamedPipe(handle, overlapped=True)
            assert connecting is not None
            try:
                _winapi.WaitForMultipleObjects([connecting.event], False, _winapi.INFINITE)
            except BaseException:
                connecting.cancel()
                raise
            connecting.GetOverlappedResult(True)
        except OSError as problem:
            if getattr(problem, "winerror", None) != _winapi.ERROR_NO_DATA:  # a client that has come and gone
                _winapi.CloseHandle(handle)
                raise
        except BaseException:
            _winapi.CloseHandle(handle)
            raise
        return PipeConnection(handle)

    def close(self) -> None:
        """Close the instances that no client is connected to."""
        while self._waiting:
            _winapi.CloseHandle(self._waiting.popleft())


def PipeClient(address: str) -> PipeConnection:
    """Connect to a pipe, of which an instance must be free within 20 seconds.

    Raises:
        FileNotFoundError: There is no such pipe.
        OSError: No instance was free in time, or it is no pipe of messages.
    """
    end = time.monotonic() + CONNECTION_TIMEOUT
    while True:
        try:
            _winapi.WaitNamedPipe(address, 1000)
            handle = _winapi.CreateFile(address, _BOTH, 0, 0, _winapi.OPEN_EXISTING, _winapi.FILE_FLAG_OVERLAPPED, 0)
            break
        except OSError as problem:
            if getattr(problem, "winerror", None) not in _BUSY or time.monotonic() >= end:
                raise
    try:
        _winapi.SetNamedPipeHandleState(handle, _winapi.PIPE_READMODE_MESSAGE, None, None)
    except OSError:
        _winapi.CloseHandle(handle)
        raise
    return PipeConnection(handle)


class Listener(_connection.Listener):
    r"""Listens for clients, on a named pipe or a socket.

    Args:
        address: The address; ``None`` for one that is free.
        family: ``"AF_PIPE"`` or ``"AF_INET"``; ``None`` for that of the address.
        backlog: Of a socket, how many clients may wait.
        authkey: The key that clients must know, and this side proves to know.

    Raises:
        OSError: The address is taken.
        ValueError: The family is not known.
        TypeError: The key is no ``bytes``.
    """

    _listener: Any
    _authkey: bytes | None

    def __init__(
        self, address: Any = None, family: str | None = None, backlog: int = 1, authkey: bytes | None = None
    ) -> None:
        family = family or (address and address_type(address)) or default_family
        if family != _PIPE:
            super().__init__(address, family, backlog, authkey)
            return
        _check_key(authkey)
        self._listener = PipeListener(address or arbitrary_address(_PIPE), backlog)
        self._authkey = authkey

    def accept(self) -> Any:
        """Wait for a client that knows the key; the connection to it.

        Raises:
            AuthenticationError: It does not.
            OSError: The listener is closed.
        """
        return super().accept()


def Client(address: Any, family: str | None = None, authkey: bytes | None = None) -> Any:
    """Connect to a `Listener`.

    Args:
        address: Its address.
        family: ``"AF_PIPE"`` or ``"AF_INET"``; ``None`` for that of the address.
        authkey: The key.

    Raises:
        FileNotFoundError: There is no such pipe.
        AuthenticationError: The other side does not know the key.
        TypeError: The key is no ``bytes``.
    """
    if (family or address_type(address)) != _PIPE:
        return _connection.Client(address, family, authkey)
    _check_key(authkey)
    connection = PipeClient(address)
    if authkey is not None:
        try:
            answer_challenge(connection, authkey)
            deliver_challenge(connection, authkey)
        except BaseException:
            connection.close()
            raise
    return connection


def _check_key(authkey: object) -> None:
    if authkey is not None and not isinstance(authkey, bytes):
        raise TypeError("authkey should be a byte string")


def Pipe(duplex: bool = True) -> tuple[PipeConnection, PipeConnection]:
    """Make two connections that are the ends of a pipe.

    Args:
        duplex: Whether both can send; else the first receives and the second sends.
    """
    name = arbitrary_address(_PIPE)
    access, rights = (_winapi.PIPE_ACCESS_DUPLEX, _BOTH) if duplex else (_winapi.PIPE_ACCESS_INBOUND, _BOTH & ~(2**31))
    flags = access | _winapi.FILE_FLAG_OVERLAPPED | _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE
    here = _winapi.CreateNamedPipe(name, flags, _MESSAGES, 1, BUFSIZE, BUFSIZE, _winapi.NMPWAIT_WAIT_FOREVER, 0)
    try:
        there = _winapi.CreateFile(name, rights, 0, 0, _winapi.OPEN_EXISTING, _winapi.FILE_FLAG_OVERLAPPED, 0)
        _winapi.SetNamedPipeHandleState(there, _winapi.PIPE_READMODE_MESSAGE, None, None)
        connected = _winapi.ConnectNamedPipe(here, overlapped=True)
        assert connected is not None
        connected.GetOverlappedResult(True)
    except BaseException:
        _winapi.CloseHandle(here)
        raise
    return PipeConnection(here, writable=duplex), PipeConnection(there, readable=duplex)


def __getattr__(name: str) -> Any:
    return getattr(_connection, name)


__all__ = ["AuthenticationError", "Client", "Connection", "Listener", "Pipe", "PipeConnection", "wait"]

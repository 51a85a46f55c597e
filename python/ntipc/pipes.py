r"""Named pipes: a server and a client talk, in messages or in bytes, and each learns when the other is gone.

A server makes a pipe by name and accepts clients, each of which gets an *instance* of its own.

>>> import ntipc
>>> server = ntipc.PipeServer("greetings")
>>> client = ntipc.PipeClient(r"\\.\pipe\greetings")
>>> pipe = server.accept()
>>> client.send(b"hello")
>>> pipe.recv()
b'hello'
>>> import os
>>> pipe.peer.pid == client.peer.pid == os.getpid()
True
>>> pipe.close()
>>> client.recv()
Traceback (most recent call last):
ntipc.errors.EndOfStream: ...
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, TypedDict

from ntipc import _kernel
from ntipc.errors import EndOfStream, NtError, Status, from_status
from ntipc.names import describe
from ntipc.objects import HasPid
from ntipc.peers import Peer
from ntipc.pipe_ends import Peeked, PipeEnd, size_of
from ntipc.pipe_instances import ServerEnd
from ntipc.pipe_settings import PipeState
from ntipc.pipe_stream import open_file
from ntipc.sessions import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer


class PipeDetails(TypedDict):
    """What :meth:`Pipe.info` tells.

    ``type`` is that of the pipe, ``mode`` how this end reads. ``in_quota`` and ``out_quota`` are the bytes that may
    wait for this end and for the other one; ``bytes`` and ``messages`` wait for this end now.
    """

    kind: str
    name: str
    server: bool
    type: str
    mode: str
    direction: str
    state: str
    in_quota: int
    out_quota: int
    bytes: int
    messages: int
    instances: int
    max_instances: int | None
    peer: Peer


class Pipe:
    """One end of an instance of a pipe: what :meth:`PipeServer.accept` and :class:`PipeClient` give.

    In message mode, which is that of a pipe of message type, ``recv`` returns what one ``send`` has sent, and ``read``
    a part of it. In byte mode both return what has come, whatever the bounds.

    It can be waited for, alone or with others: it is set while there is something to read, and when the other side is
    gone. When it is, by ``close`` or by death, reading raises :exc:`~ntipc.EndOfStream` (an ``EOFError``) once all that
    was sent has been read, and writing :exc:`~ntipc.PeerGone` (a ``BrokenPipeError``) at once. ``with`` closes it, and
    ``for`` takes messages until the end.

    Source:
        Named Pipes (Win32): CreateNamedPipe, ReadFile, WriteFile, PeekNamedPipe, TransactNamedPipe.
    """

    __slots__ = ("__weakref__", "_end", "_left")

    def __init__(self, end: PipeEnd) -> None:
        self._end = end
        self._left = 0

    # messages

    def send(self, data: Buffer | Sequence[Buffer], timeout: float | None = None) -> None:
        """Send bytes: to a pipe of message type as one message, whole or not at all.

        It returns when what the other side has not read is within the pipe's quota. A message that is longer than the
        quota waits until enough of it is read.

        Args:
            data: Bytes-like, or a list or tuple of pieces that are sent as one.
            timeout: Seconds to wait for room; 0 or less to only try, ``None`` to wait for ever.

        Raises:
            Timeout: There was no room in time. Of a message nothing was sent; of bytes perhaps a part.
            PipeBusy: There is no room now, in non-blocking mode.
            PeerGone: Nobody can read it; a ``BrokenPipeError``.
            AccessDenied: This end may not write.
            InvalidParameter: The message has 1 GiB or more.
            HandleClosed: The pipe is closed.

        Source:
            WriteFile (Win32).
        """
        end = self._end
        if end.settings.is_message:
            if not end.write(data, timeout) and end.nowait and size_of(data):
                raise self._no_room()
            return
        size = size_of(data)
        written = end.write(data, timeout)
        if written < size:
            if end.nowait:
                raise self._no_room()
            detail = f"{written:,} of {size:,} bytes were written"
            raise from_status(Status.TIMEOUT, "Pipe.send", describe("pipe", self.name), detail)

    def recv(self, timeout: float | None = None) -> bytes:
        """Take the next message, or in byte mode what has come.

        Args:
            timeout: Seconds to wait for it; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing is there now, in non-blocking mode.
            EndOfStream: All is read and the other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            HandleClosed: The pipe is closed.

        Source:
            ReadFile (Win32).
        """
        data, self._left = self._end.read(None, timeout)
        return data

    def recv_into(self, buffer: Buffer, timeout: float | None = None) -> int:
        """Take the next message, or a part of it, into memory that is there already.

        Args:
            buffer: A writable object such as a ``bytearray``, a ``memoryview`` or an array.
            timeout: Seconds to wait for something.

        Returns:
            How many bytes it was. If the message is longer than the buffer the rest comes next; :attr:`left` says how
            much that is.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing is there now, in non-blocking mode.
            EndOfStream: All is read and the other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            HandleClosed: The pipe is closed.
        """
        size, self._left = self._end.read_into(buffer, timeout)
        return size

    def transact(self, data: Buffer | Sequence[Buffer], timeout: float | None = None) -> bytes:
        """Send one message and take the one that answers it.

        Args:
            data: Bytes-like, or a list or tuple of pieces.
            timeout: Seconds to wait for the answer.

        Raises:
            PipeBusy: A message waits already, which would be taken for the answer. Nothing is sent.
            InvalidPipeState: This end is not in message mode.
            Timeout: No answer came in time.
            EndOfStream: The other side is gone; an ``EOFError``.
            AccessDenied: This end may not both read and write.

        Source:
            TransactNamedPipe (Win32).

        >>> import ntipc, threading
        >>> server = ntipc.PipeServer("echo")
        >>> def echo():
        ...     with server.accept() as pipe:
        ...         for message in pipe:
        ...             pipe.send(message.upper())
        >>> thread = threading.Thread(target=echo)
        >>> thread.start()
        >>> with ntipc.PipeClient("echo") as client:
        ...     client.transact(b"hello")
        b'HELLO'
        >>> thread.join()
        """
        answer, self._left = self._end.transact(data, None, timeout)
        return answer

    def __iter__(self) -> Iterator[bytes]:
        """Take messages until the other side is gone."""
        try:
            while True:
                yield self.recv()
        except EndOfStream:
            return

    # bytes

    def write(self, data: Buffer | Sequence[Buffer], timeout: float | None = None) -> int:
        """Write bytes: to a pipe of message type as one message.

        Args:
            data: Bytes-like, or a list or tuple of pieces.
            timeout: Seconds to wait for room.

        Returns:
            How many bytes were written: all, or those for which there was room in time, which for a message is all or
            none. In non-blocking mode all or none.

        Raises:
            Timeout: There was no room in time; nothing was written.
            PeerGone: Nobody can read it; a ``BrokenPipeError``.
            AccessDenied: This end may not write.
            HandleClosed: The pipe is closed.

        Source:
            WriteFile (Win32).
        """
        return self._end.write(data, timeout)

    def read(self, size: int, timeout: float | None = None) -> bytes:
        """Read up to so many bytes: of one message in message mode, else of what has come.

        Args:
            size: Most bytes to read.
            timeout: Seconds to wait for something.

        Returns:
            The bytes. In message mode the rest of the message comes next; :attr:`left` says how much that is.

        Raises:
            Timeout: Nothing came in time.
            PipeEmpty: Nothing is there now, in non-blocking mode.
            EndOfStream: All is read and the other side is gone, or has disconnected; an ``EOFError``.
            AccessDenied: This end may not read.
            HandleClosed: The pipe is closed.

        Source:
            ReadFile, which tells of the rest by ERROR_MORE_DATA (Win32).

        >>> import ntipc
        >>> server = ntipc.PipeServer("parts")
        >>> client, pipe = ntipc.PipeClient("parts"), server.accept()
        >>> client.send(b"one message")
        >>> pipe.read(3), pipe.left, pipe.read(100), pipe.left
        (b'one', 8, b' message', 0)
        """
        data, self._left = self._end.read(size, timeout)
        return data

    @property
    def left(self) -> int:
        """How many bytes are left of the message of which the last read or ``recv_into`` of this object took a part."""
        return self._left

    def peek(self, size: int = 65_536) -> Peeked:
        """Look at what waits, and leave it there.

        Args:
            size: Most bytes to look at.

        Returns:
            The ``data``; how many bytes are ``available`` in all; how many are ``left`` of the first message.

        Raises:
            EndOfStream: Nothing waits and the other side is gone; an ``EOFError``.
            AccessDenied: This end may not read.
            HandleClosed: The pipe is closed.

        Source:
            PeekNamedPipe (Win32).

        >>> import ntipc
        >>> server = ntipc.PipeServer("looks")
        >>> client, pipe = ntipc.PipeClient("looks"), server.accept()
        >>> client.send(b"abcdef")
        >>> pipe.peek(2)
        Peeked(data=b'ab', available=6, left=4, messages=1)
        """
        return self._end.peek(size)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until the other side has read all that was written.

        Args:
            timeout: Seconds to wait.

        Raises:
            Timeout: It has not in time.
            PeerGone: Nobody can read it any more; a ``BrokenPipeError``.

        Source:
            FlushFileBuffers (Win32).
        """
        if not self._end.flush(timeout):
            raise from_status(Status.TIMEOUT, "Pipe.flush", describe("pipe", self.name), "not all has been read")

    def makefile(
        self,
        mode: str = "r",
        buffering: int = -1,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Make a file of the pipe, which does not know the bounds of messages.

        Args:
            mode: ``"r"``, ``"w"`` or ``"rw"``, with ``"b"`` for bytes.
            buffering: As for :func:`open`; 0, for bytes, makes an ``io.RawIOBase``.
            encoding: As for :func:`open`.
            errors: As for :func:`open`.
            newline: As for :func:`open`.

        Returns:
            A file. Closing it leaves the pipe open.

        Raises:
            ValueError: ``mode`` is another text.
        """
        return open_file(self._end, mode, buffering, encoding, errors, newline)

    # the instance

    def disconnect(self) -> None:
        """Part from the client; what either side has not read yet is thrown away. Only the server's end can.

        Raises:
            InvalidPipeState: This is a client's end.
            PeerGone: It is disconnected already.
            HandleClosed: The pipe is closed.

        Source:
            DisconnectNamedPipe (Win32).
        """
        self._server_end("disconnect").disconnect()

    def connect(self, timeout: float | None = None) -> None:
        """Wait for another client, with the instance of one that was disconnected. Only the server's end can.

        Args:
            timeout: Seconds to wait.

        Raises:
            InvalidPipeState: This is a client's end, or there is a client already.
            PeerGone: The last client is gone, and was not disconnected.
            Timeout: No client came in time. The instance goes on listening.

        Source:
            ConnectNamedPipe (Win32).

        >>> import ntipc
        >>> server = ntipc.PipeServer("again", max_instances=1)
        >>> first, pipe = ntipc.PipeClient("again"), server.accept()
        >>> pipe.disconnect()
        >>> pipe.connect(timeout=0)
        Traceback (most recent call last):
        ntipc.errors.Timeout: ...
        >>> second = ntipc.PipeClient("again")
        >>> pipe.connected
        True
        """
        self._server_end("connect").connect(timeout)

    @property
    def connected(self) -> bool:
        """Whether there is somebody at the other side."""
        return not self.closed and self._end.state == PipeState.CONNECTED

    @property
    def peer(self) -> Peer:
        """The process at the other side: its ``pid``, ``uid`` and ``exe``, as the kernel of Linux knows them.

        It is the process that connected, or that offered the instance, as it was then.

        Source:
            GetNamedPipeClientProcessId, GetNamedPipeServerProcessId (Win32).
        """
        return self._end.peer

    @property
    def mode(self) -> str:
        """``"message"`` if reads keep to messages, else ``"byte"``. May be set, for a pipe of message type.

        Source:
            SetNamedPipeHandleState (Win32).
        """
        return "message" if self._end.message_reads else "byte"

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in ("message", "byte"):
            subject, detail = describe("pipe", self.name), f"the mode must be 'message' or 'byte', not {mode!r}"
            raise from_status(Status.INVALID_PARAMETER, "Pipe.mode", subject, detail)
        self._end.set_state(message_reads=mode == "message")

    @property
    def type(self) -> str:
        """The pipe's type: ``"message"`` if what is written keeps its bounds, else ``"byte"``."""
        return self._end.settings.mode

    @property
    def blocking(self) -> bool:
        """Whether calls wait. In non-blocking mode none does, whatever its timeout. May be set.

        Source:
            PIPE_NOWAIT (Win32).
        """
        return not self._end.nowait

    @blocking.setter
    def blocking(self, blocking: bool) -> None:
        self._end.set_state(nowait=not blocking)

    # what every object has

    @property
    def name(self) -> str:
        """The pipe's name, without any prefix."""
        return self._end.name

    @property
    def created(self) -> bool:
        """``False``: what is made by name is the server."""
        return False

    @property
    def closed(self) -> bool:
        """Whether this end is closed here."""
        return self._end.closed

    @property
    def handle(self) -> int:
        """The handle's number in this process: that of the way in.

        Raises:
            HandleClosed: The pipe is closed.
        """
        return self._end.reader.handle

    @property
    def session(self) -> Session:
        """The session in which the pipe lives."""
        return self._end.reader.session

    @property
    def reader(self) -> _kernel.Waitable:
        """The way in, for a wait: set while there is something to read, as the pipe itself is."""
        return self._end.reader

    @property
    def writer(self) -> _kernel.Waitable:
        """The way out, for a wait: set while there is room to write, and when nobody can read any more."""
        return self._end.writer

    @property
    def inheritable(self) -> bool:
        """The mark of the handles."""
        return self._end.reader.inheritable

    @inheritable.setter
    def inheritable(self, inheritable: bool) -> None:
        self._end.reader.inheritable = self._end.writer.inheritable = inheritable

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is something to read, or the other side is gone.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            Whether it is so.
        """
        return self._end.reader.wait(timeout)

    def info(self) -> PipeDetails:
        """Tell what is known of this end and of the pipe.

        Raises:
            HandleClosed: The pipe is closed.
            PeerGone: The server has disconnected this client.

        Source:
            GetNamedPipeInfo, GetNamedPipeHandleState (Win32).
        """
        known = self._end.info()
        available, messages = self._end.reader.available()
        return {
            "kind": "Pipe",
            "name": self.name,
            "server": known.server,
            "type": known.mode,
            "mode": self.mode,
            "direction": self._end.settings.direction,
            "state": self._end.state.name.lower(),
            "in_quota": known.in_quota,
            "out_quota": known.out_quota,
            "bytes": available,
            "messages": messages,
            "instances": self._end.instances(),
            "max_instances": known.max_instances,
            "peer": self.peer,
        }

    def duplicate(self, process: int | HasPid | None = None) -> Pipe:
        """Make another object for this end, in this process: it is closed when both are.

        Args:
            process: ``None``. To give the end to another process, send it there: it can be pickled.

        Raises:
            NotSupported: ``process`` is another process.
            HandleClosed: The pipe is closed.
        """
        if process is not None:
            detail = "an end of a pipe is several handles: send the pipe itself"
            raise from_status(Status.NOT_SUPPORTED, "Pipe.duplicate", describe("pipe", self.name), detail)
        return Pipe(self._end.duplicate())

    def close(self) -> None:
        """Close this end: the other side can still read what was sent, and then learns of it. May be repeated."""
        self._end.close()

    def __enter__(self) -> Self:
        self._end.reader.handle  # noqa: B018 - raises HandleClosed
        return self

    def __exit__(
        self, kind: builtins.type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        side = "server" if self._end.is_server else "client"
        label = f"<{type(self).__name__} {self.name!r} {side}"
        if self.closed:
            return f"{label} closed>"
        try:
            return f"{label} {self.mode} {self._end.state.name.lower()} peer={self.peer.pid}>"
        except Exception:  # a repr never raises
            return f"{label}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Send this end to another process, where it is one more handle of it."""
        return Pipe, (self._end,)

    def _waits_for(self) -> _kernel.Waitable:
        return self._end.reader

    def _server_end(self, call: str) -> ServerEnd:
        if not isinstance(self._end, ServerEnd):
            raise from_status(Status.ILLEGAL_FUNCTION, f"Pipe.{call}", describe("pipe", self.name))
        return self._end

    def _no_room(self) -> NtError:
        detail, advice = "there is no room now", "Wait for its writer, or try later"
        return from_status(Status.PIPE_BUSY, "Pipe.send", describe("pipe", self.name), detail, advice=advice)

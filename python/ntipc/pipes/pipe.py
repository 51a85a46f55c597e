"""An end of a named pipe as programs have it, whichever side it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypedDict

from ntipc import _kernel
from ntipc.errors import Status
from ntipc.objects.object import NtObject
from ntipc.objects.waiting import WaitPlan
from ntipc.pipes.end import PipeEnd
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import PipeState
from ntipc.pipes.transfers import PipeTransfers
from ntipc.session.peers import Peer

if TYPE_CHECKING:
    pass


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


class Pipe(PipeTransfers):
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

    __slots__ = ()

    _kind = "pipe"
    _title = "Pipe"
    _several_handles = "an end of a pipe is several handles: send the pipe itself"

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
        self._find_short_ways()

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
        self._find_short_ways()

    @property
    def connected(self) -> bool:
        """Whether there is somebody at the other side."""
        return not self.closed and self._end.state == PipeState.CONNECTED

    @property
    def peer(self) -> Peer:
        """The process at the other side: its ``pid``, ``uid`` and ``exe``, as the kernel of Linux knows them.

        It is the process that connected, or that offered the instance. Linux is asked when this is first read: of a
        process that has ended, left the session or called ``exec`` by then, ``uid`` and ``exe`` are ``None``.

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
            raise self._failure(Status.INVALID_PARAMETER, "mode", f"the mode must be 'message' or 'byte', not {mode!r}")
        self._end.set_state(message_reads=mode == "message", operation="Pipe.mode")
        self._find_short_ways()

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
        self._end.set_state(nowait=not blocking, operation="Pipe.blocking")
        self._find_short_ways()

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
    def _primary(self) -> NtObject:
        return self._end.reader

    @property
    def reader(self) -> _kernel.Waitable:
        """The way in, for a wait: set while there is something to read, as the pipe itself is."""
        return self._end.reader

    @property
    def writer(self) -> _kernel.Waitable:
        """The way out, for a wait: set while there is room to write, and when nobody can read any more."""
        return self._end.writer

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is something to read, or the other side is gone.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            Whether it is so.

        Raises:
            HandleClosed: The pipe is closed.
        """
        if self._end.is_connected:
            return self._end.reader.wait(timeout)
        return super().wait(timeout)

    def info(self) -> PipeDetails:
        """Tell what is known of this end and of the pipe.

        Raises:
            HandleClosed: The pipe is closed.
            PeerGone: The server has disconnected this client.

        Source:
            GetNamedPipeInfo, GetNamedPipeHandleState (Win32).
        """
        known = self._end.info()
        available, messages = self._end.reader._available()
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

    def _duplicate_parts(self, original: Self, access: int | str | None, inheritable: bool) -> None:
        super()._duplicate_parts(original, access, inheritable)
        self._find_short_ways()

    def close(self) -> None:
        """Close this end: the other side can still read what was sent, and then learns of it. May be repeated."""
        super().close()
        self._find_short_ways()

    def _epithets(self) -> list[str]:
        return ["server" if self._end.is_server else "client"]

    def _state(self) -> list[str]:
        return [self.mode, self._end.state.name.lower(), f"peer={self.peer.pid}"]

    def __reduce__(self) -> tuple[object, ...]:
        """Send this end to another process, where it is one more handle of it."""
        return _assembled, (type(self), self._end)

    def _wait_plan(self) -> WaitPlan:
        self._end.reader.handle  # noqa: B018 - raises HandleClosed
        return self._end.wait_plan()

    def _server_end(self, call: str) -> ServerEnd:
        if not isinstance(self._end, ServerEnd):
            raise self._failure(Status.ILLEGAL_FUNCTION, call)
        return self._end


def _assembled(kind: type[Pipe], end: PipeEnd) -> Pipe:
    pipe = kind.__new__(kind)
    Pipe.__init__(pipe, end)
    return pipe

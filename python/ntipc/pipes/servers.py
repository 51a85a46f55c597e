"""Servers of pipes: accepting one client after the other.

>>> import ntipc
>>> with ntipc.PipeServer("greetings") as server, ntipc.PipeClient("greetings") as client:
...     with server.accept(timeout=10) as pipe:
...         pipe.send(b"hello")
...     client.recv()
b'hello'
"""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType
from typing import Self, TypedDict

from ntipc import _kernel
from ntipc.deadlines import Deadline
from ntipc.errors import InvalidPipeState, NtError, PeerGone, PipeBusy, Status, Timeout, from_status
from ntipc.events import Event
from ntipc.names import describe
from ntipc.objects import HasPid
from ntipc.pipe_names import locate_pipe
from ntipc.pipes.instances import ServerEnd
from ntipc.pipes.offers import PipeName, count_instances, open_vacancy, wait_for_vacancy
from ntipc.pipes.pipe import Pipe
from ntipc.pipes.settings import DEFAULT_WAIT, Settings, checked_quota
from ntipc.sessions import Session, attach
from ntipc.waits import wait_any

DEFAULT_QUOTA = 65_536
_PATIENCE = 0.05
"""Seconds in which an instance of a server that was killed a moment ago counts no more."""


class PipeServerInfo(TypedDict):
    """What :meth:`PipeServer.info` tells; ``instances`` counts those of all servers of the pipe."""

    kind: str
    name: str
    mode: str
    direction: str
    in_quota: int
    out_quota: int
    instances: int
    max_instances: int | None


class PipeServer:
    r"""A server of a pipe. It listens as soon as it is made, with one instance at a time that :meth:`accept` gives out.

    Any number of servers, in one process or in several, may serve one pipe: clients go to who has listened longest. The
    first one decides what the pipe is; the name is free again once the last server and its last instance are closed.
    A server can be waited for, alone or with others: it is set when a client has come. Where several threads wait, one
    of them gets the client, so accept with a timeout of 0 then. ``with`` closes it.

    Args:
        name: The pipe's name, as ``\\.\pipe\name`` or only the last part, in any case.
        mode: ``"message"`` if what is written keeps its bounds, or ``"byte"``.
        direction: ``"duplex"``, ``"inbound"`` (clients write, the server reads) or ``"outbound"``.
        max_instances: How many instances there may be at a time, those of all servers, 1 to 254; ``None``, or 255 as on
            Windows, for any number. Each process that holds an instance counts, and so does each duplicate.
        in_quota: Bytes that a client may write before it waits for the server to read; 0 makes each write wait.
        out_quota: Bytes that the server may write before it waits for the client to read.
        default_wait: Seconds that clients wait for an instance when they leave that to the server, as Windows programs
            may.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        AccessDenied: The pipe exists, and has another direction.
        PipeBusy: It exists, and has as many instances as it may have.
        InvalidName: ``name`` cannot be the name of a pipe.
        InvalidParameter: Another argument is impossible.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateNamedPipe (Win32).

    >>> server = PipeServer("orders", max_instances=3)
    >>> server.created, server.info()["instances"]
    (True, 1)
    """

    __slots__ = (
        "__weakref__",
        "_arguments",
        "_closed",
        "_idle",
        "_making",
        "_name",
        "_quotas",
        "_turn",
        "_wanted",
    )

    def __init__(
        self,
        name: str,
        *,
        mode: str = "message",
        direction: str = "duplex",
        max_instances: int | None = None,
        in_quota: int = DEFAULT_QUOTA,
        out_quota: int = DEFAULT_QUOTA,
        default_wait: float = DEFAULT_WAIT,
        session: Session | str | None = None,
    ) -> None:
        options = mode, direction, max_instances, in_quota, out_quota, default_wait
        self._make(name, _kernel.OPEN_OR_CREATE, options, session)

    @classmethod
    def create(
        cls,
        name: str,
        *,
        mode: str = "message",
        direction: str = "duplex",
        max_instances: int | None = None,
        in_quota: int = DEFAULT_QUOTA,
        out_quota: int = DEFAULT_QUOTA,
        default_wait: float = DEFAULT_WAIT,
        session: Session | str | None = None,
    ) -> Self:
        """Make the first server of a pipe; the arguments are those of the constructor.

        Raises:
            ObjectExists: Some server has the name.

        Source:
            FILE_FLAG_FIRST_PIPE_INSTANCE (Win32).
        """
        self = cls.__new__(cls)
        options = mode, direction, max_instances, in_quota, out_quota, default_wait
        self._make(name, _kernel.CREATE, options, session)
        return self

    def _make(
        self,
        name: str,
        disposition: int,
        options: tuple[str, str, int | None, int, int, float],
        session: Session | str | None,
    ) -> None:
        mode, direction, max_instances, in_quota, out_quota, default_wait = options
        location = locate_pipe(name)
        subject = describe("pipe", location.name)
        self._wanted = Settings.checked(subject, direction, mode, max_instances, default_wait)
        self._quotas = checked_quota(subject, "in_quota", in_quota), checked_quota(subject, "out_quota", out_quota)
        self._arguments = name, options
        self._closed = False
        self._renew_locks()
        self._name = PipeName(location, location.attachment(session)._native, self._wanted, disposition)
        try:
            self._idle: ServerEnd | None = self._instance(_PATIENCE)
        except BaseException:
            self._name.close()
            raise
        _servers.add(self)

    def _renew_locks(self) -> None:
        # All threads wait for one instance, one after the other: one that nobody waits for would keep its client.
        self._turn = threading.Lock()
        self._making = threading.Lock()

    def _instance(self, patience: float = 0) -> ServerEnd:
        """Make an instance, which listens."""
        end = ServerEnd(self._name, self._wanted, *self._quotas, patience=patience)
        if end.settings.is_message:
            end.set_state(message_reads=True)
        return end

    def _listening(self, call: str) -> ServerEnd:
        """Return the instance that listens, or that has a client whom nobody has accepted."""
        with self._making:
            self._check_open(call)
            if self._idle is None or self._idle.closed:  # it is closed if this process has been forked since
                self._idle = self._instance()
            return self._idle

    def accept(self, timeout: float | None = None) -> Pipe:
        """Wait for a client.

        The next one can connect at once, to another instance, if there may be one more. Threads that accept at the
        same time have their turns.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            The server's end of the instance that the client is connected to. The client may have written something and
            be gone by now.

        Raises:
            Timeout: No client came in time.
            PipeBusy: The pipe has as many instances as it may have, and none was closed in time; a ``TimeoutError``.
            HandleClosed: The server is closed.

        Source:
            ConnectNamedPipe (Win32).
        """
        deadline = Deadline(timeout)
        self._check_open("accept")
        turn, taken = self._turn, [False]
        try:
            _take_turn(turn, deadline.left(), taken)
            if not taken[-1]:
                raise self._failure(Status.TIMEOUT, "accept", "no client has come")
            return Pipe(self._accepted(deadline))
        finally:
            if taken[-1]:
                turn.release()
            if self._closed:
                self._close_idle()

    def _accepted(self, deadline: Deadline) -> ServerEnd:
        """Wait until the instance that listens has a client, and have the next one listen."""
        while True:
            try:
                end = self._listening("accept")
                break
            except PipeBusy:  # there may be no more instances: one has to be closed first
                if not wait_for_vacancy(self._name, deadline.left()):
                    raise
        try:
            end.connect(deadline.left())
        except (InvalidPipeState, PeerGone) as news:  # a client is there, or was
            if news.status not in (Status.PIPE_CONNECTED, Status.PIPE_CLOSING):
                raise
        except Timeout:
            raise self._failure(Status.TIMEOUT, "accept", "no client has come") from None
        with self._making:
            self._idle = None
            if not self._closed:
                try:
                    self._idle = self._instance()
                except NtError:
                    pass  # the next call waits for it, or says what is wrong
        return end

    def _close_idle(self) -> None:
        """Close the instance that listens, unless a thread waits for a client, which closes it afterwards."""
        turn, taken = self._turn, [False]
        try:
            _take_turn(turn, 0, taken)
            if taken[-1] and self._idle is not None:
                self._idle.close()
                self._idle = None
        finally:
            if taken[-1]:
                turn.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a client has come, whom :meth:`accept` then gives.

        With as many instances as there may be no client can come until one of them is closed, wherever it is.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            Whether it is so.
        """
        return wait_any((self,), timeout) is not None

    def _waits_for(self) -> tuple[_kernel.Waitable, bool]:
        """Return what is set when a client has come; or, with ``False``, when one more instance may listen."""
        while True:
            try:
                end = self._listening("wait")
            except PipeBusy:
                if (vacancy := open_vacancy(self._name)) is not None:
                    return vacancy, False
            else:
                # An accept that was interrupted may have seen that there is one.
                return (Event(initial=True, session=self.session) if end.is_connected else end.reader), True

    def _is_set(self) -> bool:
        with self._making:
            end = self._idle
        return end is not None and end.has_client()

    @property
    def name(self) -> str:
        """The pipe's name, without any prefix."""
        return self._name.location.name

    @property
    def created(self) -> bool:
        """Whether this is the first server of the pipe."""
        return self._name.created

    @property
    def closed(self) -> bool:
        """Whether this server is closed."""
        return self._closed

    @property
    def session(self) -> Session:
        """The session in which the pipe lives."""
        return self._name.reader.session

    def info(self) -> PipeServerInfo:
        """Tell what is known of the pipe.

        Raises:
            HandleClosed: The server is closed.

        Source:
            GetNamedPipeInfo, GetNamedPipeHandleState (Win32).
        """
        self._check_open("info")
        settings = self._name.settings
        return {
            "kind": "PipeServer",
            "name": self.name,
            "mode": settings.mode,
            "direction": settings.direction,
            "in_quota": self._quotas[0],
            "out_quota": self._quotas[1],
            "instances": count_instances(self._name),
            "max_instances": settings.max_instances,
        }

    @property
    def handle(self) -> int:
        """The number, in this process, of the handle that keeps the name.

        Raises:
            HandleClosed: The server is closed.
        """
        return self._name.reader.handle

    @property
    def inheritable(self) -> bool:
        """The mark of the handles that keep the name."""
        return self._name.reader.inheritable

    @inheritable.setter
    def inheritable(self, inheritable: bool) -> None:
        self._name.reader.inheritable = self._name.writer.inheritable = inheritable

    def duplicate(self, process: int | HasPid | None = None) -> Self:
        """Make one more server of the pipe, in this process.

        Args:
            process: ``None``. To have one in another process, send this one there: it can be pickled.

        Raises:
            NotSupported: ``process`` is another process.
            PipeBusy: There may be no more instances.
            HandleClosed: The server is closed.
        """
        self._check_open("duplicate")
        if process is not None:
            raise self._failure(
                Status.NOT_SUPPORTED, "duplicate", "a server is several handles: send the server itself"
            )
        twin = type(self).__new__(type(self))
        twin._make(self._arguments[0], _kernel.OPEN, self._arguments[1], self.session)
        return twin

    def close(self) -> None:
        """Accept no more clients. Those that are connected stay so. May be repeated.

        A thread that waits in :meth:`accept` goes on waiting; let it wait for an event as well, by ``wait_any``.
        """
        if self._closed:
            return
        self._closed = True
        self._close_idle()
        self._name.close()

    def __enter__(self) -> Self:
        self._check_open("__enter__")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        settings = self._name.settings
        state = "closed" if self._closed else f"{settings.mode} {settings.direction}"
        return f"<{type(self).__name__} {self.name!r} {state}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Say how to make one more server of the pipe in another process."""
        self._check_open("__reduce__")
        return _serve_too, (type(self), *self._arguments, tuple(self.session._place))

    def _check_open(self, call: str) -> None:
        if self._closed:
            raise self._failure(Status.INVALID_HANDLE, call)

    def _failure(self, status: Status, call: str, detail: str = "") -> NtError:
        return from_status(status, f"PipeServer.{call}", describe("pipe", self.name), detail)


def _serve_too(
    kind: type[PipeServer],
    name: str,
    options: tuple[str, str, int | None, int, int, float],
    place: tuple[str, str, int, int, int | None],
) -> PipeServer:
    server = kind.__new__(kind)
    server._make(name, _kernel.OPEN_OR_CREATE, options, attach(place))
    return server


def _take_turn(turn: threading.Lock, timeout: float | None, taken: list[bool]) -> None:
    """Acquire a lock and note whether it is, in one step: no signal handler comes in between."""
    limit = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
    taken.extend(map(turn.acquire, (True,), (limit,)))


_servers: weakref.WeakSet[PipeServer] = weakref.WeakSet()


def _renew_locks() -> None:
    for server in list(_servers):  # the thread that had one is not in this process
        server._renew_locks()


os.register_at_fork(after_in_child=_renew_locks)

"""Servers of pipes: accepting one client after the other.

>>> import ntipc
>>> with ntipc.PipeServer("greetings") as server, ntipc.PipeClient("greetings") as client:
...     with server.accept(timeout=10) as pipe:
...         pipe.send(b"hello")
...     client.recv()
b'hello'
"""

from __future__ import annotations

from contextlib import suppress
from typing import Self, TypedDict

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc._runtime.turns import Turns, taken
from ntipc.errors import HandleClosed, InvalidPipeState, PeerGone, PipeBusy, Status, describe
from ntipc.objects.composite import Composite
from ntipc.objects.devices import locate_pipe
from ntipc.objects.object import NtObject
from ntipc.objects.process_ids import HasPid, is_here
from ntipc.objects.waiting import WaitPlan
from ntipc.pipes.listener import Listener
from ntipc.pipes.offers import PipeName, count_instances
from ntipc.pipes.pipe import Pipe
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import DEFAULT_WAIT, Settings, checked_quota
from ntipc.session.session import Session, attach
from ntipc.sync.events import Event

DEFAULT_QUOTA = 65_536


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


class PipeServer(Composite, holds=("_listener",)):
    r"""A server of a pipe. It listens as soon as it is made, with one instance at a time that :meth:`accept` gives out.

    Any number of servers, in one process or in several, may serve one pipe: clients go to the server that has listened
    longest. The first one decides what the pipe is; the name is free again once the last server and its last instance
    are closed. A server can be waited for, alone or with others: it is set when a client has come. Where several
    threads wait, one of them gets the client, so accept with a timeout of 0 then. ``with`` closes it.

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

    __slots__ = ("_arguments", "_listener", "_turns")

    _kind = "pipe"
    _several_handles = "a server is several handles: send the server itself"

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
        *,
        may_wait: bool = False,
    ) -> None:
        mode, direction, max_instances, in_quota, out_quota, default_wait = options
        location = locate_pipe(name)
        subject = describe("pipe", location.name)
        wanted = Settings.checked(subject, direction, mode, max_instances, default_wait)
        quotas = checked_quota(subject, "in_quota", in_quota), checked_quota(subject, "out_quota", out_quota)
        self._arguments = name, options
        hold = PipeName(location, location.attachment(session)._native, wanted, disposition)
        self._listener = Listener(hold, wanted, quotas, may_wait=may_wait)
        # Threads wait for one instance in turns: an instance for which no thread waited would keep its client.
        self._turns = Turns()

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
        self._listener.check_open("accept")
        lock, mine = self._turns.lock, list[bool]()
        try:
            mine.extend(taken(lock, deadline.left()))
            if not any(mine):
                raise self._failure(Status.TIMEOUT, "accept", "no client has come")
            while (end := self._accepted(deadline)) is None:
                pass
            return Pipe(end)
        except HandleClosed:
            self._listener.check_open("accept")  # by another thread, meanwhile
            raise
        finally:
            if mine and mine[0]:
                lock.release()

    def _accepted(self, deadline: Deadline) -> ServerEnd | None:
        """Wait until the instance that listens has a client. ``None``: the caller has to begin again."""
        try:
            end = self._listener.instance("accept")
        except PipeBusy:  # there may be no more instances: one has to be closed first
            vacancy = self._listener.vacancy("accept")
            with suppress(HandleClosed):  # the next attempt notices it, unless this is a child of a fork by now
                if vacancy and _kernel.wait_multiple(vacancy, False, deadline.left()) is None:
                    raise
            return None
        try:
            if not end.notice_client():
                end.connect(deadline.left(), operation="PipeServer.accept")
        except (InvalidPipeState, PeerGone) as news:  # a client is there, or was
            if news.status not in (Status.PIPE_CONNECTED, Status.PIPE_CLOSING):
                raise
        except HandleClosed:
            if self._listener.closed or not end.closed:
                raise
            return None  # a child of a fork: the instance is its parent's
        return end if self._listener.claim(end, "accept") else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a client has come, whom :meth:`accept` then gives.

        With as many instances as there may be no client can come until one of them is closed, wherever it is.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            Whether it is so.

        Raises:
            HandleClosed: The server is closed.
        """
        return super().wait(timeout)

    def _wait_plan(self) -> WaitPlan:
        """Say what is set when a client has come; or, not final, when one more instance may listen."""
        while True:
            try:
                end = self._listener.instance("wait")
            except PipeBusy:
                if vacancy := self._listener.vacancy("wait"):
                    return WaitPlan(vacancy, final=False)
            else:
                # Without a door there is a client, whom an accept that was interrupted has seen.
                return WaitPlan((end.door or Event(initial=True, session=self.session),))

    def _is_set(self) -> bool:
        return self._listener.has_client()

    @property
    def name(self) -> str:
        """The pipe's name, without any prefix."""
        return self._listener.name.location.name

    @property
    def created(self) -> bool:
        """Whether this is the first server of the pipe."""
        return self._listener.name.created

    @property
    def closed(self) -> bool:
        """Whether this server is closed."""
        return self._listener.closed

    @property
    def _primary(self) -> NtObject:
        self._listener.check_open("handle")
        return self._listener.name.reader

    @property
    def session(self) -> Session:
        """The session in which the pipe lives."""
        return self._listener.name.reader.session

    def info(self) -> PipeServerInfo:
        """Tell what is known of the pipe.

        Raises:
            HandleClosed: The server is closed.

        Source:
            GetNamedPipeInfo, GetNamedPipeHandleState (Win32).
        """
        self._listener.check_open("info")
        settings = self._listener.name.settings
        return {
            "kind": "PipeServer",
            "name": self.name,
            "mode": settings.mode,
            "direction": settings.direction,
            "in_quota": self._listener.quotas[0],
            "out_quota": self._listener.quotas[1],
            "instances": count_instances(self._listener.name),
            "max_instances": settings.max_instances,
        }

    def duplicate(
        self, process: int | HasPid | None = None, *, access: int | str | None = None, inheritable: bool = False
    ) -> Self:
        """Make one more server of the pipe, in this process.

        Args:
            process: ``None``, or this process. To have one in another, send this one there: it can be pickled.
            access: ``None``: a server has all rights.
            inheritable: Mark of the handles that keep the name.

        Raises:
            NotSupported: ``process`` is another process, or ``access`` is given.
            PipeBusy: There may be no more instances.
            HandleClosed: The server is closed.
        """
        self._listener.check_open("duplicate")
        if not is_here(process):
            raise self._failure(Status.NOT_SUPPORTED, "duplicate", self._several_handles)
        if access is not None:
            raise self._failure(Status.NOT_SUPPORTED, "duplicate", "a server has all rights")
        twin = type(self).__new__(type(self))
        twin._make(self._arguments[0], _kernel.OPEN, self._arguments[1], self.session)
        twin.inheritable = inheritable
        return twin

    def close(self) -> None:
        """Accept no more clients. Those that were accepted stay connected. May be repeated.

        A thread that waits for a client, in :meth:`accept` or otherwise, gets :exc:`~ntipc.HandleClosed`. A client that
        nobody has accepted learns that the other side is gone.
        """
        super().close()

    def _state(self) -> list[str]:
        settings = self._listener.name.settings
        return [settings.mode, settings.direction]

    def __reduce__(self) -> tuple[object, ...]:
        """Say how to make one more server in another process. Without a vacancy, it waits there for one."""
        self._listener.check_open("__reduce__")
        return _serve_too, (type(self), *self._arguments, tuple(self.session._place))


def _serve_too(
    kind: type[PipeServer],
    name: str,
    options: tuple[str, str, int | None, int, int, float],
    place: tuple[str, str, int, int, int | None],
) -> PipeServer:
    server = kind.__new__(kind)
    server._make(name, _kernel.OPEN_OR_CREATE, options, attach(place), may_wait=True)
    return server

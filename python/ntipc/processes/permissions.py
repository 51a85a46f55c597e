"""What a process lets others do in it: allocate memory, map sections, start threads.

A process that lets others do something answers their calls, in threads of its own, as a service of procedure calls. Its
name is that of the process: its id and when it started. Without the service nobody can ask.
"""

from __future__ import annotations

import os
import queue
import threading
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple

from msgspec import msgpack

from ntipc.errors import (
    AccessDenied,
    HandleClosed,
    InvalidParameter,
    InvalidViewSize,
    MappedAlignment,
    NtError,
    OutOfResources,
    Status,
    Timeout,
    from_status,
)
from ntipc.other_memory.blocks import Blocks
from ntipc.other_memory.marks import Marked, marked, within_run
from ntipc.processes.threads import Thread
from ntipc.rpc import Server, current, raises
from ntipc.rpc.failures import failure_frame
from ntipc.sections import Section
from ntipc.session.session import Session, within

_MOST_OUTCOMES = 1024
"""Results of threads that nobody has asked for; beyond them the oldest is dropped."""


class Allowed(NamedTuple):
    """What others may do here."""

    memory: bool
    sections: bool
    threads: bool


def service_name(pid: int, start_time: int) -> str:
    """The name of the service of a process."""
    return f"process {pid} {start_time}"


_refuses = raises(
    *(AccessDenied, HandleClosed, InvalidParameter, InvalidViewSize, MappedAlignment, NtError, OutOfResources),
    *(LookupError, Timeout, TypeError, ValueError),
)
"""Marks methods whose refusals are answers like others, and nothing for this process's log."""


class Service:
    """What a process does for others. Its methods are called by them, in threads of the process."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._allowed = Allowed(False, False, False)
        self._blocks = Blocks()
        self._tickets = count(1)
        self._outcomes: dict[int, Run] = {}

    @_refuses
    def allocate(self, size: int, access: str) -> int:
        """Allocate memory."""
        self._demand("memory", "allocate")
        _must_be_wanted("allocate")
        return self._blocks.allocate(size, access)

    @_refuses
    def protect(self, address: int, size: int, access: str) -> None:
        """Change what may be done with memory that was allocated so."""
        self._demand("memory", "protect")
        self._blocks.protect(address, size, access)

    @_refuses
    def free(self, address: int) -> None:
        """Free memory that was allocated so."""
        self._demand("memory", "free")
        self._blocks.free(address)

    @_refuses
    def map_section(self, section: Section, offset: int, size: int | None, access: str | None) -> int:
        """Map a section."""
        self._demand("sections", "map_section")
        with section:
            _must_be_wanted("map_section")
            return self._blocks.map(section, offset, size, access)

    @_refuses
    def unmap(self, address: int) -> None:
        """Unmap a view that was mapped so."""
        self._demand("sections", "unmap")
        self._blocks.unmap(address)

    @_refuses
    def start(self, name: str, arguments: bytes) -> tuple[int, Thread]:
        """Start a thread with a marked function; its number, to ask for its result by, and the thread."""
        self._demand("threads", "start_thread")
        function = marked(name)
        if function is None:
            detail = f"{name!r} is no function that this process has marked with @ntipc.remote"
            raise from_status(Status.ACCESS_DENIED, "Process.start_thread", f"process {os.getpid()}", detail)
        run = Run(function, function.arguments(arguments), self._session)
        _must_be_wanted("start_thread")
        ticket = next(self._tickets)
        self._outcomes[ticket] = run
        try:
            thread = run.start()
        except BaseException:
            self._outcomes.pop(ticket, None)
            raise
        self._drop_outcomes()
        return ticket, thread

    @_refuses
    def outcome(self, ticket: int) -> tuple[bool, bytes]:
        """Give what a thread that has ended returned or raised, and which of the two."""
        run = self._outcomes.get(ticket)
        if run is None:
            raise LookupError("the result is not there: it was given before, or too many others came after it")
        run.done.wait()
        run.given = not current().cancelled  # a caller that has given up asks again
        return run.raised, run.result

    def cancel(self, ticket: int) -> None:
        """Nobody needs the result."""
        run = self._outcomes.get(ticket)
        if run is not None:
            run.cancelled.set()

    def _demand(self, what: str, call: str) -> None:
        if not getattr(self._allowed, what):
            detail = f"it has not allowed that: ntipc.allow_remote({what}=True)"
            raise from_status(Status.ACCESS_DENIED, f"Process.{call}", f"process {os.getpid()}", detail)

    def _drop_outcomes(self) -> None:
        runs = list(self._outcomes.items())
        given = [ticket for ticket, run in runs if run.given]
        finished = [ticket for ticket, run in runs if run.done.is_set() and not run.given]
        for ticket in given + finished[: max(0, len(finished) - _MOST_OUTCOMES)]:
            self._outcomes.pop(ticket, None)


class Run:
    """A function that runs in a thread because another process wants it."""

    def __init__(self, function: Marked, arguments: tuple[Any, ...], session: Session) -> None:
        self._function, self._arguments, self._session = function, arguments, session
        self._begun: queue.SimpleQueue[Thread | BaseException] = queue.SimpleQueue()
        self.done, self.cancelled = threading.Event(), threading.Event()
        self.given = False
        self.raised, self.result = False, b""

    def start(self) -> Thread:
        """Start the thread, and return it as an object."""
        threading.Thread(target=self._run, name=f"ntipc.remote {self._function.name}", daemon=True).start()
        begun = self._begun.get()
        if isinstance(begun, BaseException):
            raise begun
        return begun.duplicate()

    def _run(self) -> None:
        try:
            thread = Thread.current(session=self._session)
        except BaseException as problem:
            self._begun.put(problem)
            return
        self._begun.put(thread)
        code = 1
        try:
            result = within_run(self.cancelled.is_set, self._function.function, *self._arguments)
            self.result = msgpack.encode(result)
            code = _code(result)
        except BaseException as problem:  # the other process gets the error, and this one goes on
            self.raised, self.result = True, failure_frame(problem, {})
        finally:
            self._arguments = ()
            self.done.set()
            with suppress(NtError):  # this process has left the session meanwhile
                thread._note_exit_code(code)


def _must_be_wanted(call: str) -> None:
    """Refuse what the caller has given up, perhaps while this process was stopped, and would never undo."""
    if current().cancelled:
        raise from_status(Status.TIMEOUT, f"Process.{call}", f"process {os.getpid()}", "the caller has given up")


def _code(result: object) -> int:
    """The exit code for a result: an int as 32 bits with a sign, anything else as 0."""
    if not isinstance(result, int):
        return 0
    return (int(result) + 2**31) % 2**32 - 2**31


_lock = threading.Lock()
_servers: dict[str, tuple[int, Server, Service]] = {}
"""By the path of the session: whose service it is, after forks, and the service."""


def allow_remote(
    memory: bool = False, sections: bool = False, threads: bool = False, *, session: Session | str | None = None
) -> None:
    """Let other processes of the session do something in this one. What is not allowed is ``AccessDenied`` for them.

    Each call replaces what was allowed before; without arguments nothing is from then on. What others made here stays.
    A child of a fork allows nothing.

    Args:
        memory: Whether they may allocate, protect and free memory: :meth:`Process.allocate`.
        sections: Whether they may map sections: :meth:`Process.map_section`.
        threads: Whether they may start functions marked with :func:`ntipc.remote`: :meth:`Process.start_thread`.
        session: The session whose participants may; ``None`` for the default one.

    Raises:
        TypeError: An argument is no bool.
        NotSupported: There is no /proc, which tells this process from a later one with its id.

    Source:
        What VirtualAllocEx, MapViewOfFile2 and CreateRemoteThread ask a process's security descriptor (Win32).

    >>> import ntipc
    >>> ntipc.allow_remote(memory=True)
    >>> with ntipc.Process.current() as here:
    ...     address = here.allocate(100)
    ...     here.write_memory(address, b"there")
    ...     here.read_memory(address, 5)
    ...     here.free(address)
    b'there'
    >>> ntipc.allow_remote()
    """
    for name, value in (("memory", memory), ("sections", sections), ("threads", threads)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be a bool, not {type(value).__name__}")
    own, allowed = within(session), Allowed(memory, sections, threads)
    with _lock:
        pid, server, service = _servers.get(own.path, (0, None, None))
        if server is None or service is None or pid != os.getpid() or not server.running:
            if not any(allowed):
                return
            server, service = _serve(own, allowed)
            _servers[own.path] = os.getpid(), server, service
        service._allowed = allowed
        if not any(allowed):
            del _servers[own.path]
            server.close()


def _serve(session: Session, allowed: Allowed) -> tuple[Server, Service]:
    from ntipc.processes.process import Process

    with Process.current(session=session) as here:
        pid, _, start_time = here._identity()
    service = Service(session)
    service._allowed = allowed
    return Server(service_name(pid, start_time), service, threads=8, session=session).start(), service


def _forget() -> None:
    """In a forked child: the services are its parent's."""
    global _lock
    _lock = threading.Lock()
    _servers.clear()


os.register_at_fork(after_in_child=_forget)

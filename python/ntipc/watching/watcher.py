"""The watcher: it owns a port, and hears what happens in the processes that report there.

>>> import ntipc, threading
>>> watcher = ntipc.Watcher("guard")
>>> heard = []
>>> listening = threading.Thread(target=lambda: heard.extend(watcher.events(until="unwatched")))
>>> listening.start()
>>> with ntipc.watch("guard", timeout=10):
...     pass
>>> listening.join()
>>> [event.kind for event in heard]
['process-start', 'unwatched']
>>> watcher.close()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import NtError, ReplyMismatch, Timeout
from ntipc.ports import Connection, ConnectionRequest, Port, PortMessage
from ntipc.session.session import Session
from ntipc.sync import wait_any
from ntipc.watching import events
from ntipc.watching.events import WatchEvent, event
from ntipc.watching.watched import GO_ON, HANDLED


class _Process:
    """A process that reports here.

    Attributes:
        pid: Its process id, as Linux knows it.
        report: What its ``faulthandler`` writes to, or ``None``.
        ended: It has said that it ends.
    """

    def __init__(self, pid: int, report: int | None) -> None:
        self.pid = pid
        self.report = report
        self.ended = False

    def last_words(self) -> str:
        """Return what ``faulthandler`` wrote, and forget it."""
        if self.report is None:
            return ""
        try:
            size = os.fstat(self.report).st_size
            return os.pread(self.report, min(size, events.LONGEST_TEXT), 0).decode("utf-8", "replace")
        finally:
            os.close(self.report)
            self.report = None


class Watcher:
    """Hears what happens in the processes that called :func:`~ntipc.watch` with this port's name.

    Any number of processes may report to one watcher. A crash of one cannot hang it: the end of a process is reported
    whatever becomes of it.

    Args:
        name: Name of the port.
        on_exception: Asked about each exception that nothing in its process has caught: true if it is dealt with, so
            that the process reports it nowhere else. Without it, all go on their ordinary way.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectExists: The name is taken.

    Source:
        A debug port and an exception port of NT: LPC_DEBUG_EVENT, LPC_EXCEPTION, LPC_CLIENT_DIED.
    """

    def __init__(
        self,
        name: str,
        *,
        on_exception: Callable[[WatchEvent], object] | None = None,
        session: Session | str | None = None,
    ) -> None:
        self._port = Port(name, session=session)
        self.on_exception = on_exception

    @property
    def name(self) -> str:
        """Name of the port."""
        return self._port.name

    @property
    def processes(self) -> tuple[int, ...]:
        """Ids of the processes that report here now."""
        return tuple(one.context.pid for one in self._port.connections if isinstance(one.context, _Process))

    def events(self, timeout: float | None = None, *, until: str | None = None) -> Iterator[WatchEvent]:
        """Hear what happens, as it happens.

        Args:
            timeout: Seconds after which it ends; ``None`` for never.
            until: A kind of event after which it ends.
        """
        deadline = Deadline(timeout)
        while True:
            try:
                happened = self.next(deadline.left())
            except Timeout:
                return
            yield happened
            if happened.kind == until:
                return

    def next(self, timeout: float | None = None) -> WatchEvent:
        """Hear the next event.

        Raises:
            Timeout: None came in time.
            HandleClosed: The watcher is closed.
        """
        deadline = Deadline(timeout)
        while True:
            if (happened := self._accept()) or (happened := self._receive()):
                return happened
            if wait_any([self._port], timeout=deadline.left()) is None:
                raise self._port._failure(Timeout.status, "next", "nothing has happened")

    def _accept(self) -> WatchEvent | None:
        try:
            request = self._port.listen(0)
        except Timeout:
            return None
        report, pid = _report_of(request)
        try:
            request.accept(context=_Process(pid, report))
        except NtError:  # it has ended meanwhile
            if report is not None:
                os.close(report)
        return None

    def _receive(self) -> WatchEvent | None:
        try:
            message = self._port.receive(0)
        except Timeout:
            return None
        process: Any = message.connection.context
        if not isinstance(process, _Process):
            return None
        if message.is_closed:
            return self._end_of(process)
        try:
            happened = WatchEvent.decode(message.data)
        except (ValueError, TypeError):
            message.connection.close()
            return None
        if message.is_request:
            self._answer(message, happened)
        if happened.kind in (events.PROCESS_END, events.UNWATCHED):
            process.ended = True
        return happened

    def _end_of(self, process: _Process) -> WatchEvent | None:
        """The connection has ended: by a process that said so, or by a death."""
        words = process.last_words()
        if process.ended and not words:
            return None
        return event(events.FATAL if words else events.PROCESS_END, process.pid, text=words)

    def _answer(self, message: PortMessage, happened: WatchEvent) -> None:
        handled = self.on_exception is not None and bool(self.on_exception(happened))
        try:
            message.reply(HANDLED if handled else GO_ON)
        except ReplyMismatch:
            pass  # it has not waited

    def close(self) -> None:
        """Watch no more: the watched processes go on. Closing again does nothing."""
        for connection in self._port.connections:
            _forget(connection)
        self._port.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _forget(connection: Connection) -> None:
    if isinstance(connection.context, _Process):
        connection.context.last_words()


def _report_of(request: ConnectionRequest) -> tuple[int | None, int]:
    """Open what the new process's ``faulthandler`` writes to; and say which process it is."""
    number, _, data = request.data.partition(b" ")
    try:
        pid = request.peer.pid or WatchEvent.decode(data).pid
        if int(number) < 0 or not request.peer.pid:
            return None, pid
        return os.open(f"/proc/{pid}/fd/{int(number)}", os.O_RDONLY | os.O_CLOEXEC), pid
    except (OSError, ValueError):
        return None, request.peer.pid

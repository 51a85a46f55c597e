"""The watched side: a process that reports to a watcher what happens in it.

It is NT's debug port and exception port in one. It reports starts and ends of threads without waiting for an answer.
For an exception that nothing has caught it waits: the watcher says whether it is dealt with. A watcher that is dead, or
does not answer in time, keeps nobody: the exception then takes its ordinary way.
"""

from __future__ import annotations

import atexit
import faulthandler
import os
import sys
import threading
import traceback
from types import TracebackType
from typing import IO, Any

from ntipc.errors import NtError, Status, describe, from_status
from ntipc.ports import PortClient
from ntipc.session.session import Session
from ntipc.watching import events
from ntipc.watching.events import WatchEvent, event

HANDLED = b"handled"
GO_ON = b"go on"
ANSWER_SECONDS = 30.0


class Watched:
    """This process's part in being watched: what :func:`watch` returns.

    Args:
        client: The connection to the watcher.
        answer_timeout: Seconds that an exception waits for the watcher's word.
        report: Where ``faulthandler`` writes.
    """

    def __init__(self, client: PortClient, answer_timeout: float | None, report: IO[bytes] | None) -> None:
        self._client = client
        self._answer_timeout = answer_timeout
        self._report = report
        self._pid = os.getpid()
        self._excepthook = sys.excepthook
        self._thread_hook = threading.excepthook
        self._bootstrap: Any = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
        self._had_faulthandler = faulthandler.is_enabled()

    @property
    def is_connected(self) -> bool:
        """Whether the watcher is there."""
        return self._client.is_connected

    def _begin(self) -> None:
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        watched, bootstrap = self, self._bootstrap

        def bootstrap_inner(thread: threading.Thread) -> None:
            watched._tell(events.THREAD_START, thread.name)
            try:
                bootstrap(thread)
            finally:
                watched._tell(events.THREAD_END, thread.name)

        threading.Thread._bootstrap_inner = bootstrap_inner  # type: ignore[attr-defined]
        if self._report is not None:
            faulthandler.enable(self._report)
        atexit.register(self._at_exit)
        self._tell(events.PROCESS_START, threading.current_thread().name, text=" ".join(sys.argv))

    def _tell(self, kind: str, thread: str = "", *, text: str = "") -> None:
        """Report something that nobody waits for. What a full or dead watcher does not take is not told."""
        if os.getpid() != self._pid:
            return  # a forked child: it is not watched
        happened = event(kind, self._pid, thread=thread, thread_id=threading.get_native_id(), text=text)
        try:
            self._client.send(happened.encode(), timeout=0)
        except NtError:
            pass

    def _ask(
        self, kind: type[BaseException], value: BaseException | None, trace: TracebackType | None, name: str
    ) -> bool:
        """Report an exception that nothing has caught; whether the watcher has dealt with it."""
        if os.getpid() != self._pid:
            return False
        text = "".join(traceback.format_exception(kind, value, trace))[-events.LONGEST_TEXT :]
        happened = event(
            events.EXCEPTION,
            self._pid,
            thread=name,
            thread_id=threading.get_native_id(),
            type=f"{kind.__module__}.{kind.__qualname__}",
            text=text,
        )
        try:
            return self._client.call(happened.encode(), self._answer_timeout) == HANDLED
        except NtError:  # a dead watcher hangs nobody
            return False

    def _on_exception(self, kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        if not self._ask(kind, value, trace, threading.current_thread().name):
            self._excepthook(kind, value, trace)

    def _on_thread_exception(self, arguments: Any) -> None:
        name = arguments.thread.name if arguments.thread is not None else ""
        if arguments.exc_type is SystemExit or not self._ask(
            arguments.exc_type, arguments.exc_value, arguments.exc_traceback, name
        ):
            self._thread_hook(arguments)

    def _at_exit(self) -> None:
        self._end(events.PROCESS_END)

    def close(self) -> None:
        """Be watched no more; everything is as it was before. Closing again does nothing."""
        self._end(events.UNWATCHED)

    def _end(self, kind: str) -> None:
        global _watched
        if _watched is not self:
            return
        _watched = None
        self._tell(kind, threading.current_thread().name)
        sys.excepthook, threading.excepthook = self._excepthook, self._thread_hook
        threading.Thread._bootstrap_inner = self._bootstrap  # type: ignore[attr-defined]
        atexit.unregister(self._at_exit)
        if self._report is not None:
            faulthandler.disable()
            if self._had_faulthandler:
                faulthandler.enable()
            self._report.close()
        self._client.close()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_watched: Watched | None = None


def watch(
    port: str,
    *,
    timeout: float | None = 0,
    answer_timeout: float | None = ANSWER_SECONDS,
    session: Session | str | None = None,
) -> Watched:
    """Have this process watched: report what happens in it to the :class:`~ntipc.Watcher` that has the port.

    Reported are the starts and ends of threads, exceptions that nothing catches, fatal signals (by ``faulthandler``),
    and the end of the process, however it comes. Forked children are not watched.

    Args:
        port: Name of the watcher's port.
        timeout: Seconds to wait for the watcher to be there.
        answer_timeout: Seconds that an exception waits for the watcher to say whether it is dealt with; ``None`` for as
            long as the watcher lives.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        What ends it: by ``close()``, or a ``with`` block.

    Raises:
        ObjectExists: This process is watched already; the old watcher stays.
        ObjectNotFound: There is no such port.
        ConnectionRefused: The watcher does not want to.

    Source:
        NtSetInformationProcess with ProcessDebugPort and ProcessExceptionPort (NT): STATUS_PORT_ALREADY_SET.
    """
    global _watched
    if _watched is not None and os.getpid() == _watched._pid:
        detail = "this process is watched already"
        raise from_status(Status.PORT_ALREADY_SET, "watch", describe("port", port), detail)
    report: IO[bytes] | None = None
    try:
        report = os.fdopen(os.memfd_create("ntipc-fatal"), "wb", buffering=0)
    except OSError:
        pass  # fatal signals are reported without a traceback
    hello = WatchEvent(events.PROCESS_START, os.getpid(), text=" ".join(sys.argv))
    number = -1 if report is None else report.fileno()
    try:
        client = PortClient(port, data=b"%d " % number + hello.encode(), timeout=timeout, session=session)
    except BaseException:
        if report is not None:
            report.close()
        raise
    _watched = Watched(client, answer_timeout, report)
    _watched._begin()
    return _watched

"""Viewers of the program's own, which use the protocol of Windows: ``DBWIN_BUFFER`` and its two events.

A viewer makes a section of 4,096 bytes and two auto-reset events. A writer owns ``DBWinMutex``, waits for
``DBWIN_BUFFER_READY``, stores its process id and the line, and sets ``DBWIN_DATA_READY``. Here no writer waits: a line
that the viewer is not ready for is handed to a thread of the writer's process, which does.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import ExitStack
from queue import SimpleQueue

from ntipc.errors import NtError, describe
from ntipc.errors.abandonment import repaired_by_the_library
from ntipc.sections import Section
from ntipc.session.session import Session, before_leaving
from ntipc.sync import Event, Mutex

BUFFER, READY, DATA, MUTEX = "DBWIN_BUFFER", "DBWIN_BUFFER_READY", "DBWIN_DATA_READY", "DBWinMutex"
LONGEST_TEXT = 4091
"""Bytes of text: the buffer's, without the process id and the NUL at the end."""
MOST_WAITING = 4096
"""Lines that a process keeps for a viewer that is not ready; later ones it does not see."""
PATIENCE = 1.0
"""Seconds after which a thread with lines for a viewer looks whether it lives, and that the end of a process waits."""


class Viewer:
    """The objects of a viewer, opened for one line as on Windows: who kept them would keep a dead viewer's names.

    Raises:
        NtError: There is no viewer.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        with ExitStack() as opened:
            Section.open(BUFFER, "rw", session=session).close()
            self._ready, self._data = Event.open(READY, session=session), Event.open(DATA, session=session)
            opened.callback(self._ready.close)
            opened.callback(self._data.close)
            self._mutex = Mutex(MUTEX, session=session)
            opened.callback(self._mutex.close)
            self._opened = opened.pop_all()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def give(self, text: bytes, timeout: float) -> bool:
        """Store a line in the buffer as soon as it is ready; whether that came in time."""
        if not self._mutex.acquire(timeout=timeout):
            return False
        try:
            if not (self._ready.wait(0) or self._is_awaited() or self._ready.wait(timeout) or self._is_awaited()):
                return False
            line = os.getpid().to_bytes(4, "little") + text + b"\0"
            with Section.open(BUFFER, "rw", session=self._session) as buffer, buffer.map() as view:
                view[: len(line)] = line
            self._data.set()
            return True
        finally:
            self._mutex.release()

    def _is_awaited(self) -> bool:
        """Say whether the viewer waits for a line though its buffer is not ready: a writer took that and was killed.

        No other writer is in the middle, since this one owns the mutex.
        """
        return self._data.info()["waiters"] > 0


def is_alive(session: Session) -> bool:
    """Say whether anybody else has the buffer of a viewer."""
    try:
        with Section.open(BUFFER, "rw", session=session) as buffer:
            return buffer.info()["handles"] > 1
    except NtError:
        return False


class _Relay:
    """Lines of this process that a viewer was not ready for, and the thread that waits for it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lines: SimpleQueue[bytes | None] = (
            SimpleQueue()
        )  # its put may be called in a signal handler during another one
        self.count = 0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="ntipc-viewer", daemon=True)
        self._thread.start()

    def add(self, text: bytes) -> None:
        if self._lines.qsize() < MOST_WAITING:
            self.count += 1
            self._lines.put(text)

    @property
    def is_idle(self) -> bool:
        """Whether every line was given to the viewer, or there is none."""
        return self.count == 0

    def _run(self) -> None:
        while (text := self._lines.get()) is not None:
            while not self._ended and not self._is_over(text):
                pass
            self.count -= 1

    def _is_over(self, text: bytes) -> bool:
        """Give a line to the viewer; whether there is nothing more to do about it."""
        try:
            with Viewer(self._session) as viewer:
                given = viewer.give(text, PATIENCE)
            return given or not is_alive(self._session)
        except NtError:
            return True

    def end(self) -> None:
        """Forget what is left, and wait for the thread to end."""
        self._ended = True
        self._lines.put(None)
        self._thread.join()

    def flush(self) -> None:
        """Wait for a moment, at the end of the process, for the viewer to take what is left."""
        deadline = time.monotonic() + PATIENCE
        while not self.is_idle and time.monotonic() < deadline:
            time.sleep(0.005)


_relays: dict[str, _Relay] = {}
"""By the directory of the session."""


def exists(session: Session) -> bool:
    """Say whether there is a viewer."""
    try:
        with Viewer(session):
            return True
    except NtError:
        return False


def tell(session: Session, text: str) -> bool:
    """Let a viewer have a line, now if it is ready for one. Say whether there is a viewer."""
    line = _encoded(text)
    try:
        with Viewer(session) as viewer:
            relay = _relays.get(session.path)
            if (relay is None or relay.is_idle) and viewer.give(line, 0):
                return True
        if not is_alive(session):
            return False
    except NtError:
        return False
    if relay is None:
        relay = _relays[session.path] = _Relay(session)
    relay.add(line)
    return True


def _encoded(text: str) -> bytes:
    """A line as the buffer holds it: up to the first NUL, cut between two characters."""
    whole = text.partition("\0")[0].encode("utf-8", "replace")
    return whole[:LONGEST_TEXT].decode("utf-8", "ignore").encode() if len(whole) > LONGEST_TEXT else whole


def _flush() -> None:
    for relay in _relays.values():
        relay.flush()


def _leave(path: str) -> None:
    """End the thread that waits in a session, before this process leaves it."""
    if (relay := _relays.pop(path, None)) is not None:
        relay.end()


repaired_by_the_library.add(describe("mutex", MUTEX))
before_leaving(_leave)
os.register_at_fork(after_in_child=_relays.clear)
atexit.register(_flush)

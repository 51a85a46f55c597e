"""Lines out of the debug log.

>>> import ntipc
>>> reader, event = Reader(), ntipc.Event()
>>> ntipc.output_debug_string("hello")
>>> ntipc.wait_any([event, reader]).index
1
>>> reader.read(timeout=0).text, reader.read(timeout=0), reader.lost
('hello', None, 0)
>>> reader.close()
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import HandleClosed, NtError, Status, from_status
from ntipc.objects.parts import Parts
from ntipc.objects.waiting import WaitedForByPlan, WaitPlan, wait_by_plans
from ntipc.session.session import Session
from ntipc.sync import Event

LONGEST_LINE: int = _kernel.LONGEST_LINE
"""Longest line in bytes of UTF-8; longer ones are cut."""


class Record(NamedTuple):
    """A line of the debug log.

    Attributes:
        pid: Process that wrote it; ``None`` if it lives in another pid namespace: here it would be a stranger's number.
        tid: Its thread, as ``threading.get_native_id()`` says there; ``None`` likewise.
        time: When, in seconds since 1970.
        text: The line.
        truncated: Whether the text was longer.
    """

    pid: int | None
    tid: int | None
    time: float
    text: str
    truncated: bool = False


class Reader(WaitedForByPlan, Parts, parts=("_bell",)):
    """Reads the debug log of a session: every line that is written after it was made, whatever process writes it.

    All readers see the same lines; a session has at most 32 at a time. The lines of a thread come in their order, those
    of several threads in the order of their beginning, except that one whose writer is stopped in the middle of it
    comes late. A reader that is slow loses the oldest lines, and counts them. It can be waited for like an event that
    is set while there is something to read.

    A reader belongs to the process that made it. A forked child finds it closed.

    Args:
        session: The session, or its name; ``None`` for the default one.
        kept: Whether to begin with the lines that other readers had written and that are still there.

    Raises:
        OutOfResources: The session has 32 readers, or no memory for the log.

    Source:
        The debug monitor of OutputDebugString (Win32).

    Differs:
        Of several monitors of Windows each line reaches one.
    """

    __slots__ = ("__weakref__", "_bell", "_native", "_session")

    def __init__(self, *, session: Session | str | None = None, kept: bool = False) -> None:
        self._bell = Event(manual_reset=True, session=session)
        self._native = _kernel.LogReader(self._bell, kept)
        self._session = self._bell.session
        self._leave_at_fork()

    @property
    def session(self) -> Session:
        """The session whose log it reads."""
        return self._session

    @property
    def closed(self) -> bool:
        """Whether it is closed here."""
        return self._bell.closed

    @property
    def lost(self) -> int:
        """Lines written since it was made that it will never read, because others took their place."""
        return self._native.lost

    def read(self, timeout: float | None = None) -> Record | None:
        """Take the next line.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            The line, or ``None`` if none came in time.

        Raises:
            HandleClosed: It is closed, or was closed meanwhile.

        >>> with Reader() as reader:
        ...     reader.read(timeout=0)
        """
        if (line := self._taken()) is not None:
            return line
        deadline = Deadline(timeout)
        while self.wait(deadline.left()):
            if (line := self._taken()) is not None:
                return line
        return None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is something to read.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            HandleClosed: It is closed, or was closed meanwhile.
        """
        return wait_by_plans((self,), False, timeout) is not None

    def __iter__(self) -> Iterator[Record]:
        """Read for ever."""
        while (line := self.read()) is not None:
            yield line

    def close(self) -> None:
        """Read no more. Closing again does nothing."""
        self._native.close()
        if not self.closed:
            try:
                self._bell.set()  # for threads that wait; they find it closed
            except HandleClosed:  # by another thread, meanwhile
                pass
        super().close()

    def duplicate(self, **_: Any) -> NoReturn:
        """Refuse: make another reader.

        Raises:
            NotSupported: Always.
        """
        detail = "a reader belongs to the process that made it"
        raise from_status(Status.NOT_SUPPORTED, "Reader.duplicate", "", detail, advice="Make another Reader")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Reader of the debug log belongs to the process that made it: make another one there")

    def __enter__(self) -> Self:
        if self.closed:
            raise self._closed("__enter__")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Reader of {self._session.name!r}{' closed' if self.closed else f' lost={self.lost}'}>"

    def _taken(self) -> Record | None:
        if (line := self._native.read()) is None:
            return None
        ids, time_ns, text, truncated = line
        pid, tid = ids or (None, None)
        try:
            whole = text.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:  # somebody scribbled on it
            whole = text.decode("utf-8", "replace")
        return Record(pid, tid, time_ns / 1e9, whole, truncated)

    def _wait_plan(self) -> WaitPlan:
        self._native.arm()
        return WaitPlan((self._bell,))

    def _is_set(self) -> bool:
        return self._native.arm()

    def _closed(self, call: str) -> NtError:
        return from_status(Status.INVALID_HANDLE, f"Reader.{call}", "the debug log's reader")

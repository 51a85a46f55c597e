"""What a handle of a pipe leads to: one end, the operations that go on there, and the port that reports them when done.

Handles that are duplicates of each other lead to one such object, which is closed with the last of them.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ntipc.objects.waiting import WaitedForByPlan, WaitPlan, wait_by_plans
from ntipc.overlapped.engine import engine_of
from ntipc.overlapped.lines import Line, WritingLine
from ntipc.overlapped.operations import Operation, Write
from ntipc.sync.events import Event

if TYPE_CHECKING:
    from ntipc.overlapped.ports import CompletionPort
    from ntipc.pipes.end import PipeEnd
    from ntipc.pipes.offers import PipeName
    from ntipc.session.session import Session


class FileObject(WaitedForByPlan):
    """What handles of one file lead to.

    Attributes:
        overlapped: Whether it was opened for operations that go on (FILE_FLAG_OVERLAPPED).
        port: The completion port that reports its operations, if it has one.
        key: The number that the port reports with them.
        alertable: Whether an alert or a queued call ends an operation that its thread waits for
            (FILE_SYNCHRONOUS_IO_ALERT).

    Source:
        FILE_OBJECT (NT).
    """

    _kind = "file"
    created = True

    def __init__(self, *, overlapped: bool) -> None:
        self.overlapped = overlapped
        self.port: CompletionPort | None = None
        self.key = 0
        self.alertable = False
        self.inheritable = False
        self._references = 1
        self._pending = 0
        self._signal: Event | None = None
        self._counting = threading.Lock()

    @property
    def session(self) -> Session | None:
        """The session in which threads wait for it; ``None`` for the default one."""
        return None

    @property
    def closed(self) -> bool:
        """Whether all handles are closed."""
        return self._references <= 0

    def begun(self) -> None:
        """Take note of an operation that begins."""
        with self._counting:
            self._pending += 1
            if self._signal is not None:
                self._signal.clear()

    def completed(self, operation: Any = None) -> None:
        """Take note of an operation that is done."""
        with self._counting:
            self._pending -= 1
            if self._signal is not None and not self._pending and not self._signal.closed:
                self._signal.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no operation goes on; whether none does.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.
        """
        return wait_by_plans((self,), False, timeout) is not None

    def _wait_plan(self) -> WaitPlan:
        with self._counting:
            if self._signal is None or self._signal.closed:
                self._signal = Event(manual_reset=True, initial=not self._pending, session=self.session)
            return WaitPlan((self._signal,))

    def duplicate(self, *, access: int | None = None, inheritable: bool = False) -> Any:
        """Return the object itself, which another handle leads to now."""
        with self._counting:
            self._references += 1
        return self

    def close(self) -> None:
        """Close one of its handles, and with the last one the file."""
        with self._counting:
            self._references -= 1
            last = self._references <= 0
        if last:
            self._close()
            if self._signal is not None:
                self._signal.close()

    @abstractmethod
    def _close(self) -> None:
        """Close the file, of which nobody has a handle any more."""

    def cancel(self, which: Callable[[Operation], bool] = lambda operation: True) -> int:
        """Cancel operations that go on; how many."""
        return 0


class PipeFile(FileObject):
    """A handle's end of a pipe.

    Args:
        end: The end.
        overlapped: Whether its operations may go on after the call that begins them.
        name: For the first end of a server: its hold on the pipe's name, closed with it.

    Source:
        CreateNamedPipe, CreateFile (Win32).
    """

    _kind = "pipe"

    def __init__(self, end: PipeEnd, *, overlapped: bool = False, name: PipeName | None = None) -> None:
        super().__init__(overlapped=overlapped)
        self.end = end
        self._name = name
        self._reads, self._writes = Line(), WritingLine()

    @property
    def session(self) -> Session | None:
        """The session the pipe lives in."""
        reader = self.end.channel.reader
        return reader.session if reader is not None and not reader.closed else None

    def start(self, operation: Operation) -> bool:
        """Begin an operation; whether it is done at once.

        Raises:
            HandleClosed: The end was closed meanwhile.
            OutOfResources: Too many ends are waited for.
        """
        operation.file = self
        self.begun()
        if isinstance(operation, Write):
            return self._writes.begin(operation)
        if self._reads.begin(operation):
            return True
        try:
            engine_of(self.end.reader.session).watch(self._reads)
        except BaseException:
            self._reads.cancel(lambda other: other is operation)
            raise
        return False

    def cancel(self, which: Callable[[Operation], bool] = lambda operation: True) -> int:
        """Cancel operations that go on; how many. No data is lost: what was not moved stays where it is."""
        return self._reads.cancel(which) + self._writes.cancel(which)

    def _close(self) -> None:
        self.end.close()
        if self._name is not None:
            self._name.close()
        self._reads.advance()  # which fails what went on: the end is closed

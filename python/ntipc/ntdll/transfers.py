"""What goes on: IO_STATUS_BLOCK, and how an operation tells that it is done, by its event and by a call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import is_
from typing import Any, Final, NamedTuple

from ntipc import Event
from ntipc.errors import NtError
from ntipc.ntdll.apcs import own_inbox
from ntipc.ntdll.handles import find_of
from ntipc.ntdll.statuses import NTSTATUS, STATUS_PENDING, STATUS_SUCCESS
from ntipc.ntdll.waits import alertable_wait
from ntipc.overlapped import blocking
from ntipc.overlapped.files import PipeFile
from ntipc.overlapped.operations import CANCELLED, Operation

Routine = Callable[..., object]
"""What a thread calls when an operation is done: with the context and the IO_STATUS_BLOCK."""


class IO_STATUS_BLOCK:
    """What became of an operation on a file.

    Attributes:
        Status: STATUS_PENDING while it goes on, then how it went.
        Information: How many bytes were moved, or what a call says beside its status.
    """

    __slots__ = ("Information", "Status", "_operation")

    def __init__(self) -> None:
        self.Status: NTSTATUS = STATUS_SUCCESS
        self.Information = 0
        self._operation: Operation | None = None

    def begun(self) -> None:
        """Take note that an operation begins."""
        self.Status, self.Information = STATUS_PENDING, 0

    def refused(self, status: int) -> None:
        """Take note that an operation has failed in the call that was to begin it."""
        self.Information, self.Status = 0, NTSTATUS(status)

    def __repr__(self) -> str:
        return f"IO_STATUS_BLOCK(Status={self.Status!r}, Information={self.Information})"


class FileResult(NamedTuple):
    """Of calls that make or open a file: the handle, 0 if there is none, and ``FILE_OPENED`` or ``FILE_CREATED``."""

    status: NTSTATUS
    handle: int
    information: int

    def __bool__(self) -> bool:
        return bool(self.status)


FILE_SUPERSEDED: Final = 0
FILE_OPENED: Final = 1
FILE_CREATED: Final = 2
FILE_OVERWRITTEN: Final = 3


def no_file(status: NTSTATUS) -> FileResult:
    """Make the result of a call that opens nothing."""
    return FileResult(status, 0, 0)


class Ending(NamedTuple):
    """How the end of an operation is reported."""

    block: IO_STATUS_BLOCK | None
    event: Event | None
    call: Callable[[], Any] | None

    @classmethod
    def of(cls, event: int | None, routine: Routine | None, context: Any, block: IO_STATUS_BLOCK | None) -> Ending:
        """Take the arguments that all calls have; the event is cleared.

        Raises:
            NtError: It is no event.
        """
        signal = find_of(event, Event) if event else None
        if signal is not None:
            signal.clear()
        inbox = own_inbox() if routine is not None else None
        call = None
        if routine is not None and inbox is not None:
            call = partial(inbox.post, partial(routine, context, block))
        return cls(block, signal, call)

    def refuse(self, status: int) -> NTSTATUS:
        """Tell that it has failed at once: in the block alone."""
        if self.block is not None:
            self.block.refused(status)
        return NTSTATUS(status)

    def tell(self, status: int, size: int) -> NTSTATUS:
        """Tell that it is done."""
        if self.block is not None:
            self.block.Information, self.block.Status = size, NTSTATUS(status)
        if self.event is not None:
            try:
                self.event.set()
            except NtError:
                pass  # closed meanwhile
        if self.call is not None:
            self.call()
        return NTSTATUS(status)


def run(file: PipeFile, operation: Operation, ending: Ending) -> NTSTATUS:
    """Do an operation on a pipe. One that was opened for it goes on after the call.

    Raises:
        NtError: It has failed at once.
    """
    if ending.block is not None:
        ending.block.begun()
        ending.block._operation = operation
    if not file.overlapped:
        cancel = partial(file.cancel, partial(is_, operation))
        with blocking.ended_by(cancel, ending.block):
            return (_wait_alertably if file.alertable else _wait)(file, operation, ending, cancel)
    operation.when_done = partial(_tell, ending)
    return NTSTATUS(operation.status) if file.start(operation) else STATUS_PENDING


def _wait(file: PipeFile, operation: Operation, ending: Ending, cancel: Callable[[], object]) -> NTSTATUS:
    """Do an operation, and wait for its end."""
    operation.when_done = partial(_tell, ending)
    if not file.start(operation):
        operation.wait()
    return NTSTATUS(operation.status)


def _wait_alertably(file: PipeFile, operation: Operation, ending: Ending, cancel: Callable[[], object]) -> NTSTATUS:
    """The same; an alert, or a call that is queued for the thread, ends it."""
    bell = Event(manual_reset=True)
    operation.when_done = lambda _: bell.set()
    try:
        status = STATUS_SUCCESS
        if not file.start(operation):
            try:
                status = alertable_wait(bell)
            finally:
                cancel()
                operation.wait()
        if status != STATUS_SUCCESS and operation.status == CANCELLED:
            return ending.refuse(CANCELLED)
        _tell(ending, operation)
        return NTSTATUS(operation.status)
    finally:
        bell.close()


def _tell(ending: Ending, operation: Operation) -> None:
    file = operation.file
    if operation.status == CANCELLED and isinstance(file, PipeFile) and not file.overlapped:
        ending.refuse(CANCELLED)
    elif operation.problem is not None and not operation.went_on:  # the call itself says so
        ending.refuse(operation.status)
    else:
        ending.tell(operation.status, operation.size)

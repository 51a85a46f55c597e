"""One operation on an end of a pipe: how it is tried, what it waits for, and what became of it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ntipc import _kernel
from ntipc.errors import HandleClosed, NtError, PipeEmpty, Status, Timeout, from_status
from ntipc.mailslots.mailslot import Mailslot
from ntipc.pipes.end import PipeEnd
from ntipc.pipes.server_end import ServerEnd
from ntipc.pipes.settings import PipeState

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ntipc.overlapped.files import FileObject

SUCCESS: Final = 0
PENDING: Final = 0x0000_0103
BUFFER_OVERFLOW: Final = 0x8000_0005
"""The status of a read that a part of a message was too long for."""
CANCELLED: Final = 0xC000_0120
_ABORTED: Final = 995
"""The Win32 error code of CANCELLED."""


class Operation(ABC):
    """An operation that is tried until it succeeds or fails; then ``when_done`` is called, once.

    Attributes:
        status: The NT status: PENDING as long as it goes on.
        size: How many bytes have been moved.
        problem: What went wrong, if it failed.
        thread: The thread that has begun it.
        when_done: Called with the operation when it is done, by whichever thread has completed it.
        file: The file it is done on, which learns of the end before ``when_done`` is called.
        went_on: Whether it was not done at once.
    """

    file: FileObject | None = None
    went_on = False

    def __init__(self, when_done: Callable[[Operation], object] | None = None) -> None:
        self.status = PENDING
        self.size = 0
        self.problem: NtError | None = None
        self.thread = threading.get_ident()
        self.when_done = when_done
        self._done = threading.Event()

    @property
    def is_done(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.status != PENDING

    @property
    def winerror(self) -> int:
        """The Win32 error code of what became of it: 0 for success, 234 if a part of the message is left."""
        if self.problem is not None:
            return self.problem.winerror
        return {SUCCESS: 0, BUFFER_OVERFLOW: 234}.get(self.status, 997)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is done, and ``when_done`` has been called; whether it is."""
        return self._done.wait(timeout)

    @abstractmethod
    def attempt(self) -> bool:
        """Do it if it can be done without waiting; whether it is done now.

        Raises:
            NtError: It has failed.
        """

    @abstractmethod
    def waits_for(self) -> tuple[_kernel.Waitable, ...]:
        """Say what is set when another attempt is due.

        Raises:
            NtError: It has failed.
        """

    def try_now(self) -> bool:
        """Attempt it; whether it is done now, with success or a failure."""
        try:
            if not self.attempt():
                return False
            self.status = self.status if self.is_done else SUCCESS
        except NtError as problem:
            self.fail(problem)
        return True

    def fail(self, problem: NtError) -> None:
        """Take note that it has failed."""
        self.problem, self.status = problem, int(problem.status)

    def cancel(self) -> None:
        """Take note that it was cancelled."""
        problem = from_status(CANCELLED, "CancelIo", "", problem="the operation was cancelled")
        problem.winerror = _ABORTED
        self.fail(problem)

    def conclude(self) -> None:
        """Tell that it is done, once."""
        if self.file is not None:
            self.file.completed(self)
        if self.when_done is not None:
            self.when_done(self)
        self._done.set()


class Connect(Operation):
    """Waits until a client is connected to a server's end.

    Source:
        ConnectNamedPipe (Win32).
    """

    def __init__(self, end: ServerEnd, when_done: Callable[[Operation], object] | None = None) -> None:
        super().__init__(when_done)
        self.end = end

    def attempt(self) -> bool:
        """Say whether a client is there."""
        if self.end.closed:
            raise from_status(Status.PIPE_BROKEN, "Pipe.connect")
        if self.end.notice_client():
            return True
        if self.end.state == PipeState.DISCONNECTED:
            raise from_status(Status.PIPE_DISCONNECTED, "Pipe.connect")
        return False

    def waits_for(self) -> tuple[_kernel.Waitable, ...]:
        """Say what is set when a client comes."""
        door = self.end.door
        return () if door is None else (door,)


class Read(Operation):
    """Reads into memory.

    Attributes:
        buffer: The memory, which is kept alive until it is done.
        left: How many bytes of the message are left for the next read.

    Source:
        ReadFile (Win32).
    """

    def __init__(self, end: PipeEnd, buffer: Buffer, when_done: Callable[[Operation], object] | None = None) -> None:
        super().__init__(when_done)
        self.end = end
        self.buffer = memoryview(buffer).cast("B")
        self.left = 0

    def attempt(self) -> bool:
        """Read what is there."""
        try:
            self.size, self.left = self.end.read_into(self.buffer, 0, operation="ReadFile")
        except PipeEmpty:
            raise
        except Timeout:
            return False
        except HandleClosed:
            raise from_status(Status.PIPE_BROKEN, "ReadFile") from None
        if self.left:
            self.status = BUFFER_OVERFLOW
        return True

    def waits_for(self) -> tuple[_kernel.Waitable, ...]:
        """Say what is set when there is something to read."""
        return self.end.wait_plan().waitables


class ReadSlot(Operation):
    """Reads a message of a mailslot into memory."""

    def __init__(self, slot: Mailslot, buffer: Buffer, when_done: Callable[[Operation], object] | None = None) -> None:
        super().__init__(when_done)
        self.slot = slot
        self.buffer = memoryview(buffer).cast("B")

    def attempt(self) -> bool:
        """Take the next message."""
        try:
            self.size = self.slot.read_into(self.buffer, 0)
        except Timeout:
            return False
        return True

    def waits_for(self) -> tuple[_kernel.Waitable, ...]:
        """Say what is set when there is a message."""
        return (self.slot,)


class Transact(Read):
    """Writes a message, and reads the one that answers it.

    Source:
        TransactNamedPipe (Win32).
    """

    def __init__(
        self,
        end: PipeEnd,
        data: Buffer,
        buffer: Buffer,
        when_done: Callable[[Operation], object] | None = None,
    ) -> None:
        super().__init__(end, buffer, when_done)
        self._question: Buffer | None = data

    def attempt(self) -> bool:
        """Ask, once; then read the answer if it is there."""
        if self._question is not None:
            self.end.ask(self._question, operation="TransactNamedPipe")
            self._question = None
        return super().attempt()


class Write(Operation):
    """Writes, a message whole or a stream in parts.

    Attributes:
        data: What is written, kept alive until it is done.

    Source:
        WriteFile (Win32).
    """

    def __init__(self, end: PipeEnd, data: Buffer, when_done: Callable[[Operation], object] | None = None) -> None:
        super().__init__(when_done)
        self.end = end
        self.data = memoryview(data).cast("B")

    def attempt(self) -> bool:
        """Write what there is room for; whether that is all."""
        return self.write_for(0)

    def write_for(self, seconds: float) -> bool:
        """Write what there is room for in that time; whether that is all.

        Raises:
            NtError: It has failed.
        """
        try:
            with self.data[self.size :] as rest:
                self.size += self.end.write(rest, seconds, operation="WriteFile")
        except Timeout:
            return False
        except HandleClosed:
            raise from_status(Status.PIPE_BROKEN, "WriteFile") from None
        return self.size >= len(self.data) or self.end.nowait

    def waits_for(self) -> tuple[_kernel.Waitable, ...]:
        """Refuse: what is set when there is some room does not tell of room for all of a message."""
        raise NotImplementedError

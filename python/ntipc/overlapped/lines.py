"""The operations of one end in one direction, which are done in the order in which they were begun.

A forked child has none of them: they are its parent's, which goes on with them.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from ntipc import _kernel
from ntipc._runtime.turns import Turns
from ntipc.errors import NtError
from ntipc.overlapped.operations import Operation, Write

_PATIENCE = 0.1
"""Seconds in which a write to a full pipe may be done before it counts as one that goes on."""
_CANCEL_LOOK = 0.05
"""Seconds after which a write that waits for room looks whether it was cancelled."""


class Line:
    """Operations that wait their turn. Everything is done under one lock; ends are reported after its release."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._waiting: deque[Operation] = deque()
        self._owner = os.getpid()

    @property
    def lock(self) -> threading.RLock:
        """The lock; a child of a fork finds it free."""
        return self._turns.lock

    @property
    def waiting(self) -> deque[Operation]:
        """The operations that go on, the next one first. To be called with the lock."""
        if self._owner != os.getpid():
            self._waiting, self._owner = deque(), os.getpid()
        return self._waiting

    def begin(self, operation: Operation) -> bool:
        """Attempt an operation, or put it in line behind those that go on; whether it is done.

        Its ``when_done`` has been called then.
        """
        with self.lock:
            done = not self.waiting and operation.try_now()
            if not done:
                operation.went_on = True
                self.waiting.append(operation)
        if done:
            operation.conclude()
        return done

    def advance(self) -> tuple[_kernel.Waitable, ...]:
        """Do what can be done now; what is set when more can be done, and nothing if no operation is left."""
        finished: list[Operation] = []
        plan: tuple[_kernel.Waitable, ...] = ()
        with self.lock:
            while self.waiting:
                operation = self.waiting[0]
                if not operation.try_now():
                    try:
                        plan = operation.waits_for()
                    except NtError as problem:
                        operation.fail(problem)
                    else:
                        if plan:
                            break
                        continue
                finished.append(self.waiting.popleft())
        for operation in finished:
            operation.conclude()
        return plan

    def cancel(self, which: Callable[[Operation], bool]) -> int:
        """Cancel operations that go on; how many. What they have moved so far stays moved."""
        with self.lock:
            cancelled = [operation for operation in self.waiting if which(operation)]
            for operation in cancelled:
                self.waiting.remove(operation)
                operation.cancel()
        for operation in cancelled:
            operation.conclude()
        return len(cancelled)


class ThreadedLine(Line, ABC):
    """A line whose operations a thread of its own does, as long as some go on.

    Args:
        thread_name: What the thread is called.
    """

    def __init__(self, thread_name: str) -> None:
        super().__init__()
        self._thread_name = thread_name
        self._thread: threading.Thread | None = None

    @abstractmethod
    def go_on(self, operation: Operation) -> bool:
        """As the thread: wait for a moment, and do what can be done; ``False`` if nothing can be done any more."""

    def begin(self, operation: Operation) -> bool:
        """Attempt an operation, or have the thread do it behind those that go on; whether it is done."""
        if super().begin(operation):
            return True
        with self.lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._thread_name, daemon=True)
                self._thread.start()
        return False

    def _run(self) -> None:
        while True:
            with self.lock:
                if not self.waiting:
                    self._thread = None
                    return
                operation = self.waiting[0]
            if not self.go_on(operation):
                return


class WritingLine(ThreadedLine):
    """Writes. The thread does those that go on: only a wait in the pipe knows when there is room."""

    def __init__(self) -> None:
        super().__init__("ntipc-writes")

    def begin(self, operation: Operation) -> bool:
        """Write, or have it written behind what is being written; whether it is done."""
        return super().begin(operation) or operation.wait(_PATIENCE) or operation.is_done

    def go_on(self, operation: Operation) -> bool:
        """Write for a moment."""
        assert isinstance(operation, Write)
        self._write_on(operation)
        return True

    def _write_on(self, operation: Write) -> None:
        """Write for a moment; a cancellation meanwhile waits for the end of that moment."""
        with self.lock:
            if not self.waiting or self.waiting[0] is not operation:
                return
            try:
                done = operation.write_for(_CANCEL_LOOK)
            except NtError as problem:
                operation.fail(problem)
                done = True
            if done:
                self.waiting.popleft()
                operation.status = 0 if operation.problem is None else operation.status
        if done:
            operation.conclude()

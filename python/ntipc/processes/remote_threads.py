"""Threads that this process has started in another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import Status, from_status
from ntipc.processes.threads import Thread


class RemoteThread(Thread):
    """A thread that :meth:`Process.start_thread` has started: it also tells what its function returned.

    ``exit_code`` is the function's result if that is an int, 1 if it raised, and 0 otherwise. What is pickled or sent
    of it arrives as a :class:`Thread`.
    """

    __slots__ = ("_fetch", "_outcome")

    _fetch: Callable[[], Any]
    _outcome: tuple[Any, BaseException | None] | None

    def result(self, timeout: float | None = None) -> Any:
        """Wait until the function has ended, and give what it returned.

        Args:
            timeout: Seconds to wait; ``None`` to wait for ever.

        Returns:
            Numbers, texts, bytes, lists and dicts as themselves; a dataclass as a dict.

        Raises:
            Timeout: It still runs.
            NtError: The process has ended before the function did.
            Exception: What the function raised: built-in exceptions and those of ntipc as themselves, others as
                ``ntipc.rpc.RemoteError``.
        """
        if not self.wait(Deadline(timeout).left()):
            raise from_status(Status.TIMEOUT, "Thread.result", f"thread {self.id}")
        if self._outcome is None:
            try:
                self._outcome = self._fetch(), None
            except Exception as problem:
                self._outcome = None, problem
        value, raised = self._outcome
        if raised is not None:
            raise raised
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        twin = Thread.__new__(Thread)
        twin._copy_from(self)
        return twin.__reduce__()


def remote_thread(thread: Thread, fetch: Callable[[], Any]) -> RemoteThread:
    """Make the object of the thread that the other process has handed over; ``fetch`` asks it for the outcome."""
    made = RemoteThread.__new__(RemoteThread)
    made._copy_from(thread)
    made._fetch, made._outcome = fetch, None
    thread.close()
    return made

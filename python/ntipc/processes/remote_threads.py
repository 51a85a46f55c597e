"""Threads that this process has started in another one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import NtError, ObjectNotFound, PeerGone, Status, Timeout, from_status
from ntipc.processes.threads import Thread

if TYPE_CHECKING:
    from ntipc.processes.permissions import Service


class RemoteRun(NamedTuple):
    """The run of a function in another process: whom to ask about it, and by which number."""

    service: Service | None
    ticket: int
    function: str
    ended: NtError
    """What is raised once the process has ended."""

    def outcome(self, timeout: float | None) -> tuple[Any, BaseException | None]:
        """Ask for what the function returned or raised. ``Timeout`` if the process does not answer."""
        from msgspec import msgpack

        from ntipc.rpc.failures import exception_of

        try:
            raised, result = self._asked(timeout).outcome(self.ticket)
        except (PeerGone, ObjectNotFound):
            return None, self.ended
        if raised:
            return None, exception_of(result, {}, self.function)
        return msgpack.decode(result), None

    def cancel(self, timeout: float | None) -> None:
        """Tell the process that nobody needs the result."""
        with suppress(PeerGone, ObjectNotFound):
            self._asked(timeout).cancel(self.ticket)

    def _asked(self, timeout: float | None) -> Service:
        from ntipc.rpc import with_timeout

        assert self.service is not None
        return self.service if timeout is None else with_timeout(self.service, timeout)


class RemoteThread(Thread):
    """A thread that :meth:`Process.start_thread` has started: it also tells what its function returned.

    ``exit_code`` is the function's result if that is an int, 1 if it raised, and 0 otherwise. What is pickled or sent
    of it arrives as a :class:`Thread`.
    """

    __slots__ = ("_outcome", "_run")

    _run: RemoteRun
    _outcome: tuple[Any, BaseException | None] | None

    def result(self, timeout: float | None = None) -> Any:
        """Wait until the function has ended, and give what it returned.

        Args:
            timeout: Seconds to wait; ``None`` to wait for ever.

        Returns:
            Numbers, texts, bytes, lists and dicts as themselves; a dataclass as a dict.

        Raises:
            Timeout: It still runs, or its process has been stopped. It goes on; ask again, or :meth:`cancel`.
            NtError: The process has ended before the function did.
            Exception: What the function raised: built-in exceptions and those of ntipc as themselves, others as
                ``ntipc.rpc.RemoteError``.
        """
        deadline = Deadline(timeout)
        if not self.wait(deadline.left()):
            raise from_status(Status.TIMEOUT, "Thread.result", f"thread {self.id}")
        if self._outcome is None:
            try:
                self._outcome = self._run.outcome(deadline.left())
            except Timeout:
                detail = "it has ended, and its process does not answer"
                raise from_status(Status.TIMEOUT, "Thread.result", f"thread {self.id}", detail) from None
            except Exception as problem:
                self._outcome = None, problem
        value, raised = self._outcome
        if raised is not None:
            raise raised
        return value

    def cancel(self, timeout: float | None = None) -> None:
        """Ask the function to end: :func:`ntipc.remote_cancelled` is true in it from now on.

        Nothing ends it by force: it ends when it looks and returns, as after CancelSynchronousIo. If it has ended
        before, or its process has, nothing happens.

        Args:
            timeout: Seconds to wait for the process to take notice; ``None`` to wait for ever.

        Raises:
            Timeout: The process has not taken notice in that time.
        """
        try:
            self._run.cancel(timeout)
        except Timeout:
            detail = "its process does not answer"
            raise from_status(Status.TIMEOUT, "Thread.cancel", f"thread {self.id}", detail) from None

    def __reduce__(self) -> tuple[Any, ...]:
        twin = Thread.__new__(Thread)
        twin._copy_from(self)
        return twin.__reduce__()


def remote_thread(thread: Thread, run: RemoteRun) -> RemoteThread:
    """Make the object of the thread that the other process has handed over."""
    made = RemoteThread.__new__(RemoteThread)
    made._copy_from(thread)
    made._run, made._outcome = run, None
    thread.close()
    return made

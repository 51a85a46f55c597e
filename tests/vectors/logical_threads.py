"""Logical threads of the recordings: real threads that do one operation at a time when told to."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.waiting import look, wait_until

Result = dict[str, Any]
QUEUED = "waiting", "sleeping"


class LogicalThread:
    """A thread with a queue of operations and a queue of results."""

    def __init__(self) -> None:
        self.operations: queue.SimpleQueue[Callable[[], Result] | None] = queue.SimpleQueue()
        self.results: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()
        self.blocked = False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        assert self.thread.native_id is not None
        self.tid = self.thread.native_id

    def work(self) -> None:
        while (operation := self.operations.get()) is not None:
            try:
                self.results.put(operation())
            except BaseException as problem:
                self.results.put(problem)

    def begin(self, operation: Callable[[], Result]) -> None:
        self.blocked = True
        self.operations.put(operation)

    def take_result(self, patience: float) -> Result | None:
        """The result of the operation if it returns within so many seconds."""
        try:
            result = self.results.get(timeout=patience)
        except queue.Empty:
            return None
        self.blocked = False
        if isinstance(result, BaseException):
            raise result
        return result

    def end(self) -> None:
        """End the thread for good: nothing of it is left, in this process or in the session."""
        self.operations.put(None)
        self.thread.join()
        wait_until(lambda: not Path(f"/proc/self/task/{self.tid}").exists())
        wait_until(lambda: self.tid not in queued_states())


def queued_states() -> dict[int, str]:
    """What the session says of its threads, by thread id."""
    return {thread["tid"]: thread["state"] for thread in look()["threads"]}

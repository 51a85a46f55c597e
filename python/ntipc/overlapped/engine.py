"""The thread that completes operations when what they wait for comes: one for all of a session, while there are any.

It waits for all of them at once, and for a bell that rings when there is another one. It ends before this process
leaves the session; a child of a fork has none, and none of its parent's operations.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from ntipc import _kernel
from ntipc.errors import NtError, Status, from_status
from ntipc.overlapped.lines import Line
from ntipc.session.session import Session, before_leaving
from ntipc.sync.events import Event

MOST_LINES = 2000
"""Ends that one thread waits for: a wait has room for 4,096 objects, and an end may need two."""
_engines: dict[str, Engine] = {}
_making = threading.Lock()


def engine_of(session: Session) -> Engine:
    """Return the engine for the operations in a session."""
    with _making:
        engine = _engines.get(session.path)
        if engine is None or not engine.is_alive():
            engine = _engines[session.path] = Engine(session)
            engine.start()
        return engine


def settle() -> None:
    """Complete the operations of this process that can be completed now, without waiting for the engines' turns.

    NT completes a read in the call that writes what it waits for. A program that has both ends sees no difference then.
    """
    for engine in list(_engines.values()):
        engine.settle()


class Engine:
    """Waits for the operations of one session.

    Args:
        session: The session.
    """

    def __init__(self, session: Session) -> None:
        self._bell = Event(session=session)
        self._lock = threading.Lock()
        self._new: list[Line] = []
        self._plans: dict[Line, tuple[_kernel.Waitable, ...]] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="ntipc-overlapped", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Say whether it does its work."""
        return self._thread.is_alive() and not self._stopped

    def watch(self, line: Line) -> None:
        """Complete the operations of a line from now on, until none is left.

        Raises:
            OutOfResources: There are 2,000 lines already.
        """
        with self._lock:
            if len(self._plans) + len(self._new) >= MOST_LINES:
                raise from_status(
                    Status.INSUFFICIENT_RESOURCES, "Engine.watch", "", f"{MOST_LINES:,} ends are waited for"
                )
            self._new.append(line)
        self._bell.set()

    def settle(self) -> None:
        """Do in the calling thread what can be done now."""
        with self._lock:
            lines = [*self._plans, *self._new]
        for line in lines:
            line.advance()

    def stop(self) -> None:
        """End the thread; operations that go on stay undone."""
        self._stopped = True
        try:
            self._bell.set()
        except NtError:
            pass  # the session was left
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._bell.close()

    def _run(self) -> None:
        try:
            while not self._stopped:
                self._take_new()
                self._turn()
        except NtError:
            self._stopped = True  # the session was left

    def _take_new(self) -> None:
        with self._lock:
            new, self._new = self._new, []
        for line in new:
            self._look_at(line)

    def _look_at(self, line: Line) -> None:
        plan = line.advance()
        with self._lock:
            if plan:
                self._plans[line] = plan
            else:
                self._plans.pop(line, None)

    def _turn(self) -> None:
        """Wait until something is set, and look at the line that waits for it."""
        waitables: list[_kernel.Waitable] = [self._bell]
        owners: list[Line | None] = [None]
        for line, plan in self._plans.items():
            waitables += plan
            owners += [line] * len(plan)
        try:
            index = _kernel.wait_multiple(tuple(waitables), False, None)[0]
        except NtError:
            if self._bell.closed:
                raise
            for line in list(self._plans):  # one of them was closed
                self._look_at(line)
            return
        if (owner := owners[index]) is not None:
            self._look_at(owner)


def _stop(path: str) -> None:
    with _making:
        engine = _engines.pop(path, None)
    if engine is not None:
        engine.stop()


def _forget_all() -> None:
    global _making
    _making = threading.Lock()
    _engines.clear()


before_leaving(_stop)
os.register_at_fork(after_in_child=_forget_all)
__all__: list[Any] = ["Engine", "engine_of", "settle"]

"""Threads that take messages and run what they ask for.

A thread that takes a message runs it itself: no hand-over lies between. Invariant: while the pool is open, one thread
receives, or ``most`` threads run jobs and the backlog is full. A thread that leaves to run a job, and was the only one
that received, first lets another one receive. When ``most`` jobs run, the thread that receives puts further jobs into
the backlog, and threads that have finished take them from there; so closings and withdrawals are always heard of. A
full backlog stops receiving: then callers wait in the port, which bounds each client's share.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from ntipc.errors import NtError

Job = Callable[[], object]
LONGEST_BACKLOG = 1024


class Pool:
    """Threads around a function that receives.

    Args:
        receive: Waits for a message and returns it; raises :class:`NtError` when there will be no more.
        prepare: Looks at a message and returns a job for it, or ``None`` if there is no more to do.
        most: Jobs that run at once.
        name: What the threads are called.
    """

    def __init__(self, receive: Callable[[], Any], prepare: Callable[[Any], Job | None], most: int, name: str) -> None:
        self._receive = receive
        self._prepare = prepare
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # Under the lock:
        self._receiving = 0
        self._running = 0
        self._threads: set[threading.Thread] = set()
        self._backlog: deque[Job] = deque()
        self._closed = False

    def start(self) -> None:
        """Begin to receive."""
        with self._changed:
            self._let_one_receive()

    @property
    def busy(self) -> int:
        """How many jobs run or wait to be run."""
        with self._changed:
            return self._running + len(self._backlog)

    def drain(self, timeout: float | None) -> bool:
        """Wait until no job runs and none waits; whether it was in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running and not self._backlog, timeout)

    def close(self) -> None:
        """Start no more jobs. Threads end when their job has; receiving ends because the port is closed."""
        with self._changed:
            self._closed = True
            self._backlog.clear()
            self._changed.notify_all()

    def join(self, timeout: float) -> None:
        """Wait a moment for threads that have no more to do, so that none is left half way at the program's end."""
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _let_one_receive(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
        self._threads.add(thread)
        self._receiving += 1
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads: this one will receive again when its job is done
            self._receiving -= 1
            self._threads.discard(thread)

    def _work(self) -> None:
        try:
            while True:
                try:
                    message = self._receive()
                except (NtError, ValueError):
                    return
                job = self._prepare(message)
                message = None
                if job is not None and not self._run(job):
                    return
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
                self._changed.notify_all()

    def _run(self, job: Job | None) -> bool:
        """Run a job and then what waits; whether this thread, which counts as receiving, is to go on with that."""
        changed = self._changed
        with self._lock:
            if self._running >= self._most:
                self._backlog.append(job)  # type: ignore[arg-type]
                changed.wait_for(lambda: len(self._backlog) < LONGEST_BACKLOG or self._closed)
                return not self._closed
            self._running += 1
            self._receiving -= 1
            if not self._receiving and not self._closed:
                self._let_one_receive()
        while job is not None:
            try:
                job()
            finally:
                job = None
                with self._lock:
                    if self._backlog and not self._closed:
                        job = self._backlog.popleft()
                        changed.notify_all()
                    else:
                        self._running -= 1
                        self._receiving += 1
                        if self._closed or not self._running:
                            changed.notify_all()
        return not self._closed

"""Threads that take messages and run what they ask for.

A thread that takes a message runs it itself: no hand-over lies between. While calls are quick, one thread does it all,
for a thread that has just answered is the quickest to see the next message. Invariant: while the pool is open, one
thread receives, or one that ran a quick job a moment ago still runs, or ``most`` threads run jobs and the backlog is
full. Before a job that is not known to be quick, another thread is let receive; a job that was quick so far and now
takes its time is noticed by the watch, which looks every few milliseconds as long as such jobs run. A thread that
finds another one receiving when its job is done, rests.

When ``most`` jobs run, the thread that receives puts further jobs into the backlog, and threads that have finished take
them from there, client by client; so closings and withdrawals are always heard of. A full backlog stops receiving: then
callers wait in the port, which bounds each client's share.

The child of a fork does not serve: a thread that was in a method there ends when that returns, and so does the child.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from ntipc._runtime.forks import PartedAtFork
from ntipc.errors import NtError
from ntipc.rpc.backlog import Backlog

LONGEST_BACKLOG = 1024
QUICK = 0.0002
"""Seconds that a quick job takes at most."""
LOOK = 0.002
"""Seconds between the looks of the watch, while quick jobs run."""
LOOKS_AT_NOTHING = 50
"""Looks without a job after which the watch sleeps until there is one."""


class Habit(Protocol):
    """What is remembered of jobs of a kind: whether the last one was quick."""

    quick: bool


Prepared = tuple[Callable[..., object], tuple[Any, ...], Habit | None, object]
"""A job: a function, its arguments, its habit, if any, and whose it is."""


class Pool:
    """Threads around a function that receives.

    Args:
        receive: Waits for a message and returns it; raises :class:`NtError` when there will be no more.
        prepare: Looks at a message and returns a job for it with its habit, or ``None`` if there is no more to do.
        most: Jobs that run at once.
        name: What the threads are called.
    """

    def __init__(
        self, receive: Callable[[], Any], prepare: Callable[[Any], Prepared | None], most: int, name: str
    ) -> None:
        self._receive = receive
        self._prepare = prepare
        self._most = most
        self._name = name
        self._pid = os.getpid()
        self._make_locks()
        # Under the lock:
        self._receiving = 0
        self._running = 0
        self._resting = 0
        self._called = 0
        self._finished = 0
        self._listeners = 0
        self._watched = False
        self._threads: set[threading.Thread] = set()
        self._backlog: Backlog[Prepared] = Backlog()
        self._closed = False
        _POOLS.add(self)

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._rest = threading.Condition(self._lock)
        self._watch = threading.Event()

    def leave_to_parent(self) -> None:
        """In a forked child: if a method has forked, its thread is the only one here, and ends with it."""
        self._make_locks()
        self._closed = True
        self._backlog.clear()

    def start(self) -> None:
        """Begin to receive."""
        with self._lock:
            self._let_one_receive()
            watch = threading.Thread(target=self._watch_over, name=f"{self._name} watch", daemon=True)
            self._threads.add(watch)
        watch.start()

    @property
    def busy(self) -> int:
        """How many jobs run or wait to be run."""
        with self._lock:
            return self._running + len(self._backlog)

    def drain(self, timeout: float | None) -> bool:
        """Wait until no job runs and none waits; whether it was in time."""
        with self._lock:
            self._listeners += 1
            try:
                return self._changed.wait_for(lambda: not self._running and not self._backlog, timeout)
            finally:
                self._listeners -= 1

    def close(self) -> None:
        """Start no more jobs. Threads end when their job has; receiving ends because the port is closed."""
        with self._lock:
            self._closed = True
            self._backlog.clear()
            self._changed.notify_all()
            self._rest.notify_all()
        self._watch.set()

    def join(self, timeout: float) -> None:
        """Wait a moment for threads that have no more to do, so that none is left half way at the program's end."""
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _let_one_receive(self) -> None:
        """Let another thread receive: one that rests, or a new one. Under the lock."""
        self._receiving += 1
        if self._resting > self._called:
            self._called += 1
            self._rest.notify()
            return
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads: this one will receive again when its job is done
            self._receiving -= 1
            self._threads.discard(thread)

    def _work(self) -> None:
        try:
            while self._next():
                pass
        finally:
            if self._pid != os.getpid():  # the session's helper would keep the process
                os._exit(0)
            with self._lock:
                self._threads.discard(threading.current_thread())
                self._changed.notify_all()

    def _next(self) -> bool:
        """Receive, run the job and then what waits; whether this thread, which counts as receiving, is to go on.

        Nothing here refers to a message longer than its job lasts, so the caller of one that is dropped without an
        answer learns it.
        """
        try:
            message = self._receive()
        except (NtError, ValueError):
            return False
        try:
            prepared = self._prepare(message)
        except BaseException:  # what is wrong with a message is answered, and does not come here
            logging.getLogger("ntipc.rpc").exception("%s cannot look at a message", self._name)
            prepared = None
        del message
        if prepared is None:
            return True
        job, arguments, habit, owner = prepared
        with self._lock:
            if self._running >= self._most:
                self._backlog.add(owner, prepared)
                del prepared, job, arguments, habit, owner
                self._changed.wait_for(lambda: len(self._backlog) < LONGEST_BACKLOG or self._closed)
                return not self._closed
            self._running += 1
            self._receiving -= 1
            if not self._receiving and not self._closed:
                if habit is None or not habit.quick:
                    self._let_one_receive()
                elif not self._watched:
                    self._watched = True
                    self._watch.set()
        del prepared, owner
        while True:
            began = time.perf_counter()
            try:
                job(*arguments)
            except BaseException:  # what a method raises is an answer, and does not come here
                logging.getLogger("ntipc.rpc").exception("a job of %s failed", self._name)
            if habit is not None:
                habit.quick = time.perf_counter() - began < QUICK
            del job, arguments, habit  # the message goes, and what came along with it
            with self._lock:
                self._finished += 1
                if not self._backlog or self._closed:
                    return self._go_on()
                job, arguments, habit, _ = self._backlog.take()
                self._changed.notify_all()

    def _go_on(self) -> bool:
        """Receive again, or rest while another thread does; whether to. Under the lock."""
        self._running -= 1
        if self._listeners:
            self._changed.notify_all()
        if not self._receiving:
            self._receiving += 1
            return not self._closed
        self._resting += 1
        while not self._called and not self._closed:
            self._rest.wait()
        self._resting -= 1
        if self._called:
            self._called -= 1
        return not self._closed

    def _watch_over(self) -> None:
        """Let another thread receive when a job that was to be quick is not."""
        while self._watch.wait():
            nothing = 0
            while nothing < LOOKS_AT_NOTHING:
                with self._lock:
                    finished = self._finished
                time.sleep(LOOK)
                with self._lock:
                    if self._closed:
                        self._threads.discard(threading.current_thread())
                        return
                    nothing = nothing + 1 if finished == self._finished else 0
                    if finished == self._finished and self._running and not self._receiving:
                        self._let_one_receive()
            self._watch.clear()
            with self._lock:
                self._watched = bool(self._running and not self._receiving) or self._closed
                if self._watched:  # a job began between the last look and here
                    self._watch.set()


_POOLS: PartedAtFork[Pool] = PartedAtFork(Pool.leave_to_parent)

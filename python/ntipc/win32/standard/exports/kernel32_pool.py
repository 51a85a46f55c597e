"""Calls at times and after waits: timer queues, and RegisterWaitForSingleObject. Each has a thread of its own."""

from __future__ import annotations

import ctypes
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc.errors import NtError, Status, from_status
from ntipc.ntdll import handles as table
from ntipc.sync import Event, wait_any
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.waiting import objects_of
from ntipc.win32.standard.exports.tables import own
from ntipc.win32.standard.exports.words import Export, handle, put_word, there, unsigned

_Callback: Final = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint8)
_INFINITE: Final = 0xFFFF_FFFF
_ONLY_ONCE: Final = 8
_IO_PENDING: Final = 997
_AND_WAIT: Final = -1
"""INVALID_HANDLE_VALUE for the event: the call returns when no callback runs any more."""


class _Task(ABC):
    """Something that calls a function now and then, until it is stopped.

    Invariant: after ``ended`` is set the function is not called any more.
    """

    nt_type = "Timer"
    inheritable = False

    def __init__(self, function: Callable[[int, int], Any], argument: int) -> None:
        self._function, self._argument = function, argument
        self.changed = threading.Condition()
        self.ended = threading.Event()
        self.closed = self.stopped = self.is_calling = False
        self._told: list[Event] = []
        self.thread = threading.Thread(target=self._run, name="ntipc-pool", daemon=True)

    def close(self) -> None:
        """Stop it, without waiting for a call that runs."""
        self.closed = True
        self.stop()

    def stop(self) -> None:
        """Have it end."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def tell(self, event: Event) -> None:
        """Set an event when it has ended."""
        with self.changed:
            if not self.ended.is_set():
                self._told.append(event)
                return
        event.set()

    def call(self, timed_out: bool) -> None:
        """Call the function, without the lock."""
        self.is_calling = True
        try:
            self._function(self._argument, int(timed_out))
        finally:
            self.is_calling = False

    @abstractmethod
    def loop(self) -> None:
        """Call the function whenever it is due, until `stopped`."""

    def _run(self) -> None:
        try:
            self.loop()
        finally:
            with self.changed:
                self.ended.set()
                told, self._told = self._told, []
            for event in told:
                event.set()


class _TimerTask(_Task):
    """A timer of a queue: first after a time, and then after each period if it has one."""

    def __init__(self, function: Callable[[int, int], Any], argument: int, due: int, period: int) -> None:
        super().__init__(function, argument)
        self._due: float | None = time.monotonic() + due / 1000
        self._period = period / 1000

    def change(self, due: int, period: int) -> None:
        """Set other times, unless it was due once and for all."""
        with self.changed:
            if self._due is not None:
                self._due, self._period = time.monotonic() + due / 1000, period / 1000
                self.changed.notify_all()

    def loop(self) -> None:
        """Call the function at its times."""
        while True:
            with self.changed:
                left = self._left()
                while not self.stopped and (left is None or left > 0):
                    self.changed.wait(left)
                    left = self._left()
                if self.stopped:
                    return
                self._due = time.monotonic() + self._period if self._period else None
            self.call(True)

    def _left(self) -> float | None:
        return None if self._due is None else self._due - time.monotonic()


class _WaitTask(_Task):
    """A wait that calls a function each time the object is set, or the time is over."""

    def __init__(self, function: Callable[[int, int], Any], argument: int, thing: Any, limit: int, once: bool) -> None:
        super().__init__(function, argument)
        self._thing, self._once = thing, once
        self._limit = None if limit == _INFINITE else limit / 1000
        self._bell = Event(manual_reset=True)

    def stop(self) -> None:
        """Have it end, also while it waits."""
        super().stop()
        self._bell.set()

    def loop(self) -> None:
        """Wait, and call the function."""
        while not self.stopped:
            try:
                done = wait_any([self._bell, self._thing], self._limit)
            except NtError:
                return  # the object was closed
            if done is not None and done.index == 0:
                return
            self.call(done is None)
            if self._once:
                return


class _TimerQueue:
    """The timers that are deleted together."""

    nt_type = "TimerQueue"
    inheritable = False

    def __init__(self) -> None:
        self.closed = False
        self.tasks: set[_TimerTask] = set()

    def close(self) -> None:
        """Stop its timers."""
        self.closed = True
        for task in list(self.tasks):
            task.stop()


_default_queue: Final = _TimerQueue()


def _queue(word: int) -> _TimerQueue:
    return table.find_of(handle(word), _TimerQueue) if word else _default_queue


def _create_queue() -> int:
    return table.insert(_TimerQueue())


def _create_timer(put: int, queue: int, routine: int, argument: int, due: int, period: int, flags: int) -> int:
    there(put)
    found = _queue(queue)
    found.tasks = {task for task in found.tasks if not task.ended.is_set()}
    once = unsigned(flags) & _ONLY_ONCE
    task = _TimerTask(_Callback(there(routine)), argument, unsigned(due), 0 if once else unsigned(period))
    found.tasks.add(task)
    put_word(put, table.insert(task))
    task.thread.start()
    return 1


def _change_timer(queue: int, timer: int, due: int, period: int) -> int:
    _queue(queue)
    table.find_of(handle(timer), _TimerTask).change(unsigned(due), unsigned(period))
    return 1


def _ended(tasks: list[_Task], event: int) -> int:
    """Wait for the end of tasks that were stopped, or have an event set at the last one's; what the call returns."""
    if handle(event) == _AND_WAIT:
        for task in tasks:
            if task.thread is not threading.current_thread():
                task.ended.wait()
        return 1
    calling = any(task.is_calling for task in tasks)
    if event:
        told = table.find_of(handle(event), Event)
        if not calling:
            for task in tasks:
                task.ended.wait()
            told.set()
        elif len(tasks) == 1:
            tasks[0].tell(told)
        else:
            threading.Thread(target=_tell_after, args=(tasks, told), daemon=True).start()
    if calling:
        last.code = _IO_PENDING
    return int(not calling)


def _tell_after(tasks: list[_Task], event: Event) -> None:
    for task in tasks:
        task.ended.wait()
    event.set()


def _delete_timer(queue: int, timer: int, event: int) -> int:
    found = _queue(queue)
    task = table.find_of(handle(timer), _TimerTask)
    table.close(handle(timer))
    found.tasks.discard(task)
    return _ended([task], event)


def _delete_queue(queue: int, event: int) -> int:
    if not queue:
        raise from_status(Status.INVALID_HANDLE, "DeleteTimerQueueEx")
    found = _queue(queue)
    tasks: list[_Task] = list(found.tasks)
    table.close(handle(queue))
    return _ended(tasks, event)


def _register(put: int, thing: int, routine: int, argument: int, milliseconds: int, flags: int) -> int:
    there(put)
    (waited,) = objects_of([handle(thing)])
    once = bool(unsigned(flags) & _ONLY_ONCE)
    task = _WaitTask(_Callback(there(routine)), argument, waited, unsigned(milliseconds), once)
    put_word(put, table.insert(task))
    task.thread.start()
    return 1


def _unregister(wait: int, event: int) -> int:
    task = table.find_of(handle(wait), _WaitTask)
    table.close(handle(wait))
    return _ended([task], event)


EXPORTS: Final[Mapping[str, Export]] = {
    "CreateTimerQueue": own(_create_queue, 0),
    "CreateTimerQueueTimer": own(_create_timer, 7),
    "ChangeTimerQueueTimer": own(_change_timer, 4),
    "DeleteTimerQueueTimer": own(_delete_timer, 3),
    "DeleteTimerQueueEx": own(_delete_queue, 2),
    "DeleteTimerQueue": own(lambda queue: _delete_queue(queue, 0), 1),
    "RegisterWaitForSingleObject": own(_register, 6),
    "UnregisterWait": own(lambda wait: _unregister(wait, 0), 1),
    "UnregisterWaitEx": own(_unregister, 2),
}

"""Threads that start whole or not at all, and what is done when an object is forgotten.

A signal handler runs in the main thread, between any two steps of Python code, and may raise there. What must not be
cut off is therefore handed to another thread in one call of a C function.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from _thread import start_new_thread
from collections.abc import Callable
from queue import SimpleQueue


def start(thread: threading.Thread) -> None:
    """Start a thread, wherever a signal handler raises meanwhile: then it has started, or there is nothing of it.

    ``Thread.start`` lists the thread before it exists. An exception in between makes the new thread fail, and leaves
    it, with everything that its function was given, in the list of running threads.

    Raises:
        RuntimeError: The system has no more threads.
    """
    if threading.get_ident() != threading.main_thread().ident:
        thread.start()  # no handler runs here
        return
    tried, problems = threading.Lock(), list[BaseException]()
    tried.acquire()
    start_new_thread(_start, (thread, tried, problems))
    tried.acquire()
    if problems:
        raise problems[0]


def _start(thread: threading.Thread, tried: threading.Lock, problems: list[BaseException]) -> None:
    try:
        thread.start()
    except BaseException as problem:
        problems.append(problem)
    finally:
        tried.release()


class Farewell:
    """What is done once an object has gone: a function that runs in a thread for such functions.

    No code of Python's runs in the moment when the object goes, so that no signal handler can cut it off there. Nothing
    is done in a forked child. The function must not refer to the object.
    """

    __slots__ = ("_reference", "_then")

    def __init__(self, thing: object, then: Callable[[], object]) -> None:
        if not _reading.locked():
            start(threading.Thread(target=_read, args=(_gone, _reading), name="ntipc-farewells", daemon=True))
        self._then = then
        self._reference = weakref.ref(thing, _gone.put)  # a C function
        _waiting[id(self._reference)] = self

    def cancel(self) -> None:
        """Do nothing when the object goes. May be repeated."""
        _waiting.pop(id(self._reference), None)


def _read(gone: SimpleQueue[weakref.ref[object]], reading: threading.Lock) -> None:
    """Run what is to be run, for as long as the process lives. Two threads may have been started: one reads."""
    if not reading.acquire(blocking=False):
        return
    while True:
        farewell = _waiting.pop(id(gone.get()), None)
        if farewell is None:
            continue  # it was cancelled
        try:
            farewell._then()
        except BaseException:
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        del farewell


def _forget() -> None:
    global _gone, _reading, _waiting
    _gone, _reading, _waiting = SimpleQueue(), threading.Lock(), {}


_gone: SimpleQueue[weakref.ref[object]]
_reading: threading.Lock
_waiting: dict[int, Farewell]
"""Those whose objects are there, by the references: garbage collection tells only of objects whose reference stays."""
_forget()
os.register_at_fork(after_in_child=_forget)

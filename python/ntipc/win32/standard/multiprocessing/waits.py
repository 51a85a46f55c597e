"""``multiprocessing.connection.wait`` for connections over pipes, and for descriptors of Linux beside them."""

from __future__ import annotations

import contextlib
import multiprocessing.connection as _connection
import os
import selectors
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from ntipc._runtime.deadlines import Deadline
from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.objects.waiting import WaitedForByPlan, WaitPlan
from ntipc.overlapped.files import PipeFile
from ntipc.pipes.end import PipeEnd
from ntipc.sync import Event
from ntipc.sync.waits import wait_any
from ntipc.win32.binding.pyhandle import object_of
from ntipc.win32.standard.winapi.calls import windows_error


class _Readable(WaitedForByPlan):
    """Set when an end has something to be read, or its other side is gone."""

    def __init__(self, end: PipeEnd) -> None:
        self._end = end

    def _wait_plan(self) -> WaitPlan:
        return self._end.wait_plan()


def wait(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
    """Wait until one of several objects is ready to be read.

    Args:
        object_list: Connections, sockets, descriptors such as a process's ``sentinel``, and numbers of handles.
        timeout: Seconds; 0 or less to only look, ``None`` for ever.

    Returns:
        Those that are ready.

    Raises:
        OSError: A connection is closed.
        TypeError: One of the objects cannot be waited for.
    """
    ours: list[tuple[Any, Any]] = []
    others: list[Any] = []
    for thing in object_list:
        waitable = _waitable_of(thing)
        if waitable is None:
            others.append(thing)
        else:
            ours.append((thing, waitable))
    if not ours:
        return _connection.wait(others, timeout)
    if timeout is not None:
        timeout = max(timeout, 0)
    try:
        return _wait_for_both(ours, others, timeout)
    except NtError as problem:
        raise windows_error(problem.winerror) from None


def _waitable_of(thing: Any) -> Any:
    """Return what to wait for in a wait of NT; ``None`` for what Linux waits for."""
    from ntipc.win32.standard.multiprocessing.connection import PipeConnection

    if isinstance(thing, PipeConnection):
        thing._check_closed()
        found = object_of(thing.fileno())
    elif isinstance(thing, int) and thing in table.things:
        found = table.things[thing]
    else:
        return None
    return _Readable(found.end) if isinstance(found, PipeFile) else found


def _wait_for_both(ours: list[tuple[Any, Any]], others: list[Any], timeout: float | None) -> list[Any]:
    ready = [thing for thing, waitable in ours if wait_any([waitable], 0) is not None]
    ready += _connection.wait(others, 0) if others else []
    if ready or timeout == 0:
        return ready
    deadline = Deadline(timeout)
    with _told_of(others) as told:
        waitables = [waitable for _, waitable in ours] + ([told] if told is not None else [])
        one = wait_any(waitables, deadline.left())
    if one is None:
        return []
    first = [ours[one.index][0]] if one.index < len(ours) else []
    rest = [thing for place, (thing, waitable) in enumerate(ours) if place != one.index and _is_set(waitable)]
    return first + rest + (_connection.wait(others, 0) if others else [])


def _is_set(waitable: Any) -> bool:
    return wait_any([waitable], 0) is not None


@contextlib.contextmanager
def _told_of(others: list[Any]) -> Iterator[Event | None]:
    """Have an event set, by a thread, as soon as one of several descriptors can be read."""
    if not others:
        yield None
        return
    over_here, over_there = os.pipe()
    try:
        with Event(manual_reset=True) as told, selectors.DefaultSelector() as selector:
            for thing in {*others, over_here}:
                selector.register(thing, selectors.EVENT_READ)

            def look() -> None:
                if any(key.fileobj != over_here for key, _ in selector.select()):
                    told.set()

            thread = threading.Thread(target=look, name="ntipc-connection-wait", daemon=True)
            thread.start()
            try:
                yield told
            finally:
                os.write(over_there, b"!")
                thread.join()
    finally:
        os.close(over_here)
        os.close(over_there)

"""Handles that are set when something changes in a directory, and lists of what has changed."""

from __future__ import annotations

import os
import struct
import threading
from operator import index
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.objects.waiting import WaitedForByPlan, WaitPlan
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.lines import ThreadedLine
from ntipc.overlapped.operations import Operation
from ntipc.sync import Event
from ntipc.win32.binding.arguments import text
from ntipc.win32.binding.failures import failure, linux_failure
from ntipc.win32.binding.inotify import Watch
from ntipc.win32.binding.overlapped import OVERLAPPED, overlapped_or_none
from ntipc.win32.binding.paths import linux_path
from ntipc.win32.binding.pyhandle import HandleLike, close_number, new_handle, number_of
from ntipc.win32.binding.transfers import begin, memory_of, object_or_failure

_LOOK: Final = 0.2
_HEAD: Final = struct.Struct("<III")

_ABORTED: Final = 995


class Notification(WaitedForByPlan):
    """What a handle of FindFirstChangeNotification leads to: set when something has changed.

    Args:
        watch: The watch.
    """

    _kind = "change notification"
    created = True

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._event = Event(manual_reset=True)
        self._rearm = threading.Event()
        self.inheritable = False
        threading.Thread(target=self._work, name="ntipc-changes", daemon=True).start()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._event.closed

    def _wait_plan(self) -> WaitPlan:
        return WaitPlan((self._event,))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something has changed; whether it has."""
        return self._event.wait(timeout)

    def again(self) -> None:
        """Wait for the next change."""
        self._event.clear()
        self._rearm.set()

    def close(self) -> None:
        """Close it."""
        self._event.close()
        self._rearm.set()

    def _work(self) -> None:
        try:
            while not self.closed:
                if self._watch.wait(_LOOK) and self._watch.changes():
                    self._event.set()
                    self._rearm.wait()
                    self._rearm.clear()
        except (NtError, OSError, ValueError):
            pass  # closed
        finally:
            self._watch.close()


def FindFirstChangeNotification(pathName: str, bWatchSubtree: int, notifyFilter: int, /) -> int:
    """Make a handle that is set when something changes in a directory.

    Source:
        FindFirstChangeNotification (Win32).
    """
    try:
        watch = Watch(linux_path(text(pathName)), bool(bWatchSubtree), index(notifyFilter))
    except OSError as problem:
        raise linux_failure(problem, "FindFirstChangeNotification") from None
    return new_handle(Notification(watch)).Detach()


def FindNextChangeNotification(handle: HandleLike, /) -> None:
    """Clear such a handle, so that it is set by the next change.

    Source:
        FindNextChangeNotification (Win32).
    """
    thing = object_or_failure(handle, "FindNextChangeNotification")
    if not isinstance(thing, Notification):
        raise failure(6, "FindNextChangeNotification")
    thing.again()


def FindCloseChangeNotification(handle: HandleLike, /) -> None:
    """Close such a handle.

    Source:
        FindCloseChangeNotification (Win32).
    """
    close_number(number_of(handle))


class Changes(Operation):
    """Waits until something changes in a directory, and writes down what.

    Args:
        watch: The watch on the directory.
        memory: Where to write; if it has no room for all, nothing is written, and ``size`` is 0.

    Attributes:
        changes: What has changed.

    Source:
        ReadDirectoryChangesW (Win32).
    """

    def __init__(self, watch: Watch, memory: memoryview) -> None:
        super().__init__()
        self._watch, self._memory = watch, memory
        self.changes: list[tuple[int, str]] = []

    def attempt(self) -> bool:
        """Write down what has changed, if something has."""
        self.changes = self._watch.changes()
        if not self.changes:
            return False
        data = encoded(self.changes)
        if len(data) <= len(self._memory):
            self._memory[: len(data)] = data
            self.size = len(data)
        return True

    def waits_for(self) -> tuple[Any, ...]:
        """Say that it waits, if not for an object."""
        return (self._watch,)


class WatchLine(ThreadedLine):
    """The operations of one directory. A thread waits for changes, as long as there are any.

    Args:
        watch: The watch, which is closed with the directory's handle.
    """

    def __init__(self, watch: Watch) -> None:
        super().__init__("ntipc-changes")
        self.watch = watch

    def go_on(self, operation: Operation) -> bool:
        """Wait for changes for a moment; ``False`` once the watch is closed."""
        try:
            self.watch.wait(_LOOK)
        except (OSError, ValueError):
            return False
        self.advance()
        return True

    def close(self) -> None:
        """End the watch."""
        self.watch.close()


def ReadDirectoryChangesW(
    handle: HandleLike,
    size: Any,
    bWatchSubtree: int,
    dwNotifyFilter: int,
    overlapped: OVERLAPPED | None = None,
    routine: Any = None,
    /,
) -> list[tuple[int, str]] | None:
    """Wait until something changes in a directory; a list of actions and names.

    Args:
        handle: A directory, opened with FILE_FLAG_BACKUP_SEMANTICS.
        size: How many bytes of changes to report at most, or memory for them.
        bWatchSubtree: Whether directories below it count, too. This and the filter are those of the first call.
        dwNotifyFilter: Which changes to report.
        overlapped: What stands for the operation, which may go on; ``size`` is memory then, to be read by
            :func:`FILE_NOTIFY_INFORMATION`, and the result ``None``.
        routine: ``None``.

    Raises:
        error: It has failed.
        TypeError: An argument is of another type.

    Source:
        ReadDirectoryChangesW (Win32).
    """
    call = "ReadDirectoryChangesW"
    kept = overlapped_or_none(overlapped)
    if routine is not None:
        raise NotImplementedError(f"win32file.{call} calls no routine here: use an overlapped with an event")
    if kept is not None and isinstance(size, int):
        raise TypeError("with an overlapped, the size must be a buffer")
    memory = memory_of(size)
    thing = object_or_failure(handle, call)
    if not isinstance(thing, DiskFile):
        raise failure(6, call)
    try:
        line = _line_of(thing, bool(bWatchSubtree), index(dwNotifyFilter))
        if kept is not None:
            begin(thing, Changes(line.watch, memory), kept, call)
            return None
        operation = Changes(line.watch, memory)
        thing.start(operation)
        try:
            operation.wait()
        finally:
            thing.cancel(lambda other: other is operation)
    except (OSError, ValueError) as problem:
        if thing.closed:
            raise failure(_ABORTED, call) from None
        if isinstance(problem, ValueError):
            raise
        raise linux_failure(problem, call) from None
    if thing.closed or operation.problem is not None:
        raise failure(_ABORTED, call)
    return operation.changes


def _line_of(file: DiskFile, below: bool, wanted: int) -> WatchLine:
    if not isinstance(file.line, WatchLine):
        file.line = WatchLine(Watch(os.readlink(f"/proc/self/fd/{file.fd}"), below, wanted))
    return file.line


def encoded(changes: list[tuple[int, str]]) -> bytes:
    """Write down changes as FILE_NOTIFY_INFORMATION has them.

    >>> FILE_NOTIFY_INFORMATION(encoded([(1, "new"), (2, "old.txt")]), 100)
    [(1, 'new'), (2, 'old.txt')]
    """
    data = bytearray()
    for place, (action, name) in enumerate(changes, 1):
        text_of_it = name.encode("utf-16-le", "surrogatepass")
        room = _HEAD.size + len(text_of_it)
        room += -room % 4
        data += _HEAD.pack(room if place < len(changes) else 0, action, len(text_of_it))
        data += text_of_it.ljust(room - _HEAD.size, b"\0")
    return bytes(data)


def FILE_NOTIFY_INFORMATION(buffer: Any, size: int, /) -> list[tuple[int, str]]:
    """Read a list of changes that lies in memory."""
    data = bytes(memoryview(buffer)[:size])
    found: list[tuple[int, str]] = []
    place = 0
    while place + _HEAD.size <= len(data):
        following, action, length = _HEAD.unpack_from(data, place)
        name = data[place + _HEAD.size : place + _HEAD.size + length].decode("utf-16-le", "replace")
        found.append((action, name))
        if not following:
            break
        place += following
    return found

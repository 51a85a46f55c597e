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
from ntipc.sync import Event
from ntipc.win32.binding.arguments import text
from ntipc.win32.binding.failures import failed, failure, linux_failure
from ntipc.win32.binding.inotify import Watch
from ntipc.win32.binding.paths import linux_path
from ntipc.win32.binding.pyhandle import HandleLike, close_number, new_handle, number_of, object_of
from ntipc.win32.binding.transfers import memory_of, object_or_failure

_LOOK: Final = 0.2
_HEAD: Final = struct.Struct("<III")

_watches: dict[int, Watch] = {}
"""For handles of directories, by the descriptor: the watch that ReadDirectoryChangesW began."""


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


def ReadDirectoryChangesW(
    handle: HandleLike,
    size: Any,
    bWatchSubtree: int,
    dwNotifyFilter: int,
    overlapped: Any = None,
    routine: Any = None,
    /,
) -> list[tuple[int, str]]:
    """Wait until something changes in a directory; a list of actions and names.

    Args:
        handle: A directory, opened with FILE_FLAG_BACKUP_SEMANTICS.
        size: How many bytes of changes are told at most, or memory for them.
        bWatchSubtree: Whether directories below it count, too.
        dwNotifyFilter: What is to be told.
        overlapped: ``None``: the call waits.
        routine: ``None``.

    Source:
        ReadDirectoryChangesW (Win32).
    """
    memory_of(size)
    if overlapped is not None or routine is not None:
        raise NotImplementedError("win32file.ReadDirectoryChangesW with an overlapped is not part of ntipc.win32")
    try:
        thing = object_of(handle)
    except NtError as problem:
        raise failed(problem, "ReadDirectoryChangesW") from None
    if not isinstance(thing, DiskFile):
        raise failure(6, "ReadDirectoryChangesW")
    try:
        watch = _watches.get(thing.fd)
        path = os.readlink(f"/proc/self/fd/{thing.fd}")
        if watch is None or watch.path != path:
            watch = _watches[thing.fd] = Watch(path, bool(bWatchSubtree), index(dwNotifyFilter))
        changes: list[tuple[int, str]] = []
        while not changes and not thing.closed:
            watch.wait(_LOOK)
            changes = watch.changes()
    except OSError as problem:
        raise linux_failure(problem, "ReadDirectoryChangesW") from None
    if thing.closed:
        raise failure(995, "ReadDirectoryChangesW")
    return changes


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

"""Changes in a directory, as Linux tells of them, by the numbers of Windows."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from typing import Final

ADDED, REMOVED, MODIFIED, RENAMED_OLD, RENAMED_NEW = 1, 2, 3, 4, 5
FILE_NAME, DIR_NAME, ATTRIBUTES, SIZE, LAST_WRITE, LAST_ACCESS, CREATION, SECURITY = (
    1, 2, 4, 8, 0x10, 0x20, 0x40, 0x100,
)  # fmt: skip
_ACCESS, _MODIFY, _ATTRIB, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x1, 0x2, 0x4, 0x40, 0x80, 0x100, 0x200
_IS_DIRECTORY, _IGNORED, _OVERFLOW = 0x4000_0000, 0x8000, 0x4000
_NAMES: Final = _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_EVENT: Final = struct.Struct("iIII")
_ACTIONS: Final = {
    _CREATE: ADDED, _DELETE: REMOVED, _MODIFY: MODIFIED, _ATTRIB: MODIFIED, _ACCESS: MODIFIED,
    _MOVED_FROM: RENAMED_OLD, _MOVED_TO: RENAMED_NEW,
}  # fmt: skip


class Watch:
    """A watch on a directory.

    Args:
        path: The directory.
        below: Whether directories below it count, too.
        wanted: What is to be told: FILE_NAME and others.

    Raises:
        OSError: It is none, or cannot be read.
    """

    def __init__(self, path: str, below: bool, wanted: int) -> None:
        self.path, self._below, self._wanted = path, below, wanted
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self._checked(self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self._places: dict[int, str] = {}
        try:
            self._add("")
        except BaseException:
            self.close()
            raise

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), self.path)
        return result

    def _add(self, place: str) -> None:
        folder = os.path.join(self.path, place)
        mask = _NAMES
        mask |= _MODIFY if self._wanted & (SIZE | LAST_WRITE) else 0
        mask |= _ATTRIB if self._wanted & (ATTRIBUTES | SECURITY | LAST_WRITE) else 0
        mask |= _ACCESS if self._wanted & LAST_ACCESS else 0
        only_directory = 0x0100_0000
        added = self._libc.inotify_add_watch(self.fd, os.fsencode(folder), ctypes.c_uint32(mask | only_directory))
        self._places[self._checked(added)] = place
        if self._below:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        self._add(os.path.join(place, entry.name))

    def wait(self, seconds: float | None) -> bool:
        """Wait until something has changed; whether it has."""
        return bool(select.select([self.fd], [], [], seconds)[0])

    def changes(self) -> list[tuple[int, str]]:
        """Take the changes that are there: actions and names, from the directory on."""
        try:
            data = os.read(self.fd, 65_536)
        except BlockingIOError:
            return []
        found: list[tuple[int, str]] = []
        place = 0
        while place < len(data):
            watch, mask, _cookie, length = _EVENT.unpack_from(data, place)
            name = os.fsdecode(data[place + _EVENT.size : place + _EVENT.size + length].split(b"\0")[0])
            place += _EVENT.size + length
            if name and not mask & (_IGNORED | _OVERFLOW) and watch in self._places:  # not of a folder itself
                found += self._told(os.path.join(self._places[watch], name), mask)
        return found

    def _told(self, name: str, mask: int) -> list[tuple[int, str]]:
        is_directory = bool(mask & _IS_DIRECTORY)
        if is_directory and self._below and mask & (_CREATE | _MOVED_TO):
            try:
                self._add(name)
            except OSError as problem:
                if problem.errno not in (errno.ENOENT, errno.ENOTDIR):
                    raise
        if mask & _NAMES and not self._wanted & (DIR_NAME if is_directory else FILE_NAME | CREATION):
            return []
        return [(action, name) for bit, action in _ACTIONS.items() if mask & bit]

    def close(self) -> None:
        """End it."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

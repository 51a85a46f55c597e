"""Files and directories by their paths, and what changes in a directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from ntipc.overlapped.disk import DiskFile
from ntipc.win32.binding.failures import failure
from ntipc.win32.binding.pyhandle import object_of
from ntipc.win32.standard.exports.tables import from_table, own
from ntipc.win32.standard.exports.words import (
    Export,
    boolean,
    handle,
    memory_at,
    put_dword,
    put_text,
    there,
    unsigned,
)


def _read_changes(
    directory: int, buffer: int, size: int, below: int, wanted: int, told: int, overlapped: int, routine: int
) -> int:
    """ReadDirectoryChangesW: it waits; the changes lie in memory then."""
    from ntipc.win32.binding.directory_changes import ReadDirectoryChangesW, encoded

    if overlapped or routine:
        raise failure(50, "ReadDirectoryChangesW")
    room = unsigned(size)
    changes = ReadDirectoryChangesW(handle(directory), room, boolean(below), unsigned(wanted))
    data = encoded(changes or [])
    if len(data) > room:
        data = b""
    memory_at(buffer, room)[: len(data)] = data
    put_dword(told, len(data))
    return 1


def _final_path(file: int, buffer: int, room: int, flags: int) -> int:
    thing: Any = object_of(handle(file))
    if not isinstance(thing, DiskFile):
        raise failure(6, "GetFinalPathNameByHandle")
    path = os.readlink(f"/proc/self/fd/{thing.fd}")
    units = len(path.encode("utf-16-le", "surrogatepass")) // 2
    if unsigned(room) <= units:
        return units + 1
    put_text(there(buffer), unsigned(room), path, wide=True)
    return units


_TABLE: Final = """
CopyFile* wwb bool win32file.CopyFile
CreateDirectory* ws bool win32file.CreateDirectory
GetFileAttributes* w file win32file.GetFileAttributes
MoveFileEx* wwd bool win32file.MoveFileEx
RemoveDirectory* w bool win32file.RemoveDirectory
SetFileAttributes* wd bool win32file.SetFileAttributes
"""
EXPORTS: Final[Mapping[str, Export]] = {
    **dict(from_table(_TABLE)),
    "GetFinalPathNameByHandleW": own(_final_path, 4),
    "ReadDirectoryChangesW": own(_read_changes, 8),
}

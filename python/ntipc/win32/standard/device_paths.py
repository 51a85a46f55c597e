r"""``os.path`` for paths below ``\\.\`` and ``\\?\``, which name pipes; all other paths are Linux's.

>>> join(r"\\.\pipe", "name"), abspath(r"\\?\pipe\.\a\..\b"), join("/tmp", "name")
('\\\\.\\pipe\\name', '\\\\?\\pipe\\b', '/tmp/name')
>>> basename("//./pipe/name"), dirname(r"\\.\pipe\name"), isabs(r"\\.\pipe\name"), isdir(r"\\.\pipe")
('name', '\\\\.\\pipe\\', True, True)
"""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

_PREFIX: Final = re.compile(r"[\\/]{2}[.?](?=[\\/]|$)")


def is_device_path(path: Any) -> bool:
    """Say whether a path is one of a device, such as a pipe."""
    try:
        path = os.fspath(path)
    except TypeError:
        return False
    return isinstance(path, str) and _PREFIX.match(path) is not None


def _either(name: str) -> Callable[..., Any]:
    """Return a function of ``os.path`` that reads paths of devices as Windows does."""
    windows, linux = getattr(ntpath, name), getattr(posixpath, name)

    def function(path: Any, *more: Any, **named: Any) -> Any:
        return (windows if is_device_path(path) else linux)(path, *more, **named)

    function.__name__, function.__doc__ = name, linux.__doc__
    return function


join, split, splitext = _either("join"), _either("split"), _either("splitext")
isabs, basename, dirname, normcase = _either("isabs"), _either("basename"), _either("dirname"), _either("normcase")


def abspath(path: Any) -> Any:
    """Return an absolute path without ``.`` and ``..``."""
    if not is_device_path(path):
        return posixpath.abspath(path)
    path = os.fspath(path)
    kept: list[str] = []
    for part in re.split(r"[\\/]+", path[4:]):
        if part == "..":
            del kept[max(1, len(kept) - 1) :]
        elif part not in ("", "."):
            kept.append(part)
    return f"\\\\{path[2]}\\" + "\\".join(kept)


def normpath(path: Any) -> Any:
    """Return a path without ``.`` and ``..``."""
    return abspath(path) if is_device_path(path) else posixpath.normpath(path)


def realpath(filename: Any, **named: Any) -> Any:
    """Return a path without symbolic links."""
    return abspath(filename) if is_device_path(filename) else posixpath.realpath(filename, **named)


def exists(path: Any) -> bool:
    """Say whether there is a file, or a pipe that may be connected to."""
    if not is_device_path(path):
        return os.path.exists(path)
    if isdir(path):
        return True
    from ntipc.pipes.client import wait_for_pipe
    from ntipc.win32.standard.files import pipe_name

    name = pipe_name(abspath(path))
    if name is None:
        return False
    try:
        wait_for_pipe(name, timeout=0)
    except FileNotFoundError:
        return False
    return True


def isdir(path: Any) -> bool:
    """Say whether there is a folder, such as that of pipes."""
    if not is_device_path(path):
        return os.path.isdir(path)
    from ntipc.win32.standard.files import pipe_pattern

    found = pipe_pattern(abspath(path))
    return found is not None and not found[1]


def isfile(path: Any) -> bool:
    """Say whether there is a file, or a pipe."""
    return exists(path) and not isdir(path) if is_device_path(path) else os.path.isfile(path)


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "abspath": abspath,
    "basename": basename,
    "dirname": dirname,
    "exists": exists,
    "isabs": isabs,
    "isdir": isdir,
    "isfile": isfile,
    "join": join,
    "lexists": exists,
    "normcase": normcase,
    "normpath": normpath,
    "realpath": realpath,
    "split": split,
    "splitext": splitext,
}
"""The functions of ``os.path`` that know paths of devices."""


def listdir(path: Any = ".") -> list[Any]:
    """Return the names of a folder, or of all pipes."""
    return _pipe_names() if is_device_path(path) and isdir(path) else os.listdir(path)


def _pipe_names() -> list[str]:
    from ntipc.win32.standard.files import pipe_names  # most programs that import os look for no pipe

    return pipe_names()


class PipeEntry:
    """What a scan of the folder of pipes tells of one.

    Attributes:
        name: The name.
        path: The path.
    """

    def __init__(self, folder: str, name: str) -> None:
        self.name, self.path = name, ntpath.join(folder, name)

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Say no."""
        return False

    is_symlink = is_junction = is_dir

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Say yes: it is no folder."""
        return True


class _Scan:
    """An iterator over entries that can be closed."""

    def __init__(self, entries: Iterator[PipeEntry]) -> None:
        self._entries = entries

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PipeEntry:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Return no more."""
        self._entries = iter(())


def scandir(path: Any = ".") -> Any:
    """Return an iterator over the entries of a folder, or over all pipes."""
    if not (is_device_path(path) and isdir(path)):
        return os.scandir(path)
    folder = os.fspath(path)
    return _Scan(PipeEntry(folder, name) for name in _pipe_names())

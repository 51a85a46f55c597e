"""Paths and texts of ``_winapi``."""

from __future__ import annotations

import os
import shutil
from typing import Any, Final

from ntipc.win32.binding.failures import failure, linux_failure
from ntipc.win32.binding.paths import linux_path
from ntipc.win32.standard.winapi.calls import index, windows_call

_FAIL_IF_EXISTS: Final = 1
_LOWER, _UPPER = 0x100, 0x200


@windows_call
def CreateJunction(src_path: str, dst_path: str, /) -> None:
    """Make a link to a folder.

    Source:
        FSCTL_SET_REPARSE_POINT (Win32).
    """
    try:
        os.symlink(os.path.abspath(linux_path(src_path)), linux_path(dst_path), target_is_directory=True)
    except OSError as problem:
        raise linux_failure(problem, "CreateJunction") from None


@windows_call
def CopyFile2(existing_file_name: str, new_file_name: str, flags: int, progress_routine: Any = None) -> None:
    """Copy a file with its times.

    Args:
        existing_file_name: The file.
        new_file_name: The copy.
        flags: COPY_FILE_FAIL_IF_EXISTS is heeded.
        progress_routine: Without effect.

    Source:
        CopyFile2 (Win32).
    """
    target = linux_path(new_file_name)
    if index(flags) & _FAIL_IF_EXISTS and os.path.lexists(target):
        raise failure(80, "CopyFile2")
    try:
        shutil.copy2(linux_path(existing_file_name), target)
    except OSError as problem:
        raise linux_failure(problem, "CopyFile2") from None


@windows_call
def GetLongPathName(path: str) -> str:
    """Return the path, if there is such a file: names have one form here.

    Source:
        GetLongPathName (Win32).
    """
    if not os.path.lexists(linux_path(path)):
        raise failure(2, "GetLongPathName")
    return path


GetShortPathName = GetLongPathName


def LCMapStringEx(locale: str, flags: int, src: str) -> str:
    """Return a text in lower or in upper case.

    Raises:
        NotImplementedError: Another mapping is asked for.

    Source:
        LCMapStringEx (Win32).
    """
    if index(flags) & _LOWER:
        return src.lower()
    if index(flags) & _UPPER:
        return src.upper()
    raise NotImplementedError("LCMapStringEx maps to lower and upper case here; use unicodedata or locale.strxfrm")

"""The constants of Windows' headers that pywin32's ``win32con`` has."""

from __future__ import annotations

from typing import Any

from ntipc.win32.binding import tables

globals().update(tables.constants("win32con"))

__all__ = list(tables.constants("win32con"))  # noqa: PLE0604, RUF100


def __getattr__(name: str) -> Any:  # for type checkers: the names are those of the table
    raise AttributeError(f"module 'win32con' has no attribute {name!r}")

"""The conventions of ``_winapi``: handles are numbers, and a call that fails raises ``OSError`` with ``winerror``.

>>> @windows_call
... def fails():
...     raise failure(2, "CreateFile")
>>> try:
...     fails()
... except FileNotFoundError as problem:
...     print(problem, problem.winerror)
[WinError 2] The system cannot find the file specified 2
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import index
from typing import Any, ParamSpec, TypeVar

from ntipc.win32.binding.failures import error, failure
from ntipc.win32.binding.texts import text_of
from ntipc.win32.standard.exports.words import attributes
from ntipc.win32.standard.os_errors import os_error

P = ParamSpec("P")
T = TypeVar("T")


def windows_error(code: int) -> OSError:
    """Make the exception for an error code as the interpreter's own C code does: the text has no full stop."""
    return os_error(None, text_of(code).rstrip("."), None, code)


def windows_call(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function raise ``OSError`` where it raises ``pywintypes.error``."""

    @functools.wraps(function)
    def called(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return function(*arguments, **named)
        except error as problem:
            raise windows_error(problem.winerror or 0) from None

    called.__module__ = "_winapi"
    return called


def security(address: Any) -> Any:
    """Return the security attributes that lie at an address; ``None`` for ``None`` and 0."""
    return None if address is None else attributes(index(address))


__all__ = ["error", "failure", "index", "security", "windows_call", "windows_error"]

"""``pywintypes.error``, and the one place that makes it of the library's exceptions.

>>> import ntipc
>>> try:
...     ntipc.Mutex().release()
... except ntipc.NtError as problem:
...     failed(problem, "ReleaseMutex")
error(288, 'ReleaseMutex', 'Attempt to release mutex not owned by caller.')
"""

from __future__ import annotations

from typing import Any

from ntipc.errors import NtError
from ntipc.win32.binding.last_error import last


class error(Exception):  # noqa: N818, RUF100 - pywin32's name
    """A call of Windows failed.

    Attributes:
        winerror: The Win32 error code.
        funcname: The call, without the A or W at its end.
        strerror: What Windows says for the code.
    """

    winerror: int | None
    funcname: str | None
    strerror: str | None

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.winerror, self.funcname, self.strerror = (*args[:3], None, None, None)[:3]

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, self.args, vars(self)


def _restored(*args: Any) -> error:
    return error(*args)


error.__module__ = "pywintypes"  # as tracebacks of Windows show it


def failure(code: int, call: str) -> error:
    """Set the last error, and make the exception for a call that failed with that code; the caller raises it."""
    last.code = code & 0xFFFF_FFFF
    try:
        from ntipc.win32.binding.texts import text_of  # most programs start without a failure
    except ImportError:  # the interpreter ends
        return error(code, call, "")
    return error(code, call, text_of(code))


def failed(problem: NtError, call: str, *, code: int | None = None) -> error:
    """Set the last error, and make of an exception of the library the one of pywin32; the caller raises it.

    Args:
        problem: What the library raised.
        call: The call of Windows that failed.
        code: The code, where this call has another than the status of the problem stands for.
    """
    return failure(problem.winerror if code is None else code, call)


def linux_failure(problem: OSError, call: str) -> error:
    """Make the exception for a call to Linux that failed."""
    from ntipc.win32.binding.errnos import winerror_of

    return failure(winerror_of(problem), call)

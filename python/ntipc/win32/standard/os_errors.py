"""``OSError`` with ``winerror``: Windows' fourth argument chooses the ``errno``, and so the class of the exception."""

from __future__ import annotations

import errno
from typing import Any, Final

_ERRNOS: Final = {
    2: errno.ENOENT, 3: errno.ENOENT, 15: errno.ENOENT, 18: errno.ENOENT, 53: errno.ENOENT, 67: errno.ENOENT,
    161: errno.ENOENT, 206: errno.ENOENT, 123: errno.EINVAL, 4: errno.EMFILE,
    5: errno.EACCES, 16: errno.EACCES, 19: errno.EACCES, 20: errno.EACCES, 21: errno.EACCES, 32: errno.EACCES,
    33: errno.EACCES, 36: errno.EACCES, 65: errno.EACCES, 82: errno.EACCES, 108: errno.EACCES, 132: errno.EACCES,
    158: errno.EACCES, 167: errno.EACCES,
    6: errno.EBADF, 114: errno.EBADF, 130: errno.EBADF,
    7: errno.ENOMEM, 8: errno.ENOMEM, 9: errno.ENOMEM, 1816: errno.ENOMEM,
    10: errno.E2BIG, 11: errno.ENOEXEC, 193: errno.ENOEXEC, 17: errno.EXDEV,
    80: errno.EEXIST, 183: errno.EEXIST, 89: errno.EAGAIN, 164: errno.EAGAIN, 215: errno.EAGAIN,
    109: errno.EPIPE, 232: errno.EPIPE, 112: errno.ENOSPC, 128: errno.ECHILD, 129: errno.ECHILD,
    145: errno.ENOTEMPTY, 267: errno.ENOTDIR, 258: errno.ETIMEDOUT, 10060: errno.ETIMEDOUT, 10061: errno.ECONNREFUSED,
}  # fmt: skip
"""As the C library of Windows maps them; every other code is EINVAL."""

_classes: dict[type, type] = {}


def errno_of(winerror: int) -> int:
    """Return the ``errno`` for a Win32 error code."""
    return _ERRNOS.get(winerror, errno.EINVAL)


def _class_with_winerror(base: type) -> type:
    """Return the class derived from that one which shows the code as Windows does. Programs never see it by name."""
    if base not in _classes:

        def shown(self: Any) -> str:
            where = "" if self.filename is None else f": {self.filename!r}"
            where += "" if self.filename2 is None else f" -> {self.filename2!r}"
            return f"[WinError {self.winerror}] {self.strerror}{where}"

        def restored(self: Any) -> tuple[Any, ...]:
            return os_error, (self.errno, self.strerror, self.filename, self.winerror, self.filename2)

        members = {"__str__": shown, "__reduce__": restored, "__module__": "builtins", "winerror": None}
        _classes[base] = type(base.__name__, (base,), members)
    return _classes[base]


def os_error(*arguments: Any) -> OSError:
    """Make an ``OSError`` as the constructor does on Windows, where the fourth argument is a Win32 error code.

    >>> error = os_error(0, "Cannot create a file when that file already exists.", None, 183)
    >>> isinstance(error, FileExistsError), error.winerror, error.errno == 17
    (True, 183, True)
    """
    if len(arguments) < 4 or arguments[3] is None:
        return OSError(*arguments)
    _, text, filename, winerror, *more = arguments
    number = errno_of(winerror)
    kind = _class_with_winerror(type(OSError(number, text)))
    error: OSError = kind(number, text, filename, None, *more) if filename is not None else kind(number, text)
    error.winerror = winerror  # type: ignore[attr-defined]
    return error

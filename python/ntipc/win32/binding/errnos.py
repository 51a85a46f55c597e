"""Which Win32 error code stands for an ``errno`` of Linux, in calls on ordinary files and processes."""

from __future__ import annotations

import errno
from typing import Final

_WINERRORS: Final = {
    errno.ENOENT: 2,
    errno.ENOTDIR: 3,
    errno.EMFILE: 4,
    errno.ENFILE: 4,
    errno.EACCES: 5,
    errno.EPERM: 5,
    errno.EISDIR: 5,
    errno.EROFS: 19,
    errno.EBADF: 6,
    errno.ENOMEM: 8,
    errno.EXDEV: 17,
    errno.EBUSY: 32,
    errno.ETXTBSY: 32,
    errno.EAGAIN: 33,
    errno.EEXIST: 80,
    errno.EINVAL: 87,
    errno.EPIPE: 109,
    errno.ENOSPC: 112,
    errno.EDQUOT: 112,
    errno.ENAMETOOLONG: 206,
    errno.ENOTEMPTY: 145,
    errno.ESPIPE: 132,
    errno.EFBIG: 112,
    errno.EIO: 1117,
    errno.ESRCH: 87,
    errno.ECHILD: 87,
    errno.ENOEXEC: 193,
    errno.ENOSYS: 120,
    errno.ENOTSUP: 50,
    errno.ELOOP: 161,
    errno.EFAULT: 998,
    errno.ETIMEDOUT: 1460,
}


def winerror_of(problem: OSError) -> int:
    """Return the Win32 error code for a failed call to Linux; 31 where no code is near.

    >>> winerror_of(FileNotFoundError(2, "No such file"))
    2
    """
    return _WINERRORS.get(problem.errno or 0, 31)

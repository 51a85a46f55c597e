"""The peer for deaths: a robust pthread mutex in shared memory, called through ctypes."""

import ctypes
import errno
import mmap

PTHREAD_PROCESS_SHARED = 1
PTHREAD_MUTEX_ROBUST = 1
ROOM = 64
"""Bytes for a mutex or its attributes, on every machine."""


class RobustMutex:
    """Shared with the children forked after it was made."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        self._mutex = (ctypes.c_char * ROOM).from_buffer(self._memory)
        attributes = (ctypes.c_char * ROOM)()
        self._check(self._libc.pthread_mutexattr_init(attributes))
        self._check(self._libc.pthread_mutexattr_setpshared(attributes, PTHREAD_PROCESS_SHARED))
        self._check(self._libc.pthread_mutexattr_setrobust(attributes, PTHREAD_MUTEX_ROBUST))
        self._check(self._libc.pthread_mutex_init(self._mutex, attributes))

    def acquire(self) -> bool:
        """Lock; true if the previous owner died."""
        status = self._libc.pthread_mutex_lock(self._mutex)
        if status == errno.EOWNERDEAD:
            self._check(self._libc.pthread_mutex_consistent(self._mutex))
            return True
        self._check(status)
        return False

    def release(self) -> None:
        """Unlock."""
        self._check(self._libc.pthread_mutex_unlock(self._mutex))

    @staticmethod
    def _check(status: int) -> None:
        if status:
            raise OSError(status, "pthread_mutex")

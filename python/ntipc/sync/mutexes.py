"""Mutexes: one owner at a time, and news of an owner that died.

>>> import ntipc
>>> lock = ntipc.Mutex("ledger")
>>> with lock:
...     lock.info()["recursion"]
1
>>> lock.release()
Traceback (most recent call last):
ntipc.errors.NotOwner: ...
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Self, cast

from ntipc import _kernel
from ntipc.objects.named import NamedObject
from ntipc.objects.object import NtObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.session.session import Session, place


class MutexInfo(ObjectInfo):
    """What :meth:`Mutex.info` tells.

    ``count`` is NT's: 1 for a free mutex, and 1 less for each time that its owner has acquired it. ``owner_pid`` and
    ``owner_tid`` are ``None`` if nobody owns it, or a thread of another pid namespace: then ``recursion`` is not 0.
    """

    count: int
    recursion: int
    owned_by_caller: bool
    abandoned: bool
    owner_pid: int | None
    owner_tid: int | None


@register(_kernel.Mutex)
class Mutex(_kernel.Mutex, NtObject, NamedObject):
    """A lock that belongs to a thread, may be acquired again by its owner, and outlives its owner's death.

    If a thread or process ends while it owns the mutex, the next thread to acquire it gets it all the same. That
    thread learns it from :class:`AbandonedMutexWarning` and ``abandoned``, and should check what the mutex protects.
    After ``fork`` the child does not own the parent's mutexes. A ``with`` block acquires and releases, that of
    ``acquired(timeout)`` within a time limit; ``close()`` closes.

    Args:
        name: Name to create or, if it exists, to open; ``None`` for an unnamed mutex.
        initial_owner: Whether the calling thread owns a new mutex at once. It does not acquire an existing one.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        PathNotFound: ``name`` has an unknown prefix.
        AccessDenied: The session does not let this process in.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateMutex, ReleaseMutex (Win32); KMUTANT (NT).

    Differs:
        Waiters compete for a released mutex, and one that has waited for a millisecond gets it next once it is awake,
        or after three; NT hands it to the first at once. A thread may own it 1,048,575 times, then ``LimitExceeded``;
        with NT 2**31 times.

    >>> lock = Mutex()
    >>> lock.acquire(), lock.acquire(blocking=False)
    (True, True)
    >>> lock.release(); lock.release()
    """

    _kind = "mutex"

    def __init__(
        self, name: str | None = None, *, initial_owner: bool = False, session: Session | str | None = None
    ) -> None:
        attachment, local = place(name, session)
        self._bind(attachment, local, _kernel.OPEN_OR_CREATE, 0, initial_owner)

    @classmethod
    def create(
        cls, name: str | None = None, *, initial_owner: bool = False, session: Session | str | None = None
    ) -> Self:
        """Make a new mutex; the arguments are those of the constructor.

        Raises:
            ObjectExists: An object, of whatever type, has this name.

        Source:
            NtCreateMutant without OBJ_OPENIF (NT).

        >>> lock = Mutex.create("only one", initial_owner=True)
        >>> lock.info()["owned_by_caller"]
        True
        >>> lock.release()
        """
        return cls._created(name, session, initial_owner)

    def acquired(self, timeout: float | None = None) -> AbstractContextManager[Self, None]:
        """Own the mutex for a ``with`` block, if it can be acquired in time.

        Args:
            timeout: Seconds to wait, counted from where the block is entered; 0 or less to only look, ``None`` to wait
                for ever, as ``with mutex:`` does.

        Returns:
            What the ``with`` statement enters, as often as need be. Entering acquires and gives the mutex, leaving
            releases it once.

        Raises:
            Timeout: Another owner did not release it in time; raised on entering. The block is not run.
            HandleClosed: The mutex is closed; raised on entering.
            TypeError: ``timeout`` is no number.
            ValueError: ``timeout`` is NaN.

        >>> lock = Mutex()
        >>> with lock.acquired(timeout=5) as owned:
        ...     owned is lock, owned.info()["recursion"]
        (True, 1)
        >>> lock.info()["owned_by_caller"]
        False
        """
        return _kernel.Acquisition(self, timeout)

    def info(self) -> MutexInfo:
        """Tell who owns the mutex and how often, its handles and who waits.

        Raises:
            AccessDenied: The handle lacks the right ``MUTANT_QUERY_STATE``.
            HandleClosed: The mutex is closed.

        Source:
            NtQueryMutant (NT).

        >>> info = Mutex().info()
        >>> info["owner_pid"], info["count"]
        (None, 1)
        """
        return cast("MutexInfo", super().info())

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        if info["recursion"]:
            known = info["owner_pid"] is not None
            return [f"owner={info['owner_pid']}:{info['owner_tid']}" if known else "owner=elsewhere"]
        return ["abandoned" if info["abandoned"] else "free"]

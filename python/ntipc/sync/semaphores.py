"""Semaphores: a number of units that threads and processes take and give back.

>>> import ntipc
>>> seats = ntipc.Semaphore("seats", initial=2, maximum=2)
>>> with seats:
...     seats.count
1
>>> seats.count
2
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from operator import index
from typing import Any, Self, cast

from ntipc import _kernel
from ntipc.errors import Status, describe, from_status
from ntipc.objects.named import NamedObject
from ntipc.objects.object import NtObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.session.session import Session, place

LARGEST_MAXIMUM = 0x7FFF_FFFF
"""The maximum of a semaphore that is made without one."""


class SemaphoreInfo(ObjectInfo):
    """What :meth:`Semaphore.info` tells."""

    count: int
    maximum: int


@register(_kernel.Semaphore)
class Semaphore(_kernel.Semaphore, NtObject, NamedObject):
    """A count that an acquire takes one from, waiting while it is 0, and a release adds to.

    Units have no owner: any thread may release, and a process that dies does not give back what it took. Waiters
    are served in the order in which they came. A ``with`` block acquires and releases one unit, that of
    ``acquired(timeout)`` within a time limit; ``close()`` closes.

    Args:
        name: Name to create or, if it exists, to open; ``None`` for an unnamed semaphore.
        initial: Count of a new semaphore, 0 to ``maximum``. An existing one keeps its count.
        maximum: Largest count of a new semaphore, 1 to 2**31 - 1; ``None`` for the largest possible.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidParameter: ``initial`` or ``maximum`` is out of range, whether or not the name exists.
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        PathNotFound: ``name`` has an unknown prefix.
        AccessDenied: The session does not let this process in.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateSemaphore, ReleaseSemaphore (Win32); KSEMAPHORE (NT).

    >>> Semaphore(initial=2, maximum=3).release()
    2
    """

    _kind = "semaphore"

    def __init__(
        self,
        name: str | None = None,
        *,
        initial: int = 1,
        maximum: int | None = None,
        session: Session | str | None = None,
    ) -> None:
        initial, maximum = _checked(name, initial, maximum)
        attachment, local = place(name, session)
        self._bind(attachment, local, _kernel.OPEN_OR_CREATE, 0, initial, maximum)

    @classmethod
    def create(
        cls,
        name: str | None = None,
        *,
        initial: int = 1,
        maximum: int | None = None,
        session: Session | str | None = None,
    ) -> Self:
        """Make a new semaphore; the arguments are those of the constructor.

        Raises:
            InvalidParameter: ``initial`` or ``maximum`` is out of range.
            ObjectExists: An object, of whatever type, has this name.

        Source:
            NtCreateSemaphore without OBJ_OPENIF (NT).

        >>> tickets = Semaphore.create("tickets", initial=0, maximum=10)
        >>> tickets.release(3), tickets.count, tickets.maximum
        (0, 3, 10)
        """
        return cls._created(name, session, *_checked(name, initial, maximum))

    def acquired(self, timeout: float | None = None) -> AbstractContextManager[Self, None]:
        """Take one unit for a ``with`` block, if there is one in time.

        Args:
            timeout: Seconds to wait, counted from where the block is entered; 0 or less to only look, ``None`` to wait
                for ever, as ``with semaphore:`` does.

        Returns:
            What the ``with`` statement enters, as often as need be. Entering takes a unit and gives the semaphore,
            leaving releases one unit.

        Raises:
            Timeout: There was no unit in time; raised on entering. The block is not run.
            HandleClosed: The semaphore is closed; raised on entering.
            TypeError: ``timeout`` is no number.
            ValueError: ``timeout`` is NaN.

        >>> seats = Semaphore(initial=1)
        >>> with seats.acquired(timeout=5):
        ...     seats.count
        0
        >>> seats.count
        1
        """
        return _kernel.Acquisition(self, timeout)

    def info(self) -> SemaphoreInfo:
        """Tell the count and the maximum, the handles and who waits.

        Raises:
            AccessDenied: The handle lacks the right ``SEMAPHORE_QUERY_STATE``.
            HandleClosed: The semaphore is closed.

        Source:
            NtQuerySemaphore (NT).

        >>> info = Semaphore(initial=1, maximum=5).info()
        >>> info["count"], info["maximum"]
        (1, 5)
        """
        return cast("SemaphoreInfo", super().info())

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"count={info['count']}/{info['maximum']}"]


def _checked(name: str | None, initial: int, maximum: int | None) -> tuple[int, int]:
    initial = index(initial)
    maximum = LARGEST_MAXIMUM if maximum is None else index(maximum)
    if not (0 <= initial <= maximum and 0 < maximum <= LARGEST_MAXIMUM):
        detail = f"the counts must be 0 <= initial <= maximum < 2**31 and 0 < maximum, not {initial} and {maximum}"
        raise from_status(Status.INVALID_PARAMETER, "Semaphore", describe("semaphore", name), detail)
    return initial, maximum

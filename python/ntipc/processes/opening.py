"""What processes and threads have in common: opened by the number that Linux gives, they run and end."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any, TypeVar

from ntipc.errors import InvalidParameter, NtError, ProcessNotFound, Status, from_status
from ntipc.objects.access import Access
from ntipc.objects.object import ClosingObject
from ntipc.objects.process_ids import LARGEST_PID
from ntipc.session.session import Session, within

T = TypeVar("T", bound=ClosingObject)


def opened(kind: type[T], number: int, access: Access | int | None, session: Session | str | None) -> tuple[T, int]:
    """Open the process or thread that has a number: an object of a class, and the rights that are wanted, 0 for all.

    Raises:
        ProcessNotFound: There is none.
        NtError: As the ``open`` of the class.
    """
    number = index(number)
    self: Any = kind.__new__(kind)
    wanted = kind._rights(access, "open", str(number)) if access is not None else 0
    if not 0 < number <= LARGEST_PID:
        raise _not_found(kind, number)
    try:
        self._open(within(session)._native, number, wanted, f"{kind.__name__}.open")
    except InvalidParameter:
        raise _not_found(kind, number) from None
    return self, wanted


def described(thing: ClosingObject, label: Callable[[], str], exit_code: Callable[[], int | None]) -> str:
    """Say for ``repr`` which process or thread it is, and whether it runs; without what its handle may not tell."""
    kind = type(thing).__name__
    try:
        whole = f"<{kind} {label()}"
        if thing.closed:
            return f"{whole} closed>"
        if not thing._query()["signaled"]:
            return f"{whole} running>"
        code = exit_code()
        return f"{whole} ended{'' if code is None else f' {code}'}>"
    except NtError:  # closed before anybody asked, or without the right to ask
        return f"<{kind}>"


def _not_found(kind: type[ClosingObject], number: int) -> NtError:
    noun = kind._kind
    return from_status(
        Status.INVALID_PARAMETER,
        f"{kind.__name__}.open",
        f"{noun} {number}",
        problem=f"there is no {noun} of that id",
        advice=f"It may have ended: open a {noun} while it runs",
        exception=ProcessNotFound,
    )

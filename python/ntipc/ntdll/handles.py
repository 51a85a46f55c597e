"""Handle numbers: one table for the process, which :mod:`ntipc.ntdll` and :mod:`ntipc.win32` share.

A handle is a small positive multiple of 4. An object of the default session keeps the number that the kernel in shared
memory gave its handle, so that other processes can mean it: what they duplicate into this process, and what a child
inherits, is used here by its number alone. Everything else (objects of other sessions, files, directories) gets a
number above all of those. The two low bits of a number mean nothing.

    >>> import ntipc
    >>> number = insert(ntipc.Event())
    >>> find(number) is find(number | 3), number % 4
    (True, 0)
    >>> close(number)
    >>> find(number)
    Traceback (most recent call last):
    ntipc.errors.HandleClosed: ...
"""

from __future__ import annotations

import heapq
import itertools
from enum import IntEnum
from operator import index
from typing import Any, Final, Protocol, TypeVar

from ntipc.errors import NtError, Status, from_status
from ntipc.objects.object import NtObject
from ntipc.session.session import default_session

FIRST_OWN_NUMBER: Final = 0x20_0000
"""Numbers from here on are given by this table, those below by the kernel."""


class Closable(Protocol):
    """What can have a number."""

    @property
    def closed(self) -> bool:
        """Whether it is closed."""

    def close(self) -> None:
        """Close it."""


class Pseudo(IntEnum):
    """Handles that are no entries: the calling process and the calling thread."""

    PROCESS = -1
    THREAD = -2


things: Final[dict[int, Any]] = {}
"""The table. Fast paths look into it with :meth:`dict.get`, and call :func:`find` where that gives nothing.

What a program closes as an object stays in it, closed, until its number is used again.
"""

_protected: Final[set[int]] = set()
_free: Final[list[int]] = []
_unused = itertools.count(FIRST_OWN_NUMBER, 4)
_PSEUDO: Final = {
    number & mask: pseudo for pseudo in Pseudo for number in [pseudo] for mask in (-1, 0xFFFF_FFFF, 2**64 - 1)
}

T = TypeVar("T")


def insert(thing: Closable) -> int:
    """Give an object a number. The table owns it from then on.

    Returns:
        The number: that of the kernel's handle if the object lies in the default session, else the lowest free one of
        this table's own.
    """
    number = _number_by_kernel(thing)
    if number == 0 or not _has_room(number, thing):
        try:
            number = heapq.heappop(_free)
        except IndexError:
            number = next(_unused)
    things[number] = thing
    return number


def insert_new(thing: NtObject) -> int:
    """Give a number to an object that was made in the default session just now: that of its handle."""
    number = thing.handle
    if number in things:
        return insert(thing)  # something has it that was closed behind the table's back
    things[number] = thing
    return number


def find(number: int) -> Any:
    """Return the object that has a number, or the member of :class:`Pseudo`.

    A number that the table does not know is taken into it if another process put the handle here, or this one
    inherited it. Handles that the library's own objects have are theirs alone.

    Raises:
        HandleClosed: No handle of this process has this number.
        TypeError: ``number`` is no integer.
    """
    thing = things.get(number)
    return thing if thing is not None and not thing.closed else _find_other(number)


def find_of(number: int, *kinds: type[T]) -> T:
    """Return the object that has a number, if it is of one of these classes.

    Raises:
        HandleClosed: No handle of this process has this number.
        ObjectTypeMismatch: It is of another class.
        TypeError: ``number`` is no integer.
    """
    thing = things.get(number)
    if thing is None or thing.closed:
        thing = _find_other(number)
    if isinstance(thing, kinds):
        return thing
    if not isinstance(thing, kinds) and isinstance(thing, NtObject):
        thing = _looked_up_again(number & ~3, thing)
    if isinstance(thing, kinds):
        return thing
    raise from_status(Status.OBJECT_TYPE_MISMATCH, "", f"handle {number:#x}")


def close(number: int) -> None:
    """Close the object that has a number, which is free then. Closing a member of :class:`Pseudo` does nothing.

    Raises:
        HandleClosed: No handle of this process has this number.
        HandleClosed: It is protected from close; the status is HANDLE_NOT_CLOSABLE then.
        TypeError: ``number`` is no integer.
    """
    thing = things.get(number)
    if thing is None or thing.closed:
        thing = _find_other(number)
        if isinstance(thing, Pseudo):
            return
        number &= ~3
    if number in _protected:
        raise _refusal(number, "is protected from close", HANDLE_NOT_CLOSABLE)
    if things.pop(number, None) is None:
        raise _refusal(number, "is closed")
    try:
        thing.close()
    finally:
        if number >= FIRST_OWN_NUMBER:
            heapq.heappush(_free, number)


HANDLE_NOT_CLOSABLE: Final = 0xC000_0235


def is_protected(number: int) -> bool:
    """Say whether a handle is protected from close."""
    return number & ~3 in _protected


def protect(number: int, protected: bool) -> None:
    """Protect a handle from close, or no longer.

    Raises:
        HandleClosed: No handle of this process has this number.
    """
    find(number)
    if protected:
        _protected.add(number & ~3)
    else:
        _protected.discard(number & ~3)


def forget(number: int) -> None:
    """Take a number out of the table whose handle somebody else has closed, without closing it."""
    _protected.discard(number & ~3)
    _drop_stale(number & ~3)


def _number_by_kernel(thing: Any) -> int:
    """Return the number of the kernel's handle, 0 if it is none that other processes would mean."""
    if isinstance(thing, NtObject):
        path = thing._session_path
    elif hasattr(thing, "handle") and hasattr(thing, "session"):
        path = thing.session.path
    else:
        return 0
    return int(thing.handle) if path == default_session().path else 0


def _has_room(number: int, thing: Any) -> bool:
    """Say whether a number is free, once what was closed behind the table's back is out of it."""
    other = things.get(number)
    if other is None or other is thing:
        return True
    if not other.closed and _number_by_kernel(other) != number:
        return False  # it is of what was the default session when it came
    forget(number)
    return True


def _find_other(number: int) -> Any:
    number = index(number)
    if (pseudo := _PSEUDO.get(number)) is not None:
        return pseudo
    plain = number & ~3
    if (thing := things.get(plain)) is not None:
        if not thing.closed:
            return thing
        forget(plain)
    if not 0 < plain < FIRST_OWN_NUMBER:
        raise _refusal(number, "is no handle")
    try:
        if default_session()._native.is_owned(plain):
            raise _refusal(number, "belongs to an object that this table does not have")
        thing = NtObject.from_handle(plain)
    except NtError:
        raise _refusal(number, "is closed, or was never one of this process") from None
    # Of two threads that come here at once one has the object; the other's must not close the handle.
    kept = things.setdefault(plain, thing)
    if kept is not thing:
        thing._disown()
    return kept


def _looked_up_again(number: int, thing: NtObject) -> Any:
    """Return what the number means now: other processes close handles of this one, and put others in their places."""
    if number >= FIRST_OWN_NUMBER or thing._session_path != default_session().path:
        return thing
    try:
        kind = NtObject.kind_of_handle(number)
    except NtError:
        return thing
    if isinstance(thing, kind):
        return thing
    _drop_stale(number)
    return _find_other(number)


def _drop_stale(number: int) -> None:
    """Take an entry out whose handle is not the table's any more: the number may be another's by now."""
    thing = things.pop(number, None)
    if isinstance(thing, NtObject):
        thing._disown()


def _refusal(number: int, why: str, status: int = Status.INVALID_HANDLE) -> NtError:
    error = from_status(Status.INVALID_HANDLE, "", f"handle {number:#x}", f"it {why}")
    error.status = status
    return error

"""The handles that a child has from the start.

The parent reserves them in the session before the child exists. So a wrong list is an error before anything is started,
and the child has the handles when it first asks. A child that never asks gives them back when it ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import index
from typing import Protocol

from ntipc.errors import Status, from_status
from ntipc.objects.composite import Composite, ObjectWithParts
from ntipc.objects.object import LARGEST_HANDLE, NtObject
from ntipc.session import session as sessions
from ntipc.session.session import Session


class Bequeath(Protocol):
    """Gives what was set aside to a child."""

    def __call__(self, pid: int, start_time: int = 0) -> None:
        """Name the child; its start time is in clock ticks since the machine's, 0 to have it looked up."""


@contextmanager
def estate(handles: bool | Iterable[NtObject | Composite | int], own: Session, call: str) -> Iterator[Bequeath]:
    """Set handles aside for a child that is started in the ``with`` block.

    Args:
        handles: All that are marked, none, or those.
        own: The session to which numbers belong.
        call: The call of the program, for the message of an error.

    Yields:
        What to call with the child's process id. Without that, the handles are given back.
    """
    heirs = [
        (session, heir)
        for session, numbers in _by_session(handles, own, call)
        if (heir := session._native.prepare_heir(numbers)) is not None
    ]

    def bequeath(pid: int, start_time: int = 0) -> None:
        while heirs:
            session, heir = heirs.pop()
            session._native.name_heir(heir, pid, start_time)

    try:
        yield bequeath
    finally:
        for session, heir in heirs:
            session._native.disinherit(heir)


def _by_session(
    handles: bool | Iterable[NtObject | Composite | int], own: Session, call: str
) -> list[tuple[Session, list[int] | None]]:
    """Say which handles of which sessions are meant; ``None`` for those that are marked."""
    if handles is True:
        return [(session, None) for session in sessions.all_attached()]
    if handles is False:
        return []
    numbers: dict[str, tuple[Session, list[int]]] = {}
    for thing in handles:
        if isinstance(thing, NtObject | Composite):
            session, number = thing.session, _one_handle(thing, call)
        else:
            session, number = own, index(thing)
        if not 0 < number <= LARGEST_HANDLE:
            raise from_status(Status.INVALID_HANDLE, call, f"handle {number}")
        numbers.setdefault(session.path, (session, []))[1].append(number)
    return list(numbers.values())


def _one_handle(thing: NtObject | Composite, call: str) -> int:
    if isinstance(thing, Composite) or (isinstance(thing, ObjectWithParts) and thing._several_handles):
        raise from_status(Status.NOT_SUPPORTED, call, repr(thing), thing._several_handles)
    return thing.handle

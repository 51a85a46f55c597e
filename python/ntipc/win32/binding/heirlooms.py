"""Handles of pipes and files that a child has from the start, under the same numbers.

Their numbers are this package's own, so the session's table does not hand them on. References to the ends of pipes, and
the numbers of descriptors, travel in the child's environment; the child takes them over when it first looks for a
handle.
"""

from __future__ import annotations

import base64
import itertools
import os
import pickle
from collections.abc import Collection, MutableMapping
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.overlapped.disk import DiskFile
from ntipc.overlapped.files import PipeFile
from ntipc.pipes.end import PipeEnd

VARIABLE: Final = "NTIPC_WIN32_HANDLES"
_STANDARD: Final = (0, 1, 2)
"""Descriptors that a child gets anyway, as its own standard streams."""


def bequeath(environment: MutableMapping[str, str], only: Collection[int] | None = None) -> list[int]:
    """Put references to pipes and files into the environment of a child.

    Args:
        environment: The environment.
        only: The handles that the child is to have; ``None`` for all that are marked.

    Returns:
        The descriptors that the child must be started with.
    """
    environment.pop(VARIABLE, None)
    given: list[tuple[int, bool, bytes | int]] = []
    for number, thing in list(table.things.items()):
        if not isinstance(thing, PipeFile | DiskFile) or thing.closed:
            continue
        if not (_is_marked(thing) if only is None else number in only):
            continue
        try:
            given.append((number, thing.overlapped, _reference(thing)))
        except NtError:
            continue  # a server's end that nobody is connected to stays here
    if given:
        environment[VARIABLE] = base64.b85encode(pickle.dumps(given)).decode("ascii")
    return sorted({reference for _, _, reference in given if isinstance(reference, int)})


def _is_marked(thing: PipeFile | DiskFile) -> bool:
    if isinstance(thing, PipeFile):
        return thing.inheritable
    try:
        return thing.fd not in _STANDARD and (thing.inheritable or os.get_inheritable(thing.fd))
    except OSError:
        return False  # the descriptor was closed behind the handle's back


def _reference(thing: PipeFile | DiskFile) -> bytes | int:
    return pickle.dumps(thing.end) if isinstance(thing, PipeFile) else thing.fd


def take_over(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take over, once, what a parent has put into the environment."""
    text = environment.pop(VARIABLE, None)
    if text is None:
        return
    given: list[tuple[int, bool, bytes | int]] = pickle.loads(base64.b85decode(text))
    for number, overlapped, reference in given:
        thing = _taken_over(reference, overlapped)
        if thing is not None:
            thing.inheritable = True
            table.things[number] = thing
    highest = max((number for number, _, _ in given), default=0)
    table._unused = itertools.count(max(highest + 4, table.FIRST_OWN_NUMBER), 4)


def _taken_over(reference: bytes | int, overlapped: bool) -> Any:
    if isinstance(reference, int):
        return DiskFile(reference, overlapped=overlapped)
    try:
        end: PipeEnd = pickle.loads(reference)
    except NtError:
        return None  # the parent has ended before this process asked
    return PipeFile(end, overlapped=overlapped)

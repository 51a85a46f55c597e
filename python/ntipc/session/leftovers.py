"""What the dead left: sessions whose last participants were killed.

They are removed by the caretaker of a large session, and by the next session that the user makes; and here, for people
who want to know.

>>> [leftover for leftover in clean(dry_run=True) if leftover.removed]
[]
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from ntipc import _kernel
from ntipc.errors import NtError
from ntipc.session.places import base_directory

_PREFIX = "ntipc-"


class Leftover(NamedTuple):
    """A session in which nobody takes part.

    Attributes:
        path: Its directory.
        owner: User id of its owner.
        bytes: Memory that its files occupied.
        removed: Whether it is gone now.
        problem: Why not, if it should be; empty otherwise.
    """

    path: str
    owner: int
    bytes: int
    removed: bool
    problem: str = ""


def clean(*, everybody: bool = False, dry_run: bool = False) -> list[Leftover]:
    """Remove the sessions in which nobody takes part. One in which anybody does is left alone.

    Args:
        everybody: Whether to remove those of all users, which takes root; else those of the caller.
        dry_run: Whether to only look.

    Returns:
        What was found.
    """
    return list(_cleaned(base_directory(), everybody, dry_run))


def _cleaned(base: str, everybody: bool, dry_run: bool) -> Iterator[Leftover]:
    for name in sorted(os.listdir(base)):
        path = os.path.join(base, name)
        try:
            owner = os.lstat(path).st_uid
        except OSError:
            continue  # gone meanwhile
        if not _is_session(name, owner) or not (everybody or owner == os.geteuid()):
            continue
        try:
            found = _kernel.clean(path, owner, not dry_run)
        except FileNotFoundError:
            continue
        except NtError as error:
            yield Leftover(path, owner, 0, False, str(error))
            continue
        if found is not None:
            size, removed = found
            yield Leftover(path, owner, size, removed)


def _is_session(name: str, owner: int) -> bool:
    return name.startswith(f"{_PREFIX}{owner}-") or (name == f"{_PREFIX}global" and owner == 0)

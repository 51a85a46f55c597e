"""Handles of pipes that a child has from the start, under the same numbers.

A pipe's end is several handles of the kernel, so its number is this package's own. References to the ends travel in the
child's environment; the child takes them over when it first looks for a handle.
"""

from __future__ import annotations

import base64
import itertools
import os
import pickle
from collections.abc import MutableMapping
from typing import Final

from ntipc.errors import NtError
from ntipc.ntdll import handles as table
from ntipc.overlapped.files import PipeFile
from ntipc.pipes.end import PipeEnd

VARIABLE: Final = "NTIPC_WIN32_HANDLES"


def bequeath(environment: MutableMapping[str, str]) -> None:
    """Put references to the pipes whose handles are marked into the environment of a child."""
    environment.pop(VARIABLE, None)
    given: list[tuple[int, bool, bytes]] = []
    for number, thing in list(table.things.items()):
        if isinstance(thing, PipeFile) and thing.inheritable and not thing.closed:
            try:
                given.append((number, thing.overlapped, pickle.dumps(thing.end)))
            except NtError:
                continue  # a server's end that nobody is connected to stays here
    if given:
        environment[VARIABLE] = base64.b85encode(pickle.dumps(given)).decode("ascii")


def take_over(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take over, once, what a parent has put into the environment."""
    text = environment.pop(VARIABLE, None)
    if text is None:
        return
    given: list[tuple[int, bool, bytes]] = pickle.loads(base64.b85decode(text))
    for number, overlapped, data in given:
        try:
            end: PipeEnd = pickle.loads(data)
        except NtError:
            continue  # the parent has ended before this process asked
        file = PipeFile(end, overlapped=overlapped)
        file.inheritable = True
        table.things[number] = file
    highest = max((number for number, _, _ in given), default=0)
    table._unused = itertools.count(max(highest + 4, table.FIRST_OWN_NUMBER), 4)

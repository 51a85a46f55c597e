"""Exports that are calls of pywin32 with C's conventions, one a line of a table.

A line has the name, the kinds of the arguments (see `words`; ``-`` for none), what comes back, and the call:

* ``handle``: a handle or another number, 0 on failure; ``file``: the same, -1 on failure
* ``bool``: 1, or 0 on failure; ``number``: a number, 0 on failure; ``wait``: a number, WAIT_FAILED on failure
* ``none``: nothing

A name that ends in ``*`` stands for two: the one with W, and the one with A, whose texts are bytes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from ntipc.win32.standard.exports.words import Export, adapted, number

WAIT_FAILED = 0xFFFF_FFFF
_RESULTS: dict[str, tuple[int, Callable[[Any], int] | None]] = {
    "handle": (0, number),
    "file": (-1, number),
    "bool": (0, None),
    "number": (0, number),
    "wait": (WAIT_FAILED, number),
    "none": (0, lambda value: 0),
}


def from_table(table: str) -> Iterator[tuple[str, Export]]:
    """Return the exports that a table describes."""
    for line in table.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, kinds, result, target = line.split()
        kinds = "" if kinds == "-" else kinds
        if name.endswith("*"):
            yield name[:-1] + "W", _export(kinds, result, target)
            yield name[:-1] + "A", _export(kinds.replace("w", "a"), result, target)
        else:
            yield name, _export(kinds, result, target)


def _export(kinds: str, result: str, target: str) -> Export:
    failure, finish = _RESULTS[result]

    def load() -> Callable[..., Any]:
        module, _, name = target.rpartition(".")
        function = getattr(importlib.import_module(f"ntipc.win32.{module}"), name)
        return adapted(function, kinds, failure, finish)

    return Export(load, len(kinds), failure)


def own(function: Callable[..., Any], arguments: int, failure: int = 0) -> Export:
    """Return the export for a function that takes words itself."""
    return Export(lambda: function, arguments, failure)

"""What is said of a program: each call of Windows, where it is made, and whether it is here."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Final, NamedTuple

from ntipc.win32.binding import tables
from ntipc.win32.porting.uses import uses_in
from ntipc.win32.porting.verdicts import advice, is_here
from ntipc.win32.scope import MODULES, OUT_OF_SCOPE, WITHOUT_CALLS

_ALL: Final = frozenset({*MODULES, *WITHOUT_CALLS, *OUT_OF_SCOPE, "winioctlcon", "win32gui_struct"})
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


class Finding(NamedTuple):
    """A call of Windows in a program.

    Attributes:
        file: The file.
        line: The line.
        call: ``module.name``, or the module for an import.
        is_here: Whether it is here.
        advice: What to do if it is not.
    """

    file: str
    line: int
    call: str
    is_here: bool
    advice: str = ""


def check_source(source: str, file: str) -> Iterator[Finding]:
    """Find the calls in the text of a program, in the order of lines.

    Raises:
        SyntaxError: It is no program of Python 3.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        uses = list(uses_in(source, _ALL))
    for use in uses:
        here = is_here(use.module, use.name)
        if not use.name and here:
            continue
        call = f"{use.module}.{use.name}" if use.name else f"import {use.module}"
        yield Finding(file, use.line, call, here, "" if here else advice(use.module, use.name))


def check_file(path: str) -> Iterator[Finding]:
    """Find the calls in a file.

    Raises:
        OSError: It cannot be read.
        SyntaxError: It is no program of Python 3.
    """
    import tokenize

    with tokenize.open(path) as file:
        source = file.read()
    yield from check_source(source, path)


def check_path(path: str) -> Iterator[str]:
    """Find the programs at a path: the file itself, or all ``.py`` files of a folder but those of installed packages.

    Raises:
        OSError: There is nothing.
    """
    if not os.path.isdir(path):
        os.stat(path)
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(".py"))


def knows(module: str) -> bool:
    """Say whether a module is one of Windows."""
    return module in _ALL or bool(tables.calls(module))

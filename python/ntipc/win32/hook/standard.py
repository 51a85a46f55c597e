"""The standard library as Windows has it, offered to the program's own modules."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, Final, cast

from ntipc.win32.hook import gate
from ntipc.win32.hook.rule import is_own
from ntipc.win32.standard.program import ProgramFinder, prepare, register_code_pages

_PACKAGE: Final = "ntipc.win32.standard"
REPLACED: Final = ("ctypes", "mmap", "struct")
"""Modules that are others on Windows."""
VIEWED: Final = (
    "asyncio",
    "builtins",
    "glob",
    "io",
    "multiprocessing",
    "os",
    "platform",
    "signal",
    "subprocess",
    "sys",
)
"""Modules that are the interpreter's, but for some names."""


def offer() -> None:
    """Give the program's modules that are imported from now on, and its main module, what Windows has."""
    for name in REPLACED:
        gate.offer(name, _replacement_of(name))
    for name in VIEWED:
        gate.offer(name, _view_of(name))
    sys.meta_path.insert(0, cast("Any", ProgramFinder(is_own)))
    register_code_pages()
    prepare(vars(sys.modules["__main__"]))


def _replacement_of(name: str) -> Any:
    return lambda: importlib.import_module(f"{_PACKAGE}.{name}")


def _view_of(name: str) -> Any:
    def load() -> ModuleType:
        from ntipc.win32.standard.modules import view_of

        return view_of(name)

    return load

"""What the libraries of Windows export, as far as it is here: the C functions that ``windll.kernel32`` and others show.

Each library is a module with a table ``EXPORTS``. An export takes and returns words, as C code passes them; ``words``
has the conversions. Most are pywin32's calls, which :mod:`ntipc.win32` has, with C's conventions around them.
"""

from __future__ import annotations

import importlib
import ntpath
from collections.abc import Mapping
from typing import Final

from ntipc.win32.standard.exports.words import Export

LIBRARIES: Final = ("advapi32", "kernel32", "msvcrt", "ntdll", "shell32", "user32")
"""The libraries that are here, by their names without ``.dll``."""

_PARTS: Final = (
    "kernel32_errors", "kernel32_synchronization", "kernel32_sections", "kernel32_memory", "kernel32_processes",
    "kernel32_system", "kernel32_files", "kernel32_apcs", "kernel32_jobs",
    "kernel32_pool", "advapi32",    "ntdll", "msvcrt", "shell32", "user32",
)  # fmt: skip
"""The modules that have the exports, those first that take the least time to import."""

_ALIASES: Final = {"kernelbase": "kernel32", "ucrtbase": "msvcrt"}


def find_library_exports(name: str) -> tuple[str, Mapping[str, Export]] | None:
    """Return the key and the exports of a library, ``None`` if it is not here.

    Args:
        name: Its name, in any case, with or without ``.dll`` and a path.
    """
    key = ntpath.basename(name).lower().removesuffix(".dll")
    key = _ALIASES.get(key, key)
    if key not in LIBRARIES:
        return None
    module = importlib.import_module(f"{__name__}.{key}")
    return key, module.EXPORTS


def find_export(name: str) -> Export | None:
    """Return an export by its name, of whatever library; ``None`` if none has it.

    No more modules are imported than have to be looked at: a program that only waits needs no pipes.
    """
    for part in _PARTS:
        module = importlib.import_module(f"{__name__}.{part}")
        if name in module.EXPORTS:
            found: Export = module.EXPORTS[name]
            return found
    return None

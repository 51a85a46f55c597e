"""What Python programs call of Windows' libraries beside communication: the console, windows as if hidden, files.

C programs have no use for these on Linux, so they are no exports of ``libntipc.so``: `ctypes` alone finds them, after
those of :mod:`ntipc.win32.standard.exports`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

from ntipc.win32.standard.exports import find_library_exports
from ntipc.win32.standard.exports.words import Export

_MODULES: Final = {"kernel32": ("console", "disk", "settings"), "user32": ("screen",)}


def find_exports_for_python(name: str) -> tuple[str, Mapping[str, Export]] | None:
    """Return the key and the exports of a library as Python programs find it, ``None`` if it is not here.

    Args:
        name: Its name, in any case, with or without ``.dll`` and a path.
    """
    found = find_library_exports(name)
    if found is None or found[0] not in _MODULES:
        return found
    more: dict[str, Export] = {}
    for module in _MODULES[found[0]]:
        more |= importlib.import_module(f"{__name__}.{module}").EXPORTS
    return found[0], {**more, **found[1]}

"""``ntdll``: the Native API, as far as `ntipc.ntdll` has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ntipc.win32.standard.exports import ntdll_files, ntdll_objects, ntdll_ports
from ntipc.win32.standard.exports.words import Export

_CALLS: Final = {**ntdll_objects.EXPORTS, **ntdll_files.EXPORTS, **ntdll_ports.EXPORTS}

EXPORTS: Final[Mapping[str, Export]] = {
    **_CALLS,
    **{f"Zw{name[2:]}": export for name, export in _CALLS.items() if name.startswith("Nt")},
}
"""The calls, and those that begin with Nt by their other names, too."""

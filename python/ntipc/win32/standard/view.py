"""Modules of the interpreter with another side."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any


class ModuleView(ModuleType):
    """A module that shows another, but for the names it has of its own.

    Args:
        module: The module that it shows.
        own: The names that differ.
    """

    def __init__(self, module: ModuleType, **own: Any) -> None:
        super().__init__(module.__name__, module.__doc__)
        vars(self).update(own, __spec__=module.__spec__, __file__=getattr(module, "__file__", None))
        vars(self)["_ntipc_shown"] = module

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":  # what `from module import *` takes: all of the module shown, and what differs
            shown = vars(self)["_ntipc_shown"]
            names = getattr(shown, "__all__", None) or [public for public in dir(shown) if public[0] != "_"]
            return sorted({*names, *(public for public in vars(self) if public[0] != "_")})
        return getattr(vars(self)["_ntipc_shown"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_ntipc_shown"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(vars(self)["_ntipc_shown"], name)

    def __dir__(self) -> Iterable[str]:
        return sorted({*dir(vars(self)["_ntipc_shown"]), *vars(self)} - {"_ntipc_shown"})

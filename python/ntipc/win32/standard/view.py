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
        return getattr(vars(self)["_ntipc_shown"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_ntipc_shown"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(vars(self)["_ntipc_shown"], name)

    def __dir__(self) -> Iterable[str]:
        return sorted({*dir(vars(self)["_ntipc_shown"]), *vars(self)} - {"_ntipc_shown"})

"""The tables of constants and of calls: text files beside the modules, read when a name is first asked for.

Each module of :mod:`ntipc.win32` takes its module-level ``__getattr__`` from here. A constant is put into the module
when it is first used. A call that pywin32 has and this package has not is there, too, and raises
``NotImplementedError``: a program that never makes the call can be imported.

    >>> constants("win32event")["WAIT_TIMEOUT"]
    258
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "tables")


@cache
def constants(module: str) -> dict[str, Any]:
    """Read the constants of a module of pywin32."""
    found: dict[str, Any] = {}
    with open(os.path.join(_FOLDER, f"{module}.txt"), encoding="utf-8") as lines:
        for line in lines:
            name, _, value = line.partition(" ")
            try:
                found[name] = int(value)
            except ValueError:
                from ast import literal_eval

                found[name] = literal_eval(value)
    return found


@cache
def calls(module: str) -> frozenset[str]:
    """Read the names of the calls that a module of pywin32 has."""
    with open(os.path.join(_FOLDER, "calls.txt"), encoding="utf-8") as lines:
        for line in lines:
            name, *names = line.split()
            if name == module:
                return frozenset(names)
    return frozenset()


def lookup(module: str) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of a module of :mod:`ntipc.win32`: its constants, and the calls that are out of scope.

    Args:
        module: The module's ``__name__``; the last part is pywin32's name for it.
    """
    title = module.rpartition(".")[2]

    def __getattr__(name: str) -> Any:
        namespace = vars(sys.modules[module])
        if name == "__all__":
            own = {public for public in namespace if getattr(namespace[public], "__module__", None) == module}
            public_names = own | calls(title) | set(_constants_if_any(title)) | {"error"} & set(namespace)
            return sorted(public for public in public_names if public[0] != "_")
        value: Any
        if name in (known := _constants_if_any(title)):
            value = known[name]
        elif name in calls(title):
            value = out_of_scope(f"{title}.{name}")
        else:
            raise AttributeError(f"module {title!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    return __getattr__


def _constants_if_any(title: str) -> dict[str, Any]:
    try:
        return constants(title)
    except FileNotFoundError:
        return {}


def out_of_scope(call: str) -> Callable[..., Any]:
    """Make a function that can be had and passed on, and says when it is called that there is no such call here."""

    def refuse(*arguments: object, **keywords: object) -> Any:
        raise NotImplementedError(
            f"{call} is not part of ntipc.win32, which has what concerns communication between processes; "
            "see docs/win32.md for what it has, and `ntipc port-check` for what to do instead"
        )

    refuse.__name__ = call.rpartition(".")[2]
    refuse.__qualname__ = call
    refuse.__module__ = call.partition(".")[0]
    refuse.__doc__ = "Raise ``NotImplementedError``: this call is out of scope."
    return refuse


def is_out_of_scope(value: object) -> bool:
    """Say whether :func:`out_of_scope` made a function."""
    return getattr(value, "__code__", None) is _REFUSAL


_REFUSAL = out_of_scope("").__code__


@cache
def module_without_calls(title: str) -> ModuleType:
    """Make a module of pywin32 all of whose calls are out of scope."""
    from ntipc.win32.binding.failures import error

    module = ModuleType(f"ntipc.win32.{title}", "A module of pywin32 whose calls are out of scope.")
    for call in calls(title):
        setattr(module, call, out_of_scope(f"{title}.{call}"))
    vars(module).update(_constants_if_any(title), error=error)
    return module

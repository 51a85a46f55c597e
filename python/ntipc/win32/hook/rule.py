"""Which modules are the program's own.

A module is the program's own unless its file lies with the interpreter's library, with the packages installed for it,
or with ntipc. Installed packages that are written for Windows are named, and count as the program's own then.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

PACKAGES_VARIABLE = "NTIPC_WIN32_PACKAGES"
"""The environment variable with the names of installed packages that count as the program's own, for children."""

_INSTALLED = {"site-packages", "dist-packages"}
"""Folders with these names have installed packages, wherever they lie."""

_named: set[str] = set()


def name_packages(names: Iterable[str]) -> None:
    """Let installed packages count as the program's own from now on."""
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"{name!r} is not the name of a package")
        _named.add(name)


def named_packages() -> tuple[str, ...]:
    """Return the installed packages that count as the program's own."""
    return tuple(sorted(_named))


def is_own(namespace: Mapping[str, Any] | None) -> bool:
    """Say whether code with these globals is the program's own."""
    if namespace is None:
        return False
    name = namespace.get("__name__")
    if name in ("__main__", "__mp_main__"):
        return not _is_of_a_library(namespace.get("__file__"))
    if not isinstance(name, str):
        return True  # code that the program has made itself
    if name.partition(".")[0] in _named:
        return True
    file = namespace.get("__file__")
    return isinstance(file, str) and not _is_of_a_library(file)


def _is_of_a_library(file: object) -> bool:
    return isinstance(file, str) and _in_a_library(os.path.dirname(file))


@cache
def _in_a_library(folder: str) -> bool:
    real = os.path.join(os.path.realpath(folder), "")
    own = os.path.join(os.path.abspath(folder), "")
    if _INSTALLED & {*real.split(os.sep), *own.split(os.sep)}:
        return True
    return any(path.startswith(library) for path in (real, own) for library in _libraries())


@cache
def _libraries() -> tuple[str, ...]:
    # Nothing is imported here: this is asked in the middle of imports.
    library = os.path.join(sys.platlibdir, "python{}.{}".format(*sys.version_info))
    folders = {os.path.dirname(os.__file__)}
    folders |= {os.path.join(prefix, library) for prefix in (sys.base_prefix, sys.base_exec_prefix, sys.prefix)}
    folders |= {*site.getsitepackages(), site.getusersitepackages()}
    folders.add(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    kept = {os.path.join(path, "") for folder in folders if folder for path in (folder, os.path.realpath(folder))}
    return tuple(kept)

"""The gate that import statements go through: modules of Windows for the program's own modules, and for no others.

A module of Windows in ``sys.modules`` would be seen by everybody: the interpreter's ``subprocess`` takes its Windows
half as soon as it can import ``msvcrt``. So the modules are given out one import at a time, to code that :mod:`the rule
<ntipc.win32.hook.rule>` calls the program's own.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, Final

from ntipc.win32.hook.rule import is_own
from ntipc.win32.scope import MODULES, OUT_OF_SCOPE, WITHOUT_CALLS

_PACKAGE: Final = "ntipc.win32"
_views: dict[str, Callable[[], ModuleType]] = {}
_given: dict[str, set[str]] = {}
_real_import: Callable[..., Any] = builtins.__import__
_installed = False


def offer(name: str, load: Callable[[], ModuleType]) -> None:
    """Give the program's own modules what ``load`` returns when they import ``name``; all others go on as before."""
    _views[name] = load


def install() -> bool:
    """Put the gate up, in this process and once; say whether it was not up."""
    global _installed, _real_import
    if _installed:
        return False
    for name in MODULES:
        offer(name, _loader_of(f"{_PACKAGE}.{name}"))
    for name in WITHOUT_CALLS:
        offer(name, _loader_without_calls(name))
    offer("win32", _loader_of(_PACKAGE))
    _real_import, builtins.__import__ = builtins.__import__, _import
    sys.meta_path.append(_Finder())
    _installed = True
    return True


def given() -> Mapping[str, Sequence[str]]:
    """Tell which modules have been given what: names of modules, and what they have imported through the gate."""
    return {importer: tuple(sorted(names)) for importer, names in sorted(_given.items())}


def _loader_of(module: str) -> Callable[[], ModuleType]:
    return lambda: importlib.import_module(module)


def _loader_without_calls(name: str) -> Callable[[], ModuleType]:
    def load() -> ModuleType:
        from ntipc.win32.binding.tables import module_without_calls

        return module_without_calls(name)

    return load


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    if level == 0:
        top = name.partition(".")[0]
        if top in _views or top in OUT_OF_SCOPE:
            globals = sys._getframe(1).f_globals if globals is None else globals  # __import__ called by the program
        if top in _views:
            if is_own(globals):
                return _for_the_program(name, top, globals or {}, fromlist)
            if isinstance(sys.modules.get(top), ModuleType) and sys.modules[top].__name__.startswith(_PACKAGE):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        elif top in OUT_OF_SCOPE and top not in sys.modules and is_own(globals):
            return _or_say_why(name, globals, locals, fromlist)
    return _real_import(name, globals, locals, fromlist, level)


def _for_the_program(name: str, top: str, importer: Mapping[str, Any], fromlist: Sequence[str] | None) -> ModuleType:
    _given.setdefault(str(importer.get("__name__", "?")), set()).add(name)
    module = _views[top]()
    last = module
    for part in name.split(".")[1:]:
        try:
            last = _part(last, part)
        except (ImportError, AttributeError):
            raise ModuleNotFoundError(_REASON.format(name), name=name) from None
    if fromlist and hasattr(last, "__path__"):
        _load_parts(last, fromlist)
    return last if fromlist else module


def _load_parts(package: ModuleType, names: Sequence[str]) -> None:
    """Import the modules of a package that an import statement names, as the interpreter does."""
    for name in names:
        if name != "*" and not hasattr(package, name):
            full = f"{package.__name__}.{name}"
            try:
                importlib.import_module(full)
            except ModuleNotFoundError as missing:
                if missing.name != full:
                    raise


def _part(package: ModuleType, name: str) -> Any:
    if package.__name__ == _PACKAGE or name in vars(package):
        return getattr(package, name)
    return importlib.import_module(f"{package.__name__}.{name}")


def _or_say_why(name: str, *arguments: Any) -> Any:
    try:
        return _real_import(name, *arguments)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise ModuleNotFoundError(_REASON.format(name), name=name) from None


_REASON: Final = (
    "No module named {!r}: it is not part of ntipc.win32, which has what concerns communication between processes;"
    " see docs/win32.md"
)


class _Finder:
    """Finds the modules for ``importlib.import_module`` called by the program, which does not pass the gate."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or fullname not in _views or not is_own(_caller()):
            return None
        return ModuleSpec(fullname, self)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__dict__.update(vars(_for_the_program(spec.name, spec.name, _caller() or {}, None)))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module is made."""


def _caller() -> Mapping[str, Any] | None:
    frame: FrameType | None = sys._getframe(1)
    skipped = ("importlib", "importlib._bootstrap", "importlib._bootstrap_external", __name__)
    while frame is not None:
        if frame.f_globals.get("__name__") not in skipped:
            return frame.f_globals
        frame = frame.f_back
    return None

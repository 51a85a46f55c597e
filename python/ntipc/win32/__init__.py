"""pywin32's modules for communication between processes, by their own names, on Linux.

``from ntipc.win32 import win32event`` works anywhere. A program written for Windows writes ``import win32event``: it
runs by ``ntipc run PROGRAM.py`` or ``python -m ntipc.win32 PROGRAM.py``, or calls :func:`install` first.

    >>> from ntipc.win32 import win32event
    >>> event = win32event.CreateEvent(None, 0, 1, None)
    >>> win32event.WaitForSingleObject(event, 0), win32event.WaitForSingleObject(event, 0)
    (0, 258)
"""

from typing import TYPE_CHECKING, Any

from ntipc.win32.scope import MODULES

if TYPE_CHECKING:
    from ntipc.win32.hook.gate import given
    from ntipc.win32.hook.running import install, run

__all__ = ["MODULES", "given", "install", "run"]

_PART_OF = {"given": "hook.gate", "install": "hook.running", "run": "hook.running"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _PART_OF:
        return getattr(import_module(f"{__name__}.{_PART_OF[name]}"), name)
    if name in MODULES:
        return import_module(f"{__name__}.{name}")
    if name == "lib":  # pywin32's modules in Python are in win32.lib, too
        return import_module(__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

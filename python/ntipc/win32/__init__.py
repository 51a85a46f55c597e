"""pywin32's modules for communication between processes, by their own names, on Linux.

``from ntipc.win32 import win32event`` works anywhere. A program written for Windows writes ``import win32event``: it
runs by ``ntipc run PROGRAM.py`` or ``python -m ntipc.win32 PROGRAM.py``, or calls :func:`install` first.

    >>> from ntipc.win32 import win32event
    >>> event = win32event.CreateEvent(None, 0, 1, None)
    >>> win32event.WaitForSingleObject(event, 0), win32event.WaitForSingleObject(event, 0)
    (0, 258)
"""

from typing import Any

from ntipc.win32.hook.gate import MODULES, given
from ntipc.win32.hook.running import install, run

__all__ = ["MODULES", "given", "install", "run"]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    if name == "lib":  # pywin32's modules in Python are in win32.lib, too
        import sys

        return sys.modules[__name__]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

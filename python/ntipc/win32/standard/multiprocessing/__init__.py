"""``multiprocessing`` as Windows has it: connections are named pipes, and children are started by ``spawn``.

Processes, queues, locks and pools are the interpreter's own. What differs: `connection` with the family ``AF_PIPE``,
`Pipe`, and the start methods, of which there is one.
"""

from __future__ import annotations

import multiprocessing
from types import ModuleType
from typing import Any, Final

from ntipc.win32.standard.multiprocessing import connection
from ntipc.win32.standard.view import ModuleView

_METHOD: Final = "spawn"


class WindowsContext(type(multiprocessing.get_context(_METHOD))):  # type: ignore[misc]
    """What ``multiprocessing.get_context`` returns on Windows, and the functions of the module are taken from."""

    def get_context(self, method: str | None = None) -> WindowsContext:
        """Return the context itself, the only one.

        Raises:
            ValueError: Another start method is asked for.
        """
        if method not in (None, _METHOD):
            raise ValueError(f"cannot find context for {method!r}")
        return self

    def get_start_method(self, allow_none: bool = False) -> str:
        """Return ``"spawn"``."""
        return _METHOD

    def set_start_method(self, method: str | None, force: bool = False) -> None:
        """Take ``"spawn"``.

        Raises:
            ValueError: It is another start method.
        """
        self.get_context(method)

    def get_all_start_methods(self) -> list[str]:
        """Return the start methods: ``["spawn"]``."""
        return [_METHOD]

    def Pipe(self, duplex: bool = True) -> tuple[connection.PipeConnection, connection.PipeConnection]:
        """Make two connections that are the ends of a pipe.

        Args:
            duplex: Whether both can send; else the first receives and the second sends.
        """
        return connection.Pipe(duplex)

    def freeze_support(self) -> None:
        """Return at once: this is no frozen program."""


_context: Final = WindowsContext()


def view() -> ModuleType:
    """Return what a program on Windows sees of ``multiprocessing``."""
    own: dict[str, Any] = {
        name: getattr(_context, name)
        for name in (*multiprocessing.__all__, "get_all_start_methods")
        if hasattr(_context, name) and name != "reducer"
    }
    return ModuleView(multiprocessing, connection=connection, **own)

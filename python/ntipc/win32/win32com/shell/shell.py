"""Questions about the user."""

import os
from typing import Any

from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.tables import out_of_scope


def IsUserAnAdmin() -> bool:
    """Say whether the user may do everything: is root.

    Source:
        IsUserAnAdmin (Win32).
    """
    return os.geteuid() == 0


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():
        raise AttributeError(f"module 'win32com.shell.shell' has no attribute {name!r}")
    return out_of_scope(f"win32com.shell.shell.{name}")

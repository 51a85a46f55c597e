r"""What a path of Windows means: a pipe, a mailslot, another device, or a file.

>>> classify("//./pipe/x"), classify(r"\\.\PIPE\\x"), classify(r"\\?\pipe\x")
(('pipe', '\\\\.\\pipe\\x'), ('pipe', '\\\\.\\PIPE\\x'), ('pipe', '\\\\?\\pipe\\x'))
>>> classify(r"\\*\mailslot\news")[0], classify(r"\\.\COM1")[0], classify("notes.txt")[0]
('mailslot', 'device', 'file')
"""

from __future__ import annotations

import os
import re
from typing import Final, Literal

Kind = Literal["pipe", "mailslot", "device", "file"]

_VERBATIM: Final = "\\\\?\\"
_NATIVE: Final = "\\??\\"
_CONSOLES: Final = ("conin$", "conout$", "con")


def classify(path: str) -> tuple[Kind, str]:
    """Say what a path means, and write it as Windows does once it has read it."""
    if path.startswith((_VERBATIM, _NATIVE)):
        canonical = path
        rest = path[4:]
    elif path[:1] in "\\/" and path[1:2] in ("\\", "/"):
        canonical = "\\\\" + re.sub(r"\\+", r"\\", path[2:].replace("/", "\\"))
        rest = canonical[2:].partition("\\")[2]
    else:
        return ("device" if path.lower() in _CONSOLES or path.lower() == "nul" else "file"), path
    first = rest.partition("\\")[0].lower()
    if first == "pipe":
        return "pipe", canonical
    if first == "mailslot":
        return "mailslot", canonical
    if canonical.startswith(("\\\\.\\", _NATIVE)):
        return "device", canonical
    return "file", canonical


def linux_path(path: str) -> str:
    r"""Return the path of a file for Linux: with ``\`` for ``/``, unless there is a file that is called so.

    >>> linux_path(r"folder\file.txt")
    'folder/file.txt'
    """
    if path.startswith(_VERBATIM):
        path = path[4:]
    return path.replace("\\", "/") if "\\" in path and not os.path.lexists(path) else path

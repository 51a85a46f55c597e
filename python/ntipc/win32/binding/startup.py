"""``STARTUPINFO``: how a process is to be started."""

from __future__ import annotations

from typing import Final

from ntipc.win32.binding.pyhandle import HandleLike

USE_STANDARD_HANDLES: Final = 0x100


class STARTUPINFO:
    """How a process is to be started.

    Attributes:
        dwFlags: STARTF_USESTDHANDLES for the three handles.
        hStdInput: What the process reads from.
        hStdOutput: What it writes to.
        hStdError: Where it writes errors.
        wShowWindow: Without effect, as are the others.

    Source:
        PySTARTUPINFO objects (pywin32).
    """

    def __init__(self) -> None:
        self.dwX = self.dwY = self.dwXSize = self.dwYSize = 0
        self.dwXCountChars = self.dwYCountChars = self.dwFillAttribute = 0
        self.dwFlags = self.wShowWindow = 0
        self.hStdInput: HandleLike = 0
        self.hStdOutput: HandleLike = 0
        self.hStdError: HandleLike = 0
        self.lpDesktop: str | None = None
        self.lpTitle: str | None = None


def GetStartupInfo() -> STARTUPINFO:
    """Return how this process was started, of which nothing is known."""
    return STARTUPINFO()

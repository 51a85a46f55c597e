"""The last error of each thread, which Windows programs read after a call.

A call that fails sets it. A call that creates an object sets it to 0, or to 183 if the object was there already.
Nothing else touches it: no closing of a handle that is collected, no other thread.
"""

from __future__ import annotations

import threading
from typing import Final


class _LastError(threading.local):
    code = 0


last: Final = _LastError()
"""``last.code`` is the last error of the calling thread."""


def GetLastError() -> int:
    """Return the last error code of the calling thread, as a number with a sign.

    Source:
        GetLastError (Win32).
    """
    return last.code - 2**32 if last.code & 0x8000_0000 else last.code


def SetLastError(code: int, /) -> None:
    """Set the last error code of the calling thread.

    Source:
        SetLastError (Win32).
    """
    last.code = code & 0xFFFF_FFFF

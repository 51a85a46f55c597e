"""LARGE_INTEGER times: units of 100 ns, negative from now on, positive since the first of January 1601 in UTC.

>>> seconds_until(-10_000_000), seconds_until(None), seconds_until(0)
(1.0, None, 0.0)
"""

from __future__ import annotations

import time
from operator import index
from typing import Final

UNITS: Final = 10_000_000
"""Units in a second."""
_EPOCH: Final = 11_644_473_600
"""Seconds from 1601 to 1970."""


def seconds_until(moment: int | None) -> float | None:
    """Return the seconds from now until a LARGE_INTEGER time, not less than 0; ``None`` stands for ever.

    Raises:
        TypeError: It is no integer.
    """
    if moment is None:
        return None
    moment = index(moment)
    if moment <= 0:
        return -moment / UNITS
    return max(0.0, moment / UNITS - _EPOCH - time.time())


def relative(seconds: float) -> int:
    """Return the LARGE_INTEGER for so many seconds from now.

    >>> relative(0.5)
    -5000000
    """
    return -round(seconds * UNITS)


def absolute(seconds: float) -> int:
    """Return the LARGE_INTEGER for a moment in seconds since 1970, as ``time.time`` gives it.

    >>> absolute(0)
    116444736000000000
    """
    return round((seconds + _EPOCH) * UNITS)


def NtQuerySystemTime() -> int:
    """Return the time now, since 1601.

    Source:
        NtQuerySystemTime (NT), which cannot fail here.
    """
    return time.time_ns() // 100 + _EPOCH * UNITS

"""Timeouts of calls that wait more than once."""

from __future__ import annotations

import math
import time


class Deadline:
    """What is left of a timeout.

    Raises:
        TypeError: It is no number.
        ValueError: It is NaN.

    >>> Deadline(None).left() is None, Deadline(-1).left()
    (True, 0.0)
    """

    __slots__ = ("_end",)

    def __init__(self, timeout: float | None) -> None:
        self._end: float | None = None
        if timeout is None:
            return
        try:
            self._end = time.monotonic() + timeout
        except TypeError:
            kind = type(timeout).__name__
            raise TypeError(f"timeout must be a number of seconds or None, not {kind}") from None
        except OverflowError:  # an int that is more than any float
            self._end = math.inf if timeout > 0 else -math.inf
        if math.isnan(self._end):
            raise ValueError("timeout must be a number of seconds or None, not NaN")

    def left(self) -> float | None:
        """Seconds that are left, not less than 0; ``None`` for ever."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

"""The two ways of an instance of a pipe: one in, one out, each an end of a queue."""

from __future__ import annotations

import math
import time

from ntipc import _kernel
from ntipc.objects import ClosingObject


class PipeReader(_kernel.ReadEnd, ClosingObject, arrives=False):
    """The way in: set while there is something to read, and when nothing can come any more."""

    _kind = "pipe"


class PipeWriter(_kernel.WriteEnd, ClosingObject, arrives=False):
    """The way out: set while there is room, and when nobody can read any more."""

    _kind = "pipe"


def new_way(attachment: _kernel.Session, quota: int) -> tuple[PipeReader, PipeWriter]:
    """Make a queue of so many bytes; both of its ends."""
    reader, writer = PipeReader.__new__(PipeReader), PipeWriter.__new__(PipeWriter)
    reader.bind(attachment, None, _kernel.CREATE, 0, quota, (0, 0), writer)
    return reader, writer


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

"""``PyTime``: moments, as pywin32 has them: ``datetime`` objects with a time zone, and ``Format``."""

from __future__ import annotations

import datetime as _datetime
from collections.abc import Sequence
from typing import Any, SupportsFloat


class TimeType(_datetime.datetime):
    """A moment.

    Source:
        PyTime objects (pywin32).
    """

    def Format(self, format: str = "%c", /) -> str:
        """Return the moment in words."""
        return self.strftime(format)


TimeType.__name__ = TimeType.__qualname__ = "datetime"
TimeType.__module__ = "pywintypes"


def Time(value: Any, /) -> TimeType:
    """Make a moment of seconds since 1970 or of a ``datetime``; of a ``time`` tuple one of the local time zone, unsaid.

    >>> Time(0).Format("%Y-%m-%d")
    '1970-01-01'
    """
    if isinstance(value, TimeType):
        return value
    if isinstance(value, _datetime.datetime):
        parts = value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
        return TimeType(*parts, tzinfo=value.tzinfo or _datetime.UTC)
    if isinstance(value, Sequence) and not isinstance(value, str):
        milliseconds = value[9] if len(value) > 9 else 0
        year, month, day, hour, minute, second = value[:6]
        return TimeType(year, month, day, hour, minute, second, milliseconds * 1000)
    if isinstance(value, SupportsFloat):
        moment = float(value)
    else:
        raise TypeError(f"An object of type '{type(value).__name__}' can not be converted to a time")
    return TimeType.fromtimestamp(moment, _datetime.UTC)


def TimeStamp(timestamp: int, /) -> TimeType:
    """Make a moment of units of 100 ns since 1601; one that is too late is the latest.

    >>> TimeStamp(116444736000000000).Format("%Y-%m-%d"), TimeStamp(2**63 - 1).year
    ('1970-01-01', 9999)
    """
    try:
        return TimeType(1601, 1, 1, tzinfo=_datetime.UTC) + _datetime.timedelta(microseconds=timestamp // 10)
    except OverflowError:
        return TimeType(9999, 12, 31, 23, 59, 59, 999_999)

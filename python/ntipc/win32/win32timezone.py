"""Time zones, as far as programs ask pywin32's ``win32timezone`` for the time.

>>> from ntipc.win32 import win32timezone
>>> win32timezone.utcnow().tzinfo is not None
True
"""

from __future__ import annotations

import datetime
from typing import Any, Self


class TimeZoneInfo(datetime.tzinfo):
    """The local time zone, or that of UTC.

    Args:
        name: ``"UTC"`` or ``"GMT Standard Time"``, or anything else for the local one.
    """

    def __init__(self, name: str = "", fix_standard_time: bool = False) -> None:
        self.timeZoneName = name or "Local"
        self._is_utc = name in ("UTC", "GMT Standard Time")

    @classmethod
    def local(cls) -> Self:
        """Return the local time zone."""
        return cls()

    @classmethod
    def utc(cls) -> Self:
        """Return that of UTC."""
        return cls("UTC")

    def _local(self, moment: datetime.datetime | None) -> datetime.datetime:
        naive = (moment or datetime.datetime.now()).replace(tzinfo=None)
        return naive.astimezone(datetime.UTC if self._is_utc else None)

    def utcoffset(self, moment: datetime.datetime | None, /) -> datetime.timedelta | None:
        """Return the difference to UTC at a moment."""
        return datetime.timedelta(0) if self._is_utc else self._local(moment).utcoffset()

    def dst(self, moment: datetime.datetime | None, /) -> datetime.timedelta | None:
        """Return how much of the difference is summer time, which Linux does not tell apart: none."""
        return datetime.timedelta(0)

    def tzname(self, moment: datetime.datetime | None, /) -> str | None:
        """Return the name of the zone at a moment."""
        return "UTC" if self._is_utc else self._local(moment).tzname()

    def __repr__(self) -> str:
        return f"TimeZoneInfo({self.timeZoneName!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ("UTC" if self._is_utc else "",)


def now() -> datetime.datetime:
    """Return the local time, with its zone."""
    return datetime.datetime.now(TimeZoneInfo.local())


def utcnow() -> datetime.datetime:
    """Return the time in UTC, with its zone."""
    return datetime.datetime.now(TimeZoneInfo.utc())

"""Messages for the event log, as pywin32's ``win32evtlogutil`` has them: they go to a logger, or to standard error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ntipc.win32.binding import service_host
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.tables import out_of_scope


def ReportEvent(
    appName: str,
    eventID: int,
    eventCategory: int = 0,
    eventType: int = 1,
    strings: Sequence[str] | None = None,
    data: bytes | None = None,
    sid: Any = None,
) -> None:
    """Write a message of a program."""
    service_host.message(eventType, eventID, [appName, *(strings or ())])


def AddSourceToRegistry(*arguments: Any, **keywords: Any) -> None:
    """Return at once: messages have no source."""


def RemoveSourceFromRegistry(*arguments: Any, **keywords: Any) -> None:
    """Return at once: messages have no source."""


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():
        raise AttributeError(f"module 'win32evtlogutil' has no attribute {name!r}")
    return out_of_scope(f"win32evtlogutil.{name}")

"""The host of services, as pywin32's ``servicemanager`` has it: they run in the foreground of this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ntipc.win32.binding import service_host, tables
from ntipc.win32.binding.failures import error as error

__getattr__ = tables.lookup(__name__)

_ERROR, _WARNING, _INFORMATION = 1, 2, 4


class startup_error(Exception):  # noqa: N801, N818, RUF100 - pywin32's name
    """A service could not start."""


def LogMsg(errorType: int, eventId: int, inserts: Any = (), /) -> None:
    """Write a message of a service: to the logger ``ntipc.win32.services``, or to standard error."""
    strings = inserts if isinstance(inserts, (tuple, list)) else (inserts,)
    service_host.message(errorType, eventId, [part for part in strings if part])


def LogInfoMsg(msg: str, /) -> None:
    """Write a message that informs."""
    service_host.message(_INFORMATION, 0x4000_F000, (msg,))


def LogErrorMsg(msg: str, /) -> None:
    """Write a message about an error."""
    service_host.message(_ERROR, 0xC000_F000, (msg,))


def LogWarningMsg(msg: str, /) -> None:
    """Write a message that warns."""
    service_host.message(_WARNING, 0x8000_F000, (msg,))


def Initialize(eventSourceName: str | None = None, eventSourceFile: str | None = None, /) -> None:
    """Return at once: there is nothing to prepare."""


def Finalize() -> None:
    """Return at once: there is nothing to clear up."""


def PrepareToHostSingle(klass: type[Any] | None = None, /) -> None:
    """Offer a class of services to be run by :func:`StartServiceCtrlDispatcher`."""
    if klass is not None:
        service_host.hosted[:] = [klass]


def PrepareToHostMultiple(service_name: str, klass: type[Any], /) -> None:
    """Offer one more class of services."""
    service_host.hosted.append(klass)


def StartServiceCtrlDispatcher() -> None:
    """Run the service that was offered, in the foreground, until it ends.

    Raises:
        error: None was offered (1063).
    """
    from ntipc.win32.binding.failures import failure

    if not service_host.hosted:
        raise failure(1063, "StartServiceCtrlDispatcher")
    service_host.run_in_foreground(service_host.hosted[0])


def RegisterServiceCtrlHandler(serviceName: str, callback: Callable[..., Any], extra_args: bool = False, /) -> int:
    """Return a number for the service's reports."""
    service_host.state.setdefault(serviceName, service_host.START_PENDING)
    return 1


def SetServiceStatus(statusHandle: int, status: tuple[int, ...], /) -> None:
    """Return at once: nobody asks for it."""


def Debugging(newVal: int = -1, /) -> int:
    """Return 1: services run in the foreground."""
    return 1


def RunningAsService() -> bool:
    """Return ``False``: services run in the foreground."""
    return False


def SetEventSourceName(sourceName: str, registerNow: bool = False, /) -> None:
    """Return at once: messages have no source."""


def CoInitializeEx(flags: int = 0, /) -> None:
    """Return at once: there is no COM."""


def CoUninitialize() -> None:
    """Return at once: there is no COM."""


def PumpWaitingMessages() -> int:
    """Deal with the messages to windows of the calling thread."""
    from ntipc.win32.binding.messages import PumpWaitingMessages as pump

    return pump()

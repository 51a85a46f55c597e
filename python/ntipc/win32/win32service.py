"""The constants of services, and the calls on services of the machine: there is no service manager of Windows here."""

from __future__ import annotations

from typing import Any, NoReturn

from ntipc.win32.binding import tables
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.failures import failure

__getattr__ = tables.lookup(__name__)

_NO_SUCH_SERVICE = 1060


def OpenSCManager(machineName: str | None, dbName: str | None, desiredAccess: int, /) -> int:
    """Return a number that stands for the services of the machine, of which there are none."""
    return 4


def CloseServiceHandle(scHandle: Any, /) -> None:
    """Return at once."""


def OpenService(scHandle: Any, name: str, desiredAccess: int, /) -> NoReturn:
    """Refuse: there is no such service (1060)."""
    raise failure(_NO_SUCH_SERVICE, "OpenService")


def EnumServicesStatus(hSCManager: Any, ServiceType: int = 48, ServiceState: int = 3, /) -> tuple[()]:
    """Return nothing: there are no services."""
    return ()

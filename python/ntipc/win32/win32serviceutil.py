"""Services, as pywin32's ``win32serviceutil`` has them, in debug mode: they run in the foreground.

A service's program is run as ``ntipc run service.py debug``, or without the last word. Ctrl-C, SIGTERM and SIGHUP call
``SvcStop``. ``install`` prints a unit for systemd.

    >>> from ntipc.win32 import win32event, win32serviceutil
    >>> class Clock(win32serviceutil.ServiceFramework):
    ...     _svc_name_, _svc_display_name_ = "clock", "A clock"
    ...     def SvcDoRun(self):
    ...         print("tick")
    >>> win32serviceutil.DebugService(Clock)
    Debugging service clock - press Ctrl+C to stop.
    tick
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn

from ntipc.win32 import servicemanager
from ntipc.win32.binding import service_host, tables
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.failures import failure

__getattr__ = tables.lookup(__name__)

_NO_SUCH_SERVICE = 1060
_ACCEPTS = (
    ("SvcStop", 1), ("SvcPause", 2), ("SvcContinue", 2), ("SvcShutdown", 4),
)  # fmt: skip
_COMMANDS = ("install", "update", "remove", "start", "stop", "restart", "debug")


class ServiceFramework:
    """A service: a class on it has ``SvcDoRun``, and ``SvcStop`` that makes this return.

    Source:
        ServiceFramework (pywin32).
    """

    _svc_name_: ClassVar[str]
    _svc_display_name_: ClassVar[str]
    _svc_deps_: ClassVar[Sequence[str] | None] = None
    _exe_name_: ClassVar[str | None] = None
    _exe_args_: ClassVar[str | None] = None
    _svc_description_: ClassVar[str | None] = None

    def __init__(self, args: Sequence[str]) -> None:
        self.ssh = servicemanager.RegisterServiceCtrlHandler(args[0], self.ServiceCtrlHandlerEx, True)
        self.checkPoint = 0

    def GetAcceptedControls(self) -> int:
        """Return which controls the service deals with."""
        accepted = 0
        for name, bit in _ACCEPTS:
            if hasattr(self, name):
                accepted |= bit
        return accepted

    def ReportServiceStatus(
        self, serviceStatus: int, waitHint: int = 5000, win32ExitCode: int = 0, svcExitCode: int = 0
    ) -> None:
        """Tell what the service is about to do."""
        service_host.state[self._svc_name_] = serviceStatus

    def SvcInterrogate(self) -> None:
        """Tell what the service does."""
        self.ReportServiceStatus(service_host.state.get(self._svc_name_, service_host.RUNNING))

    def SvcOther(self, control: int) -> None:
        """Say that a control is none of those that the service deals with."""
        print(f"Unknown control status - {control}")

    def SvcOtherEx(self, control: int, event_type: int, data: Any) -> Any:
        """Deal with a control of another kind."""
        return self.SvcOther(control)

    def ServiceCtrlHandler(self, control: int) -> Any:
        """Deal with a control."""
        return self.ServiceCtrlHandlerEx(control, 0, None)

    def ServiceCtrlHandlerEx(self, control: int, event_type: int, data: Any) -> Any:
        """Deal with a control: SERVICE_CONTROL_STOP calls ``SvcStop``."""
        method = {service_host.STOP_CONTROL: "SvcStop", 2: "SvcPause", 3: "SvcContinue"}.get(control)
        if control == service_host.SHUTDOWN:
            method = "SvcShutdown"
        if control == service_host.INTERROGATE:
            return self.SvcInterrogate()
        if method is not None and hasattr(self, method):
            return getattr(self, method)()
        return self.SvcOtherEx(control, event_type, data)

    def SvcDoRun(self) -> None:
        """Do what the service is for.

        Raises:
            NotImplementedError: The class does not say.
        """
        raise NotImplementedError

    def SvcRun(self) -> None:
        """Report, run, report."""
        self.ReportServiceStatus(service_host.RUNNING)
        self.SvcDoRun()
        self.ReportServiceStatus(service_host.STOP_PENDING)
        self.ReportServiceStatus(service_host.STOPPED)


def DebugService(cls: type[ServiceFramework], argv: Sequence[str] = (), /) -> None:
    """Run a service in the foreground until it ends."""
    print(f"Debugging service {cls._svc_name_} - press Ctrl+C to stop.", flush=True)
    service_host.run_in_foreground(cls, argv)


def HandleCommandLine(
    cls: type[ServiceFramework],
    serviceClassString: str | None = None,
    argv: Sequence[str] | None = None,
    customInstallOptions: str = "",
    customOptionHandler: Callable[..., Any] | None = None,
) -> int:
    """Do what the command line of a service's program says: ``debug``, or nothing, runs it.

    Args:
        cls: The service.
        serviceClassString: Without effect.
        argv: The command line; ``None`` for that of the process.
        customInstallOptions: Without effect.
        customOptionHandler: Called with the options of ``install``, of which there are none.

    Returns:
        0, or 1 for a command that cannot be done.
    """
    words = list(sys.argv if argv is None else argv)
    command = next((word for word in words[1:] if not word.startswith("-")), "debug")
    if command == "debug":
        DebugService(cls, words[words.index("debug") + 1 :] if "debug" in words else [])
        return 0
    if command in ("install", "update"):
        if customOptionHandler is not None:
            customOptionHandler([])
        print(unit_of(cls, words[0]))
        return 0
    print(
        f"{command}: there is no service manager of Windows. Put what `install` prints into a unit of systemd, and use"
        f" `systemctl --user {command if command in _COMMANDS else 'status'} {cls._svc_name_}`.",
        file=sys.stderr,
    )
    return 1


def unit_of(cls: type[ServiceFramework], program: str) -> str:
    """Return a unit of systemd for a service."""
    description = getattr(cls, "_svc_description_", None) or getattr(cls, "_svc_display_name_", cls._svc_name_)
    return "\n".join(
        [
            f"# ~/.config/systemd/user/{cls._svc_name_}.service",
            "[Unit]",
            f"Description={description}",
            "",
            "[Service]",
            f"ExecStart={sys.executable} -m ntipc.win32 {os.path.abspath(program)} debug",
            "Restart=on-failure",
            "",
            "[Install]",
            "WantedBy=default.target",
        ]
    )


def _no_such_service(call: str) -> Callable[..., NoReturn]:
    def refuse(*arguments: Any, **keywords: Any) -> NoReturn:
        raise failure(_NO_SUCH_SERVICE, call)

    refuse.__name__ = call
    refuse.__module__ = __name__
    refuse.__doc__ = "Refuse: there is no such service (1060)."
    return refuse


StartService, StopService = _no_such_service("StartService"), _no_such_service("StopService")
RestartService, ControlService = _no_such_service("RestartService"), _no_such_service("ControlService")
QueryServiceStatus, RemoveService = _no_such_service("QueryServiceStatus"), _no_such_service("RemoveService")

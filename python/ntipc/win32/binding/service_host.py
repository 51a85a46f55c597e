"""Services, run in the foreground: SvcDoRun in this thread, SvcStop when the process is asked to end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any, Final

from ntipc.win32.binding.console import CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, SetConsoleCtrlHandler

log: Final = logging.getLogger("ntipc.win32.services")
"""Where the messages of services go; without a handler, to standard error."""

STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4
STOP_CONTROL, INTERROGATE, SHUTDOWN = 1, 4, 5
_LEVELS: Final = {1: logging.ERROR, 2: logging.WARNING, 4: logging.INFO}
_KINDS: Final = {1: "Error", 2: "Warning", 4: "Info"}
_TEXTS: Final = {
    0x4000_1000: "The {0} service is starting{1}.",
    0x4000_1002: "The {0} service has started{1}.",
    0x4000_1003: "The {0} service is stopping{1}.",
    0x4000_1004: "The {0} service has stopped{1}.",
}
"""The messages that pywin32 has for services, by number."""

hosted: list[type[Any]] = []
"""The classes that a program has offered to host."""
state: dict[str, int] = {}
"""What each service of this process has reported last, by name."""


def message(kind: int, number: int, strings: Sequence[object]) -> None:
    """Write a message of a service."""
    text = _TEXTS.get(number, "").format(*strings, "", "").strip() or " ".join(str(part) for part in strings)
    text = f"{_KINDS.get(kind, 'Info')} 0x{number:X} - {text}"
    if not log.handlers and not logging.getLogger().handlers:
        print(text, file=sys.stderr, flush=True)
    else:
        log.log(_LEVELS.get(kind, logging.INFO), "%s", text)


def run_in_foreground(kind: type[Any], arguments: Sequence[str] = ()) -> None:
    """Run a service until it ends; Ctrl-C, SIGTERM and SIGHUP ask it to stop."""
    service = kind([kind._svc_name_, *arguments])

    def stop(event: int) -> bool:
        if event not in (CTRL_C_EVENT, CTRL_BREAK_EVENT, CTRL_CLOSE_EVENT):
            return False
        service.ServiceCtrlHandlerEx(STOP_CONTROL, 0, None)
        return True

    SetConsoleCtrlHandler(stop, True)
    try:
        service.SvcRun()
    finally:
        SetConsoleCtrlHandler(stop, False)

"""``asyncio`` as Windows has it: loops with pipes, and their policies.

Everything else is the interpreter's own: the loops are those of Linux, with `create_pipe_connection` and
`start_serving_pipe` as well. A program that chooses no policy gets such a loop, as on Windows.
"""

from __future__ import annotations

import asyncio
import asyncio.events as _events
from types import ModuleType
from typing import Any

from ntipc.win32.standard.asyncio import windows_events
from ntipc.win32.standard.asyncio.windows_events import (
    ProactorEventLoop,
    WindowsProactorEventLoopPolicy,
    WindowsSelectorEventLoopPolicy,
)
from ntipc.win32.standard.subprocess import windows_arguments, windows_options
from ntipc.win32.standard.view import ModuleView


def view() -> ModuleType:
    """Return what a program on Windows sees of ``asyncio``; the first time, choose the policy of Windows."""
    if getattr(_events, "_event_loop_policy", None) is None:
        choose = getattr(_events, "_set_event_loop_policy", _events.set_event_loop_policy)
        choose(WindowsProactorEventLoopPolicy())
    return ModuleView(
        asyncio,
        DefaultEventLoopPolicy=WindowsProactorEventLoopPolicy,
        IocpProactor=windows_events.IocpProactor,
        ProactorEventLoop=ProactorEventLoop,
        WindowsProactorEventLoopPolicy=WindowsProactorEventLoopPolicy,
        WindowsSelectorEventLoopPolicy=WindowsSelectorEventLoopPolicy,
        create_subprocess_exec=_create_subprocess_exec,
        create_subprocess_shell=_create_subprocess_shell,
        windows_events=windows_events,
    )


async def _create_subprocess_exec(
    program: Any, *args: Any, startupinfo: Any = None, creationflags: int = 0, **named: Any
) -> asyncio.subprocess.Process:
    """Start a program, as ``asyncio.create_subprocess_exec`` does, with the options of Windows."""
    words = windows_arguments([program, *args], False)
    windows_options(named, startupinfo, creationflags)
    return await asyncio.create_subprocess_exec(*words, **named)


async def _create_subprocess_shell(
    cmd: Any, startupinfo: Any = None, creationflags: int = 0, **named: Any
) -> asyncio.subprocess.Process:
    """Run a command, as ``asyncio.create_subprocess_shell`` does, with the options of Windows."""
    windows_options(named, startupinfo, creationflags)
    return await asyncio.create_subprocess_shell(windows_arguments(cmd, True), **named)

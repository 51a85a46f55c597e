"""Processes and threads, as pywin32's ``win32process`` has them.

>>> import sys
>>> from ntipc.win32 import win32event, win32process
>>> start = win32process.STARTUPINFO()
>>> line = 'python.exe -c "raise SystemExit(3)"'
>>> process, thread, pid, tid = win32process.CreateProcess(None, line, None, None, False, 0, None, None, start)
>>> win32event.WaitForSingleObject(process, win32event.INFINITE), win32process.GetExitCodeProcess(process)
(0, 3)
"""

from __future__ import annotations

from ntipc.win32.binding import tables
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.process_memory import GetPriorityClass as GetPriorityClass
from ntipc.win32.binding.process_memory import ReadProcessMemory as ReadProcessMemory
from ntipc.win32.binding.process_memory import SetPriorityClass as SetPriorityClass
from ntipc.win32.binding.process_memory import VirtualAllocEx as VirtualAllocEx
from ntipc.win32.binding.process_memory import VirtualFreeEx as VirtualFreeEx
from ntipc.win32.binding.process_memory import WriteProcessMemory as WriteProcessMemory
from ntipc.win32.binding.processes import CreateProcess as CreateProcess
from ntipc.win32.binding.processes import EnumProcesses as EnumProcesses
from ntipc.win32.binding.processes import GetExitCodeProcess as GetExitCodeProcess
from ntipc.win32.binding.processes import GetExitCodeThread as GetExitCodeThread
from ntipc.win32.binding.processes import GetModuleFileNameEx as GetModuleFileNameEx
from ntipc.win32.binding.processes import GetProcessId as GetProcessId
from ntipc.win32.binding.processes import GetProcessTimes as GetProcessTimes
from ntipc.win32.binding.processes import ResumeThread as ResumeThread
from ntipc.win32.binding.processes import SuspendThread as SuspendThread
from ntipc.win32.binding.processes import TerminateProcess as TerminateProcess
from ntipc.win32.binding.processes import beginthreadex as beginthreadex
from ntipc.win32.binding.startup import STARTUPINFO as STARTUPINFO
from ntipc.win32.binding.startup import GetStartupInfo as GetStartupInfo
from ntipc.win32.binding.system import GetCurrentProcess as GetCurrentProcess
from ntipc.win32.binding.system import GetCurrentProcessId as GetCurrentProcessId
from ntipc.win32.binding.system import GetCurrentThreadId as GetCurrentThreadId
from ntipc.win32.binding.window_search import GetWindowThreadProcessId as GetWindowThreadProcessId

__getattr__ = tables.lookup(__name__)

"""Handles, the last error, processes and the system, as pywin32's ``win32api`` has them.

>>> from ntipc.win32 import win32api, win32event, winerror
>>> first = win32event.CreateMutex(None, False, "only one")
>>> second = win32event.CreateMutex(None, False, "only one")
>>> win32api.GetLastError() == winerror.ERROR_ALREADY_EXISTS
True
>>> win32api.CloseHandle(second)
"""

from __future__ import annotations

from ntipc.win32.binding import tables
from ntipc.win32.binding.console import GenerateConsoleCtrlEvent as GenerateConsoleCtrlEvent
from ntipc.win32.binding.console import SetConsoleCtrlHandler as SetConsoleCtrlHandler
from ntipc.win32.binding.directory_changes import FindCloseChangeNotification as FindCloseChangeNotification
from ntipc.win32.binding.directory_changes import FindFirstChangeNotification as FindFirstChangeNotification
from ntipc.win32.binding.directory_changes import FindNextChangeNotification as FindNextChangeNotification
from ntipc.win32.binding.disk_calls import GetFileAttributes as GetFileAttributes
from ntipc.win32.binding.disk_calls import SetFileAttributes as SetFileAttributes
from ntipc.win32.binding.duplication import DuplicateHandle as DuplicateHandle
from ntipc.win32.binding.duplication import GetHandleInformation as GetHandleInformation
from ntipc.win32.binding.duplication import SetHandleInformation as SetHandleInformation
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.hidden import MessageBox as MessageBox
from ntipc.win32.binding.last_error import GetLastError as GetLastError
from ntipc.win32.binding.last_error import SetLastError as SetLastError
from ntipc.win32.binding.messages import PostMessage as PostMessage
from ntipc.win32.binding.messages import PostQuitMessage as PostQuitMessage
from ntipc.win32.binding.messages import PostThreadMessage as PostThreadMessage
from ntipc.win32.binding.messages import RegisterWindowMessage as RegisterWindowMessage
from ntipc.win32.binding.messages import SendMessage as SendMessage
from ntipc.win32.binding.processes import OpenProcess as OpenProcess
from ntipc.win32.binding.processes import OpenThread as OpenThread
from ntipc.win32.binding.processes import TerminateProcess as TerminateProcess
from ntipc.win32.binding.pyhandle import CloseHandle as CloseHandle
from ntipc.win32.binding.registry import RegCloseKey as RegCloseKey
from ntipc.win32.binding.registry import RegCreateKey as RegCreateKey
from ntipc.win32.binding.registry import RegDeleteKey as RegDeleteKey
from ntipc.win32.binding.registry import RegDeleteValue as RegDeleteValue
from ntipc.win32.binding.registry import RegEnumKey as RegEnumKey
from ntipc.win32.binding.registry import RegEnumValue as RegEnumValue
from ntipc.win32.binding.registry import RegFlushKey as RegFlushKey
from ntipc.win32.binding.registry import RegOpenKey as RegOpenKey
from ntipc.win32.binding.registry import RegOpenKeyEx as RegOpenKeyEx
from ntipc.win32.binding.registry import RegQueryValue as RegQueryValue
from ntipc.win32.binding.registry import RegQueryValueEx as RegQueryValueEx
from ntipc.win32.binding.registry import RegSetValue as RegSetValue
from ntipc.win32.binding.registry import RegSetValueEx as RegSetValueEx
from ntipc.win32.binding.streams import GetStdHandle as GetStdHandle
from ntipc.win32.binding.system import HIBYTE as HIBYTE
from ntipc.win32.binding.system import HIWORD as HIWORD
from ntipc.win32.binding.system import LOBYTE as LOBYTE
from ntipc.win32.binding.system import LOWORD as LOWORD
from ntipc.win32.binding.system import MAKELONG as MAKELONG
from ntipc.win32.binding.system import MAKELPARAM as MAKELPARAM
from ntipc.win32.binding.system import MAKEWORD as MAKEWORD
from ntipc.win32.binding.system import MAKEWPARAM as MAKEWPARAM
from ntipc.win32.binding.system import RGB as RGB
from ntipc.win32.binding.system import FormatMessage as FormatMessage
from ntipc.win32.binding.system import FormatMessageW as FormatMessageW
from ntipc.win32.binding.system import FreeLibrary as FreeLibrary
from ntipc.win32.binding.system import GetCommandLine as GetCommandLine
from ntipc.win32.binding.system import GetComputerName as GetComputerName
from ntipc.win32.binding.system import GetComputerNameEx as GetComputerNameEx
from ntipc.win32.binding.system import GetCurrentDirectory as GetCurrentDirectory
from ntipc.win32.binding.system import GetCurrentProcess as GetCurrentProcess
from ntipc.win32.binding.system import GetCurrentProcessId as GetCurrentProcessId
from ntipc.win32.binding.system import GetCurrentThread as GetCurrentThread
from ntipc.win32.binding.system import GetCurrentThreadId as GetCurrentThreadId
from ntipc.win32.binding.system import GetCursorPos as GetCursorPos
from ntipc.win32.binding.system import GetEnvironmentVariable as GetEnvironmentVariable
from ntipc.win32.binding.system import GetFullPathName as GetFullPathName
from ntipc.win32.binding.system import GetLongPathName as GetLongPathName
from ntipc.win32.binding.system import GetModuleFileName as GetModuleFileName
from ntipc.win32.binding.system import GetModuleHandle as GetModuleHandle
from ntipc.win32.binding.system import GetShortPathName as GetShortPathName
from ntipc.win32.binding.system import GetSystemInfo as GetSystemInfo
from ntipc.win32.binding.system import GetSystemMetrics as GetSystemMetrics
from ntipc.win32.binding.system import GetTempPath as GetTempPath
from ntipc.win32.binding.system import GetTickCount as GetTickCount
from ntipc.win32.binding.system import GetTickCount64 as GetTickCount64
from ntipc.win32.binding.system import GetUserName as GetUserName
from ntipc.win32.binding.system import GetUserNameEx as GetUserNameEx
from ntipc.win32.binding.system import GetVersion as GetVersion
from ntipc.win32.binding.system import GetVersionEx as GetVersionEx
from ntipc.win32.binding.system import LoadLibrary as LoadLibrary
from ntipc.win32.binding.system import OutputDebugString as OutputDebugString
from ntipc.win32.binding.system import SetCurrentDirectory as SetCurrentDirectory
from ntipc.win32.binding.system import SetEnvironmentVariable as SetEnvironmentVariable
from ntipc.win32.binding.system import Sleep as Sleep
from ntipc.win32.binding.windows import GetWindowLong as GetWindowLong
from ntipc.win32.binding.windows import SetWindowLong as SetWindowLong
from ntipc.win32.winsound import Beep as Beep
from ntipc.win32.winsound import MessageBeep as MessageBeep

__getattr__ = tables.lookup(__name__)

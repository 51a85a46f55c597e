"""What a program asks of the system: who and where it is, the time, the environment, texts of errors."""

from __future__ import annotations

import os
import pwd
import re
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from operator import index
from typing import Any, Final

import ntipc
from ntipc.win32.binding.arguments import text
from ntipc.win32.binding.failures import failure, linux_failure
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.texts import TEXTS

_MODULE_OF_THE_PROGRAM: Final = 0x40_0000
_MODULES: Final = {"kernel32": 0x7FF8_0000, "ntdll": 0x7FF9_0000, "user32": 0x7FFA_0000, "advapi32": 0x7FFB_0000}
_FROM_STRING: Final = 0x400
_WINDOWS_10: Final = (10, 0, 19045, 2, "")
"""The version that programs get which ask for it, so that they act as on a Windows of today."""


def GetCurrentProcess() -> int:
    """Return the pseudo handle of this process."""
    return -1


def GetCurrentThread() -> int:
    """Return the pseudo handle of the calling thread."""
    return -2


def GetCurrentProcessId() -> int:
    """Return the id of this process."""
    return os.getpid()


def GetCurrentThreadId() -> int:
    """Return the id of the calling thread, which no other thread of the system has now."""
    return threading.get_native_id()


def GetTickCount() -> int:
    """Return the milliseconds since the system started."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000 & 0xFFFF_FFFF


def GetTickCount64() -> int:
    """Return the milliseconds since the system started, in 64 bits."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def Sleep(time: int, bAlterable: int = 0, /) -> int:
    """Sleep for some milliseconds; -1 for ever.

    Source:
        Sleep, SleepEx (Win32).
    """
    milliseconds = index(time) & 0xFFFF_FFFF
    index(bAlterable)
    while milliseconds == 0xFFFF_FFFF:
        _sleep(3600)
    _sleep(milliseconds / 1000)
    return 0


_sleep = time.sleep


def GetUserName() -> str:
    """Return the name of the user."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def GetUserNameEx(NameFormat: int, /) -> str:
    """Return the name of the user, with the machine's in front."""
    return f"{GetComputerName()}\\{GetUserName()}"


def GetComputerName() -> str:
    """Return the name of the machine, in the form of Windows: up to 15 upper case characters."""
    return os.uname().nodename.partition(".")[0].upper()[:15]


def GetComputerNameEx(NameType: int, /) -> str:
    """Return a name of the machine: of NetBIOS for 0 and 4, else of DNS."""
    return GetComputerName() if NameType in (0, 4) else os.uname().nodename


def GetVersion() -> int:
    """Return the version of Windows that programs are told."""
    major, minor, build, *_ = _WINDOWS_10
    return minor << 8 | major | build << 16


def GetVersionEx(Format: int = 0, /) -> tuple[Any, ...]:
    """Return the version of Windows that programs are told."""
    return (*_WINDOWS_10, 0, 0, 256, 1) if Format else _WINDOWS_10


def GetTempPath() -> str:
    """Return the folder of temporary files, with a separator at its end."""
    return os.path.join(tempfile.gettempdir(), "")


def GetModuleHandle(fileName: str | None = None, /) -> int:
    """Return the number that stands for the program, or for one of the libraries whose calls are here."""
    if fileName is None:
        return _MODULE_OF_THE_PROGRAM
    try:
        return _MODULES[text(fileName).lower().removesuffix(".dll")]
    except KeyError:
        raise failure(126, "GetModuleHandle") from None


def GetModuleFileName(hModule: int = 0, /) -> str:
    """Return the path of the interpreter."""
    return sys.executable


def GetCommandLine() -> str:
    """Return the command line of this process, quoted as Windows quotes it."""
    import subprocess

    with open("/proc/self/cmdline", "rb") as file:
        return subprocess.list2cmdline([os.fsdecode(part) for part in file.read().split(b"\0")[:-1]])


def GetCurrentDirectory() -> str:
    """Return the current directory."""
    return os.getcwd()


def SetCurrentDirectory(lpPathName: str, /) -> None:
    """Change the current directory."""
    try:
        os.chdir(lpPathName)
    except OSError as problem:
        raise linux_failure(problem, "SetCurrentDirectory") from None


def GetEnvironmentVariable(variable: str, /) -> str | None:
    """Return a variable of the environment; ``None`` if there is none of that name."""
    return os.environ.get(variable)


def SetEnvironmentVariable(Name: str, Value: str | None, /) -> None:
    """Set a variable of the environment, or remove it."""
    if Value is None:
        os.environ.pop(Name, None)
    else:
        os.environ[Name] = Value


def FormatMessage(*arguments: Any) -> str:
    r"""Return the text of an error code, with ``"\r\n"`` at its end.

    Args:
        arguments: Nothing or 0 for the last error, a code, or the five arguments of FormatMessage, of which the third
            is the code.

            With FORMAT_MESSAGE_FROM_STRING the second is a text whose marks ``%1``, ``%2`` the fifth fills.

    Raises:
        error: There is no text for it (317), or a mark has nothing to fill it (87).

    Source:
        FormatMessage (Win32).

    >>> FormatMessage(6)
    'The handle is invalid.\r\n'
    """
    if len(arguments) not in (0, 1, 5):
        raise TypeError(f"FormatMessage takes 0, 1 or 5 arguments, not {len(arguments)}")
    if len(arguments) == 5 and index(arguments[0]) & _FROM_STRING:
        return _filled(arguments[1], arguments[4] or ())
    code = index(arguments[2] if len(arguments) == 5 else arguments[0] if arguments else 0) or last.code
    if code not in TEXTS:
        raise failure(317, "FormatMessage")
    return f"{TEXTS[code]}\r\n"


FormatMessageW = FormatMessage


def _filled(text: str, inserts: Sequence[Any]) -> str:
    """Put texts in places of a message that are marked ``%1``, ``%2`` and so on; ``%%`` is a percent sign."""

    def put(found: re.Match[str]) -> str:
        mark = found[1]
        if not mark.isdigit():
            return {"n": "\r\n", "t": "\t"}.get(mark, mark)
        place = int(mark) - 1
        if place >= len(inserts):
            raise failure(87, "FormatMessage")
        return str(inserts[place])

    return re.sub(r"%([1-9][0-9]?|[nt%.! ])(?:![^!]*!)?", put, text)


def LOWORD(value: int, /) -> int:
    """Return the lower 16 bits."""
    return value & 0xFFFF


def HIWORD(value: int, /) -> int:
    """Return the upper 16 of 32 bits."""
    return value >> 16 & 0xFFFF


def LOBYTE(value: int, /) -> int:
    """Return the lower 8 bits."""
    return value & 0xFF


def HIBYTE(value: int, /) -> int:
    """Return the upper 8 of 16 bits."""
    return value >> 8 & 0xFF


def MAKELONG(low: int, high: int, /) -> int:
    """Make 32 bits of two times 16."""
    return low & 0xFFFF | (high & 0xFFFF) << 16


MAKELPARAM = MAKEWPARAM = MAKELONG


def MAKEWORD(low: int, high: int, /) -> int:
    """Make 16 bits of two times 8."""
    return low & 0xFF | (high & 0xFF) << 8


def RGB(red: int, green: int, blue: int, /) -> int:
    """Make the number of a colour."""
    return red & 0xFF | (green & 0xFF) << 8 | (blue & 0xFF) << 16


def GetSystemInfo() -> tuple[int, int, int, int, int, int, int, int, tuple[int, int]]:
    """Tell of processors and memory: architecture, page size, addresses, processors, granularity, their kind."""
    processors = os.cpu_count() or 1
    mask = (1 << processors) - 1
    page = os.sysconf("SC_PAGESIZE")
    return 9, page, 0x1_0000, 0x7FFF_FFFE_FFFF, mask, processors, 8664, 65_536, (6, 0)


def GetSystemMetrics(index: int, /) -> int:
    """Tell a measure of the screen: of one that is not there, but has the usual size."""
    return {0: 1920, 1: 1080, 16: 1920, 17: 1080, 78: 1920, 79: 1080, 80: 1, 0x1000: 0}.get(index, 0)


def OutputDebugString(msg: str, /) -> None:
    """Write a text for those who read the debug log; without a reader it is lost.

    Source:
        OutputDebugString (Win32).
    """
    write: Any = getattr(ntipc, "output_debug_string", None)
    if write is not None:
        write(text(msg))


def GetShortPathName(path: str, /) -> str:
    """Return the path itself: there are no short names."""
    return text(path)


GetLongPathName = GetShortPathName


def GetFullPathName(fileName: str, /) -> str:
    """Return the path from the root on."""
    return os.path.abspath(fileName)


def GetCursorPos() -> tuple[int, int]:
    """Return 0, 0: there is no mouse."""
    return 0, 0


def LoadLibrary(fileName: str, /) -> int:
    """Return the number of a library whose calls are here.

    Raises:
        error: It is another one (126).
    """
    try:
        return _MODULES[text(fileName).lower().removesuffix(".dll")]
    except KeyError:
        raise failure(126, "LoadLibrary") from None


def FreeLibrary(hModule: int, /) -> None:
    """Return at once."""

r"""``_winapi``: the calls of Windows that the interpreter's own library is built on there, and programs use, too.

Handles are numbers, failures ``OSError`` with ``winerror``, operations that go on `Overlapped` objects. Only a
program's own modules get this module: the interpreter's library would take itself to be on Windows.

>>> from ntipc.win32 import _winapi
>>> mode = _winapi.PIPE_TYPE_MESSAGE | _winapi.PIPE_READMODE_MESSAGE | _winapi.PIPE_WAIT
>>> name, both = r"\\.\pipe\of an example", _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED
>>> server = _winapi.CreateNamedPipe(name, both, mode, 1, 8192, 8192, _winapi.NMPWAIT_WAIT_FOREVER, _winapi.NULL)
>>> waiting = _winapi.ConnectNamedPipe(server, overlapped=True)
>>> rights = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE
>>> client = _winapi.CreateFile(name, rights, 0, _winapi.NULL, _winapi.OPEN_EXISTING, 0, _winapi.NULL)
>>> waiting.GetOverlappedResult(True)
(0, 0)
>>> reading, code = _winapi.ReadFile(server, 100, overlapped=True)
>>> code == _winapi.ERROR_IO_PENDING, _winapi.WriteFile(client, b"hello")
(True, (5, 0))
>>> _winapi.WaitForMultipleObjects([reading.event], False, _winapi.INFINITE)
0
>>> reading.GetOverlappedResult(False), reading.getbuffer()
((5, 0), b'hello')
>>> _winapi.CloseHandle(client), _winapi.CloseHandle(server)
(None, None)
"""

from ntipc.win32.binding import tables
from ntipc.win32.standard.winapi.objects import BatchedWaitForMultipleObjects as BatchedWaitForMultipleObjects
from ntipc.win32.standard.winapi.objects import CloseHandle as CloseHandle
from ntipc.win32.standard.winapi.objects import CreateEventW as CreateEventW
from ntipc.win32.standard.winapi.objects import CreateMutexW as CreateMutexW
from ntipc.win32.standard.winapi.objects import DuplicateHandle as DuplicateHandle
from ntipc.win32.standard.winapi.objects import GetCurrentProcess as GetCurrentProcess
from ntipc.win32.standard.winapi.objects import GetLastError as GetLastError
from ntipc.win32.standard.winapi.objects import OpenEventW as OpenEventW
from ntipc.win32.standard.winapi.objects import OpenMutexW as OpenMutexW
from ntipc.win32.standard.winapi.objects import ReleaseMutex as ReleaseMutex
from ntipc.win32.standard.winapi.objects import ResetEvent as ResetEvent
from ntipc.win32.standard.winapi.objects import SetEvent as SetEvent
from ntipc.win32.standard.winapi.objects import WaitForMultipleObjects as WaitForMultipleObjects
from ntipc.win32.standard.winapi.objects import WaitForSingleObject as WaitForSingleObject
from ntipc.win32.standard.winapi.overlapped import Overlapped as Overlapped
from ntipc.win32.standard.winapi.paths import CopyFile2 as CopyFile2
from ntipc.win32.standard.winapi.paths import CreateJunction as CreateJunction
from ntipc.win32.standard.winapi.paths import GetLongPathName as GetLongPathName
from ntipc.win32.standard.winapi.paths import GetShortPathName as GetShortPathName
from ntipc.win32.standard.winapi.paths import LCMapStringEx as LCMapStringEx
from ntipc.win32.standard.winapi.pipes import ConnectNamedPipe as ConnectNamedPipe
from ntipc.win32.standard.winapi.pipes import CreateFile as CreateFile
from ntipc.win32.standard.winapi.pipes import CreateNamedPipe as CreateNamedPipe
from ntipc.win32.standard.winapi.pipes import CreatePipe as CreatePipe
from ntipc.win32.standard.winapi.pipes import GetFileType as GetFileType
from ntipc.win32.standard.winapi.pipes import GetStdHandle as GetStdHandle
from ntipc.win32.standard.winapi.pipes import PeekNamedPipe as PeekNamedPipe
from ntipc.win32.standard.winapi.pipes import ReadFile as ReadFile
from ntipc.win32.standard.winapi.pipes import SetNamedPipeHandleState as SetNamedPipeHandleState
from ntipc.win32.standard.winapi.pipes import WaitNamedPipe as WaitNamedPipe
from ntipc.win32.standard.winapi.pipes import WriteFile as WriteFile
from ntipc.win32.standard.winapi.processes import CreateProcess as CreateProcess
from ntipc.win32.standard.winapi.processes import ExitProcess as ExitProcess
from ntipc.win32.standard.winapi.processes import GetACP as GetACP
from ntipc.win32.standard.winapi.processes import GetExitCodeProcess as GetExitCodeProcess
from ntipc.win32.standard.winapi.processes import GetModuleFileName as GetModuleFileName
from ntipc.win32.standard.winapi.processes import GetVersion as GetVersion
from ntipc.win32.standard.winapi.processes import NeedCurrentDirectoryForExePath as NeedCurrentDirectoryForExePath
from ntipc.win32.standard.winapi.processes import OpenProcess as OpenProcess
from ntipc.win32.standard.winapi.processes import TerminateProcess as TerminateProcess
from ntipc.win32.standard.winapi.sections import CreateFileMapping as CreateFileMapping
from ntipc.win32.standard.winapi.sections import MapViewOfFile as MapViewOfFile
from ntipc.win32.standard.winapi.sections import OpenFileMapping as OpenFileMapping
from ntipc.win32.standard.winapi.sections import UnmapViewOfFile as UnmapViewOfFile
from ntipc.win32.standard.winapi.sections import VirtualQuerySize as VirtualQuerySize

__getattr__ = tables.lookup(__name__)

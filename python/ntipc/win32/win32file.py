r"""Files, pipes, mailslots, overlapped operations, completion ports, as pywin32's ``win32file`` has them.

>>> from ntipc.win32 import win32file
>>> slot = win32file.CreateMailslot(r"\\.\mailslot\board", 0, 1000, None)
>>> access, share = win32file.GENERIC_WRITE, win32file.FILE_SHARE_READ
>>> writer = win32file.CreateFile(r"\\.\mailslot\board", access, share, None, win32file.OPEN_EXISTING, 0, None)
>>> win32file.WriteFile(writer, b"news")
(0, 4)
>>> win32file.ReadFile(slot, 100)
(0, b'news')
"""

from __future__ import annotations

from ntipc.win32.binding import tables
from ntipc.win32.binding.completion import CreateIoCompletionPort as CreateIoCompletionPort
from ntipc.win32.binding.completion import GetQueuedCompletionStatus as GetQueuedCompletionStatus
from ntipc.win32.binding.completion import PostQueuedCompletionStatus as PostQueuedCompletionStatus
from ntipc.win32.binding.directory_changes import FILE_NOTIFY_INFORMATION as FILE_NOTIFY_INFORMATION
from ntipc.win32.binding.directory_changes import FindCloseChangeNotification as FindCloseChangeNotification
from ntipc.win32.binding.directory_changes import FindFirstChangeNotification as FindFirstChangeNotification
from ntipc.win32.binding.directory_changes import FindNextChangeNotification as FindNextChangeNotification
from ntipc.win32.binding.directory_changes import ReadDirectoryChangesW as ReadDirectoryChangesW
from ntipc.win32.binding.disk_calls import CopyFile as CopyFile
from ntipc.win32.binding.disk_calls import CreateDirectory as CreateDirectory
from ntipc.win32.binding.disk_calls import DeleteFile as DeleteFile
from ntipc.win32.binding.disk_calls import FlushFileBuffers as FlushFileBuffers
from ntipc.win32.binding.disk_calls import GetFileAttributes as GetFileAttributes
from ntipc.win32.binding.disk_calls import GetFileSize as GetFileSize
from ntipc.win32.binding.disk_calls import GetFileType as GetFileType
from ntipc.win32.binding.disk_calls import LockFile as LockFile
from ntipc.win32.binding.disk_calls import LockFileEx as LockFileEx
from ntipc.win32.binding.disk_calls import MoveFile as MoveFile
from ntipc.win32.binding.disk_calls import MoveFileEx as MoveFileEx
from ntipc.win32.binding.disk_calls import RemoveDirectory as RemoveDirectory
from ntipc.win32.binding.disk_calls import SetEndOfFile as SetEndOfFile
from ntipc.win32.binding.disk_calls import SetFileAttributes as SetFileAttributes
from ntipc.win32.binding.disk_calls import SetFilePointer as SetFilePointer
from ntipc.win32.binding.disk_calls import UnlockFile as UnlockFile
from ntipc.win32.binding.disk_calls import UnlockFileEx as UnlockFileEx
from ntipc.win32.binding.disk_calls import _get_osfhandle as _get_osfhandle
from ntipc.win32.binding.disk_calls import _open_osfhandle as _open_osfhandle
from ntipc.win32.binding.failures import error as error
from ntipc.win32.binding.opening import CreateFile as CreateFile
from ntipc.win32.binding.opening import CreateFileW as CreateFileW
from ntipc.win32.binding.overlapped import OVERLAPPED as OVERLAPPED
from ntipc.win32.binding.pyhandle import CloseHandle as CloseHandle
from ntipc.win32.binding.slots import CreateMailslot as CreateMailslot
from ntipc.win32.binding.slots import GetMailslotInfo as GetMailslotInfo
from ntipc.win32.binding.slots import SetMailslotInfo as SetMailslotInfo
from ntipc.win32.binding.socket_events import WSAEnumNetworkEvents as WSAEnumNetworkEvents
from ntipc.win32.binding.socket_events import WSAEventSelect as WSAEventSelect
from ntipc.win32.binding.transfers import AllocateReadBuffer as AllocateReadBuffer
from ntipc.win32.binding.transfers import CancelIo as CancelIo
from ntipc.win32.binding.transfers import GetOverlappedResult as GetOverlappedResult
from ntipc.win32.binding.transfers import ReadFile as ReadFile
from ntipc.win32.binding.transfers import WriteFile as WriteFile

__getattr__ = tables.lookup(__name__)

CopyFileW, MoveFileW, DeleteFileW = CopyFile, MoveFile, DeleteFile
GetFileAttributesW, SetFileAttributesW = GetFileAttributes, SetFileAttributes
CreateDirectoryW = CreateDirectory

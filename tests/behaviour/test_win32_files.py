"""Ordinary files, mailslots, descriptors and mapped memory by pywin32's names (FC-69 to FC-76, FC-93)."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import ntipc
from ntipc.win32 import mmapfile, msvcrt, pywintypes, win32api, win32con, win32event, win32file, win32pipe
from ntipc.win32.binding import directory_changes
from ntipc.win32.binding.pyhandle import object_of

BOTH = win32file.GENERIC_READ | win32file.GENERIC_WRITE
SHARED = win32file.FILE_SHARE_READ | win32file.FILE_SHARE_WRITE


def code(call: Any, *arguments: object) -> tuple[int, str]:
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror, caught.value.funcname


def opened(path: Path, disposition: int, access: int = BOTH, share: int = SHARED, flags: int = 0) -> Any:
    return win32file.CreateFile(str(path), access, share, None, disposition, flags, None)


def test_dispositions(tmp_path: Path) -> None:  # FC-69, FC-76
    path = tmp_path / "file"
    assert code(opened, path, win32con.OPEN_EXISTING) == (2, "CreateFile")
    assert code(opened, tmp_path / "no" / "file", win32con.CREATE_NEW)[0] in (2, 3)
    handle = opened(path, win32con.CREATE_NEW)
    assert win32api.GetLastError() == 0
    assert win32file.WriteFile(handle, b"Hello\0there") == (0, 11)
    handle.Close()
    assert code(opened, path, win32con.CREATE_NEW)[0] == 80
    handle = opened(path, win32con.OPEN_ALWAYS)
    assert win32api.GetLastError() == 183
    assert win32file.ReadFile(handle, 100) == (0, b"Hello\0there")
    assert win32file.ReadFile(handle, 100) == (0, b"")
    handle.Close()
    for disposition in (win32con.CREATE_ALWAYS, win32con.TRUNCATE_EXISTING):
        path.write_bytes(b"old")
        assert win32file.GetFileSize(opened(path, disposition)) == 0
    assert code(opened, path, 9)[0] == 87
    assert code(opened, Path("COM1"), win32con.OPEN_EXISTING)[0] == 2
    assert code(win32file.CreateFile, r"\\.\COM1", BOTH, 0, None, 3, 0, None)[0] == 2
    assert code(opened, tmp_path, win32con.OPEN_EXISTING, win32file.GENERIC_READ)[0] == 5
    assert opened(
        tmp_path, win32con.OPEN_EXISTING, win32file.GENERIC_READ, SHARED, win32file.FILE_FLAG_BACKUP_SEMANTICS
    )


def test_positions_and_sizes(tmp_path: Path) -> None:  # FC-70
    handle = opened(tmp_path / "file", win32con.CREATE_NEW)
    win32file.WriteFile(handle, b"0123456789")
    assert win32file.SetFilePointer(handle, 4, win32file.FILE_BEGIN) == 4
    assert win32file.SetFilePointer(handle, -2, win32file.FILE_CURRENT) == 2
    assert code(win32file.SetFilePointer, handle, -20, win32file.FILE_END) == (131, "SetFilePointer")
    win32file.SetEndOfFile(handle)
    assert win32file.GetFileSize(handle) == 2
    assert win32file.GetFileType(handle) == 1
    assert win32file.FlushFileBuffers(handle) is None
    assert win32event.WaitForSingleObject(handle, 0) == 0


def test_overlapped_files_have_their_positions_in_the_overlapped(tmp_path: Path) -> None:  # FC-65, FC-80
    handle = opened(tmp_path / "file", win32con.CREATE_NEW, flags=win32file.FILE_FLAG_OVERLAPPED)
    own = pywintypes.OVERLAPPED()
    own.hEvent = win32event.CreateEvent(None, 1, 0, None)
    own.Offset = 3
    assert win32file.WriteFile(handle, b"abc", own) == (0, 3)
    assert win32event.WaitForSingleObject(own.hEvent, 0) == 0
    assert win32file.GetOverlappedResult(handle, own, True) == 3
    own.Offset = 0
    buffer = win32file.AllocateReadBuffer(100)
    assert win32file.ReadFile(handle, buffer, own) == (0, buffer)
    assert bytes(buffer[: own.InternalHigh]) == b"\0\0\0abc"
    own.Offset = 6
    assert code(win32file.ReadFile, handle, buffer, own) == (38, "ReadFile")


def test_a_file_that_is_not_shared_is_kept_from_others(tmp_path: Path) -> None:
    keep = opened(tmp_path / "file", win32con.CREATE_NEW, share=0)
    assert code(opened, tmp_path / "file", win32con.OPEN_EXISTING)[0] == 32
    keep.Close()
    doomed = opened(tmp_path / "file", win32con.OPEN_EXISTING, flags=win32file.FILE_FLAG_DELETE_ON_CLOSE)
    doomed.Close()
    assert not (tmp_path / "file").exists()


def test_locks_bind_those_who_lock(tmp_path: Path) -> None:  # FC-73
    one = opened(tmp_path / "file", win32con.CREATE_NEW)
    other = opened(tmp_path / "file", win32con.OPEN_EXISTING)
    where = pywintypes.OVERLAPPED()
    flags = win32con.LOCKFILE_EXCLUSIVE_LOCK | win32con.LOCKFILE_FAIL_IMMEDIATELY
    assert win32file.LockFileEx(one, flags, 0, -0x10000, where) is None
    assert code(win32file.LockFileEx, other, flags, 0, -0x10000, where) == (33, "LockFileEx")
    assert win32file.UnlockFileEx(one, 0, -0x10000, where) is None
    win32file.LockFile(other, 10, 0, 5, 0)
    assert code(win32file.LockFile, one, 12, 0, 5, 0)[0] == 33
    win32file.LockFile(one, 15, 0, 5, 0)
    win32file.UnlockFile(other, 10, 0, 5, 0)
    win32file.LockFile(one, 10, 0, 5, 0)


def test_handles_for_descriptors_and_back(tmp_path: Path) -> None:  # FC-75, FC-134
    with open(tmp_path / "file", "w+b") as file:
        number = win32file._get_osfhandle(file.fileno())
        assert number == msvcrt.get_osfhandle(file.fileno()) > 0
        win32file.WriteFile(number, b"x")
        assert file.read() == b"" or file.tell() == 1
        assert msvcrt.setmode(file.fileno(), 0x8000) == 0x8000
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        with open(tmp_path / "file", "r+b") as other:
            other.seek(file.tell())
            with pytest.raises(OSError) as caught:
                msvcrt.locking(other.fileno(), msvcrt.LK_NBLCK, 1)
            assert caught.value.errno == 13
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        win32file.CloseHandle(number)
        file.write(b"still open")
    fd = msvcrt.open_osfhandle(opened(tmp_path / "file", win32con.OPEN_EXISTING).Detach(), os.O_RDONLY)
    with os.fdopen(fd, "rb") as again:
        assert again.read() == b"xstill open"
    assert code(win32pipe.PeekNamedPipe, win32event.CreateEvent(None, 0, 0, None), 0)[0] == 6
    with pytest.raises(OSError):
        msvcrt.open_osfhandle(win32event.CreateEvent(None, 0, 0, None).Detach(), 0)
    with pytest.raises(OSError):
        win32file._get_osfhandle(9999)


def test_descriptors_of_pipes_of_linux() -> None:  # FC-75
    reading, writing = os.pipe()
    here = msvcrt.get_osfhandle(reading)
    assert win32pipe.PeekNamedPipe(here, 10) == (b"", 0, 0)
    assert win32file.WriteFile(msvcrt.get_osfhandle(writing), b"hello") == (0, 5)
    assert win32pipe.PeekNamedPipe(here, 2) == (b"he", 5, -2)
    assert win32file.ReadFile(here, 10) == (0, b"hello")
    os.close(writing)
    assert code(win32pipe.PeekNamedPipe, here, 0) == (109, "PeekNamedPipe")
    assert code(win32file.ReadFile, here, 10) == (109, "ReadFile")
    os.close(reading)
    reading, writing = os.pipe()
    os.close(reading)
    assert code(win32file.WriteFile, msvcrt.get_osfhandle(writing), b"x") == (232, "WriteFile")
    os.close(writing)


def test_pipes_have_descriptors() -> None:  # FC-75, FC-134
    reading, writing = win32pipe.CreatePipe(None, 0)
    with (
        os.fdopen(msvcrt.open_osfhandle(reading.Detach(), os.O_RDONLY), "rb") as reader,
        os.fdopen(msvcrt.open_osfhandle(writing.Detach(), 0), "wb") as writer,
    ):
        writer.write(b"x" * 30_000 + b"end")
        writer.close()
        assert reader.read() == b"x" * 30_000 + b"end"
    server = win32pipe.CreateNamedPipe(r"\\.\pipe\descriptor", 3, 0, 1, 0, 0, 0, None)
    client = win32file.CreateFile(r"\\.\pipe\descriptor", 0xC000_0000, 0, None, 3, 0, None)
    with os.fdopen(msvcrt.open_osfhandle(client.Detach(), os.O_RDWR), "r+b", 0) as file:
        file.write(b"question")
        assert win32file.ReadFile(server, 100) == (0, b"question")
        win32file.WriteFile(server, b"answer")
        assert file.read(100) == b"answer"
    assert code(win32file.ReadFile, server, 100) == (109, "ReadFile")
    server.Close()
    server = win32pipe.CreateNamedPipe(r"\\.\pipe\descriptor", 3, 0, 1, 0, 0, 0, None)
    client = win32file.CreateFile(r"\\.\pipe\descriptor", 0xC000_0000, 0, None, 3, 0, None)
    with os.fdopen(msvcrt.open_osfhandle(client.Detach(), os.O_RDWR), "r+b", 0) as file:
        win32file.WriteFile(server, b"last")
        server.Close()
        assert file.read(100) + file.read(100) == b"last"


def test_what_was_written_to_a_descriptor_arrives_as_the_process_ends() -> None:
    server = win32pipe.CreateNamedPipe(r"\\.\pipe\descriptor", 1, 0, 1, 0, 0, 0, None)
    program = r"""
import os
from ntipc.win32 import msvcrt, win32file
client = win32file.CreateFile(r"\\.\\pipe\\descriptor", 0x4000_0000, 0, None, 3, 0, None)
os.write(msvcrt.open_osfhandle(client.Detach(), 0), b"x" * 30_000)
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    win32pipe.ConnectNamedPipe(server, None)
    data = b""
    while len(data) < 30_000:
        data += win32file.ReadFile(server, 10_000)[1]
    assert code(win32file.ReadFile, server, 100) == (109, "ReadFile")
    assert process.wait(30) == 0


def test_files_by_names(tmp_path: Path) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    Path(one).write_bytes(b"1")
    win32file.CopyFile(one, two, True)
    assert code(win32file.CopyFile, one, two, True)[0] == 80
    assert code(win32file.MoveFile, one, two)[0] == 183
    win32file.DeleteFile(two)
    win32file.MoveFile(one, two)
    assert code(win32file.DeleteFile, one) == (2, "DeleteFile")
    assert win32file.GetFileAttributes(two) == win32con.FILE_ATTRIBUTE_ARCHIVE
    assert win32file.GetFileAttributes(str(tmp_path)) & win32con.FILE_ATTRIBUTE_DIRECTORY
    assert win32file.GetFileAttributes(one) == -1
    assert win32api.GetLastError() == 2
    win32file.CreateDirectory(one, None)
    assert code(win32file.CreateDirectory, one, None)[0] == 183
    win32file.RemoveDirectory(one)
    handle = win32file.CreateFileW(
        FileName=two.replace("/", "\\"), DesiredAccess=BOTH, ShareMode=SHARED, SecurityAttributes=None,
        CreationDisposition=win32con.OPEN_EXISTING, FlagsAndAttributes=0,
    )  # fmt: skip
    assert win32file.ReadFile(handle, 9) == (0, b"1")
    assert code(win32file.CreateFileW, one, BOTH, 0, None, 3, 0) == (2, "CreateFileW")  # FC-5


def test_mailslots() -> None:  # FC-71, ML-01 to ML-17
    name = r"\\.\mailslot\slots"
    assert code(win32file.CreateMailslot, "slots", 0, 0, None) == (123, "CreateMailslot")
    assert code(win32file.CreateFile, name, win32file.GENERIC_WRITE, 1, None, 3, 0, None)[0] == 2
    slot = win32file.CreateMailslot(name, 10, 0, None)
    assert code(win32file.CreateMailslot, name, 0, 0, None)[0] == 183
    assert win32file.GetMailslotInfo(slot) == [10, -1, 0, 0]
    assert code(win32file.ReadFile, slot, 10) == (121, "ReadFile")
    writer = win32file.CreateFile(name, win32file.GENERIC_WRITE, 1, None, 3, 0, None)
    for message in (b"first", b"", b"third"):
        assert win32file.WriteFile(writer, message) == (0, len(message))
    assert win32file.GetMailslotInfo(slot) == [10, 5, 3, 0]
    assert code(win32file.ReadFile, slot, 2) == (122, "ReadFile")
    assert [win32file.ReadFile(slot, 10)[1] for _ in range(3)] == [b"first", b"", b"third"]
    assert code(win32file.WriteFile, slot, b"x")[0] == 5
    assert code(win32file.ReadFile, writer, 1)[0] == 5
    assert code(win32file.GetMailslotInfo, writer)[0] == 6
    win32file.SetMailslotInfo(slot, -1)
    assert win32file.GetMailslotInfo(slot)[3] == -1
    assert win32event.WaitForSingleObject(slot, 0) == 258
    ntipc.MailslotClient("slots").write(b"library")
    assert win32event.WaitForMultipleObjects([slot], False, 1000) == 0
    assert win32file.ReadFile(slot, 100) == (0, b"library")


def test_mapped_memory() -> None:  # FC-93
    one = mmapfile.mmapfile("", "map", 100)
    assert one.size() == 4096
    assert win32api.GetLastError() == 0
    other = mmapfile.mmapfile(File=None, Name="map", MaximumSize=1)
    assert win32api.GetLastError() == 183
    one.write(b"line one\nline two")
    assert (other.readline(), other.tell(), other.read_byte()) == (b"line one\n", 9, b"l")
    one.seek(-1, 2)
    one.write_byte(b"!")
    for call, message in (
        (lambda: one.write_byte(b"!"), "write_byte past end of buffer"),
        (lambda: one.read_byte(), "read byte out of range"),
        (lambda: one.seek(1, 1), "seek out of range"),
        (lambda: one.seek(0, 9), "unknown seek type"),
        (lambda: one.write(b"xx"), "data out of range"),
        (lambda: one.move(0, 4090, 10), "source or destination out of range"),
        (lambda: one.flush(4000, 1000), "flush values out of range"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError):
        one.write("text")
    assert one.read(10) == b""
    assert (one.find(b"two", 0), one.find(b"two", 5), one.find(b"nothing", 0)) == (14, 9, -1)
    one.move(0, 9, 8)
    other.seek(0)
    assert other.read(8) == b"line two"
    assert one.flush() == 1
    one.close()
    one.close()
    with pytest.raises(ValueError, match="mmapfile closed or invalid"):
        one.size()
    assert bytes(ntipc.Section("map").map()[:8]) == b"line two"


def test_mapped_files(tmp_path: Path) -> None:  # FC-93
    path = str(tmp_path / "file")
    with pytest.raises(ValueError, match="Specified file is empty"):
        mmapfile.mmapfile(path, None)
    one = mmapfile.mmapfile(path, "mapped file", 65536 + 4096, 65536, 4096)
    one.write(b"late")
    one.flush()
    one.resize(2 * 65536)
    assert one.size() == 2 * 65536
    one.close()
    assert Path(path).read_bytes()[65536:65540] == b"late"
    with pytest.raises(mmapfile.error) as caught:
        mmapfile.mmapfile(path, None, 0, 5)
    assert caught.value.args[:2] == (1132, "MapViewOfFile")
    with pytest.raises(mmapfile.error) as caught:
        mmapfile.mmapfile(str(tmp_path / "no" / "file"), None, 10)
    assert caught.value.args[:2] == (2, "CreateFile")


def test_changes_in_a_directory_set_a_handle(tmp_path: Path) -> None:  # FC-28, FC-76
    names = win32con.FILE_NOTIFY_CHANGE_FILE_NAME
    handle = win32file.FindFirstChangeNotification(str(tmp_path), True, names)
    assert isinstance(handle, int)
    other = win32event.CreateEvent(None, 0, 0, None)
    assert win32event.WaitForMultipleObjects([other, handle], False, 0) == 258
    (tmp_path / "new").write_bytes(b"")
    assert win32event.WaitForMultipleObjects([other, handle], False, 20_000) == 1
    win32file.FindNextChangeNotification(handle)
    (tmp_path / "new").unlink()
    assert win32event.WaitForSingleObject(handle, 20_000) == 0
    win32file.FindCloseChangeNotification(handle)
    assert code(win32event.WaitForSingleObject, handle, 0)[0] == 6
    assert code(win32file.FindFirstChangeNotification, str(tmp_path / "none"), False, names)[0] in (2, 3)


def test_changes_in_a_directory_are_listed(tmp_path: Path) -> None:  # FC-76
    flags = win32con.FILE_FLAG_BACKUP_SEMANTICS
    folder = win32file.CreateFile(str(tmp_path), 1, SHARED, None, win32con.OPEN_EXISTING, flags, None)
    seen: list[tuple[int, str]] = []
    everything = 0x15F

    def read() -> None:
        while len(seen) < 5:
            seen.extend(win32file.ReadDirectoryChangesW(folder, 1024, True, everything, None, None))

    thread = threading.Thread(target=read)
    thread.start()
    while not isinstance(object_of(folder).line, directory_changes.WatchLine):
        time.sleep(0.001)
    (tmp_path / "one").write_bytes(b"data")
    (tmp_path / "one").rename(tmp_path / "two")
    (tmp_path / "two").unlink()
    thread.join(30)
    assert [change for change in seen if change[0] != 3] == [(1, "one"), (4, "one"), (5, "two"), (2, "two")]


def test_sockets_set_events() -> None:
    here, there = socket.socketpair()
    event = win32event.CreateEvent(None, True, False, None)
    win32file.WSAEventSelect(here, event, win32file.FD_READ | win32file.FD_CLOSE)
    assert win32event.WaitForSingleObject(event, 0) == 258
    for data in (b"x", b"y"):
        there.send(data)
        assert win32event.WaitForMultipleObjects([event], False, 20_000) == 0
        assert win32file.WSAEnumNetworkEvents(here, event) == {0: 0} or data == b"y"
        assert here.recv(10) in (data, b"xy")
    win32file.WSAEventSelect(here, None, 0)
    assert win32file.WSAEnumNetworkEvents(here, event) == {}
    here.close()
    there.close()


def watched(folder: Path) -> Any:
    flags = win32con.FILE_FLAG_BACKUP_SEMANTICS | win32con.FILE_FLAG_OVERLAPPED
    return win32file.CreateFile(str(folder), 1, 7, None, win32con.OPEN_EXISTING, flags, None)


def test_changes_of_a_directory_are_told_overlapped(tmp_path: Path) -> None:  # FC-76
    folder = watched(tmp_path)
    ov = pywintypes.OVERLAPPED()
    ov.hEvent = win32event.CreateEvent(None, False, False, None)
    memory = win32file.AllocateReadBuffer(8192)
    names = win32con.FILE_NOTIFY_CHANGE_FILE_NAME
    for name in "first", "second":
        assert win32file.ReadDirectoryChangesW(folder, memory, True, names, ov) is None
        assert win32event.WaitForSingleObject(ov.hEvent, 0) == 258
        (tmp_path / name).touch()
        assert win32event.WaitForSingleObject(ov.hEvent, 30_000) == 0
        size = win32file.GetOverlappedResult(folder, ov, False)
        assert win32file.FILE_NOTIFY_INFORMATION(memory, size) == [(1, name)]
    win32file.ReadDirectoryChangesW(folder, memory, True, names, ov)
    win32file.CancelIo(folder)
    assert code(win32file.GetOverlappedResult, folder, ov, True)[0] == 995
    win32file.ReadDirectoryChangesW(folder, win32file.AllocateReadBuffer(4), True, names, ov)
    (tmp_path / "no room for this").touch()
    assert win32file.GetOverlappedResult(folder, ov, True) == 0
    with pytest.raises(TypeError):
        win32file.ReadDirectoryChangesW(folder, 100, True, names, ov)
    with pytest.raises(NotImplementedError):
        win32file.ReadDirectoryChangesW(folder, memory, True, names, ov, print)
    folder.Close()
    assert code(win32file.ReadDirectoryChangesW, folder, memory, True, names, ov)[0] == 6


def test_changes_of_a_directory_are_told_at_a_port_and_closing_ends_them(tmp_path: Path) -> None:
    folder = watched(tmp_path)
    port = win32file.CreateIoCompletionPort(folder, None, 5, 0)
    ov = pywintypes.OVERLAPPED()
    memory = win32file.AllocateReadBuffer(1000)
    win32file.ReadDirectoryChangesW(folder, memory, False, win32con.FILE_NOTIFY_CHANGE_DIR_NAME, ov)
    (tmp_path / "sub").mkdir()
    rc, size, key, got = win32file.GetQueuedCompletionStatus(port, 30_000)
    assert (rc, key) == (0, 5) and got is ov
    assert win32file.FILE_NOTIFY_INFORMATION(memory, size) == [(1, "sub")]
    win32file.ReadDirectoryChangesW(folder, memory, False, win32con.FILE_NOTIFY_CHANGE_DIR_NAME, ov)
    folder.Close()
    assert win32file.GetQueuedCompletionStatus(port, 30_000)[0] == 995

"""``_winapi``, as programs use it directly (FC-130)."""

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ntipc
from ntipc.win32 import _winapi, msvcrt, win32api

NAME = r"\\.\pipe\winapi"
DUPLEX = _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED
MESSAGES = _winapi.PIPE_TYPE_MESSAGE | _winapi.PIPE_READMODE_MESSAGE | _winapi.PIPE_WAIT
BOTH = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE


def server(mode: int = MESSAGES, access: int = DUPLEX) -> int:
    return _winapi.CreateNamedPipe(NAME, access, mode, _winapi.PIPE_UNLIMITED_INSTANCES, 8192, 8192, 0, _winapi.NULL)


def client(flags: int = _winapi.FILE_FLAG_OVERLAPPED) -> int:
    handle = _winapi.CreateFile(NAME, BOTH, 0, _winapi.NULL, _winapi.OPEN_EXISTING, flags, _winapi.NULL)
    _winapi.SetNamedPipeHandleState(handle, _winapi.PIPE_READMODE_MESSAGE, None, None)
    return handle


@pytest.fixture
def pair() -> Any:
    here = server()
    there = client()
    yield here, there
    for handle in here, there:
        try:
            _winapi.CloseHandle(handle)
        except OSError as problem:
            assert problem.winerror == 6  # type: ignore[attr-defined]


def code(call: Callable[..., Any], *arguments: object) -> int:
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return int(caught.value.winerror)  # type: ignore[attr-defined]


def test_connections_that_go_on_set_an_event() -> None:  # FC-130
    here = server()
    waiting = _winapi.ConnectNamedPipe(here, overlapped=True)
    assert waiting is not None
    assert waiting.GetOverlappedResult(False) == (0, 996)
    assert _winapi.WaitForSingleObject(waiting.event, 0) == _winapi.WAIT_TIMEOUT
    there = client()
    assert _winapi.WaitForMultipleObjects([waiting.event], False, _winapi.INFINITE) == 0
    assert waiting.GetOverlappedResult(True) == (0, 0)
    assert waiting.getbuffer() is None
    again = _winapi.ConnectNamedPipe(here, True)
    assert again is not None
    assert _winapi.WaitForSingleObject(again.event, 0) == 0
    assert code(_winapi.ConnectNamedPipe, here) == _winapi.ERROR_PIPE_CONNECTED
    for handle in here, there:
        _winapi.CloseHandle(handle)


def test_reads_and_writes_go_on(pair: tuple[int, int]) -> None:  # FC-130
    here, there = pair
    reading, err = _winapi.ReadFile(here, 3, overlapped=True)
    assert isinstance(reading, _winapi.Overlapped) and err == _winapi.ERROR_IO_PENDING
    with pytest.raises(ValueError, match="signals the operation completed"):
        reading.getbuffer()
    writing, err = _winapi.WriteFile(there, b"hello", overlapped=True)
    assert isinstance(writing, _winapi.Overlapped)
    assert err == 0 and writing.GetOverlappedResult(True) == (5, 0)
    assert _winapi.WaitForSingleObject(reading.event, 10_000) == 0
    assert reading.GetOverlappedResult(False) == (3, _winapi.ERROR_MORE_DATA)
    assert reading.getbuffer() == b"hel"
    assert _winapi.PeekNamedPipe(here) == (2, 2)
    assert _winapi.PeekNamedPipe(here, 1) == (b"l", 2, 1)
    assert _winapi.ReadFile(here, 10) == (b"lo", 0)
    assert _winapi.WriteFile(there, memoryview(b"more")) == (4, 0)
    assert _winapi.ReadFile(here, 2) == (b"mo", _winapi.ERROR_MORE_DATA)


def test_a_read_of_nothing_tells_of_a_message_and_leaves_it(pair: tuple[int, int]) -> None:
    here, there = pair
    looking, err = _winapi.ReadFile(here, 0, True)
    assert isinstance(looking, _winapi.Overlapped) and err == _winapi.ERROR_IO_PENDING
    _winapi.WriteFile(there, b"message")
    assert looking.GetOverlappedResult(True) == (0, _winapi.ERROR_MORE_DATA)
    assert _winapi.ReadFile(here, 100) == (b"message", 0)


def test_operations_are_cancelled_and_lose_nothing(pair: tuple[int, int]) -> None:
    here, there = pair
    reading, _ = _winapi.ReadFile(here, 10, overlapped=True)
    assert isinstance(reading, _winapi.Overlapped)
    reading.cancel()
    reading.cancel()
    assert reading.GetOverlappedResult(True) == (0, _winapi.ERROR_OPERATION_ABORTED)
    dropped = _winapi.ReadFile(here, 10, overlapped=True)
    del dropped  # which cancels it, too
    _winapi.WriteFile(there, b"kept")
    assert _winapi.ReadFile(here, 10) == (b"kept", 0)


def test_ends_are_told(pair: tuple[int, int]) -> None:
    here, there = pair
    reading, _ = _winapi.ReadFile(here, 10, overlapped=True)
    assert isinstance(reading, _winapi.Overlapped)
    _winapi.CloseHandle(there)
    with pytest.raises(BrokenPipeError, match="The pipe has been ended$"):
        reading.GetOverlappedResult(True)
    assert code(_winapi.ReadFile, here, 10, True) == _winapi.ERROR_BROKEN_PIPE
    assert code(_winapi.WriteFile, here, b"x") == _winapi.ERROR_NO_DATA


def test_names_that_are_not_there(pair: tuple[int, int]) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        _winapi.WaitNamedPipe(r"\\.\pipe\nobody", 10)
    assert str(caught.value) == "[WinError 2] The system cannot find the file specified"
    assert _winapi.GetLastError() == 2
    assert code(_winapi.WaitNamedPipe, NAME, 1) == _winapi.ERROR_SEM_TIMEOUT
    assert code(client) == _winapi.ERROR_PIPE_BUSY


def test_bad_arguments_are_told_by_type_or_by_code(pair: tuple[int, int]) -> None:
    for wrong in ("handle", None, 1.5, win32api.GetStdHandle(-10)):
        for call in (_winapi.CloseHandle, _winapi.GetFileType, _winapi.PeekNamedPipe):
            with pytest.raises(TypeError):
                call(wrong)  # type: ignore[operator]
    for number in (0, 4_000_000, 2**40, -5):
        assert code(_winapi.CloseHandle, number) == 6
        assert code(_winapi.WaitForSingleObject, number, 0) == 6
        assert code(_winapi.SetEvent, number) == 6
        assert code(_winapi.ReadFile, number, 1, True) == 6
    assert code(_winapi.SetEvent, pair[0]) == 6
    assert code(_winapi.WaitForMultipleObjects, [], False, 0) == 87
    with pytest.raises(TypeError, match="sequence"):
        _winapi.WaitForMultipleObjects(5, False, 0)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        _winapi.ReadFile(pair[0], -1)
    with pytest.raises(TypeError):
        _winapi.WriteFile(pair[0], "text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _winapi.CreateFile(None, BOTH, 0, 0, 3, 0, 0)  # type: ignore[arg-type]


def test_events_and_mutexes_are_those_of_others() -> None:
    event = _winapi.CreateEventW(_winapi.NULL, True, False, "of winapi")
    assert _winapi.GetLastError() == 0
    with ntipc.Event("of winapi") as other:
        _winapi.SetEvent(event)
        assert other.is_set()
        _winapi.ResetEvent(event)
        assert not other.is_set()
    again = _winapi.OpenEventW(_winapi.EVENT_ALL_ACCESS, False, "of winapi")
    assert _winapi.CreateEventW(0, True, False, "of winapi") and _winapi.GetLastError() == 183
    _winapi.SetEvent(again)
    mutex = _winapi.CreateMutexW(0, True, None)
    assert _winapi.BatchedWaitForMultipleObjects([event, mutex, again], False, 0) == [0, 1, 2]
    assert _winapi.BatchedWaitForMultipleObjects([event, mutex], True) is None
    _winapi.ReleaseMutex(mutex)
    _winapi.ReleaseMutex(mutex)
    _winapi.ReleaseMutex(mutex)
    assert code(_winapi.ReleaseMutex, mutex) == 288
    _winapi.ResetEvent(event)
    with pytest.raises(TimeoutError):
        _winapi.BatchedWaitForMultipleObjects([event], False, 0)
    assert code(_winapi.OpenMutexW, _winapi.MUTEX_ALL_ACCESS, False, "none") == 2


def test_named_memory_by_address() -> None:
    section = _winapi.CreateFileMapping(_winapi.INVALID_HANDLE_VALUE, 0, _winapi.PAGE_READWRITE, 0, 5000, "by address")
    assert _winapi.GetLastError() == 0
    address = _winapi.MapViewOfFile(section, _winapi.FILE_MAP_READ | _winapi.FILE_MAP_WRITE, 0, 0, 0)
    ctypes.memmove(address, b"shared", 6)
    with ntipc.Section.open("by address") as other, other.map() as view:
        assert bytes(view[:6]) == b"shared"
    assert _winapi.VirtualQuerySize(address) == 8192
    reader = _winapi.OpenFileMapping(_winapi.FILE_MAP_READ, False, "by address")
    second = _winapi.MapViewOfFile(reader, _winapi.FILE_MAP_READ, 0, 0, 10)
    assert ctypes.string_at(second, 6) == b"shared"
    for place in address, second:
        _winapi.UnmapViewOfFile(place)
    assert code(_winapi.UnmapViewOfFile, address) == 487
    assert code(_winapi.OpenFileMapping, _winapi.FILE_MAP_READ, False, "nobody's") == 2
    assert code(_winapi.MapViewOfFile, 4_000_000, _winapi.FILE_MAP_READ, 0, 0, 0) == 6
    with pytest.raises(TypeError):
        _winapi.OpenFileMapping(_winapi.FILE_MAP_READ, False, b"bytes")  # type: ignore[arg-type]


class _Info:
    """A STARTUPINFO of the program's own."""

    def __init__(self, *handles: int, **attributes: Any) -> None:
        vars(self).update(attributes, lpAttributeList={"handle_list": list(handles)})


def test_a_process_has_the_handles_that_are_listed_and_no_others() -> None:  # FC-130
    listed, other = (_winapi.CreateEventW(0, True, False, None) for _ in range(2))
    reader, writer = os.pipe()
    pipe = msvcrt.get_osfhandle(writer)
    program = (
        "from ntipc.win32 import _winapi\n"
        f"_winapi.SetEvent({listed})\n"
        f"assert _winapi.WriteFile({pipe}, b'from the child') == (14, 0)\n"
        "try:\n"
        f"    _winapi.SetEvent({other})\n"
        "except OSError as problem:\n"
        "    raise SystemExit(problem.winerror)\n"
    )
    line = f'"{sys.executable}" -c "{program}"'
    info = _Info(listed, pipe)
    process, thread, pid, tid = _winapi.CreateProcess(None, line, None, None, True, 0, None, None, info)
    os.close(writer)
    assert _winapi.WaitForMultipleObjects([process, thread], True, 30_000) == 0
    assert _winapi.GetExitCodeProcess(process) == 6 and pid == tid
    assert _winapi.WaitForSingleObject(listed, 0) == 0
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"from the child"


def test_processes_are_opened_ended_and_refused() -> None:
    line = f'"{sys.executable}" -c "import time; time.sleep(60)"'
    process, _, pid, _ = _winapi.CreateProcess(sys.executable, line, None, None, False, 0, None, None, None)
    opened = _winapi.OpenProcess(_winapi.PROCESS_ALL_ACCESS, False, pid)
    assert _winapi.GetExitCodeProcess(opened) == _winapi.STILL_ACTIVE
    _winapi.TerminateProcess(opened, 3)
    assert _winapi.WaitForSingleObject(process, 30_000) == 0
    assert code(_winapi.CreateProcess, None, None, None, None, False, 0, None, None, None) == 87
    assert code(_winapi.CreateProcess, "none of that name.exe", None, None, None, False, 0, None, None, None) == 2
    with pytest.raises(TypeError):
        _winapi.CreateProcess(None, line, None, None, False, 0, 5, None, None)  # type: ignore[arg-type]
    assert code(_winapi.OpenProcess, _winapi.PROCESS_ALL_ACCESS, False, 2**31 - 5) == 87


def test_handles_are_duplicated(pair: tuple[int, int], start_peer: Any) -> None:
    this = _winapi.GetCurrentProcess()
    event = _winapi.CreateEventW(0, True, False, None)
    twin = _winapi.DuplicateHandle(this, event, this, 0, True, _winapi.DUPLICATE_SAME_ACCESS)
    assert win32api.GetHandleInformation(twin) == 1
    _winapi.CloseHandle(event)
    peer = start_peer()
    peer.run("from ntipc.win32 import _winapi; _winapi.CreateEventW(0, True, False, None)")
    process = _winapi.OpenProcess(_winapi.PROCESS_DUP_HANDLE, False, peer.pid)
    there = _winapi.DuplicateHandle(this, twin, process, 0, False, _winapi.DUPLICATE_SAME_ACCESS)
    peer.run(f"_winapi.SetEvent({there})")
    assert _winapi.WaitForSingleObject(twin, 0) == 0


def test_threads_wait_and_others_write(pair: tuple[int, int]) -> None:
    here, there = pair
    heard: list[tuple[Any, int]] = []
    thread = threading.Thread(target=lambda: heard.append(_winapi.ReadFile(here, 100)))
    thread.start()
    _winapi.WriteFile(there, b"")
    thread.join(30)
    assert heard == [(b"", 0)]


def test_the_rest(tmp_path: Path) -> None:
    assert _winapi.GetModuleFileName(0) == sys.executable
    assert _winapi.GetVersion() & 0xFF == 10
    assert _winapi.GetFileType(_winapi.GetStdHandle(_winapi.STD_ERROR_HANDLE) or 0) in (1, 2, 3)
    assert _winapi.LCMapStringEx(_winapi.LOCALE_NAME_INVARIANT, _winapi.LCMAP_LOWERCASE, "AbC") == "abc"
    with pytest.raises(NotImplementedError, match="_mimetypes_read_windows_registry"):
        _winapi._mimetypes_read_windows_registry(None)  # type: ignore[attr-defined]
    file = tmp_path / "file"
    file.write_bytes(b"content")
    _winapi.CopyFile2(str(file), str(tmp_path / "copy"), 0)
    assert (tmp_path / "copy").read_bytes() == b"content"
    assert code(_winapi.CopyFile2, str(file), str(tmp_path / "copy"), _winapi.COPY_FILE_FAIL_IF_EXISTS) == 80
    _winapi.CreateJunction(str(tmp_path), str(tmp_path / "link"))
    assert (tmp_path / "link" / "file").exists()
    assert _winapi.GetLongPathName(str(file)) == str(file)
    assert code(_winapi.GetShortPathName, str(tmp_path / "none")) == 2
    reader, writer = _winapi.CreatePipe(None, 0)
    assert _winapi.WriteFile(writer, b"x") == (1, 0) and _winapi.ReadFile(reader, 5) == (b"x", 0)
    with pytest.raises(TypeError, match="pickle"):
        _winapi.Overlapped(reader).__reduce__()

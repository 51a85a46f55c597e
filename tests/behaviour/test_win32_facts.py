"""Facts about pywin32 and ctypes that no other test states: one test for each, by its number."""

import ctypes as linux
import re
import struct
from typing import Any

import pytest
from behaviour.test_win32_imports import run

import ntipc
from ntipc.win32 import mmapfile, pywintypes, win32api, win32event, win32file, win32pipe, win32security
from ntipc.win32.standard import ctypes, mmap
from ntipc.win32.standard.ctypes import wintypes
from ntipc.win32.standard.winapi.calls import windows_error

NAME = r"\\.\pipe\facts"
TEXTS = {  # FC-6
    1: "Incorrect function.",
    2: "The system cannot find the file specified.",
    3: "The system cannot find the path specified.",
    5: "Access is denied.",
    6: "The handle is invalid.",
    8: "Not enough memory resources are available to process this command.",
    33: "The process cannot access the file because another process has locked a portion of the file.",
    38: "Reached the end of the file.",
    50: "The request is not supported.",
    87: "The parameter is incorrect.",
    109: "The pipe has been ended.",
    120: "This function is not supported on this system.",
    121: "The semaphore timeout period has expired.",
    122: "The data area passed to a system call is too small.",
    123: "The filename, directory name, or volume label syntax is incorrect.",
    158: "The segment is already unlocked.",
    183: "Cannot create a file when that file already exists.",
    187: "The specified system semaphore name was not found.",
    230: "The pipe state is invalid.",
    231: "All pipe instances are busy.",
    232: "The pipe is being closed.",
    233: "No process is on the other end of the pipe.",
    234: "More data is available.",
    258: "The wait operation timed out.",
    259: "No more data is available.",
    288: "Attempt to release mutex not owned by caller.",
    298: "Too many posts were made to a semaphore.",
    299: "Only part of a ReadProcessMemory or WriteProcessMemory request was completed.",
    487: "Attempt to access invalid address.",
    995: "The I/O operation has been aborted because of either a thread exit or an application request.",
    997: "Overlapped I/O operation is in progress.",
    998: "Invalid access to memory location.",
    1460: "This operation returned because the timeout period expired.",
    # FC-7
    535: "There is a process on other end of the pipe.",
    536: "Waiting for a process to open the other end of the pipe.",
    996: "Overlapped I/O event is not in a signaled state.",
    1168: "Element not found.",
    1400: "Invalid window handle.",
    1407: "Cannot find window class.",
    1410: "Class already exists.",
    1411: "Class does not exist.",
    1816: "Not enough quota is available to process this command.",
}


@pytest.mark.parametrize("code", TEXTS)
def test_texts_of_codes(code: int) -> None:  # FC-6, FC-7
    assert win32api.FormatMessage(code) == TEXTS[code] + "\r\n"
    assert str(ctypes.WinError(code)) == f"[WinError {code}] {TEXTS[code]}"


def test_what_returns_a_handle_raises_instead_of_an_invalid_one() -> None:  # FC-27
    assert win32file.INVALID_HANDLE_VALUE == -1
    handle = win32event.CreateEvent(None, 0, 0, None)
    assert handle != win32file.INVALID_HANDLE_VALUE and handle and handle.handle != 6
    for call in (
        lambda: win32file.CreateFile(NAME, win32file.GENERIC_READ, 0, None, win32file.OPEN_EXISTING, 0, None),
        lambda: win32event.OpenEvent(win32event.SYNCHRONIZE, False, "no such event"),
        lambda: win32pipe.CreateNamedPipe(NAME, 3, 0, 0, 0, 0, 0, None),
    ):
        with pytest.raises(pywintypes.error):
            call()


def test_calls_take_keywords_where_those_of_pywin32_do(tmp_path: Any) -> None:  # FC-35
    for call, arguments in (
        (win32event.CreateEvent, {"EventAttributes": None, "bManualReset": 0, "bInitialState": 0, "Name": None}),
        (win32file.ReadFile, {"hFile": 4, "bufSize": 1}),
        (win32api.CloseHandle, {"handle": 4}),
    ):
        with pytest.raises(TypeError):
            call(**arguments)  # type: ignore[operator]
    path = str(tmp_path / "file")
    handle = win32file.CreateFileW(
        FileName=path,
        DesiredAccess=win32file.GENERIC_WRITE,
        ShareMode=0,
        SecurityAttributes=None,
        CreationDisposition=win32file.CREATE_NEW,
        FlagsAndAttributes=0,
    )
    handle.Close()
    mapped = mmapfile.mmapfile(File=None, Name="by keywords", MaximumSize=4096, FileOffset=0, NumberOfBytesToMap=0)
    mapped.close()


def test_information_about_a_pipe_is_a_list() -> None:  # FC-58
    server = win32pipe.CreateNamedPipe(NAME, win32pipe.PIPE_ACCESS_DUPLEX, 4, 7, 100, 200, 0, None)
    assert win32pipe.GetNamedPipeInfo(server) == [1 | 4, 100, 200, 7]
    client = win32file.CreateFile(NAME, win32file.GENERIC_READ, 0, None, win32file.OPEN_EXISTING, 0, None)
    assert win32pipe.GetNamedPipeInfo(client)[0] == 4


def test_results_of_operations_and_their_codes() -> None:  # FC-60
    assert win32file.GetOverlappedResult is win32pipe.GetOverlappedResult
    server = win32pipe.CreateNamedPipe(NAME, 3 | win32file.FILE_FLAG_OVERLAPPED, 4 | 2, 1, 100, 100, 0, None)
    client = win32file.CreateFile(NAME, win32file.GENERIC_WRITE, 0, None, win32file.OPEN_EXISTING, 0, None)

    def begun() -> Any:
        own = pywintypes.OVERLAPPED()
        win32file.ReadFile(server, 10, own)
        return own

    def code(own: Any, wait: bool) -> int:
        with pytest.raises(pywintypes.error) as caught:
            win32pipe.GetOverlappedResult(server, own, wait)
        return int(caught.value.winerror)

    reading = begun()
    assert code(reading, False) == 996
    win32file.CancelIo(server)
    assert code(reading, True) == 995
    reading = begun()
    win32file.WriteFile(client, b"four")
    assert win32pipe.GetOverlappedResult(server, reading, True) == 4
    reading = begun()
    client.Close()
    assert code(reading, True) == 109


def test_small_calls_of_the_system() -> None:  # FC-90
    assert win32api.Sleep(0) == win32api.Sleep(1, True) == 0
    before = win32api.GetTickCount()
    assert isinstance(before, int) and 0 <= before < 2**32 and (win32api.GetTickCount() - before) % 2**32 < 60_000
    assert isinstance(win32api.GetCurrentThreadId(), int) and isinstance(win32api.GetCurrentProcessId(), int)
    assert isinstance(win32api.GetUserName(), str) and isinstance(win32api.GetComputerName(), str)
    assert win32api.OutputDebugString("a line for those who look") is None  # type: ignore[func-returns-value]


def test_a_map_with_a_tag_is_used_as_buffers_are() -> None:  # FC-95
    class Telemetry(mmap.mmap):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__()
            self.extra = named["tagname"]

    class Numbers(linux.Structure):
        _fields_ = [("one", linux.c_uint32), ("two", linux.c_float)]

    with Telemetry(-1, 100, tagname="facts of maps") as memory:
        numbers = Numbers.from_buffer(memory)
        numbers.one, numbers.two = 7, 0.5
        assert struct.unpack_from("<If", memory) == (7, 0.5) and memory.extra == "facts of maps"
        assert Numbers.from_buffer_copy(memory).one == 7
        memory[20:30] = b"name: spa\n"
        found = re.compile(rb"(\w+): (\w+)").search(memory, 10, 50)
        assert found is not None and found.groups() == (b"name", b"spa")
        del found, numbers
        memory.seek(20)
        assert memory.readline() == b"name: spa\n" and memory.tell() == 30 and memory.size() == 100


def test_functions_without_prototypes() -> None:  # FC-117
    kernel32 = ctypes.windll.LoadLibrary("kernel32")
    event = kernel32.CreateEventW(None, True, False, "no prototypes")
    assert kernel32.WaitForSingleObject(event, 0xFFFF_FFFF if kernel32.SetEvent(event) else 0) == 0
    assert kernel32.WaitForSingleObject(wintypes.HANDLE(event), -1) == 0
    assert kernel32.CreateEventA(None, True, False, b"no prototypes") and kernel32.GetLastError() == 183
    assert kernel32.CreateEventA(None, 0, 0, "")  # a str for an A function is read as no name
    handles = (ctypes.c_int64 * 1)(event)
    assert kernel32.WaitForMultipleObjects(1, ctypes.byref(handles), False, 0) == 0
    with pytest.raises(ctypes.ArgumentError):
        kernel32.SetEvent(win32event.CreateEvent(None, 0, 0, None))
    assert kernel32.CreateFileW(NAME, 0x8000_0000, 0, None, 3, 0, None) == -1


def test_texts_of_errors_that_c_code_makes_have_no_full_stop() -> None:  # FC-119a
    assert str(windows_error(2)) == "[WinError 2] The system cannot find the file specified"
    assert str(ctypes.WinError(2)) == "[WinError 2] The system cannot find the file specified."


def test_callbacks_and_flags_of_parameters() -> None:  # FC-121
    windows: list[Any] = []
    kind = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
    callback = kind(lambda window, extra: windows.append((window, extra)) or True)
    assert ctypes.windll.user32.EnumWindows(callback, 5)
    prototype = ctypes.WINFUNCTYPE(wintypes.DWORD, wintypes.HANDLE, wintypes.DWORD)
    flags = ((1, "handle"), (1, "milliseconds", 0))
    wait = prototype(("WaitForSingleObject", ctypes.windll.kernel32), flags)
    event = win32event.CreateEvent(None, 1, 1, None)
    assert wait(int(event)) == wait(handle=int(event), milliseconds=5) == 0
    seen: list[Any] = []

    def check(result: int, function: Any, arguments: Any) -> str:
        seen.append(arguments)
        return "checked"

    wait.errcheck = check
    assert wait(int(event)) == "checked" and len(seen[0]) == 2


def test_views_are_addresses() -> None:  # FC-123
    kernel32: Any = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.CreateFileMappingW.restype = kernel32.OpenFileMappingW.restype = wintypes.HANDLE
    kernel32.MapViewOfFile.restype = ctypes.c_void_p
    kernel32.MapViewOfFile.argtypes = (wintypes.HANDLE, *(wintypes.DWORD,) * 3, ctypes.c_size_t)
    kernel32.RtlMoveMemory.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    kernel32.UnmapViewOfFile.argtypes = (ctypes.c_void_p,)
    section = kernel32.CreateFileMappingW(wintypes.HANDLE(-1), None, 4, 0, 5000, "facts of views")
    address = kernel32.MapViewOfFile(section, 0xF001F, 0, 0, 0)
    text = ctypes.create_string_buffer(b"in the view")
    kernel32.RtlMoveMemory(address, text, len(text.value))
    assert ctypes.string_at(address, 11) == b"in the view"
    ctypes.memmove(address, b"IN", 2)
    assert ctypes.cast(address, ctypes.c_char_p).value == b"IN the view"
    assert ctypes.c_char.from_address(address).value == b"I"
    with ntipc.Section.open("facts of views") as other, other.map() as view:
        assert bytes(view[:2]) == b"IN"
    assert kernel32.UnmapViewOfFile(address) and not kernel32.UnmapViewOfFile(address)
    assert ctypes.get_last_error() == 487


def test_codecs_of_windows(tmp_path: Any) -> None:  # FC-135
    output = run(
        tmp_path,
        r"""
        import codecs, io
        for name in ("mbcs", "oem", "MBCS", "ansi"):
            assert "größe".encode(name).decode(name) == "größe"
        assert codecs.lookup("mbcs").name == "mbcs"
        print(io.TextIOWrapper(io.BytesIO(b"a\n"), "mbcs").read(), end="")
        """,
    )
    assert output == "a\n"


def test_security_attributes_forward_what_they_hold() -> None:  # FC-100
    attributes = win32security.SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = 1
    attributes.SetSecurityDescriptorDacl(1, None, 0)
    assert win32api.GetHandleInformation(win32event.CreateEvent(attributes, 0, 0, None)) == 1


def test_last_errors_have_a_sign_and_messages_are_filled() -> None:  # FC-10, FC-13
    for code in (0, 1, -1, -2146762751, 2**31 - 1):
        win32api.SetLastError(code)
        assert win32api.GetLastError() == code
    from_string = 0x400
    assert (
        win32api.FormatMessage(from_string, "Hello %1, %2!s! %%%n", 0, 0, ["Mark", "well?"])
        == "Hello Mark, well? %\r\n"
    )
    with pytest.raises(pywintypes.error) as caught:
        win32api.FormatMessage(from_string, "%2", 0, 0, ["one"])
    assert caught.value.winerror == 87


def test_times_are_comparable_with_those_of_their_kind() -> None:
    import datetime
    import time

    moment = pywintypes.Time(time.time())
    assert pywintypes.Time(moment) is moment and moment.tzinfo is not None
    now = datetime.datetime.now()
    assert pywintypes.Time((*now.timetuple(), now.microsecond // 1000)) <= now
    assert pywintypes.TimeStamp(2**63 - 1) == datetime.datetime.max

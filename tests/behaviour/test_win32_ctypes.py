"""``ctypes`` as on Windows: sizes (FC-120), text, libraries (FC-116 ... FC-118), errors (FC-115, FC-119, FC-122)."""

import ctypes as linux
from typing import Any, ClassVar

import pytest

from ntipc.win32.standard import ctypes

wintypes: Any = ctypes.wintypes


@pytest.fixture
def kernel32() -> Any:
    return ctypes.WinDLL("kernel32")


@pytest.mark.parametrize(
    ("kind", "size"),
    [("BOOL", 4), ("DWORD", 4), ("LONG", 4), ("ULONG", 4), ("WCHAR", 2), ("HANDLE", 8), ("WPARAM", 8), ("WORD", 2)],
)
def test_types_have_the_sizes_of_windows(kind: str, size: int) -> None:
    assert ctypes.sizeof(getattr(wintypes, kind)) == size


def test_a_long_is_an_int_and_the_interpreters_own_is_left_alone() -> None:
    assert ctypes.c_long is ctypes.c_int and ctypes.sizeof(ctypes.c_ulong) == 4
    assert linux.sizeof(linux.c_long) == 8 and linux.sizeof(linux.c_wchar) == 4


def test_text_in_a_structure_reads_and_writes_as_str() -> None:
    class Record(ctypes.Structure):
        _fields_: ClassVar[Any] = [
            ("number", wintypes.DWORD),
            ("name", wintypes.WCHAR * 4),
            ("where", wintypes.LPCWSTR),
        ]

    record = Record(7, "abc", "somewhere")
    assert (record.number, record.name, record.where) == (7, "abc", "somewhere")
    record.name = "wxyz"
    assert bytes(record)[4:12] == "wxyz".encode("utf-16-le") and record.name == "wxyz"
    with pytest.raises(ValueError, match="too long"):
        record.name = "vwxyz"
    assert record.name == "wxyz" and Record.name.offset == 4 and ctypes.sizeof(Record) == 24


def test_text_of_an_anonymous_union_is_text() -> None:
    class Character(ctypes.Union):
        _fields_: ClassVar[Any] = [("wide", wintypes.WCHAR), ("narrow", ctypes.c_char)]

    class Key(ctypes.Structure):
        _anonymous_: ClassVar[Any] = ["character"]
        _fields_: ClassVar[Any] = [("character", Character), ("state", wintypes.DWORD)]

    key = Key()
    key.wide = "Q"
    assert (key.wide, key.narrow, key.character.wide) == ("Q", b"Q", "Q")


def test_buffer_of_characters_is_utf_16() -> None:
    buffer = ctypes.create_unicode_buffer("a\U0001f600b")
    assert len(buffer) == 5 and ctypes.sizeof(buffer) == 10 and buffer.value == "a\U0001f600b"
    buffer[0] = "z"
    assert buffer[0] == "z" and buffer[0:1] == "z" and ctypes.wstring_at(buffer) == "z\U0001f600b"
    assert ctypes.cast(buffer, ctypes.c_wchar_p).value == buffer.value


def test_structure_over_shared_memory_has_the_layout_of_windows() -> None:
    class Shared(ctypes.Structure):
        _fields_: ClassVar[Any] = [("version", ctypes.c_long), ("track", ctypes.c_wchar * 3)]

    memory = bytearray(b"\x07\0\0\0" + "Spa".encode("utf-16-le") + b"\0\0")
    shared = Shared.from_buffer(memory)
    assert (shared.version, shared.track) == (7, "Spa")


def test_library_is_found_by_any_spelling_and_keeps_its_functions(kernel32: Any) -> None:
    assert ctypes.windll.kernel32 is ctypes.windll.Kernel32
    assert kernel32.SetEvent is kernel32.SetEvent and kernel32["SetEvent"] is not kernel32.SetEvent
    assert ctypes.WinDLL("KERNEL32.DLL").SetEvent is not kernel32.SetEvent
    ctypes.windll.kernel32.SetLastError(7)
    assert ctypes.windll.LoadLibrary("kernel32.dll").GetLastError() == 7


def test_export_that_is_not_there_is_an_attribute_error(kernel32: Any) -> None:
    assert not hasattr(kernel32, "NoSuchCall")
    with pytest.raises(OSError, match="Could not find module") as problem:
        ctypes.WinDLL("nosuch.dll")
    assert problem.value.winerror == 126


def test_event_by_functions_without_prototypes(kernel32: Any) -> None:
    event = kernel32.CreateEventW(None, False, False, "ctypes event")
    assert event > 0 and event % 4 == 0 and kernel32.GetLastError() == 0
    again = kernel32.CreateEventW(None, 0, 0, "ctypes event")
    assert again > 0 and kernel32.GetLastError() == 183
    assert kernel32.WaitForSingleObject(event, 0) == 0x102
    assert kernel32.SetEvent(again) == 1 and kernel32.WaitForSingleObject(event, 0xFFFFFFFF) == 0
    handles = (ctypes.c_int64 * 2)(event, again)
    kernel32.SetEvent(event)
    assert kernel32.WaitForMultipleObjects(2, handles, False, 0) == 0
    assert kernel32.CloseHandle(event) and kernel32.CloseHandle(again)


def test_failures_leave_the_last_error(kernel32: Any) -> None:
    assert kernel32.SetEvent(0x7FFC) == 0 and kernel32.GetLastError() == 6 == ctypes.GetLastError()
    assert kernel32.WaitForSingleObject(0x7FFC, 0) == -1
    assert kernel32.CloseHandle(0) == 0 and ctypes.WinError().winerror == 6
    assert kernel32.WaitForMultipleObjects(0, None, False, 0) == -1 and kernel32.GetLastError() == 87


def test_mutex_with_prototypes_and_errors_by_use_last_error() -> None:
    library: Any = ctypes.WinDLL("kernel32", use_last_error=True)
    create, release = library.CreateMutexW, library.ReleaseMutex
    create.argtypes, create.restype = [wintypes.LPVOID, wintypes.BOOL, wintypes.LPCWSTR], wintypes.HANDLE
    release.argtypes, release.restype = [wintypes.HANDLE], wintypes.BOOL
    ctypes.set_last_error(0)
    mutex = create(None, False, "m")
    assert isinstance(mutex, int) and ctypes.get_last_error() == 0
    assert not release(mutex) and ctypes.get_last_error() == 288 == library.GetLastError()
    error = ctypes.WinError(ctypes.get_last_error())
    assert str(error) == "[WinError 288] Attempt to release mutex not owned by caller." and error.winerror == 288
    opener = library.OpenMutexW
    opener.argtypes, opener.restype = [wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR], wintypes.HANDLE
    assert opener(0x100000, False, "nobody has it") is None and ctypes.get_last_error() == 2


def test_errcheck_raises(kernel32: Any) -> None:
    def check(result: int, function: Any, arguments: tuple[Any, ...]) -> int:
        if not result:
            raise ctypes.WinError()
        return result

    kernel32.SetEvent.errcheck = check
    with pytest.raises(OSError, match="handle is invalid"):
        kernel32.SetEvent(0x7FFC)


def test_prototype_with_parameter_flags() -> None:
    prototype = ctypes.WINFUNCTYPE(wintypes.HANDLE, wintypes.LPVOID, wintypes.BOOL, wintypes.BOOL, wintypes.LPCWSTR)
    flags = (1, "attributes", None), (1, "manual", True), (1, "initial", True), (1, "name", None)
    create: Any = prototype(("CreateEventW", ctypes.windll.kernel32), flags)
    event = create(name="with flags")
    assert (
        ctypes.windll.kernel32.WaitForSingleObject(event, 0)
        == 0
        == ctypes.windll.kernel32.WaitForSingleObject(event, 0)
    )


def test_callable_becomes_a_function_of_c() -> None:
    callback = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)(lambda event: event == 2)
    assert callback(2) == 1 and callback(1) == 0


def test_semaphore_tells_the_previous_count(kernel32: Any) -> None:
    semaphore = kernel32.CreateSemaphoreExW(None, 1, 3, None, 0, 0x1F0003)
    before = ctypes.c_long(77)
    assert kernel32.ReleaseSemaphore(semaphore, 2, ctypes.byref(before)) and before.value == 1
    assert not kernel32.ReleaseSemaphore(semaphore, 1, None) and kernel32.GetLastError() == 298


def test_section_is_mapped_by_address(kernel32: Any) -> None:
    kernel32.MapViewOfFile.restype = kernel32.OpenFileMappingW.restype = ctypes.c_void_p
    made = kernel32.CreateFileMappingW(-1, None, 4, 0, 5000, "mapped")
    opened = kernel32.OpenFileMappingW(4, False, "Local\\mapped")
    one, other = kernel32.MapViewOfFile(made, 6, 0, 0, 0), kernel32.MapViewOfFile(opened, 4, 0, 0, 0)
    ctypes.memmove(one, b"across", 6)
    assert ctypes.string_at(other, 6) == b"across" and one != other
    information = (ctypes.c_uint64 * 6)()
    assert kernel32.VirtualQuery(ctypes.c_void_p(other), information, 48) == 48 and information[3] == 8192
    assert kernel32.UnmapViewOfFile(ctypes.c_void_p(one)) and kernel32.UnmapViewOfFile(ctypes.c_void_p(other))
    assert not kernel32.UnmapViewOfFile(ctypes.c_void_p(one)) and kernel32.GetLastError() == 487
    assert kernel32.OpenFileMappingW(4, False, "nobody has it") is None and kernel32.GetLastError() == 2


def test_message_texts_end_with_a_line(kernel32: Any) -> None:
    buffer = ctypes.create_unicode_buffer(200)
    size = kernel32.FormatMessageW(0x1000, None, 2, 0, buffer, 200, None)
    assert buffer.value == "The system cannot find the file specified.\r\n" and size == len(buffer.value)


def test_pipe_by_addresses(kernel32: Any) -> None:
    name = r"\\.\pipe\by ctypes"
    server = kernel32.CreateNamedPipeW(name, 3, 6, 1, 4096, 4096, 0, None)
    assert server > 0
    client = kernel32.CreateFileW(name, 0xC0000000, 0, None, 3, 0, None)
    assert client > 0 and kernel32.ConnectNamedPipe(server, None) == 0 and kernel32.GetLastError() == 535
    count, buffer = ctypes.c_ulong(), ctypes.create_string_buffer(10)
    assert kernel32.WriteFile(client, b"hello", 5, ctypes.byref(count), None) and count.value == 5
    assert kernel32.PeekNamedPipe(server, None, 0, None, ctypes.byref(count), None) and count.value == 5
    assert kernel32.ReadFile(server, buffer, 3, ctypes.byref(count), None) == 0 and kernel32.GetLastError() == 234
    assert kernel32.ReadFile(server, buffer, 10, ctypes.byref(count), None) == 1 and buffer.raw[: count.value] == b"lo"
    kernel32.CloseHandle(client)
    assert kernel32.ReadFile(server, buffer, 10, ctypes.byref(count), None) == 0 and kernel32.GetLastError() == 109
    assert kernel32.CreateFileW(r"\\.\pipe\nobody", 0xC0000000, 0, None, 3, 0, None) == -1
    kernel32.CloseHandle(server)


def test_overlapped_structure_of_the_programs_own(kernel32: Any) -> None:
    class Overlapped(ctypes.Structure):
        _fields_: ClassVar[Any] = [
            ("Internal", ctypes.c_void_p),
            ("InternalHigh", ctypes.c_void_p),
            ("Offset", wintypes.DWORD),
            ("OffsetHigh", wintypes.DWORD),
            ("hEvent", wintypes.HANDLE),
        ]

    name = r"\\.\pipe\overlapped by ctypes"
    server = kernel32.CreateNamedPipeW(name, 0x40000003, 0, 1, 4096, 4096, 0, None)
    client = kernel32.CreateFileW(name, 0xC0000000, 0, None, 3, 0, None)
    state = Overlapped(hEvent=kernel32.CreateEventW(None, True, False, None))
    buffer, count = ctypes.create_string_buffer(10), ctypes.c_ulong()
    assert kernel32.ReadFile(server, buffer, 10, None, ctypes.byref(state)) == 0 and kernel32.GetLastError() == 997
    assert kernel32.GetOverlappedResult(server, ctypes.byref(state), ctypes.byref(count), False) == 0
    assert kernel32.GetLastError() == 996
    kernel32.WriteFile(client, b"late", 4, ctypes.byref(count), None)
    assert kernel32.WaitForSingleObject(state.hEvent, 5000) == 0
    assert kernel32.GetOverlappedResult(server, ctypes.byref(state), ctypes.byref(count), True) == 1
    assert buffer.raw[: count.value] == b"late" and state.InternalHigh == 4
    assert kernel32.ReadFile(server, buffer, 10, None, ctypes.byref(state)) == 0
    assert kernel32.CancelIoEx(server, ctypes.byref(state)) == 1
    assert kernel32.GetOverlappedResult(server, ctypes.byref(state), ctypes.byref(count), True) == 0
    assert kernel32.GetLastError() == 995
    for handle in server, client, state.hEvent:
        kernel32.CloseHandle(handle)


def test_interrupt_of_a_wait_reaches_the_program(kernel32: Any) -> None:
    import _thread
    import threading

    event = kernel32.CreateEventW(None, False, False, None)
    threading.Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        kernel32.WaitForSingleObject(event, 20_000)


def test_a_null_pointer_is_a_failure_and_no_crash(kernel32: Any) -> None:
    for call in (
        lambda: kernel32.CreatePipe(None, None, None, 0),
        lambda: kernel32.VirtualQuery(kernel32._handle, None, 48),
        lambda: kernel32.CreateProcessW(None, "x", None, None, 0, 0, None, None, None, None),
    ):
        kernel32.SetLastError(0)
        assert call() == 0
        assert kernel32.GetLastError() == 998


def test_errcheck_finds_the_copy_of_the_last_error_and_an_exception_of_the_call_goes_first() -> None:
    library: Any = ctypes.WinDLL("kernel32", use_last_error=True)
    open_event = library.OpenEventW
    seen: list[int] = []

    def check(result: int, function: Any, arguments: Any) -> int:
        seen.append(ctypes.get_last_error())
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())
        return result

    open_event.errcheck = check
    with pytest.raises(FileNotFoundError) as problem:
        open_event(0x10_0000, False, "none of this name")
    assert problem.value.winerror == 2 and seen == [2]  # type: ignore[attr-defined]
    with pytest.raises(ctypes.ArgumentError):
        open_event(object(), False, None)
    library.SetLastError(9)
    assert (library.GetLastError(), ctypes.get_last_error()) == (9, 9)
    assert str(ctypes.WinError(0)) == "[WinError 0] The operation completed successfully."

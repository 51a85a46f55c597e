"""Windows, messages, processes and global memory as programs call them by `ctypes` (FC-105 ... FC-110, FC-122)."""

import sys
from typing import Any, ClassVar

import pytest

from ntipc.win32.standard import ctypes

wintypes: Any = ctypes.wintypes
WNDPROC: Any = ctypes.WINFUNCTYPE(ctypes.c_int64, wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM)


class WNDCLASSEX(ctypes.Structure):
    _fields_: ClassVar[Any] = [
        ("cbSize", wintypes.UINT),
        ("style", wintypes.UINT),
        ("lpfnWndProc", WNDPROC),
        ("cbClsExtra", ctypes.c_int),
        ("cbWndExtra", ctypes.c_int),
        ("hInstance", wintypes.HANDLE),
        ("hIcon", wintypes.HANDLE),
        ("hCursor", wintypes.HANDLE),
        ("hBrush", wintypes.HANDLE),
        ("lpszMenuName", wintypes.LPCWSTR),
        ("lpszClassName", wintypes.LPCWSTR),
        ("hIconSm", wintypes.HANDLE),
    ]


class COPYDATASTRUCT(ctypes.Structure):
    _fields_: ClassVar[Any] = [("dwData", ctypes.c_void_p), ("cbData", wintypes.DWORD), ("lpData", ctypes.c_void_p)]


@pytest.fixture
def user32() -> Any:
    return ctypes.WinDLL("user32")


@pytest.fixture
def kernel32() -> Any:
    return ctypes.WinDLL("kernel32")


def test_window_by_a_procedure_of_c(user32: Any) -> None:
    received: list[tuple[int, int]] = []

    def procedure(hwnd: int, message: int, wparam: int, lparam: int) -> int:
        if message == 0x4A:
            data = COPYDATASTRUCT.from_address(lparam)
            received.append((data.dwData, ctypes.string_at(data.lpData, data.cbData)))
            return 7
        if message == 0x400:
            received.append((wparam, lparam))
        return user32.DefWindowProcW(hwnd, message, wparam, ctypes.c_void_p(lparam))

    kept = WNDPROC(procedure)
    window_class = WNDCLASSEX(cbSize=ctypes.sizeof(WNDCLASSEX), lpfnWndProc=kept, lpszClassName="Receiver")
    assert user32.RegisterClassExW(ctypes.byref(window_class)) >= 0xC000
    hwnd = user32.CreateWindowExW(0, "Receiver", "title of it", 0, 0, 0, 0, 0, None, None, None, None)
    assert hwnd and user32.FindWindowW("Receiver", None) == hwnd == user32.FindWindowW(None, "title of it")
    assert user32.IsWindow(ctypes.c_int(hwnd)) and user32.IsWindow(wintypes.HWND(hwnd & 0xFFFFFFFF))
    assert user32.PostMessageW(hwnd, 0x400, 5, -6)
    message = wintypes.MSG()
    assert user32.GetMessageW(ctypes.byref(message), None, 0, 0) == 1 and message.message == 0x400
    user32.DispatchMessageW(ctypes.byref(message))
    content = ctypes.create_string_buffer(b"copied")
    sent = COPYDATASTRUCT(3, 6, ctypes.addressof(content))
    assert user32.SendMessageW(hwnd, 0x4A, 0, ctypes.byref(sent)) == 7
    assert received == [(5, -6), (3, b"copied")]
    title = ctypes.create_unicode_buffer(6)
    assert user32.GetWindowTextW(hwnd, title, 6) == 5 and title.value == "title"
    user32.PostQuitMessage(4)
    assert user32.GetMessageW(ctypes.byref(message), None, 0, 0) == 0 and message.wParam == 4
    assert user32.DestroyWindow(hwnd) and not user32.IsWindow(hwnd)
    assert not user32.SendMessageW(hwnd, 0x400, 0, 0) and ctypes.GetLastError() == 1400
    assert user32.UnregisterClassW("Receiver", None)


def test_windows_are_enumerated_until_the_callback_says_stop(user32: Any) -> None:
    window_class = WNDCLASSEX(
        cbSize=ctypes.sizeof(WNDCLASSEX), lpfnWndProc=WNDPROC(lambda *parameters: 0), lpszClassName="Several"
    )
    user32.RegisterClassExW(ctypes.byref(window_class))
    made = {user32.CreateWindowExW(0, "Several", str(n), 0, 0, 0, 0, 0, None, None, None, None) for n in range(3)}
    seen: list[int] = []
    callback = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
    collect = callback(lambda hwnd, extra: seen.append(hwnd) or len(seen) < extra)
    assert user32.EnumWindows(collect, 10) == 1 and {hwnd & 0xFFFFFFFF for hwnd in made} <= set(seen)
    seen.clear()
    assert user32.EnumWindows(collect, 2) == 0 and len(seen) == 2
    for hwnd in made:
        user32.DestroyWindow(hwnd)


def test_messages_have_numbers_by_name(user32: Any) -> None:
    number = user32.RegisterWindowMessageW("taskbar made")
    assert number >= 0xC000 and user32.RegisterWindowMessageA(b"taskbar made") == number


def test_process_is_started_waited_for_and_told(kernel32: Any) -> None:
    class STARTUPINFO(ctypes.Structure):
        _fields_: ClassVar[Any] = [("cb", wintypes.DWORD), ("rest", ctypes.c_byte * 100)]

    class PROCESS_INFORMATION(ctypes.Structure):
        _fields_: ClassVar[Any] = [
            ("hProcess", wintypes.HANDLE),
            ("hThread", wintypes.HANDLE),
            ("dwProcessId", wintypes.DWORD),
            ("dwThreadId", wintypes.DWORD),
        ]

    startup, told = STARTUPINFO(104), PROCESS_INFORMATION()
    line = ctypes.create_unicode_buffer(f'"{sys.executable}" -c "raise SystemExit(5)"')
    made = kernel32.CreateProcessW(
        None, line, None, None, False, 0, None, None, ctypes.byref(startup), ctypes.byref(told)
    )
    assert made and told.dwProcessId > 0
    assert kernel32.WaitForSingleObject(told.hProcess, 20_000) == 0
    code = wintypes.DWORD()
    assert kernel32.GetExitCodeProcess(told.hProcess, ctypes.byref(code)) and code.value == 5
    for handle in told.hProcess, told.hThread:
        assert kernel32.CloseHandle(handle)
    assert not kernel32.OpenProcess(0x1F0FFF, False, 0x3FFFFF) and kernel32.GetLastError() == 87


@pytest.mark.parametrize("flags", [0x42, 0x40])
def test_global_memory_by_handle_and_address(kernel32: Any, flags: int) -> None:
    kernel32.GlobalAlloc.restype = kernel32.GlobalLock.restype = ctypes.c_void_p
    block = kernel32.GlobalAlloc(flags, 100)
    address = kernel32.GlobalLock(ctypes.c_void_p(block))
    assert (address == block) == (flags == 0x40) and ctypes.string_at(address, 100) == bytes(100)
    ctypes.memmove(address, b"content", 7)
    kernel32.GlobalUnlock(ctypes.c_void_p(block))
    again = kernel32.GlobalLock(ctypes.c_void_p(block))
    assert ctypes.string_at(again, 7) == b"content" and kernel32.GlobalSize(ctypes.c_void_p(block)) == 100
    kernel32.GlobalUnlock(ctypes.c_void_p(block))
    assert kernel32.GlobalFree(ctypes.c_void_p(block)) == 0


def test_wrong_handles_of_global_memory_are_refused(kernel32: Any) -> None:
    assert kernel32.GlobalLock(0x7FFC) == 0 and kernel32.GetLastError() == 6
    assert kernel32.GlobalFree(0x7FFC) == 0x7FFC
    block = kernel32.GlobalAlloc(2, 10)
    assert kernel32.GlobalUnlock(block) == 0 and kernel32.GetLastError() == 158
    kernel32.GlobalFree(block)

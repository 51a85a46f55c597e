"""What Python programs call by ctypes beside communication: the console, hidden windows, files, settings."""

import os
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ntipc.win32 import msvcrt, win32gui, win32process
from ntipc.win32.standard import ctypes

wintypes: Any = ctypes.wintypes
kernel32: Any = ctypes.windll.kernel32
user32: Any = ctypes.windll.user32


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The handle of a terminal, and the descriptor of what shows it."""
    shown, fd = os.openpty()
    termios.tcsetwinsize(fd, (25, 80))
    yield msvcrt.get_osfhandle(fd), shown
    os.close(fd)
    os.close(shown)


def test_modes_of_a_terminal_are_accepted_and_of_others_refused(terminal: tuple[int, int], tmp_path: Path) -> None:
    handle, _ = terminal
    mode = wintypes.DWORD()
    assert kernel32.GetConsoleMode(handle, ctypes.byref(mode)) and mode.value & 4 == 4
    assert kernel32.SetConsoleMode(handle, 7)
    with open(tmp_path / "file", "w") as file:
        other = msvcrt.get_osfhandle(file.fileno())
        assert not kernel32.SetConsoleMode(other, 7) and kernel32.GetLastError() == 6
        assert not kernel32.GetConsoleMode(other, ctypes.byref(mode)) and kernel32.GetLastError() == 6
    assert not kernel32.SetConsoleMode(4_000_000, 7) and not kernel32.GetConsoleMode(handle, None)


def test_colours_and_positions_are_sequences(terminal: tuple[int, int]) -> None:
    handle, shown = terminal
    assert kernel32.SetConsoleTextAttribute(handle, 12) and os.read(shown, 100) == b"\33[0;91;40m"
    assert kernel32.SetConsoleTextAttribute(handle, 7) and os.read(shown, 100) == b"\33[0m"
    assert kernel32.SetConsoleCursorPosition(handle, 5 << 16 | 2) and os.read(shown, 100) == b"\33[6;3H"


def test_size_of_a_terminal(terminal: tuple[int, int]) -> None:
    memory = ctypes.create_string_buffer(22)
    assert kernel32.GetConsoleScreenBufferInfo(terminal[0], memory)
    numbers = [int.from_bytes(memory.raw[place : place + 2], "little") for place in range(0, 22, 2)]
    assert numbers == [80, 25, 0, 0, 7, 0, 0, 79, 24, 80, 25]


def test_titles_go_to_the_terminal_and_nowhere_else() -> None:
    assert kernel32.SetConsoleTitleW("title") and kernel32.SetConsoleTitleA(b"title")
    assert kernel32.GetConsoleWindow() == 0 and not user32.ShowWindow(kernel32.GetConsoleWindow(), 0)
    assert kernel32.GetConsoleOutputCP() == kernel32.GetACP() == 65001 and kernel32.SetConsoleOutputCP(65001)


def test_settings() -> None:
    assert kernel32.GetPriorityClass(-1) == win32process.GetPriorityClass(-1)  # what `nice` has made of it
    assert kernel32.SetErrorMode(1) == 0 == kernel32.IsDebuggerPresent()
    assert kernel32.MulDiv(7, 3, 2) == 11 and kernel32.MulDiv(-7, 3, 2) == -11 and kernel32.MulDiv(1, 1, 0) == -1
    assert kernel32.lstrlenW("größe") == 5 and kernel32.lstrlenA(b"abc") == 3 and kernel32.lstrlenW(None) == 0
    assert kernel32.SetThreadExecutionState(0x8000_0002) & 0xFFFF_FFFF == 0x8000_0000
    assert kernel32.GetUserDefaultUILanguage() == 0x409
    program = "from ntipc.win32.standard import ctypes; print('said'); ctypes.windll.kernel32.ExitProcess(5)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (5, "said\n")


def test_files_by_their_paths(tmp_path: Path) -> None:
    folder, file = str(tmp_path / "folder"), str(tmp_path / "file")
    assert kernel32.CreateDirectoryW(folder, None) and kernel32.GetFileAttributesW(folder) & 0x10
    assert not kernel32.CreateDirectoryW(folder, None) and kernel32.GetLastError() in (80, 183)
    assert kernel32.GetFileAttributesW(file) == -1 and kernel32.GetLastError() == 2
    Path(file).write_text("content")
    assert kernel32.CopyFileW(file, f"{file} copied", True) and not kernel32.CopyFileW(file, f"{file} copied", True)
    assert kernel32.MoveFileExW(f"{file} copied", f"{file} moved", 1) and Path(f"{file} moved").read_text() == "content"
    assert kernel32.RemoveDirectoryW(folder) and not Path(folder).exists()


def test_changes_of_a_directory_by_memory(tmp_path: Path) -> None:  # FC-76, FC-117
    directory = kernel32.CreateFileW(str(tmp_path), 1, 7, None, 3, 0x0200_0000, None)
    memory, told = ctypes.create_string_buffer(1000), wintypes.DWORD()
    text = ctypes.create_unicode_buffer(300)
    assert kernel32.GetFinalPathNameByHandleW(directory, text, 300, 0) == len(str(tmp_path)) and text.value == str(
        tmp_path
    )
    assert kernel32.GetFinalPathNameByHandleW(directory, text, 3, 0) == len(str(tmp_path)) + 1

    def read() -> int:
        return int(kernel32.ReadDirectoryChangesW(directory, memory, 1000, True, 1, ctypes.byref(told), None, None))

    outcome: list[int] = []
    reader = threading.Thread(target=lambda: outcome.append(read()))
    reader.start()
    while reader.is_alive():
        (tmp_path / "new").touch()
        (tmp_path / "new").unlink()
        reader.join(0.01)
    assert outcome == [1] and memory.raw[4] == 1 and memory.raw[12:18].decode("utf-16-le") == "new"
    codes: list[int] = []

    def read_until_cancelled() -> None:
        while read():
            pass
        codes.append(kernel32.GetLastError())

    reader = threading.Thread(target=read_until_cancelled)
    reader.start()
    while reader.is_alive():
        kernel32.CancelIoEx(directory, None)
        reader.join(0.01)
    assert codes == [995]
    kernel32.CloseHandle(directory)


def test_windows_are_hidden_and_boxes_are_lines(capfd: pytest.CaptureFixture[str]) -> None:
    kind = win32gui.WNDCLASS()
    kind.lpszClassName = "beside"
    window = win32gui.CreateWindow(win32gui.RegisterClass(kind), "title", 0, 0, 0, 0, 0, 0, 0, 0, None)
    assert user32.ShowWindow(window, 5) == user32.IsWindowVisible(window) == 0 and user32.SetForegroundWindow(window)
    assert not user32.ShowWindow(4, 5) and ctypes.GetLastError() == 1400
    assert user32.LoadIconW(None, 32512) and user32.GetSystemMetrics(0) >= 0 and user32.SetProcessDPIAware()
    assert user32.MessageBoxW(None, "running already", "single", 0x40) == 1
    assert user32.MessageBoxA(None, b"really?", b"single", 4) == 7
    assert capfd.readouterr().err == "single: running already\nsingle: really?\n"
    win32gui.DestroyWindow(window)


def test_these_are_no_exports_for_c_programs() -> None:
    from ntipc.win32.standard.beside import find_exports_for_python
    from ntipc.win32.standard.exports import find_library_exports

    for library in "kernel32", "user32":
        for_python, for_c = find_exports_for_python(library), find_library_exports(library)
        assert for_python is not None and for_c is not None and set(for_c[1]) < set(for_python[1])
    assert find_exports_for_python("none") is None

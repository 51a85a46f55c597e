"""Message windows by pywin32's names (FC-105 to FC-110)."""

import ctypes
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.waiting import wait_until

from ntipc.win32 import pywintypes, timer, win32api, win32con, win32event, win32gui


def code(call: Callable[..., object], *arguments: object) -> tuple[int, str]:
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror, caught.value.funcname


@pytest.fixture
def make() -> Iterator[Callable[..., int]]:
    """Makes windows of new classes; afterwards they are destroyed."""
    made: list[int] = []
    atoms: list[int] = []

    def window(handlers: Any, name: str = "Test class", title: str | None = "title", parent: int = 0) -> int:
        window_class = win32gui.WNDCLASS()
        window_class.lpszClassName = name
        window_class.lpfnWndProc = handlers
        window_class.SetDialogProc()
        atoms.append(win32gui.RegisterClass(window_class))
        module = win32api.GetModuleHandle(None)
        use = win32con.CW_USEDEFAULT
        made.append(win32gui.CreateWindow(atoms[-1], title, 0, 0, 0, use, use, parent, 0, module, None))
        return made[-1]

    yield window
    for hwnd in made:
        if win32gui.IsWindow(hwnd):
            win32gui.DestroyWindow(hwnd)
    for atom in atoms:
        win32gui.UnregisterClass(atom, None)


def test_classes_have_atoms_and_names(make: Callable[..., int]) -> None:  # FC-105, FC-106
    hwnd = make({})
    assert win32gui.GetClassName(hwnd) == "Test class"
    assert code(win32gui.CreateWindow, "nobody's", "", 0, 0, 0, 0, 0, 0, 0, 0, None) == (1407, "CreateWindowEx")
    assert code(win32gui.UnregisterClass, "Test class", 0) == (1412, "UnregisterClass")
    again = win32gui.WNDCLASS()
    again.lpszClassName = "TEST CLASS"
    assert code(win32gui.RegisterClass, again) == (1410, "RegisterClass")
    assert code(win32gui.UnregisterClass, "nobody's", 0)[0] == 1411


def test_handlers_are_a_mapping_or_a_callable(make: Callable[..., int]) -> None:  # FC-105, FC-107
    seen: list[tuple[int, ...]] = []
    mapped = make({win32con.WM_USER: lambda *message: seen.append(message)}, "mapped")
    called = make(lambda hwnd, msg, wparam, lparam: wparam * 2, "called")
    assert win32gui.SendMessage(mapped, win32con.WM_USER, 1, 2) == 0
    assert seen == [(mapped, win32con.WM_USER, 1, 2)]
    assert win32gui.SendMessage(called, win32con.WM_USER, 21) == 42
    assert win32api.SendMessage(called, win32con.WM_USER, 5, None) == 10


def test_an_exception_in_a_handler_is_printed(make: Callable[..., int], capsys: Any) -> None:  # FC-107
    hwnd = make({win32con.WM_USER: lambda *message: 1 // 0})
    assert win32gui.SendMessage(hwnd, win32con.WM_USER, 0, 0) == 0
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_loop_ends_with_the_code_of_quit(make: Callable[..., int]) -> None:  # FC-107, FC-108
    hwnd = make({win32con.WM_DESTROY: lambda *message: win32gui.PostQuitMessage(7)})
    win32gui.PostMessage(hwnd, win32con.WM_CLOSE, 0, 0)
    assert win32gui.PumpMessages() == 7
    assert not win32gui.IsWindow(hwnd)
    assert win32gui.PumpWaitingMessages() == 0
    win32api.PostQuitMessage()
    assert win32gui.PumpWaitingMessages() == 1


def test_messages_as_tuples(make: Callable[..., int]) -> None:  # FC-108
    got: list[int] = []
    hwnd = make({win32con.WM_USER: lambda hwnd, msg, wparam, lparam: got.append(wparam)})
    assert win32gui.PeekMessage(0, 0, 0, win32con.PM_REMOVE)[0] == 0
    win32api.PostMessage(hwnd, win32con.WM_USER, 5, 6)
    rc, message = win32gui.PeekMessage(hwnd, 0, 0, win32con.PM_NOREMOVE)
    assert (rc, message[:4], len(message), message[5]) == (1, (hwnd, win32con.WM_USER, 5, 6), 6, (0, 0))
    answer = win32gui.GetMessage(None, 0, 0)
    assert isinstance(answer, list)
    win32gui.TranslateMessage(answer[1])
    win32gui.DispatchMessage(answer[1])
    assert got == [5]
    win32api.PostThreadMessage(win32api.GetCurrentThreadId(), win32con.WM_APP, 1, 2)
    assert win32gui.GetMessage(0, 0, 0)[1][:4] == (0, win32con.WM_APP, 1, 2)
    win32gui.PostQuitMessage(9)
    rc, message = win32gui.GetMessage(0, 0, 0)
    assert (rc, message[1], message[2]) == (0, win32con.WM_QUIT, 9)


def test_windows_are_found(make: Callable[..., int]) -> None:  # FC-109
    hwnd = make({}, "Found", "some title")
    hidden = make({}, "Hidden", "other", win32con.HWND_MESSAGE)
    assert win32gui.FindWindow("found", None) == hwnd
    assert win32gui.FindWindow(None, "Some Title") == hwnd
    assert win32gui.FindWindow("found", "another") == 0
    assert win32gui.FindWindowEx(0, 0, "Hidden", None) == hidden
    all_of_them: list[int] = []
    win32gui.EnumWindows(lambda window, kept: kept.append(window), all_of_them)
    assert hwnd in all_of_them
    assert hidden not in all_of_them
    stopped: list[int] = []
    win32gui.EnumWindows(lambda window, kept: bool(kept.append(window)), stopped)
    assert len(stopped) == 1
    with pytest.raises(TypeError):
        win32gui.EnumWindows(lambda window, kept: "x", None)
    with pytest.raises(ZeroDivisionError):
        win32gui.EnumWindows(lambda window, kept: 1 // 0, None)
    assert code(win32gui.EnumWindows, lambda window, kept: bool(win32api.SetLastError(1)), None) == (1, "EnumWindows")
    assert win32gui.GetWindowText(hwnd) == "some title"
    win32gui.SetWindowText(hwnd, "new")
    assert (win32gui.GetWindowText(hwnd), win32gui.GetWindowTextLength(hwnd)) == ("new", 3)
    for call in (win32gui.GetWindowText, win32gui.GetClassName, win32gui.DestroyWindow):
        assert code(call, 0x1234)[0] == 1400
    assert code(win32gui.SendMessage, 0x1234, win32con.WM_USER, 0, 0) == (1400, "SendMessage")
    assert code(win32gui.PostMessage, 0x1234, win32con.WM_USER, 0, 0)[0] == 1400


def test_waits_for_objects_or_messages() -> None:  # FC-45, WT-26
    events = [win32event.CreateEvent(None, 1, 0, None) for _ in range(2)]
    wait = win32event.MsgWaitForMultipleObjects
    assert wait(events, False, 0, win32event.QS_ALLINPUT) == 258
    win32api.PostThreadMessage(win32api.GetCurrentThreadId(), win32con.WM_USER, 0, 0)
    assert wait(events, False, 0, win32event.QS_TIMER) == 258
    assert wait(events, False, 10_000, win32event.QS_ALLINPUT) == 2
    assert win32event.MsgWaitForMultipleObjectsEx([], 0, win32event.QS_POSTMESSAGE, 4) == 0
    win32event.SetEvent(events[1])
    assert wait(events, False, 10_000, win32event.QS_ALLINPUT) == 1
    assert win32gui.PumpWaitingMessages() == 0
    assert wait([], False, 0, win32event.QS_ALLINPUT) == 258


def test_messages_have_numbers_by_name() -> None:  # FC-109
    number = win32gui.RegisterWindowMessage("a message of the tests")
    assert 0xC000 <= number <= 0xFFFF
    assert win32api.RegisterWindowMessage("a message of the tests") == number


def receiver(got: list[Any]) -> Callable[[int, int, int, int], int]:
    def receive(hwnd: int, msg: int, wparam: int, lparam: int) -> int:
        kind, size, at = struct.unpack("<QI4xQ", win32gui.PyGetMemory(lparam, 24))
        got.append((wparam, kind, bytes(win32gui.PyGetMemory(at, size)), ctypes.string_at(at, size) if size else b""))
        return 7

    return receive


def structure(data: bytes, kind: int = 3) -> tuple[Any, bytes]:
    buffer = ctypes.create_string_buffer(data, max(len(data), 1))
    return buffer, struct.pack("<QI4xQ", kind, len(data), ctypes.addressof(buffer) if data else 0)


@pytest.mark.parametrize("data", [b"", b"some bytes", bytes(300_000)])
def test_data_are_copied_to_the_receiver(make: Callable[..., int], data: bytes) -> None:  # FC-110
    got: list[Any] = []
    hwnd = make({win32con.WM_COPYDATA: receiver(got)})
    buffer, packed = structure(data)
    assert win32gui.SendMessage(hwnd, win32con.WM_COPYDATA, 12, packed) == 7
    address, size = win32gui.PyGetBufferAddressAndLen(bytearray(packed))
    kept = ctypes.create_string_buffer(packed)
    assert win32gui.SendMessage(hwnd, win32con.WM_COPYDATA, 12, ctypes.addressof(kept)) == 7
    assert got == [(12, 3, data, data)] * 2
    assert size == 24
    assert address
    assert buffer is not None


def test_bad_addresses_end_no_program(make: Callable[..., int]) -> None:
    hwnd = make({win32con.WM_COPYDATA: receiver([])})
    for address in (1, 0, 2**62, -1):
        assert code(win32gui.SendMessage, hwnd, win32con.WM_COPYDATA, 0, address) == (998, "SendMessage")
    for bad in (0, 16, 2**62):
        with pytest.raises(ValueError):
            win32gui.PyGetMemory(bad, 10)
        with pytest.raises(ValueError):
            win32gui.PyGetString(bad)
    assert code(win32gui.PySetMemory, 16, b"x")[0] == 998
    with pytest.raises(TypeError):
        win32gui.SendMessage(hwnd, win32con.WM_COPYDATA, 0, b"short")


def test_memory_by_address() -> None:
    buffer = ctypes.create_string_buffer(40)
    at = ctypes.addressof(buffer)
    assert win32gui.PySetString(at, "text") == 4
    assert win32gui.PyGetString(at) == "text"
    assert win32gui.PyGetString(at, 2) == "te"
    assert win32gui.PySetMemory(at, b"ab") == 2
    seen = win32gui.PyGetMemory(at, 2)
    assert bytes(seen) == b"ab"
    buffer[0] = b"x"
    assert (bytes(seen), seen[0], seen.readonly) == (b"xb", ord("x"), True)
    assert len(win32gui.PyMakeBuffer(5)) == 5


def test_handlers_can_be_replaced(make: Callable[..., int]) -> None:
    hwnd = make({win32con.WM_USER: lambda *message: 1})
    old = win32gui.SetWindowLong(
        hwnd, win32con.GWL_WNDPROC, lambda *message: win32gui.CallWindowProc(old, *message) + 10
    )
    assert win32gui.SendMessage(hwnd, win32con.WM_USER, 0, 0) == 11
    win32gui.SetWindowLong(hwnd, win32con.GWL_WNDPROC, old)
    assert win32gui.SendMessage(hwnd, win32con.WM_USER, 0, 0) == 1
    assert win32gui.SetWindowLong(hwnd, win32con.GWL_USERDATA, 5) == 0
    assert win32gui.GetWindowLong(hwnd, win32con.GWL_USERDATA) == 5
    assert code(win32gui.GetWindowLong, 0x1234, -21)[0] == 1400


def test_another_threads_window_answers_or_not_in_time(make: Callable[..., int]) -> None:  # FC-109
    ready, over, hwnds = threading.Event(), threading.Event(), list[int]()

    def work() -> None:
        hwnds.append(make({win32con.WM_USER: lambda hwnd, msg, wparam, lparam: wparam + 1}))
        ready.set()
        over.wait(30)
        while win32gui.IsWindow(hwnds[0]):
            message = win32gui.GetMessage(0, 0, 0)[1]
            win32gui.DispatchMessage(message)

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(30)
    timeout = code(win32gui.SendMessageTimeout, hwnds[0], win32con.WM_USER, 1, 0, win32con.SMTO_BLOCK, 10)
    assert timeout == (0, "SendMessageTimeout")
    over.set()
    assert win32gui.SendMessageTimeout(hwnds[0], win32con.WM_USER, 41, 0, 0, 20_000) == (1, 42)
    assert code(win32gui.DestroyWindow, hwnds[0])[0] == 5
    win32gui.PostMessage(hwnds[0], win32con.WM_CLOSE)
    assert thread.native_id
    win32api.PostThreadMessage(thread.native_id, win32con.WM_APP, 0, 0)
    thread.join(30)
    assert not thread.is_alive()


def test_windows_on_a_screen_are_hidden_ones(make: Callable[..., int]) -> None:  # advice 9
    hwnd = make({})
    assert win32gui.ShowWindow(hwnd, win32con.SW_SHOW) == 0
    assert win32gui.IsWindowVisible(hwnd) == 0
    win32gui.UpdateWindow(hwnd)
    win32gui.SetForegroundWindow(hwnd)
    win32gui.MoveWindow(hwnd, 1, 2, 30, 40, True)
    assert win32gui.GetWindowRect(hwnd) == (1, 2, 31, 42)
    assert win32gui.GetClientRect(hwnd) == (0, 0, 30, 40)
    assert win32gui.LoadIcon(0, win32con.IDI_APPLICATION) > 0
    win32gui.Shell_NotifyIcon(win32gui.NIM_ADD, (hwnd, 0, win32gui.NIF_ICON, 0, 0, ""))
    with pytest.raises(NotImplementedError, match="win32gui.BitBlt"):
        win32gui.BitBlt()


def test_windows_of_other_processes(start_peer: Any) -> None:
    peer = start_peer()
    peer.run("from ntipc.win32 import win32gui as g, win32con as c")
    peer.run("w = g.WNDCLASS(); w.lpszClassName = 'Far'; w.lpfnWndProc = {c.WM_USER: lambda h, m, a, b: a * b}")
    hwnd = peer.run("g.CreateWindow(g.RegisterClass(w), 'there', 0, 0, 0, 0, 0, 0, 0, 0, None)")
    assert win32gui.FindWindow("Far", "there") == hwnd
    pumping = peer.begin("g.PumpMessages()")
    assert win32gui.SendMessage(hwnd, win32con.WM_USER, 6, 7) == 42
    assert win32gui.GetWindowThreadProcessId(hwnd)[1] == peer.pid
    win32gui.PostMessage(hwnd, win32con.WM_CLOSE, 0, 0)
    wait_until(lambda: not win32gui.IsWindow(hwnd))
    peer.kill()
    assert not pumping.returned


def test_functions_are_called_while_messages_are_dealt_with() -> None:
    seen: list[tuple[int, int]] = []
    done = win32event.CreateEvent(None, 0, 0, None)

    def tick(number: int, time: int) -> None:
        seen.append((number, time))
        if len(seen) == 3:
            assert timer.kill_timer(number)
            win32event.SetEvent(done)

    number = timer.set_timer(10, tick)
    while win32event.MsgWaitForMultipleObjects((done,), 0, 10_000, win32event.QS_ALLEVENTS) == 1:
        assert not win32gui.PumpWaitingMessages()
    assert [which for which, _ in seen] == [number] * 3
    assert not timer.kill_timer(number)
    with pytest.raises(TypeError):
        timer.set_timer(10, None)  # type: ignore[arg-type]


def test_windows_are_found_and_told_by_objects() -> None:  # FC-3
    from ntipc.win32 import win32ui

    assert not issubclass(win32ui.error, pywintypes.error)
    with pytest.raises(win32ui.error):
        win32ui.FindWindow("none of this class", None)
    seen: list[tuple[int, int]] = []

    def heard(hwnd: int, message: int, wparam: int, lparam: int) -> int:
        seen.append((wparam, lparam))
        return 7

    kind = win32gui.WNDCLASS()
    kind.lpszClassName, kind.lpfnWndProc = "By objects", {win32con.WM_USER: heard}
    hwnd = win32gui.CreateWindow(win32gui.RegisterClass(kind), "title", 0, 0, 0, 0, 0, 0, 0, 0, None)
    window = win32ui.FindWindow("By objects", "title")
    assert window.GetSafeHwnd() == hwnd and window.GetWindowText() == "title" and window.IsWindow()
    assert window.SendMessage(win32con.WM_USER, 1, 2) == 7 and seen == [(1, 2)]
    window.PostMessage(win32con.WM_USER, 3, 4)
    win32gui.PumpWaitingMessages()
    assert seen[1] == (3, 4) and win32ui.CreateWindowFromHandle(hwnd).GetSafeHwnd() == hwnd
    win32gui.DestroyWindow(hwnd)
    for call in (lambda: window.SendMessage(0x400), lambda: window.PostMessage(0x400)):
        with pytest.raises(win32ui.error):
            call()
    with pytest.raises(win32ui.error):
        win32ui.CreateWindowFromHandle(hwnd)
    with pytest.raises(NotImplementedError, match=r"win32ui\.CreateBitmap"):
        win32ui.CreateBitmap()

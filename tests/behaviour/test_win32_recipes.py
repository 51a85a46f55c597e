"""What programs for Windows do again and again, each as programs that run in processes of their own."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program's text; its processes are ended by their ids."""
    started: list[subprocess.Popen[str]] = []

    def begin(text: str, *arguments: str) -> "subprocess.Popen[str]":
        program = tmp_path / f"program_{len(started)}.py"
        program.write_text(textwrap.dedent(text))
        command = [sys.executable, "-m", "ntipc.win32", str(program), *arguments]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        started.append(
            subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def lines(process: "subprocess.Popen[str]") -> list[str]:
    output = process.communicate(timeout=50)[0].splitlines()
    assert process.returncode == 0, output
    return output


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def say(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()


SINGLE = """
    import win32api, win32event, winerror
    mutex = win32event.CreateMutex(None, False, r"Local\\editor {1D0B}")
    last = win32api.GetLastError()
    if last == winerror.ERROR_ALREADY_EXISTS:
        show = win32event.OpenEvent(win32event.EVENT_MODIFY_STATE, False, "editor, show yourself")
        win32event.SetEvent(show)
        print("running already")
        raise SystemExit
    show = win32event.CreateEvent(None, 0, 0, "editor, show yourself")
    print("first")
    win32event.WaitForSingleObject(show, win32event.INFINITE)
    print("shown")
"""


def test_single_instance_and_show_yourself(start: Start) -> None:
    first = start(SINGLE)
    assert line(first) == "first"
    assert lines(start(SINGLE)) == ["running already"]
    assert lines(first) == ["shown"]
    second = start(SINGLE)
    assert line(second) == "first"
    os.kill(second.pid, signal.SIGKILL)
    second.wait()
    third = start(SINGLE)
    assert line(third) == "first"


def test_service_loop_with_a_stop_event_and_a_pipe(start: Start) -> None:
    server = start(
        r"""
        import pywintypes, win32event, win32file, win32pipe, winerror
        stop = win32event.CreateEvent(None, 0, 0, "stop the service")
        ov = pywintypes.OVERLAPPED()
        ov.hEvent = win32event.CreateEvent(None, 0, 0, None)
        while True:
            pipe = win32pipe.CreateNamedPipe(
                r"\\.\pipe\service", win32pipe.PIPE_ACCESS_DUPLEX | win32file.FILE_FLAG_OVERLAPPED,
                win32pipe.PIPE_TYPE_MESSAGE | win32pipe.PIPE_READMODE_BYTE, win32pipe.PIPE_UNLIMITED_INSTANCES,
                0, 0, 6000, None)
            hr = win32pipe.ConnectNamedPipe(pipe, ov)
            if hr == winerror.ERROR_PIPE_CONNECTED:
                win32event.SetEvent(ov.hEvent)
            rc = win32event.WaitForMultipleObjects((stop, ov.hEvent), 0, win32event.INFINITE)
            if rc == win32event.WAIT_OBJECT_0:
                break
            hr, data = win32file.ReadFile(pipe, 256)
            win32file.WriteFile(pipe, b"you said " + data)
            win32file.FlushFileBuffers(pipe)
            win32file.CloseHandle(pipe)
        print("stopped")
        """
    )
    client = start(
        r"""
        import sys, win32event, win32pipe, pywintypes, time
        for word in (b"one", b"two"):
            while True:
                try:
                    print(win32pipe.CallNamedPipe(r"\\.\pipe\service", word, 256, win32pipe.NMPWAIT_WAIT_FOREVER))
                    break
                except pywintypes.error as problem:
                    if problem.winerror != 2:
                        raise
                    time.sleep(0.01)
        win32event.SetEvent(win32event.OpenEvent(win32event.EVENT_MODIFY_STATE, 0, "stop the service"))
        """
    )
    assert lines(client) == ["b'you said one'", "b'you said two'"]
    assert lines(server) == ["stopped"]


def test_pipe_client_that_retries_waits_and_reads_on(start: Start) -> None:
    client = r"""
        import sys, time, pywintypes, win32file, win32pipe, winerror
        while True:
            try:
                pipe = win32file.CreateFile(
                    r"\\.\pipe\telemetry", win32file.GENERIC_READ | win32file.GENERIC_WRITE, 0, None,
                    win32file.OPEN_EXISTING, 0, None)
                break
            except pywintypes.error as e:
                if e.args[0] == winerror.ERROR_FILE_NOT_FOUND:
                    time.sleep(0.01)
                elif e.args[0] == winerror.ERROR_PIPE_BUSY:
                    win32pipe.WaitNamedPipe(r"\\.\pipe\telemetry", 20000)
                else:
                    raise
        res = win32pipe.SetNamedPipeHandleState(pipe, win32pipe.PIPE_READMODE_MESSAGE, None, None)
        if res == 0:
            print(f"SetNamedPipeHandleState return code: {res}")
        while True:
            try:
                parts = []
                while True:
                    hr, data = win32file.ReadFile(pipe, 4)
                    parts.append(data)
                    if hr != winerror.ERROR_MORE_DATA:
                        break
                print(b"".join(parts).decode(), len(parts))
            except pywintypes.error as e:
                if e.args[0] == winerror.ERROR_BROKEN_PIPE:
                    break
                raise
    """
    clients = [start(client), start(client)]
    server = start(
        r"""
        import win32file, win32pipe
        for turn in range(2):
            pipe = win32pipe.CreateNamedPipe(
                r"\\.\pipe\telemetry", win32pipe.PIPE_ACCESS_DUPLEX,
                win32pipe.PIPE_TYPE_MESSAGE | win32pipe.PIPE_READMODE_MESSAGE | win32pipe.PIPE_WAIT, 1, 65536, 65536,
                300, None)
            win32pipe.ConnectNamedPipe(pipe, None)
            win32file.WriteFile(pipe, str.encode(f"turn {turn}"))
            win32file.WriteFile(pipe, b"")
            win32file.CloseHandle(pipe)
        """
    )
    assert sorted(lines(clients[0]) + lines(clients[1])) == [" 1", " 1", "turn 0 2", "turn 1 2"]
    assert lines(server) == []


def test_transaction_and_peeks(start: Start) -> None:
    server = start(
        r"""
        import win32file, win32pipe, pywintypes, time
        pipe = win32pipe.CreateNamedPipe(r"\\.\pipe\asked", 3, 6, 1, 65536, 65536, 0, None)
        win32pipe.ConnectNamedPipe(pipe, None)
        while not win32pipe.PeekNamedPipe(pipe, 0)[1]:
            time.sleep(0.001)
        data, available, left = win32pipe.PeekNamedPipe(pipe, 3)
        print(data, available, left)
        win32file.WriteFile(pipe, win32file.ReadFile(pipe, 100)[1].upper())
        win32file.FlushFileBuffers(pipe)
        win32pipe.DisconnectNamedPipe(pipe)
        """
    )
    client = start(
        r"""
        import time, pywintypes, win32con, win32file, win32pipe
        while True:
            try:
                win32pipe.WaitNamedPipe(r"\\.\pipe\asked", 20000)
                break
            except pywintypes.error:
                time.sleep(0.01)
        both = win32con.GENERIC_READ | win32con.GENERIC_WRITE
        pipe = win32file.CreateFile(r"\\.\pipe\asked", both, 0, None, win32con.OPEN_EXISTING, 0, None)
        win32pipe.SetNamedPipeHandleState(pipe, win32pipe.PIPE_READMODE_MESSAGE, None, None)
        print(win32pipe.TransactNamedPipe(pipe, b"question", 100, None))
        """
    )
    assert lines(client) == ["(0, b'QUESTION')"]
    assert lines(server) == ["b'que' 8 5"]


def test_mailslot_that_is_polled(start: Start) -> None:
    reader = start(
        r"""
        import time, win32file
        slot = win32file.CreateMailslot(r"\\.\mailslot\stack", 0, 0, None)
        print("ready")
        got = []
        while len(got) < 3:
            max_size, next_size, count, timeout = win32file.GetMailslotInfo(slot)
            if count == 0:
                assert next_size == -1
                time.sleep(0.001)
                continue
            hr, data = win32file.ReadFile(slot, next_size)
            got.append(data)
        print(got)
        """
    )
    assert line(reader) == "ready"
    writer = start(
        r"""
        import win32con, win32file
        slot = win32file.CreateFile(
            r"\\.\mailslot\stack", win32con.GENERIC_WRITE, win32con.FILE_SHARE_READ, None, win32con.OPEN_EXISTING,
            win32con.FILE_ATTRIBUTE_NORMAL, None)
        for text in ("one", "", "three"):
            win32file.WriteFile(slot, text.encode())
        """
    )
    assert lines(writer) == []
    assert lines(reader) == ["[b'one', b'', b'three']"]


STACK = r"""
        import sys, win32file

        class Stack:
            # One slot for what comes, and a handle for each message that goes; nothing waits.
            def __init__(self, path):
                self.path, self.slot = path, None

            def reopen(self):
                if self.slot:
                    win32file.CloseHandle(self.slot)
                    self.slot = None
                try:
                    self.slot = win32file.CreateMailslot(self.path, 0, 0, None)
                except win32file.error as problem:
                    return problem.winerror
                return 0

            def receive(self):
                try:
                    return win32file.ReadFile(self.slot, 1024)[1]
                except win32file.error:
                    return b""

            def send(self, data, path):
                access = win32file.GENERIC_WRITE | win32file.GENERIC_READ
                share, how = win32file.FILE_SHARE_READ, win32file.OPEN_ALWAYS
                there = win32file.CreateFile(path, access, share, None, how, 0, None)
                try:
                    return win32file.WriteFile(there, data)[1]
                finally:
                    win32file.CloseHandle(there)

        mine, other = (Stack(r"\\.\mailslot\peer " + name) for name in sys.argv[1:])
        assert mine.reopen() == 0 and mine.reopen() == 0 and Stack(mine.path).reopen() == 183
        assert mine.receive() == b"" and mine.send(b"to myself", mine.path) == 9 and mine.receive() == b"to myself"
        """


def test_mailslots_of_peers_that_send_to_each_other(start: Start) -> None:
    rest = r"""
        print("ready", flush=True)
        input()
        print(mine.send(sys.argv[1].encode() + b" says hello", other.path), flush=True)
        while not (data := mine.receive()):
            pass
        print(data.decode(), mine.receive(), flush=True)
        input()
        while True:
            try:
                mine.send(b"x", other.path)
            except win32file.error as problem:
                print(problem.winerror, problem.funcname)
                break
        """
    one, two = start(STACK + rest, "one", "two"), start(STACK + rest, "two", "one")
    assert line(one) == line(two) == "ready"
    for peer in one, two:
        say(peer, "go")
    assert line(one) == "14" and line(two) == "14"
    assert line(one) == "two says hello b''" and line(two) == "one says hello b''"
    os.kill(two.pid, signal.SIGKILL)
    two.wait()
    say(one, "go")
    assert lines(one) == ["2 CreateFile"]


def test_counter_in_named_memory_under_a_named_mutex(start: Start) -> None:
    counter = r"""
        import mmap, struct, win32event
        memory = mmap.mmap(-1, 4096, "shared counter")
        mutex = win32event.CreateMutex(None, 0, "lock of the counter")
        for _ in range(300):
            win32event.WaitForSingleObject(mutex, win32event.INFINITE)
            value, = struct.unpack("L", memory[:4])
            memory[:4] = struct.pack("L", value + 1)
            win32event.ReleaseMutex(mutex)
        print("done")
        input()
    """
    counters = [start(counter) for _ in range(3)]
    assert [line(process) for process in counters] == ["done"] * 3
    reader = start(
        r"""
        import mmap, mmapfile
        memory = mmap.mmap(0, 4096, "shared counter", mmap.ACCESS_READ)
        print(int.from_bytes(memory[:4], "little"))
        print(int.from_bytes(mmapfile.mmapfile("", "shared counter", 4096).read(4), "little"))
        try:
            memory[0] = 1
        except TypeError:
            print("read only")
        """
    )
    assert lines(reader) == ["900", "900", "read only"]


WINDOW = """
    import ctypes, win32api, win32con, win32gui
    from ctypes import wintypes

    class COPYDATASTRUCT(ctypes.Structure):
        _fields_ = [("dwData", ctypes.c_void_p), ("cbData", wintypes.DWORD), ("lpData", ctypes.c_void_p)]

    class Window:
        def __init__(self):
            wc = win32gui.WNDCLASS()
            wc.lpfnWndProc = {win32con.WM_COPYDATA: self.on_copy_data, win32con.WM_DESTROY: self.on_destroy}
            wc.lpszClassName = "Receiver"
            wc.hInstance = win32api.GetModuleHandle(None)
            atom = win32gui.RegisterClass(wc)
            self.hwnd = win32gui.CreateWindow(atom, "receiver", 0, 0, 0, 0, 0, 0, 0, wc.hInstance, None)

        def on_destroy(self, hwnd, message, wparam, lparam):
            win32gui.PostQuitMessage(0)

        def on_copy_data(self, hwnd, message, wparam, lparam):
            told = ctypes.cast(lparam, ctypes.POINTER(COPYDATASTRUCT)).contents
            print(told.dwData, self.read(ctypes.string_at(told.lpData, told.cbData)))
            win32gui.PostMessage(hwnd, win32con.WM_CLOSE, 0, 0)
            return 1
"""


def test_data_is_copied_to_a_window_of_another_process(start: Start) -> None:
    receiver = start(
        textwrap.dedent(WINDOW)
        + "    def read(self, data):\n        return data.decode()\n"
        + "window = Window()\nprint('ready')\nwin32gui.PumpMessages()\n"
    )
    assert line(receiver) == "ready"
    sender = start(
        """
        import array, struct, win32con, win32gui
        hwnd = win32gui.FindWindow("Receiver", "receiver")
        text = array.array("B", b"copied")
        address, length = text.buffer_info()
        print(win32gui.SendMessage(hwnd, win32con.WM_COPYDATA, 0, struct.pack("PLP", 42, length, address)))
        """
    )
    assert lines(sender) == ["1"] and lines(receiver) == ["42 copied"]


def test_a_request_in_named_memory_that_a_window_is_told_of(start: Start) -> None:
    receiver = start(
        textwrap.dedent(WINDOW)
        + textwrap.indent(
            "def read(self, data):\n"
            "    import mmap\n"
            "    memory = mmap.mmap(0, 8192, data.rstrip(b'\\0').decode())\n"
            "    request = memory.read(8)\n"
            "    memory.seek(0)\n"
            "    memory.write(request.upper())\n"
            "    return request\n",
            "    ",
        )
        + "window = Window()\nprint('ready')\nwin32gui.PumpMessages()\n"
    )
    assert line(receiver) == "ready"
    client = start(
        r"""
        import ctypes, mmap, threading
        from ctypes import wintypes

        class COPYDATASTRUCT(ctypes.Structure):
            _fields_ = [("num_data", wintypes.LPARAM), ("data_size", wintypes.DWORD), ("data_loc", ctypes.c_char_p)]

        window = ctypes.windll.user32.FindWindowA(b"Receiver", b"receiver")
        name = f"PageantRequest{threading.current_thread().ident:08x}"
        memory = mmap.mmap(0, 8192, name)
        memory.write(b"sign it.")
        title = name.encode() + b"\0"
        told = COPYDATASTRUCT(0x804E50BA, len(title), title)
        print(ctypes.windll.user32.SendMessageA(window, 0x4A, None, ctypes.byref(told)), memory[:8])
        """
    )
    assert lines(client) == ["1 b'SIGN IT.'"]
    assert lines(receiver)[0].endswith("b'sign it.'")


def test_loop_with_messages_and_events(start: Start) -> None:
    looping = start(
        """
        import win32api, win32con, win32event, win32gui
        stop = win32event.CreateEvent(None, 0, 0, "stop looping")
        again = win32event.CreateEvent(None, 0, 0, "once more")
        handler = {win32con.WM_USER: lambda hwnd, message, w, l: print("message", w, l)}
        wc = win32gui.WNDCLASS()
        wc.lpszClassName, wc.lpfnWndProc = "Looping", handler
        hwnd = win32gui.CreateWindow(win32gui.RegisterClass(wc), "", 0, 0, 0, 0, 0, 0, 0, 0, None)
        print("ready")
        events = (stop, again)
        while True:
            rc = win32event.MsgWaitForMultipleObjects(events, 0, 30000, win32event.QS_ALLINPUT)
            if rc == win32event.WAIT_OBJECT_0:
                break
            elif rc == win32event.WAIT_OBJECT_0 + 1:
                print("event")
            elif rc == win32event.WAIT_OBJECT_0 + len(events):
                if win32gui.PumpWaitingMessages():
                    break
        """
    )
    assert line(looping) == "ready"
    other = start(
        """
        import win32con, win32event, win32gui
        hwnd = win32gui.FindWindow("Looping", None)
        win32gui.SendMessage(hwnd, win32con.WM_USER, 1, 2)
        win32event.SetEvent(win32event.OpenEvent(2, 0, "once more"))
        while win32event.WaitForSingleObject(win32event.OpenEvent(0x100000, 0, "once more"), 0) == 0:
            win32event.SetEvent(win32event.OpenEvent(2, 0, "once more"))
        win32event.SetEvent(win32event.OpenEvent(2, 0, "stop looping"))
        """
    )
    assert lines(other) == []
    said = lines(looping)
    assert said[0] == "message 1 2" and set(said[1:]) <= {"event"}


def test_readers_and_writers_of_a_database(start: Start) -> None:
    user = r"""
        import os, random, sys, threading, win32event
        most = 4
        readers = win32event.CreateSemaphore(None, most, most, "readers of the database")
        writer = win32event.CreateMutex(None, False, "writer of the database")
        path = sys.argv[1]

        def read():
            win32event.WaitForSingleObject(readers, win32event.INFINITE)
            with open(path) as file:
                one, other = file.read().split()
            win32event.ReleaseSemaphore(readers, 1)
            assert one == other

        def write():
            win32event.WaitForSingleObject(writer, win32event.INFINITE)
            for _ in range(most):
                win32event.WaitForSingleObject(readers, win32event.INFINITE)
            with open(path) as file:
                value = int(file.read().split()[0]) + 1
            with open(path, "w") as file:
                file.write(f"{value} {value}")
            win32event.ReleaseSemaphore(readers, most)
            win32event.ReleaseMutex(writer)

        threads = [threading.Thread(target=call) for call in [read, write] * 5]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    """
    database = Path(os.environ["NTIPC_DIR"]) / "database.txt"
    database.write_text("0 0")
    try:
        for process in [start(user, str(database)) for _ in range(3)]:
            assert lines(process) == []
        assert database.read_text() == "15 15"
    finally:
        database.unlink()


def test_timers_processes_and_abandoned_mutexes_in_waits(start: Start) -> None:
    holder = start(
        """
        import win32event
        mutex = win32event.CreateMutex(None, True, "abandoned")
        print("held")
        input()
        """
    )
    assert line(holder) == "held"
    waiter = start(
        """
        import sys, win32api, win32con, win32event
        timer = win32event.CreateWaitableTimer(None, 0, None)
        win32event.SetWaitableTimer(timer, -10_000, 0, None, None, 0)
        assert win32event.WaitForSingleObject(timer, 30000) == win32event.WAIT_OBJECT_0
        process = win32api.OpenProcess(win32con.SYNCHRONIZE, False, int(sys.argv[1]))
        mutex = win32event.OpenMutex(win32con.SYNCHRONIZE | 1, False, "abandoned")
        print("waiting")
        rc = win32event.WaitForMultipleObjects([timer, process, mutex], False, 30000)
        print(rc in (1, win32event.WAIT_ABANDONED_0 + 2))
        print(win32event.WaitForSingleObject(process, 30000))
        rc = win32event.WaitForSingleObject(mutex, 30000)
        print(rc in (win32event.WAIT_ABANDONED, win32event.WAIT_OBJECT_0))
        win32event.ReleaseMutex(mutex)
        """,
        str(holder.pid),
    )
    assert line(waiter) == "waiting"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert lines(waiter) == ["True", "0", "True"]

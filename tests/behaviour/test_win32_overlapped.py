"""Overlapped operations and completion ports by pywin32's names (FC-65, FC-68, FC-72, FC-74, FC-80 to FC-83)."""

import gc
import os
import threading
from typing import Any

import pytest

from ntipc.win32 import pywintypes, win32api, win32event, win32file, win32pipe, winerror

NAME = r"\\.\pipe\overlapped"
BOTH = win32file.GENERIC_READ | win32file.GENERIC_WRITE


def server(mode: int = win32pipe.PIPE_TYPE_MESSAGE | win32pipe.PIPE_READMODE_MESSAGE, quota: int = 65536) -> Any:
    access = win32pipe.PIPE_ACCESS_DUPLEX | win32file.FILE_FLAG_OVERLAPPED
    return win32pipe.CreateNamedPipe(NAME, access, mode, 255, quota, quota, 0, None)


def client(flags: int = 0) -> Any:
    return win32file.CreateFile(NAME, BOTH, 0, None, win32file.OPEN_EXISTING, flags, None)


def overlapped(manual: bool = True, initial: bool = False) -> pywintypes.OVERLAPPED:
    made = pywintypes.OVERLAPPED()
    made.hEvent = win32event.CreateEvent(None, manual, initial, None)
    return made


def pair(**options: Any) -> tuple[Any, Any]:
    here = server(**options)
    there = client()
    assert win32pipe.ConnectNamedPipe(here, overlapped()) == 535
    return here, there


def code(call: Any, *arguments: object) -> tuple[int, str]:
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror, caught.value.funcname


def test_what_an_overlapped_keeps() -> None:  # FC-80, FC-81
    one, other = pywintypes.OVERLAPPED(), win32file.OVERLAPPED()
    assert (one.Offset, one.OffsetHigh, one.hEvent, one.object, one.dword) == (0, 0, 0, None, 0)
    assert one == other
    event = win32event.CreateEvent(None, 0, 0, None)
    one.hEvent = event
    assert one.hEvent is event
    assert one != other
    one.hEvent = int(event)
    one.hEvent = None
    assert len({one, other}) == 2
    assert (one == 5) is False
    with pytest.raises(AttributeError, match="can't delete OVERLAPPED attributes"):
        del one.object
    with pytest.raises(TypeError):
        one.hEvent = "x"


def test_a_connection_that_goes_on() -> None:  # FC-51, PI-08
    here, waiting = server(), overlapped(initial=True)
    assert win32pipe.ConnectNamedPipe(here, waiting) == winerror.ERROR_IO_PENDING
    assert win32api.GetLastError() == 997
    assert win32event.WaitForSingleObject(waiting.hEvent, 0) == 258  # FC-82
    assert code(win32pipe.GetOverlappedResult, here, waiting, False) == (996, "GetOverlappedResult")
    there = client()
    assert win32event.WaitForSingleObject(waiting.hEvent, 10_000) == 0
    assert win32pipe.GetOverlappedResult(here, waiting, False) == 0
    assert win32api.GetLastError() == 0  # FC-12
    assert there


def test_a_read_that_goes_on_fills_its_memory() -> None:  # FC-65, FC-82
    here, there = pair()
    reading = overlapped()
    buffer = win32file.AllocateReadBuffer(100)
    hr, data = win32file.ReadFile(here, buffer, reading)
    assert hr == 997
    assert data is buffer
    assert win32event.WaitForSingleObject(reading.hEvent, 0) == 258
    win32file.WriteFile(there, b"at last")
    assert win32event.WaitForSingleObject(reading.hEvent, 10_000) == 0
    assert win32file.GetOverlappedResult(here, reading, False) == reading.InternalHigh == 7
    assert bytes(buffer[:7]) == b"at last"
    hr, data = win32file.ReadFile(here, 50, reading)
    assert (hr, len(data), data.readonly) == (997, 50, False)
    win32file.CancelIo(here)


def test_a_read_that_is_done_at_once_tells_so() -> None:  # FC-82
    here, there = pair()
    win32file.WriteFile(there, b"here")
    reading = overlapped()
    hr, data = win32file.ReadFile(here, 10, reading)
    assert (hr, bytes(data[:4])) == (0, b"here")
    assert win32event.WaitForSingleObject(reading.hEvent, 0) == 0
    assert win32file.GetOverlappedResult(here, reading, True) == 4
    win32file.WriteFile(there, b"too long")
    assert win32file.ReadFile(here, 3, reading)[0] == 234


def test_two_ways_and_two_threads_at_once() -> None:  # FC-83
    here, there = pair()
    reading, writing = overlapped(), overlapped()
    got: list[bytes] = []

    def read() -> None:
        for _ in range(50):
            buffer = win32file.AllocateReadBuffer(100)
            win32file.ReadFile(here, buffer, reading)
            size = win32file.GetOverlappedResult(here, reading, True)
            got.append(bytes(buffer[:size]))

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(50):
        assert win32file.WriteFile(here, b"down %d" % number, writing) == (0, len(b"down %d" % number))
        win32file.WriteFile(there, b"up %d" % number)
    thread.join()
    assert got == [b"up %d" % number for number in range(50)]
    assert win32file.ReadFile(there, 10_000)[1].startswith(b"down 0down 1")


def test_reads_are_done_in_the_order_of_their_begin() -> None:
    here, there = pair()
    readings = [overlapped() for _ in range(5)]
    buffers = [win32file.ReadFile(here, 10, reading)[1] for reading in readings]
    for number in range(5):
        win32file.WriteFile(there, b"%d" % number)
    for reading, buffer, number in zip(readings, buffers, range(5), strict=True):
        assert win32file.GetOverlappedResult(here, reading, True) == 1
        assert bytes(buffer[:1]) == b"%d" % number


def test_cancelling_loses_no_data() -> None:  # FC-72, PI-68
    here, there = pair()
    reading = overlapped()
    win32file.ReadFile(here, 10, reading)
    thread = threading.Thread(target=win32file.CancelIo, args=(here,))
    thread.start()
    thread.join()
    assert code(win32file.GetOverlappedResult, here, reading, False)[0] == 996  # another thread's is let alone
    assert win32file.CancelIo(here) is None
    assert win32event.WaitForSingleObject(reading.hEvent, 0) == 0
    assert code(win32file.GetOverlappedResult, here, reading, True) == (995, "GetOverlappedResult")
    win32file.WriteFile(there, b"kept")
    assert win32file.ReadFile(here, 10)[1] == b"kept"
    connecting, other = overlapped(), server()
    win32pipe.ConnectNamedPipe(other, connecting)
    win32file.CancelIo(other)
    assert code(win32pipe.GetOverlappedResult, other, connecting, False)[0] == 995


@pytest.mark.parametrize(("end", "expected"), [("close", 109), ("disconnect", 233)])
def test_the_other_side_ends_a_read_that_goes_on(end: str, expected: int) -> None:  # PI-67
    here = server()
    there = client(win32file.FILE_FLAG_OVERLAPPED)
    win32pipe.ConnectNamedPipe(here, overlapped())
    reading = overlapped()
    assert win32file.ReadFile(there, 10, reading)[0] == 997
    here.Close() if end == "close" else win32pipe.DisconnectNamedPipe(here)
    assert win32event.WaitForSingleObject(reading.hEvent, 10_000) == 0
    assert code(win32file.GetOverlappedResult, there, reading, False)[0] == expected
    assert code(win32file.ReadFile, there, 10, reading) == (expected, "ReadFile")


def test_closing_an_end_ends_what_goes_on_there() -> None:  # PI-66
    here = server()
    connecting = overlapped()
    win32pipe.ConnectNamedPipe(here, connecting)
    here.Close()
    assert win32event.WaitForSingleObject(connecting.hEvent, 10_000) == 0
    assert code(win32pipe.GetOverlappedResult, 0, connecting, False)[0] == 109


def test_a_buffer_in_flight_stays() -> None:  # FC-68
    here, there = pair()
    reading = overlapped()
    win32file.ReadFile(here, 100, reading)
    gc.collect()
    win32file.WriteFile(there, b"nobody looks")
    assert win32file.GetOverlappedResult(here, reading, True) == 12
    handle, event = here, overlapped()
    win32file.ReadFile(handle, win32file.AllocateReadBuffer(5), event)
    del event
    gc.collect()
    win32file.WriteFile(there, b"late")
    assert win32file.CancelIo(here) is None


@pytest.mark.parametrize("mode", [win32pipe.PIPE_TYPE_BYTE, win32pipe.PIPE_TYPE_MESSAGE])
def test_a_write_to_a_full_pipe_goes_on(mode: int) -> None:
    here, there = pair(mode=mode, quota=100)
    writing = overlapped()
    assert win32file.WriteFile(here, bytes(100), writing)[0] == 0
    assert win32file.WriteFile(here, b"x" * 50, writing) == (997, 0)
    assert win32event.WaitForSingleObject(writing.hEvent, 0) == 258
    assert win32file.ReadFile(there, 100) == (0, bytes(100))
    assert win32event.WaitForSingleObject(writing.hEvent, 10_000) == 0
    assert win32file.GetOverlappedResult(here, writing, False) == 50
    assert win32file.ReadFile(there, 100) == (0, b"x" * 50)


def test_operations_of_a_synchronous_handle_are_done_when_the_call_returns() -> None:
    here, there = pair()
    writing = overlapped()
    win32file.WriteFile(here, b"now")
    hr, data = win32file.ReadFile(there, 10, writing)
    assert (hr, bytes(data[:3]), writing.InternalHigh) == (0, b"now", 3)


def test_a_transaction_that_goes_on() -> None:  # FC-54
    here = server()
    there = client(win32file.FILE_FLAG_OVERLAPPED)
    win32pipe.SetNamedPipeHandleState(there, win32pipe.PIPE_READMODE_MESSAGE, None, None)
    asking = overlapped(manual=False)
    hr, answer = win32pipe.TransactNamedPipe(there, b"question", 100, asking)
    assert hr == 997
    win32pipe.ConnectNamedPipe(here, None)
    assert win32file.ReadFile(here, 100) == (0, b"question")
    win32file.WriteFile(here, b"answer")
    assert win32file.GetOverlappedResult(there, asking, True) == 6
    assert bytes(answer[:6]) == b"answer"


def test_completion_ports() -> None:  # FC-74
    port = win32file.CreateIoCompletionPort(win32file.INVALID_HANDLE_VALUE, None, 0, 0)
    assert win32file.GetQueuedCompletionStatus(port, 0) == (258, 0, 0, None)
    own = pywintypes.OVERLAPPED()
    own.object = "mine"
    win32file.PostQueuedCompletionStatus(port, 5, 2**40, own)
    del own
    gc.collect()
    rc, size, key, got = win32file.GetQueuedCompletionStatus(port, win32event.INFINITE)
    assert (rc, size, key, got.object) == (0, 5, 2**40, "mine")
    here, there = pair()
    assert win32file.CreateIoCompletionPort(here, port, 77, 0) is port
    reading = overlapped()
    win32file.ReadFile(here, 10, reading)
    win32file.WriteFile(there, b"hello")
    rc, size, key, got = win32file.GetQueuedCompletionStatus(port, 10_000)
    assert (rc, size, key) == (0, 5, 77)
    assert got is reading
    win32file.ReadFile(here, 10, reading)
    there.Close()
    assert win32file.GetQueuedCompletionStatus(port, 10_000)[0] == 109
    assert code(win32file.CreateIoCompletionPort, here, port, 1, 0) == (87, "CreateIoCompletionPort")
    assert code(win32file.CreateIoCompletionPort, 8_000_000, port, 1, 0)[0] == 6


def test_an_overlapped_that_was_let_go_is_told() -> None:  # FC-74
    port = win32file.CreateIoCompletionPort(-1, None, 0, 0)
    here, there = pair()
    win32file.CreateIoCompletionPort(here, port, 0, 0)
    win32file.ReadFile(here, 10, pywintypes.OVERLAPPED())
    gc.collect()
    win32file.WriteFile(there, b"x")
    with pytest.raises(RuntimeError, match="has lost all its references so was destroyed"):
        win32file.GetQueuedCompletionStatus(port, 10_000)


def test_many_ends_are_served_by_one_thread() -> None:
    port = win32file.CreateIoCompletionPort(-1, None, 0, 0)
    keep = []
    before = threading.active_count()
    for key in range(30):
        here = server()
        there = client()
        win32pipe.ConnectNamedPipe(here, None)
        win32file.CreateIoCompletionPort(here, port, key, 0)
        reading = overlapped()
        assert win32file.ReadFile(here, 10, reading)[0] == 997
        keep.append((here, there, reading))
    assert threading.active_count() <= before + 1
    for _here, there, _reading in reversed(keep):
        win32file.WriteFile(there, b"x")
    keys = {win32file.GetQueuedCompletionStatus(port, 10_000)[2] for _ in range(30)}
    assert keys == set(range(30))


def test_a_port_that_is_closed_stops_nobody_else() -> None:
    port = win32file.CreateIoCompletionPort(-1, None, 0, 0)
    here, there = pair()
    other, far = pair()
    win32file.CreateIoCompletionPort(here, port, 1, 0)
    lost, kept = overlapped(), overlapped()
    win32file.ReadFile(here, 10, lost)
    win32file.ReadFile(other, 10, kept)
    port.Close()
    win32file.WriteFile(there, b"x")
    assert win32file.GetOverlappedResult(here, lost, True) == 1
    win32file.WriteFile(far, b"yy")
    assert win32file.GetOverlappedResult(other, kept, True) == 2
    assert win32file.GetQueuedCompletionStatus(port, 0)[0] == 6


def test_a_child_of_a_fork_has_none_of_its_parents_operations() -> None:
    here, there = pair()
    reading = overlapped()
    buffer = win32file.ReadFile(here, 10, reading)[1]
    child = os.fork()
    if not child:
        code = 1
        try:
            own = overlapped()
            win32file.ReadFile(here, 10, own)  # behind nothing: its parent's is not there
            win32file.CancelIo(here)
            here.Close()
            there.Close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    win32file.WriteFile(there, b"parent")
    assert win32file.GetOverlappedResult(here, reading, True) == 6
    assert bytes(buffer[:6]) == b"parent"


def test_a_peer_that_is_killed_ends_what_goes_on(start_peer: Any) -> None:
    here = server()
    connecting = overlapped()
    win32pipe.ConnectNamedPipe(here, connecting)
    peer = start_peer()
    peer.run("from ntipc.win32 import win32file as f")
    peer.run(f"h = f.CreateFile({NAME!r}, f.GENERIC_READ | f.GENERIC_WRITE, 0, None, f.OPEN_EXISTING, 0, None)")
    assert win32pipe.GetOverlappedResult(here, connecting, True) == 0
    reading = overlapped()
    assert win32file.ReadFile(here, 10, reading)[0] == 997
    peer.kill()
    assert win32event.WaitForSingleObject(reading.hEvent, 20_000) == 0
    assert code(win32file.GetOverlappedResult, here, reading, True)[0] == 109


def test_threads_begin_and_cancel_at_once() -> None:
    here, there = pair()
    outcomes: list[int] = []

    def work() -> None:
        for _ in range(60):
            own = overlapped()
            buffer = win32file.AllocateReadBuffer(4)
            if win32file.ReadFile(here, buffer, own)[0] == 997:
                win32file.CancelIo(here)
            try:
                win32file.GetOverlappedResult(here, own, True)
                outcomes.append(int.from_bytes(buffer, "little"))
            except pywintypes.error as problem:
                assert problem.winerror == 995

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    sent = 0
    while any(thread.is_alive() for thread in threads) and sent < 100:
        win32file.WriteFile(there, sent.to_bytes(4, "little"))
        sent += 1
    for thread in threads:
        thread.join()
    while win32pipe.PeekNamedPipe(here, 0)[1]:
        outcomes.append(int.from_bytes(win32file.ReadFile(here, 4)[1], "little"))
    assert sorted(outcomes) == list(range(sent))  # each message once, none lost

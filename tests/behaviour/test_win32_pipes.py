"""Named and anonymous pipes by pywin32's names (FC-50 to FC-62, PI)."""

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ntipc.win32 import pywintypes, win32con, win32event, win32file, win32pipe

NAME = r"\\.\pipe\pipes"
MESSAGES = win32pipe.PIPE_TYPE_MESSAGE | win32pipe.PIPE_READMODE_MESSAGE | win32pipe.PIPE_WAIT
BOTH = win32file.GENERIC_READ | win32file.GENERIC_WRITE


def server(
    name: str = NAME,
    *,
    access: int = win32pipe.PIPE_ACCESS_DUPLEX,
    mode: int = MESSAGES,
    instances: int = 1,
    quota: int = 65536,
    wait: int = 0,
) -> Any:
    return win32pipe.CreateNamedPipe(name, access, mode, instances, quota, quota, wait, None)


def client(name: str = NAME, access: int = BOTH, flags: int = 0) -> Any:
    return win32file.CreateFile(name, access, 0, None, win32file.OPEN_EXISTING, flags, None)


def pair(**options: Any) -> tuple[Any, Any]:
    here = server(**options)
    there = client()
    assert win32pipe.ConnectNamedPipe(here, None) == 535
    return here, there


def code(call: Callable[..., object], *arguments: object) -> tuple[int, str]:
    with pytest.raises(pywintypes.error) as caught:
        call(*arguments)
    return caught.value.winerror, caught.value.funcname


SPELLINGS = [
    NAME,
    r"\\?\pipe\pipes",
    "//./pipe/pipes",
    r"\\.\PIPE\Pipes",
    "\\\\.\\pipe\\\\pipes",
    r"\\localhost\pipe\pipes",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_names_are_paths_of_windows(spelling: str) -> None:  # FC-37
    here = server()
    there = client(spelling)
    assert win32file.WriteFile(there, b"x") == (0, 1)
    assert win32file.ReadFile(here, 10) == (0, b"x")


@pytest.mark.parametrize("name", ["pipes", r"\\.\pipe", r"\\.\pipe" "\\", "C:\\pipe\\x", r"\\.\mailslot\x", ""])
def test_other_names_are_none_of_a_pipe(name: str) -> None:  # PI-03
    assert code(server, name) == (123, "CreateNamedPipe")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"instances": 0}, 87),
        ({"instances": 256}, 87),
        ({"mode": win32pipe.PIPE_READMODE_MESSAGE}, 87),
        ({"access": 0}, 87),
        ({"mode": 1024}, 87),
    ],
)
def test_impossible_arguments(options: dict[str, int], expected: int) -> None:  # FC-50, PI-05, PI-27
    assert code(lambda: server(**options))[0] == expected


def test_instances_are_counted_and_alike() -> None:  # PI-24, PI-25, PI-28
    keep = server(instances=2)
    assert code(lambda: server(access=win32pipe.PIPE_ACCESS_INBOUND, instances=2))[0] == 5
    first = win32pipe.PIPE_ACCESS_DUPLEX | win32pipe.FILE_FLAG_FIRST_PIPE_INSTANCE
    assert code(lambda: server(access=first, instances=2))[0] == 5
    second = server(instances=2, mode=win32pipe.PIPE_TYPE_BYTE)
    assert code(lambda: server(instances=2))[0] == 231
    assert win32pipe.GetNamedPipeHandleState(keep)[1] == 2
    second.Close()
    assert server(instances=2)


def test_connecting() -> None:  # FC-51, PI-07, PI-09, PI-11, PI-47
    here, there = pair()
    assert win32pipe.ConnectNamedPipe(here) == 535
    assert code(win32pipe.ConnectNamedPipe, there) == (1, "ConnectNamedPipe")
    there.Close()
    assert code(win32pipe.ConnectNamedPipe, here)[0] == 232
    win32pipe.DisconnectNamedPipe(here)
    win32pipe.SetNamedPipeHandleState(here, win32pipe.PIPE_NOWAIT, None, None)
    assert code(win32pipe.ConnectNamedPipe, here)[0] == 536
    again = client()
    assert win32pipe.ConnectNamedPipe(here) == 535
    assert again


def test_a_blocking_connect_waits_for_the_client() -> None:  # PI-08
    here, results = server(), []
    thread = threading.Thread(target=lambda: results.append(win32pipe.ConnectNamedPipe(here, None)))
    thread.start()
    there = client()
    thread.join()
    assert results[0] in (0, 535)
    assert there


def test_disconnecting() -> None:  # FC-52, PI-12, PI-14 to PI-17
    here, there = pair()
    win32file.WriteFile(here, b"unread")
    assert code(win32pipe.DisconnectNamedPipe, there) == (1, "DisconnectNamedPipe")
    assert win32pipe.DisconnectNamedPipe(here) is None
    assert code(win32file.ReadFile, there, 10) == (233, "ReadFile")
    assert code(win32file.WriteFile, there, b"x")[0] == 233
    assert code(win32pipe.DisconnectNamedPipe, here)[0] == 233
    assert code(win32file.ReadFile, here, 10)[0] == 233
    assert code(win32pipe.PeekNamedPipe, here, 0)[0] == 230
    assert code(win32pipe.PeekNamedPipe, there, 0)[0] == 233
    assert code(client)[0] == 231


def test_what_the_other_side_sees_of_a_close() -> None:  # PI-45, PI-46
    here, there = pair()
    win32file.WriteFile(here, b"last")
    here.Close()
    assert win32file.ReadFile(there, 10) == (0, b"last")
    assert code(win32file.ReadFile, there, 10) == (109, "ReadFile")
    assert code(win32file.WriteFile, there, b"x") == (232, "WriteFile")
    assert code(client)[0] == 2


def test_messages_keep_their_bounds() -> None:  # FC-65, PI-31, PI-33 to PI-39
    here, there = pair()
    for message in (b"one", b"", b"three"):
        assert win32file.WriteFile(there, message) == (0, len(message))
    assert win32file.ReadFile(here, 2) == (234, b"on")
    assert win32file.ReadFile(here, 10) == (0, b"e")
    assert win32file.ReadFile(here, 10) == (0, b"")
    assert win32file.ReadFile(here, 0) == (234, b"")
    assert win32file.ReadFile(here, 100) == (0, b"three")
    for message in (b"ab", b"cd"):
        win32file.WriteFile(here, message)
    assert win32file.ReadFile(there, 100) == (0, b"abcd")
    assert win32pipe.SetNamedPipeHandleState(there, win32pipe.PIPE_READMODE_MESSAGE, None, None) is None
    win32file.WriteFile(here, b"ef")
    win32file.WriteFile(here, b"gh")
    assert win32file.ReadFile(there, 100) == (0, b"ef")


def test_memory_to_read_into() -> None:  # FC-65, FC-66, FC-67
    here, there = pair()
    buffer = win32file.AllocateReadBuffer(4)
    assert (len(buffer), buffer.format, bytes(buffer)) == (4, "B", bytes(4))
    assert win32file.WriteFile(there, memoryview(bytearray(b"abcdef"))) == (0, 6)
    hr, data = win32file.ReadFile(here, buffer)
    assert (hr, data, bytes(buffer[:2])) == (234, b"abcd", b"ab")
    assert win32file.WriteFile(there, buffer[:3]) == (0, 3)
    for wrong in ("x", None, 1.5, b"read only"):
        with pytest.raises(TypeError, match="Second param must be an integer or writeable buffer"):
            win32file.ReadFile(here, wrong)
    with pytest.raises(TypeError, match="a bytes-like object is required, not 'str'"):
        win32file.WriteFile(there, "text")
    with pytest.raises(TypeError, match="Buffer cannot be None"):
        win32file.WriteFile(there, None)


def test_directions() -> None:  # PI-29, PI-30
    here = server(access=win32pipe.PIPE_ACCESS_OUTBOUND)
    assert code(client)[0] == 5
    there = client(access=win32file.GENERIC_READ)
    win32file.WriteFile(here, b"x")
    assert win32file.ReadFile(there, 1) == (0, b"x")
    assert code(win32file.WriteFile, there, b"x")[0] == 5
    assert code(win32file.ReadFile, here, 1)[0] == 5
    assert code(win32pipe.SetNamedPipeHandleState, there, 0, None, None)[0] == 5


def test_access_0_wakes_a_server() -> None:  # FC-69
    here = server()
    there = client(access=0)
    assert win32pipe.ConnectNamedPipe(here) == 535
    assert code(win32file.ReadFile, there, 1)[0] == 5
    there.Close()
    assert code(win32file.ReadFile, here, 1)[0] == 109


def test_waiting_for_an_instance() -> None:  # PI-01, PI-20, PI-21
    assert code(win32pipe.WaitNamedPipe, NAME, 0) == (2, "WaitNamedPipe")
    here = server(wait=10)
    assert win32pipe.WaitNamedPipe(NAME, win32pipe.NMPWAIT_WAIT_FOREVER) is None
    there = client()
    assert code(win32pipe.WaitNamedPipe, NAME, 0) == (121, "WaitNamedPipe")
    assert code(win32pipe.WaitNamedPipe, NAME, win32pipe.NMPWAIT_NOWAIT)[0] == 121
    assert code(client) == (231, "CreateFile")
    there.Close()
    assert code(client)[0] == 231  # PI-19
    win32pipe.DisconnectNamedPipe(here)
    thread = threading.Thread(target=win32pipe.ConnectNamedPipe, args=(here, None))
    thread.start()
    assert win32pipe.WaitNamedPipe(NAME, 10_000) is None
    again = client()
    thread.join()
    assert again


def answer_once(here: Any, answer: bytes) -> threading.Thread:
    def run() -> None:
        win32pipe.ConnectNamedPipe(here, None)
        win32file.ReadFile(here, 1000)
        win32file.WriteFile(here, answer)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_calls() -> None:  # FC-53, PI-58
    assert code(win32pipe.CallNamedPipe, NAME, b"x", 10, 0) == (2, "CallNamedPipe")
    here = server()
    thread = answer_once(here, b"answer")
    assert win32pipe.CallNamedPipe(NAME, b"question", 100, win32pipe.NMPWAIT_WAIT_FOREVER) == b"answer"
    thread.join()
    win32pipe.DisconnectNamedPipe(here)
    thread = answer_once(here, b"long answer")
    win32pipe.WaitNamedPipe(NAME, 10_000)
    assert code(win32pipe.CallNamedPipe, NAME, b"question", 4, 5000) == (234, "CallNamedPipe")
    thread.join()
    assert code(win32pipe.CallNamedPipe, NAME, b"x", 10, 1) == (121, "CallNamedPipe")


def test_transactions() -> None:  # FC-54, PI-53 to PI-57
    here, there = pair()
    assert code(win32pipe.TransactNamedPipe, there, b"?", 10) == (230, "TransactNamedPipe")
    win32pipe.SetNamedPipeHandleState(there, win32pipe.PIPE_READMODE_MESSAGE, None, None)
    win32file.WriteFile(here, b"early")
    assert code(win32pipe.TransactNamedPipe, there, b"?", 10)[0] == 231
    assert win32file.ReadFile(there, 10) == (0, b"early")

    def answer() -> None:
        for _ in range(2):
            win32file.WriteFile(here, win32file.ReadFile(here, 10)[1].upper())

    thread = threading.Thread(target=answer)
    thread.start()
    assert win32pipe.TransactNamedPipe(there, b"question", 4) == (234, b"QUES")
    assert win32file.ReadFile(there, 10) == (0, b"TION")
    buffer = win32file.AllocateReadBuffer(10)
    assert win32pipe.TransactNamedPipe(there, b"again", buffer, None) == (0, b"AGAIN")
    assert bytes(buffer[:5]) == b"AGAIN"
    thread.join()


def test_peeking() -> None:  # FC-55, PI-40, PI-43, PI-44
    here, there = pair()
    assert win32pipe.PeekNamedPipe(here, 0) == (b"", 0, 0)
    win32file.WriteFile(there, b"abc")
    win32file.WriteFile(there, b"de")
    assert win32pipe.PeekNamedPipe(here, 2) == (b"ab", 5, 1)
    assert win32pipe.PeekNamedPipe(here, 0) == (b"", 5, 3)
    there.Close()
    assert win32pipe.PeekNamedPipe(here, 10)[0] == b"abc"
    win32file.ReadFile(here, 10), win32file.ReadFile(here, 10)
    assert code(win32pipe.PeekNamedPipe, here, 10) == (109, "PeekNamedPipe")


def test_what_a_pipe_tells_of_itself() -> None:  # FC-57 to FC-59, PI-60 to PI-63
    here = win32pipe.CreateNamedPipe(NAME, win32pipe.PIPE_ACCESS_DUPLEX, MESSAGES, 3, 512, 1024, 0, None)
    there = client()
    assert win32pipe.GetNamedPipeInfo(here) == [5, 512, 1024, 3]
    assert win32pipe.GetNamedPipeInfo(there) == [4, 512, 1024, 3]
    state = win32pipe.GetNamedPipeHandleState(here, 0, 1)
    assert state[:4] == (2, 1, None, None)
    assert isinstance(state[4], str)
    assert win32pipe.GetNamedPipeHandleState(there)[0] == 0
    for handle in (here, there):
        assert win32pipe.GetNamedPipeClientProcessId(handle) == os.getpid()
        assert win32pipe.GetNamedPipeServerProcessId(handle) == os.getpid()
    assert win32file.GetFileType(here) == 3
    assert win32file.SetFilePointer(there, 0, win32con.FILE_BEGIN) == 0  # FC-70


def test_state_takes_numbers_or_none() -> None:  # FC-56, PI-32
    here, there = pair(mode=win32pipe.PIPE_TYPE_BYTE)
    assert win32pipe.SetNamedPipeHandleState(there, None, None, None) is None
    assert code(win32pipe.SetNamedPipeHandleState, there, 2, None, None) == (87, "SetNamedPipeHandleState")
    assert code(win32pipe.SetNamedPipeHandleState, here, 64, None, None)[0] == 87
    with pytest.raises(TypeError):
        win32pipe.SetNamedPipeHandleState(there, "x", None, None)


def test_nothing_waits_in_non_blocking_mode() -> None:  # PI-48, PI-49
    here, there = pair(quota=10)
    win32pipe.SetNamedPipeHandleState(here, 3, None, None)
    assert code(win32file.ReadFile, here, 10) == (232, "ReadFile")
    assert win32file.WriteFile(here, bytes(11)) == (0, 0)
    assert win32file.WriteFile(here, bytes(10)) == (0, 10)
    assert there


def test_pipes_without_a_name() -> None:  # FC-59, PI-64
    reader, writer = win32pipe.CreatePipe(None, 0)
    assert win32file.WriteFile(writer, b"through") == (0, 7)
    assert win32file.ReadFile(reader, 4) == (0, b"thro")
    writer.Close()
    assert win32file.ReadFile(reader, 100) == (0, b"ugh")
    assert code(win32file.ReadFile, reader, 1)[0] == 109
    reader, writer = win32pipe.CreatePipe(None, 100)
    reader.Close()
    assert code(win32file.WriteFile, writer, b"x")[0] == 232


def test_a_flush_waits_for_the_reader() -> None:  # FC-70, PI-59
    here, there = pair()
    win32file.WriteFile(here, b"read me")
    thread = threading.Thread(target=win32file.FlushFileBuffers, args=(here,))
    thread.start()
    assert win32file.ReadFile(there, 100) == (0, b"read me")
    thread.join()
    win32file.FlushFileBuffers(there)


def test_pipes_of_python_2_are_gone() -> None:  # FC-61
    with pytest.raises(NotImplementedError, match="not available in py3k"):
        win32pipe.popen("x", "r")


def test_a_pipe_handle_is_set_while_nothing_goes_on() -> None:  # PI-65
    here, _there = pair(access=win32pipe.PIPE_ACCESS_DUPLEX | win32file.FILE_FLAG_OVERLAPPED)
    assert win32event.WaitForSingleObject(here, 0) == 0
    overlapped = pywintypes.OVERLAPPED()
    assert win32file.ReadFile(here, 10, overlapped)[0] == 997
    assert win32event.WaitForSingleObject(here, 0) == 258
    win32file.CancelIo(here)
    assert win32event.WaitForMultipleObjects([here], False, 0) == 0


def test_between_processes(start_peer: Any) -> None:
    here = server(instances=255)
    peer = start_peer()
    peer.run("from ntipc.win32 import win32file as f, win32pipe as p")
    peer.run(f"h = f.CreateFile({NAME!r}, f.GENERIC_READ | f.GENERIC_WRITE, 0, None, f.OPEN_EXISTING, 0, None)")
    assert win32pipe.ConnectNamedPipe(here) == 535
    assert peer.run("f.WriteFile(h, b'from afar')") == (0, 9)
    assert win32file.ReadFile(here, 100) == (0, b"from afar")
    assert win32pipe.GetNamedPipeClientProcessId(here) == peer.pid
    assert peer.run("p.GetNamedPipeServerProcessId(h)") == os.getpid()
    peer.kill()
    assert code(win32file.ReadFile, here, 100)[0] == 109


def test_who_is_there_after_a_disconnection() -> None:  # PI-63
    here, there = pair()
    for ask in win32pipe.GetNamedPipeServerProcessId, win32pipe.GetNamedPipeClientProcessId:
        assert ask(here) == ask(there) == os.getpid()
    assert win32pipe.GetNamedPipeClientSessionId(here) == win32pipe.GetNamedPipeServerSessionId(there) == 1
    win32pipe.DisconnectNamedPipe(here)
    assert win32pipe.GetNamedPipeServerProcessId(here) == os.getpid()
    assert code(win32pipe.GetNamedPipeClientProcessId, here) == (1168, "GetNamedPipeClientProcessId")
    for ask in win32pipe.GetNamedPipeServerProcessId, win32pipe.GetNamedPipeClientSessionId:
        assert code(ask, there) == (233, ask.__name__)

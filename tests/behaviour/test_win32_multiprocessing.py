"""``multiprocessing`` as a program on Windows has it: connections over pipes (FC-131), children by spawn (FC-137)."""

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from behaviour.test_win32_imports import run

import ntipc
from ntipc.win32 import _winapi, win32file, win32pipe
from ntipc.win32.standard.modules import view_of
from ntipc.win32.standard.multiprocessing import connection
from ntipc.win32.standard.multiprocessing.connection import Client, Listener, Pipe, PipeConnection, wait

ADDRESS = r"\\.\pipe\of multiprocessing"


def served(listener: Listener, serve: Any) -> threading.Thread:
    def work() -> None:
        with listener.accept() as other:
            serve(other)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_listener_and_client_exchange_objects() -> None:  # FC-131
    with Listener(ADDRESS) as listener:
        assert listener.address == ADDRESS and listener.last_accepted is None
        thread = served(listener, lambda other: other.send([other.recv(), "x" * 100_000]))
        with Client(ADDRESS, family="AF_PIPE") as client:
            assert isinstance(client, PipeConnection)
            client.send({"a": 1})
            assert client.recv() == [{"a": 1}, "x" * 100_000]
            thread.join()
            with pytest.raises(EOFError):
                client.recv()
            with pytest.raises(BrokenPipeError):
                client.send(1)
    with pytest.raises(FileNotFoundError):
        Client(ADDRESS)


def test_one_address_is_one_listeners() -> None:
    with Listener(ADDRESS), pytest.raises(PermissionError):
        Listener(ADDRESS)
    with Listener(family="AF_PIPE") as one, Listener() as other:
        assert one.address != other.address and str(other.address).startswith(r"\\.\pipe\pyc-")


def test_keys_are_proved_by_both() -> None:
    with Listener(ADDRESS, authkey=b"secret") as listener:
        thread = served(listener, lambda other: other.send("welcome"))
        with Client(ADDRESS, authkey=b"secret") as client:
            assert client.recv() == "welcome"
        thread.join()

        def refuse() -> None:
            with pytest.raises(connection.AuthenticationError):
                listener.accept()

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(connection.AuthenticationError):
            Client(ADDRESS, authkey=b"wrong")
        thread.join()
    for call in Listener, Client:
        with pytest.raises(TypeError, match="byte string"):
            call(ADDRESS, authkey="text")  # type: ignore[arg-type]


def test_a_message_is_a_message_of_the_pipe(start_peer: Any) -> None:
    peer = start_peer()
    with ntipc.PipeServer("of multiprocessing") as server:
        peer.run("from ntipc.win32.standard.multiprocessing.connection import Client")
        peer.run(rf"client = Client({ADDRESS!r})")
        with server.accept() as pipe:
            pipe.send(b"raw bytes")
            assert peer.run("client.recv_bytes()") == b"raw bytes"
            peer.run("client.send_bytes(b'answer', 1, 3)")
            assert pipe.recv() == b"nsw"
            peer.kill()
            with pytest.raises(EOFError):
                pipe.recv()


def test_connection_over_a_handle_of_the_programs_own() -> None:  # FC-131
    mode = win32pipe.PIPE_TYPE_BYTE | win32pipe.PIPE_WAIT
    server = win32pipe.CreateNamedPipe(ADDRESS, win32pipe.PIPE_ACCESS_DUPLEX, mode, 1, 65536, 65536, 0, None)
    rights = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE
    handle = _winapi.CreateFile(ADDRESS, rights, 0, 0, _winapi.OPEN_EXISTING, _winapi.FILE_FLAG_OVERLAPPED, 0)
    client = PipeConnection(handle)
    assert client.fileno() == handle and client.readable and client.writable and not client.poll()
    client.send_bytes(b'{"command": []}\n')
    assert win32file.ReadFile(server, 4096) == (0, b'{"command": []}\n')
    win32file.WriteFile(server, b"stream")
    assert client.poll(10) and client.recv_bytes() == b"stream"
    client.close()
    client.close()
    with pytest.raises(OSError, match="handle is closed"):
        client.poll()
    for wrong, kind in (-1, ValueError), ("x", AttributeError), (None, AttributeError):
        with pytest.raises(kind):
            PipeConnection(wrong)


def test_limits_of_receives() -> None:
    here, there = Pipe()
    with here, there:
        there.send_bytes(b"x" * 500)
        memory = bytearray(10)
        with pytest.raises(connection.BufferTooShort) as caught:
            here.recv_bytes_into(memory)
        assert caught.value.args[0] == b"x" * 500
        there.send_bytes(b"")
        assert here.recv_bytes() == b""
        there.send_bytes(b"x" * 500)
        with pytest.raises(OSError):
            here.recv_bytes(200)
        with pytest.raises(OSError, match="write-only"):
            here.recv()


def test_pipe_of_one_way() -> None:
    reader, writer = Pipe(duplex=False)
    with reader, writer:
        assert (reader.readable, reader.writable, writer.readable, writer.writable) == (True, False, False, True)
        writer.send(1)
        assert reader.recv() == 1
        for call in writer.recv, lambda: reader.send(1):
            with pytest.raises(OSError):
                call()


def test_waits_have_pipes_sockets_and_descriptors() -> None:
    here, there = Pipe()
    left, right = socket.socketpair()
    event = _winapi.CreateEventW(0, True, False, None)
    with here, there, left, right:
        everything = [here, left, event]
        assert wait(everything, 0) == wait(everything, -1) == wait(everything, 0.01) == []
        threading.Timer(0.02, right.send, [b"!"]).start()
        assert wait(everything) == [left]
        there.send(1)
        _winapi.SetEvent(event)
        assert wait(iter(everything)) == [here, event, left]
        assert wait([here], None) == [here]
        here.recv()
        left.recv(1)
        _winapi.ResetEvent(event)
        threading.Timer(0.02, there.close).start()
        assert wait(everything, 10) == [here]
        assert wait([], 0) == [] and wait([right], 0) == []
        with pytest.raises((TypeError, ValueError)):
            wait([here, "text"], 0)
        here.close()
        with pytest.raises(OSError):
            wait([here], 0)


def test_sockets_are_sockets() -> None:
    with Listener(("127.0.0.1", 0)) as listener:
        thread = served(listener, lambda other: other.send("by socket"))
        with Client(listener.address) as client:
            assert client.recv() == "by socket"
        thread.join()
    with pytest.raises(AttributeError):
        Listener(ADDRESS, family="AF_NONE")


def test_the_view_has_one_start_method() -> None:
    multiprocessing = view_of("multiprocessing")
    assert multiprocessing.get_start_method() == "spawn" and multiprocessing.get_all_start_methods() == ["spawn"]
    multiprocessing.set_start_method("spawn")
    multiprocessing.freeze_support()
    for wrong in "fork", "forkserver", "none":
        with pytest.raises(ValueError, match="cannot find context"):
            multiprocessing.set_start_method(wrong)
    assert multiprocessing.get_context("spawn").Process is multiprocessing.Process


def test_children_get_connections_and_see_windows(tmp_path: Path) -> None:  # FC-137
    output = run(
        tmp_path,
        r"""
        import multiprocessing
        from multiprocessing import Pipe, Process, Queue, shared_memory
        from multiprocessing.connection import Client, Listener, PipeConnection, wait
        import multiprocessing.pool, multiprocessing.managers as managers

        def work(connection, queue):
            import win32event
            connection.send(("child", win32event.WAIT_TIMEOUT, connection.recv()))
            try:
                open(r"\\.\pipe\nobody serves this", "rb")
            except WindowsError as problem:
                queue.put(problem.winerror)
            try:
                raise OSError(0, "text", None, 183)
            except FileExistsError as problem:
                queue.put(problem.winerror)

        if __name__ == "__main__":
            here, there = Pipe()
            assert isinstance(here, PipeConnection)
            queue = Queue()
            child = Process(target=work, args=(there, queue))
            child.start()
            there.close()
            here.send("to the child")
            assert child.sentinel in wait([here, child.sentinel]) + [child.sentinel]
            print(here.recv(), queue.get(timeout=30), queue.get(timeout=30))
            assert wait([child.sentinel], 30) == [child.sentinel]
            child.join()
            assert managers.BaseManager and multiprocessing.pool.ThreadPool and shared_memory.SharedMemory
            raise SystemExit(child.exitcode)
        """,
    )
    assert output == "('child', 258, 'to the child') 2 183\n"
    assert os.environ.get("NTIPC_WIN32_HANDLES") is None

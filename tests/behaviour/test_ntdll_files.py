"""Pipes, mailslots and files through the Native API, by the facts about NT."""

import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc.ntdll import *

BOTH = GENERIC_READ | GENERIC_WRITE
SYNC = FILE_SYNCHRONOUS_IO_NONALERT
MESSAGES = FILE_PIPE_MESSAGE_TYPE, FILE_PIPE_MESSAGE_MODE
BYTES = FILE_PIPE_BYTE_STREAM_TYPE, FILE_PIPE_BYTE_STREAM_MODE


def pipe_name(name: str = "x") -> OBJECT_ATTRIBUTES:
    return OBJECT_ATTRIBUTES(f"\\??\\pipe\\{name}")


def server(
    modes: tuple[int, int] = MESSAGES,
    options: int = SYNC,
    disposition: int = FILE_OPEN_IF,
    most: int = 4,
    share: int = 3,
) -> FileResult:
    return NtCreateNamedPipeFile(
        BOTH, pipe_name(), share, disposition, options, *modes, FILE_PIPE_QUEUE_OPERATION, most, 4096, 4096, -500_000
    )


def client(options: int = SYNC, access: int = BOTH) -> int:
    return NtOpenFile(access, pipe_name(), 0, options).handle


def connected(modes: tuple[int, int] = MESSAGES, options: int = SYNC) -> tuple[int, int]:
    made = server(modes, options).handle
    other = client(options)
    assert control(made, FSCTL_PIPE_LISTEN) == STATUS_PIPE_CONNECTED  # PI-7
    return made, other


def control(handle: int, code: int, given: object = None, room: bytearray | None = None) -> int:
    return NtFsControlFile(handle, 0, None, None, IO_STATUS_BLOCK(), code, given, room)


def read(handle: int, size: int = 100) -> tuple[int, bytes]:
    block, buffer = IO_STATUS_BLOCK(), bytearray(size)
    status = NtReadFile(handle, 0, None, None, block, buffer)
    return status, bytes(buffer[: block.Information])


def write(handle: int, data: bytes) -> tuple[int, int]:
    block = IO_STATUS_BLOCK()
    return NtWriteFile(handle, 0, None, None, block, data), block.Information


def close(*handles: int) -> None:
    for each in handles:
        assert NtClose(each) == STATUS_SUCCESS


def test_messages_go_both_ways() -> None:
    there, here = connected()
    assert write(here, b"question") == (STATUS_SUCCESS, 8)
    assert read(there, 4) == (STATUS_BUFFER_OVERFLOW, b"ques")  # PI-34
    assert read(there) == (STATUS_SUCCESS, b"tion")
    assert write(there, b"") == (STATUS_SUCCESS, 0) and read(here) == (STATUS_SUCCESS, b"")  # PI-37
    close(here)
    assert read(there) == (STATUS_PIPE_BROKEN, b"")  # PI-45
    assert write(there, b"x")[0] == STATUS_PIPE_CLOSING  # PI-46
    assert control(there, FSCTL_PIPE_LISTEN) == STATUS_PIPE_CLOSING  # PI-47
    assert control(there, FSCTL_PIPE_DISCONNECT) == STATUS_SUCCESS
    assert control(there, FSCTL_PIPE_DISCONNECT) == STATUS_PIPE_DISCONNECTED  # PI-14
    close(there)
    assert NtOpenFile(BOTH, pipe_name()).status == STATUS_OBJECT_NAME_NOT_FOUND  # PI-1, PI-69


def test_instances() -> None:
    first = server(disposition=FILE_CREATE, most=2)
    assert (first.status, first.information) == (STATUS_SUCCESS, FILE_CREATED)
    assert server(disposition=FILE_CREATE).status == STATUS_ACCESS_DENIED
    second = server(disposition=FILE_OPEN)
    assert (second.status, second.information) == (STATUS_SUCCESS, FILE_OPENED)
    assert server().status == STATUS_INSTANCE_NOT_AVAILABLE  # PI-24
    close(second.handle)
    assert server(share=FILE_SHARE_READ).status == STATUS_ACCESS_DENIED  # PI-25
    one = client()
    assert NtOpenFile(BOTH, pipe_name()).status == STATUS_PIPE_NOT_AVAILABLE  # PI-18
    close(one, first.handle)
    assert server(disposition=FILE_OPEN).status == STATUS_OBJECT_NAME_NOT_FOUND


@pytest.mark.parametrize(
    ("place", "value"),
    [(2, 0), (2, 4), (3, 4), (5, 2), (6, 2), (7, 2), (8, 0), (8, -2), (9, -1), (11, 1), (11, 0)],
)
def test_impossible_arguments_make_no_pipe(place: int, value: int) -> None:
    arguments = [BOTH, pipe_name(), 3, FILE_OPEN_IF, SYNC, 1, 1, 0, 1, 4096, 4096, -1]
    arguments[place] = value
    assert NtCreateNamedPipeFile(*arguments).status == STATUS_INVALID_PARAMETER  # PI-27
    arguments = [BOTH, pipe_name(), 3, FILE_OPEN_IF, SYNC, 0, 1, 0, 1, 4096, 4096, -1]
    assert NtCreateNamedPipeFile(*arguments).status == STATUS_INVALID_PARAMETER  # PI-5
    for path in "\\??\\pipe\\", "\\??\\mailslot\\x", "\\BaseNamedObjects\\x", "x", "":
        arguments[1], arguments[5] = OBJECT_ATTRIBUTES(path), 1
        assert not NtCreateNamedPipeFile(*arguments)


def test_peeking_and_transceiving() -> None:
    there, here = connected()
    room = bytearray(20)
    assert control(there, FSCTL_PIPE_PEEK, None, room) == STATUS_SUCCESS  # PI-43
    assert struct.unpack_from("<IIII", room) == (FILE_PIPE_CONNECTED_STATE, 0, 0, 0)
    write(here, b"first one")
    write(here, b"second")
    assert control(there, FSCTL_PIPE_PEEK, None, room) == STATUS_BUFFER_OVERFLOW  # PI-40
    assert struct.unpack_from("<IIII", room)[1::2] == (15, 9) and room[16:] == b"firs"
    assert control(there, FSCTL_PIPE_PEEK, None, bytearray(15)) == STATUS_INVALID_PARAMETER
    assert control(there, FSCTL_PIPE_TRANSCEIVE, b"?", bytearray(10)) == STATUS_PIPE_BUSY  # PI-54
    assert control(here, FSCTL_PIPE_TRANSCEIVE, b"?", bytearray(10)) == STATUS_INVALID_READ_MODE  # PI-53
    assert NtSetInformationFile(here, FilePipeInformation, (1, 0)) == STATUS_SUCCESS
    assert [read(there)[1], read(there)[1]] == [b"first one", b"second"]
    answering = threading.Thread(target=lambda: write(there, read(there)[1].upper()))
    answering.start()
    block, answer = IO_STATUS_BLOCK(), bytearray(10)
    assert NtFsControlFile(here, 0, None, None, block, FSCTL_PIPE_TRANSCEIVE, b"question", answer) == STATUS_SUCCESS
    answering.join()
    assert answer[: block.Information] == b"QUESTION"
    assert control(here, FSCTL_PIPE_LISTEN) == STATUS_ILLEGAL_FUNCTION  # PI-11
    assert control(here, FSCTL_PIPE_DISCONNECT) == STATUS_ILLEGAL_FUNCTION  # PI-12
    assert control(here, 0x12345) == STATUS_NOT_SUPPORTED
    close(there, here)


def test_what_is_known_of_an_end() -> None:
    there, here = connected()
    modes = NtQueryInformationFile(there, FilePipeInformation).information
    assert modes == (FILE_PIPE_MESSAGE_MODE, FILE_PIPE_QUEUE_OPERATION)
    assert NtQueryInformationFile(here, FilePipeInformation).information == (0, 0)  # PI-31
    local = NtQueryInformationFile(here, FilePipeLocalInformation).information
    assert (local.NamedPipeType, local.NamedPipeConfiguration) == (1, FILE_PIPE_FULL_DUPLEX)
    assert (local.MaximumInstances, local.CurrentInstances) == (4, 1)  # PI-60, PI-61
    assert (local.NamedPipeState, local.NamedPipeEnd) == (FILE_PIPE_CONNECTED_STATE, FILE_PIPE_CLIENT_END)
    assert NtQueryInformationFile(here, 99).status == STATUS_INVALID_INFO_CLASS
    assert NtQueryInformationFile(here, FileMailslotQueryInformation).status == STATUS_OBJECT_TYPE_MISMATCH
    assert NtQueryObject(here, ObjectTypeInformation).information == "File"
    control(there, FSCTL_PIPE_DISCONNECT)
    assert NtQueryInformationFile(here, FilePipeInformation).status == STATUS_PIPE_DISCONNECTED  # PI-62
    close(there, here)
    there, here = connected(BYTES)
    assert NtSetInformationFile(here, FilePipeInformation, (1, 0)) == STATUS_INVALID_PARAMETER  # PI-32
    assert NtSetInformationFile(here, FilePipeInformation, (2, 0)) == STATUS_INVALID_PARAMETER
    close(there, here)


def test_operations_go_on_after_their_calls() -> None:
    there = server(options=0).handle
    event = NtCreateEvent(EVENT_ALL_ACCESS, None, NotificationEvent, True).handle
    block = IO_STATUS_BLOCK()
    assert NtFsControlFile(there, event, None, None, block, FSCTL_PIPE_LISTEN) == STATUS_PENDING  # PI-8
    assert NtQueryEvent(event).information.EventState == 0 and block.Status == STATUS_PENDING
    here = client()
    assert NtWaitForSingleObject(event, False, None) == STATUS_SUCCESS and block.Status == STATUS_SUCCESS
    buffer, done = bytearray(100), []
    routine = lambda context, block: done.append((context, block.Information))  # noqa: E731
    assert NtReadFile(there, event, routine, "mine", block, buffer) == STATUS_PENDING
    assert NtWaitForSingleObject(there, False, 0) == STATUS_TIMEOUT  # PI-65
    write(here, b"later")
    assert NtWaitForSingleObject(there, False, None) == STATUS_SUCCESS
    assert NtDelayExecution(True, None) == STATUS_USER_APC
    assert done == [("mine", 5)] and buffer[:5] == b"later"
    assert NtReadFile(there, event, None, None, block, buffer) == STATUS_PENDING
    assert NtCancelIoFile(there) == STATUS_SUCCESS
    assert NtWaitForSingleObject(event, False, None) == STATUS_SUCCESS
    assert block.Status == STATUS_CANCELLED  # PI-68
    assert NtReadFile(there, event, None, None, block, buffer) == STATUS_PENDING
    close(here)
    NtWaitForSingleObject(event, False, None)
    assert block.Status == STATUS_PIPE_BROKEN  # PI-67
    close(there, event)


def test_waiting_for_an_instance(peer: Peer) -> None:
    device = NtOpenFile(GENERIC_READ, OBJECT_ATTRIBUTES("\\Device\\NamedPipe\\")).handle

    def wait(timeout: int | None, name: str = "x") -> int:
        return NtFsControlFile(device, 0, None, None, None, FSCTL_PIPE_WAIT, FILE_PIPE_WAIT_FOR_BUFFER(name, timeout))

    assert wait(-1) == STATUS_OBJECT_NAME_NOT_FOUND  # PI-1
    there = server().handle
    assert wait(-1) == STATUS_SUCCESS and wait(None) == STATUS_SUCCESS  # PI-20, PI-21
    peer.run("from ntipc.ntdll import *")
    peer.run("mine = NtOpenFile(GENERIC_READ, OBJECT_ATTRIBUTES(r'\\??\\pipe\\x')).handle")
    assert wait(-1) == STATUS_IO_TIMEOUT and RtlNtStatusToDosError(STATUS_IO_TIMEOUT) == 121
    raw = struct.pack("<qIBx", -1, 2, 1) + "x".encode("utf-16-le")
    assert NtFsControlFile(device, 0, None, None, None, FSCTL_PIPE_WAIT, raw) == STATUS_IO_TIMEOUT
    for damaged in b"", raw[:13], raw[:14], None:
        assert not NtFsControlFile(device, 0, None, None, None, FSCTL_PIPE_WAIT, damaged)
    control(there, FSCTL_PIPE_DISCONNECT)
    waiting = threading.Thread(target=lambda: control(there, FSCTL_PIPE_LISTEN))
    waiting.start()
    assert wait(-(2**63)) == STATUS_SUCCESS
    peer.run("NtOpenFile(GENERIC_READ, OBJECT_ATTRIBUTES(r'\\??\\pipe\\x')).status")
    waiting.join()
    assert control(there, FSCTL_PIPE_WAIT, raw) == STATUS_ILLEGAL_FUNCTION
    close(there, device)


def test_a_killed_client_breaks_the_pipe(peer: Peer) -> None:
    there = server().handle
    peer.run("from ntipc.ntdll import *")
    peer.run("mine = NtOpenFile(GENERIC_READ | GENERIC_WRITE, OBJECT_ATTRIBUTES(r'\\??\\pipe\\x'), 0, 0x20).handle")
    assert peer.run("NtWriteFile(mine, 0, None, None, None, b'last words')") == STATUS_SUCCESS
    peer.kill()
    assert read(there) == (STATUS_SUCCESS, b"last words")
    assert read(there)[0] == STATUS_PIPE_BROKEN  # HD-24
    close(there)


def test_mailslots() -> None:
    name = OBJECT_ATTRIBUTES("\\??\\mailslot\\x")
    made = NtCreateMailslotFile(BOTH, name, 0, 0, 10, 0)
    assert (made.status, made.information) == (STATUS_SUCCESS, FILE_CREATED)
    assert NtCreateMailslotFile(BOTH, name, 0, 0, 10, 0).status == STATUS_OBJECT_NAME_COLLISION  # ML-2
    slot, writer = made.handle, NtOpenFile(GENERIC_WRITE, name).handle
    assert read(slot) == (STATUS_IO_TIMEOUT, b"")  # ML-5
    info = NtQueryInformationFile(slot, FileMailslotQueryInformation).information
    assert (info.MaximumMessageSize, info.NextMessageSize, info.MessagesAvailable) == (
        10,
        MAILSLOT_NO_MESSAGE,
        0,
    )  # ML-11
    assert write(writer, b"one") == (STATUS_SUCCESS, 3) and write(writer, b"") == (STATUS_SUCCESS, 0)
    info = NtQueryInformationFile(slot, FileMailslotQueryInformation).information
    assert (info.NextMessageSize, info.MessagesAvailable) == (3, 2)  # ML-12
    assert read(slot, 2)[0] == STATUS_BUFFER_TOO_SMALL  # ML-15
    assert [read(slot), read(slot)] == [(STATUS_SUCCESS, b"one"), (STATUS_SUCCESS, b"")]  # ML-8, ML-13
    assert not write(writer, bytes(11))[0]  # ML-16
    assert write(slot, b"x")[0] == STATUS_ACCESS_DENIED and read(writer)[0] == STATUS_ACCESS_DENIED  # ML-9
    assert NtOpenFile(GENERIC_READ, name).status == STATUS_ACCESS_DENIED
    assert NtSetInformationFile(slot, FileMailslotSetInformation, -10_000) == STATUS_SUCCESS
    assert read(slot)[0] == STATUS_IO_TIMEOUT  # ML-6
    assert NtSetInformationFile(slot, FileMailslotSetInformation, None) == STATUS_SUCCESS  # ML-7
    told = NtQueryInformationFile(slot, FileMailslotQueryInformation).information
    assert told.ReadTimeout == -(2**63)
    assert NtSetInformationFile(slot, FileMailslotSetInformation, 1) == STATUS_INVALID_PARAMETER
    assert not NtQueryInformationFile(writer, FileMailslotQueryInformation)  # ML-18
    close(slot)
    assert NtOpenFile(GENERIC_WRITE, name).status == STATUS_OBJECT_NAME_NOT_FOUND  # ML-3, ML-17
    assert not write(writer, b"x")[0]
    for path in "\\??\\pipe\\x", "\\??\\mailslot\\", "x":
        assert not NtCreateMailslotFile(BOTH, OBJECT_ATTRIBUTES(path), 0, 0, 0, 0)  # ML-1
    assert NtCreateMailslotFile(BOTH, name, 0, -1, 0, 0).status == STATUS_INVALID_PARAMETER
    close(writer)


def test_files_of_the_disk(tmp_path: Path) -> None:
    name = OBJECT_ATTRIBUTES(f"\\??\\{tmp_path}\\data".replace("/", "\\"))
    missing = NtOpenFile(GENERIC_READ, name)
    assert missing == (STATUS_OBJECT_NAME_NOT_FOUND, 0, 0)
    made = NtCreateFile(BOTH, name, None, 0, 0, FILE_CREATE, SYNC)
    assert (made.status, made.information) == (STATUS_SUCCESS, FILE_CREATED)
    assert NtCreateFile(BOTH, name, None, 0, 0, FILE_CREATE, SYNC).status == STATUS_OBJECT_NAME_COLLISION
    file, block, buffer = made.handle, IO_STATUS_BLOCK(), bytearray(4)
    assert write(file, b"0123456789") == (STATUS_SUCCESS, 10)
    assert NtReadFile(file, 0, None, None, block, buffer, 2) == STATUS_SUCCESS and buffer == b"2345"
    assert NtWriteFile(file, 0, None, None, block, b"ab", 0) == STATUS_SUCCESS
    assert NtFlushBuffersFile(file) == STATUS_SUCCESS and (tmp_path / "data").read_bytes() == b"ab23456789"
    assert NtReadFile(file, 0, None, None, block, buffer, 100) == STATUS_END_OF_FILE and block.Information == 0
    assert NtQueryInformationFile(file, FileStandardInformation).information.EndOfFile == 10
    opened = NtCreateFile(GENERIC_WRITE, name, None, 0, 0, FILE_OVERWRITE_IF, SYNC)
    assert (opened.information, (tmp_path / "data").stat().st_size) == (FILE_OVERWRITTEN, 0)
    assert NtReadFile(opened.handle, 0, None, None, block, buffer) == STATUS_ACCESS_DENIED
    assert NtCreateFile(BOTH, name, None, 0, 0, 9, SYNC).status == STATUS_INVALID_PARAMETER
    with pytest.raises(TypeError):
        NtReadFile(file, 0, None, None, block, b"read-only")
    close(file, opened.handle)
    for path in "\\??\\/no/such/place", "\\??\\/etc/hostname/x", "\\??\\/a\0b", "\\??\\":
        assert not NtOpenFile(GENERIC_READ, OBJECT_ATTRIBUTES(path))


def test_files_and_ports_need_a_name() -> None:
    assert NtOpenFile(BOTH, None) == (STATUS_INVALID_PARAMETER, 0, 0)
    assert NtCreateFile(BOTH, None, None, 0, 0, FILE_OPEN, 0).status == STATUS_INVALID_PARAMETER
    assert NtCreateMailslotFile(BOTH, None, 0, 0, 0, 0).status == STATUS_INVALID_PARAMETER
    made = NtCreateNamedPipeFile(BOTH, None, 3, FILE_OPEN_IF, SYNC, 0, 0, 0, 1, 1, 1, -1)
    assert made.status == STATUS_INVALID_PARAMETER
    for call in NtCreatePort, NtCreateWaitablePort:
        assert call(None, 0, 0) == (STATUS_INVALID_PARAMETER, 0)


def test_files_refuse_what_is_none() -> None:
    event = NtCreateEvent(EVENT_ALL_ACCESS, None, NotificationEvent, False).handle
    for handle, status in (
        (event, STATUS_OBJECT_TYPE_MISMATCH),
        (0, STATUS_INVALID_HANDLE),
        (2**40, STATUS_INVALID_HANDLE),
    ):
        assert read(handle)[0] == status and write(handle, b"")[0] == status
        assert control(handle, FSCTL_PIPE_LISTEN) == status and NtFlushBuffersFile(handle) == status
        assert NtCancelIoFile(handle) == status and NtQueryInformationFile(handle, 23).status == status
        assert NtSetInformationFile(handle, FilePipeInformation, (0, 0)) == status
    there = server().handle
    assert NtReadFile(there, there, None, None, None, bytearray(1)) == STATUS_OBJECT_TYPE_MISMATCH
    assert NtReadFile(there, 0x1FFC, None, None, None, bytearray(1)) == STATUS_INVALID_HANDLE
    assert read(there)[0] == STATUS_PIPE_LISTENING  # PI-16
    close(there, event)


def test_channels_are_not_implemented() -> None:
    calls = (
        lambda: NtOpenChannel(None), lambda: NtListenChannel(0), lambda: NtSendWaitReplyChannel(0, b"", 0),
        lambda: NtReplyWaitSendChannel(b"", 0), lambda: NtSetContextChannel(None),
    )  # fmt: skip
    assert [call() for call in calls] == [STATUS_NOT_IMPLEMENTED] * 5
    assert ntipc.ntdll.RtlNtStatusToDosError(STATUS_NOT_IMPLEMENTED) == 1


ALERT = FILE_SYNCHRONOUS_IO_ALERT


def test_a_queued_call_ends_what_an_alertable_file_waits_for() -> None:
    there = server(options=ALERT).handle
    event = NtCreateEvent(EVENT_ALL_ACCESS, None, NotificationEvent, True).handle
    block, told, seen = IO_STATUS_BLOCK(), list[object](), list[int]()
    NtQueueApcThread(NtCurrentThread(), seen.append, 1)
    result = NtFsControlFile(there, event, told.append, "told", block, FSCTL_PIPE_LISTEN)
    assert (result, block.Status, seen) == (STATUS_CANCELLED, STATUS_CANCELLED, [1])
    assert NtQueryEvent(event).information.EventState == 0 and NtTestAlert() == STATUS_SUCCESS and told == []
    here = client(ALERT)
    assert control(there, FSCTL_PIPE_LISTEN) == STATUS_PIPE_CONNECTED  # the instance went on listening
    mine = NtOpenThread(0x1F_FFFF, None, (0, threading.get_native_id())).handle
    for wakes, expected in (
        (lambda: NtQueueApcThread(mine, seen.append, 2), [1, 2]),
        (lambda: NtAlertThread(mine), [1, 2]),
    ):
        thread = threading.Thread(target=when_not_signalled, args=(here, wakes))
        thread.start()
        assert read(here) == (STATUS_CANCELLED, b"") and seen == expected
        thread.join()
    write(there, b"not lost")
    assert read(here) == (STATUS_SUCCESS, b"not lost")
    close(here, there, event, mine)


def test_a_file_that_is_not_alertable_waits_on() -> None:
    there, here = connected()
    seen = list[int]()
    NtQueueApcThread(NtCurrentThread(), seen.append, 1)
    thread = threading.Thread(target=when_not_signalled, args=(here, lambda: write(there, b"data")))
    thread.start()
    assert read(here) == (STATUS_SUCCESS, b"data") and seen == []
    thread.join()
    assert NtDelayExecution(True, 0) == STATUS_USER_APC and seen == [1]
    close(here, there)


@pytest.mark.parametrize("options", [SYNC, ALERT])
def test_what_a_thread_waits_for_is_ended_by_another(options: int) -> None:
    there, here = connected(options=options)
    block, other, done = IO_STATUS_BLOCK(), IO_STATUS_BLOCK(), list[int]()
    event = NtCreateEvent(EVENT_ALL_ACCESS, None, NotificationEvent, False).handle
    ids = list[int]()

    def reads() -> None:
        ids.append(threading.get_native_id())
        done.append(NtReadFile(here, event, None, None, block, bytearray(9)))

    thread = threading.Thread(target=reads)
    thread.start()
    when_not_signalled(here, lambda: None)
    handle = NtOpenThread(0x1F_FFFF, None, (0, ids[0])).handle
    assert NtCancelSynchronousIoFile(handle, other, other) == STATUS_NOT_FOUND == other.Status
    assert NtCancelSynchronousIoFile(handle, block, other) == STATUS_SUCCESS == other.Status
    thread.join()
    assert done == [STATUS_CANCELLED] == [block.Status]
    assert NtQueryEvent(event).information.EventState == 0
    for wrong, status in (0, STATUS_INVALID_HANDLE), (event, STATUS_OBJECT_TYPE_MISMATCH):
        assert NtCancelSynchronousIoFile(wrong) == status
    assert NtCancelSynchronousIoFile(NtCurrentThread()) == STATUS_NOT_FOUND
    write(there, b"not lost")
    assert read(here) == (STATUS_SUCCESS, b"not lost")
    close(here, there, event, handle)


def when_not_signalled(file: int, act: Callable[[], object]) -> None:
    """Act as soon as an operation goes on at a file."""
    wait_until(lambda: NtWaitForSingleObject(file, False, 0) == STATUS_TIMEOUT)
    act()

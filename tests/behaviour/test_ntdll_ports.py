"""Ports through the Native API, by the facts about LPC."""

import threading
from typing import Any

import pytest
from harness.peers import Peer
from harness.waiting import wait_until

import ntipc
from ntipc.ntdll import *

NAME = OBJECT_ATTRIBUTES(r"\RPC Control\x")
THERE = r"\RPC Control\x"
CLIENT = "import ntipc; from ntipc.ntdll import *"


def server() -> int:
    return NtCreatePort(NAME, 260, 300).handle


def accept(port: int, context: Any = "context", answer: bytes | None = None) -> int:
    """Accept the next client."""
    asked = NtListenPort(port).message
    if answer is not None:
        asked.Data = answer
    made = NtAcceptConnectPort(context, asked, True)
    assert made.status == STATUS_SUCCESS and NtCompleteConnectPort(made.handle) == STATUS_SUCCESS
    return made.handle


def client(port: int, data: bytes = b"") -> tuple[ConnectResult, int]:
    """A client and its communication port."""
    results: list[ConnectResult] = []
    thread = threading.Thread(target=lambda: results.append(NtConnectPort(THERE, ConnectionInformation=data)))
    thread.start()
    communication = accept(port)
    thread.join()
    return results[0], communication


def answer_one(port: int) -> threading.Thread:
    def serve() -> None:
        message = NtReplyWaitReceivePort(port).message
        message.Data = message.Data.upper()
        NtReplyPort(port, message)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_creating() -> None:
    assert NtCreatePort(NAME, 521, 300) == (STATUS_INVALID_PARAMETER_3, 0)  # LP-19
    assert NtCreatePort(NAME, 260, 649) == (STATUS_INVALID_PARAMETER_4, 0)
    assert NtCreatePort(NAME, 521, 649).status == STATUS_INVALID_PARAMETER_3
    for flag in OBJ_OPENIF, OBJ_INHERIT, OBJ_PERMANENT:
        assert NtCreatePort(OBJECT_ATTRIBUTES(THERE, flag), 0, 0).status == STATUS_INVALID_PARAMETER  # LP-23
    port = server()
    assert NtCreatePort(NAME, 0, 0).status == STATUS_OBJECT_NAME_COLLISION  # LP-24
    assert NtQueryObject(port, ObjectTypeInformation).information == "Port"
    assert NtQueryInformationPort(port) == STATUS_SUCCESS  # LP-145
    NtClose(port)
    assert NtConnectPort(THERE).status == STATUS_OBJECT_NAME_NOT_FOUND  # LP-30, LP-136
    for path in "x", r"\Nowhere\x", "\\", "":
        assert not NtCreatePort(OBJECT_ATTRIBUTES(path), 0, 0) and not NtConnectPort(path)


def test_connecting_takes_accept_and_complete(peer: Peer) -> None:
    port = server()
    peer.run(CLIENT)
    connecting = peer.begin(f"NtConnectPort({THERE!r}, ConnectionInformation=b'hello')[:4]")
    status, asked, context = NtListenPort(port)
    assert (status, asked.Type, asked.Data, context) == (STATUS_SUCCESS, LPC_CONNECTION_REQUEST, b"hello", None)
    assert asked.ClientId.UniqueProcess == peer.pid and asked.MessageId and asked.ClientViewSize == 0  # LP-49, LP-50
    asked.Data = b"welcome"
    status, communication = NtAcceptConnectPort("first", asked, True)
    assert status == STATUS_SUCCESS and not connecting.returned  # LP-55
    assert NtAcceptConnectPort("twice", asked, True).status == STATUS_REPLY_MESSAGE_MISMATCH  # LP-56
    assert NtCompleteConnectPort(communication) == STATUS_SUCCESS
    assert NtCompleteConnectPort(communication) == STATUS_INVALID_PARAMETER  # LP-62
    assert NtCompleteConnectPort(port) == STATUS_INVALID_PORT_HANDLE  # LP-61
    status, handle, maximum, said = connecting.result()
    assert (status, maximum, said) == (STATUS_SUCCESS, 300, b"welcome") and handle  # LP-41, LP-42
    NtClose(port)


def test_refusing(peer: Peer) -> None:
    port = server()
    peer.run(CLIENT)
    for accepts in False, True:
        connecting = peer.begin(f"NtConnectPort({THERE!r})[:4]")
        asked = NtListenPort(port).message
        asked.Data = b"go away"
        made = NtAcceptConnectPort(None, asked, accepts)
        if accepts:
            assert NtClose(made.handle) == STATUS_SUCCESS  # LP-64: closed before it was completed
        else:
            assert made == (STATUS_SUCCESS, 0)  # LP-54
        status, handle, _, said = connecting.result()
        assert (status, handle) == (STATUS_PORT_CONNECTION_REFUSED, 0)  # LP-37
        assert said == (b"" if accepts else b"go away")  # LP-38
    NtClose(port)


def test_requests_and_replies() -> None:
    port = server()
    here, communication = client(port)
    serving = answer_one(port)
    status, reply, _ = NtRequestWaitReplyPort(here.handle, PORT_MESSAGE(b"question"))
    assert (status, reply.Type, reply.Data) == (STATUS_SUCCESS, LPC_REPLY, b"QUESTION") and reply.MessageId  # LP-72
    serving.join()
    serving = answer_one(communication)  # LP-88
    assert NtRequestWaitReplyPort(here.handle, PORT_MESSAGE(b"again")).message.Data == b"AGAIN"
    serving.join()
    assert NtRequestPort(here.handle, PORT_MESSAGE(b"note")) == STATUS_SUCCESS  # LP-70
    status, note, context = NtReplyWaitReceivePort(port)
    assert (note.Type, note.Data, context) == (LPC_DATAGRAM, b"note", "context")  # LP-59
    assert NtReplyPort(port, note) == STATUS_REPLY_MESSAGE_MISMATCH  # LP-92
    assert NtReplyPort(port, PORT_MESSAGE(b"")) == STATUS_INVALID_PARAMETER  # LP-91
    assert NtRequestPort(communication, PORT_MESSAGE(b"news")) == STATUS_SUCCESS
    assert NtReplyWaitReceivePort(here.handle).message.Data == b"news"  # LP-68
    assert NtRequestPort(here.handle, PORT_MESSAGE(bytes(261))) == STATUS_PORT_MESSAGE_TOO_LONG  # LP-77
    assert (
        NtRequestWaitReplyPort(here.handle, PORT_MESSAGE(b"", LPC_DATAGRAM)).status == STATUS_INVALID_PARAMETER
    )  # LP-79
    assert NtReplyWaitReceivePortEx(port, None, -10_000) == (STATUS_TIMEOUT, None, None)  # LP-99
    assert NtReplyWaitReceivePortEx(here.handle, None, 0).status == STATUS_TIMEOUT
    NtClose(here.handle)
    status, closed, context = NtReplyWaitReceivePort(port)
    assert (closed.Type, context) == (LPC_PORT_CLOSED, "context")  # LP-123
    NtClose(port)


def test_reply_and_receive_in_one_call(peer: Peer) -> None:
    port = server()
    peer.run(CLIENT)
    connecting = peer.begin(f"here = NtConnectPort({THERE!r}).handle")
    accept(port)
    connecting.result()
    calling = peer.begin("[NtRequestWaitReplyPort(here, PORT_MESSAGE(b'%d' % n)).message.Data for n in range(3)]")
    message = None
    for number in range(3):
        status, message, _ = NtReplyWaitReceivePort(port, message)  # LP-86
        assert status == STATUS_SUCCESS and message.Data == b"%d" % number
        told = NtImpersonateClientOfPort(port, message)  # LP-140
        assert told.information.pid == peer.pid
        message.Data *= 2
    assert NtReplyPort(port, message) == STATUS_SUCCESS
    assert calling.result() == [b"00", b"11", b"22"]
    assert NtReplyWaitReceivePort(port, message).status == STATUS_REPLY_MESSAGE_MISMATCH  # LP-87
    assert NtImpersonateClientOfPort(port, message).status == STATUS_REPLY_MESSAGE_MISMATCH  # LP-141
    peer.kill()
    wait_until(lambda: NtReplyWaitReceivePortEx(port, None, 0).message)  # its end is told
    NtClose(port)


def test_the_end_of_a_thread_is_told() -> None:
    port = server()
    here, _ = client(port)

    def register() -> None:
        assert [NtRegisterThreadTerminatePort(here.handle) for _ in range(2)] == [STATUS_SUCCESS] * 2
        NtRequestPort(here.handle, PORT_MESSAGE(b"from the thread"))
        NtClose(here.handle)

    thread = threading.Thread(target=register)
    thread.start()
    thread.join()
    told = [NtReplyWaitReceivePort(port) for _ in range(4)]
    kinds = [each.message.Type for each in told]
    assert kinds == [LPC_DATAGRAM, LPC_CLIENT_DIED, LPC_CLIENT_DIED, LPC_PORT_CLOSED]  # LP-128, LP-129, LP-132
    assert told[1].context == "context" and told[1].message.DataLength == 8  # LP-12
    NtClose(port)


def test_threads_of_a_killed_process_are_told_before_its_end(peer: Peer) -> None:
    port = server()
    peer.run(CLIENT)
    connecting = peer.begin(f"here = NtConnectPort({THERE!r}).handle")
    accept(port)
    connecting.result()
    assert peer.run("NtRegisterThreadTerminatePort(here)") == STATUS_SUCCESS
    peer.kill()
    told = [NtReplyWaitReceivePort(port).message.Type for _ in range(2)]
    assert told == [LPC_CLIENT_DIED, LPC_PORT_CLOSED]  # LP-130
    NtClose(port)


def test_a_server_asks_a_waiting_client() -> None:
    port = server()
    here, communication = client(port)

    def serve() -> None:
        message = NtReplyWaitReceivePort(port).message
        for question in b"first?", b"second?":
            message.Type, message.Data = LPC_REQUEST, question
            answers.append(NtRequestWaitReplyPort(communication, message))  # LP-102
        message.Data = b"done"
        NtReplyPort(port, message)
        answers.append(NtRequestWaitReplyPort(communication, message))

    answers: list[MessageResult] = []
    thread = threading.Thread(target=serve)
    thread.start()
    status, asked, _ = NtRequestWaitReplyPort(here.handle, PORT_MESSAGE(b"request"))
    assert (status, asked.Type, asked.Data) == (STATUS_SUCCESS, LPC_REQUEST, b"first?") and asked.MessageId  # LP-103
    asked.Data = b"one"
    status, again, _ = NtReplyWaitReplyPort(here.handle, asked)  # LP-104
    assert (again.Type, again.Data, again.MessageId) == (LPC_REQUEST, b"second?", asked.MessageId)
    assert NtReplyWaitReplyPort(here.handle, asked).status == STATUS_REPLY_MESSAGE_MISMATCH
    again.Data = b"two"
    status, reply, _ = NtReplyWaitReplyPort(here.handle, again)
    assert (status, reply.Type, reply.Data) == (STATUS_SUCCESS, LPC_REPLY, b"done")
    thread.join()
    assert [answer.message.Data for answer in answers[:2]] == [b"one", b"two"]
    assert answers[2].status == STATUS_REPLY_MESSAGE_MISMATCH  # LP-106
    assert NtRequestWaitReplyPort(port, PORT_MESSAGE(b"")).status == STATUS_INVALID_PARAMETER
    NtClose(port)


def test_a_question_that_is_forgotten_is_told() -> None:
    port = server()
    here, communication = client(port)
    answers: list[MessageResult] = []

    def serve() -> None:
        message = NtReplyWaitReceivePort(port).message
        message.Type = LPC_REQUEST
        answers.append(NtRequestWaitReplyPort(communication, message))
        NtReplyPort(port, message)

    thread = threading.Thread(target=serve)
    thread.start()
    asked = NtRequestWaitReplyPort(here.handle, PORT_MESSAGE(b"request"))
    assert asked.message.Type == LPC_REQUEST
    del asked
    thread.join()
    assert not answers[0]
    NtClose(port)


def test_a_port_can_be_waited_for() -> None:
    port = NtCreateWaitablePort(NAME, 0, 300).handle  # LP-27
    here, communication = client(port)
    assert NtWaitForSingleObject(port, False, 0) == STATUS_TIMEOUT  # LP-28
    NtRequestPort(here.handle, PORT_MESSAGE(b"x"))
    event = NtCreateEvent(EVENT_ALL_ACCESS, None, NotificationEvent, False).handle
    assert NtWaitForMultipleObjects(2, [event, port], WaitAny, False, None) == STATUS_WAIT_0 + 1
    assert NtReplyWaitReceivePort(port).message.Data == b"x"
    assert NtWaitForSingleObject(port, False, 0) == STATUS_TIMEOUT
    for each in here.handle, communication, port, event:
        NtClose(each)


def test_a_server_that_goes_is_told() -> None:
    port = server()
    here, communication = client(port)
    other, _ = client(port)
    losing: list[MessageResult] = []
    thread = threading.Thread(target=lambda: losing.append(NtRequestWaitReplyPort(here.handle, PORT_MESSAGE(b"?"))))
    thread.start()
    taken = NtReplyWaitReceivePort(port)
    NtClose(communication)
    thread.join()
    assert (
        losing[0].status in (STATUS_LPC_REPLY_LOST, STATUS_PORT_DISCONNECTED) and taken.message.Data == b"?"
    )  # LP-133
    assert NtRequestPort(here.handle, PORT_MESSAGE(b"x")) == STATUS_PORT_DISCONNECTED  # LP-80, LP-134
    assert NtRequestPort(other.handle, PORT_MESSAGE(b"x")) == STATUS_SUCCESS  # LP-135
    NtClose(port)
    assert NtRequestWaitReplyPort(other.handle, PORT_MESSAGE(b"x")).status in (
        STATUS_LPC_REPLY_LOST,
        STATUS_PORT_DISCONNECTED,
    )  # LP-138
    del taken


def test_views(peer: Peer) -> None:
    port = server()
    peer.run(CLIENT)
    peer.run("section = NtCreateSection(SECTION_ALL_ACCESS, None, 4096, PAGE_READWRITE, SEC_COMMIT).handle")
    connecting = peer.begin(
        f"made = NtConnectPort({THERE!r}, ClientView=section); made.client_view[:5] = b'theirs'[:5]"
    )
    asked = NtListenPort(port).message
    assert asked.ClientViewSize == 4096  # LP-50
    mine = NtCreateSection(SECTION_ALL_ACCESS, None, 4096, PAGE_READWRITE, SEC_COMMIT).handle
    view = NtMapViewOfSection(mine, -1).view
    view[:4] = b"mine"
    communication = NtAcceptConnectPort(None, asked, True, ServerView=mine).handle
    NtCompleteConnectPort(communication)
    connecting.result()
    theirs = ntipc.ntdll.handles.find(communication).connection.view
    assert theirs[:5] == b"their"  # LP-108
    assert peer.run("made.server_view[:4]") == b"mine"  # LP-110
    assert NtConnectPort(THERE, ClientView=port).status == STATUS_OBJECT_TYPE_MISMATCH  # LP-113
    NtUnmapViewOfSection(-1, view.address)
    NtClose(port)


@pytest.mark.parametrize("handle", ["event", "client", "null"])
def test_other_handles_are_refused(handle: str) -> None:
    port = server()
    here, communication = client(port)
    event = NtCreateEvent(EVENT_ALL_ACCESS, None, NotificationEvent, False).handle
    number = {"event": event, "client": here.handle, "null": 0}[handle]
    status = {
        "event": STATUS_OBJECT_TYPE_MISMATCH, "client": STATUS_INVALID_PORT_HANDLE, "null": STATUS_INVALID_HANDLE,
    }[handle]  # fmt: skip
    assert NtListenPort(number).status == status and NtCompleteConnectPort(number) == status
    assert NtReplyPort(number, PORT_MESSAGE(b"")) == status
    assert NtImpersonateClientOfPort(number, PORT_MESSAGE(b"")).status == status
    if handle != "client":
        for call in NtRequestPort, NtRequestWaitReplyPort, NtReplyWaitReplyPort:
            assert (call(number, PORT_MESSAGE(b"")), status) in ((status, status), ((status, None, None), status))
        assert NtQueryInformationPort(number) == NtRegisterThreadTerminatePort(number) == status
    assert NtRegisterThreadTerminatePort(port) == STATUS_INVALID_PORT_HANDLE
    assert NtReplyWaitReplyPort(here.handle, PORT_MESSAGE(b"")).status == STATUS_REPLY_MESSAGE_MISMATCH
    assert NtReplyWaitReplyPort(port, PORT_MESSAGE(b"")).status == STATUS_INVALID_PORT_HANDLE
    assert NtRequestPort(port, PORT_MESSAGE(b"")) == STATUS_INVALID_PORT_HANDLE
    assert NtSecureConnectPort(THERE, RequiredServerSid=12345).status == STATUS_SERVER_SID_MISMATCH  # LP-46
    for each in here.handle, communication, port, event:
        NtClose(each)

r"""Ports: NtCreatePort, NtConnectPort, NtAcceptConnectPort, NtReplyWaitReceivePort, NtRequestWaitReplyPort and others.

>>> import threading
>>> from ntipc.ntdll import OBJECT_ATTRIBUTES
>>> status, server = NtCreatePort(OBJECT_ATTRIBUTES(r"\Greeter"), 100, 300)
>>> def serve():
...     status, asked, _ = NtListenPort(server)
...     status, port = NtAcceptConnectPort("first client", asked, True)
...     NtCompleteConnectPort(port)
...     status, message, context = NtReplyWaitReceivePort(server)
...     NtReplyPort(server, message, b"hello, " + message.Data)
>>> thread = threading.Thread(target=serve)
>>> thread.start()
>>> client = NtConnectPort(r"\Greeter")
>>> NtRequestWaitReplyPort(client.handle, PORT_MESSAGE(b"you")).message.Data
b'hello, you'
>>> thread.join()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ntipc import (
    ConnectionRefused,
    ConnectionRequest,
    NtError,
    Port,
    PortClient,
    PortMessage,
    Section,
    Timeout,
    inspect,
    wait_any,
)
from ntipc._runtime.deadlines import Deadline
from ntipc.directories import BASE, find_spot
from ntipc.ntdll import handles
from ntipc.ntdll.attributes import OBJ_CASE_INSENSITIVE, OBJECT_ATTRIBUTES
from ntipc.ntdll.handles import find
from ntipc.ntdll.port_handles import (
    ClientPort,
    CommunicationPort,
    ServerPort,
    check_any,
    check_server_side,
    connection_of,
    server_of,
)
from ntipc.ntdll.port_messages import (
    CLIENT_ID,
    HEADER,
    LARGEST_CONNECTION_INFORMATION,
    LARGEST_MESSAGE,
    LPC_CONNECTION_REQUEST,
    LPC_DATAGRAM,
    LPC_PORT_CLOSED,
    LPC_REQUEST,
    ConnectResult,
    MessageResult,
    no_message,
)
from ntipc.ntdll.port_messages import PORT_MESSAGE as PORT_MESSAGE
from ntipc.ntdll.port_requests import NtRequestWaitReplyPort as NtRequestWaitReplyPort
from ntipc.ntdll.port_requests import message_ids
from ntipc.ntdll.port_terminations import is_about_a_thread, left_at_the_end, note
from ntipc.ntdll.results import (
    HandleResult,
    Information,
    fail,
    no_handle,
    returns,
    returns_information,
    returns_status,
)
from ntipc.ntdll.statuses import (
    NTSTATUS,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PARAMETER_3,
    STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PORT_HANDLE,
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_PORT_DISCONNECTED,
    STATUS_PORT_MESSAGE_TOO_LONG,
    STATUS_REPLY_MESSAGE_MISMATCH,
    STATUS_SUCCESS,
    STATUS_TIMEOUT,
)
from ntipc.ntdll.times import seconds_until
from ntipc.session.peers import Peer
from ntipc.session.session import default_session

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MESSAGE_TOO_LONG: Final = LARGEST_MESSAGE - HEADER


@returns(no_handle)
def NtCreatePort(
    ObjectAttributes: OBJECT_ATTRIBUTES | None,
    MaxConnectionInfoLength: int,
    MaxMessageLength: int,
    MaxPoolUsage: int = 0,
) -> HandleResult:
    """Make a port, whose server the calling process is.

    Args:
        ObjectAttributes: Its name; no attribute but ``OBJ_CASE_INSENSITIVE``.
        MaxConnectionInfoLength: Bytes of connection information, up to 520.
        MaxMessageLength: Bytes of a message with its header, up to 648.
        MaxPoolUsage: Without effect.

    Differs:
        A port without a name is refused.
    """
    if ObjectAttributes is None or ObjectAttributes.Attributes & ~OBJ_CASE_INSENSITIVE:
        raise fail(STATUS_INVALID_PARAMETER)
    if not 0 <= MaxConnectionInfoLength <= LARGEST_CONNECTION_INFORMATION:
        raise fail(STATUS_INVALID_PARAMETER_3)
    if not 0 <= MaxMessageLength <= LARGEST_MESSAGE:
        raise fail(STATUS_INVALID_PARAMETER_4)
    port = Port.create(_port_name(ObjectAttributes), max_message=max(MaxMessageLength - HEADER, 1))
    return HandleResult(STATUS_SUCCESS, handles.insert(ServerPort(port, MaxMessageLength)))


def NtCreateWaitablePort(
    ObjectAttributes: OBJECT_ATTRIBUTES | None,
    MaxConnectionInfoLength: int,
    MaxMessageLength: int,
    MaxPoolUsage: int = 0,
) -> HandleResult:
    """Make a port that can be waited for, as every port here can."""
    return NtCreatePort(ObjectAttributes, MaxConnectionInfoLength, MaxMessageLength, MaxPoolUsage)


def NtConnectPort(
    PortName: str,
    SecurityQos: object = None,
    ClientView: int | None = None,
    ServerView: object = None,
    ConnectionInformation: Buffer = b"",
) -> ConnectResult:
    """Connect to a port, and wait until the server has accepted and completed, or refused.

    Args:
        PortName: Its path.
        SecurityQos: Without effect.
        ClientView: The handle of a section whose memory both sides are to have.
        ServerView: Without effect: the server's view is in the result.
        ConnectionInformation: Bytes for the server to decide by.

    Returns:
        The handle, and what the server said, which it may also say when it refuses.
    """
    return NtSecureConnectPort(PortName, SecurityQos, ClientView, None, ServerView, ConnectionInformation)


def NtSecureConnectPort(
    PortName: str,
    SecurityQos: object = None,
    ClientView: int | None = None,
    RequiredServerSid: int | None = None,
    ServerView: object = None,
    ConnectionInformation: Buffer = b"",
) -> ConnectResult:
    """Connect to a port that a user's process has made, if one is given, as NtConnectPort does.

    Args:
        PortName: Its path.
        SecurityQos: Without effect.
        ClientView: The handle of a section whose memory both sides are to have.
        RequiredServerSid: The number of the user, or ``None`` for any.
        ServerView: Without effect: the server's view is in the result.
        ConnectionInformation: Bytes for the server to decide by.
    """
    try:
        return _connected(PortName, ClientView, RequiredServerSid, bytes(memoryview(ConnectionInformation)))
    except ConnectionRefused as refusal:
        said = bytes(getattr(refusal, "data", b"") or b"")
        return ConnectResult(NTSTATUS(refusal.status), 0, 0, said, None, None)
    except NtError as error:
        return ConnectResult(NTSTATUS(error.status), 0, 0, b"", None, None)


@returns(no_message)
def NtListenPort(PortHandle: int) -> MessageResult:
    """Wait for a connection request. Other messages stay where they are."""
    return MessageResult(STATUS_SUCCESS, _request_message(server_of(PortHandle).port.listen()), None)


@returns(no_handle)
def NtAcceptConnectPort(
    PortContext: Any,
    ConnectionRequest: PORT_MESSAGE,
    AcceptConnection: bool,
    ServerView: int | None = None,
    ClientView: object = None,
) -> HandleResult:
    """Accept a connection request, which NtCompleteConnectPort completes, or refuse it.

    Args:
        PortContext: What comes with every message of the connection.
        ConnectionRequest: The request; the client gets its data.
        AcceptConnection: Whether to accept it. A refusal gives no handle.
        ServerView: The handle of a section whose memory both sides are to have.
        ClientView: Without effect.
    """
    asked, ConnectionRequest._received = _taken(ConnectionRequest), None
    if not AcceptConnection:
        asked.refuse(ConnectionRequest.Data)
        return HandleResult(STATUS_SUCCESS, 0)
    view = handles.find_of(ServerView, Section) if ServerView else None
    port = CommunicationPort(asked, ConnectionRequest.Data, PortContext, view)
    number = handles.insert(port)
    if PortContext is None:
        port.context = number
    return HandleResult(STATUS_SUCCESS, number)


@returns_status
def NtCompleteConnectPort(PortHandle: int) -> NTSTATUS:
    """Let the client of an accepted connection go on."""
    port = find(PortHandle)
    if not isinstance(port, CommunicationPort):
        raise fail(
            STATUS_INVALID_PORT_HANDLE if isinstance(port, (ServerPort, ClientPort)) else STATUS_OBJECT_TYPE_MISMATCH
        )
    request, port.request = port.request, None
    if request is None:
        raise fail(STATUS_INVALID_PARAMETER)
    try:
        port.connection = request.accept(port.data, context=port.context, view=port.view)
    except ConnectionError:
        return STATUS_SUCCESS  # the client has gone meanwhile
    return STATUS_SUCCESS


@returns_status
def NtRequestPort(PortHandle: int, RequestMessage: PORT_MESSAGE) -> NTSTATUS:
    """Send a message that is not answered, to the server or to the client of a communication port."""
    port = find(PortHandle)
    if isinstance(port, ClientPort):
        _check_length(RequestMessage, port.client.max_message)
        port.client.send(RequestMessage.Data)
    elif isinstance(port, CommunicationPort):
        connection_of(port).send(RequestMessage.Data)
    else:
        raise fail(STATUS_INVALID_PORT_HANDLE if isinstance(port, ServerPort) else STATUS_OBJECT_TYPE_MISMATCH)
    return STATUS_SUCCESS


@returns_status
def NtReplyPort(PortHandle: int, ReplyMessage: PORT_MESSAGE, Data: Buffer | None = None) -> NTSTATUS:
    """Answer a request.

    Args:
        PortHandle: The port, or the communication port, that it came by.
        ReplyMessage: The request, with the data of the answer.
        Data: The data of the answer, if they are not the message's.
    """
    check_server_side(PortHandle)
    _reply(ReplyMessage, ReplyMessage.Data if Data is None else bytes(memoryview(Data)))
    return STATUS_SUCCESS


def NtReplyWaitReceivePort(PortHandle: int, ReplyMessage: PORT_MESSAGE | None = None) -> MessageResult:
    """Answer a request, if one is given, and wait for the next message of any client, or for a connection request."""
    return NtReplyWaitReceivePortEx(PortHandle, ReplyMessage, None)


@returns(no_message)
def NtReplyWaitReceivePortEx(
    PortHandle: int, ReplyMessage: PORT_MESSAGE | None = None, Timeout: int | None = None
) -> MessageResult:
    """Do the same within a time: STATUS_TIMEOUT when nothing came. The answer has been sent by then."""
    deadline = Deadline(seconds_until(Timeout))
    port = find(PortHandle)
    if isinstance(port, ClientPort):
        return _received_by_client(port, deadline)
    server = server_of(PortHandle)
    if ReplyMessage is not None:
        _reply(ReplyMessage, ReplyMessage.Data)
    while True:
        if server.put_back:
            return server.put_back.popleft()
        found = _received(server)
        if found is not None:
            return found
        if wait_any([server.port], deadline.left()) is None:
            return no_message(STATUS_TIMEOUT)


@returns_information
def NtImpersonateClientOfPort(PortHandle: int, ClientMessage: PORT_MESSAGE) -> Information[Peer]:
    """Tell as whom the client of a message runs: ``.pid``, ``.uid``, ``.exe``.

    Differs:
        The thread does not act as that user; Linux decides by the process.
    """
    check_server_side(PortHandle)
    received = ClientMessage._received
    if not isinstance(received, PortMessage) or not received.is_request:
        raise fail(STATUS_REPLY_MESSAGE_MISMATCH)
    return Information(STATUS_SUCCESS, received.connection.peer)


@returns_status
def NtQueryInformationPort(PortHandle: int, PortInformationClass: int = 0) -> NTSTATUS:
    """Succeed, and tell nothing, as Windows does."""
    check_any(PortHandle)
    return STATUS_SUCCESS


def _port_name(attributes: OBJECT_ATTRIBUTES) -> str:
    text = attributes.text()
    if not text:
        raise fail(STATUS_OBJECT_NAME_INVALID)
    from ntipc.ntdll.naming import spot_of

    spot = spot_of(attributes)
    if not spot.leaf:
        raise fail(STATUS_OBJECT_NAME_INVALID)
    if spot.directory == BASE:
        return spot.leaf if spot.session == default_session() else f"Global\\{spot.leaf}"
    return spot.path.replace("\\", "/")


def _connected(name: str, view: int | None, uid: int | None, data: bytes) -> ConnectResult:
    if not isinstance(name, str):
        raise TypeError(f"PortName must be a str, not {type(name).__name__}")
    port_name = _port_name(OBJECT_ATTRIBUTES(name))
    session = find_spot(None, name).session
    local = port_name.removeprefix("Global\\")
    if not any(found["name"] == f"port\\{local}" for found in inspect(session)["objects"]):
        raise fail(STATUS_OBJECT_NAME_NOT_FOUND)
    section = handles.find_of(view, Section) if view else None
    client = PortClient(port_name, data=data, view=section, server_uid=uid)
    mine = None if section is None else section.map()
    number = handles.insert(ClientPort(client))
    return ConnectResult(STATUS_SUCCESS, number, client.max_message + HEADER, client.data, mine, client.view)


def _check_length(message: PORT_MESSAGE, longest: int) -> None:
    if len(message.Data) > longest:
        raise fail(STATUS_PORT_MESSAGE_TOO_LONG)


def _taken(message: PORT_MESSAGE) -> ConnectionRequest:
    if not isinstance(message._received, ConnectionRequest):
        raise fail(STATUS_REPLY_MESSAGE_MISMATCH)
    return message._received


def _reply(message: PORT_MESSAGE, data: bytes) -> None:
    received = message._received
    if message.MessageId == 0:
        raise fail(STATUS_INVALID_PARAMETER)
    if not isinstance(received, PortMessage) or not received.is_request:
        raise fail(STATUS_REPLY_MESSAGE_MISMATCH)
    received.reply(data)
    message._received = None


def _request_message(request: ConnectionRequest) -> PORT_MESSAGE:
    message = PORT_MESSAGE(request.data, LPC_CONNECTION_REQUEST)
    message._received, message.MessageId = request, next(message_ids)
    message.ClientViewSize = request.view_size
    message.ClientId = CLIENT_ID(request.peer.pid or 0, 0)
    return message


def _received(server: ServerPort) -> MessageResult | None:
    """Take what waits; ``None`` if nothing does."""
    try:
        arrived = server.port.receive(0)
    except Timeout:
        try:
            return MessageResult(STATUS_SUCCESS, _request_message(server.port.listen(0)), None)
        except Timeout:
            return None
    if arrived.is_withdrawal:
        return None
    if arrived.is_datagram and is_about_a_thread(arrived.data):
        return note(server.registered, arrived.connection, arrived.data)
    kind = LPC_PORT_CLOSED if arrived.is_closed else LPC_DATAGRAM if arrived.is_datagram else LPC_REQUEST
    message = PORT_MESSAGE(arrived.data, kind)
    message._received, message.MessageId = arrived, next(message_ids)
    message.ClientId = CLIENT_ID(arrived.connection.peer.pid or 0, 0)
    result = MessageResult(STATUS_SUCCESS, message, arrived.connection.context)
    if arrived.is_closed and (threads := left_at_the_end(server.registered, arrived.connection)):
        server.put_back.extend([*threads, result])
        return server.put_back.popleft()
    return result


def _received_by_client(port: ClientPort, deadline: Deadline) -> MessageResult:
    try:
        arrived = port.client.receive(deadline.left())
    except Timeout:
        return no_message(STATUS_TIMEOUT)
    except EOFError:
        raise fail(STATUS_PORT_DISCONNECTED) from None
    message = PORT_MESSAGE(arrived.data, LPC_DATAGRAM)
    message.MessageId = next(message_ids)
    return MessageResult(STATUS_SUCCESS, message, None)

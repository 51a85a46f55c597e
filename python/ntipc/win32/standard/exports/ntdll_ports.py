"""The Native API's ports: PORT_MESSAGE in memory, and the calls that send and take such messages.

A message that has to be answered is known by its MessageId, which C code passes back.
"""

from __future__ import annotations

import itertools
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from ntipc import ntdll
from ntipc.ntdll.port_messages import CLIENT_ID, HEADER, PORT_MESSAGE, MessageResult
from ntipc.ntdll.statuses import STATUS_NOT_SUPPORTED
from ntipc.win32.standard.exports.ntdll_words import from_lines, large_at, native, probed, unicode_at
from ntipc.win32.standard.exports.words import Export, data_at, dword_at, handle, memory_at, put_dword, put_word

_HEAD: Final = struct.Struct("<HHHHQQIxxxxQ")
assert _HEAD.size == HEADER
_VIEW: Final = struct.Struct("<IxxxxQIxxxxQQQ")
"""PORT_VIEW: its length, a section, an offset, a size, and where the view lies here and there."""
_REMOTE_VIEW: Final = struct.Struct("<IxxxxQQ")
_MOST_UNANSWERED: Final = 4096

_unanswered: Final[OrderedDict[int, PORT_MESSAGE]] = OrderedDict()
"""Messages that have to be answered, by their ids. A call that is forgotten for newer ones is lost."""
_views: Final[dict[int, tuple[Any, Any]]] = {}
"""The views of connections, by the handles of their ports: they live as long as this process."""
_ids = itertools.count(1)
_lock = threading.Lock()


def _load(address: int, *, answered: bool) -> PORT_MESSAGE:
    """Load a message; one that this process has received is known again by its id."""
    size, _, kind, _, process, thread, number, view = _HEAD.unpack(data_at(probed(address), HEADER))
    message = PORT_MESSAGE(data_at(address + HEADER, size), kind)
    message.ClientId, message.MessageId, message.ClientViewSize = CLIENT_ID(process, thread), number, view
    with _lock:
        known = _unanswered.pop(number, None) if answered else _unanswered.get(number)
    if known is not None:
        message._received, message.MessageId = known._received, known.MessageId
    return message


def _store(address: int, message: PORT_MESSAGE) -> None:
    number = message.MessageId
    if message._received is not None:
        with _lock:
            number = next(_ids) & 0x7FFF_FFFF
            _unanswered[number] = message
            if len(_unanswered) > _MOST_UNANSWERED:
                _unanswered.popitem(last=False)
    memory = memory_at(probed(address), HEADER + message.DataLength)
    size, total = message.DataLength, message.TotalLength
    sender = message.ClientId
    _HEAD.pack_into(
        memory, 0, size, total, message.Type, 0, *sender, number & 0xFFFF_FFFF, message.ClientViewSize
    )  # fmt: skip
    memory[HEADER:] = message.Data


def _received(result: MessageResult, address: int, context: int = 0) -> int:
    if result.message is not None:
        _store(address, result.message)
        put_word(context, result.context or 0)
    return int(result.status)


def _listen(port: int, message: int) -> int:
    probed(message)
    return _received(ntdll.NtListenPort(handle(port)), message)


def _accept(put: int, context: int, request: int, accept: int, mine: int, theirs: int) -> int:
    if mine or theirs:
        return STATUS_NOT_SUPPORTED  # a server's views come with Python's calls alone
    probed(put)
    message = _load(request, answered=True)
    result = ntdll.NtAcceptConnectPort(context or None, message, accept & 0xFF != 0)
    if result.handle:
        put_word(put, result.handle)
    return int(result.status)


def _connect(
    put: int, name: int, quality: int, mine: int, theirs: int, longest: int, information: int, size: int
) -> int:
    probed(put)
    room = dword_at(size) if size else 0
    said = data_at(information, room) if information and room else b""
    path = unicode_at(name).decode("utf-16-le", "surrogatepass")
    section = _VIEW.unpack(data_at(probed(mine), _VIEW.size))[1] if mine else 0
    result = ntdll.NtConnectPort(path, None, handle(section) if section else None, None, said)
    answer = result.connection_information
    if information and room:
        told = answer[:room]
        memory_at(information, len(told))[:] = told
    put_dword(size, len(answer))
    if not result:
        return int(result.status)
    put_word(put, result.handle)
    put_dword(longest, result.max_message_length)
    _views[result.handle] = result.client_view, result.server_view
    if mine and result.client_view is not None:
        view = result.client_view
        _VIEW.pack_into(memory_at(mine, _VIEW.size), 0, _VIEW.size, section, 0, len(view), view.address, 0)
    if theirs:
        other = result.server_view
        extent, place = (len(other), other.address) if other is not None else (0, 0)
        _REMOTE_VIEW.pack_into(memory_at(probed(theirs), _REMOTE_VIEW.size), 0, _REMOTE_VIEW.size, extent, place)
    return int(result.status)


def _request(port: int, message: int) -> int:
    return ntdll.NtRequestPort(handle(port), _load(message, answered=False))


def _reply(port: int, message: int) -> int:
    return ntdll.NtReplyPort(handle(port), _load(message, answered=True))


def _ask(call: Callable[[int, PORT_MESSAGE], MessageResult], *, answered: bool) -> Callable[[int, int, int], int]:
    def ask(port: int, request: int, reply: int) -> int:
        probed(reply)
        return _received(call(handle(port), _load(request, answered=answered)), reply)

    return ask


def _reply_and_receive(port: int, context: int, reply: int, received: int) -> int:
    return _reply_and_receive_for(port, context, reply, received, 0)


def _reply_and_receive_for(port: int, context: int, reply: int, received: int, timeout: int) -> int:
    probed(received)
    answer = _load(reply, answered=True) if reply else None
    found = ntdll.NtReplyWaitReceivePortEx(handle(port), answer, large_at(timeout))
    return _received(found, received, context)


def _impersonate(port: int, message: int) -> int:
    return int(ntdll.NtImpersonateClientOfPort(handle(port), _load(message, answered=False)).status)


EXPORTS: Final[Mapping[str, Export]] = {
    **dict(
        from_lines("""
        NtCreatePort          Hoddd
        NtCreateWaitablePort  Hoddd
        NtCompleteConnectPort h
        NtRegisterThreadTerminatePort h
        """)
    ),
    "NtListenPort": native(_listen, 2),
    "NtAcceptConnectPort": native(_accept, 6),
    "NtConnectPort": native(_connect, 8),
    "NtRequestPort": native(_request, 2),
    "NtReplyPort": native(_reply, 2),
    "NtRequestWaitReplyPort": native(_ask(ntdll.NtRequestWaitReplyPort, answered=False), 3),
    "NtReplyWaitReplyPort": native(_ask(ntdll.NtReplyWaitReplyPort, answered=True), 3),
    "NtReplyWaitReceivePort": native(_reply_and_receive, 4),
    "NtReplyWaitReceivePortEx": native(_reply_and_receive_for, 5),
    "NtImpersonateClientOfPort": native(_impersonate, 2),
}

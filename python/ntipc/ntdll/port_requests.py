"""Requests that wait for their reply, and callbacks: the server asks the waiting client something in the middle.

A request runs in a thread of its own, so that the call can return with the server's question, and go on when the client
has answered it.
"""

from __future__ import annotations

import itertools
import queue
import threading
from typing import Final

from ntipc import PortClient, PortMessage
from ntipc.ntdll.handles import find
from ntipc.ntdll.port_handles import ClientPort, CommunicationPort, ServerPort
from ntipc.ntdll.port_messages import LPC_REPLY, LPC_REQUEST, PORT_MESSAGE, MessageResult, no_message
from ntipc.ntdll.results import fail, returns
from ntipc.ntdll.statuses import (
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PORT_HANDLE,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_PORT_MESSAGE_TOO_LONG,
    STATUS_REPLY_MESSAGE_MISMATCH,
    STATUS_SUCCESS,
)

message_ids: Final = itertools.count(1)
"""Numbers of messages in this process."""
_Step = tuple[str, bytes | BaseException]


class Course:
    """A request under way: its thread does the call, and the steps of it come here."""

    def __init__(self, client: PortClient, data: bytes) -> None:
        self.number = next(message_ids)
        self._steps: queue.SimpleQueue[_Step] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._call, args=(client, data), daemon=True).start()

    def _call(self, client: PortClient, data: bytes) -> None:
        try:
            answer = client.call(data, on_callback=self._asked)
            self._steps.put(("reply", answer if isinstance(answer, bytes) else answer.data))
        except BaseException as problem:
            self._steps.put(("failure", problem))

    def _asked(self, data: bytes, handles: object) -> bytes:
        self._steps.put(("question", data))
        answer = self._answers.get()
        if answer is None:
            raise RuntimeError("the question was not answered")
        return answer

    def answer(self, data: bytes | None) -> None:
        """Answer the question; ``None``: there is no answer."""
        self._answers.put(data)

    def next_step(self) -> MessageResult:
        """Wait for the reply, or for a question of the server's.

        Raises:
            NtError: The request has failed.
        """
        kind, value = self._steps.get()
        if isinstance(value, BaseException):
            raise value
        message = PORT_MESSAGE(value, LPC_REPLY if kind == "reply" else LPC_REQUEST)
        message.MessageId = self.number
        if kind == "question":
            message._received = Question(self)
        return MessageResult(STATUS_SUCCESS, message, None)


class Question:
    """A question that the client has to answer once; the server learns of one that is forgotten."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.answered = False

    def __del__(self) -> None:
        if not self.answered:
            self.course.answer(None)


@returns(no_message)
def NtRequestWaitReplyPort(PortHandle: int, RequestMessage: PORT_MESSAGE) -> MessageResult:
    """Send a request and wait for the reply.

    Args:
        PortHandle: The client's port. With a server's port the message is a request that was received, with other data
            and of type ``LPC_REQUEST``: its client is asked, and goes on waiting when it has answered.
        RequestMessage: What is sent.

    Returns:
        The reply; or, of type ``LPC_REQUEST``, a question of the server's, to be answered with NtReplyWaitReplyPort.
    """
    port = find(PortHandle)
    if RequestMessage.Type not in (0, LPC_REQUEST):
        raise fail(STATUS_INVALID_PARAMETER)
    if isinstance(port, (ServerPort, CommunicationPort)):
        return _ask(RequestMessage)
    if not isinstance(port, ClientPort):
        raise fail(STATUS_OBJECT_TYPE_MISMATCH)
    if len(RequestMessage.Data) > port.client.max_message:
        raise fail(STATUS_PORT_MESSAGE_TOO_LONG)
    return Course(port.client, RequestMessage.Data).next_step()


@returns(no_message)
def NtReplyWaitReplyPort(PortHandle: int, ReplyMessage: PORT_MESSAGE) -> MessageResult:
    """Answer a question that came instead of a reply, with the message's data, and wait for the reply again."""
    port = find(PortHandle)
    if not isinstance(port, ClientPort):
        known = isinstance(port, (ServerPort, CommunicationPort))
        raise fail(STATUS_INVALID_PORT_HANDLE if known else STATUS_OBJECT_TYPE_MISMATCH)
    question = ReplyMessage._received
    if not isinstance(question, Question) or question.answered:
        raise fail(STATUS_REPLY_MESSAGE_MISMATCH)
    question.answered, ReplyMessage._received = True, None
    question.course.answer(ReplyMessage.Data)
    return question.course.next_step()


def _ask(message: PORT_MESSAGE) -> MessageResult:
    received = message._received
    if message.MessageId == 0:
        raise fail(STATUS_INVALID_PARAMETER)
    if not isinstance(received, PortMessage) or not received.is_request:
        raise fail(STATUS_REPLY_MESSAGE_MISMATCH)
    answer = PORT_MESSAGE(received.call_back(message.Data), LPC_REPLY)
    answer.MessageId = message.MessageId
    return MessageResult(STATUS_SUCCESS, answer, None)

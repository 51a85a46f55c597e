"""A message as a thread retrieves it, and as it lies in a queue.

>>> from ntipc.window_messages.message import pack_send, unpack_send, SEND
>>> data = pack_send("send_message", SEND, (0x10000, 0x400, 1, 2**64 - 1), 7, 9, 0.0)
>>> unpack_send(data)[1:5]
(65536, 1024, 1, 18446744073709551615)
"""

from __future__ import annotations

import struct
from operator import index
from time import monotonic
from typing import NamedTuple, TypeAlias

from ntipc.errors import Status, from_status

LARGEST_MESSAGE = 0xFFFF_FFFF
LEAST_NUMBER, LARGEST_NUMBER = -(2**63), 2**64 - 1


class Message(NamedTuple):
    """A message that :func:`~ntipc.get_message` or :func:`~ntipc.peek_message` has retrieved.

    Attributes:
        hwnd: The window it is for; 0 for a thread message.
        msg: Its number.
        wparam: The first parameter, as it was given.
        lparam: The second parameter, as it was given.
        time: When it was posted, in seconds of :func:`time.monotonic`; of a timer or a quit, when it was made.
    """

    hwnd: int
    msg: int
    wparam: int = 0
    lparam: int = 0
    time: float = 0.0


Outcome: TypeAlias = int | bytes | tuple[int, str]
"""The result of a send; or a status, and the reason why there is none."""

KIND = 0x0F
POST, SEND, NOTIFY, CALLBACK, DATA, RESULT, FAILED, WITHDRAW, TELL, ASK, VALUE = range(1, 12)
"""What a frame of a thread's queue is: the low bits of its first byte. A notice of the kernel has no bytes."""
SENT = frozenset({SEND, NOTIFY, CALLBACK, DATA, TELL, ASK})
"""Those that a window deals with inside of a retrieval."""
WIDE_WPARAM, WIDE_LPARAM, WITH_LINE, IN_SECTION = 0x10, 0x20, 0x40, 0x80
"""The other bits: a parameter is 2**63 or more; the sender's line comes along; the data do, as a section."""

# Posted messages are unpacked, and nearly all of them packed, by the kernel's binding (`inbox.rs`).
POST_FORMAT, SEND_FORMAT, _RESULT = struct.Struct("<BQIqqd"), struct.Struct("<BQIqqQQd"), struct.Struct("<BQq")
PLAIN_RESULT = struct.Struct("<xQq")
"""Without the kind, of frames that have no other bits there."""
_WITHDRAW = struct.Struct("<BQQ")
SEND_SIZE, RESULT_SIZE, WITHDRAW_SIZE = SEND_FORMAT.size, _RESULT.size, _WITHDRAW.size


def pack_post(call: str, hwnd: int, msg: int, wparam: int, lparam: int) -> bytes:
    """Make a frame of a posted message.

    Raises:
        InvalidParameter: ``msg`` is no 32-bit number.
        OverflowError: A parameter needs more than 64 bits.
    """
    try:
        return POST_FORMAT.pack(POST, hwnd, msg, wparam, lparam, monotonic())
    except struct.error:
        wide = _checked_wide(call, msg, wparam, lparam)
        return POST_FORMAT.pack(POST | wide, hwnd, msg, narrowed(wparam), narrowed(lparam), monotonic())


def pack_send(
    call: str, kind: int, message: tuple[int, int, int, int], number: int, sender: int, expires: float
) -> bytes:
    """Make a frame of a message that is sent.

    Args:
        call: The program's call.
        kind: :data:`SEND`, :data:`NOTIFY`, :data:`CALLBACK` or :data:`DATA`, and other bits.
        message: Window, number and parameters.
        number: Number of the send.
        sender: The queue to answer to.
        expires: The moment from which on the receiver must not begin.

    Raises:
        InvalidParameter: Its number has more than 32 bits.
        OverflowError: A parameter needs more than 64 bits.
    """
    try:
        return SEND_FORMAT.pack(kind, *message, number, sender, expires)
    except struct.error:
        hwnd, msg, wparam, lparam = message
        wide = _checked_wide(call, msg, wparam, lparam)
        numbers = narrowed(wparam), narrowed(lparam)
        return SEND_FORMAT.pack(kind | wide, hwnd, msg, *numbers, number, sender, expires)


def unpack_send(data: bytes) -> tuple[int, int, int, int, int, int, int, float]:
    """Return kind, window, number, parameters, number of the send, queue to answer to and moment of expiry."""
    fields: tuple[int, int, int, int, int, int, int, float] = SEND_FORMAT.unpack_from(data)
    if data[0] & (WIDE_WPARAM | WIDE_LPARAM):
        return fields[0], *widened(data[0], Message(*fields[1:5]))[:4], *fields[5:]
    return fields


def widened(kind: int, message: Message) -> Message:
    """Make parameters of 2**63 and more what they were."""
    wparam = message.wparam & LARGEST_NUMBER if kind & WIDE_WPARAM else message.wparam
    lparam = message.lparam & LARGEST_NUMBER if kind & WIDE_LPARAM else message.lparam
    return message._replace(wparam=wparam, lparam=lparam)


def pack_result(number: int, result: int) -> bytes:
    """Make a frame of a result."""
    try:
        return _RESULT.pack(RESULT, number, result)
    except struct.error:
        return _RESULT.pack(RESULT | WIDE_LPARAM, number, narrowed(result))


def pack_value(number: int, value: bytes) -> bytes:
    """Make a frame of a result that is bytes."""
    return _RESULT.pack(VALUE, number, 0) + value


def pack_failure(number: int, status: int, reason: str) -> bytes:
    """Make a frame of what a sender gets in place of a result."""
    return _RESULT.pack(FAILED, number, status) + reason.encode("utf-8", "replace")


def unpack_result(data: bytes) -> tuple[int, Outcome]:
    """Return the number of the send, and what became of it."""
    kind, number, result = _RESULT.unpack_from(data)
    if kind & WIDE_LPARAM:
        result &= LARGEST_NUMBER
    kind &= KIND
    if kind == RESULT:
        return number, result
    rest = data[RESULT_SIZE:]
    return number, rest if kind == VALUE else (result, rest.decode("utf-8", "replace"))


def pack_withdrawal(number: int, sender: int) -> bytes:
    """Make a frame that takes a send back."""
    return _WITHDRAW.pack(WITHDRAW, number, sender)


def unpack_withdrawal(data: bytes) -> tuple[int, int]:
    """Return the number of the send and the sender's queue."""
    _, number, sender = _WITHDRAW.unpack_from(data)
    return number, sender


def check_number(call: str, msg: int) -> int:
    """Return the number of a message, or refuse it."""
    msg = index(msg)
    if not 0 <= msg <= LARGEST_MESSAGE:
        detail = f"the number of a message is 0 to 0xFFFFFFFF, not {msg}"
        raise from_status(Status.INVALID_PARAMETER, call, "", detail)
    return msg


def _checked_wide(call: str, msg: int, wparam: int, lparam: int) -> int:
    """Return the bits that say which parameters are wide, or refuse what does not fit."""
    check_number(call, msg)
    wide = WIDE_WPARAM if checked("wparam", wparam) >= 2**63 else 0
    return wide | (WIDE_LPARAM if checked("lparam", lparam) >= 2**63 else 0)


def checked(what: str, number: int) -> int:
    """Return a parameter or a result that 64 bits hold, or refuse it."""
    number = index(number)
    if not LEAST_NUMBER <= number <= LARGEST_NUMBER:
        raise OverflowError(f"{what} must fit into 64 bits, and {number:#x} does not")
    return number


def narrowed(number: int) -> int:
    """Make the signed number of the same 64 bits."""
    number = index(number)
    return number - (1 << 64) if number >= 1 << 63 else number


def checked_result(result: object) -> int:
    """Return what a handler has returned as a number; ``None`` is 0.

    Raises:
        TypeError: It is no number.
        OverflowError: It needs more than 64 bits.
    """
    if result is None:
        return 0
    if type(result) is int and LEAST_NUMBER <= result <= LARGEST_NUMBER:
        return result
    try:
        return checked("the result of a handler", result)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"a handler returns an int or None, not {type(result).__name__}") from None

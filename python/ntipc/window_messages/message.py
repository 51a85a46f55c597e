"""A message as a thread retrieves it, and as it lies in a queue.

>>> from ntipc.window_messages.message import Message, WIDE_LPARAM, pack_post, unpack_post
>>> tag, data = pack_post("post_message", 0x10000, 0x400, 1, 2**64 - 1)
>>> tag == WIDE_LPARAM, unpack_post(tag, data)[:4]
(True, (65536, 1024, 1, 18446744073709551615))
"""

from __future__ import annotations

import struct
from operator import index
from time import monotonic
from typing import NamedTuple

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


KIND = 0xFF
POST, SEND, NOTIFY, CALLBACK, DATA, RESULT, FAILED, WITHDRAW = range(8)
"""What a frame of a thread's queue is: the low bits of its tag."""
WIDE_WPARAM, WIDE_LPARAM, WITH_LINE, IN_SECTION = 0x100, 0x200, 0x400, 0x800
"""Bits of the tag: a parameter is 2**63 or more; the sender's line comes along; the data do, as a section."""

_POST = struct.Struct("<QqqdI")
SEND_TAIL = struct.Struct("<IQQd")
"""What follows in a message that was sent: line, number of the send, queue to answer to, moment when it expires."""
RESULT_HEAD = struct.Struct("<Qq")
"""Number of the send, result; of one that failed, a status and then the reason."""
POST_SIZE = _POST.size
SEND_SIZE = POST_SIZE + SEND_TAIL.size


def pack_post(call: str, hwnd: int, msg: int, wparam: int, lparam: int) -> tuple[int, bytes]:
    """Make the tag, without its kind, and the data of a message.

    Raises:
        InvalidParameter: ``msg`` is no 32-bit number.
        OverflowError: A parameter needs more than 64 bits.
    """
    try:
        return 0, _POST.pack(hwnd, wparam, lparam, monotonic(), msg)
    except struct.error:
        check_number(call, msg)
        wide = WIDE_WPARAM if checked("wparam", wparam) >= 2**63 else 0
        wide |= WIDE_LPARAM if checked("lparam", lparam) >= 2**63 else 0
        return wide, _POST.pack(hwnd, narrowed(wparam), narrowed(lparam), monotonic(), msg)


def unpack_post(tag: int, data: bytes) -> tuple[int, int, int, int, float]:
    """Return window, number, parameters and time of a message; zeros if the data is of no message."""
    if len(data) < POST_SIZE:
        return 0, 0, 0, 0, 0.0
    hwnd, wparam, lparam, time, msg = _POST.unpack_from(data)
    if tag & (WIDE_WPARAM | WIDE_LPARAM):
        wparam &= LARGEST_NUMBER if tag & WIDE_WPARAM else -1
        lparam &= LARGEST_NUMBER if tag & WIDE_LPARAM else -1
    return hwnd, msg, wparam, lparam, time


def pack_result(send_id: int, result: int) -> tuple[int, bytes]:
    """Make the tag and the data of a result."""
    return RESULT | (WIDE_LPARAM if result >= 2**63 else 0), RESULT_HEAD.pack(send_id, narrowed(result))


def unpack_result(tag: int, data: bytes) -> tuple[int, int, str]:
    """Return the number of the send, its result or the status that it failed with, and the reason."""
    if len(data) < RESULT_HEAD.size:
        return 0, 0, ""
    send_id, result = RESULT_HEAD.unpack_from(data)
    if tag & WIDE_LPARAM:
        result &= LARGEST_NUMBER
    return send_id, result, data[RESULT_HEAD.size :].decode("utf-8", "replace")


def check_number(call: str, msg: int) -> int:
    """Return the number of a message, or refuse it."""
    msg = index(msg)
    if not 0 <= msg <= LARGEST_MESSAGE:
        detail = f"the number of a message is 0 to 0xFFFFFFFF, not {msg}"
        raise from_status(Status.INVALID_PARAMETER, call, "", detail)
    return msg


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
    try:
        return checked("the result of a handler", result)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"a handler returns an int or None, not {type(result).__name__}") from None

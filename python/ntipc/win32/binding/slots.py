r"""Mailslots by handles.

>>> from ntipc.win32.binding.opening import CreateFile
>>> from ntipc.win32.binding.transfers import ReadFile, WriteFile
>>> slot = CreateMailslot(r"\\.\mailslot\docs", 0, 0, None)
>>> writer = CreateFile(r"\\.\mailslot\docs", 0x40000000, 1, None, 3, 0, None)
>>> WriteFile(writer, b"news"), GetMailslotInfo(slot), ReadFile(slot, 4)
((0, 4), [0, 4, 1, 0], (0, b'news'))
"""

from __future__ import annotations

from operator import index
from typing import Final

from ntipc.errors import NtError, Status, from_status
from ntipc.mailslots import Mailslot
from ntipc.queues.ends import LONGEST_MESSAGE
from ntipc.win32.binding.arguments import DWORD, seconds_of, text
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.last_error import last
from ntipc.win32.binding.paths import classify
from ntipc.win32.binding.pyhandle import HandleLike, PyHANDLE, new_handle, object_of_kind
from ntipc.win32.binding.security import SecurityAttributes, inherits

_NO_MESSAGE: Final = -1
_FOR_EVER: Final = -1


def CreateMailslot(
    Name: str, MaxMessageSize: int, ReadTimeout: int, SecurityAttributes: SecurityAttributes | None, /
) -> PyHANDLE:
    """Make a mailslot, to read from.

    Args:
        Name: The name.
        MaxMessageSize: Most bytes of a message; 0 for any number.
        ReadTimeout: Milliseconds that a read waits for a message; -1 for ever.
        SecurityAttributes: Whether the handle is inherited.

    Source:
        CreateMailslot (Win32).
    """
    name, longest, seconds = text(Name), index(MaxMessageSize) & DWORD, seconds_of(ReadTimeout)
    last.code = 0
    try:
        kind, path = classify(name)
        if kind != "mailslot":
            advice = r"the name of a mailslot begins with \\.\mailslot" "\\"
            raise from_status(Status.OBJECT_NAME_INVALID, "CreateMailslot", "", advice)
        slot = Mailslot(path, max_message=min(longest, LONGEST_MESSAGE) or None, read_timeout=seconds)
    except NtError as problem:
        raise failed(problem, "CreateMailslot") from None
    if SecurityAttributes is not None:
        slot.inheritable = inherits(SecurityAttributes)
    return new_handle(slot)


def GetMailslotInfo(Mailslot_: HandleLike, /) -> list[int]:
    """Tell of a mailslot: most bytes of a message, bytes of the next one or -1, how many wait, and the time limit.

    Source:
        GetMailslotInfo (Win32).
    """
    try:
        slot = object_of_kind(Mailslot_, Mailslot)
        known = slot.info()
    except NtError as problem:
        raise failed(problem, "GetMailslotInfo") from None
    following, seconds = known["next_size"], known["read_timeout"]
    limit = _FOR_EVER if seconds is None else round(seconds * 1000)
    return [known["max_message"] or 0, _NO_MESSAGE if following is None else following, known["count"], limit]


def SetMailslotInfo(Mailslot_: HandleLike, ReadTimeout: int, /) -> None:
    """Set the milliseconds that a read waits for a message; -1 for ever.

    Source:
        SetMailslotInfo (Win32).
    """
    try:
        object_of_kind(Mailslot_, Mailslot).read_timeout = seconds_of(ReadTimeout)
    except NtError as problem:
        raise failed(problem, "SetMailslotInfo") from None

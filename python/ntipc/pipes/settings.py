"""What a server says of a pipe when it makes the first instance, and what is the same for all of its instances.

The settings are two numbers in shared memory, with the pipe's name: a process that opens the name learns them.

>>> Settings.of(Settings("inbound", "byte", max_instances=3).words()) == Settings("inbound", "byte", max_instances=3)
True
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from operator import index
from typing import NamedTuple, Self

from ntipc.errors import NtError, Status, from_status

UNLIMITED = 255
"""Windows' number for as many instances as there may be."""
DEFAULT_WAIT = 0.05
"""Seconds that :func:`ntipc.wait_for_pipe` waits by default, unless the pipe's first instance says otherwise."""
LARGEST_QUOTA = 1 << 40

_MESSAGE = 4
_LONGEST_WAIT_MS = 0xFFFF_FFFF


class PipeAccess(IntFlag):
    """What one end may do; for a server's end that is the pipe's direction, with PIPE_ACCESS_INBOUND's numbers."""

    READ = 1
    WRITE = 2


class PipeState(IntEnum):
    """What becomes of an instance, with the numbers of FILE_PIPE_DISCONNECTED_STATE and its kin."""

    DISCONNECTED = 1
    LISTENING = 2
    CONNECTED = 3
    CLOSING = 4


DIRECTIONS = {"inbound": PipeAccess.READ, "outbound": PipeAccess.WRITE, "duplex": PipeAccess.READ | PipeAccess.WRITE}
"""What the servers' ends may do."""
MODES = ("message", "byte")

_CLIENTS = {"inbound": PipeAccess.WRITE, "outbound": PipeAccess.READ, "duplex": PipeAccess.READ | PipeAccess.WRITE}
_DIRECTION_OF = {int(access): direction for direction, access in DIRECTIONS.items()}


class Settings(NamedTuple):
    """The settings of a pipe.

    Attributes:
        direction: ``"inbound"`` (clients write, servers read), ``"outbound"`` or ``"duplex"``.
        mode: ``"message"`` if messages keep their bounds, or ``"byte"``.
        max_instances: How many instances there may be at a time; ``None`` for any number.
        default_wait: Seconds that a wait for a free instance takes when the client does not say.
        serial: Tells pipes apart that have the same name one after the other.
    """

    direction: str
    mode: str
    max_instances: int | None = None
    default_wait: float = DEFAULT_WAIT
    serial: int = 0

    @classmethod
    def checked(cls, subject: str, direction: str, mode: str, max_instances: int | None, default_wait: float) -> Self:
        """Make settings of a program's arguments.

        Raises:
            InvalidParameter: One of them is impossible.
            TypeError: One of them is of another type.
        """
        for text, known, what in (direction, DIRECTIONS, "direction"), (mode, MODES, "mode"):
            if not isinstance(text, str):
                raise TypeError(f"{what} must be a str, not {type(text).__name__}")
            if text not in known:
                raise _refusal(subject, f"the {what} must be {' or '.join(map(repr, known))}, not {text!r}")
        if max_instances is not None:
            max_instances = index(max_instances)
            if not 0 < max_instances <= UNLIMITED:
                raise _refusal(subject, f"the instances must be 1 to {UNLIMITED}, or None, not {max_instances}")
        if not isinstance(default_wait, (int, float)):
            raise TypeError(f"default_wait must be a number of seconds, not {type(default_wait).__name__}")
        if not 0 <= default_wait * 1000 < _LONGEST_WAIT_MS:
            raise _refusal(subject, f"the default wait must be 0 to 4,294,967 seconds, not {default_wait}")
        return cls(direction, mode, None if max_instances == UNLIMITED else max_instances, default_wait or DEFAULT_WAIT)

    @classmethod
    def of(cls, words: tuple[int, int]) -> Self:
        """Read settings from shared memory, of which nothing is believed."""
        first, second = words
        direction = _DIRECTION_OF.get(first & 3, "duplex")
        most = first >> 32 & 0xFFFF_FFFF
        mode = "message" if first & _MESSAGE else "byte"
        wait = (second & _LONGEST_WAIT_MS) / 1000 or DEFAULT_WAIT
        return cls(direction, mode, most or None, wait, second >> 32)

    def words(self) -> tuple[int, int]:
        """Return them as the two numbers that shared memory keeps."""
        first = DIRECTIONS[self.direction] | (_MESSAGE if self.is_message else 0) | (self.max_instances or 0) << 32
        return first, max(1, round(self.default_wait * 1000)) | self.serial << 32

    @property
    def is_message(self) -> bool:
        """Whether what is written keeps its bounds."""
        return self.mode == "message"

    @property
    def server_access(self) -> PipeAccess:
        """What the servers' ends may do."""
        return DIRECTIONS[self.direction]

    @property
    def client_access(self) -> PipeAccess:
        """What the clients' ends may do."""
        return _CLIENTS[self.direction]


def checked_quota(subject: str, what: str, quota: int) -> int:
    """Return a quota in bytes; 0 makes every writer wait for its reader.

    Raises:
        InvalidParameter: It is negative or more than 2**40.
        TypeError: It is no integer.
    """
    quota = index(quota)
    if not 0 <= quota <= LARGEST_QUOTA:
        raise _refusal(subject, f"the {what} must be 0 to 2**40 bytes, not {quota}")
    return quota


def _refusal(subject: str, detail: str) -> NtError:
    return from_status(Status.INVALID_PARAMETER, "PipeServer", subject, detail)

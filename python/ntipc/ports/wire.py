"""What lies in the frames of ports: tags, and the numbers in front of data.

A frame's tag is a kind in its low byte and, above it, the number that a client gives a call; see :func:`tagged`.

| from   | to           | kind         | data                    | handles                                            |
| ------ | ------------ | ------------ | ----------------------- | -------------------------------------------------- |
| client | door         | CONNECT      | hello, connection data  | its inbox's write end, its lifeline, a section     |
| port   | that caller  | ACCEPTED     | welcome, data           | the badged write end; a section, if it offers one  |
|        |              | REFUSED      | data                    |                                                    |
| client | port         | CALL         | data                    | the program's                                      |
|        |              | BEGIN        | data                    | the write end for the answer, then the program's   |
|        |              | DATAGRAM     | data                    | the program's                                      |
|        |              | WITHDRAWN    | nothing                 |                                                    |
| port   | caller       | ANSWER       | data                    | the program's                                      |
|        |              | ASK          | data                    | the write end for the result, then the program's   |
|        |              | READ, WRITE  | place; data             | the write end for the result                       |
| caller | asking       | RESULT       | data                    | of a begun call: the write end for the answer; ... |
|        | thread       | FAILED       | why                     | the same                                           |
| port   | client       | DATAGRAM     | data                    | the program's                                      |
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, cast

from ntipc.errors import NtError, Status, from_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

CALL: Final = 0
BEGIN: Final = 1
DATAGRAM: Final = 2
WITHDRAWN: Final = 3
CONNECT: Final = 4
ACCEPTED: Final = 5
REFUSED: Final = 6
ANSWER: Final = 7
ASK: Final = 8
READ: Final = 9
WRITE: Final = 10
RESULT: Final = 11
FAILED: Final = 12

VERSION: Final = 1
HELLO: Final = struct.Struct("<4sHBxQ")
"""Magic, version, whether a section is offered, size of its view."""
WELCOME: Final = struct.Struct("<QQBxxxxxxxQ")
"""``max_message``, ``max_large``, whether a section is offered, size of its view."""
MAGIC: Final = b"port"
PLACE: Final = struct.Struct("<IQQ")
"""Number of a buffer, where in it, how many bytes."""

KIND: Final = 0xFF
NUMBER_BITS: Final = 24
LARGEST_CONNECTION_DATA: Final = 65_536
"""Bytes that a connection request, and the answer to it, may carry."""


def tagged(kind: int, number: int = 0) -> int:
    """Return the tag of a frame of this kind, with the number of a call.

    >>> tagged(BEGIN, 5) == 5 << 8 | BEGIN
    True
    """
    return (number & (1 << NUMBER_BITS) - 1) << 8 | kind


def length_of(data: Buffer | Sequence[Buffer]) -> int:
    """Count the bytes of data, or of pieces of data."""
    if isinstance(data, (list, tuple)):
        return sum(memoryview(piece).nbytes for piece in data)
    return len(data) if isinstance(data, bytes) else memoryview(cast("Buffer", data)).nbytes


def too_long(call: str, subject: str, length: int, limit: int, name: str) -> NtError:
    """Refuse data, with both numbers."""
    detail = f"the data has {length:,} bytes, and {name} allows {limit:,}"
    return from_status(Status.INVALID_PARAMETER, call, subject, detail)

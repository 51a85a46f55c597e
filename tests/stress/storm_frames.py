"""Frames of a storm: each can be told from every other, and what became of each is written down.

A worker has numbers of its own, which no other worker of the storm has had. It notes a frame before it puts it and when
it has; the taker notes that. In the end each frame was taken once or not at all, and of those that were put for
certain no more are missing than takers have died in the middle of taking.
"""

import mmap
import struct
from dataclasses import dataclass

HEAD = struct.Struct("<QII")
"""Number of the frame, its length, the queue that it was put into."""
FRAMES = 2048
"""Numbers that each worker has."""
UNNOTED = 0xFFFF_FFFF_FFFF_FFFF
"""Number of frames of which nobody keeps account."""
PATTERN = bytes(place * 7 % 251 for place in range(251)) * 700

BEGUN, PUT = 1, 2


def build(number: int, queue: int, length: int) -> list[bytes]:
    """A frame of that length or somewhat more, in pieces."""
    length = max(length, HEAD.size)
    start = number % 251
    return [HEAD.pack(number, length, queue), PATTERN[start : start + length - HEAD.size]]


@dataclass(frozen=True)
class Read:
    """What a frame says of itself."""

    number: int
    queue: int


def read(data: bytes) -> Read | str:
    """What is in a frame, or what is wrong with it."""
    if not data:
        return Read(UNNOTED, 0)
    if len(data) < HEAD.size:
        return f"{len(data)} bytes that nobody has put"
    number, length, queue = HEAD.unpack_from(data)
    start = number % 251
    if len(data) != length or data[HEAD.size :] != PATTERN[start : start + length - HEAD.size]:
        return f"frame {number:x} for queue {queue} is not as it was put: {len(data)} bytes of {length}"
    return Read(number, queue)


class Register:
    """What became of each frame: two bytes each, in memory that all workers inherit."""

    def __init__(self, workers: int) -> None:
        self.put, self.taken = (mmap.mmap(-1, workers * FRAMES) for _ in range(2))

    def note_put(self, number: int, state: int) -> None:
        if number != UNNOTED:
            self.put[number] = state

    def note_taken(self, number: int) -> str | None:
        """Note it; words, if somebody had it before."""
        if number == UNNOTED:
            return None
        if self.taken[number]:
            return f"frame {number:x} was taken twice"
        if not self.put[number]:
            return f"frame {number:x} was taken and never put"
        self.taken[number] = 1
        return None

    def count(self) -> tuple[int, int, int]:
        """Frames that were put for certain, that were taken, and that were put for certain and never taken."""
        put, taken = self.put[:], self.taken[:]
        lost = sum(a == PUT and not b for a, b in zip(put, taken, strict=True))
        return put.count(PUT), taken.count(1), lost

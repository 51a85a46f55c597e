"""What a queue is, without shared memory: the model that `test_queues.py` holds the kernel against."""

from dataclasses import dataclass, field

FRAMES_BEYOND = 1024
"""Messages that a queue takes beyond one a byte of its quota."""


@dataclass
class Message:
    """What was put. ``begun``: bytes of it that have been taken."""

    data: bytes
    tag: int
    carried: list[int]
    begun: int = 0

    @property
    def rest(self) -> bytes:
        return self.data[self.begun :]


@dataclass
class ModelQueue:
    """One queue: what is in it, and how many handles each end has."""

    quota: int
    messages: list[Message] = field(default_factory=list)
    readers: int = 1
    writers: int = 1
    broken: bool = False

    @property
    def size(self) -> int:
        return sum(len(message.rest) for message in self.messages)

    def has_room(self, length: int) -> bool:
        fits = not self.size or self.size + length <= self.quota
        return fits and len(self.messages) < self.quota + FRAMES_BEYOND

    @property
    def can_be_read(self) -> bool:
        return bool(self.messages) or not self.writers or self.broken

    @property
    def can_be_written(self) -> bool:
        return self.has_room(1) or not self.readers or self.broken

    def refusal_to_put(self) -> str | None:
        if self.broken:
            return "broken"
        return None if self.readers else "PeerGone"

    def refusal_to_take(self) -> str | None:
        if self.broken:
            return "broken"
        return "EndOfStream" if not self.messages and not self.writers else None

    def put(self, data: bytes, tag: int, carried: list[int]) -> bool:
        if not self.has_room(len(data)):
            return False
        self.messages.append(Message(data, tag, carried))
        return True

    def take(self, limit: int | None) -> tuple[bytes, int, Message] | None:
        """A message or a part of it, bytes that are left of it, and the message."""
        if not self.messages:
            return None
        message = self.messages[0]
        data = message.rest[:limit]
        message.begun += len(data)
        left = len(message.rest)
        if not left:
            self.messages.pop(0)
        return data, left, message

    def take_stream(self, limit: int) -> bytes:
        """Bytes of as many messages as it takes."""
        data = b""
        while len(data) < limit and self.messages:
            part = self.take(limit - len(data))
            data += part[0] if part else b""
        return data

    def empty(self) -> None:
        """Nobody can read it, or it is broken: what is in it is gone."""
        self.messages.clear()

"""Messages of queues: what comes with the bytes, and objects of Python as messages."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

from ntipc import _kernel
from ntipc.objects import NtObject, claim
from ntipc.sessions import Session

MOST_HANDLES = 8
"""Objects that one message carries."""


class QueueMessage:
    """A message with what came along.

    Attributes:
        data: The bytes.
        tag: The number that the sender gave it.
        pid: Process id of the sender as the session knows it; ``None`` if that process has left the session.
        objects: What came along: new handles to the objects that the sender gave, which are this process's now.
    """

    __slots__ = __match_args__ = ("data", "tag", "pid", "objects")

    def __init__(self, data: bytes, tag: int = 0, pid: int | None = None, objects: Sequence[NtObject] = ()) -> None:
        self.data = data
        self.tag = tag
        self.pid = pid
        self.objects = tuple(objects)

    def __repr__(self) -> str:
        data = repr(self.data) if len(self.data) <= 40 else f"{self.data[:40]!r}... ({len(self.data):,} bytes)"
        objects = f", objects={self.objects}" if self.objects else ""
        return f"QueueMessage(data={data}, tag={self.tag}, pid={self.pid}{objects})"


def message_of(end: _kernel.ReadEnd, session: Session, frame: _kernel.Frame) -> QueueMessage:
    """Say who sent a frame, and make objects of the handles that came along."""
    process = end.process_of(frame.sender)
    return QueueMessage(frame.data, frame.tag, process and process[0], claim(frame, session))


def pack(value: object, session: str | None) -> tuple[bytes, list[NtObject]]:
    """Pickle a value for a message of that session; and the objects in it that go along as handles."""
    packer = _Packer(io.BytesIO(), session)
    packer.dump(value)
    return packer.buffer.getvalue(), packer.luggage


def unpack(frame: _kernel.Frame, session: Session) -> Any:
    """Make the value of a frame again."""
    return _Unpacker(frame, session).load()


class _Packer(pickle.Pickler):
    """Sends objects of this library as handles: a message that nobody takes gives them up, which no pickle can."""

    def __init__(self, buffer: io.BytesIO, session: str | None) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self.buffer, self.session = buffer, session
        self.luggage: list[NtObject] = []

    def persistent_id(self, value: object) -> tuple[int, type[NtObject]] | None:
        # Those of other sessions, and those that are more than a handle, are pickled as they are anywhere else.
        if not isinstance(value, NtObject) or value.session_path != self.session or getattr(value, "__dict__", None):
            return None
        place = next((place for place, known in enumerate(self.luggage) if known is value), len(self.luggage))
        if place == len(self.luggage):
            if place == MOST_HANDLES or value.closed:
                return None
            self.luggage.append(value)
        return place, type(value)


class _Unpacker(pickle.Unpickler):
    def __init__(self, frame: _kernel.Frame, session: Session) -> None:
        super().__init__(io.BytesIO(frame.data))
        self.session = session
        self.luggage = claim(frame, session)

    def persistent_load(self, where: tuple[int, type[NtObject]]) -> NtObject:
        place, kind = where
        if not 0 <= place < len(self.luggage) or not issubclass(kind, NtObject):
            raise pickle.UnpicklingError("the message names an object that did not come along")
        arrived = self.luggage[place]
        if type(arrived) is not kind:  # a class that was made of one of ours
            own = kind.__new__(kind)
            own.adopt(self.session._native, arrived.duplicate_handle())
            self.luggage[place] = arrived = own
        return arrived

"""Messages of queues: what comes with the bytes, and objects of Python as messages."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ntipc import _kernel
from ntipc.errors import EndOfStream, Status, from_status
from ntipc.objects.arrivals import claim
from ntipc.objects.object import NtObject
from ntipc.session.session import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer

MOST_HANDLES = 8
"""Objects that one message carries."""


class QueueMessage:
    """A message with what came along.

    Attributes:
        data: The bytes.
        tag: The number that the sender gave it.
        pid: Process id of the sender as the session knows it; ``None`` if that process has left the session, or lives
            in another pid namespace.
        objects: What came along: new handles to the objects that the sender gave, which are this process's now.

    >>> import ntipc
    >>> queue = ntipc.Queue()
    >>> queue.put(b"hello", tag=3)
    >>> match queue.receive():
    ...     case QueueMessage(data, 3):
    ...         print(data)
    b'hello'
    """

    __slots__ = ("_frame", "data", "objects", "pid", "tag")
    __match_args__ = ("data", "tag", "pid", "objects")

    _frame: _kernel.Frame | None

    def __init__(self, data: bytes, tag: int = 0, pid: int | None = None, objects: Sequence[NtObject] = ()) -> None:
        self.data = data
        self.tag = tag
        self.pid = pid
        self.objects = tuple(objects)
        self._frame = None

    @property
    def is_request(self) -> bool:
        """Whether its sender waits for a reply."""
        return self._frame is not None and self._frame.correlation != 0

    def reply(
        self,
        data: Buffer | Sequence[Buffer],
        *,
        tag: int = 0,
        handles: Iterable[NtObject] | None = None,
        move: bool = False,
    ) -> None:
        """Answer a request that came by :meth:`~ntipc.QueueWriter.call`, once, from any thread of this process.

        Args:
            data: Bytes, or a list or tuple of pieces.
            tag: A number for the caller.
            handles: Up to 8 objects that go along.
            move: Whether they go themselves, and are closed here, or copies of their handles.

        Raises:
            ReplyMismatch: Nobody waits for this reply: it was given before, the caller has given up or ended, or the
                message is no request. Nothing is sent or moved.
            InvalidParameter: It is longer than 1 GiB - 1, or there are more than 8 handles.

        Source:
            NtReplyPort (NT).
        """
        if self._frame is None:
            raise from_status(Status.REPLY_MESSAGE_MISMATCH, "QueueMessage.reply", "", "the message is no request")
        self._frame.reply(data, tag=tag, handles=handles, move=move, operation="QueueMessage.reply")

    def __repr__(self) -> str:
        data = repr(self.data) if len(self.data) <= 40 else f"{self.data[:40]!r}... ({len(self.data):,} bytes)"
        objects = f", objects={self.objects}" if self.objects else ""
        return f"QueueMessage(data={data}, tag={self.tag}, pid={self.pid}{objects})"


def message_of(frame: _kernel.Frame) -> QueueMessage:
    """Say who sent a frame, and make objects of the handles that came along."""
    message = QueueMessage(frame.data, frame.tag, frame.pid, claim(frame))
    message._frame = frame
    return message


def pack(value: object, session: Session) -> tuple[bytes, Sequence[_kernel.Object]]:
    """Pickle a value for a message of that session; and the objects in it that go along as handles.

    If there are more of them than a message carries, those beyond lie in the messages of a queue that goes along.
    """
    packer = _Packer(io.BytesIO(), session)
    packer.dump(value)
    data, luggage = packer.buffer.getvalue(), packer.luggage
    if len(luggage) <= MOST_HANDLES:
        return data, luggage
    return data + _TRAILER, [*luggage[: MOST_HANDLES - 1], _set_apart(luggage[MOST_HANDLES - 1 :], session)]


def _set_apart(luggage: list[NtObject], session: Session) -> _kernel.Object:
    """Put handles to all of these into a queue of its own; its reading end."""
    reader, writer = _kernel.ReadEnd(), _kernel.WriteEnd()
    reader._bind(session._native, None, _kernel.CREATE, 0, _NO_QUOTA, (0, 0), writer)
    for first in range(0, len(luggage), MOST_HANDLES):
        writer._put(b"", 0, handles=luggage[first : first + MOST_HANDLES])
    return reader


def unpack(frame: _kernel.Frame) -> Any:
    """Make the value of a frame again."""
    return _Unpacker(frame).load()


_NO_QUOTA = 1 << 40
_TRAILER = b"+"
"""What follows the end of a pickle whose last handle leads to more of them."""


class _Packer(pickle.Pickler):
    """Sends objects of this library as handles: a message that nobody takes gives them up, which no pickle can."""

    def __init__(self, buffer: io.BytesIO, session: Session) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self.buffer, self.session = buffer, session
        self.luggage: list[NtObject] = []
        self._places: dict[int, int] = {}

    def persistent_id(self, value: object) -> tuple[int, type[NtObject], dict[str, Any] | None] | None:
        # Those of other sessions, and what is no handle, are pickled as they are anywhere else.
        if not isinstance(value, NtObject) or value.closed or not value._goes_by_handle():
            return None
        if value._session_path != self.session.path:
            return None
        place = self._places.setdefault(id(value), len(self.luggage))
        if place < len(self.luggage):
            return place, type(value), None
        self.luggage.append(value)
        return place, type(value), vars(value) or None  # in which there may be more of them: a queue has two ends


class _Unpacker(pickle.Unpickler):
    def __init__(self, frame: _kernel.Frame) -> None:
        super().__init__(io.BytesIO(frame.data))
        self.luggage = claim(frame)
        if frame.data.endswith(_TRAILER) and self.luggage:
            self._unload(self.luggage.pop())

    def _unload(self, trailer: NtObject) -> None:
        if not isinstance(trailer, _kernel.ReadEnd):
            raise pickle.UnpicklingError("the message does not lead to what should have come along")
        try:
            while (frame := trailer._take(None, 0)) is not None:
                self.luggage += claim(frame)
        except EndOfStream:
            trailer.close()

    def persistent_load(self, what: tuple[int, type[NtObject], dict[str, Any] | None]) -> NtObject:
        place, kind, known = what
        if not 0 <= place < len(self.luggage) or not issubclass(kind, NtObject):
            raise pickle.UnpicklingError("the message names an object that did not come along")
        arrived = self.luggage[place]
        if type(arrived) is not kind:  # one of a program's own, or a whole queue
            own = kind.__new__(kind)
            own._copy_from(arrived)
            arrived.close()
            self.luggage[place] = arrived = own
        if known is not None:  # as pickle does it
            getattr(arrived, "__setstate__", vars(arrived).update)(known)
        return arrived

"""The two ends of a queue: the holder of one learns when nobody has the other any more.

>>> import ntipc
>>> reader, writer = ntipc.Queue().split()
>>> writer.put(b"last")
>>> writer.close()
>>> list(reader)
[b'last']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ntipc import _kernel
from ntipc.errors import EndOfStream, NtError, Status
from ntipc.objects.named import NamedObject
from ntipc.objects.object import ClosingObject, NtObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.queues.messages import QueueMessage, message_of, pack, unpack
from ntipc.session.session import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer

LONGEST_MESSAGE: int = _kernel.LONGEST_FRAME
"""Bytes that one message may have, 1 GiB - 1. What is longer goes in several, or into a section."""


class QueueInfo(ObjectInfo):
    """What :meth:`QueueReader.info` and :meth:`QueueWriter.info` tell.

    ``quota`` is the number of bytes that the queue holds before writers wait, ``bytes`` and ``messages`` what waits to
    be read. ``readers`` and ``writers`` count the handles to each end, those of all processes.
    """

    quota: int
    bytes: int
    messages: int
    readers: int
    writers: int


class QueueEnd(ClosingObject, NamedObject):
    """What both ends of a queue have."""

    __slots__ = ()

    _kind = "queue"

    def info(self) -> QueueInfo:
        """Tell what waits in the queue, its quota, who has its ends, and who waits for this one.

        Raises:
            AccessDenied: The handle lacks the right ``QUERY_STATE``.
            HandleClosed: This end is closed.

        >>> from ntipc import Queue
        >>> info = Queue(quota=1000).info()
        >>> info["quota"], info["bytes"], info["messages"], info["readers"], info["writers"]
        (1000, 0, 0, 1, 1)
        """
        info = cast("dict[str, Any]", super().info())
        info["kind"] = type(self).__name__
        del info["user"], info["broken"]
        return cast("QueueInfo", info)

    def qsize(self) -> int:
        """Count the messages that wait to be read. By the time it is known, it may have changed."""
        return self.info()["messages"]

    def empty(self) -> bool:
        """Say whether no message waits to be read. By the time it is known, that may have changed."""
        return self.qsize() == 0

    def _bind_opened(self, attachment: _kernel.Session, local: str | None, rights: int) -> None:
        self._open_end(attachment, local, rights)

    _open_end: Callable[..., None]
    """Opens this end alone: a method of the native type, which stands before this class."""

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"messages={info['messages']}", f"bytes={info['bytes']}/{info['quota']}"]


@register(_kernel.ReadEnd)
class QueueReader(_kernel.ReadEnd, QueueEnd):
    """The end of a queue that messages are taken from.

    It can be waited for, alone or with others: it is set while there is a message, and when nobody can write any more.
    Several readers share the messages: each goes to one of them. ``with`` closes it, and ``for`` takes messages until
    the end of the stream. ``get(timeout=None)`` takes the next message and returns its bytes: it raises
    :exc:`~ntipc.Timeout` if none comes in time, and :exc:`~ntipc.EndOfStream` (an ``EOFError``) once no message is left
    and every writing end is closed or its process dead.

    Args:
        name: Name of the queue.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectNotFound: No object has this name.
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        InvalidParameter: ``name`` is empty.

    >>> from ntipc import Queue
    >>> reader, writer = Queue().split()
    >>> with writer:
    ...     writer.put(b"one")
    ...     writer.put(b"two")
    >>> list(reader)
    [b'one', b'two']
    """

    def __init__(self, name: str, *, session: Session | str | None = None) -> None:
        self._open_named(name, None, session)

    get = _kernel.ReadEnd._get

    def peek(self) -> bytes | None:
        """Look at the next message, and leave it there.

        Returns:
            Its bytes; ``None`` if none is there now, which a message of no bytes, ``b""``, is not. Another reader may
            take it before this one does.

        Raises:
            EndOfStream: No message is left and none can come; an ``EOFError``.
            HandleClosed: This end is closed.

        Source:
            PeekNamedPipe (Win32).

        >>> from ntipc import Queue
        >>> queue = Queue()
        >>> queue.peek()
        >>> queue.put(b"next")
        >>> queue.peek(), queue.get()
        (b'next', b'next')
        """
        frame = self._peek()
        return None if frame is None else frame.data

    def receive(self, timeout: float | None = None) -> QueueMessage:
        """Take the next message with its tag and its sender.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: None came in time.
            EndOfStream: No message is left and none can come; an ``EOFError``.
            HandleClosed: This end is closed.

        >>> from ntipc import Queue
        >>> import os
        >>> queue = Queue()
        >>> queue.put(b"pulse", tag=7)
        >>> message = queue.receive()
        >>> message.data, message.tag, message.pid == os.getpid()
        (b'pulse', 7, True)
        """
        frame = self._take(None, timeout)
        if frame is None:
            raise self._late("receive")
        return message_of(frame)

    def get_into(self, buffer: Buffer, timeout: float | None = None) -> int:
        """Take the next message into memory that is there already.

        Args:
            buffer: A writable object such as a ``bytearray``, a ``memoryview`` or an array.
            timeout: Seconds to wait for a message; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            How many bytes the message had.

        Raises:
            BufferTooSmall: The message is longer than the buffer; it stays the next one.
            Timeout: None came in time.
            EndOfStream: No message is left and none can come; an ``EOFError``.
            HandleClosed: This end is closed.

        >>> from ntipc import Queue
        >>> queue, buffer = Queue(), bytearray(b"------")
        >>> queue.put(b"four")
        >>> queue.get_into(buffer), buffer
        (4, bytearray(b'four--'))
        """
        taken = self._take_into(buffer, timeout, whole=True)
        if taken is None:
            raise self._late("get_into")
        if taken.left:
            raise self._failure(Status.BUFFER_TOO_SMALL, "get_into", f"the message has {taken.left:,} bytes")
        return taken.size

    def get_object(self, timeout: float | None = None) -> Any:
        """Take the next message, which :meth:`QueueWriter.put_object` has put, and unpickle it.

        Unpickling runs what the sender wants to be run: use it only where you trust every process that may
        write to the queue.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: None came in time.
            EndOfStream: No message is left and none can come; an ``EOFError``.
            HandleClosed: This end is closed.
            pickle.UnpicklingError: The message is no pickle.

        >>> from ntipc import Queue
        >>> import ntipc
        >>> queue, event = Queue(), ntipc.Event()
        >>> queue.put_object({"done": event})
        >>> queue.get_object()["done"].set(), event.wait(0)
        (False, True)
        """
        frame = self._take(None, timeout)
        if frame is None:
            raise self._late("get_object")
        return unpack(frame)

    def __iter__(self) -> Iterator[bytes]:
        """Take messages until the end of the stream."""
        try:
            while True:
                yield self.get()
        except EndOfStream:
            return

    def _late(self, call: str) -> NtError:
        return self._failure(Status.TIMEOUT, call, "nothing has come")


@register(_kernel.WriteEnd)
class QueueWriter(_kernel.WriteEnd, QueueEnd):
    """The end of a queue that messages are put into.

    It can be waited for, alone or with others: it is set while there is room, and when nobody can read any more. The
    messages of one writer stay in order. ``with`` closes it.

    ``put(data, timeout=None, *, tag=0, handles=None, move=False)`` puts bytes, or a list or tuple of pieces, as one
    message, whole or not at all. ``tag`` is a number for the receiver. ``handles`` are up to 8 objects of the same
    session that go along: the receiver gets handles to them with the rights that these have, be the sender alive then
    or not; with ``move`` they are the receiver's alone, and closed here. A message that nobody takes gives them up. It
    raises :exc:`~ntipc.Timeout` if there is no room in time, :exc:`~ntipc.PeerGone` (a ``BrokenPipeError``) if every
    reading end is closed or its process dead, and :exc:`~ntipc.InvalidParameter` for a message longer than
    :data:`LONGEST_MESSAGE`; nothing is put or moved then. ``flush(timeout=None)`` waits until all that was put is read.

    Args:
        name: Name of the queue.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectNotFound: No object has this name.
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        InvalidParameter: ``name`` is empty.

    >>> from ntipc import Queue
    >>> queue = Queue("jobs")
    >>> QueueWriter("jobs").put(b"one")
    >>> queue.get()
    b'one'
    """

    def __init__(self, name: str, *, session: Session | str | None = None) -> None:
        self._open_named(name, None, session)

    put = _kernel.WriteEnd._put
    flush = _kernel.WriteEnd._flush

    def put_object(self, value: object, timeout: float | None = None, *, tag: int = 0) -> None:
        """Pickle an object, and put that as one message.

        Args:
            value: Anything that can be pickled. Objects of this library arrive as handles to the same objects.
            timeout: Seconds to wait for room; 0 or less to only look, ``None`` to wait for ever.
            tag: A number for the receiver.

        Raises:
            Timeout: There was no room in time. Nothing is put.
            PeerGone: Nobody can read it; a ``BrokenPipeError``.
            pickle.PicklingError: ``value`` cannot be pickled.
        """
        data, objects = pack(value, self.session)
        self.put(data, timeout, tag=tag, handles=objects or None)

    def call(
        self,
        data: Buffer | Sequence[Buffer],
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[NtObject] | None = None,
    ) -> QueueMessage:
        """Put a request, and wait for the reply to it.

        The receiver takes it by :meth:`QueueReader.receive` and answers with :meth:`QueueMessage.reply`. Any number of
        threads and processes may call at once; each gets the reply to its own request.

        Args:
            data: Bytes, or a list or tuple of pieces.
            timeout: Seconds for all of it; ``None`` to wait for ever. A reply that comes later is thrown away.
            tag: A number for the receiver.
            handles: Up to 8 objects that go along, as copies of their handles.

        Raises:
            Timeout: There was no room, or no reply, in time. The request may still be taken.
            ReplyLost: Its receiver ended without a reply, or every reading end was closed; a ``BrokenPipeError``.
            PeerGone: There was nobody to read it in the first place.
            InvalidParameter: The message is too long, or there are more than 8 handles.

        Source:
            NtRequestWaitReplyPort (NT).

        >>> from ntipc import Queue
        >>> import threading
        >>> queue = Queue()
        >>> server = threading.Thread(target=lambda: queue.receive().reply(b"pong"))
        >>> server.start()
        >>> queue.writer.call(b"ping", timeout=10).data
        b'pong'
        >>> server.join()
        """
        frame = self._request(data, timeout, tag=tag, handles=handles)
        if frame is None:
            raise self._failure(Status.TIMEOUT, "call", "no reply has come")
        return message_of(frame)

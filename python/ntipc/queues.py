"""Queues: bounded rows of messages between processes, first in, first out.

A queue has a reading end and a writing end. A :class:`Queue` holds both; :class:`QueueReader` and
:class:`QueueWriter` hold one, so that each side learns when the other is gone.

>>> import ntipc
>>> queue = ntipc.Queue("jobs")
>>> queue.put(b"first")
>>> queue.put([b"sec", b"ond"])
>>> queue.get(), queue.get(timeout=10)
(b'first', b'second')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

from ntipc import _kernel
from ntipc.errors import EndOfStream, NtError, Status, from_status
from ntipc.names import describe
from ntipc.objects import ClosingObject, HasPid, NtObject, ObjectInfo
from ntipc.queue_messages import QueueMessage, message_of, pack, unpack
from ntipc.sessions import Session, place

if TYPE_CHECKING:
    from typing_extensions import Buffer

LONGEST_MESSAGE: int = _kernel.LONGEST_FRAME
"""Bytes that one message may have, 1 GiB - 1. What is longer goes in several, or into a section."""
DEFAULT_QUOTA = 1 << 20
LARGEST_QUOTA = 1 << 40
LARGEST_TAG = 0xFFFF_FFFF
MANY = 0xFFFF_FFFF
"""More handles than an end can have."""


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


class QueueEnd(ClosingObject):
    """What both ends of a queue have."""

    __slots__ = ()

    _kind = "queue"

    def info(self) -> QueueInfo:
        """Tell what waits in the queue, its quota, who has its ends, and who waits for this one.

        Raises:
            AccessDenied: The handle lacks the right ``QUERY_STATE``.
            HandleClosed: This end is closed.

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

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"messages={info['messages']}", f"bytes={info['bytes']}/{info['quota']}"]


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

    >>> reader, writer = Queue().split()
    >>> with writer:
    ...     writer.put(b"one")
    ...     writer.put(b"two")
    >>> list(reader)
    [b'one', b'two']
    """

    def __init__(self, name: str, *, session: Session | str | None = None) -> None:
        self._open(name, None, session)

    @classmethod
    def open(cls, name: str, access: int | None = None, *, session: Session | str | None = None) -> Self:
        """Open the reading end of an existing queue.

        Args:
            name: Its name.
            access: Rights of the handle; ``None`` for all.
            session: The session, or its name; ``None`` for the default one.

        Raises:
            ObjectNotFound: No object has this name.
            ObjectTypeMismatch: The name belongs to an object of another type.
            AccessDenied: ``access`` is 0.
            InvalidParameter: ``name`` is empty.

        >>> queue = Queue("jobs")
        >>> queue.put(b"one")
        >>> QueueReader.open("jobs").get()
        b'one'
        """
        self = cls.__new__(cls)
        self._open(name, access, session)
        return self

    def _open(self, name: str, access: int | None, session: Session | str | None) -> None:
        wanted = self._rights(access, "open", name)
        attachment, local = place(self._nameable(name), session)
        self.open_end(attachment, cast("str", local), wanted, MANY)

    def receive(self, timeout: float | None = None) -> QueueMessage:
        """Take the next message with its tag and its sender.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: None came in time.
            EndOfStream: No message is left and none can come; an ``EOFError``.
            HandleClosed: This end is closed.

        >>> import os
        >>> queue = Queue()
        >>> queue.put(b"pulse", tag=7)
        >>> message = queue.receive()
        >>> message.data, message.tag, message.pid == os.getpid()
        (b'pulse', 7, True)
        """
        frame = self.take(None, timeout)
        if frame is None:
            raise self._late("receive")
        return message_of(self.session, frame)

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

        >>> queue, buffer = Queue(), bytearray(b"------")
        >>> queue.put(b"four")
        >>> queue.get_into(buffer), buffer
        (4, bytearray(b'four--'))
        """
        taken = self.take_into(buffer, timeout, whole=True)
        if taken is None:
            raise self._late("get_into")
        if taken.left:
            raise self._failure(Status.BUFFER_TOO_SMALL, "get_into", f"the message has {taken.left:,} bytes")
        return taken.size

    def get_object(self, timeout: float | None = None) -> Any:
        """Take the next message, which :meth:`QueueWriter.put_object` has put, and unpickle it.

        Unpickling runs what the sender wants to be run: use it only where you trust whoever may write to the queue.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            Timeout: None came in time.
            EndOfStream: No message is left and none can come; an ``EOFError``.
            HandleClosed: This end is closed.
            pickle.UnpicklingError: The message is no pickle.

        >>> import ntipc
        >>> queue, event = Queue(), ntipc.Event()
        >>> queue.put_object({"done": event})
        >>> queue.get_object()["done"].set(), event.wait(0)
        (False, True)
        """
        frame = self.take(None, timeout)
        if frame is None:
            raise self._late("get_object")
        return unpack(frame, self.session)

    def __iter__(self) -> Iterator[bytes]:
        """Take messages until the end of the stream."""
        try:
            while True:
                yield self.get()
        except EndOfStream:
            return

    def _late(self, call: str) -> NtError:
        return self._failure(Status.TIMEOUT, call, "nothing has come")


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

    >>> queue = Queue("jobs")
    >>> QueueWriter("jobs").put(b"one")
    >>> queue.get()
    b'one'
    """

    def __init__(self, name: str, *, session: Session | str | None = None) -> None:
        self._open(name, None, session)

    @classmethod
    def open(cls, name: str, access: int | None = None, *, session: Session | str | None = None) -> Self:
        """Open the writing end of an existing queue.

        Args:
            name: Its name.
            access: Rights of the handle; ``None`` for all.
            session: The session, or its name; ``None`` for the default one.

        Raises:
            ObjectNotFound: No object has this name.
            ObjectTypeMismatch: The name belongs to an object of another type.
            AccessDenied: ``access`` is 0.
            InvalidParameter: ``name`` is empty.
        """
        self = cls.__new__(cls)
        self._open(name, access, session)
        return self

    def _open(self, name: str, access: int | None, session: Session | str | None) -> None:
        wanted = self._rights(access, "open", name)
        attachment, local = place(self._nameable(name), session)
        self.open_end(attachment, cast("str", local), wanted, MANY)

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
        data, objects = pack(value, self.session_path)
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

        Whoever takes it, by :meth:`QueueReader.receive`, answers with :meth:`QueueMessage.reply`. Any number of threads
        and processes may call at once; each gets the reply to its own request.

        Args:
            data: Bytes, or a list or tuple of pieces.
            timeout: Seconds for all of it; ``None`` to wait for ever. A reply that comes later is thrown away.
            tag: A number for the receiver.
            handles: Up to 8 objects that go along, as copies of their handles.

        Raises:
            Timeout: There was no room, or no reply, in time. The request may still be taken.
            ReplyLost: Whoever took it ended without a reply, or every reading end was closed; a ``BrokenPipeError``.
            PeerGone: There was nobody to read it in the first place.
            InvalidParameter: The message is too long, or there are more than 8 handles.

        Source:
            NtRequestWaitReplyPort (NT).

        >>> import threading
        >>> queue = Queue()
        >>> server = threading.Thread(target=lambda: queue.receive().reply(b"pong"))
        >>> server.start()
        >>> queue.writer.call(b"ping", timeout=10).data
        b'pong'
        >>> server.join()
        """
        frame = self.request(data, timeout, tag=tag, handles=handles)
        if frame is None:
            raise self._failure(Status.TIMEOUT, "call", "no reply has come")
        return message_of(self.session, frame)


class Queue(QueueReader):
    """A bounded row of messages, with both its ends.

    ``put`` returns when the message is in shared memory: there is no helper thread, nothing to join, and a reader that
    is killed stops nobody. A queue that holds ``quota`` bytes makes writers wait; a message that is longer than the
    quota is put when the queue is empty. The name is free again as soon as either end is closed everywhere.

    Waiting for a ``Queue`` is waiting for a message; wait for ``queue.writer`` to wait for room. As long as a process
    keeps a ``Queue``, which has a writing end, no reader of it sees an end of the stream: see :meth:`split`.

    Args:
        name: Name to create or, if it exists, to open; ``None`` for an unnamed queue.
        quota: Bytes that a new queue holds before writers wait, 1 to 2**40. An existing one keeps its quota.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidParameter: ``quota`` is out of range.
        ObjectTypeMismatch: The name belongs to an object of another type.
        InvalidName: ``name`` cannot be a name.
        PathNotFound: ``name`` has an unknown prefix.
        AccessDenied: The session does not let this process in.
        OutOfResources: The session is full and cannot grow.

    >>> import ntipc
    >>> queue = Queue()
    >>> queue.put(b"message")
    >>> ntipc.wait_any([queue], timeout=10).object.get()
    b'message'
    """

    writer: QueueWriter
    """The writing end."""

    def __init__(
        self, name: str | None = None, *, quota: int = DEFAULT_QUOTA, session: Session | str | None = None
    ) -> None:
        self._make(name, _kernel.OPEN_OR_CREATE, checked_quota("Queue", "queue", name, quota), 0, session)

    @classmethod
    def create(
        cls, name: str | None = None, *, quota: int = DEFAULT_QUOTA, session: Session | str | None = None
    ) -> Self:
        """Make a new queue.

        Args:
            name: Name that no object of the session has; ``None`` for an unnamed queue.
            quota: Bytes that it holds before writers wait, 1 to 2**40.
            session: The session, or its name; ``None`` for the default one.

        Raises:
            InvalidParameter: ``quota`` is out of range.
            ObjectExists: An object, of whatever type, has this name.
        """
        self = cls.__new__(cls)
        self._make(name, _kernel.CREATE, checked_quota("Queue", "queue", name, quota), 0, session)
        return self

    @classmethod
    def open(cls, name: str, access: int | None = None, *, session: Session | str | None = None) -> Self:
        """Open both ends of an existing queue.

        Args:
            name: Its name.
            access: Rights of both handles; ``None`` for all.
            session: The session, or its name; ``None`` for the default one.

        Raises:
            ObjectNotFound: No object has this name.
            ObjectTypeMismatch: The name belongs to an object of another type.
            AccessDenied: ``access`` is 0.
            InvalidParameter: ``name`` is empty.
        """
        self = cls.__new__(cls)
        wanted = cls._rights(access, "open", name)
        self._make(cls._nameable(name), _kernel.OPEN, 0, wanted, session)
        return self

    def _make(self, name: str | None, disposition: int, quota: int, access: int, session: Session | str | None) -> None:
        attachment, local = place(name, session)
        self.writer = QueueWriter.__new__(QueueWriter)
        self.bind(attachment, local, disposition, access, quota, (0, 0), self.writer)

    def put(
        self,
        data: Buffer | Sequence[Buffer],
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[NtObject] | None = None,
        move: bool = False,
    ) -> None:
        """Put one message: see :class:`QueueWriter`.

        >>> import ntipc
        >>> queue, event = Queue(), ntipc.Event()
        >>> queue.put(b"call me", handles=[event])
        >>> queue.receive().objects[0].set(), event.wait(0)
        (False, True)
        """
        self.writer.put(data, timeout, tag=tag, handles=handles, move=move)

    def put_object(self, value: object, timeout: float | None = None, *, tag: int = 0) -> None:
        """Pickle an object and put it: :meth:`QueueWriter.put_object`."""
        self.writer.put_object(value, timeout, tag=tag)

    def split(self) -> tuple[QueueReader, QueueWriter]:
        """Part the ends, and close this object.

        Whoever keeps only one end learns when the other is closed, or its last process has died.

        Returns:
            The reading end and the writing end.

        Raises:
            HandleClosed: The queue is closed.

        >>> reader, writer = Queue().split()
        >>> writer.put(b"last words")
        >>> writer.close()
        >>> reader.get()
        b'last words'
        >>> reader.get()
        Traceback (most recent call last):
        ntipc.errors.EndOfStream: ...
        """
        reader = QueueReader.__new__(QueueReader)
        reader.adopt(self.session._native, self.duplicate_handle())
        writer = self.writer
        super().close()
        return reader, writer

    def close(self) -> None:
        """Close both ends here. The queue goes with its last handles. Closing twice does nothing."""
        super().close()
        self.writer.close()

    def duplicate(
        self, process: int | HasPid | None = None, *, access: int | str | None = None, inheritable: bool = False
    ) -> Self:
        """Make other handles to both ends, in this process.

        Args:
            process: ``None``. To give a handle to another process, duplicate ``queue.writer``, or an end after
                :meth:`split`, or send the queue there.
            access: Rights of the new handles; ``None`` for those of these.
            inheritable: Mark of the new handles.

        Raises:
            AccessDenied: ``access`` is 0.
            HandleClosed: The queue is closed.
            NotSupported: ``process`` is another process.
        """
        if process is not None:
            raise self._failure(Status.NOT_SUPPORTED, "duplicate", "a queue is two handles: duplicate its ends")
        return super().duplicate(access=access, inheritable=inheritable)

    @classmethod
    def from_handle(cls, handle: int, *, session: Session | str | None = None) -> NoReturn:
        """Refuse: a queue is two handles. Make a :class:`QueueReader` or :class:`QueueWriter` of one."""
        detail = "a queue is two handles: make a QueueReader or a QueueWriter of one"
        raise from_status(Status.NOT_SUPPORTED, f"{cls.__name__}.from_handle", "", detail)

    def _carry_over(self, original: Self, access: int | str | None) -> None:
        super()._carry_over(original, access)
        self.writer = original.writer.duplicate(access=access, inheritable=self.inheritable)


def checked_quota(call: str, kind: str, name: str | None, quota: int) -> int:
    """Return a quota that the kernel takes, or refuse it."""
    quota = index(quota)
    if not 0 < quota <= LARGEST_QUOTA:
        detail = f"the quota must be 1 to 2**40 bytes, not {quota}"
        raise from_status(Status.INVALID_PARAMETER, call, describe(kind, name), detail)
    return quota

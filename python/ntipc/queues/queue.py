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

from collections.abc import Iterable, Sequence
from operator import index
from typing import TYPE_CHECKING, Self

from ntipc import _kernel
from ntipc.errors import Status, describe, from_status
from ntipc.objects.composite import ObjectWithParts
from ntipc.objects.object import NtObject
from ntipc.queues.ends import QueueReader, QueueWriter
from ntipc.queues.messages import QueueMessage
from ntipc.session.session import Session, place

if TYPE_CHECKING:
    from typing_extensions import Buffer

DEFAULT_QUOTA = 1 << 20
LARGEST_QUOTA = 1 << 40


class Queue(QueueReader, ObjectWithParts, parts=("writer",)):
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

    _several_handles = "a queue is two handles: duplicate its ends, or make a QueueReader or a QueueWriter of one"

    writer: QueueWriter
    """The writing end."""

    def __init__(
        self, name: str | None = None, *, quota: int = DEFAULT_QUOTA, session: Session | str | None = None
    ) -> None:
        self._make(name, _kernel.OPEN_OR_CREATE, checked_quota("Queue", "queue", name, quota), session)

    @classmethod
    def create(
        cls, name: str | None = None, *, quota: int = DEFAULT_QUOTA, session: Session | str | None = None
    ) -> Self:
        """Make a new queue; the arguments are those of the constructor.

        Raises:
            InvalidParameter: ``quota`` is out of range.
            ObjectExists: An object, of whatever type, has this name.
        """
        self = cls.__new__(cls)
        self._make(name, _kernel.CREATE, checked_quota("Queue", "queue", name, quota), session)
        return self

    def _make(self, name: str | None, disposition: int, quota: int, session: Session | str | None) -> None:
        attachment, local = place(name, session)
        self.writer = QueueWriter.__new__(QueueWriter)
        self._bind(attachment, local, disposition, 0, quota, (0, 0), self.writer)

    def _bind_opened(self, attachment: _kernel.Session, local: str | None, rights: int) -> None:
        self.writer = QueueWriter.__new__(QueueWriter)
        self._bind(attachment, local, _kernel.OPEN, rights, 0, (0, 0), self.writer)

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

    def call(
        self,
        data: Buffer | Sequence[Buffer],
        timeout: float | None = None,
        *,
        tag: int = 0,
        handles: Iterable[NtObject] | None = None,
    ) -> QueueMessage:
        """Put a request and wait for the reply to it: :meth:`QueueWriter.call`."""
        return self.writer.call(data, timeout, tag=tag, handles=handles)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put by now is read; whether it was in time."""
        return self.writer.flush(timeout)

    def split(self) -> tuple[QueueReader, QueueWriter]:
        """Part the ends, and close this object.

        A process that keeps only one end learns when the other is closed, or its last process has died.

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
        reader._copy_from(self)
        writer = self.writer
        QueueReader.close(self)
        return reader, writer


def checked_quota(call: str, kind: str, name: str | None, quota: int) -> int:
    """Return a quota that the kernel takes, or refuse it."""
    quota = index(quota)
    if not 0 < quota <= LARGEST_QUOTA:
        detail = f"the quota must be 1 to 2**40 bytes, not {quota}"
        raise from_status(Status.INVALID_PARAMETER, call, describe(kind, name), detail)
    return quota

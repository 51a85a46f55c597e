"""The reading side of a mailslot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import NtError, ObjectExists, Status, describe, from_status
from ntipc.mailslots.names import NOT_BOTH, PREFIX, elsewhere, name_of
from ntipc.objects.composite import ObjectWithParts
from ntipc.objects.devices import HERE, Location, locate_mailslot
from ntipc.objects.object import ClosingObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.queues.ends import LONGEST_MESSAGE, QueueWriter
from ntipc.queues.messages import QueueMessage, message_of
from ntipc.queues.queue import DEFAULT_QUOTA, checked_quota
from ntipc.session.session import Session

if TYPE_CHECKING:
    from types import EllipsisType

    from typing_extensions import Buffer


class MailslotInfo(ObjectInfo):
    """What :meth:`Mailslot.info` tells.

    ``next_size`` is the size of the next message in bytes, ``None`` if there is none; ``count`` the number of messages
    that wait, ``bytes`` their bytes; ``max_message`` the most bytes that a message may have, ``None`` for no limit;
    ``clients`` the number of handles for writing.
    """

    next_size: int | None
    count: int
    bytes: int
    quota: int
    max_message: int | None
    read_timeout: float | None
    clients: int


@register(_kernel.ReadEnd, directory="mailslot")
class Mailslot(_kernel.ReadEnd, ClosingObject, ObjectWithParts, holds=("_keeper",)):
    r"""The reading side of a mailslot, which exists for as long as this does.

    Messages come out one at a time, in the order in which they were written, those of one writer always in its order.
    When the mailslot is closed, or its process dies, what was not read is gone, the name is free, and clients that
    write are told. It can be waited for, alone or with others: it is set while a message is there. ``for`` takes
    messages for ever, ``with`` closes it.

    Args:
        name: ``x`` or ``\\.\mailslot\x``, in upper or lower case; sub-paths are allowed. No other mailslot may have it;
            events, queues, pipes and the like may.
        max_message: Most bytes that a message may have; ``None`` or 0 for no limit.
        quota: Bytes of messages that it holds, 1 to 2**40. Beyond that writers get the error that it is full.
        read_timeout: Seconds that :meth:`read` waits if it is not told otherwise; ``None`` for ever.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectExists: There is a mailslot of that name already: one can only be made, not opened.
        InvalidName: ``name`` has another prefix, or cannot be a name.
        PathNotFound: ``name`` is ``None``.
        InvalidParameter: ``max_message`` or ``quota`` is out of range.
        OutOfResources: The session is full and cannot grow.

    Source:
        CreateMailslot, GetMailslotInfo, SetMailslotInfo, ReadFile (Win32).

    Differs:
        A mailslot of Windows has no quota that programs set.

    >>> slot = Mailslot("news", max_message=100)
    >>> slot.info()["next_size"] is None, slot.info()["max_message"]
    (True, 100)
    """

    _kind = "mailslot"
    _keeper: QueueWriter
    """A writing end of its own: without a client the stream has not ended."""
    _title: str
    _read_timeout: float | None = None

    def __init__(
        self,
        name: str,
        *,
        max_message: int | None = None,
        quota: int = DEFAULT_QUOTA,
        read_timeout: float | None = None,
        session: Session | str | None = None,
    ) -> None:
        where = locate_mailslot(name)
        if where.host != HERE:
            raise elsewhere("Mailslot", Status.OBJECT_NAME_INVALID, name, "it can only be made on this machine")
        maximum = _checked_maximum(where, max_message)
        self._keeper = QueueWriter.__new__(QueueWriter)
        self._title = where.name
        self.read_timeout = read_timeout
        native = where.attachment(session)._native
        quota = checked_quota("Mailslot", "mailslot", where.name, quota)
        self._describe(describe("mailslot", where.name))
        try:
            self._bind(native, where.key, _kernel.CREATE, 0, quota, (maximum, 0), self._keeper)
        except ObjectExists:
            advice = "Only its reader makes a mailslot: choose another name, or write to that mailslot"
            subject = describe("mailslot", where.name)
            raise from_status(Status.OBJECT_NAME_COLLISION, "Mailslot", subject, advice=advice) from None

    @classmethod
    def create(
        cls,
        name: str,
        *,
        max_message: int | None = None,
        quota: int = DEFAULT_QUOTA,
        read_timeout: float | None = None,
        session: Session | str | None = None,
    ) -> Self:
        """Make a mailslot, as the constructor does: neither opens an existing one."""
        return cls(name, max_message=max_message, quota=quota, read_timeout=read_timeout, session=session)

    @property
    def name(self) -> str:
        """The name as it was given, without its prefix."""
        return name_of(vars(self).get("_title"), super().name)

    @property
    def read_timeout(self) -> float | None:
        """Seconds that :meth:`read` waits if it is not told otherwise; ``None`` for ever. May be set.

        Source:
            GetMailslotInfo, SetMailslotInfo (Win32).
        """
        return self._read_timeout

    @read_timeout.setter
    def read_timeout(self, seconds: float | None) -> None:
        Deadline(seconds)  # refuses what is no time
        self._read_timeout = seconds

    def read(self, timeout: float | EllipsisType | None = ...) -> bytes:
        """Take the next message.

        Args:
            timeout: Seconds to wait for one; 0 or less to only look, ``None`` to wait for ever. By default what
                ``read_timeout`` says, which is for ever if nothing else was asked for.

        Returns:
            The whole message; it may be empty.

        Raises:
            Timeout: None came in time.
            HandleClosed: The mailslot is closed.

        Source:
            ReadFile on a mailslot: ERROR_SEM_TIMEOUT when the time is out (Win32).

        >>> slot = Mailslot("news", read_timeout=0)
        >>> slot.read()
        Traceback (most recent call last):
        ntipc.errors.Timeout: ...
        """
        wanted = self._read_timeout if timeout is ... else timeout
        message = self._take_bytes(wanted, "Mailslot.read")
        if message is None:
            raise self._empty("read")
        return message

    def receive(self, timeout: float | EllipsisType | None = ...) -> QueueMessage:
        """Take the next message, and learn which process wrote it.

        Args:
            timeout: Seconds to wait for one, as in :meth:`read`.

        Raises:
            Timeout: None came in time.
            HandleClosed: The mailslot is closed.
        """
        taken = self._take(None, self.read_timeout if timeout is ... else timeout, operation="Mailslot.receive")
        if taken is None:
            raise self._empty("receive")
        return message_of(taken)

    def read_into(self, buffer: Buffer, timeout: float | EllipsisType | None = ...) -> int:
        """Take the next message into memory that is there already.

        Args:
            buffer: A writable object such as a ``bytearray``, a ``memoryview`` or an array.
            timeout: Seconds to wait for a message, as in :meth:`read`.

        Returns:
            How many bytes the message had.

        Raises:
            BufferTooSmall: The message is longer than the buffer; it stays the next one.
            Timeout: No message came in time.
            HandleClosed: The mailslot is closed.

        Source:
            ReadFile: a buffer too small fails with ERROR_INSUFFICIENT_BUFFER, and the message stays (Win32).
        """
        taken = self._take_into(
            buffer, self.read_timeout if timeout is ... else timeout, whole=True, operation="Mailslot.read_into"
        )
        if taken is None:
            raise self._empty("read_into")
        if taken.left:
            raise self._failure(Status.BUFFER_TOO_SMALL, "read_into", f"the message has {taken.left:,} bytes")
        return taken.size

    def write(self, data: Buffer | Sequence[Buffer]) -> NoReturn:
        """Refuse: clients write.

        Raises:
            AccessDenied: Always.
        """
        advice = "Open a MailslotClient of the same name"
        raise from_status(
            Status.ACCESS_DENIED, "Mailslot.write", describe("mailslot", self.name), NOT_BOTH, advice=advice
        )

    def info(self) -> MailslotInfo:
        """Tell what waits to be read, the limits, and how many handles clients have.

        Raises:
            HandleClosed: The mailslot is closed.

        Source:
            GetMailslotInfo (Win32), NtQueryInformationFile with FileMailslotQueryInformation (NT).

        >>> from ntipc import MailslotClient
        >>> slot, client = Mailslot("news"), MailslotClient("news")
        >>> client.write(b"three"), client.write(b"more")
        (5, 4)
        >>> slot.info()["next_size"], slot.info()["count"], slot.info()["bytes"]
        (5, 2, 9)
        """
        info = cast("dict[str, Any]", super().info())
        following = self._peek(0)
        info["kind"] = type(self).__name__
        info["name"] = self.name
        info["next_size"] = None if following is None else following.left
        info["count"] = info.pop("messages")
        info["clients"] = info.pop("writers") - info.pop("readers")
        info["max_message"] = info.pop("user")[0] or None
        info["read_timeout"] = self.read_timeout
        del info["broken"]
        return cast("MailslotInfo", info)

    def _after_arrival(self) -> None:
        self._title = self.name
        self._describe(describe("mailslot", self._title))
        self._keeper = QueueWriter.__new__(QueueWriter)
        self._keeper._open_end(self.session._native, PREFIX + self._title, 0)

    def __iter__(self) -> Iterator[bytes]:
        """Take messages for ever."""
        while True:
            yield self.read(None)

    def _empty(self, call: str) -> NtError:
        return self._failure(Status.IO_TIMEOUT, call, "no message has come")

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"messages={info['messages']}", f"bytes={info['bytes']}/{info['quota']}"]


def _checked_maximum(where: Location, maximum: int | None) -> int:
    maximum = index(maximum or 0)
    if not 0 <= maximum <= LONGEST_MESSAGE:
        detail = f"max_message must be 0 to {LONGEST_MESSAGE:,}, not {maximum}"
        raise from_status(Status.INVALID_PARAMETER, "Mailslot", describe("mailslot", where.name), detail)
    return maximum

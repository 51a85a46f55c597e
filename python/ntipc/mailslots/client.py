"""The writing side of a mailslot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

from ntipc import _kernel
from ntipc.errors import MailslotFull, ObjectNotFound, PeerGone, Status, describe, from_status
from ntipc.mailslots.names import NOT_BOTH, PREFIX, elsewhere, name_of
from ntipc.objects.devices import EVERYWHERE, HERE, Location, locate_mailslot
from ntipc.objects.object import ClosingObject, ObjectInfo
from ntipc.objects.registry import register
from ntipc.session.session import Session

if TYPE_CHECKING:
    from typing_extensions import Buffer


@register(_kernel.WriteEnd, directory="mailslot")
class MailslotClient(_kernel.WriteEnd, ClosingObject):
    r"""A writing side of a mailslot.

    Args:
        name: ``x`` or ``\\.\mailslot\x``, in upper or lower case. ``\\*\mailslot\x`` stands for every mailslot of that
            name, be there one or none: what is written while there is none is lost.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        ObjectNotFound: No mailslot has that name.
        InvalidName: ``name`` has another prefix, or cannot be a name.
        PathNotFound: ``name`` is ``None``.
        NotSupported: ``name`` is on another machine.

    Source:
        CreateFile on a mailslot, WriteFile (Win32).

    Differs:
        Every mailslot means every one of this session, until sessions of several machines can be joined.

    >>> from ntipc import Mailslot
    >>> anybody = MailslotClient(r"\\*\mailslot\news")
    >>> anybody.write(b"nobody hears this")
    17
    >>> slot = Mailslot("news")
    >>> anybody.write(b"hello")
    5
    >>> slot.read()
    b'hello'
    """

    _kind = "mailslot"
    _title: str
    _maximum: int = 0
    """Most bytes of a message; 0 for no limit."""
    _unlimited = False
    """It was opened, and there is no limit: the quick way."""
    _sought: Location | None = None
    """Of one that writes to every mailslot of its name: what to look for."""
    _where: Session | None = None
    _found: MailslotClient | None = None

    def __init__(self, name: str, *, session: Session | str | None = None) -> None:
        where = locate_mailslot(name)
        attachment = where.attachment(session)
        self._title = where.name
        if where.host == EVERYWHERE:
            self._sought, self._where = where, attachment
            return
        if where.host != HERE:
            raise elsewhere("MailslotClient", Status.NOT_SUPPORTED, name, "other machines cannot be reached yet")
        self._open(attachment, where.key, 0)

    @classmethod
    def open(cls, name: str, access: int | None = None, *, session: Session | str | None = None) -> Self:
        """Open a mailslot for writing, as the constructor does, with these rights.

        Args:
            name: Name of a mailslot of this machine.
            access: Rights of the handle; ``None`` for all.
            session: The session, or its name; ``None`` for the default one.

        Raises:
            ObjectNotFound: No mailslot has that name.
            AccessDenied: ``access`` is 0.
            NotSupported: ``name`` is on another machine, or on every one.
        """
        where = locate_mailslot(name)
        if where.host != HERE:
            raise elsewhere("MailslotClient", Status.NOT_SUPPORTED, name, "only one mailslot here can be opened")
        self = cls.__new__(cls)
        self._title = where.name
        self._open(where.attachment(session), where.key, cls._rights(access, "open", name))
        return self

    def _open(self, attachment: Session, key: str, access: int) -> None:
        self._describe(describe("mailslot", self._title))
        try:
            self._open_end(attachment._native, key, access, "MailslotClient")
        except ObjectNotFound:
            advice = "Make the Mailslot first, or check the spelling and the session"
            subject = describe("mailslot", self._title)
            raise from_status(Status.OBJECT_NAME_NOT_FOUND, "MailslotClient", subject, advice=advice) from None
        self._after_arrival()

    def _after_arrival(self) -> None:
        self._title = self.name
        self._describe(describe("mailslot", self._title))
        self._maximum = self._limits()[0]
        self._unlimited = not self._maximum

    @property
    def name(self) -> str:
        """The name as it was given, without its prefix."""
        return name_of(vars(self).get("_title"), super().name)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._sought is None and super().closed

    @property
    def handle(self) -> int:
        """The handle's number in this process.

        Raises:
            HandleClosed: It is closed.
            NotSupported: It writes to every mailslot of its name, so it has no handle to one.
        """
        self._check_one("handle")
        return super().handle

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the mailslot has room, or is gone.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Raises:
            HandleClosed: It is closed.
            NotSupported: It writes to every mailslot of its name.
        """
        self._check_one("wait")
        return super().wait(timeout)

    def info(self) -> ObjectInfo:
        """Tell what is known of the mailslot from this side.

        Raises:
            HandleClosed: It is closed.
            NotSupported: It writes to every mailslot of its name.
        """
        self._check_one("info")
        return super().info()

    def _check_one(self, call: str) -> None:
        if self._sought is not None:
            detail = "it writes to every mailslot of its name, and has none open"
            raise self._failure(Status.NOT_SUPPORTED, call, detail)

    def write(self, data: Buffer | Sequence[Buffer], timeout: float | None = 0) -> int:
        """Write one message. Nothing tells whether it is ever read.

        Args:
            data: Bytes, or a list or tuple of pieces that make one message; it may be empty.
            timeout: Seconds to wait if the mailslot is full; 0 not to wait, ``None`` to wait for ever.

        Returns:
            How many bytes were written: all of them.

        Raises:
            MailslotFull: It holds as much as it may; nothing is written. A ``BlockingIOError``.
            InvalidParameter: The message is longer than the mailslot's ``max_message``, or than 1 GiB - 1.
            PeerGone: The mailslot was closed, or its process died; a ``BrokenPipeError``.
            HandleClosed: This client is closed.

        Source:
            WriteFile on a mailslot (Win32).
        """
        if self._unlimited and type(data) is bytes and self._put_now(data, "MailslotClient.write"):
            return len(data)
        size = _size_of(data)
        if self._sought is not None:
            self._broadcast(data, timeout)
        else:
            if 0 < self._maximum < size:
                detail = f"the message has {size:,} bytes, and may have {self._maximum:,}"
                raise self._failure(Status.INVALID_PARAMETER, "write", detail)
            if self._put_marked(data, timeout, operation="MailslotClient.write") is None:
                subject, problem = describe("mailslot", self._title), "the mailslot is full"
                advice = "Write less often, or make it with a larger quota"
                raise from_status(Status.QUOTA_EXCEEDED, "MailslotClient.write", subject, problem=problem,
                                  advice=advice, exception=MailslotFull)  # fmt: skip
        return size

    def _broadcast(self, data: Buffer | Sequence[Buffer], timeout: float | None) -> None:
        """Write to the mailslot of the name, if there is one now."""
        assert self._sought is not None
        assert self._where is not None
        for _ in range(2):  # the one that was there the last time may have made way for another
            try:
                if self._found is None:
                    found = MailslotClient.__new__(MailslotClient)
                    found._title = self._sought.name
                    found._open(self._where, self._sought.key, 0)
                    self._found = found
                self._found.write(data, timeout)
                return
            except ObjectNotFound:
                return
            except PeerGone:
                self._found = None

    def read(self, timeout: float | None = None) -> NoReturn:
        """Refuse: who made the mailslot reads.

        Raises:
            AccessDenied: Always.
        """
        advice = "Read from the Mailslot that was made with this name"
        raise from_status(
            Status.ACCESS_DENIED, "MailslotClient.read", describe("mailslot", self.name), NOT_BOTH, advice=advice
        )

    def close(self) -> None:
        """Close this client. What it wrote stays in the mailslot. Closing twice does nothing."""
        self._sought = None
        if self._found is not None:
            self._found.close()
        super().close()

    def _goes_by_handle(self) -> bool:
        return self._sought is None and type(self).__reduce__ is MailslotClient.__reduce__

    def __reduce__(self) -> tuple[Any, ...]:
        if self._sought is not None:
            return _client, (f"\\\\*\\{PREFIX}{self._sought.name}", self._where)
        return super().__reduce__()

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        return [f"messages={info['messages']}", f"bytes={info['bytes']}/{info['quota']}"]


def _client(name: str, session: Session) -> MailslotClient:
    return MailslotClient(name, session=session)


def _size_of(data: Buffer | Sequence[Buffer]) -> int:
    if isinstance(data, bytes):
        return len(data)
    if isinstance(data, (list, tuple)):
        return sum(map(_size_of, data))
    return memoryview(cast("bytes", data)).nbytes

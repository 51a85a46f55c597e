r"""Directories and symbolic links: names under which other objects are found.

Each is a queue that has the path as its name, so that names of all types collide in one step; what it is, is
kept with the queue, and a link's target is the one message in it. A directory lives while some process has it open;
objects in it stay when it goes, but nothing leads to them any more.

>>> from ntipc.directories.paths import find_spot
>>> spot = find_spot(None, "\\Company")
>>> company = Directory.make(spot.session, spot.local)
>>> find_spot(None, "\\Company\\ready").local
'\\Company\\ready'
>>> company.close()
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self

from ntipc import _kernel
from ntipc.errors import ObjectTypeMismatch, Status, describe, from_status
from ntipc.objects.named import CREATE, OPEN
from ntipc.queues.ends import QueueWriter
from ntipc.queues.queue import Queue
from ntipc.session.session import Session

_MARK = 0x4E54_4449
"""Begins what is kept with the queue; then comes 1 for a directory, 2 for a link."""
LONGEST_TARGET = 65_532
_PATIENCE = 1.0
"""Seconds within which the maker of a link writes its target."""


class Entry(NamedTuple):
    """What lies in a directory: its name there, and the name of its type."""

    name: str
    kind: str


class _NameOnly:
    """What directories and links have in common: a queue that nobody reads."""

    _variety: ClassVar[int]
    _kind: ClassVar[str]

    def __init__(self, queue: Queue, path: str | None) -> None:
        self._queue = queue
        self.path = path
        self.created = False

    @classmethod
    def make(cls, session: Session, local: str | None, disposition: int = CREATE) -> Self:
        """Make one under the name that the kernel knows, or without one.

        Raises:
            ObjectExists: The name is taken, and ``disposition`` insists on a new one.
            ObjectTypeMismatch: The name is taken by another type.
        """
        self = cls(_bound(session, local, disposition, (_MARK, cls._variety)), local)
        self.created = self._queue.created
        if not self.created:
            self._check()
        return self

    @classmethod
    def open(cls, session: Session, local: str) -> Self:
        """Open the one that has the name.

        Raises:
            ObjectNotFound: Nothing has it.
            ObjectTypeMismatch: What has it is of another type.
        """
        self = cls(_bound(session, local, OPEN, (0, 0)), local)
        self._check()
        return self

    def _check(self) -> None:
        mark, variety = self._queue.writer._limits()
        if mark != _MARK or variety != self._variety:
            self.close()
            raise from_status(Status.OBJECT_TYPE_MISMATCH, type(self).__name__, describe(self._kind, self.path))

    @property
    def handle(self) -> int:
        """The number of its handle."""
        return self._queue.handle

    @property
    def session(self) -> Session:
        """The session in which it is."""
        return self._queue.session

    @property
    def name(self) -> str | None:
        """The name that the kernel knows."""
        return self._queue.name

    @property
    def identity(self) -> tuple[int, int]:
        """The same for all handles to it."""
        return self._queue.identity

    @property
    def closed(self) -> bool:
        """Whether it is closed here."""
        return self._queue.closed

    @property
    def inheritable(self) -> bool:
        """The mark of its handles."""
        return self._queue.inheritable

    @inheritable.setter
    def inheritable(self, inheritable: bool) -> None:
        self._queue.inheritable = inheritable

    def duplicate(self, *, access: int | None = None, inheritable: bool = False) -> Self:
        """Make another handle to it, here."""
        twin = type(self)(self._queue.duplicate(inheritable=inheritable), self.path)
        twin.created = self.created
        return twin

    def close(self) -> None:
        """Close it. The name is free with the last handle."""
        self._queue.close()


class Directory(_NameOnly):
    """A directory of the object namespace."""

    _variety = 1
    _kind = "directory"


class SymbolicLink(_NameOnly):
    """A name that stands for a path."""

    _variety = 2
    _kind = "symbolic link"

    def point_at(self, target: str) -> None:
        """Say, once, what a new link stands for."""
        self._queue.put(target.encode("utf-8", "surrogatepass"))

    @property
    def target(self) -> str:
        """The path that the link stands for.

        Raises:
            ObjectNotFound: Its maker has ended before it could say.
        """
        if not self._queue.wait(_PATIENCE):
            raise from_status(Status.OBJECT_NAME_NOT_FOUND, "SymbolicLink.target", describe(self._kind, self.path))
        frame = self._queue._peek(LONGEST_TARGET * 2)
        return "" if frame is None else frame.data.decode("utf-8", "surrogatepass")


def look(session: Session, local: str) -> Directory | SymbolicLink | None:
    """Open the directory or link that has a name; ``None`` if another object has it.

    Raises:
        ObjectNotFound: Nothing has it.
    """
    try:
        queue = _bound(session, local, OPEN, (0, 0))
    except ObjectTypeMismatch:
        return None
    mark, variety = queue.writer._limits()
    if mark == _MARK:
        for kind in Directory, SymbolicLink:
            if kind._variety == variety:
                return kind(queue, local)
    queue.close()
    return None


def _bound(session: Session, local: str | None, disposition: int, kept: tuple[int, int]) -> Queue:
    queue = Queue.__new__(Queue)
    queue.writer = QueueWriter.__new__(QueueWriter)
    native: _kernel.Session = session._native
    queue._bind(native, local, disposition, 0, LONGEST_TARGET * 2, kept, queue.writer)
    return queue

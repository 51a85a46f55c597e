r"""Sessions: where objects live, and who may reach them.

A session is a directory of the user's own in ``/dev/shm``. The first process that needs it makes it, the last that
leaves takes it away; there is nothing to set up and no daemon. Programs meet in the session that ``NTIPC_SESSION``
names, or in ``default``. Names that begin with ``Global\`` live in a session of the whole machine if an
administrator has made one, and otherwise in one of the user's own.

    >>> import ntipc
    >>> with ntipc.Session("study") as study:
    ...     study.name, study.closed
    ('study', False)
    >>> study.closed
    True

Environment:
    NTIPC_SESSION: Name of the default session.
    NTIPC_GLOBAL: Name of the user's session that stands in for a machine-wide one.
    NTIPC_DIR: Directory of all sessions, in place of ``/dev/shm``; it must be on a memory file system.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from ntipc import _kernel
from ntipc.errors import NtError, Status, StillInUse, from_status
from ntipc.session.names import parse
from ntipc.session.places import PRIVATE_MODE, Place, checked_mode, group_id, locate, locate_global


class Session:
    """This process's part in one session, shared by all objects that it opens there.

    Programs rarely make one: each constructor attaches to the default session by itself.

    Args:
        name: 1 to 64 of the characters ``A-Z a-z 0-9 . _ -``. ``"user/name"`` is the session of another user, who
            must have made it with a ``mode`` that lets this one in. ``None`` is the default session.
        mode: Permissions of a session that is made now, such as ``0o770`` to let a group in.
        group: Group, by name or number, of a session that is made now.
        create: Whether to make the session if it does not exist.

    Raises:
        InvalidName: ``name`` has other characters or another length.
        InvalidParameter: ``mode`` shuts the owner out or lets everybody write.
        ObjectNotFound: The session does not exist and ``create`` is false, or there is no such user or group.
        AccessDenied: The directory is somebody else's, open to everybody, or a symbolic link.
        SessionMismatch: It was made by a version of this library with another layout, or its participants live in a
            time namespace with another ``CLOCK_MONOTONIC``.
        SessionDamaged: What lies there is no session.
        OutOfResources: ``/dev/shm`` is full.

    Source:
        Kernel object namespaces (Win32).

    Differs:
        A session of Windows is made by a logon; here it exists while some process uses it.
    """

    __slots__ = ("__weakref__", "_native", "_place")

    def __init__(
        self, name: str | None = None, *, mode: int = PRIVATE_MODE, group: str | int | None = None, create: bool = True
    ) -> None:
        place = locate(name)
        mode, gid = checked_mode(mode), group_id(group)
        if place.owner == os.geteuid():
            place = place._replace(mode=mode, gid=gid)
        self._attach(place, create)

    def _attach(self, place: Place, create: bool) -> None:
        if not (create and place.owner == os.geteuid()) and not os.path.lexists(place.path):
            advice = "Start the program that makes it first; it exists while some program has it open"
            raise _refusal(Status.OBJECT_NAME_NOT_FOUND, place, advice)
        base = os.path.dirname(place.path)
        if not os.path.isdir(base):
            advice = f"Set NTIPC_DIR to a directory on a memory file system; {base} is none"
            raise _refusal(Status.OBJECT_PATH_NOT_FOUND, place, advice)
        self._place = place
        self._native = _kernel.Session.attach(place.path, place.owner, place.mode, place.gid, create)
        _known[place.path] = self

    @property
    def name(self) -> str:
        """The name, with ``user/`` in front for the session of another user."""
        return self._place.name

    @property
    def path(self) -> str:
        """The session's directory."""
        return self._place.path

    @property
    def closed(self) -> bool:
        """Whether this process has left the session."""
        return self._native.closed

    def close(self) -> None:
        """Leave the session, which closes what this process has open in it; the last process to leave removes it.

        All ``Session`` objects of one directory are one attachment of the process, and close together. Views stay
        valid. Closing again does nothing.

        Raises:
            StillInUse: Another thread of this process waits in the session; the process stays attached.
        """
        global _default
        if not self.closed:
            for function in _before_leaving:
                function(self.path)
        self._native.leave()
        _known.pop(self.path, None)
        if _default is not None and _default[2].closed:
            _default = None

    def statistics(self) -> Mapping[str, int]:
        """Count what the kernel has done in this session: waits, hand-offs, repairs and the like."""
        return self._native.statistics()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StillInUse:
            if value is None:
                raise

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"<Session {self.name!r}{' closed' if self.closed else ''} at {self.path}>"

    def __reduce__(self) -> tuple[object, ...]:
        return attach, (tuple(self._place),)


_before_leaving: list[Callable[[str], object]] = []


def before_leaving(function: Callable[[str], object]) -> None:
    """Have a function called with a session's directory before this process leaves it: threads of the library's end."""
    _before_leaving.append(function)


_known: dict[str, Session] = {}
"""The last Session made for each directory."""
_default: tuple[bytes | None, bytes | None, Session] | None = None
"""The default session, after what NTIPC_SESSION and NTIPC_DIR were when it was attached."""
_environment: Mapping[bytes, bytes] = getattr(os.environ, "_data", os.environb)
"""What ``os.environ`` keeps its text in; reading it costs a tenth, and every constructor does."""
_variable = _environment.get


def default_session() -> Session:
    """Return the session that constructors use when none is given, attaching to it if need be."""
    global _default
    name, directory = _environment.get(b"NTIPC_SESSION"), _environment.get(b"NTIPC_DIR")
    if _default is None or _default[0] != name or _default[1] != directory:
        _default = name, directory, Session()
    return _default[2]


def attached_default() -> Session | None:
    """Return the default session if this process knows already which one that is, and takes part in it; else ``None``.

    That costs a quarter of :func:`existing_session`.
    """
    if (known := _default) is None or _has_ended:
        return None
    name, directory, session = known
    return session if name == _variable(b"NTIPC_SESSION") and directory == _variable(b"NTIPC_DIR") else None


def existing_session(session: Session | str | None = None) -> Session | None:
    """Return a session if it exists, and attach to it if need be; never make one.

    Args:
        session: The session, its name, or ``None`` for the default one.

    Returns:
        ``None`` if there is no such session, or this process cannot take part in it.

    Raises:
        InvalidName: ``session`` cannot be the name of one.
    """
    global _default
    if isinstance(session, Session):
        return None if session.closed else session
    name, directory = _environment.get(b"NTIPC_SESSION"), _environment.get(b"NTIPC_DIR")
    if session is None and _default is not None and not _default[2].closed and _default[:2] == (name, directory):
        return _default[2]
    place = locate(session)
    found = attached(place.path)
    if found is None and os.path.lexists(place.path):
        try:
            found = attach(place, create=False)
        except NtError:
            return None
    if session is None and found is not None:
        _default = name, directory, found
    return found


def global_session() -> Session:
    r"""Return the session of names that begin with ``Global\``, attaching to it if need be."""
    return attach(locate_global())


def place(name: str | None, session: Session | str | None = None) -> tuple[_kernel.Session, str | None]:
    r"""Say where an object of this name belongs, attaching to the session if need be.

    Args:
        name: The object's name as the program gave it.
        session: The session that the program asked for. ``Global\`` names are machine-wide whatever it says.

    Returns:
        The attachment, and the name within it, ``None`` for an unnamed object.

    Raises:
        InvalidName: ``name`` cannot be a name, or ``session`` that of a session.
        PathNotFound: ``name`` has an unknown prefix.
    """
    everywhere, local = parse(name)
    if everywhere:
        return global_session()._native, local
    if (  # as `default_session`, without two calls of functions
        session is None
        and (known := _default) is not None
        and known[0] == _variable(b"NTIPC_SESSION")
        and known[1] == _variable(b"NTIPC_DIR")
    ):
        return known[2]._native, local
    return within(session)._native, local


def within(session: Session | str | None) -> Session:
    """Return the session that a ``session`` argument means, attaching to it if need be."""
    if session is None:
        return default_session()
    return session if isinstance(session, Session) else Session(session)


def attach(place: Place | tuple[str, str, int, int, int | None], *, create: bool = True) -> Session:
    """Attach to the session of a place, unless this process is attached already.

    Args:
        place: Where the session is.
        create: Whether to make the session if it does not exist.

    Raises:
        ObjectNotFound: The session does not exist, and ``create`` is false.
    """
    wanted = Place(*place)
    session = attached(wanted.path)
    if session is None:
        session = Session.__new__(Session)
        session._attach(wanted, create)
    return session


def attached(path: str) -> Session | None:
    """Return the session of a directory if this process is attached to it."""
    session = _known.get(path)
    return session if session is not None and not session.closed else None


def all_attached() -> list[Session]:
    """Return the sessions that this process is attached to."""
    return [session for session in list(_known.values()) if not session.closed]


def _refusal(status: Status, place: Place, advice: str) -> NtError:
    return from_status(status, "Session", f"session {place.name!r}", advice=advice)


os.register_at_fork(
    before=_kernel.before_fork,
    after_in_child=_kernel.after_fork_in_child,
)


def has_ended() -> bool:
    """Say whether the process is at its end and has left its sessions: who attaches now has to leave by itself."""
    return _has_ended


_has_ended = False


def _leave_all() -> None:
    global _has_ended
    _has_ended = True
    _kernel.leave_all()


atexit.register(_leave_all)

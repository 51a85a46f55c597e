r"""Places: which directory belongs to which session. Only ``create_global`` creates anything, and nothing attaches.

>>> locate("study").path == f"{base_directory()}/ntipc-{os.geteuid()}-study"
True
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ntipc.errors import Status, from_status

NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
MAXIMUM_NAME_LENGTH = 64
PRIVATE_MODE = 0o700

_PERMANENT = "permanent"
_GLOBAL_DIRECTORY = "ntipc-global"


class Place(NamedTuple):
    """Where a session is, whether or not it exists.

    Attributes:
        name: The session's name, with ``user/`` in front for the session of another user.
        path: Its directory.
        owner: User id that the directory must belong to.
        mode: Permissions that it gets when it is made.
        gid: Group that it gets when it is made; ``None`` for the maker's own.
    """

    name: str
    path: str
    owner: int
    mode: int = PRIVATE_MODE
    gid: int | None = None


def base_directory() -> str:
    """Return the directory that holds all sessions: ``NTIPC_DIR``, or ``/dev/shm``.

    Raises:
        InvalidName: Its name is no UTF-8.
    """
    base = os.path.abspath(os.environ.get("NTIPC_DIR") or "/dev/shm")
    try:
        base.encode()
    except UnicodeEncodeError:
        advice = "Set NTIPC_DIR to a directory whose name is UTF-8"
        raise from_status(Status.OBJECT_NAME_INVALID, "Session", f"directory {base!r}", advice=advice) from None
    return base


def default_name() -> str:
    """Return the name of the default session: ``NTIPC_SESSION``, or ``default``."""
    return os.environ.get("NTIPC_SESSION") or "default"


def locate(name: str | None = None) -> Place:
    """Find where the session of this name is, or would be.

    Args:
        name: A session's name, ``"user/name"`` for that of another user, ``None`` for the default session.

    Raises:
        InvalidName: ``name`` has other characters or another length than a session's name may have.
        ObjectNotFound: There is no such user.
        TypeError: ``name`` is neither a ``str`` nor ``None``.
    """
    if name is None:
        name = default_name()
    if not isinstance(name, str):
        raise TypeError(f"a session must be a Session, a str or None, not {type(name).__name__}")
    user, slash, local = name.rpartition("/")
    if not 0 < len(local) <= MAXIMUM_NAME_LENGTH or not NAME_CHARACTERS.issuperset(local) or (slash and not user):
        advice = f"Use 1 to {MAXIMUM_NAME_LENGTH} of the characters A-Z a-z 0-9 . _ -"
        raise from_status(Status.OBJECT_NAME_INVALID, "Session", f"session {name[:80]!r}", advice=advice)
    owner = _user_id(user) if user else os.geteuid()
    return Place(name, os.path.join(base_directory(), f"ntipc-{owner}-{local}"), owner)


def locate_global() -> Place:
    r"""Find the session of names that begin with ``Global\``.

    It is the user's own that ``NTIPC_GLOBAL`` names, else the machine's if there is one, else the user's "global".
    """
    chosen = os.environ.get("NTIPC_GLOBAL")
    if chosen:
        return locate(chosen)
    path = os.path.join(base_directory(), _GLOBAL_DIRECTORY)
    try:
        found = os.lstat(path)
    except OSError:
        found = None
    if found is not None and found.st_uid == 0:
        return Place("global", path, 0, found.st_mode & 0o7777, found.st_gid)
    return locate("global")


def session_path(name: str | None = None) -> str:
    """Return the directory of the session of this name, whether or not it exists."""
    return locate(name).path


def global_path() -> str:
    r"""Return the directory of the session of names that begin with ``Global\``, whether or not it exists."""
    return locate_global().path


def create_global(mode: int = 0o770, group: str | int | None = None) -> str:
    r"""Make the machine-wide session that ``Global\`` names of all users live in; for administrators.

    Args:
        mode: Permissions, which say who may use it.
        group: Its group, by name or number.

    Returns:
        Its directory, which stays until an administrator removes it or the machine restarts.

    Raises:
        AccessDenied: The caller is not root.
        ObjectExists: It exists.
    """
    path = os.path.join(base_directory(), _GLOBAL_DIRECTORY)
    mode, gid = checked_mode(mode), group_id(group)
    if os.geteuid() != 0:
        raise from_status(Status.ACCESS_DENIED, "create_global", f"session {path}", advice="Only root may make it")
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        raise from_status(Status.OBJECT_NAME_COLLISION, "create_global", f"session {path}") from None
    with open(os.path.join(path, _PERMANENT), "xb"):
        pass  # the last participant empties the directory but for this file, and so leaves the directory
    os.chown(path, 0, -1 if gid is None else gid)
    os.chmod(path, mode)
    return path


def checked_mode(mode: int) -> int:
    """Return the permissions for a new session, or refuse them.

    Raises:
        InvalidParameter: They shut the owner out, let everybody write, or are no permissions.
    """
    if isinstance(mode, bool) or not isinstance(mode, int):
        raise TypeError(f"mode must be an int such as 0o700, not {type(mode).__name__}")
    if mode & ~0o777 or mode & 0o700 != 0o700 or mode & 0o002:
        detail = f"the mode is {mode:#o}; the owner needs 0o700, and what everybody may write to cannot be trusted"
        raise from_status(Status.INVALID_PARAMETER, "Session", "", detail, advice="Use 0o700, or 0o770 for a group")
    return mode


def group_id(group: str | int | None) -> int | None:
    """Return the number of a group given by name or number.

    Raises:
        ObjectNotFound: There is no group of this name.
    """
    if group is None or (isinstance(group, int) and not isinstance(group, bool)):
        return group
    if not isinstance(group, str):
        raise TypeError(f"group must be a name, a number or None, not {type(group).__name__}")
    import grp

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise from_status(
            Status.OBJECT_NAME_NOT_FOUND, "Session", f"group {group!r}", advice="See /etc/group"
        ) from None


def _user_id(user: str) -> int:
    if user.isascii() and user.isdecimal():
        return int(user)
    import pwd

    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise from_status(Status.OBJECT_NAME_NOT_FOUND, "Session", f"user {user!r}", advice="See /etc/passwd") from None

"""Looking into a session from outside: what is there, who holds it and who waits.

>>> import ntipc
>>> event = ntipc.Event("ready")
>>> [found["name"] for found in ntipc.inspect()["objects"]]
['ready']
"""

from __future__ import annotations

from typing import Any

from ntipc import _kernel
from ntipc.session.places import session_path
from ntipc.session.session import Session

LAYOUT: str = _kernel.LAYOUT
"""Fingerprint of the layout of shared memory; programs with different ones cannot share a session."""
FAULT_POINTS: tuple[str, ...] = _kernel.FAULT_POINTS
"""Places at which a build for tests can be told to die; empty in an ordinary one."""


def inspect(session: Session | str | None = None) -> dict[str, Any]:
    """Read the state of a session without taking part in it: no lock is taken and nothing is changed.

    It works beside anything, also beside a session whose lock is held by a stopped process. What changes while it is
    read may be told half before and half after the change.

    Args:
        session: The session, its name, or the path of its directory; ``None`` for the default one.

    Returns:
        A dict, ready for JSON: ``path``, ``layout``, ``uid``, ``participants``, ``lock_owner``, ``counters``, and the
        lists ``processes``, ``threads`` and ``objects``. Each process has a ``slot``, by which ``process`` in the other
        lists names it, and ``watched_by``, the pids of those that watch for its death, the first to act first. Each
        object has ``kind``, ``name``, its state as in ``info()``, ``holders`` (``process``, ``pid``, ``handle``,
        ``access``, ``inheritable``), ``in_messages``, the number of its handles that lie in messages, and ``waiters``
        (``process``, ``pid``, ``tid``).

        ``pid`` and ``tid`` are those of the caller's own pid namespace, and ``None`` for a process in another one, or
        if a namespace cannot be told: the number would be that of a stranger. Such a process has its number in
        ``own_pid`` and its namespace's in ``pid_namespace`` (``None``: unknown).

    Raises:
        ObjectNotFound: There is no such session.
        AccessDenied: This user may not read it.
        SessionDamaged: What lies there is no session.
        SessionMismatch: It was made by a version of this library with another layout.
    """
    return _kernel.inspect(_directory(session))


def examine(session: Session | str | None = None) -> dict[str, Any]:
    """Check that the memory of a session says what it should: what ``ntipc doctor`` does.

    Every list, count, name, handle, owner and sleeper is held against every other. The look is taken under the lock
    that all participants share, for some milliseconds at most, or without it if a stopped process keeps it for two
    seconds. Nothing is repaired. What it reports was there in each of several looks, more than a second apart; a
    healthy session needs only one.

    Args:
        session: The session, its name, or the path of its directory; ``None`` for the default one.

    Returns:
        A dict, ready for JSON: ``path``; ``locked``, whether the looks were taken under the lock; ``note``, why not,
        or ``None``; and the list ``findings``, each with ``check`` (which rule, in a word), ``subject`` (which object,
        process or thread) and ``text`` (one sentence). No findings: healthy.

    Raises:
        ObjectNotFound: There is no such session.
        AccessDenied: This user may not read it.
        SessionMismatch: It was made by a version of this library with another layout.

    >>> import ntipc
    >>> event = ntipc.Event("ready")
    >>> ntipc.examine()["findings"]
    []
    """
    return _kernel.examine(_directory(session))


def _directory(session: Session | str | None) -> str:
    if isinstance(session, Session):
        return session.path
    if session is not None and session.startswith("/"):
        return session
    return session_path(session)

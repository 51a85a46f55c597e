"""A line into the debug log.

What it costs while nobody reads is a look at two words of shared memory: whether the session has readers, and whether
any object got a name since this process last looked for a viewer of the program's own (``viewers``).
"""

from __future__ import annotations

from ntipc.debuglog import viewers
from ntipc.session.session import Session, attached_default, existing_session, has_ended


def output_debug_string(text: str, *, session: Session | str | None = None) -> None:
    """Write a line into the debug log of a session.

    It waits for nobody: readers that are slow, stopped or dead cost the writer nothing, and lose lines, which they
    count. It may be called from any thread, from signal handlers and at exit, and fails for no state of the log: a line
    that nobody reads, or for which there is no session, is not written.

    Args:
        text: The line. What is longer than 32,768 bytes in UTF-8 is cut.
        session: The session, or its name; ``None`` for the default one. None is made for a line.

    Raises:
        TypeError: ``text`` is not a ``str``.
        InvalidName: ``session`` has other characters or another length than a session's name may have.

    Source:
        OutputDebugString (Win32).

    Differs:
        On Windows a line goes to one viewer at most, is cut at 4,091 bytes, and costs its writer ten seconds if the
        viewer is stopped.

    >>> import ntipc
    >>> ntipc.output_debug_string("nobody hears this")
    """
    if not isinstance(text, str):
        raise TypeError(f"the line must be a str, not {type(text).__name__}")
    attached = (attached_default() if session is None else None) or existing_session(session)
    if attached is None:
        return
    names = attached._native.log(text)
    if names is not None and not viewers.tell(attached, text):
        attached._native.names_seen(names)
    if has_ended():
        attached.close()


def is_wanted(session: Session | str | None = None) -> bool:
    """Say whether anybody would see a line now, so that a program need not make one for nobody.

    >>> is_wanted()
    False
    """
    attached = existing_session(session)
    if attached is None:
        return False
    is_read, names = attached._native.log_is_wanted()
    if names is not None and not viewers.exists(attached):
        attached._native.names_seen(names)
        names = None
    return is_read or names is not None

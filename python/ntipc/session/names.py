r"""Names of objects: plain ones, and the prefixes that say which session is meant.

``"ready"``, ``r"Local\ready"`` and ``r"\BaseNamedObjects\ready"`` are the same object of the session;
``r"Global\ready"`` is one of the machine-wide session. Names are case sensitive, and all types of object share them.

    >>> import ntipc
    >>> one, same = ntipc.Event("ready"), ntipc.Event(r"Local\ready")
    >>> one.identity == same.identity
    True
"""

from __future__ import annotations

from ntipc.errors import NtError, Status, from_status
from ntipc.errors.subjects import shown

MAXIMUM_LENGTH = 32_766
"""Longest name, in UTF-16 units."""

SESSION_NUMBER = 1
"""The number of the user's session, which calls of Windows tell and paths of the object namespace have."""
_HERE = ("Local\\", "\\BaseNamedObjects\\")
_EVERYWHERE = "Global\\"


def parse(name: str | None) -> tuple[bool, str | None]:
    r"""Split a name into where it belongs and what the kernel calls it.

    Args:
        name: A name, or ``None`` or an empty text for an unnamed object.

    Returns:
        Whether the name is of the machine-wide session, and the name without its prefix, ``None`` for unnamed.

    Raises:
        InvalidName: The name contains NUL or half a surrogate pair, ends in a backslash, or is longer
            than 32,766 UTF-16 units.
        PathNotFound: There is a backslash other than that of a known prefix.
        TypeError: ``name`` is not a ``str``.

    Source:
        Kernel object namespaces, CreateEvent (Win32).

    >>> parse(r"Local\ready"), parse(r"Global\ready"), parse("")
    ((False, 'ready'), (True, 'ready'), (False, None))
    """
    if name is None:
        return False, None
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str or None, not {type(name).__name__}")
    if not name.isascii() or "\0" in name or len(name) > MAXIMUM_LENGTH:
        _check_text(name)
    if "\\" not in name:
        return False, name or None
    everywhere = name.startswith(_EVERYWHERE)
    prefix = _EVERYWHERE if everywhere else next((prefix for prefix in _HERE if name.startswith(prefix)), "")
    local = name[len(prefix) :]
    if not local:
        raise _refusal(Status.OBJECT_NAME_INVALID, name, "nothing follows the prefix")
    if "\\" in local:
        raise _refusal(Status.OBJECT_PATH_NOT_FOUND, name, "prefixes are case sensitive")
    return everywhere, local


def _check_text(name: str) -> None:
    if "\0" in name:
        raise _refusal(Status.OBJECT_NAME_INVALID, name, "it contains a NUL character")
    try:
        units = len(name.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise _refusal(Status.OBJECT_NAME_INVALID, name, "it contains half of a surrogate pair") from None
    if units > MAXIMUM_LENGTH:
        raise _refusal(Status.OBJECT_NAME_INVALID, name, f"it has {units:,} UTF-16 units")


def _refusal(status: Status, name: str, detail: str) -> NtError:
    return from_status(status, "Naming an object", f"name {shown(name)}", detail)

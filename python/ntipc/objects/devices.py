r"""Names of pipes and mailslots: ``\\.\pipe\name``, ``\\.\mailslot\name``, or the bare name.

Case does not matter, and what follows the prefix may hold any character, backslashes among them. Pipes and mailslots
have name spaces of their own: neither shares a name with the other, or with events, sections and the like.

    >>> locate_pipe(r"\\.\PIPE\Orders").key == locate_pipe("orders").key
    True
    >>> locate_mailslot(r"\\*\mailslot\news").host
    '*'
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ntipc.errors import NtError, Status, describe, from_status
from ntipc.session.names import MAXIMUM_LENGTH
from ntipc.session.session import Session, global_session, within

HERE = "."
"""The host of names that mean this machine."""
EVERYWHERE = "*"
"""The host of a mailslot's name that means every machine."""

_MACHINE_WIDE = "Global\\"
_OF_THE_SESSION = "Local\\"
_NATIVE_PREFIXES = {
    "pipe": ("\\??\\pipe\\", "\\device\\namedpipe\\"),
    "mailslot": ("\\??\\mailslot\\", "\\device\\mailslot\\"),
}


class Location(NamedTuple):
    r"""Where a pipe or mailslot is.

    Attributes:
        host: :data:`HERE`, :data:`EVERYWHERE`, or the name of another machine.
        machine_wide: Whether it is of the session that all users share (``Global\``).
        name: The name without any prefix, as the program gave it.
        key: What the kernel calls it: the same for all spellings of one name.
    """

    host: str
    machine_wide: bool
    name: str
    key: str

    def attachment(self, session: Session | str | None = None) -> Session:
        """Return the session that it lives in, attaching to it if need be.

        Args:
            session: The session that the program asked for; ``None`` for the default one.
        """
        return global_session() if self.machine_wide else within(session)


def locate_pipe(name: str) -> Location:
    r"""Say which pipe a name means.

    Args:
        name: ``\\.\pipe\x``, the native ``\??\pipe\x`` and ``\Device\NamedPipe\x``, or just ``x``, which may have
            ``Local\`` or ``Global\`` in front. ``\\localhost\pipe\x`` and this machine's own name are this machine.

    Raises:
        InvalidName: There is another prefix, or nothing after it, or a character that no name may have.
        PathNotFound: ``name`` is ``None``.
        TypeError: ``name`` is not a ``str``.

    Source:
        CreateNamedPipe, Pipe Names (Win32).

    >>> locate_pipe(r"\\.\pipe\a\b<c>\ "[:-1]).key
    'pipe\\a\\b<c>\\'
    """
    return _locate("pipe", name)


def locate_mailslot(name: str) -> Location:
    r"""Say which mailslot a name means; the host :data:`EVERYWHERE` stands for all of that name.

    Args:
        name: ``\\.\mailslot\x``, ``\\*\mailslot\x``, the native forms, or just ``x``.

    Raises:
        InvalidName: There is another prefix, or nothing after it, or a character that no name may have.
        PathNotFound: ``name`` is ``None``.
        TypeError: ``name`` is not a ``str``.

    Source:
        CreateMailslot, Mailslot Names (Win32).

    >>> locate_mailslot(r"\\.\mailslot\News").key, locate_mailslot(r"Global\news").machine_wide
    ('mailslot\\news', True)
    """
    return _locate("mailslot", name)


def _locate(device: str, name: str) -> Location:
    if name is None:
        raise from_status(
            Status.OBJECT_PATH_NOT_FOUND, "Naming an object", f"unnamed {device}", advice=f"Give the {device} a name"
        )
    if not isinstance(name, str):
        raise TypeError(f"the name of a {device} must be a str, not {type(name).__name__}")
    _check_text(device, name)
    host, machine_wide, rest = HERE, False, name
    lower = name.lower()
    native = next((prefix for prefix in _NATIVE_PREFIXES[device] if lower.startswith(prefix)), None)
    if native is not None:
        rest = name[len(native) :]
    elif name.startswith("\\\\"):
        host, found, rest = _split(name)
        if found.lower() != device or not host:
            raise _refusal(device, name, f"it begins like a path, and the path is not that of a {device}")
        host = _known_host(device, name, host)
    elif name.startswith("\\"):
        raise _refusal(device, name, f"it begins like a path, and the path is not that of a {device}")
    elif name.startswith(_MACHINE_WIDE):
        machine_wide, rest = True, name[len(_MACHINE_WIDE) :]
    elif name.startswith(_OF_THE_SESSION):
        rest = name[len(_OF_THE_SESSION) :]
    if not rest:
        raise _refusal(device, name, "nothing follows the prefix" if name else "it is empty")
    return Location(host, machine_wide, rest, f"{device}\\{_fold(rest)}")


def _split(name: str) -> tuple[str, str, str]:
    r"""Split ``\\host\device\rest``; what is missing is empty."""
    host, _, path = name[2:].partition("\\")
    device, _, rest = path.partition("\\")
    return host, device, rest


def _known_host(device: str, name: str, host: str) -> str:
    if host in (HERE, "?") or host.lower() in ("localhost", os.uname().nodename.lower()):
        return HERE
    if host == EVERYWHERE and device == "pipe":
        raise _refusal(device, name, "only a mailslot can be on every machine")
    return host


def _fold(name: str) -> str:
    """Make the spellings of a name one, a character at a time: no character becomes two."""
    if name.isascii():
        return name.lower()
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in name)


def _check_text(device: str, name: str) -> None:
    if "\0" in name:
        raise _refusal(device, name, "it contains a NUL character")
    try:
        units = len(name.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise _refusal(device, name, "it contains half of a surrogate pair") from None
    if units > MAXIMUM_LENGTH - len("\\??\\mailslot\\"):
        raise _refusal(device, name, f"it has {units:,} UTF-16 units")


def _refusal(device: str, name: str, detail: str) -> NtError:
    advice = rf"Write \\.\{device}\name or the bare name"
    return from_status(Status.OBJECT_NAME_INVALID, "Naming an object", describe(device, name), detail, advice=advice)

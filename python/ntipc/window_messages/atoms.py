"""Atoms: small numbers for texts, the same in every process of the session. Registered messages are such numbers.

The table is a file of the session's directory. It is there as long as the session is, also when the process that has
made an atom has ended; the last participant removes it with all that the directory holds. It is read and written, not
mapped: a full file system is an error. The mutex of the table of windows guards it.

State: a row of slots; the place of a slot is its atom. A slot is free while its count is 0. Steps of adding: A1 the
mutex; A2 a slot whose text is the same, else a free one; A3 the text; A4 the count. Crash: before A4 the slot is free.
What is read is not trusted: lengths are cut, and a text that cannot be decoded matches nothing.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from operator import index

from ntipc.errors import Status, from_status
from ntipc.session.session import Session
from ntipc.window_messages.constants import FIRST_REGISTERED, LAST_REGISTERED
from ntipc.window_messages.desktop import Desktop, desktop

LONGEST_NAME = 255
MOST_ATOMS = LAST_REGISTERED - FIRST_REGISTERED + 1

_HEAD = struct.Struct("<IHH")  # count, bytes of the text, nothing
_COUNT = struct.Struct("<I")
_SLOT_SIZE = 1032
_LARGEST_COUNT = 0xFFFF_FFFF
_REGISTERED, _GLOBAL = "messages", "atoms"


class AtomTable:
    """One table of atoms of a session, opened for one operation."""

    def __init__(self, path: str, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            mode = os.fstat(directory)
            self._file = os.open(name, flags, stat.S_IMODE(mode.st_mode) & 0o666, dir_fd=directory)
            try:
                own = os.fstat(self._file)
                if not own.st_size:
                    os.fchmod(self._file, stat.S_IMODE(mode.st_mode) & 0o666)
                    if (own.st_uid, own.st_gid) != (mode.st_uid, mode.st_gid):
                        os.fchown(self._file, mode.st_uid, mode.st_gid)
                self._content = self._read(own.st_size)
            except BaseException:
                os.close(self._file)
                raise
        finally:
            os.close(directory)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def find(self, name: str) -> int | None:
        """Return the atom of a text, whatever its case; ``None`` if there is none."""
        wanted = name.casefold()
        for place in range(self._places()):
            count, text = self._slot(place)
            if count and text.casefold() == wanted:
                return FIRST_REGISTERED + place
        return None

    def name(self, atom: int) -> str | None:
        """Return the text of an atom."""
        place = atom - FIRST_REGISTERED
        count, text = self._slot(place) if 0 <= place < self._places() else (0, "")
        return text if count else None

    def add(self, name: str, call: str, *, counted: bool) -> int:
        """Return the atom of a text, which is made if need be, and count it once more."""
        atom = self.find(name)
        if atom is not None:
            count = self._count(atom)
            if counted and count < _LARGEST_COUNT:
                self._set_count(atom, count + 1)
            return atom
        places = self._places()
        place = next((place for place in range(places) if not self._slot(place)[0]), places)  # A2
        if place >= MOST_ATOMS:
            raise from_status(Status.NO_MEMORY, call, "", f"there are {MOST_ATOMS:,} texts already")
        text = name.encode()
        slot = (_HEAD.pack(0, len(text), 0) + text).ljust(_SLOT_SIZE, b"\0")
        self._write(slot, place * _SLOT_SIZE)  # A3
        self._set_count(FIRST_REGISTERED + place, 1)  # A4
        return FIRST_REGISTERED + place

    def delete(self, atom: int) -> bool:
        """Count down; whether there is such an atom."""
        if self.name(atom) is None:
            return False
        self._set_count(atom, self._count(atom) - 1)
        return True

    def _places(self) -> int:
        return min(len(self._content) // _SLOT_SIZE, MOST_ATOMS)

    def _slot(self, place: int) -> tuple[int, str]:
        at = place * _SLOT_SIZE
        count, length, _ = _HEAD.unpack_from(self._content, at)
        text = self._content[at + _HEAD.size : at + min(_HEAD.size + length, _SLOT_SIZE)]
        return count, text.decode("utf-8", "replace")

    def _count(self, atom: int) -> int:
        count: int = _COUNT.unpack_from(self._content, (atom - FIRST_REGISTERED) * _SLOT_SIZE)[0]
        return count

    def _set_count(self, atom: int, count: int) -> None:
        self._write(_COUNT.pack(count), (atom - FIRST_REGISTERED) * _SLOT_SIZE)

    def _read(self, size: int) -> bytes:
        content = b""
        while len(content) < size and (more := os.pread(self._file, size - len(content), len(content))):
            content += more
        return content

    def _write(self, data: bytes, at: int) -> None:
        written = os.pwrite(self._file, data, at)
        if written < len(data):
            raise OSError(28, "the session's file system is full")


def register_window_message(name: str, *, session: Session | str | None = None) -> int:
    """Return the number of a message that programs agree on by its name.

    Each process of the session gets the same number for a name, whatever its case, as long as the session lives.

    Args:
        name: 1 to 255 characters.
        session: The session, or its name; ``None`` for the default one.

    Returns:
        A number from 0xC000 to 0xFFFF.

    Raises:
        InvalidParameter: ``name`` is empty or too long.
        OutOfResources: There are 16,384 names already.

    Source:
        RegisterWindowMessage (Win32).

    >>> import ntipc
    >>> ntipc.register_window_message("Reload") == ntipc.register_window_message("reload") >= 0xC000
    True
    """
    here = desktop(session)
    key = _checked("register_window_message", name).casefold()
    number = here.registered.get(key)
    if number is None:
        number = here.registered[key] = _add(here, _REGISTERED, name, "register_window_message", counted=False)
    return number


def global_add_atom(name: str | int, *, session: Session | str | None = None) -> int:
    """Return the atom of a text, and count it once more.

    It stays until :func:`global_delete_atom` was called as often as this, or the session ends; whether the process
    that has added it lives makes no difference.

    Args:
        name: 1 to 255 characters, whose case does not matter. A number below 0xC000, or ``"#123"``, is its own atom.
        session: The session, or its name; ``None`` for the default one.

    Raises:
        InvalidParameter: ``name`` is empty or too long, or such a number is 0 or too large.
        OutOfResources: There are 16,384 texts already.

    Source:
        GlobalAddAtom (Win32).

    >>> import ntipc
    >>> atom = ntipc.global_add_atom("Topic")
    >>> ntipc.global_find_atom("TOPIC") == atom, ntipc.global_atom_name(atom), ntipc.global_add_atom("#0012")
    (True, 'Topic', 12)
    """
    number = _integer("global_add_atom", name)
    if number is not None:
        return number
    return _add(desktop(session), _GLOBAL, str(name), "global_add_atom", counted=True)


def global_find_atom(name: str | int, *, session: Session | str | None = None) -> int:
    """Return the atom of a text; 0 if it has none. Nothing is counted.

    Raises:
        InvalidParameter: ``name`` is empty or too long.

    Source:
        GlobalFindAtom (Win32).
    """
    number = _integer("global_find_atom", name)
    if number is not None:
        return number
    with _opened(desktop(session), _GLOBAL) as table:
        return table.find(_checked("global_find_atom", str(name))) or 0


def global_atom_name(atom: int, *, session: Session | str | None = None) -> str:
    """Return the text of an atom, as it was first added; of a number below 0xC000 ``"#"`` and its digits.

    Raises:
        HandleClosed: There is no such atom; ``winerror`` is 6.

    Source:
        GlobalGetAtomName (Win32).
    """
    atom = index(atom)
    if 0 < atom < FIRST_REGISTERED:
        return f"#{atom}"
    with _opened(desktop(session), _GLOBAL) as table:
        name = table.name(atom)
    if name is None:
        raise from_status(Status.INVALID_HANDLE, "global_atom_name", f"atom {atom:#x}", problem="there is no such atom")
    return name


def global_delete_atom(atom: int, *, session: Session | str | None = None) -> None:
    """Count an atom down; with its count at 0 the text is gone. Nothing is done about a number below 0xC000.

    Raises:
        HandleClosed: There is no such atom; ``winerror`` is 6.

    Source:
        GlobalDeleteAtom (Win32).
    """
    atom = index(atom)
    if 0 < atom < FIRST_REGISTERED:
        return
    with _opened(desktop(session), _GLOBAL) as table:
        found = table.delete(atom)
    if not found:
        raise from_status(
            Status.INVALID_HANDLE, "global_delete_atom", f"atom {atom:#x}", problem="there is no such atom"
        )


@contextmanager
def _opened(here: Desktop, kind: str) -> Iterator[AtomTable]:
    """Open a table for one operation, which owns the mutex that guards it."""
    with here.table.mutex, closing(AtomTable(here.native.path, kind)) as table:
        yield table


def _add(here: Desktop, kind: str, name: str, call: str, *, counted: bool) -> int:
    _checked(call, name)
    try:
        with _opened(here, kind) as table:
            return table.add(name, call, counted=counted)
    except OSError as problem:
        if problem.errno not in (28, 122) or hasattr(problem, "status"):  # no space, no quota
            raise
        raise from_status(Status.DISK_FULL, call, f"atom {name!r}") from problem


def _integer(call: str, name: str | int) -> int | None:
    """Return the number that a name stands for; ``None`` for a text."""
    if isinstance(name, str):
        digits = name[1:]
        if not name.startswith("#") or not (digits.isascii() and digits.isdigit()):
            return None
        number = int(digits) if len(digits) < 20 else FIRST_REGISTERED
    else:
        number = index(name)
    if not 0 < number < FIRST_REGISTERED:
        detail = f"an atom that is a number is 1 to {FIRST_REGISTERED - 1:#x}"
        raise from_status(Status.INVALID_PARAMETER, call, f"atom {name!r}", detail)
    return number


def _checked(call: str, name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, not {type(name).__name__}")
    try:
        length = len(name) if name.encode() else 0
    except UnicodeEncodeError:
        length = 0
    if not 0 < length <= LONGEST_NAME:
        detail = f"a name has 1 to {LONGEST_NAME} characters, without halves of surrogate pairs"
        raise from_status(Status.INVALID_PARAMETER, call, f"name {name[:40]!r}", detail)
    return name

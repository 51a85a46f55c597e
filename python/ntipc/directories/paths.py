r"""The way from a path of the object namespace to the name that the kernel in shared memory knows.

An object in ``\BaseNamedObjects`` is known by its name alone, any other one by its path.

>>> find_spot(None, "\\BaseNamedObjects\\ready").local, find_spot(None, "\\BaseNamedObjects\\Local\\ready").local
('ready', 'ready')
"""

from __future__ import annotations

from typing import NamedTuple

from ntipc.directories.directory import Directory, Entry, SymbolicLink, look
from ntipc.errors import NtError, ObjectNotFound, Status, from_status
from ntipc.errors.subjects import shown
from ntipc.session.inspection import inspect
from ntipc.session.names import SESSION_NUMBER
from ntipc.session.session import Session, default_session, global_session

BASE = "\\BaseNamedObjects"
_BASES = "\\Sessions\\BNOLINKS"
_OWN = f"\\Sessions\\{SESSION_NUMBER}"
BUILT_IN = (
    "", BASE, "\\??", "\\Callback", "\\Device", "\\GLOBAL??", "\\KernelObjects", "\\RPC Control", "\\Sessions", _BASES,
    _OWN,
)  # fmt: skip
"""Directories that are there without anybody; the first is the root."""
BUILT_IN_LINKS = {
    f"{BASE}\\Local": BASE,
    f"{BASE}\\Session": _BASES,
    f"{_BASES}\\{SESSION_NUMBER}": BASE,
    f"{_OWN}\\BaseNamedObjects": BASE,
}
"""Links that are there without anybody, and where they lead."""
_MOST_LINKS = 32


class Spot(NamedTuple):
    """Where an object lies, or is to lie.

    Attributes:
        session: The session.
        directory: The path of its directory, empty for the root.
        leaf: Its name there; empty for the root itself.
        fold: Whether the case of letters does not count.
    """

    session: Session
    directory: str
    leaf: str
    fold: bool = False

    @property
    def local(self) -> str:
        """The name that the kernel knows."""
        return self.leaf if self.directory == BASE else self.path

    @property
    def path(self) -> str:
        """The path in the session."""
        return f"{self.directory}\\{self.leaf}"


def find_spot(root: Spot | None, path: str, *, fold: bool = False) -> Spot:
    r"""Follow a path through directories and links, up to its last name.

    Args:
        root: Where the path begins; ``None`` for the root, and then it begins with a backslash.
        path: The path.
        fold: Whether the case of letters does not count.

    Raises:
        InvalidName: A name between two backslashes, or after the last, is empty.
        PathNotFound: A directory on the way is not there, or is none.
        NtError: The path does not begin with a backslash, or does with a root.
    """
    if (root is None) != path.startswith("\\"):
        raise from_status(_PATH_SYNTAX_BAD, "Naming an object", f"path {shown(path)}")
    names = path[1:].split("\\") if root is None else path.split("\\")
    if path == "\\":
        return Spot(default_session(), "", "", fold)
    session, directory = (default_session(), "") if root is None else (root.session, root.path)
    if root is not None and not root.leaf:
        directory = ""
    links = 0
    while True:
        if not names[0]:
            raise from_status(Status.OBJECT_NAME_INVALID, "Naming an object", f"path {shown(path)}")
        if len(names) == 1:
            return _spelled(Spot(session, directory, names[0], fold))
        name = names.pop(0)
        if directory == BASE and _same(name, "Global", fold):
            session = global_session()
            continue
        built_in = _built_in(f"{directory}\\{name}", fold)
        if built_in is not None:
            directory = built_in
            continue
        target = _entered(_spelled(Spot(session, directory, name, fold)), path)
        if target is None:
            directory = _spelled(Spot(session, directory, name, fold)).path
            continue
        links += 1
        if links > _MOST_LINKS or not target.startswith("\\"):
            raise from_status(Status.OBJECT_PATH_NOT_FOUND, "Naming an object", f"path {shown(path)}")
        session, directory, names = default_session(), "", [*target[1:].split("\\"), *names]


_PATH_SYNTAX_BAD = 0xC000_003B


def followed(spot: Spot) -> Spot:
    """Follow the link at a spot, and those that it leads to; the same spot if there is none."""
    for _ in range(_MOST_LINKS):
        built_in = _built_in(spot.path, spot.fold)
        if built_in is not None:
            return spot if _same(built_in, spot.path, spot.fold) else find_spot(None, built_in, fold=spot.fold)
        try:
            thing = look(spot.session, spot.local)
        except NtError:
            return spot
        if not isinstance(thing, SymbolicLink):
            if thing is not None:
                thing.close()
            return spot
        target = thing.target
        thing.close()
        spot = find_spot(None, target, fold=spot.fold)
    raise from_status(Status.OBJECT_PATH_NOT_FOUND, "Naming an object", f"path {shown(spot.path)}")


def entries(spot: Spot) -> list[Entry]:
    """List what lies in the directory at a spot, by name."""
    directory = spot.path if spot.leaf else ""
    found: dict[str, str] = {}
    for thing in inspect(spot.session)["objects"]:
        name = thing["name"]
        if not name or thing["kind"] == "WriteEnd":
            continue
        path = name if name.startswith("\\") else f"{BASE}\\{name}"
        parent, _, leaf = path.rpartition("\\")
        if parent != directory or ("\\" in name and not name.startswith("\\")):
            continue
        found[leaf] = _kind(spot.session, name) if thing["kind"] in ("ReadEnd", "Queue") else thing["kind"]
    fixed = dict.fromkeys(BUILT_IN[1:], "Directory") | dict.fromkeys(BUILT_IN_LINKS, "SymbolicLink")
    for each, kind in fixed.items():
        parent, _, leaf = each.rpartition("\\")
        if parent == directory:
            found.setdefault(leaf, kind)
    if directory == BASE:
        found["Global"] = "SymbolicLink"
    return [Entry(name, found[name]) for name in sorted(found)]


def _kind(session: Session, local: str) -> str:
    try:
        thing = look(session, local)
    except NtError:
        return "Queue"
    if thing is None:
        return "Queue"
    kind = type(thing).__name__
    thing.close()
    return kind


def _entered(spot: Spot, path: str) -> str | None:
    """Say where the link at a spot leads; ``None``: it is a directory."""
    try:
        thing = look(spot.session, spot.local)
    except ObjectNotFound:
        thing = None
    if isinstance(thing, SymbolicLink):
        target = thing.target
        thing.close()
        return target
    if not isinstance(thing, Directory):
        raise from_status(Status.OBJECT_PATH_NOT_FOUND, "Naming an object", f"path {shown(path)}")
    thing.close()
    return None


def is_built_in(spot: Spot) -> bool:
    """Say whether a directory or link that is there without anybody has a spot."""
    return not spot.leaf or _built_in(spot.path, spot.fold) is not None


def _built_in(path: str, fold: bool) -> str | None:
    """Say which built-in directory a path names, or where a built-in link leads; ``None``: it names neither."""
    for each in BUILT_IN:
        if _same(each, path, fold):
            return each
    return next((target for each, target in BUILT_IN_LINKS.items() if _same(each, path, fold)), None)


def _same(one: str, other: str, fold: bool) -> bool:
    return one.upper() == other.upper() if fold else one == other


def _spelled(spot: Spot) -> Spot:
    """Spell a name as the object there has it, if case does not count and one differs in case alone."""
    if not spot.fold:
        return spot
    built_in = next((each for each in BUILT_IN if each.upper() == spot.path.upper()), None)
    if built_in is not None:
        return spot._replace(leaf=built_in.rpartition("\\")[2])
    names = [thing["name"] for thing in inspect(spot.session)["objects"] if thing["name"]]
    if spot.local in names:
        return spot
    wanted = spot.local.upper()
    name = next((name for name in names if name.upper() == wanted), None)
    return spot if name is None else spot._replace(leaf=name.rpartition("\\")[2])

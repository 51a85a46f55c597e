"""Sessions, and what all objects have in common, for `_kernel.pyi`."""

from collections.abc import Sequence
from typing import Any, Self, TypeAlias, final

Sender: TypeAlias = tuple[int, int]
"""Slot of the process that sent a frame, and the slot's generation; see :meth:`Session.process_of`."""

@final
class Session:
    """This process's attachment to one session."""

    @staticmethod
    def attach(path: str, owner: int, mode: int = 0o700, gid: int | None = None, create: bool = True) -> Session: ...
    @property
    def path(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    def leave(self) -> None: ...
    def process_of(self, sender: Sender) -> tuple[int, int] | None:
        """Process id and start time of the sender of a frame, the latter in clock ticks that no time namespace shifts.

        None: it has left the session.
        """

    def has_unreaped(self) -> bool:
        """Whether a participant is dead whose handles no watcher has closed yet, as far as Linux has told."""

    def look_up(self, handle: int) -> tuple[str, str | None]:
        """Native type and name of what a handle of this process leads to."""

    def duplicate_handle(
        self,
        source: tuple[int, int],
        handle: int,
        target: tuple[int, int],
        terms: tuple[int | None, bool, bool],
    ) -> int:
        """A handle of one process for another.

        Processes are given by id, 0 for this one, and start time, 0 if that is unknown. The terms are rights, the mark,
        and whether to close the source.
        """

    def prepare_heir(self, numbers: Sequence[int] | None) -> tuple[int, int] | None:
        """Reserve handles for a child; None: those marked inheritable. Returns what names the child, if any."""

    def name_heir(self, heir: tuple[int, int], pid: int, start_time: int) -> None: ...
    def disinherit(self, heir: tuple[int, int]) -> None: ...
    def is_owned(self, handle: int) -> bool:
        """Whether an object of Python in this process has this handle."""

    def log(self, text: str) -> int | None:
        """Write a line into the debug log. The count of names given to objects, if it is not ``names_seen``."""

    def log_is_wanted(self) -> tuple[bool, int | None]:
        """Whether anybody reads the debug log; and the count that ``log`` would give."""

    def names_seen(self, count: int) -> None: ...
    def statistics(self) -> dict[str, int]: ...

class Object:
    """What every object has. Closed until ``_bind``, ``_copy_from``, ``_adopt`` or ``_claim`` gives it a handle."""

    def __new__(cls, *args: object, **kwargs: object) -> Self: ...
    def _describe(self, subject: str) -> None:
        """Say what messages call the object, once."""

    @property
    def handle(self) -> int: ...
    @property
    def name(self) -> str | None: ...
    @property
    def created(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def _session_path(self) -> str | None: ...
    @property
    def access(self) -> int: ...
    @property
    def inheritable(self) -> bool: ...
    @inheritable.setter
    def inheritable(self, value: bool) -> None: ...
    @property
    def identity(self) -> tuple[int, int]: ...
    def close(self) -> None: ...
    def _query(self) -> dict[str, Any]: ...
    def duplicate_handle(self, pid: int | None = None, access: int | None = None, inheritable: bool = False) -> int: ...
    def _copy_from(self, original: Object, access: int | None = None, inheritable: bool = False) -> None: ...
    def _adopt(self, session: Session, handle: int) -> None: ...
    def _disown(self) -> int:
        """Give up the handle without closing it; its number, 0 if it was closed. This instance is closed then."""

    def _park(self) -> tuple[int, int, int, int, int, int]: ...
    def _claim(self, session: Session, token: tuple[int, int, int, int, int, int]) -> None: ...

class Waitable(Object):
    def wait(self, timeout: float | None = None) -> bool: ...

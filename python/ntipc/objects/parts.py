"""Things that are made of several handles: they are closed, duplicated and forked as one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from ntipc._runtime.forks import PartedAtFork


class Parts:
    """Something with parts, each of which has handles: objects of the kernel, or things with parts of their own.

    A class declares the attributes that hold them, in the order in which they are closed; a part that is missing or
    ``None`` does not exist at the moment. Copies of ``parts`` get the rights that a duplicate is asked for. Those of
    ``holds``, which only keep something alive, get all that the original has.

    >>> import ntipc
    >>> class Turnstile(Parts, parts=("gate", "light")):
    ...     def __init__(self):
    ...         self.gate, self.light = ntipc.Event(), ntipc.Event()
    >>> one = Turnstile()
    >>> other = one.duplicate()
    >>> one.close()
    >>> one.gate.closed, one.light.closed, other.gate.closed
    (True, True, False)
    """

    __slots__ = ()

    _part_names: ClassVar[tuple[str, ...]] = ()
    _hold_names: ClassVar[tuple[str, ...]] = ()
    _every_name: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, parts: tuple[str, ...] = (), holds: tuple[str, ...] = (), **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._part_names = (*cls._part_names, *parts)
        cls._hold_names = (*cls._hold_names, *holds)
        cls._every_name = (*cls._part_names, *cls._hold_names)

    def _each_part(self) -> Iterator[Any]:
        for name in self._every_name:
            if (part := getattr(self, name, None)) is not None:
                yield part

    def _close_parts(self) -> None:
        for name in self._every_name:  # `_each_part`, in fewer steps: connections are closed all the time
            if (part := getattr(self, name, None)) is not None:
                part.close()

    def _duplicate_parts(self, original: Self, access: int | str | None, inheritable: bool) -> None:
        """Take handles of its own to what ``original`` has."""
        for names, rights in (self._part_names, access), (self._hold_names, None):
            for name in names:
                if (part := getattr(original, name, None)) is not None:
                    setattr(self, name, part.duplicate(access=rights, inheritable=inheritable))

    def _mark(self, inheritable: bool) -> None:
        """Set the mark of all handles."""
        for part in self._each_part():
            if isinstance(part, Parts):
                part._mark(inheritable)
            else:
                part.inheritable = inheritable

    def close(self) -> None:
        """Close all parts. Closing again does nothing."""
        self._close_parts()

    def duplicate(self, *, access: int | str | None = None, inheritable: bool = False) -> Self:
        """Make another one with handles of its own, in this process.

        Args:
            access: Rights of the new handles; ``None`` for those of these.
            inheritable: Mark of the new handles.

        Raises:
            HandleClosed: A part is closed.
        """
        twin = copy.copy(self)
        twin._duplicate_parts(self, access, inheritable)
        return twin

    def _leave_at_fork(self) -> None:
        """From now on, have a forked child give up its copy: :meth:`_left_by_child`. May be repeated."""
        _left.add(self)

    def _keep_at_fork(self) -> None:
        """From now on, have a forked child keep its copy. May be repeated."""
        _left.discard(self)

    def _left_by_child(self) -> None:
        """Give up, in a forked child, what it must not share with its parent. By default that is everything."""
        self.close()


_left: PartedAtFork[Parts] = PartedAtFork(lambda thing: thing._left_by_child())

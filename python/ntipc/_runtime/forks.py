"""What a child of a fork lets go of: its copies would take from its parent what is meant for that."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from ntipc.errors import NtError

T = TypeVar("T")


class PartedAtFork(Generic[T]):
    """Things that a child of a fork parts from, as ``part`` says. None is kept alive for it.

    No code runs when one of them goes: what a signal handler raised there, nobody would be told.
    """

    __slots__ = ("_dead_looked_for_at", "_part", "_references")

    def __init__(self, part: Callable[[T], object]) -> None:
        self._part = part
        # A reference to what is gone equals only itself, so that taking it out takes out nothing else.
        self._references: set[weakref.ref[T]] = set()
        self._dead_looked_for_at = 64
        os.register_at_fork(after_in_child=self._part_from_all)

    def add(self, thing: T) -> None:
        """Part from it at a fork. May be repeated."""
        self._references.add(weakref.ref(thing))
        if len(self._references) >= self._dead_looked_for_at:
            for reference in list(self._references):
                if reference() is None:
                    self._references.discard(reference)
            self._dead_looked_for_at = 64 + 2 * len(self._references)

    def discard(self, thing: T) -> None:
        """Keep it at a fork. May be repeated."""
        self._references.discard(weakref.ref(thing))

    def _part_from_all(self) -> None:
        for reference in list(self._references):
            if (thing := reference()) is not None:
                with suppress(NtError):  # one that cannot be parted from keeps no other one
                    self._part(thing)

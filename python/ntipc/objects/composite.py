"""Composites: mechanisms such as pipes that are made of several objects of the kernel, and look like one object.

A class on :class:`Composite` says only what is its own. Its parts are declared as :class:`~ntipc.objects.parts.Parts`
says. Beyond that it tells

* what it is called: ``_kind``, ``name`` and ``created``;
* which part stands for it: ``_primary``, whose handle, session and mark are the composite's;
* how a wait for it works: ``_wait_plan`` and ``_is_set``;
* what a child of a fork gives up: ``_leave_at_fork`` and ``_left_by_child``;
* what travels in a pickle or a message: ``__reduce__``;
* what it knows of itself: ``info`` and ``_state``.

Errors are made where they are found out, with the call that the program made and the composite as their subject: each
call passes its full name down to the kernel's calls as ``operation``, and ``_describe`` tells the parts what they
are parts of.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self, cast, overload

from ntipc.errors import NtError, Status, describe, from_status
from ntipc.objects.object import NtObject
from ntipc.objects.parts import Parts
from ntipc.objects.process_ids import HasPid, is_here
from ntipc.objects.waiting import WaitedForByPlan, wait_by_plans
from ntipc.session.session import Session


class Composite(Parts, WaitedForByPlan):
    """An object that is made of several objects of the kernel."""

    __slots__ = ("__weakref__",)

    _kind: ClassVar[str]
    """The noun in messages."""
    _title: ClassVar[str] = ""
    """What messages put before the name of a method; without it, that is the name of the class."""
    _several_handles: ClassVar[str]
    """Why one handle does not make another one, and what to do instead."""

    @property
    @abstractmethod
    def _primary(self) -> NtObject:
        """The part that stands for all of it.

        Raises:
            HandleClosed: It is closed.
        """

    @property
    @abstractmethod
    def name(self) -> str:
        """The name, without any prefix."""

    @property
    @abstractmethod
    def created(self) -> bool:
        """Whether the constructor made it, and did not open what was there."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether it is closed here."""

    @abstractmethod
    def info(self) -> Mapping[str, Any]:
        """Tell what is known of it."""

    def _epithets(self) -> list[str]:
        """Say, in the words of ``repr``, what never changes."""
        return []

    def _state(self) -> list[str]:
        """Say, in the words of ``repr``, what is so as long as it is open."""
        return []

    @property
    def handle(self) -> int:
        """The number, in this process, of the handle of the part that stands for all.

        Raises:
            HandleClosed: It is closed.
        """
        return self._primary.handle

    @property
    def session(self) -> Session:
        """The session in which it lives."""
        return self._primary.session

    @property
    def inheritable(self) -> bool:
        """The mark of the handles: whether a child started with inherited handles gets them."""
        return self._primary.inheritable

    @inheritable.setter
    def inheritable(self, inheritable: bool) -> None:
        self._primary  # noqa: B018 - raises HandleClosed
        self._mark(inheritable)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            Whether it is.

        Raises:
            HandleClosed: It is closed, or was closed meanwhile.
        """
        return wait_by_plans((self,), False, timeout) is not None

    def duplicate(
        self, process: int | HasPid | None = None, *, access: int | str | None = None, inheritable: bool = False
    ) -> Self:
        """Make another object for the same thing, in this process, with handles of its own.

        Args:
            process: ``None``, or this process. Another process gets one by a pickle or a message.
            access: Rights of the new handles; ``None`` for those of these.
            inheritable: Mark of the new handles.

        Raises:
            NotSupported: ``process`` is another process.
            AccessDenied: ``access`` is 0.
            HandleClosed: It is closed.
        """
        if not is_here(process):
            raise self._failure(Status.NOT_SUPPORTED, "duplicate", self._several_handles)
        return super().duplicate(access=access, inheritable=inheritable)

    @classmethod
    def from_handle(cls, handle: int, *, session: Session | str | None = None) -> NoReturn:
        """Refuse: it is several handles.

        Raises:
            NotSupported: Always.
        """
        raise from_status(Status.NOT_SUPPORTED, f"{cls.__name__}.from_handle", "", cls._several_handles)

    def __enter__(self) -> Self:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, "__enter__")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        label = " ".join([f"<{type(self).__name__} {self.name!r}", *self._epithets()])
        if self.closed:
            return f"{label} closed>"
        try:
            return " ".join([label, *self._state()]) + ">"
        except Exception:  # a repr never raises: it may be closed meanwhile
            return f"{label}>"

    def _failure(self, status: int, call: str, detail: str = "", *, advice: str | None = None) -> NtError:
        title = self._title or type(self).__name__
        operation = f"{title}.{call}" if call else title  # without a call: the constructor
        return from_status(status, operation, describe(self._kind, self.name), detail, advice=advice)


class ObjectWithParts(NtObject, Parts):
    """An object of the kernel with parts beside its own handle, such as a queue: its reading end, with the other end.

    It takes the place of :class:`NtObject` at the end of a class's bases.
    """

    __slots__ = ()

    _several_handles: ClassVar[str] = ""
    """Why one handle does not make another one, and what to do instead; empty if it does."""

    @classmethod
    def from_handle(cls, handle: int, *, session: Session | str | None = None) -> Self:
        """Take over a handle of this process, as :meth:`NtObject.from_handle` does, if one handle is enough.

        Raises:
            NotSupported: It is several handles.
            HandleClosed: This process has no such handle.
            ObjectTypeMismatch: It belongs to an object of another type.
        """
        if cls._several_handles:
            raise from_status(Status.NOT_SUPPORTED, f"{cls.__name__}.from_handle", "", cls._several_handles)
        return super().from_handle(handle, session=session)

    @overload
    def duplicate(
        self, process: None = None, *, access: int | str | None = None, inheritable: bool = False
    ) -> Self: ...
    @overload
    def duplicate(
        self, process: int | HasPid, *, access: int | str | None = None, inheritable: bool = False
    ) -> Self | int: ...
    def duplicate(
        self, process: int | HasPid | None = None, *, access: int | str | None = None, inheritable: bool = False
    ) -> Self | int:
        """Make another object for the same thing with handles of its own, here or, if one is enough, elsewhere.

        Args:
            process: As for :meth:`NtObject.duplicate`. What is several handles reaches another process by a pickle or a
                message.
            access: Rights of the new handles; ``None`` for those of these.
            inheritable: Mark of the new handles.

        Raises:
            NotSupported: ``process`` is another process, and it is several handles.
            AccessDenied: ``access`` is 0.
            HandleClosed: It is closed.
        """
        if self._several_handles and not is_here(process):
            raise self._failure(Status.NOT_SUPPORTED, "duplicate", self._several_handles)
        return super().duplicate(cast("int | HasPid", process), access=access, inheritable=inheritable)

    @property
    def inheritable(self) -> bool:
        """The mark of the handles: whether a child started with inherited handles gets them."""
        return super().inheritable

    @inheritable.setter
    def inheritable(self, inheritable: bool) -> None:
        self._mark(inheritable)

    def _mark(self, inheritable: bool) -> None:
        NtObject.inheritable.__set__(self, inheritable)  # type: ignore[attr-defined]
        super()._mark(inheritable)

    def close(self) -> None:
        """Close all handles here. The object goes with the last one of any process. Closing again does nothing."""
        super().close()
        self._close_parts()

    def _carry_over(self, original: Self, access: int | str | None) -> None:
        super()._carry_over(original, access)
        self._duplicate_parts(original, access, super().inheritable)

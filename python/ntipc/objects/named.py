"""Objects that programs find by name: creating and opening them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from ntipc import _kernel
from ntipc.errors import Status, from_status
from ntipc.objects.access import Access, rights
from ntipc.session.session import Session, place

CREATE, OPEN, OPEN_OR_CREATE = _kernel.CREATE, _kernel.OPEN, _kernel.OPEN_OR_CREATE
"""What a call does where the name is taken, and where it is free."""


class NamedObject:
    """The part of an :class:`NtObject` that a constructor creates or opens, ``create`` creates and ``open`` opens.

    It is no :class:`NtObject` of its own: then type checkers would take a list of events and mutexes for one of those,
    and not for a list of what can be waited for.
    """

    __slots__ = ()

    _kind: ClassVar[str]
    _access_spellings: ClassVar[Mapping[str, Access]]

    @classmethod
    def _created(cls, name: str | None, session: Session | str | None, *state: Any) -> Self:
        """Create an object; ``state`` is what ``_bind`` takes after the rights."""
        self = cls.__new__(cls)
        attachment, local = place(name, session)
        self._bind(attachment, local, _kernel.CREATE, 0, *state)
        return self

    @classmethod
    def _at(cls, attachment: _kernel.Session, local: str | None, disposition: int, rights: int, *state: Any) -> Self:
        """Create or open what the kernel knows by that name; ``state`` is what ``_bind`` takes after the rights."""
        self = cls.__new__(cls)
        self._bind(attachment, local, disposition, rights, *state)
        return self

    @classmethod
    def open(cls, name: str, access: int | None = None, *, session: Session | str | None = None) -> Self:
        """Open an existing object of this class. Its state does not change: no mutex is acquired, no unit taken.

        Args:
            name: Its name.
            access: Rights of the handle, as :class:`~ntipc.Access`; ``None`` for all.
            session: The session, or its name; ``None`` for the default one.

        Raises:
            ObjectNotFound: No object has this name.
            ObjectTypeMismatch: The name belongs to an object of another type.
            AccessDenied: ``access`` is 0.
            InvalidParameter: ``name`` is empty.

        Source:
            OpenEvent, OpenSemaphore, OpenMutex, OpenWaitableTimer (Win32); NtOpenEvent, NtOpenSemaphore, NtOpenMutant,
            NtOpenTimer, NtOpenEventPair (NT).

        >>> import ntipc
        >>> event = ntipc.Event("started", initial=True)
        >>> with ntipc.Event.open("started", ntipc.Access.SYNCHRONIZE) as only_wait:
        ...     only_wait.wait(timeout=0)
        True
        """
        self = cls.__new__(cls)
        self._open_named(name, access, session)
        return self

    def _open_named(self, name: str, access: int | str | None, session: Session | str | None) -> None:
        """Open what has that name, for ``open`` and for constructors that only open."""
        wanted = 0
        if access is not None:
            wanted = rights(access, f"{type(self).__name__}.open", self._kind, name, self._access_spellings)
        if not name:
            detail = "an unnamed object is reached by duplicate(), by inheritance or by pickling"
            raise from_status(Status.INVALID_PARAMETER, f"{type(self).__name__}.open", "", detail)
        attachment, local = place(name, session)
        self._bind_opened(attachment, local, wanted)

    def _bind_opened(self, attachment: _kernel.Session, local: str | None, rights: int) -> None:
        """Open the object of that name in that session."""
        self._bind(attachment, local, _kernel.OPEN, rights)

    _bind: Callable[..., None]
    """Creates or opens: a method of the native type, which stands before this class."""

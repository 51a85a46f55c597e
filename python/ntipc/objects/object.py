"""What every object has: a handle, rights, a session, and ways to be passed on.

>>> import ntipc
>>> event = ntipc.Event("ready")
>>> event
<Event 'ready' auto-reset clear>
>>> twin = event.duplicate()
>>> event.close()
>>> event, twin.set(), twin
(<Event 'ready' closed>, False, <Event 'ready' auto-reset set>)
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from types import TracebackType
from typing import Any, ClassVar, Self, TypedDict, overload

from ntipc import _kernel
from ntipc.errors import NtError, Status, describe, from_status
from ntipc.errors.subjects import shown
from ntipc.objects import registry
from ntipc.objects.access import NO_SPELLINGS, Access, rights
from ntipc.objects.process_ids import LARGEST_PID, HasPid, is_here, pid_of
from ntipc.session.session import Session, attach, attached, within

LARGEST_HANDLE = 2**32 - 1


class ObjectInfo(TypedDict):
    """What :meth:`NtObject.info` tells of any object.

    ``handles`` counts the handles of all processes, ``waiters`` the threads that wait for the object now;
    ``serial`` is the object's number, which no other object has, now or later, in this session or another one of
    its name.
    """

    kind: str
    name: str | None
    handles: int
    waiters: int
    access: Access
    inheritable: bool
    index: int
    serial: int


class NtObject(_kernel.Object):
    """One handle to one object. The object lives until the last handle of any process is closed.

    Two instances are equal only if they are the same instance; compare ``identity`` to learn whether they are
    handles to one object. An instance that is no longer referenced closes its handle.
    """

    # Each type of object inherits from its native class first: the first base decides how Python makes an instance.
    __slots__ = ()

    _kind: ClassVar[str] = "object"
    _access_spellings: ClassVar[Mapping[str, Access]] = NO_SPELLINGS

    @classmethod
    def from_handle(cls, handle: int, *, session: Session | str | None = None) -> Self:
        """Take over a handle of this process, which another process duplicated into it.

        Args:
            handle: The handle's value, as ``duplicate(process)`` returned it there.
            session: The session that it belongs to.

        Returns:
            An object that owns the handle, and closes it when it is closed: of this class, or, where this is
            ``NtObject`` itself, of the class that the handle's object has.

        Raises:
            HandleClosed: This process has no such handle.
            ObjectTypeMismatch: It belongs to an object of another type.
            NotSupported: What it belongs to is several handles.

        Source:
            DuplicateHandle, remarks on handles of other processes (Win32).

        >>> import ntipc, os
        >>> event = ntipc.Event()
        >>> twin = ntipc.Event.from_handle(event.duplicate_handle(os.getpid()))
        >>> twin.identity == event.identity
        True
        """
        if cls is NtObject:
            return cls.kind_of_handle(handle, session=session).from_handle(handle, session=session)  # type: ignore[return-value]
        self = cls.__new__(cls)
        if not 0 < index(handle) <= LARGEST_HANDLE:
            raise self._failure(Status.INVALID_HANDLE, "from_handle")
        self._adopt(within(session)._native, handle)
        self._after_arrival()
        return self

    @staticmethod
    def kind_of_handle(handle: int, *, session: Session | str | None = None) -> type[NtObject]:
        """Return the class of the object that a handle of this process belongs to.

        Raises:
            HandleClosed: This process has no such handle.
            NotSupported: It is a part of something.

        Source:
            NtQueryObject with ObjectTypeInformation (NT).

        >>> import ntipc
        >>> NtObject.kind_of_handle(ntipc.Event().duplicate_handle())
        <class 'ntipc.sync.events.Event'>
        """
        if not 0 < index(handle) <= LARGEST_HANDLE:
            raise from_status(Status.INVALID_HANDLE, "NtObject.kind_of_handle", f"handle {handle:#x}")
        native, name = within(session)._native.look_up(handle)
        kind = registry.class_of(native, name)
        if kind is None:
            detail = f"it is a part of {shown(name or '')}"
            raise from_status(Status.NOT_SUPPORTED, "NtObject.kind_of_handle", f"handle {handle:#x}", detail)
        return kind

    @property
    def session(self) -> Session:
        """The session in which the object lives, or lived until it was closed.

        Raises:
            HandleClosed: This process has left the session.
        """
        path = self._session_path
        session = None if path is None else attached(path)
        if session is None:
            raise self._failure(Status.INVALID_HANDLE, "session")
        return session

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
        """Make another handle to the object, here or in another process.

        Args:
            process: Process id of a participant of the session, or something with a ``pid``; ``None`` for this process.
            access: Rights of the new handle; ``None`` for those of this one.
            inheritable: Mark of the new handle, which its ``inheritable`` shows. The child of a ``fork`` has a copy of
                every handle whatever the mark.

        Returns:
            For this process a new object of the same class. For another process the value of the handle, which is
            valid only there: send it there, and make an object of it with ``from_handle``.

        Raises:
            AccessDenied: ``access`` is 0, or the other process may not be given handles.
            HandleClosed: This object is closed.
            InvalidParameter: The other process does not take part in the session.

        Source:
            DuplicateHandle (Win32), NtDuplicateObject (NT).

        >>> import ntipc
        >>> event = ntipc.Event()
        >>> with event.duplicate(access=ntipc.Access.SYNCHRONIZE) as only_wait:
        ...     event.set(), only_wait.wait()
        (False, True)
        """
        wanted = self._rights(access, "duplicate", self.name) if access is not None else None
        if process is not None and not is_here(process):
            return self.duplicate_handle(self._process_id(process), wanted, inheritable)
        twin = type(self).__new__(type(self))
        twin._copy_from(self, wanted, inheritable)
        twin._carry_over(self, access)
        return twin

    def info(self) -> ObjectInfo:
        """Tell what is known of the object: its state, its handles and who waits.

        Returns:
            A dict with the keys of :class:`ObjectInfo` and those of the type.

        Raises:
            AccessDenied: The handle lacks the right ``QUERY_STATE``.
            HandleClosed: The object is closed.

        Source:
            NtQueryEvent, NtQuerySemaphore, NtQueryMutant, NtQueryTimer, NtQuerySection, NtQueryObject (NT).

        >>> import ntipc
        >>> info = ntipc.Event("ready").info()
        >>> info["kind"], info["handles"], info["waiters"]
        ('Event', 1, 0)
        """
        info = self._query()
        info["access"] = Access(info["access"])
        return info  # type: ignore[return-value]

    def __repr__(self) -> str:
        label = f"<{type(self).__name__} {repr(self.name) if self.name else 'unnamed'}"
        if self.closed:
            return f"{label} closed>"
        try:
            info = self._query()
            waiters = [f"waiters={info['waiters']}"] if info["waiters"] else []
            return " ".join([label, *self._state(info), *waiters]) + ">"
        except Exception:  # a repr never raises: the handle may lack the right to ask, or be closed meanwhile
            return f"{label}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep a reference to the object in flight, and say how to make a new handle of it on arrival."""
        return _arrive, (type(self), tuple(self.session._place), self._park()), vars(self) or None

    def _goes_by_handle(self) -> bool:
        """Say whether its handle and what else it knows make another one of it; else ``__reduce__`` does."""
        return type(self).__reduce__ is NtObject.__reduce__

    def _after_arrival(self) -> None:
        """Find out what else there is to know of the object: its handle came from elsewhere, and nothing else did."""

    def _carry_over(self, original: Self, access: int | str | None) -> None:
        """Take over what ``original``, of which this is a duplicate, has beside its handle."""
        vars(self).update(vars(original))

    def _state(self, info: Mapping[str, Any]) -> list[str]:
        """Say the object's state in the words of ``repr``."""
        return []

    def _process_id(self, process: int | HasPid) -> int:
        pid = pid_of(process)
        if not 0 < pid <= LARGEST_PID:
            raise self._failure(Status.INVALID_PARAMETER, "duplicate", f"there is no process {pid}")
        return pid

    @classmethod
    def _rights(cls, access: int | str | None, call: str, name: str | None) -> int:
        return rights(access, f"{cls.__name__}.{call}", cls._kind, name, cls._access_spellings)

    def _failure(self, status: Status, call: str, detail: str = "") -> NtError:
        return from_status(status, f"{type(self).__name__}.{call}", describe(self._kind, self.name), detail)


class ClosingObject(NtObject):
    """An object whose ``with`` block closes it, where that of a mutex or semaphore acquires and releases."""

    __slots__ = ()

    def __enter__(self) -> Self:
        if self.closed:
            raise self._failure(Status.INVALID_HANDLE, "__enter__")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _arrive(
    kind: type[NtObject],
    place: tuple[str, str, int, int, int | None],
    token: tuple[int, int, int, int, int, int],
) -> NtObject:
    """Make an object of a reference in flight."""
    arrived = kind.__new__(kind)
    arrived._claim(attach(place, create=False)._native, token)
    return arrived

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

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from operator import index
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TypedDict, overload

from ntipc import _kernel
from ntipc.errors import NtError, ObjectNotFound, Status, describe, from_status
from ntipc.objects.access import NO_SPELLINGS, Access, rights
from ntipc.session.session import Session, attach, attached, within

LARGEST_HANDLE = 2**32 - 1
LARGEST_PID = 2**31 - 1
UNNAMED = "an unnamed object is reached by duplicate(), by inheritance or by pickling"


class ObjectInfo(TypedDict):
    """What :meth:`NtObject.info` tells of any object.

    ``handles`` counts the handles of all processes, ``waiters`` the threads that wait for the object now;
    ``index`` and ``generation`` together are the object's identity within its session.
    """

    kind: str
    name: str | None
    handles: int
    waiters: int
    access: Access
    inheritable: bool
    index: int
    generation: int


class HasPid(Protocol):
    """A process that knows its id, such as those of ``subprocess`` and ``multiprocessing``."""

    @property
    def pid(self) -> int | None:
        """The process's id; ``None`` before it is started."""


class NtObject(_kernel.Object):
    """One handle to one object. The object lives until the last handle of any process is closed.

    Two instances are equal only if they are the same instance; compare ``identity`` to learn whether they are
    handles to one object. An instance that is no longer referenced closes its handle.
    """

    # Each type of object inherits from its native class first: the first base decides how Python makes an instance.
    __slots__ = ()

    _kind: ClassVar[str] = "object"
    _access_spellings: ClassVar[Mapping[str, Access]] = NO_SPELLINGS

    def __init_subclass__(cls, *, arrives: bool = True, directory: str = "", **options: Any) -> None:
        # `arrives`: what comes with a message is of this class, if it is of its native one and its name in `directory`.
        super().__init_subclass__(**options)
        if (
            arrives
            and issubclass(native := cls.__bases__[0], _kernel.Object)
            and native.__module__ == _kernel.Object.__module__
        ):
            _CLASSES.setdefault((native.__name__, directory), cls)

    @classmethod
    def from_handle(cls, handle: int, *, session: Session | str | None = None) -> Self:
        """Take over a handle of this process, which another process duplicated into it.

        Args:
            handle: The handle's value, as ``duplicate(process)`` returned it there.
            session: The session that it belongs to.

        Returns:
            An object that owns the handle, and closes it when it is closed.

        Raises:
            HandleClosed: This process has no such handle.
            ObjectTypeMismatch: It belongs to an object of another type.

        Source:
            DuplicateHandle, remarks on handles of other processes (Win32).

        >>> import ntipc, os
        >>> event = ntipc.Event()
        >>> twin = ntipc.Event.from_handle(event.duplicate_handle(os.getpid()))
        >>> twin.identity == event.identity
        True
        """
        self = cls.__new__(cls)
        if not 0 < index(handle) <= LARGEST_HANDLE:
            raise self._failure(Status.INVALID_HANDLE, "from_handle")
        self._adopt(within(session)._native, handle)
        self._settle()
        return self

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

    def _settle(self) -> None:
        """Find out what else there is to know, now that there is a handle: it came from elsewhere."""

    def _carry_over(self, original: Self, access: int | str | None) -> None:
        """Take what else ``original``, of which this is a duplicate, has been given."""
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

    @classmethod
    def _nameable(cls, name: str | None) -> str:
        """Return the name of an object to open, or refuse the lack of one."""
        if name is None or name == "":
            raise from_status(Status.INVALID_PARAMETER, f"{cls.__name__}.open", "", UNNAMED)
        return name

    def _failure(self, status: Status, call: str, detail: str = "") -> NtError:
        return from_status(status, f"{type(self).__name__}.{call}", describe(self._kind, self.name), detail)


def pid_of(process: int | HasPid) -> int:
    """Return the process id of what a program gave as a process.

    Raises:
        TypeError: It is no process id and has none.
        ValueError: It has not been started.
    """
    pid = process if isinstance(process, int) else getattr(process, "pid", process)
    if pid is None:
        raise ValueError("the process has not been started, so it can be given no handle yet")
    if isinstance(pid, bool) or not isinstance(pid, int):
        raise TypeError(f"process must be a process id or something with a pid, not {type(process).__name__}")
    return pid


def is_here(process: int | HasPid | None) -> bool:
    """Say whether that is this process, which ``None`` stands for.

    >>> is_here(None), is_here(os.getpid()), is_here(1)
    (True, True, False)
    """
    return process is None or pid_of(process) == os.getpid()


_CLASSES: dict[tuple[str, str], type[NtObject]] = {}
"""What a handle becomes that comes with a message: the first class that was made of its native one, for names in that
directory; else of those without."""


_IMPORTED_LATE = {"mailslot": "ntipc.mailslots"}
"""Where classes for names in a directory are, which nobody may have asked for yet."""


def claim(frame: _kernel.Frame) -> list[NtObject]:
    """Make objects of the handles that came with a frame."""
    natives = frame.carried
    return list(map(_named, natives, arrivals(frame, [_CLASSES[native, ""] for native in natives])))


def _named(native: str, thing: NtObject) -> NtObject:
    """Return the object as what its name says that it is."""
    directory, separator, _ = (thing.name or "").partition("\\")
    if separator and directory in _IMPORTED_LATE:
        import_module(_IMPORTED_LATE[directory])
    kind = _CLASSES.get((native, directory if separator else ""))
    if kind is None or isinstance(thing, kind):
        return thing
    own = kind.__new__(kind)
    own._copy_from(thing)
    try:
        own._settle()
    except ObjectNotFound:  # it is about to go
        return thing
    thing.close()
    return own


def arrivals(frame: _kernel.Frame, kinds: Sequence[type[NtObject]]) -> list[NtObject]:
    """Make objects of the handles that came with a frame, of those classes. If that is interrupted all are closed."""
    things = [kind.__new__(kind) for kind in kinds]
    try:
        frame.claim(things)
        return things
    except BaseException:
        for thing in things:
            thing.close()
        raise


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

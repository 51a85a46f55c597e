"""Threads as objects.

>>> import threading, ntipc
>>> go = ntipc.Event()
>>> worker = threading.Thread(target=go.wait)
>>> worker.start()
>>> thread = ntipc.Thread.open(worker.native_id)
>>> thread.wait(timeout=0), go.set(), thread.wait()
(False, False, True)
"""

from __future__ import annotations

import threading
from contextlib import suppress
from operator import index
from typing import Any, Self

from ntipc import _kernel
from ntipc.errors import InvalidParameter, NtError, ProcessNotFound, Status, from_status
from ntipc.objects.object import ClosingObject
from ntipc.objects.process_ids import LARGEST_PID
from ntipc.objects.registry import register
from ntipc.session.session import Session, within


@register(_kernel.Thread)
class Thread(_kernel.Thread, ClosingObject):
    """A thread of this process or another one: signalled once it has ended, and from then on.

    Made by :meth:`open` and :meth:`current`.

    Source:
        Thread Handles and Identifiers (Win32).
    """

    __slots__ = ("__dict__", "_ids")

    _kind = "thread"
    _ids: tuple[int, int]

    @classmethod
    def open(cls, thread_id: int, access: int | None = None, *, session: Session | str | None = None) -> Self:
        """Open a thread that runs.

        Args:
            thread_id: Its id, as ``threading.get_native_id`` tells.
            access: Rights of the handle, as :class:`~ntipc.Access`; ``None`` for all.
            session: The session in which the object lives.

        Raises:
            ProcessNotFound: There is no thread of that id.
            AccessDenied: ``access`` is 0.
            NotSupported: There is no /proc, without which it cannot be told from a later thread of its id.

        Source:
            OpenThread (Win32).
        """
        number = index(thread_id)
        self = cls.__new__(cls)
        wanted = cls._rights(access, "open", str(number)) if access is not None else 0
        if not 0 < number <= LARGEST_PID:
            raise _not_found(cls, number)
        try:
            self._open(within(session)._native, number, wanted, f"{cls.__name__}.open")
        except InvalidParameter:
            raise _not_found(cls, number) from None
        return self

    @classmethod
    def current(cls, *, session: Session | str | None = None) -> Self:
        """Open the calling thread.

        Source:
            GetCurrentThread, and DuplicateHandle of what it returns (Win32).
        """
        return cls.open(threading.get_native_id(), session=session)

    @property
    def id(self) -> int:
        """Its id."""
        return self._both_ids()[0]

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._both_ids()[1]

    @property
    def exit_code(self) -> int | None:
        """How it ended: 0 as a rule; what its function returned, for one that ntipc started in another process.

        ``None`` while it runs. If its process ended with it, how that did.

        Raises:
            AccessDenied: The handle lacks the right ``THREAD_QUERY_INFORMATION``.
            HandleClosed: The object is closed.

        Source:
            GetExitCodeThread (Win32).
        """
        return super().exit_code

    def _both_ids(self) -> tuple[int, int]:
        with suppress(AttributeError):
            return self._ids
        self._ids = self._identity()[:2]
        return self._ids

    def __repr__(self) -> str:
        try:
            label = f"<{type(self).__name__} {self.id} of process {self.pid}"
            if self.closed:
                return f"{label} closed>"
            if not self._query()["signaled"]:
                return f"{label} running>"
            code: Any = _kernel.Thread.exit_code.__get__(self)
            return f"{label} ended{'' if code is None else f' {code}'}>"
        except NtError:  # closed before anybody asked, or without the right to ask
            return f"<{type(self).__name__}>"


def _not_found(kind: type[Thread], number: int) -> NtError:
    return from_status(
        Status.INVALID_PARAMETER,
        f"{kind.__name__}.open",
        f"thread {number}",
        problem="there is no thread of that id",
        advice="It may have ended: open a thread while it runs",
        exception=ProcessNotFound,
    )

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
from typing import Self

from ntipc import _kernel
from ntipc.objects.object import ClosingObject
from ntipc.objects.registry import register
from ntipc.processes.opening import described, opened
from ntipc.session.session import Session


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
        return opened(cls, thread_id, access, session)[0]

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
        return described(self, lambda: f"{self.id} of process {self.pid}", lambda: self.exit_code)

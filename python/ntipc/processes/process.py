"""Processes as objects.

>>> import sys, ntipc
>>> with ntipc.Process.start([sys.executable, "-c", "raise SystemExit(3)"]) as child:
...     child.wait(), child.exit_code
(True, 3)
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from operator import index
from typing import IO, Self

from ntipc import _kernel
from ntipc.errors import NtError, ProcessNotFound, Status, from_status
from ntipc.objects.access import Access
from ntipc.objects.composite import Composite
from ntipc.objects.object import ClosingObject, NtObject
from ntipc.objects.registry import register
from ntipc.processes import children
from ntipc.processes.asking import AskedProcess
from ntipc.processes.children import Argument, Child, Stream
from ntipc.processes.inheritance import estate
from ntipc.processes.opening import described, opened
from ntipc.processes.proc import ProcessTimes, thread_ids, times
from ntipc.processes.threads import Thread
from ntipc.session.session import Session, within

LARGEST_CODE = 2**31 - 1
_HARMLESS = Access.SYNCHRONIZE | Access.PROCESS_QUERY_INFORMATION | Access.PROCESS_QUERY_LIMITED_INFORMATION
"""Rights over a process that those have whom Linux does not let signal it."""


@register(_kernel.Process)
class Process(_kernel.Process, AskedProcess, ClosingObject):
    """A process: signalled once it has ended, and from then on.

    It need not take part in the session, nor know of ntipc. Of one that does, all that it had in the session is given
    back by the time that a wait for it returns. Waits for it are like others: in :func:`ntipc.wait_any`, with a
    timeout.

    Made by :meth:`start`, :meth:`open` and :meth:`current`.

    Source:
        Process Handles and Identifiers (Win32).
    """

    __slots__ = ("__dict__", "_child", "_pid", "_proxy")

    _kind = "process"
    _child: Child | None
    _pid: int

    @classmethod
    def start(
        cls,
        argv: Argument | Sequence[Argument],
        *,
        inherit_handles: bool | Iterable[NtObject | Composite | int] = True,
        env: Mapping[str, str] | None = None,
        cwd: Argument | None = None,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        pass_fds: Collection[int] = (),
        session: Session | str | None = None,
    ) -> Self:
        """Start a program as a child of this process.

        Args:
            argv: The program and its arguments.
            inherit_handles: Which handles of this process the child has from the start, under the same numbers:
                ``True`` for those that are marked ``inheritable``, ``False`` for none, or exactly those listed, objects
                or numbers, whatever their marks. ``Type.from_handle(number)`` makes an object of one there.
            env: Its environment; ``None`` for that of this process.
            cwd: Its working directory; ``None`` for that of this process.
            stdin: Its standard input, as for :class:`subprocess.Popen`: ``None`` for that of this process, a
                descriptor, a file, ``subprocess.PIPE`` or ``subprocess.DEVNULL``.
            stdout: Its standard output, likewise.
            stderr: Its standard error, likewise, or ``subprocess.STDOUT``.
            pass_fds: Descriptors that the child has, too, under the same numbers.
            session: The session in which the object lives, and to which listed numbers belong.

        Raises:
            HandleClosed: A listed object is closed, or this process has no handle of a listed number.
            NotSupported: A listed object is made of several handles, such as a pipe.
            FileNotFoundError: There is no such program or directory.
            PermissionError: It may not be run.
            OutOfResources: The session's tables are full.

        Source:
            CreateProcess, PROC_THREAD_ATTRIBUTE_HANDLE_LIST (Win32).

        Differs:
            A list is taken in the call, so children that two threads start at once do not get each other's handles.
        """
        call = f"{cls.__name__}.start"
        own = within(session)
        with estate(inherit_handles, own, call) as bequeath:
            child = children.start(argv, env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=pass_fds)
            self = cls.__new__(cls)
            self._child, self._pid = child, child.pid
            try:
                self._open(own._native, child.pid, 0, call)
                bequeath(child.pid, self._identity()[2])
            except BaseException:  # nobody would have a way to it
                child.kill()
                child.wait()
                raise
        return self

    @classmethod
    def open(cls, pid: int, access: int | None = None, *, session: Session | str | None = None) -> Self:
        """Open a process that runs, or a zombie.

        Args:
            pid: Its process id.
            access: Rights of the handle, as :class:`~ntipc.Access`; ``None`` for all.
            session: The session in which the object lives.

        Raises:
            ProcessNotFound: There is no process of that id. It is an :class:`InvalidParameter` (87) and a
                ``ProcessLookupError``.
            AccessDenied: It is another user's, so that no more than ``SYNCHRONIZE`` and ``PROCESS_QUERY_INFORMATION``
                can be had; or ``access`` is 0.
            NotSupported: There is no /proc, without which it cannot be told from a later process of its id.

        Source:
            OpenProcess (Win32).

        >>> import os
        >>> with Process.open(os.getppid()) as parent:
        ...     parent.wait(timeout=0)
        False
        >>> Process.open(0)
        Traceback (most recent call last):
        ntipc.errors.ProcessNotFound: ...
        """
        number = index(pid)
        self, wanted = opened(cls, number, access, session)
        self._pid = number
        if (not wanted or wanted & ~_HARMLESS) and not _may_signal(number):
            self.close()
            detail, advice = (
                "it is another user's",
                "Ask for access=Access.SYNCHRONIZE | Access.PROCESS_QUERY_INFORMATION",
            )
            raise from_status(Status.ACCESS_DENIED, f"{cls.__name__}.open", f"process {number}", detail, advice=advice)
        return self

    @classmethod
    def current(cls, *, session: Session | str | None = None) -> Self:
        """Open this process.

        Source:
            GetCurrentProcess, and DuplicateHandle of what it returns (Win32).
        """
        return cls.open(os.getpid(), session=session)

    @property
    def pid(self) -> int:
        """Its process id; 0 if it lives in another pid namespace."""
        with suppress(AttributeError):
            return self._pid
        self._pid = self._identity()[0]
        return self._pid

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended.

        Args:
            timeout: Seconds to wait; 0 or less to only look, ``None`` to wait for ever.

        Returns:
            Whether it has.

        Raises:
            AccessDenied: The handle lacks the right ``SYNCHRONIZE``.
            HandleClosed: The object is closed.

        Source:
            WaitForSingleObject (Win32).
        """
        ended = super().wait(timeout)
        if ended:
            children.reap(self.pid)
        return ended

    @property
    def exit_code(self) -> int | None:
        """How it ended: its exit code, or the number of the signal that killed it below zero (-9 for SIGKILL).

        ``None`` while it runs. Linux tells how another process's child ended only while it is a zombie, and only where
        this process might debug it; or, from Linux 6.15 on, as soon as its parent has taken the status. Where it tells
        nothing this stays ``None`` although the process has ended: wait, rather than ask for the code.

        Raises:
            AccessDenied: The handle lacks the right ``PROCESS_QUERY_INFORMATION``.
            HandleClosed: The object is closed.

        Source:
            GetExitCodeProcess (Win32).

        Differs:
            A process that runs has no code, where Windows has 259.
        """
        code = super().exit_code
        if code is not None:
            children.reap(self.pid)
        return code

    @property
    def times(self) -> ProcessTimes:
        """The processor time that it has used, and when it started.

        Raises:
            HandleClosed: The object is closed.

        Source:
            GetProcessTimes (Win32).
        """
        pid, _, start_time = self._identity()
        found = times(pid, start_time)
        if found.user is None and (child := getattr(self, "_child", None)) is not None and child.used is not None:
            return found._replace(user=child.used[0], system=child.used[1])
        return found

    def threads(self) -> list[Thread]:
        """Open its threads; none once it has ended.

        Raises:
            HandleClosed: The object is closed.
            NotSupported: It lives in another pid namespace.
        """
        if not self.pid:
            raise self._failure(Status.NOT_SUPPORTED, "threads", "it lives in another pid namespace")
        threads: list[Thread] = []
        for number in [] if self.wait(0) else thread_ids(self.pid):
            with suppress(ProcessNotFound):  # it has just ended
                threads.append(Thread.open(number, session=self.session))
        return threads

    def terminate(self, code: int = 1) -> None:
        """End it: nothing of it runs any more, no ``finally`` and no ``atexit``. Returns before it is over: wait.

        A participant of the session ends with that code; one that does not do so at once, because it is stopped, is
        killed, and its ``exit_code`` is that code nevertheless. Any other process is killed, and its code is -9. What
        has ended already stays as it is.

        Args:
            code: Its exit code. Linux passes the low 8 bits to its parent.

        Raises:
            AccessDenied: The handle lacks the right ``PROCESS_TERMINATE``, or Linux refuses: it is another user's.
            HandleClosed: The object is closed.
            InvalidParameter: ``code`` is below 0 or above 2**31 - 1.

        Source:
            TerminateProcess (Win32).
        """
        number = index(code)
        if not 0 <= number <= LARGEST_CODE:
            raise self._failure(Status.INVALID_PARAMETER, "terminate", f"the code must be 0 to 2**31 - 1, not {number}")
        self._terminate(number)

    @property
    def stdin(self) -> IO[bytes] | None:
        """The writing end of its standard input, if it was started with ``stdin=subprocess.PIPE`` by this object."""
        return None if (child := self._own_child()) is None else child.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        """The reading end of its standard output, likewise."""
        return None if (child := self._own_child()) is None else child.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        """The reading end of its standard error, likewise."""
        return None if (child := self._own_child()) is None else child.stderr

    def close(self) -> None:
        """Close the handle, and the ends of pipes to its standard streams. The process goes on. Again: nothing."""
        child = self._own_child()
        if child is not None:
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    with suppress(OSError):  # nobody reads what is left to be written
                        stream.close()
        self._let_go_of_service()
        super().close()

    def _own_child(self) -> Child | None:
        return getattr(self, "_child", None)

    def _failure(self, status: Status, call: str, detail: str = "") -> NtError:
        with suppress(NtError):
            return from_status(status, f"{type(self).__name__}.{call}", f"process {self.pid}", detail)
        return super()._failure(status, call, detail)

    def __repr__(self) -> str:
        # The property of the kernel: the one here would take the exit status from Linux.
        return described(self, lambda: str(self.pid), lambda: _kernel.Process.exit_code.__get__(self))


def _may_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    return True

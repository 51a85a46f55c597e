"""What a process can be asked to do in itself, if it allows it: allocate memory, map sections, start threads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from operator import index
from typing import TYPE_CHECKING, Any, TypeVar

from ntipc import _kernel
from ntipc._runtime.deadlines import Deadline
from ntipc.errors import ConnectionRefused, NtError, ObjectNotFound, PeerGone, Status, Timeout, from_status
from ntipc.objects.access import Access
from ntipc.processes.memory import MemoryOfProcess
from ntipc.sections import Section

if TYPE_CHECKING:
    from ntipc.processes.permissions import Service
    from ntipc.processes.remote_threads import RemoteThread
    from ntipc.processes.threads import Thread

T = TypeVar("T")

_OPERATION = int(Access.PROCESS_VM_OPERATION)
_THREAD = int(Access.PROCESS_CREATE_THREAD)
_LARGEST = 2**63 - 1


class AskedProcess(MemoryOfProcess):
    """The part of :class:`~ntipc.Process` that asks it to do something."""

    __slots__ = ()

    if TYPE_CHECKING:
        _proxy: Service | None

    def allocate(self, size: int, *, access: str = "rw", timeout: float | None = None) -> int:
        """Allocate memory in the process, which has to allow it: ``ntipc.allow_remote(memory=True)``.

        Args:
            size: How many bytes; the memory is whole pages.
            access: What that process may do with it: ``"rw"``, ``"r"``, or ``""`` for nothing.
            timeout: Seconds to wait for its answer; ``None`` to wait for ever. A process that is stopped gives none.

        Returns:
            The address there, a multiple of 65,536. The memory is zero. It stays until it is freed or that process
            ends, also if this one ends before.

        Raises:
            AccessDenied: The process has not allowed it, or the handle lacks ``PROCESS_VM_OPERATION``.
            InvalidParameter: ``size`` is less than 1, or ``access`` is another text.
            OutOfResources: The process has no room for it.
            Timeout: It did not answer in that time. What it has not begun by then it will not do.
            NtError: The process has ended, or ends meanwhile.
            HandleClosed: The object is closed.

        Source:
            VirtualAllocEx (Win32).
        """
        size = self._counted("allocate", size)
        return self._ask("allocate", _OPERATION, lambda service: service.allocate(size, access), timeout)

    def protect(self, address: int, size: int, access: str, *, timeout: float | None = None) -> None:
        """Change what the process may do with memory that was allocated in it: all pages that the range touches.

        Raises:
            NtError: The range is not in one allocated block (487, ``NOT_COMMITTED``), or as for :meth:`allocate`.

        Source:
            VirtualProtectEx (Win32).
        """
        address, size = self._counted("protect", address), self._counted("protect", size)
        self._ask("protect", _OPERATION, lambda service: service.protect(address, size, access), timeout)

    def free(self, address: int, *, timeout: float | None = None) -> None:
        """Free memory that was allocated in the process.

        Args:
            address: What :meth:`allocate` returned, and no other address in the block.
            timeout: As for :meth:`allocate`.

        Raises:
            NtError: No block begins there (487, ``NOT_COMMITTED``), or as for :meth:`allocate`.

        Source:
            VirtualFreeEx with MEM_RELEASE (Win32).
        """
        address = self._counted("free", address)
        self._ask("free", _OPERATION, lambda service: service.free(address), timeout)

    def map_section(
        self,
        section: Section,
        offset: int = 0,
        size: int | None = None,
        *,
        access: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """Map a section into the process, which has to allow it: ``ntipc.allow_remote(sections=True)``.

        Args:
            section: A section of this process; the other one gets a handle to it for that moment.
            offset: Where the view begins, in bytes; a multiple of 65,536.
            size: Length of the view in bytes; ``None`` or 0 for all from ``offset`` to the end.
            access: ``"r"``, ``"rw"`` or ``"copy"``; ``None`` for the most that the handle allows.
            timeout: As for :meth:`allocate`.

        Returns:
            The address there.

        Raises:
            AccessDenied: The process has not allowed it, the handle lacks ``PROCESS_VM_OPERATION``, or the section's
                does not allow ``access``.
            NtError: What :meth:`Section.map` raises, or as for :meth:`allocate`.

        Source:
            MapViewOfFile2 (Win32), NtMapViewOfSection with another process (NT).
        """
        if not isinstance(section, Section):
            raise TypeError(f"map_section maps a Section, not {type(section).__name__}")
        offset = self._counted("map_section", offset)
        length = None if size is None else self._counted("map_section", size)
        question: Callable[[Service], int] = lambda service: service.map_section(section, offset, length, access)  # noqa: E731
        return self._ask("map_section", _OPERATION, question, timeout)

    def unmap(self, address: int, *, timeout: float | None = None) -> None:
        """Unmap a view that :meth:`map_section` has mapped.

        Args:
            address: Any address in the view.
            timeout: As for :meth:`allocate`.

        Raises:
            NtError: It is in no such view (487, ``NOT_COMMITTED``), or as for :meth:`map_section`.

        Source:
            UnmapViewOfFile2 (Win32).
        """
        address = self._counted("unmap", address)
        self._ask("unmap", _OPERATION, lambda service: service.unmap(address), timeout)

    def start_thread(self, function: str, *arguments: Any, timeout: float | None = None) -> RemoteThread:
        """Start a function in the process, which has to allow it: ``ntipc.allow_remote(threads=True)``.

        Args:
            function: ``"module:name"`` of a function that the process has marked with :func:`ntipc.remote`.
            arguments: Its arguments, of the types that its annotations say: numbers, texts, bytes, lists, dicts,
                dataclasses.
            timeout: Seconds to wait until the function has begun; ``None`` to wait for ever. How long it may run is a
                matter of ``result(timeout)`` and ``cancel()``.

        Returns:
            The thread, which may have ended already. It waits as other threads; ``result()`` gives what the function
            returned or raises what it raised.

        Raises:
            AccessDenied: The process has not allowed it, the function is not marked there, or the handle lacks
                ``PROCESS_CREATE_THREAD``. Nothing was started.
            TypeError: There are too many arguments or too few, or one is of a type that cannot travel.
            ValueError: An argument is not of the annotated type.
            Timeout: It has not begun in that time, and will not.
            NtError: The process has ended, or ends meanwhile.
            HandleClosed: The object is closed.

        Source:
            CreateRemoteThread (Win32).

        Differs:
            Windows takes any address. Here it is a function that the process offers, checked before anything starts.
        """
        if not isinstance(function, str):
            raise TypeError(f'function must be a str such as "module:name", not {type(function).__name__}')
        from msgspec import msgpack

        from ntipc.processes.remote_threads import RemoteRun, remote_thread

        data = msgpack.encode(arguments)
        question: Callable[[Service], tuple[int, Thread]] = lambda service: service.start(function, data)  # noqa: E731
        ticket, thread = self._ask("start_thread", _THREAD, question, timeout)
        return remote_thread(thread, RemoteRun(self._proxy, ticket, function, self._ended("start_thread")))

    def _ask(self, call: str, right: int, question: Callable[[Service], T], timeout: float | None) -> T:
        self._demand(call, right)
        deadline = Deadline(timeout)
        service = self._service(call, deadline)
        try:
            if timeout is None:
                return question(service)
            from ntipc.rpc import with_timeout

            return question(with_timeout(service, deadline.left()))
        except Timeout:
            raise self._silent(call) from None
        except (PeerGone, ObjectNotFound):
            self._let_go_of_service()
            if _kernel.Process.wait(self, 1):  # type: ignore[arg-type]
                raise self._ended(call) from None
            raise self._not_allowed(call) from None

    def _service(self, call: str, deadline: Deadline) -> Service:
        proxy: Service | None = getattr(self, "_proxy", None)
        if proxy is not None:
            return proxy
        from ntipc.processes.permissions import Service, service_name
        from ntipc.rpc import connect

        pid, _, start_time = self._identity()  # type: ignore[attr-defined]
        # Without patience a missing name is an error at once; with it the process has the time to answer.
        for patience in cycle((0.0, 2.0)):
            left = deadline.left()
            now = patience if left is None else min(patience, left)
            try:
                proxy = connect(service_name(pid, start_time), Service, timeout=now, session=self.session)
                self._proxy = proxy  # type: ignore[misc]  # a slot of the class that has this part
                return proxy
            except Timeout:
                if _kernel.Process.wait(self, 0):  # type: ignore[arg-type]
                    raise self._ended(call) from None
                if patience and deadline.left() == 0:
                    raise self._silent(call) from None
            except (ObjectNotFound, PeerGone, ConnectionRefused):
                if _kernel.Process.wait(self, 0):  # type: ignore[arg-type]
                    raise self._ended(call) from None
                raise self._not_allowed(call) from None
        raise AssertionError  # the cycle has no end

    def _let_go_of_service(self) -> None:
        proxy = getattr(self, "_proxy", None)
        self._proxy = None  # type: ignore[misc]
        if proxy is not None:
            from ntipc.rpc import close

            with suppress(NtError):
                close(proxy)

    def _counted(self, call: str, number: int) -> int:
        number = index(number)
        if number < 0:
            detail = f"a size or an address is 0 or more, not {number}"
            raise from_status(Status.INVALID_PARAMETER, f"Process.{call}", f"process {self.pid}", detail)
        if number > _LARGEST:
            detail = "there are not so many addresses"
            raise from_status(Status.NO_MEMORY, f"Process.{call}", f"process {self.pid}", detail)
        return number

    def _not_allowed(self, call: str) -> NtError:
        advice = "It allows what it calls ntipc.allow_remote(memory=, sections=, threads=) for"
        return self._denied(call, "the process has not allowed anything of that kind", advice)

    def _silent(self, call: str) -> NtError:
        return from_status(
            Status.TIMEOUT, f"Process.{call}", f"process {self.pid}", "the process has not answered in time"
        )

    def _ended(self, call: str) -> NtError:
        return from_status(
            Status.PROCESS_IS_TERMINATING,
            f"Process.{call}",
            f"process {self.pid}",
            problem="the process has ended",
            advice="Start it again",
            exception=NtError,
        )

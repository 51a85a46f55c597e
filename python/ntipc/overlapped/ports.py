"""Completion ports: they report operations that are done, in the order in which that happens.

>>> port = CompletionPort()
>>> port.post(Packet(5, 99, None))
>>> port.get(timeout=0)
Packet(size=5, key=99, overlapped=None, winerror=0)
>>> port.get(timeout=0) is None
True
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from ntipc.errors import Status, from_status
from ntipc.session.session import Session
from ntipc.sync.semaphores import Semaphore


class Packet(NamedTuple):
    """What a completion port reports of one operation.

    Attributes:
        size: How many bytes were moved.
        key: The number with which the file was associated with the port.
        overlapped: What the program keeps of the operation.
        winerror: The Win32 error code of what became of it.
    """

    size: int
    key: int
    overlapped: Any
    winerror: int = 0


class CompletionPort:
    """A completion port of this process.

    Args:
        session: The session in which its threads wait; ``None`` for the default one.

    Source:
        CreateIoCompletionPort, GetQueuedCompletionStatus, PostQueuedCompletionStatus (Win32).

    Differs:
        It belongs to this process alone, and all of its threads may run.
    """

    _kind = "completion port"
    created = True
    inheritable = False

    def __init__(self, session: Session | str | None = None) -> None:
        self._packets: deque[Packet] = deque()
        self._count = Semaphore(initial=0, session=session)
        self._references = 1

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._references <= 0

    def post(self, packet: Packet) -> None:
        """Put a packet behind those that are there.

        Raises:
            HandleClosed: The port is closed.
        """
        self._packets.append(packet)
        self._count.release()

    def get(self, timeout: float | None = None) -> Packet | None:
        """Take the next packet; ``None`` if none came in time.

        Raises:
            HandleClosed: The port is closed.
        """
        if self._references <= 0:
            raise from_status(Status.INVALID_HANDLE, "CompletionPort.get")
        return self._packets.popleft() if self._count.acquire(timeout=timeout) else None

    def duplicate(self, *, access: int | None = None, inheritable: bool = False) -> CompletionPort:
        """Return the port itself, which is closed once more often now."""
        self._references += 1
        return self

    def close(self) -> None:
        """Close it: threads that wait for a packet get :exc:`~ntipc.HandleClosed`."""
        self._references -= 1
        if self._references <= 0:
            self._count.close()

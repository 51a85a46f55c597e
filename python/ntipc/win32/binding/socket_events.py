"""Sockets that set events, so that one wait has sockets and other objects."""

from __future__ import annotations

import select
import threading
from operator import index
from typing import Any, Final

from ntipc.errors import NtError
from ntipc.sync import Event
from ntipc.win32.binding.failures import failed
from ntipc.win32.binding.pyhandle import HandleLike, number_of, object_of_kind

READ, WRITE, OOB, ACCEPT, CONNECT, CLOSE = 1, 2, 4, 8, 16, 32
_LOOK: Final = 0.2

_selections: dict[int, _Selection] = {}


class _Selection:
    """What is watched on one socket."""

    def __init__(self, fd: int, event: Event, mask: int) -> None:
        self.fd, self.event, self.mask = fd, event, mask
        self.happened = 0
        self.ended = False
        self.armed = threading.Event()
        self.armed.set()
        threading.Thread(target=self._work, name="ntipc-socket", daemon=True).start()

    def _work(self) -> None:
        reads, writes = self.mask & (READ | ACCEPT | CLOSE), self.mask & (WRITE | CONNECT)
        kinds = (select.POLLIN | select.POLLRDHUP if reads else 0) | (select.POLLOUT if writes else 0)
        poller = select.poll()
        poller.register(self.fd, kinds)
        while not self.ended:
            if not self.armed.wait(_LOOK):
                continue
            for _, seen in poller.poll(_LOOK * 1000):
                self.happened |= self._meaning(seen)
                if self.happened:
                    self.armed.clear()
                    try:
                        self.event.set()
                    except NtError:
                        return
            if self.event.closed:
                return

    def _meaning(self, seen: int) -> int:
        happened = 0
        if seen & select.POLLIN:
            happened |= self.mask & (READ | ACCEPT)
        if seen & select.POLLOUT:
            happened |= self.mask & (WRITE | CONNECT)
        if seen & (select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL):
            happened |= self.mask & CLOSE
        return happened


def WSAEventSelect(socket: Any, hEvent: HandleLike, networkEvents: int, /) -> None:
    """Have an event set when something happens on a socket, until it is called again with 0.

    Args:
        socket: A socket, or its number.
        hEvent: The event.
        networkEvents: FD_READ, FD_WRITE, FD_ACCEPT, FD_CONNECT, FD_CLOSE.

    Source:
        WSAEventSelect (Windows Sockets).
    """
    fd, mask = _number(socket), index(networkEvents)
    before = _selections.pop(fd, None)
    if before is not None:
        before.ended = True
    if not mask or not number_of(hEvent):
        return
    try:
        event = object_of_kind(hEvent, Event)
    except NtError as problem:
        raise failed(problem, "WSAEventSelect") from None
    _selections[fd] = _Selection(fd, event, mask)


def WSAEnumNetworkEvents(socket: Any, hEvent: HandleLike = None, /) -> dict[int, int]:
    """Tell what has happened on a socket, clear the event, and have it set by what happens next.

    Source:
        WSAEnumNetworkEvents (Windows Sockets).
    """
    selection = _selections.get(_number(socket))
    if selection is None:
        return {}
    try:
        selection.event.clear()
    except NtError as problem:
        raise failed(problem, "WSAEnumNetworkEvents") from None
    happened, selection.happened = selection.happened, 0
    selection.armed.set()
    bits = {READ: 0, WRITE: 1, OOB: 2, ACCEPT: 3, CONNECT: 4, CLOSE: 5}
    return {number: 0 for bit, number in bits.items() if happened & bit}


def _number(socket: Any) -> int:
    return index(socket) if isinstance(socket, int) else int(socket.fileno())

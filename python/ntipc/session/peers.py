"""The peer at the other side: a process as the kernel of Linux knows it.

The session knows which process put a message where; whose process that is and what it runs is asked of Linux, and only
while it is still the same process: its start time has to agree. A process of another pid namespace is not asked about,
since its number there may be that of a stranger here; and without a /proc of this process's own namespace nothing can
be asked.

>>> import os
>>> me = identify(os.getpid())
>>> me.pid == os.getpid(), me.uid == os.geteuid(), me.exe == os.readlink("/proc/self/exe")
(True, True, True)
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ntipc import _kernel

_ROUNDED = 1
"""Clock ticks by which a start time may differ: time namespaces shift it by what need not be whole ticks."""
_START_TIME = 19
"""Place of the start time among the fields of /proc/PID/stat that follow the program's name."""


class Peer(NamedTuple):
    """The process at the other side.

    Attributes:
        pid: Its process id; 0 if it ended before anybody asked, or lives in another pid namespace.
        uid: Its effective user id; ``None`` if it ended before anybody asked, or cannot be asked about.
        exe: The path of the program that it runs; ``None`` likewise, or if Linux does not let this process know.
    """

    pid: int
    uid: int | None
    exe: str | None


NOBODY = Peer(0, None, None)


def can_ask() -> bool:
    """Say whether /proc is there, and numbers processes as this process does."""
    return _kernel.is_proc_ours()


def identify(pid: int, start_time: int | None = None) -> Peer:
    """Ask Linux about a process.

    Args:
        pid: Its process id; 0 if it has none here.
        start_time: When it started, in clock ticks since the machine did, shifted by no time namespace. If the process
            with that id started at another time it is another one, and the call finds nothing. 0 is unknown, and equals
            nothing. ``None`` if it cannot have ended.
    """
    if not pid or start_time == 0 or not can_ask():
        return Peer(pid, None, None)
    try:
        directory = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return Peer(pid, None, None)
    try:  # all of it is looked up in one directory, which stays that of one process
        fields = _read(directory, "stat").rpartition(b") ")[2].split()
        if start_time is not None:
            shifted = start_time + _kernel.start_time_shift()
            if abs(int(fields[_START_TIME]) - shifted) > _ROUNDED:
                return Peer(pid, None, None)
        return Peer(pid, _effective_user(_read(directory, "status")), _program(directory))
    except (OSError, ValueError, IndexError):
        return Peer(pid, None, None)
    finally:
        os.close(directory)


class Sender:
    """The process that sent something. Linux is asked about it when somebody wants to know.

    It finds nothing of a process that has ended, left the session, or become another program by then: that program may
    run as another user.

    Args:
        native: The session.
        sender: The process, as frames name it.
        pid: What it says of itself, where the session does not know it any more.
    """

    __slots__ = ("_known", "_native", "_peer", "_sender")

    def __init__(self, native: _kernel.Session, sender: tuple[int, int], pid: int = 0) -> None:
        self._native, self._sender = native, sender
        self._known = native.process_of(sender)
        self._peer: Peer | None = None if self._known else Peer(pid, None, None)

    @property
    def peer(self) -> Peer:
        """Its pid, uid and program, as Linux knows them."""
        if self._peer is None:
            assert self._known is not None
            peer = identify(*self._known)
            stays = self._native.process_of(self._sender) == self._known
            self._peer = peer if stays else Peer(peer.pid, None, None)
        return self._peer

    def __reduce__(self) -> tuple[object, ...]:
        """Have Linux asked before an end goes to another process, which may be in another session."""
        return _known_sender, (self.peer,)


def _known_sender(peer: Peer) -> Sender:
    sender = Sender.__new__(Sender)
    sender._peer = peer
    return sender


def _read(directory: int, name: str) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return os.read(descriptor, 65536)
    finally:
        os.close(descriptor)


def _effective_user(status: bytes) -> int:
    _, _, users = status.partition(b"\nUid:")
    return int(users.split(None, 2)[1])  # after the real one


def _program(directory: int) -> str | None:
    try:
        return os.readlink("exe", dir_fd=directory)
    except OSError:
        return None
